//! Decides every recorded decision again, and the command that verifies (floor 3).
//!
//! The evidence holds what decisions are made of: who asked, through whom and why; what
//! was asked of which columns of which categories; the hour; the rows so far; and the text
//! of the policies. Deciding is pure, so whoever has the evidence can decide again and
//! compare. A gateway that was changed to let pass what its policies forbid cannot record
//! that without being seen here; one that records another question than it was asked can,
//! as far as the recording of the question itself does not show it.
//!
//! It checks no signature and no hash itself: [`portreeve_evidence::verify`] does, and hands
//! over what it has read.
//!
//! The binary `portreeve-verify` of this crate links `model`, the policy half of `decide`
//! and the reading half of `evidence`: nothing that writes a log, no protocol.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adopted;
pub mod command;
mod decisions;
mod running;
pub mod text;

pub use decisions::Decisions;
