//! Pure decisions: what a statement does, whether policy allows it, how values are masked.
//!
//! No clock, no randomness, no files, no sockets: everything that a decision depends on
//! comes in as an argument, so that a recorded decision can be made again and compared.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod mask;
pub mod policy;
pub mod shell;
#[cfg(feature = "sql")]
pub mod sql;
