//! The evidence log as the gateway holds it: a queue, one writer thread, receipts.

use crate::clock::{self, Clock};
use crate::custody::Custody;
use crate::disk::{Disk, RealDisk};
use crate::health::{Cause, HealthCell};
use crate::journal::Journal;
use crate::layout::{HEAD_FILE, LOCK_FILE};
use crate::recorder::{Receipt, SessionRecorder, Unit, salt};
use crate::recover::{Recovered, recover};
use crate::reserve::{Reserve, SEGMENTS_READY};
use crate::seal::SHARE_BYTES;
use crate::witness::{WITNESSED_FILE, Witnessed};
use crate::{Error, Health, HealthState, LogReader, Sealed, keys, months, replace};
use portreeve_model::{Event, Record, SessionId};
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// What may wait for the disk before the log refuses more.
const QUEUE_BYTES_MAX: u64 = 256 << 20;
const SEGMENT_BYTES_MIN: u64 = 4 * 1024;
/// How often the head file is brought up to date.
const HEAD_INTERVAL: Duration = Duration::from_millis(500);

/// How a log is kept.
#[derive(Clone)]
pub struct Options {
    /// The log's own directory.
    pub dir: PathBuf,
    /// The size of a segment file.
    pub segment_bytes: u64,
    /// The gateway's version, for the record of its start.
    pub version: String,
    pub(crate) clock: clock::Source,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Options({}, {} bytes)", self.dir.display(), self.segment_bytes)
    }
}

impl Options {
    /// The defaults for a log in `dir`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 8 << 20,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock: clock::system(),
        }
    }
}

struct Queue {
    units: Vec<Unit>,
    bytes: u64,
    writer_sleeps: bool,
    closed: bool,
    sealed: Option<Sealed>,
    gateway_seq: u64,
}

/// What the log, its recorders and its threads share.
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    health: HealthCell,
    clock: Clock,
    auditor_public: [u8; 32],
    disk: Arc<dyn Disk>,
    /// The month that the index of data subjects is written in, and its share.
    month: Mutex<Option<(String, [u8; SHARE_BYTES])>>,
    /// The latest durable checkpoint, for the head file.
    note: Mutex<Option<String>>,
    chores: Mutex<Chores>,
    chores_changed: Condvar,
}

struct Chores {
    segment_wanted: bool,
    stop: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn now_us(&self) -> u64 {
        self.clock.now_us(&self.health)
    }

    pub(crate) fn auditor(&self) -> &[u8; 32] {
        &self.auditor_public
    }

    /// The share of a month of the index of data subjects; durable before it is used.
    pub(crate) fn month_share(&self, month: &str) -> Result<[u8; SHARE_BYTES], Sealed> {
        let mut current = lock(&self.month);
        if let Some((_, share)) = current.as_ref().filter(|(known, _)| known == month) {
            return Ok(*share);
        }
        let made = months::find_or_make(self.disk.as_ref(), &months::month_file(month));
        let share = made.map_err(|error| {
            Sealed::new(format!("the key of {month} for data subjects cannot be kept: {error}"))
        })?;
        *current = Some((month.to_owned(), share));
        Ok(share)
    }

    /// Queues a unit; wakes the writer only if it sleeps.
    pub(crate) fn submit(&self, unit: Unit) -> Result<Receipt, Sealed> {
        self.submit_in(&mut lock(&self.queue), unit)
    }

    fn submit_in(&self, queue: &mut Queue, mut unit: Unit) -> Result<Receipt, Sealed> {
        if let Some(sealed) = &queue.sealed {
            return Err(sealed.clone());
        }
        if queue.closed {
            return Err(Sealed::new("the log is closed"));
        }
        let bytes = unit.frames.len() as u64;
        if queue.bytes + bytes > QUEUE_BYTES_MAX {
            return Err(Sealed::new("too much waits for the disk"));
        }
        let (sender, receiver) = oneshot::channel();
        unit.waiter = Some(sender);
        queue.bytes += bytes;
        queue.units.push(unit);
        self.health.waiting.store(queue.bytes, Ordering::Relaxed);
        if std::mem::take(&mut queue.writer_sleeps) {
            self.work.notify_one();
        }
        Ok(Receipt::waiting(receiver))
    }

    fn append(&self, events: Vec<Event>) -> Receipt {
        let mut queue = lock(&self.queue);
        let (mut unit, mut seq) = (Unit::default(), queue.gateway_seq);
        let staged = events.into_iter().try_for_each(|event| {
            let (at_us, salt) = (self.now_us(), salt()?);
            unit.push(&Record { at_us, session: None, seq, salt, event, payload: None }, None)?;
            seq += 1;
            Ok(())
        });
        match staged.and_then(|()| self.submit_in(&mut queue, unit)) {
            Ok(receipt) => {
                queue.gateway_seq = seq;
                receipt
            }
            Err(sealed) => Receipt::failed(sealed),
        }
    }

