//! Opens recordings: needs the auditors' key, and the gateway's shares.

use crate::custody::kept::Destroyed;
use crate::custody::state::Custody;
use crate::disk::storage::RealDisk;
use crate::error::Error;
use crate::keys::files::AuditorKey;
use crate::keys::seal::{PayloadKey, SHARE_BYTES, share_info};
use crate::keys::{hpke, keyring, months};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Direction, Event, PayloadRef, Record, SessionId};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const KEY_UNKNOWN: Error = Error::Unreadable { what: "its key is unknown" };
const BYTES_GONE: Error = Error::Unreadable { what: "its sealed bytes are gone" };

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
