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
//! Without the feature `writer` (on by default), nothing of what writes a log is compiled, and
//! without `recordings`, which it brings, nothing that opens a recording: that is what the
//! separate verifier links.
//!
//! What it is not: it decides nothing, talks to no network, and knows no protocol.
//! The byte formats are in `docs/formats/`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stdout))]
// Without the writer, who reads does not need all that both need.
#![cfg_attr(not(feature = "writer"), allow(dead_code, unused_imports))]

mod custody;
mod disk;
#[cfg(feature = "writer")]
mod erasure;
mod error;
mod extract;
mod format;
mod keys;
#[cfg(feature = "writer")]
mod log;
mod lookup;
mod reader;
mod tlog;
mod verify;
pub mod witness;

#[cfg(test)]
mod tests;

pub use custody::kept::{Due, Hold, RetentionStatus};
pub use custody::retention::Retention;
pub use disk::lock::is_live;
#[cfg(feature = "writer")]
pub use erasure::prune::Pruning;
#[cfg(feature = "writer")]
pub use erasure::reconcile::Reconciled;
#[cfg(feature = "writer")]
pub use erasure::replace::{Replaced, replace};
#[cfg(feature = "writer")]
pub use erasure::shred::{Mode, Shredding, Sweep, holds, preview};
pub use error::{Error, Sealed};
pub use extract::bundle::{Bundled, checkpoint_for, write_bundle};
pub use extract::report::{
    CITED_MAX, CitedRecord, REPORT_FORMAT, ReportProof, ReportTree, cite, report_digest,
    report_tree,
};
pub use extract::tiles::{Tiles, leaf_hashes, write_tiles};
pub use format::outline::Outline;
pub use format::policy_text::{PolicyTexts, policy_adoption};
pub use format::request::{RequestParts, request_events};
pub use format::response::response_events;
pub use keys::files::AuditorKey;
#[cfg(feature = "writer")]
pub use log::evidence_log::EvidenceLog;
#[cfg(feature = "writer")]
pub use log::health::{Health, HealthState};
#[cfg(feature = "writer")]
pub use log::options::Options;
#[cfg(feature = "writer")]
pub use log::receipt::Receipt;
#[cfg(feature = "writer")]
pub use log::recorder::SessionRecorder;
pub use lookup::exchange::ExchangeSummary;
pub use lookup::sessions::{SessionDetail, begun_with, detail, last_begun, list, shares};
#[cfg(feature = "recordings")]
pub use lookup::subjects::{
    Access, Accesses, Affected, Asked, Certainty, Token, Unknown, Window, accesses, affected,
    subject_key,
};
pub use lookup::summary::{Recording, SessionState, SessionSummary};
pub use reader::entry::Entry;
pub use reader::follow::Place;
pub use reader::log_reader::{LogReader, auditor_key_path, is_log};
#[cfg(feature = "recordings")]
pub use reader::opener::Opener;
pub use tlog::note::{Checkpoint, NOTE_BYTES_MAX};
pub use tlog::proof::{Inclusion, is_prefix};
pub use tlog::tlog_proof::TlogProof;
pub use tlog::vkey::{KeyKind, Signed, VerifierKey};
pub use tlog::{merkle, trust_policy};
pub use verify::extract::{ExtractKind, ExtractReport, verify_extract};
pub use verify::inspector::Inspector;
pub use verify::outline::Replacement;
pub use verify::report::{
    FINDINGS_MAX, Finding, Report, Severity, Status, Unclosed, WitnessReport,
};
pub use verify::trust::Trust;
pub use verify::verifier::{verify, verify_with};