    /// Nothing can be recorded from here on.
    fn seal(&self, sealed: &Sealed) {
        self.health.seal(sealed);
        lock(&self.queue).sealed.get_or_insert_with(|| sealed.clone());
    }

    /// Waits for units; `None` when the log is closed and all is written.
    fn next_units(&self) -> Option<Vec<Unit>> {
        let mut queue = lock(&self.queue);
        while queue.units.is_empty() {
            if queue.closed {
                return None;
            }
            queue.writer_sleeps = true;
            queue = self.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.writer_sleeps = false;
        queue.bytes = 0;
        Some(std::mem::take(&mut queue.units))
    }

    /// The writer thread: takes all that waits, makes it durable, tells who waits.
    fn write(&self, mut journal: Journal) {
        let _guard = SealOnPanic(self);
        while let Some(mut units) = self.next_units() {
            let written = match self.health.sealed() {
                Some(sealed) => Err(sealed),
                None => journal
                    .commit(&units)
                    .map_err(|error| Sealed::new(format!("cannot write the log: {error}"))),
            };
            match &written {
                Ok(written) => {
                    let health = &self.health;
                    health.records.store(journal.size(), Ordering::Relaxed);
                    health.commits.fetch_add(1, Ordering::Relaxed);
                    health.bytes.fetch_add(written.bytes, Ordering::Relaxed);
                    *lock(&self.note) = journal.note().map(str::to_owned);
                    if written.rotated {
                        lock(&self.chores).segment_wanted = true;
                        self.chores_changed.notify_one();
                    }
                }
                Err(sealed) => self.seal(sealed),
            }
            let answer = written.map(|_| ());
            for waiter in units.iter_mut().filter_map(|unit| unit.waiter.take()) {
                // Whoever does not wait any more need not know.
                let _ = waiter.send(answer.clone());
            }
        }
    }

    /// The other thread: segments in advance, and the head file.
    fn keep_house(&self, dir: &Path, reserve: &Reserve) {
        let mut head = None;
        loop {
            let mut chores = lock(&self.chores);
            if !chores.stop && !chores.segment_wanted {
                let waited = self.chores_changed.wait_timeout(chores, HEAD_INTERVAL);
                chores = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            chores.segment_wanted = false;
            // Read before the work: what was committed before the stop gets into the head.
            let stop = chores.stop;
            drop(chores);
            if !stop {
                self.fill(reserve);
            }
            let note = lock(&self.note).clone();
            if note != head && self.health.sealed().is_none() {
                match note.as_deref().map_or(Ok(()), |note| write_head(dir, note)) {
                    Ok(()) => head = note,
                    Err(error) if is_full(&error) => {}
                    Err(error) => {
                        self.seal(&Sealed::new(format!("cannot write the head file: {error}")));
                    }
                }
            }
            if stop {
                return;
            }
        }
    }

    fn fill(&self, reserve: &Reserve) {
        loop {
            match reserve.fill_one() {
                Ok(true) => {}
                Ok(false) => return self.health.set(Cause::Space, None),
                Err(error) if is_full(&error) => {
                    let ready = reserve.count();
                    let state = match ready {
                        0 => HealthState::Restricted,
                        _ => HealthState::Warn,
                    };
                    let why = format!(
                        "the disk is full: {ready} of {SEGMENTS_READY} segments stand ready"
                    );
                    return self.health.set(Cause::Space, Some((state, why)));
                }
                Err(error) => {
                    return self.seal(&Sealed::new(format!("cannot make a segment: {error}")));
                }
            }
        }
    }
}

/// A writer that panicked leaves a log that takes nothing and keeps nobody waiting.
struct SealOnPanic<'a>(&'a Shared);

impl Drop for SealOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.seal(&Sealed::new("the log's writer ended by a fault of its own"));
            lock(&self.0.queue).units.clear();
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Puts the checkpoint in the head file's place, whole or not at all.
fn write_head(dir: &Path, note: &str) -> io::Result<()> {
    let fresh = dir.join("head.new");
    let mut file = File::create(&fresh)?;
    file.write_all(note.as_bytes())?;
    file.sync_data()?;
    std::fs::rename(&fresh, dir.join(HEAD_FILE))
}

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

struct Owner {
    dir: PathBuf,
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    /// What the records say; whoever changes that holds it until the change is recorded.
    custody: Mutex<Custody>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the log is closed; the system frees it when the process ends.
    _lock: File,
}

impl EvidenceLog {
    /// Opens the log in `options.dir`, or begins one there, and records the start.
    ///
    /// # Errors
    /// Another writer holds it, its files cannot be used, or it is not what a gateway
    /// left: damage is never repaired.
    pub fn open(options: Options) -> Result<Self, Error> {
        replace::finish(&options.dir)?;
        let disk = Arc::new(RealDisk::new(&options.dir));
        Self::open_on(disk, options)
    }

