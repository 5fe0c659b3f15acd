//! What the log, its recorders and its two threads share: the queue before the disk, the
//! clock, the health, the newest checkpoint.
//!
//! Locks are held for moments and never two at a time, with one exception: [`Shared::append`]
//! holds the queue while it numbers the gateway's own records, so that they are queued in
//! the order of their numbers. `HealthCell` has a lock of its own and takes no other.

use crate::disk::storage::Disk;
use crate::error::Sealed;
use crate::keys::months;
use crate::keys::seal::SHARE_BYTES;
use crate::log::clock::Clock;
use crate::log::health::HealthCell;
use crate::log::receipt::Receipt;
use crate::log::unit::{Unit, salt};
use portreeve_model::{Event, Record};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What may wait for the disk before the log refuses more.
const QUEUE_BYTES_MAX: u64 = 256 << 20;

/// Filled by recorders, emptied by the writer.
#[derive(Default)]
struct Queue {
    units: Vec<Unit>,
    bytes: u64,
    writer_sleeps: bool,
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

    /// Queues a unit; wakes the writer only if it sleeps.
    pub(super) fn submit(&self, unit: Unit) -> Result<Receipt, Sealed> {
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

    /// Queues records of no session, which become durable together.
    pub(super) fn append(&self, events: Vec<Event>) -> Receipt {
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
    pub(super) fn next_units(&self) -> Option<Vec<Unit>> {
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
