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
//! Without the feature `writer` (on by default), nothing of what writes a log is compiled:
//! that is what the separate verifier links.
//!
//! What it is not: it decides nothing, talks to no network, and knows no protocol.
//! The byte formats are in `docs/formats/`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stdout))]
// Without the writer, who reads does not need all that both need.
#![cfg_attr(not(feature = "writer"), allow(dead_code, unused_imports))]

mod bundle;
#[cfg(feature = "writer")]
mod clock;
mod custody;
mod disk;
#[cfg(feature = "writer")]
mod erase;
mod error;
mod frame;
#[cfg(feature = "writer")]
mod health;
mod hpke;
#[cfg(feature = "writer")]
mod journal;
mod keyring;
mod keys;
mod layout;
#[cfg(feature = "writer")]
mod log;
pub mod merkle;
mod months;
mod note;
mod outline;
mod policy;
mod proofs;
#[cfg(feature = "writer")]
mod prune;
mod reader;
#[cfg(feature = "writer")]
mod recorder;
#[cfg(feature = "writer")]
mod recover;
#[cfg(feature = "writer")]
mod replace;
#[cfg(feature = "writer")]
mod reserve;
mod retention;
mod scan;
mod seal;
mod segment;
mod sessions;
#[cfg(feature = "writer")]
mod signer;
mod subjects;
mod tiles;
mod tlog_proof;
pub mod trust_policy;
mod verify;
mod vkey;
pub mod witness;

#[cfg(test)]
mod tests;

pub use bundle::{Bundled, checkpoint_for, write_bundle};
pub use custody::{Due, Hold, Standing};
#[cfg(feature = "writer")]
pub use erase::{Mode, Settled, Shredding, Sweep, holds, preview};
pub use error::{Error, Sealed};
#[cfg(feature = "writer")]
pub use health::{Health, HealthState};
pub use keys::AuditorKey;
#[cfg(feature = "writer")]
pub use log::{EvidenceLog, Options};
pub use note::{Checkpoint, NOTE_BYTES_MAX};
pub use outline::Outline;
pub use policy::{PolicyTexts, policy_adoption};
pub use proofs::{Inclusion, is_prefix};
#[cfg(feature = "writer")]
pub use prune::Pruning;
pub use reader::{Entry, LogReader, Opener, auditor_key_path, is_live, is_log};
#[cfg(feature = "writer")]
pub use recorder::{Receipt, SessionRecorder};
#[cfg(feature = "writer")]
pub use replace::{Replaced, replace};
pub use retention::Retention;
pub use sessions::{
    ExchangeSummary, Recording, SessionDetail, SessionState, SessionSummary, begun_with, detail,
    last_begun, list,
};
pub use subjects::{
    Access, Accesses, Affected, Asked, Token, Unknown, Window, accesses, affected, subject_key,
};
pub use tiles::{Tiles, leaf_hashes, write_tiles};
pub use tlog_proof::TlogProof;
pub use verify::{
    ExtractKind, ExtractReport, FINDINGS_MAX, Finding, Inspector, Replacement, Report, Severity,
    Status, Trust, Unclosed, WitnessReport, verify, verify_extract, verify_with,
};
pub use vkey::{KeyKind, Signed, VerifierKey};
