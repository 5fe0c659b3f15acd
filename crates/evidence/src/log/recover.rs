//! Opens a log's directory for writing: finds the last commit and clears what a stopped
//! machine left after it.
//!
//! It refuses rather than repairs. What a torn last write explains is cleared and
//! recorded; everything else is damage, and the log stays as it is.

use crate::disk::storage::{Disk, DiskFile};
use crate::error::Error;
use crate::format::frame::{self, segment_name};
use crate::format::layout::{HEAD_FILE, segment_numbers};
use crate::format::outline::Outline;
use crate::format::segment::{self, Committed, is_torn_write, is_unused};
use crate::keys::keyring::Keyring;
use crate::keys::mint::Keys;
use crate::log::journal::{Journal, OpenSegment};
use crate::log::reserve::Reserve;
use crate::tlog::merkle::Edge;
use crate::tlog::vkey::VerifierKey;
use std::path::Path;
use std::sync::Arc;

/// Bytes after the last commit that were cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cleared {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// A log that is ready to be written.
pub(crate) struct Recovered {
    pub(crate) journal: Journal,
    pub(crate) cleared: Vec<Cleared>,
    /// The latest time in the last segment.
    pub(crate) last_us: u64,
}

struct LastSegment {
    number: u64,
    file: Box<dyn DiskFile>,
    committed: Committed,
    last_us: u64,
}

/// Opens the log on `disk`.
pub(crate) fn recover(
    disk: Arc<dyn Disk>,
    keys: Keys,
    segment_bytes: u64,
    head: Option<&str>,
) -> Result<Recovered, Error> {
    let key = keys.signer.verifier();
    let mut cleared = Vec::new();
    let mut unused = Vec::new();
    let mut last = None;
    let numbers = segment_numbers(disk.as_ref())?;
    let next_free = numbers.last().map_or(1, |number| number + 1);
    for number in numbers.into_iter().rev() {
        let path = segment_name(number);
        let store = |error| Error::store("read", Path::new(&path), error);
        let bytes = disk.read(&path).map_err(store)?;
        let mut file = disk.open(&path).map_err(store)?;
        if is_unused(&bytes) {
            unused.push((number, file, bytes.len() as u64));
            continue;
        }
        let mut last_us = 0;
        let committed = segment::walk(&bytes, &key, |frame| {
            if frame.kind == frame::Kind::Leaf {
                let at_us = Outline::of(frame.body).map_or(0, |outline| outline.at_us);
                last_us = last_us.max(at_us);
            }
        });
        let end = committed.as_ref().map_or(0, |committed| committed.end);
        cleared.extend(clear_tail(file.as_mut(), number, &bytes, end, &key)?);
        match committed.filter(|committed| committed.end > 0) {
            Some(committed) => {
                write_again(file.as_mut(), &path, &bytes, committed.end)?;
                last = Some(LastSegment { number, file, committed, last_us });
                break;
            }
            None => unused.push((number, file, bytes.len() as u64)),
        }
    }
    if last.is_none() && next_free > 1 && unused.last().is_some_and(|(number, ..)| *number > 1) {
        return Err(damaged(unused.last().map_or(1, |u| u.0), 0, "nothing before it is there"));
    }
    let edge = last.as_ref().map(|last| last.committed.edge.clone()).unwrap_or_default();
    compare_with_head(&edge, head, &key)?;
    let first_unused = last.as_ref().map_or(1, |last| last.number + 1);
    let ready = keep_whole(disk.as_ref(), unused, segment_bytes)?;
    let reserve = Reserve::new(disk.clone(), segment_bytes, first_unused, ready);
    let keyring = Keyring::open(disk.as_ref())
        .map_err(|error| Error::store("open", Path::new("keyring"), error))?;
    let last_us = last.as_ref().map_or(0, |last| last.last_us);
    let note = last.as_ref().and_then(|last| last.committed.note.clone());
    let segment = last.map(|last| OpenSegment { file: last.file, used: last.committed.end as u64 });
    let journal = Journal {
        disk,
        key_text: key.to_string(),
        signer: keys.signer,
        segment_bytes,
        reserve: Arc::new(reserve),
        keyring,
        edge,
        note,
        segment,
        out: Vec::new(),
    };
    Ok(Recovered { journal, cleared, last_us })
}

fn damaged(segment: u64, offset: u64, what: &str) -> Error {
    Error::Damaged { file: segment_name(segment), offset, what: what.to_owned() }
}

/// Zeroes what lies after the last commit, if a torn write explains it.
fn clear_tail(
    file: &mut dyn DiskFile,
    number: u64,
    bytes: &[u8],
    end: usize,
    key: &VerifierKey,
) -> Result<Option<Cleared>, Error> {
    let tail = bytes.get(end..).unwrap_or_default();
    let Some(last) = tail.iter().rposition(|byte| *byte != 0) else { return Ok(None) };
    if !is_torn_write(bytes, end, key) {
        let what = "what was committed after this place no longer fits together";
        return Err(damaged(number, end as u64, what));
    }
    let name = segment_name(number);
    let store = |error| Error::store("write", Path::new(&name), error);
    file.write_at(end as u64, &vec![0; last + 1]).map_err(store)?;
    file.sync().map_err(store)?;
    Ok(Some(Cleared { segment: number, offset: end as u64, bytes: last as u64 + 1 }))
}

/// Writes the committed part once more. After a sync that failed, what is read back may
/// be in memory only, and no later sync would carry it to the disk.
fn write_again(file: &mut dyn DiskFile, name: &str, bytes: &[u8], end: usize) -> Result<(), Error> {
    let committed = bytes.get(..end).unwrap_or(bytes);
    file.write_at(0, committed)
        .and_then(|()| file.sync())
        .map_err(|error| Error::store("write", Path::new(name), error))
}

/// Keeps the prepared segments that are whole and follow one another; removes others.
fn keep_whole(
    disk: &dyn Disk,
    unused: Vec<(u64, Box<dyn DiskFile>, u64)>,
    segment_bytes: u64,
) -> Result<Vec<Box<dyn DiskFile>>, Error> {
    let mut ready = Vec::new();
    let mut whole = true;
    let mut surplus = Vec::new();
    for (number, file, length) in unused.into_iter().rev() {
        whole &= length == segment_bytes;
        match whole {
            true => ready.push(file),
            false => surplus.push(number),
        }
    }
    // From the last to the first, so that no stop in between leaves a gap.
    for number in surplus.into_iter().rev() {
        let name = segment_name(number);
        disk.remove(&name).map_err(|error| Error::store("remove", Path::new(&name), error))?;
    }
    disk.sync_folder("").map_err(|error| Error::store("sync", Path::new("evidence"), error))?;
    Ok(ready)
}

/// The head file is never ahead of the disk, so a log behind it was cut.
fn compare_with_head(edge: &Edge, head: Option<&str>, key: &VerifierKey) -> Result<(), Error> {
    let Some(head) = head else { return Ok(()) };
    let Some(known) = key.open(head) else {
        return Err(Error::Damaged {
            file: HEAD_FILE.to_owned(),
            offset: 0,
            what: "it is not a checkpoint of this log".to_owned(),
        });
    };
    if known.size > edge.size() {
        return Err(Error::RolledBack { found: edge.size(), known: known.size });
    }
    if known.size == edge.size() && known.root != edge.root() {
        return Err(Error::Damaged {
            file: HEAD_FILE.to_owned(),
            offset: 0,
            what: "its root is not the log's".to_owned(),
        });
    }
    Ok(())
}
