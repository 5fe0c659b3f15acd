//! Server messages → masked replies: what is expected next, and what each message does.
//!
//! The server answers in order, so the replies still owed are a queue. A message that
//! does not fit the head of the queue ends the session: it could carry anything.
//!
//! [`ReplyMachine`] is a value: it is fed expectations and messages and says what passes.
//! It alone knows what the server has said, names and transaction state included; the
//! request side reads that and writes none of it.

mod asynchronous;
#[cfg(test)]
mod canary;
mod completed;
mod copy;
mod expect;
mod guard;
mod machine;
mod parameters;
mod rows;
mod running;
#[cfg(test)]
mod table;

pub(crate) use expect::{AskedBy, Expect, ExpectedResult};
pub(crate) use machine::{Chunk, ReplyMachine, Status};
pub(crate) use parameters::Greeting;
pub(crate) use running::CopyEnd;
