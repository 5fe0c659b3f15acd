//! The sessions that are open now, and how to end them.

use portreeve_model::{Chain, SessionId};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Signals from outside to one session.
#[derive(Debug, Default)]
pub struct Signals {
    /// The client asked to cancel what runs.
    pub cancel: Notify,
    killed_by: Mutex<Option<String>>,
    kill: Notify,
}

impl Signals {
    /// Ends the session.
    pub fn kill(&self, by: &str) {
        *self.killed_by.lock().unwrap_or_else(PoisonError::into_inner) = Some(by.to_owned());
        self.kill.notify_waiters();
        self.kill.notify_one();
    }

    /// Resolves with the name of who ended the session.
    pub async fn killed(&self) -> String {
        loop {
            let wake = self.kill.notified();
            if let Some(by) = self.killed_by.lock().unwrap_or_else(PoisonError::into_inner).clone()
            {
                return by;
            }
            wake.await;
        }
    }
}

/// What operators see of an open session.
#[derive(Clone, Debug, Serialize)]
pub struct LiveSession {
    /// The session.
    pub id: SessionId,
    /// Who.
    pub chain: Chain,
    /// Where.
    pub resource: String,
    /// The protocol.
    pub protocol: &'static str,
    /// From where.
    pub client: String,
    /// Since when, microseconds since 1970.
    pub opened_at_us: u64,
    /// Exchanges so far.
    pub exchanges: u64,
    /// Rows released so far.
    pub rows: u64,
}

#[derive(Debug)]
struct Entry {
    shown: LiveSession,
    counts: Arc<Counts>,
    signals: Arc<Signals>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) exchanges: AtomicU64,
    pub(crate) rows: AtomicU64,
}

/// The registry.
#[derive(Debug, Default)]
pub struct Live {
    entries: Mutex<HashMap<SessionId, Entry>>,
}

impl Live {
    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a session, unless there are `most` already.
    pub(crate) fn add(
        &self,
        shown: LiveSession,
        counts: Arc<Counts>,
        signals: Arc<Signals>,
        most: usize,
    ) -> bool {
        let mut entries = self.entries();
        if entries.len() >= most {
            return false;
        }
        entries.insert(shown.id, Entry { shown, counts, signals });
        true
    }

    pub(crate) fn remove(&self, id: SessionId) {
        self.entries().remove(&id);
    }

    /// Every open session, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<LiveSession> {
        let mut all: Vec<_> = self
            .entries()
            .values()
            .map(|entry| LiveSession {
                exchanges: entry.counts.exchanges.load(Ordering::Relaxed),
                rows: entry.counts.rows.load(Ordering::Relaxed),
                ..entry.shown.clone()
            })
            .collect();
        all.sort_by_key(|session| session.id);
        all
    }

    /// Ends a session; false when there is none of that id.
    pub fn kill(&self, id: SessionId, by: &str) -> bool {
        self.entries().get(&id).map(|entry| entry.signals.kill(by)).is_some()
    }

    /// Ends every session.
    pub fn kill_all(&self, by: &str) {
        self.entries().values().for_each(|entry| entry.signals.kill(by));
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries().len()
    }
}
