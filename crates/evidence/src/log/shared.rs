//! What the log, its recorders and its two threads share: the queue before the disk, the
//! clock, the health, the newest checkpoint.
//!
//! Locks are held for moments and never two at a time, with two exceptions: [`Shared::append`]
//! holds the queue while it numbers the gateway's own records, so that they are queued in
//! the order of their numbers; and whoever commits holds the journal. `HealthCell` has a lock of
//! its own and takes no other.

use crate::disk::storage::Disk;
use crate::error::Sealed;
use crate::keys::months;
use crate::keys::seal::SHARE_BYTES;
use crate::log::clock::Clock;
use crate::log::health::HealthCell;
use crate::log::journal::Journal;
use crate::log::pace::Pace;
use crate::log::receipt::Receipt;
use crate::log::unit::{Unit, salt};
use portreeve_model::{Event, Record};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What may wait for the disk before the log refuses more.
const QUEUE_BYTES_MAX: u64 = 256 << 20;

/// The most bytes that are committed by who waits for them.
const IN_PLACE_BYTES_MAX: usize = 64 << 10;

/// Filled by recorders, emptied by whoever commits: the writer, or who waits alone.
#[derive(Default)]
struct Queue {
    units: Vec<Unit>,
    bytes: u64,
    /// Somebody commits. INVARIANT: one at a time, so units become durable in order.
    is_committing: bool,
    pace: Pace,
    writer_sleeps: bool,
    /// The writer sleeps until there are so many units.
    writer_wants: usize,
    closed: bool,
    sealed: Option<Sealed>,
    /// The number of the gateway's next record of its own.
    gateway_seq: u64,
}

/// What waits for the maintenance thread; set by the writer and by whoever closes.
#[derive(Clone, Copy, Default)]
pub(super) struct Chores {
    pub(super) segment_wanted: bool,
    pub(super) stop: bool,
}