    /// [`Self::open`] with the segments and the keyring on a disk of the caller's.
    pub(crate) fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, Error> {
        let dir = options.dir.clone();
        keys::make_folders(&dir)?;
        let lock = take_lock(&dir)?;
        let head = read_head(&dir)?;
        check_witnessed(&dir)?;
        let is_new = crate::layout::segment_numbers(disk.as_ref())?.is_empty() && head.is_none();
        let keys = keys::load_or_mint(&dir, is_new)?;
        let auditor_public = keys.auditor_public;
        let segment_bytes = options.segment_bytes.max(SEGMENT_BYTES_MIN);
        let recovered = recover(disk.clone(), keys, segment_bytes, head.as_deref())?;
        let behind = recovered.last_us.saturating_sub((options.clock)());
        if behind > clock::BACK_US_MAX {
            return Err(Error::ClockBehind { seconds: behind / 1_000_000 });
        }
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                units: Vec::new(),
                bytes: 0,
                writer_sleeps: false,
                closed: false,
                sealed: None,
                gateway_seq: 0,
            }),
            work: Condvar::new(),
            health: HealthCell::default(),
            clock: Clock::new(options.clock.clone(), recovered.last_us),
            auditor_public,
            disk: disk.clone(),
            month: Mutex::new(None),
            note: Mutex::new(recovered.journal.note().map(str::to_owned)),
            chores: Mutex::new(Chores { segment_wanted: true, stop: false }),
            chores_changed: Condvar::new(),
        });
        let log = Self::start(dir, shared, disk, lock, recovered, &options.version)?;
        Ok(log)
    }

    fn start(
        dir: PathBuf,
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        lock: File,
        recovered: Recovered,
        version: &str,
    ) -> Result<Self, Error> {
        let Recovered { journal, cleared, .. } = recovered;
        let reserve = journal.reserve.clone();
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .map_err(|error| Error::store("start a thread for", &dir, error))
        };
        let writer = shared.clone();
        let writer = spawn("evidence", Box::new(move || writer.write(journal)))?;
        let (house, home) = (shared.clone(), dir.clone());
        let house = spawn("evidence-house", Box::new(move || house.keep_house(&home, &reserve)))?;
        let threads = Mutex::new(vec![writer, house]);
        let custody = Mutex::default();
        let owner = Owner { dir, shared, disk, custody, threads, _lock: lock };
        let log = Self { owner: Arc::new(owner) };
        let mut receipts = vec![log.append(Event::GatewayStarted {
            version: version.to_owned(),
            durability: "strict".to_owned(),
        })];
        for tail in cleared {
            receipts.push(log.append(Event::LogRecovered {
                segment: tail.segment,
                offset: tail.offset,
                bytes: tail.bytes,
            }));
        }
        receipts.into_iter().try_for_each(Receipt::wait)?;
        Ok(log)
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

    pub(crate) fn now_us(&self) -> u64 {
        self.owner.shared.now_us()
    }

    /// The key of the tokens that stand for data subjects; made at its first use.
    ///
    /// # Errors
    /// It could not be kept, or was destroyed.
    pub fn subject_key(&self) -> Result<[u8; 32], Error> {
        months::find_or_make(self.owner.disk.as_ref(), months::TOKENS).map_err(|error| {
            Error::store("keep the key for data subjects in", &self.owner.dir, error)
        })
    }

    /// The newest checkpoint that is durable, a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> Option<String> {
        lock(&self.owner.shared.note).clone()
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

    /// Records the gateway's end, writes all that waits, and ends the threads. What is
    /// handed over afterwards is refused.
    pub fn close(&self) {
        self.owner.close();
    }
}

impl Owner {
    fn close(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        if threads.is_empty() {
            return;
        }
        // Its receipt would say what the next start finds anyway.
        drop(self.shared.append(vec![Event::GatewayStopped]));
        lock(&self.shared.queue).closed = true;
        self.shared.work.notify_one();
        for (at, thread) in threads.into_iter().enumerate() {
            if at == 1 {
                lock(&self.shared.chores).stop = true;
                self.shared.chores_changed.notify_one();
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

pub(crate) fn take_lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_FILE);
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| Error::store("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::store("lock", &path, error)),
    }
}

/// Compares the log with the checkpoint that witnesses saw last, before anything is signed.
fn check_witnessed(dir: &Path) -> Result<(), Error> {
    if !dir.join(WITNESSED_FILE).exists() {
        return Ok(());
    }
    let reader = LogReader::open(dir)?;
    match Witnessed::load(dir, reader.key())? {
        Some(witnessed) => reader.continues(&witnessed.checkpoint, "witnesses (file `witnessed`)"),
        None => Ok(()),
    }
}

fn read_head(dir: &Path) -> Result<Option<String>, Error> {
    let path = dir.join(HEAD_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::store("read", &path, error)),
    }
}
