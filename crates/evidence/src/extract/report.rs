//! The proof block of a report: `docs/formats/report.md`.
//!
//! A report is one JSON object. Its member `proof` says over which records it was made, and
//! holds the digest of all other members and the records that it cites, each proven. Whether
//! its numbers follow from the log, only who makes it again from the log can say.

use crate::error::Error;
use crate::extract::bundle::checkpoint_for;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::{Hash, sha256};
use crate::tlog::note::Checkpoint;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::Digest;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// The format that reports name.
pub const REPORT_FORMAT: &str = "portreeve-report-1";

/// The most records that a report cites.
pub const CITED_MAX: usize = 1_000;

/// Which part of a log a report was made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportProof {
    /// The log's public key.
    pub key: String,
    /// The first record that was there.
    pub first: u64,
    /// The signed note of the tree whose records were read, all of them.
    pub checkpoint: String,
    /// SHA-256 of the report without this block, as compact JSON.
    pub digest: Digest,
    /// Records that the report names, each proven to be in the tree.
    pub cited: Vec<CitedRecord>,
}

/// A record that a report names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitedRecord {
    /// Its place in the log.
    pub index: u64,
    /// The record verbatim: its hash is over these bytes.
    pub leaf: String,
    /// The audit path, base64, from the leaf's sibling up.
    pub proof: Vec<String>,
}

impl CitedRecord {
    pub(crate) fn path(&self) -> Option<Vec<Hash>> {
        let hash = |text: &String| BASE64.decode(text).ok()?.try_into().ok();
        self.proof.iter().map(hash).collect()
    }
}

/// A tree that a report is made from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportTree {
    /// The signed note.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Whether witnesses have cosigned it.
    pub is_witnessed: bool,
    /// The first record that is still there.
    pub first: u64,
}

/// The newest tree of a log: the witnessed one where it has all records.
///
/// # Errors
/// The log is empty or cannot be read.
pub fn report_tree(reader: &LogReader) -> Result<ReportTree, Error> {
    let newest = reader.newest_checkpoint()?;
    let newest = newest.as_deref().and_then(Checkpoint::unverified);
    let newest = newest.ok_or_else(|| Error::Absent { what: "the log is empty".to_owned() })?;
    let (note, is_witnessed) = checkpoint_for(reader, newest.size.saturating_sub(1))?;
    let checkpoint = reader.key().open(&note).ok_or_else(|| Error::Damaged {
        file: "the last footer".to_owned(),
        offset: 0,
        what: "its checkpoint is not signed by the log's key".to_owned(),
    })?;
    Ok(ReportTree { note, checkpoint, is_witnessed, first: reader.begins_at()? })
}

/// The digest of a report: of all its members but `proof`.
#[must_use]
pub fn report_digest(report: &serde_json::Map<String, serde_json::Value>) -> Digest {
    let mut body = report.clone();
    body.shift_remove("proof");
    Digest(sha256(serde_json::Value::Object(body).to_string().as_bytes()))
}

/// The proofs of records in a tree; of more than [`CITED_MAX`] the first ones.
///
/// # Errors
/// One is not there any more, or the log cannot be read or is not that of the tree.
pub fn cite(
    reader: &LogReader,
    tree: &ReportTree,
    indexes: &[u64],
) -> Result<Vec<CitedRecord>, Error> {
    let mut indexes: Vec<u64> = indexes.to_vec();
    indexes.sort_unstable();
    indexes.dedup();
    indexes.truncate(CITED_MAX);
    let Some(first) = indexes.first() else { return Ok(Vec::new()) };
    let mut proofs = reader.inclusion(&indexes, &tree.checkpoint)?.into_iter().peekable();
    let mut cited = Vec::new();
    reader.for_each_since(*first, |entry| {
        if let Some(proof) = proofs.next_if(|proof| proof.index == entry.index) {
            cited.push(CitedRecord {
                index: entry.index,
                leaf: String::from_utf8_lossy(entry.leaf).into_owned(),
                proof: proof.path.iter().map(|hash| BASE64.encode(hash)).collect(),
            });
        }
        Ok(match proofs.peek() {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        })
    })?;
    Ok(cited)
}
