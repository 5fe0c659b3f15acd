//! One session in one file, with proofs: `docs/formats/evidence-bundle.md`.
//!
//! The file can be given away without the rest of the log. It holds the session's records
//! verbatim, the proof of each against one checkpoint, and the sealed payloads; it does not
//! hold the gateway's share of their key, so that destroying the share still destroys them.

use crate::error::Error;
use crate::reader::log_reader::LogReader;
use crate::tlog::merkle::Hash;
use crate::tlog::note::Checkpoint;
use crate::witness::Witnessed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::SessionId;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

pub(crate) const FORMAT: &str = "portreeve-bundle-1";

/// The first line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) format: String,
    /// The log's public key.
    pub(crate) key: String,
    pub(crate) session: SessionId,
    /// How many lines follow.
    pub(crate) records: u64,
    /// The signed note that every proof is against.
    pub(crate) checkpoint: String,
}

/// A line after the first: one record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) index: u64,
    /// The record verbatim: its hash is over these bytes.
    pub(crate) leaf: String,
    /// The audit path, base64, from the leaf's sibling up.
    pub(crate) proof: Vec<String>,
    /// The sealed bytes that the record vouches for, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<String>,
}

impl Line {
    pub(crate) fn path(&self) -> Option<Vec<Hash>> {
        let hash = |text: &String| BASE64.decode(text).ok()?.try_into().ok();
        self.proof.iter().map(hash).collect()
    }
}

/// What a bundle holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Bundled {
    /// The session's records.
    pub records: u64,
    /// How many of them have sealed bytes.
    pub payloads: u64,
    /// The size of the tree that the proofs are against.
    pub tree_records: u64,
    /// Whether witnesses have cosigned that tree.
    pub witnessed: bool,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    session: Option<SessionId>,
}

/// Chooses the checkpoint that proves the records up to `last`: the witnessed one where it
/// covers them, else the newest. Says which it is.
///
/// # Errors
/// The log is empty or cannot be read, or the witnessed checkpoint is not of this log.
pub fn checkpoint_for(reader: &LogReader, last: u64) -> Result<(String, bool), Error> {
    if let Some(witnessed) = Witnessed::load(&reader.dir, reader.key())?
        && witnessed.checkpoint.size > last
    {
        return Ok((witnessed.note, true));
    }
    let newest = reader.newest_checkpoint()?;
    let newest = newest.ok_or_else(|| Error::Absent { what: "the log is empty".to_owned() })?;
    Ok((newest, false))
}

/// Writes a session's bundle from the log in `dir`. `progress` hears how many of how many
/// records of the log were looked at.
///
/// # Errors
/// There is no such session, the log cannot be read or does not have the root of its own
/// checkpoint, or `out` cannot be written.
pub fn write_bundle(
    dir: &Path,
    session: SessionId,
    out: &mut dyn Write,
    mut progress: impl FnMut(u64, u64),
) -> Result<Bundled, Error> {
    let reader = LogReader::open(dir)?;
    let total = reader
        .newest_checkpoint()?
        .and_then(|note| Checkpoint::unverified(&note))
        .map_or(0, |newest| newest.size);
    let mut indexes = Vec::new();
    reader.for_each(|entry| {
        progress(entry.index, total);
        let owner = serde_json::from_slice(entry.leaf).map(|owner: Owner| owner.session);
        if owner.is_ok_and(|owner| owner == Some(session)) {
            indexes.push(entry.index);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let (Some(first), Some(last)) = (indexes.first(), indexes.last()) else {
        return Err(Error::Absent { what: format!("there is no session {session} in the log") });
    };
    let (note, witnessed) = checkpoint_for(&reader, *last)?;
    let checkpoint = reader.key().open(&note).ok_or(Error::Damaged {
        file: "the last footer".to_owned(),
        offset: 0,
        what: "its checkpoint is not signed by the log's key".to_owned(),
    })?;
    let header = Header {
        format: FORMAT.to_owned(),
        key: reader.key().to_string(),
        session,
        records: indexes.len() as u64,
        checkpoint: note,
    };
    write_line(out, &header)?;
    let mut proofs = reader.inclusion(&indexes, &checkpoint)?.into_iter().peekable();
    let mut payloads = 0;
    reader.for_each_since(*first, |entry| {
        let Some(proof) = proofs.next_if(|proof| proof.index == entry.index) else {
            return Ok(ControlFlow::Continue(()));
        };
        payloads += u64::from(entry.sealed.is_some());
        let line = Line {
            index: entry.index,
            leaf: String::from_utf8_lossy(entry.leaf).into_owned(),
            proof: proof.path.iter().map(|hash| BASE64.encode(hash)).collect(),
            sealed: entry.sealed.map(|bytes| BASE64.encode(bytes)),
        };
        write_line(out, &line)?;
        Ok(match proofs.peek() {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        })
    })?;
    let records = indexes.len() as u64;
    Ok(Bundled { records, payloads, tree_records: checkpoint.size, witnessed })
}

fn write_line(out: &mut dyn Write, line: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *out, line)
        .map_err(io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .map_err(|error| Error::store("write", Path::new("the bundle"), error))
}
