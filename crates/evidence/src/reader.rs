//! Reads a log's directory, live or copied; never writes.
//!
//! A reader gives what is committed and nothing else: a batch that is being written, or
//! that a stopped machine left behind, is not there. It checks tree roots as it goes but
//! is no verifier; see [`crate::verify`].

use crate::disk::{Disk as _, RealDisk};
use crate::frame::{Kind, segment_name};
use crate::keys::{self, AuditorKey};
use crate::recorder::share_info;
use crate::recover::segment_numbers;
use crate::seal::PayloadKey;
use crate::segment::{self, is_unused};
use crate::vkey::VerifierKey;
use crate::{Error, hpke, keyring};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Event, Record, SessionId};
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Time {
    at_us: u64,
}

/// The time in a leaf; 0 where it is not a record.
pub(crate) fn leaf_time(leaf: &[u8]) -> u64 {
    serde_json::from_slice(leaf).map_or(0, |time: Time| time.at_us)
}

/// A committed leaf as it lies in the log.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its place in the tree.
    pub index: u64,
    /// The number of its segment.
    pub segment: u64,
    /// Where its frame begins there.
    pub offset: u64,
    /// The leaf, verbatim.
    pub leaf: &'a [u8],
    /// The sealed bytes that it vouches for.
    pub sealed: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// Reads the leaf.
    ///
    /// # Errors
    /// It is not a record of this version's vocabulary.
    pub fn record(&self) -> Result<Record, Error> {
        serde_json::from_slice(self.leaf).map_err(|error| Error::Damaged {
            file: segment_name(self.segment),
            offset: self.offset,
            what: format!("record {} cannot be read: {error}", self.index),
        })
    }
}

/// A log's directory, open for reading.
#[derive(Debug)]
pub struct LogReader {
    pub(crate) dir: PathBuf,
    key: VerifierKey,
}

impl LogReader {
    /// Opens a directory with the public key that lies in it.
    ///
    /// # Errors
    /// There is no log there.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Ok(Self { dir: dir.to_owned(), key: keys::load_public(dir)? })
    }

    /// The log's public key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Visits every committed leaf in order, until told to stop. Gives the signed
    /// checkpoint that covers what was visited.
    ///
    /// # Errors
    /// A segment is missing, or is not what a gateway wrote.
    pub fn for_each(
        &self,
        visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<String>, Error> {
        self.for_each_from(0, visit)
    }

    /// [`Self::for_each`] from a segment on.
    pub(crate) fn for_each_from(
        &self,
        first: u64,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<String>, Error> {
        let mut note = None;
        let numbers = segment_numbers(&RealDisk::new(&self.dir))?;
        for number in numbers.into_iter().skip_while(|number| *number < first) {
            let path = self.dir.join(segment_name(number));
            let bytes = std::fs::read(&path).map_err(|error| Error::store("read", &path, error))?;
            if is_unused(&bytes) {
                break;
            }
            let (flow, last) = self.visit_segment(number, &bytes, &mut visit)?;
            note = last.or(note);
            if flow.is_break() {
                break;
            }
        }
        Ok(note)
    }

    fn visit_segment(
        &self,
        number: u64,
        bytes: &[u8],
        visit: &mut impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(ControlFlow<()>, Option<String>), Error> {
        let mut frames = Vec::new();
        let committed = segment::walk(bytes, &self.key, |frame| {
            if matches!(frame.kind, Kind::Leaf | Kind::Payload) {
                frames.push((frame.kind, frame.offset, frame.body));
            }
        });
        let Some(committed) = committed else {
            // The first batch of a new segment may be on its way.
            return Ok((ControlFlow::Break(()), None));
        };
        let mut index = committed.head.size;
        let mut frames = frames.into_iter().peekable();
        while let Some((kind, offset, leaf)) = frames.next() {
            if kind != Kind::Leaf {
                continue;
            }
            let sealed = frames.next_if(|(kind, ..)| *kind == Kind::Payload).map(|(_, _, b)| b);
            let entry = Entry { index, segment: number, offset: offset as u64, leaf, sealed };
            if visit(entry)?.is_break() {
                return Ok((ControlFlow::Break(()), committed.note));
            }
            index += 1;
        }
        Ok((ControlFlow::Continue(()), committed.note))
    }
}

/// Opens recordings: holds the auditors' key, and finds the gateway's shares.
pub struct Opener {
    dir: PathBuf,
    auditor: AuditorKey,
    keys: HashMap<SessionId, PayloadKey>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opener({}, {} sessions)", self.dir.display(), self.keys.len())
    }
}

impl Opener {
    /// An opener for the log in `dir`.
    #[must_use]
    pub fn new(dir: &Path, auditor: AuditorKey) -> Self {
        Self { dir: dir.to_owned(), auditor, keys: HashMap::new() }
    }

    /// Opens the bytes that `record` vouches for; `None` where it vouches for none.
    ///
    /// It must see a session's records from the first: that one holds the key's share.
    ///
    /// # Errors
    /// [`Error::Unreadable`]: a share is missing or destroyed, or the bytes are not
    /// what was sealed.
    pub fn open(
        &mut self,
        record: &Record,
        sealed: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(session) = record.session else { return Ok(None) };
        if let Event::RecordingKey { share } = &record.event {
            let key = self.key(session, share)?;
            self.keys.insert(session, key);
        }
        let Some(payload) = &record.payload else { return Ok(None) };
        let key =
            self.keys.get(&session).ok_or(Error::Unreadable { what: "its key is unknown" })?;
        let sealed = sealed.ok_or(Error::Unreadable { what: "its sealed bytes are gone" })?;
        key.open(record.seq, payload.direction, sealed, payload.bytes).map(Some)
    }

    fn key(&self, session: SessionId, share: &str) -> Result<PayloadKey, Error> {
        let sealed = BASE64
            .decode(share)
            .map_err(|_| Error::Unreadable { what: "the auditors' share is not base64" })?;
        let auditors = hpke::open(self.auditor.bytes(), &share_info(session), &sealed)?
            .try_into()
            .map_err(|_| Error::Unreadable { what: "the auditors' share is not 32 bytes" })?;
        let gateway = keyring::find(&RealDisk::new(&self.dir), session)
            .map_err(|error| Error::store("read the keyring of", &self.dir, error))?
            .ok_or(Error::Unreadable {
                what: "the gateway's share of its key is not in the keyring: \
                       it was shredded, or the keyring was not copied",
            })?;
        PayloadKey::from_shares(session, &auditors, &gateway.share)
    }
}

/// Where the auditors' private key of a log lies until someone moves it.
#[must_use]
pub fn auditor_key_path(dir: &Path) -> PathBuf {
    dir.join(keys::AUDITOR_PRIVATE)
}

/// Whether a file of that name is there: what a directory of a log has at the least.
#[must_use]
pub fn is_log(dir: &Path) -> bool {
    dir.join(keys::LOG_PUBLIC).exists()
        || RealDisk::new(dir).list("").is_ok_and(|names| {
            names.iter().any(|name| crate::frame::segment_number(name).is_some())
        })
}
