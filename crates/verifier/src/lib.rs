//! Decides every recorded decision again (floor 3).
//!
//! The evidence holds what decisions are made of: who asked, through whom and why; what
//! was asked of which columns of which categories; the hour; the rows so far; and the text
//! of the policies. Deciding is pure, so whoever has the evidence can decide again and
//! compare. A gateway that was changed to let pass what its policies forbid cannot record
//! that without being seen here; one that records another question than it was asked can,
//! as far as the recording of the question itself does not show it.
//!
//! What it is not: it checks no signature and no hash ([`portreeve_evidence::verify`]
//! does, and hands over what it has read), and it writes nothing.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adopted;
mod decisions;
mod running;

pub use decisions::Decisions;
