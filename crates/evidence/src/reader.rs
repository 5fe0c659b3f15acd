//! Reads a log's directory, live or copied; never writes.
//!
//! A reader gives what is committed and nothing else: a batch that is being written, or
//! that a stopped machine left behind, is not there. It checks tree roots as it goes but
//! is no verifier; see [`crate::verify`].

use crate::custody::{Custody, Destroyed};
use crate::disk::{Disk as _, RealDisk};
use crate::frame::{self, Kind, Next, segment_name};
use crate::keys::{self, AuditorKey};
use crate::layout::segment_numbers;
use crate::outline::Outline;
use crate::seal::{PayloadKey, SHARE_BYTES, share_info};
use crate::segment::{self, Head, is_unused};
use crate::vkey::VerifierKey;
use crate::{Error, hpke, keyring, months};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Direction, Event, PayloadRef, Record, SessionId};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs::TryLockError;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const KEY_UNKNOWN: Error = Error::Unreadable { what: "its key is unknown" };
const BYTES_GONE: Error = Error::Unreadable { what: "its sealed bytes are gone" };

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
        serde_json::from_slice(self.leaf).map_err(|error| self.damaged(&error))
    }

    /// Reads what the leaf begins with: whose it is. Many times faster than all of it.
    ///
    /// # Errors
    /// As [`Self::record`], as far as it looks.
    pub fn outline(&self) -> Result<Outline, Error> {
        Outline::of(self.leaf).map_err(|error| self.damaged(&error))
    }

    fn damaged(&self, error: &serde_json::Error) -> Error {
        Error::Damaged {
            file: segment_name(self.segment),
            offset: self.offset,
            what: format!("record {} cannot be read: {error}", self.index),
        }
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

    /// A reader that trusts a key from elsewhere.
    pub(crate) fn with_key(dir: &Path, key: VerifierKey) -> Self {
        Self { dir: dir.to_owned(), key }
    }

    /// The log's public key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The head of a segment: from where the tree goes on there.
    pub(crate) fn head(&self, number: u64) -> Result<Head, Error> {
        let file = segment_name(number);
        let bytes = self.read(number)?;
        let head = match frame::at(&bytes, 0) {
            Next::Frame(frame) if frame.kind == Kind::Head => Head::parse(frame.body, &self.key),
            Next::Frame(_) | Next::End | Next::Broken(_) => None,
        };
        let what = "it does not begin with a head of this log".to_owned();
        head.ok_or(Error::Damaged { file, offset: 0, what })
    }

    /// How many leaves came before the first segment that is here: above 0 in a log that
    /// was pruned.
    ///
    /// # Errors
    /// The first segment cannot be read.
    pub(crate) fn begins_at(&self) -> Result<u64, Error> {
        match self.numbers()?.first() {
            None | Some(1) => Ok(0),
            Some(first) => Ok(self.head(*first)?.size),
        }
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
        self.walk(0, visit, |_, _| {})
    }

    /// [`Self::for_each`] from a segment on.
    pub(crate) fn for_each_from(
        &self,
        first: u64,
        visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Option<String>, Error> {
        self.walk(first, visit, |_, _| {})
    }

    /// [`Self::for_each`], telling how many bytes of how many are done.
    ///
    /// # Errors
    /// As [`Self::for_each`].
    pub fn for_each_with_progress(
        &self,
        visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
        progress: impl FnMut(u64, u64),
    ) -> Result<Option<String>, Error> {
        self.walk(0, visit, progress)
    }

    fn walk(
        &self,
        first: u64,
        mut visit: impl FnMut(Entry<'_>) -> Result<ControlFlow<()>, Error>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Option<String>, Error> {
        let (mut note, mut done) = (None, 0);
        let mut numbers = self.numbers()?;
        numbers.retain(|number| *number >= first);
        let length = |number: &u64| {
            std::fs::metadata(self.dir.join(segment_name(*number))).map_or(0, |meta| meta.len())
        };
        let total = numbers.iter().map(length).sum();
        for number in numbers {
            let bytes = self.read(number)?;
            if is_unused(&bytes) {
                break;
            }
            let (flow, last) = self.visit_segment(number, &bytes, &mut visit)?;
            note = last.or(note);
            if flow.is_break() {
                break;
            }
            done += bytes.len() as u64;
            progress(done, total);
        }
        Ok(note)
    }

    /// Visits every committed leaf of the last segments first, segment by segment; within
    /// one they come in order. For what is looked for at the end of a long log.
    ///
    /// # Errors
    /// As [`Self::for_each`].
    pub(crate) fn for_each_segment_from_the_end(
        &self,
        mut visit: impl FnMut(Entry<'_>) -> Result<(), Error>,
        mut is_found: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        for number in self.numbers()?.into_iter().rev() {
            let bytes = self.read(number)?;
            if is_unused(&bytes) {
                continue;
            }
            let _ = self.visit_segment(number, &bytes, &mut |entry| {
                visit(entry)?;
                Ok(ControlFlow::Continue(()))
            })?;
            if is_found() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn numbers(&self) -> Result<Vec<u64>, Error> {
        segment_numbers(&RealDisk::new(&self.dir))
    }

    pub(crate) fn read(&self, number: u64) -> Result<Vec<u8>, Error> {
        let path = self.dir.join(segment_name(number));
        std::fs::read(&path).map_err(|error| Error::store("read", &path, error))
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
    keys: HashMap<SessionId, SessionKeys>,
    /// The gateway's shares, as last read.
    shares: HashMap<SessionId, [u8; SHARE_BYTES]>,
    months: HashMap<String, Option<[u8; SHARE_BYTES]>>,
    /// What the log says was destroyed; read when the first key is needed.
    destroyed: OnceCell<HashMap<SessionId, Destroyed>>,
}

/// The shares of a session's keys, and the key of its recording.
struct SessionKeys {
    auditors: [u8; SHARE_BYTES],
    keyring: [u8; SHARE_BYTES],
    recording: PayloadKey,
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
        Self {
            dir: dir.to_owned(),
            auditor,
            keys: HashMap::new(),
            shares: HashMap::new(),
            months: HashMap::new(),
            destroyed: OnceCell::new(),
        }
    }

    /// Opens the bytes that passed, which `record` vouches for; `None` where there are none.
    ///
    /// It must see a session's records from the first: that one holds the key's share.
    ///
    /// # Errors
    /// [`Error::Shredded`]: the log says that the recording was destroyed, and that counts
    /// wherever a share may come from. [`Error::Erased`]: the gateway's share is not there.
    /// [`Error::Unreadable`]: the auditors' key does not fit, or the bytes are not what was
    /// sealed.
    pub fn open(
        &mut self,
        record: &Record,
        sealed: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(session) = record.session else {
            // The sessions of a gateway that has ended go on no more.
            if let Event::GatewayStarted { .. } = record.event {
                self.keys.clear();
            }
            return Ok(None);
        };
        match &record.event {
            Event::RecordingKey { share } => {
                let key = self.key(session, share)?;
                self.keys.insert(session, key);
            }
            Event::SessionClosed { .. } => drop(self.keys.remove(&session)),
            _ => {}
        }
        let passed = |payload: &&PayloadRef| payload.direction != Direction::Subjects;
        let Some(payload) = record.payload.as_ref().filter(passed) else { return Ok(None) };
        let key = &self.keys_of(session)?.recording;
        let sealed = sealed.ok_or(BYTES_GONE)?;
        key.open(record.seq, payload.direction, sealed, payload.bytes).map(Some)
    }

    /// Opens the tokens of the data subjects that `record` vouches for; `None` where it
    /// vouches for none. [`Self::open`] must have seen the session's first record.
    ///
    /// # Errors
    /// As [`Self::open`]; the month's share may be missing or destroyed, too.
    pub fn open_subjects(
        &mut self,
        record: &Record,
        sealed: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let of_subjects = |payload: &&PayloadRef| payload.direction == Direction::Subjects;
        let Some(payload) = record.payload.as_ref().filter(of_subjects) else { return Ok(None) };
        let Some(session) = record.session else { return Ok(None) };
        let month = months::month_of(record.at_us);
        let share = match self.months.get(&month) {
            Some(known) => *known,
            None => {
                let disk = RealDisk::new(&self.dir);
                let found = months::find(&disk, &months::month_file(&month))
                    .map_err(|error| Error::store("read the keyring of", &self.dir, error))?;
                self.months.insert(month, found);
                found
            }
        };
        let share = share.ok_or(Error::Unreadable {
            what: "the month's share of the index of data subjects is not in the keyring",
        })?;
        let keys = self.keys_of(session)?;
        let key = PayloadKey::of_subjects(session, &keys.auditors, &keys.keyring, &share)?;
        let sealed = sealed.ok_or(BYTES_GONE)?;
        key.open(record.seq, payload.direction, sealed, payload.bytes).map(Some)
    }

    fn keys_of(&self, session: SessionId) -> Result<&SessionKeys, Error> {
        match self.keys.get(&session) {
            Some(keys) => Ok(keys),
            None => {
                self.refuse_destroyed(session)?;
                Err(KEY_UNKNOWN)
            }
        }
    }

    // SECURITY: a keyring restored from an old backup brings destroyed shares back. The
    // record of the destruction stands above them.
    fn refuse_destroyed(&self, session: SessionId) -> Result<(), Error> {
        let destroyed = match self.destroyed.get() {
            Some(known) => known,
            None => {
                let read = Custody::read(&self.dir)?.destroyed;
                self.destroyed.get_or_init(|| read)
            }
        };
        match destroyed.get(&session) {
            None => Ok(()),
            Some(Destroyed { why, by, .. }) => {
                Err(Error::Shredded { session, by: by.clone(), why: why.clone() })
            }
        }
    }

    fn key(&mut self, session: SessionId, share: &str) -> Result<SessionKeys, Error> {
        self.refuse_destroyed(session)?;
        let sealed = BASE64
            .decode(share)
            .map_err(|_| Error::Unreadable { what: "the auditors' share is not base64" })?;
        let auditors = hpke::open(self.auditor.bytes(), &share_info(session), &sealed)?
            .try_into()
            .map_err(|_| Error::Unreadable { what: "the auditors' share is not 32 bytes" })?;
        let keyring = self.share(session)?.ok_or(Error::Erased)?;
        let recording = PayloadKey::from_shares(session, &auditors, &keyring)?;
        Ok(SessionKeys { auditors, keyring, recording })
    }

    /// The gateway's share. The keyring is read once, and again for a session that began
    /// since then.
    fn share(&mut self, session: SessionId) -> Result<Option<[u8; SHARE_BYTES]>, Error> {
        if !self.shares.contains_key(&session) {
            self.shares = keyring::shares(&RealDisk::new(&self.dir))
                .map_err(|error| Error::store("read the keyring of", &self.dir, error))?;
        }
        Ok(self.shares.get(&session).copied())
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

/// Whether a gateway is writing this log now.
#[must_use]
pub fn is_live(dir: &Path) -> bool {
    let lock = std::fs::File::open(dir.join(crate::layout::LOCK_FILE));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
