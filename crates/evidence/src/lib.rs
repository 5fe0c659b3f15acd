//! The append-only, signed, sealed record of what passed (floor 2).
//!
//! What this crate promises:
//!
//! - What a [`Receipt`] called durable is in the log after any crash.
//! - Everything in the log is covered by a signed RFC 6962 tree root, so that a
//!   change, a removal or a swap is found by [`verify`] with public keys alone.
//! - The bytes that passed are sealed under a key per session that needs two
//!   shares; destroying one erases the recording, and every proof still holds.
//! - An append or a sync that fails seals the log for good. Nothing is retried.
//!
//! What it is not: it decides nothing, talks to no network, and knows no protocol.
//! The byte formats are in `docs/formats/`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stdout))]

mod clock;
mod disk;
mod error;
mod frame;
mod health;
mod hpke;
mod journal;
mod keyring;
mod keys;
mod log;
pub mod merkle;
mod note;
mod outline;
mod reader;
mod recorder;
mod recover;
mod reserve;
mod scan;
mod seal;
mod segment;
mod sessions;
mod tiles;
mod verify;

#[cfg(test)]
mod tests;

pub use error::{Error, Sealed};
pub use health::{Health, HealthState};
pub use keys::AuditorKey;
pub use log::{EvidenceLog, Options};
pub use note::{Checkpoint, VerifierKey};
pub use outline::Outline;
pub use reader::{Entry, LogReader, Opener, auditor_key_path, is_log};
pub use recorder::{Receipt, SessionRecorder};
pub use sessions::{
    ExchangeSummary, Recording, SessionDetail, SessionState, SessionSummary, begun_with, detail,
    last_begun, list,
};
pub use tiles::{Tiles, write_tiles};
pub use verify::{
    FINDINGS_MAX, Finding, Report, Severity, Status, Trust, Unclosed, verify, verify_with_progress,
};
