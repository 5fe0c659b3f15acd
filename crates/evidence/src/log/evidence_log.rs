//! The evidence log as the gateway holds it: a handle on a queue, two threads, and what the
//! records say of custody.

use crate::custody::state::Custody;
use crate::disk::storage::Disk;
use crate::error::{Error, Sealed};
use crate::keys::months;
use crate::log::health::{Cause, Health, HealthState};
use crate::log::receipt::Receipt;
use crate::log::recorder::SessionRecorder;
use crate::log::reserve::Reserve;
use crate::log::shared::{Shared, lock};
use portreeve_model::{Event, SessionId};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The log. Clones share it.
#[derive(Clone)]
pub struct EvidenceLog {
    owner: Arc<Owner>,
}

impl std::fmt::Debug for EvidenceLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EvidenceLog({})", self.owner.dir.display())
    }
}

pub(super) struct Owner {
    dir: PathBuf,
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    /// What the records say; whoever changes that holds it until the change is recorded.
    custody: Mutex<Custody>,
    /// Whose segments tests count.
    #[cfg_attr(not(test), expect(dead_code, reason = "the maintenance thread has its own"))]
    reserve: Arc<Reserve>,
    /// In the order in which they end.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the log is closed; the system frees it when the process ends.
    _lock: File,
}

impl EvidenceLog {
    pub(super) fn new(owner: Owner) -> Self {
        Self { owner: Arc::new(owner) }
    }

    /// Begins to record a session; its key becomes durable with its first records.
    ///
    /// # Errors
    /// [`Error::Restricted`] or [`Error::Sealed`]: no session may begin.
    pub fn session(&self, id: SessionId) -> Result<SessionRecorder, Error> {
        let shared = &self.owner.shared;
        if let Some(sealed) = shared.health.sealed() {
            return Err(sealed.into());
        }
        match shared.health.state() {
            (HealthState::Healthy | HealthState::Warn, _) => {
                SessionRecorder::new(shared.clone(), id)
            }
            (HealthState::Restricted | HealthState::Sealed, reason) => {
                Err(Error::Restricted { reason: reason.unwrap_or_default() })
            }
        }
    }

    /// Records an event of no session.
    pub fn append(&self, event: Event) -> Receipt {
        self.append_all(vec![event])
    }

    /// Records events of no session, which become durable together or not at all.
    pub fn append_all(&self, events: Vec<Event>) -> Receipt {
        self.owner.shared.append(events)
    }

    pub(crate) fn custody_cell(&self) -> &Mutex<Custody> {
        &self.owner.custody
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        self.owner.disk.as_ref()
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.owner.dir
    }

    /// How many segments stand ready.
    #[cfg(test)]
    pub(crate) fn segments_ready(&self) -> usize {
        self.owner.reserve.count()
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.owner.shared.now_us()
    }

    /// The key of the tokens that stand for data subjects, if the keyring has one.
    ///
    /// # Errors
    /// The keyring cannot be read.
    pub fn subject_key(&self) -> Result<Option<[u8; 32]>, Error> {
        months::find(self.owner.disk.as_ref(), months::TOKENS)
            .map_err(|error| Error::store("read the keyring of", &self.owner.dir, error))
    }

    /// Keeps the installation's key of these tokens in the keyring, where auditors find it
    /// with the lists; returns the one that is there, which stays.
    ///
    /// # Errors
    /// It could not be kept, or was destroyed.
    pub fn keep_subject_key(&self, key: [u8; 32]) -> Result<[u8; 32], Error> {
        months::find_or_put(self.owner.disk.as_ref(), months::TOKENS, key).map_err(|error| {
            Error::store("keep the key for data subjects in", &self.owner.dir, error)
        })
    }

    /// The newest checkpoint that is durable, a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> Option<String> {
        self.owner.shared.note()
    }

    /// Warns, or stops warning, that witnesses have not seen the log for too long.
    pub fn set_unwitnessed(&self, why: Option<String>) {
        let state = why.map(|why| (HealthState::Warn, why));
        self.owner.shared.health.set(Cause::Witness, state);
    }

    /// Seals the log: nothing is recorded any more, so nothing passes. For whoever has
    /// proof that this is not the log that was kept so far.
    pub fn seal(&self, why: &str) {
        self.owner.shared.seal(&Sealed::new(why));
    }

    /// How the log is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.owner.shared.health.snapshot()
    }

    /// How much room there is: `Warn` while some is left, `Restricted` when none is.
    #[must_use]
    pub fn space(&self) -> HealthState {
        self.owner.shared.health.space()
    }

    /// Records the gateway's end, writes all that waits, and ends the threads. What is
    /// handed over afterwards is refused.
    pub fn close(&self) {
        self.owner.close();
    }
}

impl Owner {
    pub(super) fn new(
        dir: PathBuf,
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        reserve: Arc<Reserve>,
        threads: Vec<JoinHandle<()>>,
        lock: File,
    ) -> Self {
        let (custody, threads) = (Mutex::default(), Mutex::new(threads));
        Self { dir, shared, disk, custody, reserve, threads, _lock: lock }
    }

    fn close(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        if threads.is_empty() {
            return;
        }
        // Its receipt would say what the next start finds anyway.
        drop(self.shared.append(vec![Event::GatewayStopped]));
        self.shared.close_queue();
        for (at, thread) in threads.into_iter().enumerate() {
            if at == 1 {
                self.shared.ask_for(|chores| chores.stop = true);
            }
            // A thread that panicked has recorded nothing more.
            drop(thread.join());
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}