pub(crate) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    /// The file side; set once, before anything is submitted.
    journal: OnceLock<Mutex<Journal>>,
    pub(super) health: HealthCell,
    clock: Clock,
    auditor_public: [u8; 32],
    disk: Arc<dyn Disk>,
    /// The month that the index of data subjects is written in, and its share.
    month: Mutex<Option<(String, [u8; SHARE_BYTES])>>,
    /// The newest durable checkpoint; the writer sets it.
    note: Mutex<Option<String>>,
    chores: Mutex<Chores>,
    chores_changed: Condvar,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        clock: Clock,
        auditor_public: [u8; 32],
        note: Option<String>,
    ) -> Self {
        Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            journal: OnceLock::new(),
            health: HealthCell::default(),
            clock,
            auditor_public,
            disk,
            month: Mutex::default(),
            note: Mutex::new(note),
            chores: Mutex::new(Chores { segment_wanted: true, stop: false }),
            chores_changed: Condvar::new(),
        }
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.clock.now_us(&self.health)
    }

    pub(super) fn auditor(&self) -> &[u8; 32] {
        &self.auditor_public
    }

    /// The share of a month of the index of data subjects; durable before it is used.
    pub(super) fn month_share(&self, month: &str) -> Result<[u8; SHARE_BYTES], Sealed> {
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

    /// Gives it the file side, which it keeps.
    pub(super) fn begin(&self, journal: Journal) {
        // The one that opens the log calls this, once.
        drop(self.journal.set(Mutex::new(journal)));
    }

    /// Queues a unit. Its receipt sees to it that it is written: see [`Shared::commit_alone`].
    pub(super) fn submit(self: &Arc<Self>, unit: Unit) -> Result<Receipt, Sealed> {
        self.submit_in(&mut lock(&self.queue), unit)
    }

    fn submit_in(self: &Arc<Self>, queue: &mut Queue, mut unit: Unit) -> Result<Receipt, Sealed> {
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
        Ok(Receipt::waiting(self.clone(), receiver))
    }

    /// Wakes the writer if it sleeps and there is enough for it.
    pub(super) fn wake_writer(&self) {
        self.wake_in(&mut lock(&self.queue));
    }

    fn wake_in(&self, queue: &mut Queue) {
        let is_enough = queue.units.len() >= queue.writer_wants.max(1);
        if is_enough && std::mem::take(&mut queue.writer_sleeps) {
            self.work.notify_one();
        }
    }

    /// Whether who waits now could commit alone: nobody else commits or waits.
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone_in(&lock(&self.queue))
    }

    fn is_alone_in(&self, queue: &Queue) -> bool {
        let is_small =
            |unit: &Unit| unit.shares.is_empty() && unit.frames.len() <= IN_PLACE_BYTES_MAX;
        !queue.is_committing
            && !queue.closed
            && queue.pace.is_quiet()
            && matches!(queue.units.as_slice(), [unit] if is_small(unit))
    }

    /// Commits in place what waits alone: the writer's thread would have to be woken, and to
    /// wake again who waits. Where others wait or commit, the writer does it for all of them.
    pub(super) fn commit_alone(&self) {
        let mut queue = lock(&self.queue);
        let journal = self.journal.get().filter(|_| self.is_alone_in(&queue));
        let Some(journal) = journal else { return self.wake_in(&mut queue) };
        let units = self.take_in(&mut queue);
        drop(queue);
        let mut journal = lock(journal);
        if journal.has_room(&units) {
            self.commit(&mut journal, units);
        } else {
            // Another segment may have to be made first. Nobody else has taken anything since.
            drop(journal);
            let mut queue = lock(&self.queue);
            queue.bytes += units.iter().map(|unit| unit.frames.len() as u64).sum::<u64>();
            queue.units.splice(0..0, units);
            queue.is_committing = false;
            queue.pace.hurry();
            queue.writer_wants = 0;
            self.wake_in(&mut queue);
        }
    }

    fn take_in(&self, queue: &mut Queue) -> Vec<Unit> {
        queue.is_committing = true;
        queue.bytes = 0;
        std::mem::take(&mut queue.units)
    }

    /// Makes units durable and tells who waits for them.
    fn commit(&self, journal: &mut Journal, mut units: Vec<Unit>) {
        let committing = Committing(self);
        let began = Instant::now();
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
                self.set_note(journal.note().map(str::to_owned));
                if written.rotated {
                    self.ask_for(|chores| chores.segment_wanted = true);
                }
            }
            Err(sealed) => self.seal(sealed),
        }
        lock(&self.queue).pace.note(units.len(), began.elapsed());
        drop(committing);
        let answer = written.map(|_| ());
        for waiter in units.iter_mut().filter_map(|unit| unit.waiter.take()) {
            // Whoever does not wait any more need not know.
            let _ = waiter.send(answer.clone());
        }
    }

    /// The writer's work: commits whatever waits, until the log is closed.
    pub(super) fn write(&self) {
        let Some(journal) = self.journal.get() else { return };
        while let Some(units) = self.next_units() {
            self.commit(&mut lock(journal), units);
        }
    }

    /// Queues records of no session, which become durable together.
    pub(super) fn append(self: &Arc<Self>, events: Vec<Event>) -> Receipt {
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
    pub(super) fn seal(&self, sealed: &Sealed) {
        self.health.seal(sealed);
        lock(&self.queue).sealed.get_or_insert_with(|| sealed.clone());
    }

    /// Lets go of everyone who waits.
    pub(super) fn drop_queue(&self) {
        lock(&self.queue).units.clear();
    }

    /// Takes nothing more; the writer ends when all that waits is written.
    pub(super) fn close_queue(&self) {
        lock(&self.queue).closed = true;
        self.work.notify_one();
    }

    /// Waits for units; `None` when the log is closed and all is written.
    fn next_units(&self) -> Option<Vec<Unit>> {
        let mut queue = lock(&self.queue);
        loop {
            let wanted = queue.pace.wants();
            match (queue.units.len(), queue.is_committing, queue.closed) {
                (0, false, true) => return None,
                (0, ..) | (_, true, _) => {
                    queue.writer_wants = 1;
                    queue = self.sleep(queue, None);
                }
                (count, false, false) if count < wanted && !queue.pace.has_waited() => {
                    queue.writer_wants = wanted;
                    let window = queue.pace.window();
                    queue = self.sleep(queue, Some(window));
                    queue.pace.wait_no_more();
                }
                (..) => return Some(self.take_in(&mut queue)),
            }
        }
    }

    fn sleep<'q>(
        &self,
        mut queue: MutexGuard<'q, Queue>,
        window: Option<Duration>,
    ) -> MutexGuard<'q, Queue> {
        queue.writer_sleeps = true;
        let mut queue = match window {
            Some(window) => {
                let slept = self.work.wait_timeout(queue, window);
                slept.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
        };
        queue.writer_sleeps = false;
        queue
    }

    /// The newest durable checkpoint, a signed note.
    pub(super) fn note(&self) -> Option<String> {
        lock(&self.note).clone()
    }

    pub(super) fn set_note(&self, note: Option<String>) {
        *lock(&self.note) = note;
    }

    /// Tells the maintenance thread what changed.
    pub(super) fn ask_for(&self, change: impl FnOnce(&mut Chores)) {
        change(&mut lock(&self.chores));
        self.chores_changed.notify_one();
    }

    /// Waits for chores, for as long as `wait` at the most, and takes them. What `stop` says
    /// holds before the work that follows: what was committed before it is seen there.
    pub(super) fn next_chores(&self, wait: Duration) -> Chores {
        let mut chores = lock(&self.chores);
        if !chores.stop && !chores.segment_wanted {
            let waited = self.chores_changed.wait_timeout(chores, wait);
            chores = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let taken = *chores;
        chores.segment_wanted = false;
        taken
    }
}

/// Somebody commits. When that is over, whatever has come meanwhile is the writer's; a commit that
/// panicked leaves a log that takes nothing and keeps nobody waiting.
struct Committing<'a>(&'a Shared);

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.seal(&Sealed::new("the log's writer ended by a fault of its own"));
            self.0.drop_queue();
        }
        let mut queue = lock(&self.0.queue);
        queue.is_committing = false;
        if queue.closed || !queue.units.is_empty() {
            queue.writer_sleeps = false;
            self.0.work.notify_one();
        }
    }
}
