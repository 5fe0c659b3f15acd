//! Client messages → requests: which messages make one request, and what each of them
//! needs.
//!
//! [`Assembler`] is a value: it is fed one message at a time, and says whether more is
//! needed, a request is complete, or the catalog has to be read again first. It reads what
//! the reply side knows of names and transaction state, and writes none of it.

mod assembler;
mod batch;
mod content;
mod copy_in;
mod effects;
#[cfg(test)]
mod phases;
mod settings;
mod statements;
#[cfg(test)]
mod table;

#[cfg(test)]
pub(crate) use assembler::Upcoming;
pub(crate) use assembler::{Assembler, Helps, Step};
pub(crate) use batch::{
    Accepted, CopyShape, Ends, FailingName, MessageBatch, failing_query, flush,
};
pub(crate) use content::in_words;
pub(crate) use copy_in::{CopyFault, CopyIn, CopyStep, give_up};
pub(crate) use settings::SettingName;
