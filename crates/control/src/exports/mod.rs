//! The log for other systems: readers with a durable cursor each, at least once, never in the
//! data path.
//!
//! An export follows the log with a pass of its own ([`portreeve_reports::Walk`]), turns what it
//! sees into events (`event`), writes them in the words of the receiver (`encode`) and hands
//! them over (`sinks`). Only what the receiver has taken moves the cursor: while it is away,
//! the log waits on the disk. A receiver can get an event twice and tells by its id.

mod cursor;
mod encode;
mod event;
mod redact;
mod sinks;
mod task;

pub use crate::config::{Encoding, Redaction};
pub use task::{ExportStatus, Exports};
