//! What an end of a channel has sent and nobody has taken yet.
//!
//! The library must never wait for whoever takes it: while it waits, it reads no messages of other
//! channels, and none that make room for what goes the other way. So it puts everything here, and
//! the window of the channel is what bounds it: where much waits, the sender is given room for a
//! few bytes at a time only.

use crate::terminal::Size;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How far a sender may be ahead on one channel.
pub(crate) const WINDOW_BYTES: u32 = 512 << 10;
/// More that waits on one connection stops its senders.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Signals and windows that nobody has taken; more of them are not kept.
const EVENTS_MAX: usize = 1024;
/// The least room that the library can give; less would never be given again.
const NARROW_WINDOW_BYTES: u32 = 2;
/// How long a sender that goes on all the same is made to wait for each message.
const SLOWED: Duration = Duration::from_millis(20);
/// As much as is taken at once.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// Something that came over a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Data {
        is_error: bool,
        bytes: Vec<u8>,
    },
    /// The sender writes no more.
    End,
    Status(u32),
    Signal(String),
    /// The client's window has another size.
    Window(Size),
    /// What was asked for is under way.
    Accepted,
    Refused,
    /// The channel, or the whole connection, is over.
    Closed,
}

/// What waits on all channels of a connection, in bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<Sum>);

#[derive(Debug, Default)]
struct Sum {
    bytes: AtomicUsize,
    taken: Notify,
}

impl Waiting {
    fn is_much(&self) -> bool {
        self.0.bytes.load(Ordering::Relaxed) > WAITING_BYTES_MAX
    }

    /// How far a sender may be ahead now.
    pub(crate) fn window_bytes(&self) -> u32 {
        if self.is_much() { NARROW_WINDOW_BYTES } else { WINDOW_BYTES }
    }

    /// Waits a moment where much waits.
    pub(crate) async fn slow_down(&self) {
        if self.is_much() {
            let _ = timeout(SLOWED, self.0.taken.notified()).await;
        }
    }
}

/// The events of one end, in order.
#[derive(Debug)]
pub(crate) struct Inbox {
    // INVARIANT: nothing stands behind `Closed`.
    events: Mutex<VecDeque<Event>>,
    arrived: Notify,
    waiting: Waiting,
}

impl Inbox {
    pub(crate) fn new(waiting: &Waiting) -> Arc<Self> {
        Arc::new(Self {
            events: Mutex::default(),
            arrived: Notify::new(),
            waiting: waiting.clone(),
        })
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, event: Event) {
        let mut events = self.events();
        if events.back() == Some(&Event::Closed) {
            return;
        }
        let is_full = events.len() >= EVENTS_MAX;
        match (events.back_mut(), event) {
            (
                Some(Event::Data { is_error: last, bytes: before }),
                Event::Data { is_error, bytes },
            ) if *last == is_error => {
                self.waiting.0.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
                before.extend_from_slice(&bytes);
            }
            (_, Event::Data { is_error, bytes }) => {
                self.waiting.0.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
                events.push_back(Event::Data { is_error, bytes });
            }
            (Some(Event::Window(last)), Event::Window(size)) => *last = size,
            // Nobody who means well sends so many.
            (_, Event::Window(_) | Event::Signal(_)) if is_full => {}
            (_, event) => events.push_back(event),
        }
        drop(events);
        self.arrived.notify_one();
    }

    /// The next event, without waiting.
    pub(crate) fn take(&self) -> Option<Event> {
        let mut events = self.events();
        if let Some(Event::Data { is_error, bytes }) = events.front_mut() {
            let is_error = *is_error;
            let rest = bytes.split_off(bytes.len().min(CHUNK_BYTES));
            let taken = std::mem::replace(bytes, rest);
            if bytes.is_empty() {
                events.pop_front();
            }
            self.waiting.0.bytes.fetch_sub(taken.len(), Ordering::Relaxed);
            self.waiting.0.taken.notify_waiters();
            return Some(Event::Data { is_error, bytes: taken });
        }
        match events.front() {
            // Whoever asks again hears it again.
            Some(Event::Closed) => Some(Event::Closed),
            _ => events.pop_front(),
        }
    }

    /// The next event. Cancel-safe.
    pub(crate) async fn next(&self) -> Event {
        loop {
            if let Some(event) = self.take() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    /// Whether the channel is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.events().back() == Some(&Event::Closed)
    }

    /// Resolves when the end is gone; takes nothing. One at a time may wait for events.
    pub(crate) async fn closed(&self) {
        loop {
            if self.is_closed() {
                return;
            }
            self.arrived.notified().await;
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let left = |event: &Event| match event {
            Event::Data { bytes, .. } => bytes.len(),
            Event::End
            | Event::Status(_)
            | Event::Signal(_)
            | Event::Window(_)
            | Event::Accepted
            | Event::Refused
            | Event::Closed => 0,
        };
        let left = self.events().iter().map(left).sum();
        self.waiting.0.bytes.fetch_sub(left, Ordering::Relaxed);
        self.waiting.0.taken.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(is_error: bool, bytes: &[u8]) -> Event {
        Event::Data { is_error, bytes: bytes.to_vec() }
    }

    #[tokio::test]
    async fn events_come_in_order_and_data_in_chunks() {
        let waiting = Waiting::default();
        let inbox = Inbox::new(&waiting);
        inbox.push(data(false, b"a"));
        inbox.push(data(false, b"b"));
        inbox.push(data(true, b"c"));
        inbox.push(Event::End);
        inbox.push(data(false, &[b'd'; CHUNK_BYTES + 1]));
        inbox.push(Event::Closed);
        inbox.push(data(false, b"late"));
        assert_eq!(inbox.next().await, data(false, b"ab"));
        assert_eq!(inbox.next().await, data(true, b"c"));
        assert_eq!(inbox.next().await, Event::End);
        assert_eq!(inbox.next().await, data(false, &[b'd'; CHUNK_BYTES]));
        assert_eq!(inbox.next().await, data(false, b"d"));
        assert_eq!((inbox.next().await, inbox.next().await), (Event::Closed, Event::Closed));
        assert_eq!(waiting.0.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_sends_much_that_nobody_takes_is_stopped() {
        let waiting = Waiting::default();
        let inbox = Inbox::new(&waiting);
        inbox.push(data(false, &[0; WAITING_BYTES_MAX]));
        assert_eq!(waiting.window_bytes(), WINDOW_BYTES);
        inbox.push(data(false, b"x"));
        assert_eq!(waiting.window_bytes(), NARROW_WINDOW_BYTES);
        drop(inbox);
        assert_eq!(waiting.window_bytes(), WINDOW_BYTES);
    }
}
