//! The sessions that are open now, and how to end them.

use super::limits::Limits;
use super::shares::PrincipalKey;
use crate::Ended;
use portreeve_model::{Chain, SessionId};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// How often a deadline is compared with the clock, which may be set meanwhile.
const CLOCK_INTERVAL: Duration = Duration::from_secs(30);

/// Whether a session may still go on; shared by all of its clones.
#[derive(Debug)]
pub(crate) struct Lifeline {
    ended: watch::Sender<Option<Ended>>,
    expires_at: Option<SystemTime>,
}

impl Lifeline {
    pub(crate) fn new(expires_at: Option<SystemTime>) -> Self {
        Self { ended: watch::Sender::new(None), expires_at }
    }

    /// Ends the session; the first reason stays.
    pub(crate) fn end(&self, why: Ended) {
        self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert(why);
            is_first
        });
    }

    /// Fails once the session has been ended.
    pub(crate) fn check(&self) -> Result<(), Ended> {
        if let Some(ended) = &*self.ended.borrow() {
            return Err(ended.clone());
        }
        if self.remaining().is_some_and(|left| left.is_zero()) {
            self.end(Ended::Expired);
            return Err(Ended::Expired);
        }
        Ok(())
    }

    fn remaining(&self) -> Option<Duration> {
        let expires_at = self.expires_at?;
        Some(expires_at.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// Resolves with the reason once the session has been ended.
    pub(crate) async fn ended(&self) -> Ended {
        let mut changes = self.ended.subscribe();
        loop {
            if let Err(ended) = self.check() {
                return ended;
            }
            let wake = self.remaining().map_or(CLOCK_INTERVAL, |left| left.min(CLOCK_INTERVAL));
            let _ = tokio::time::timeout(wake, changes.changed()).await;
        }
    }
}

/// What operators see of an open session.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    who: PrincipalKey,
    counts: Arc<Counts>,
    lifeline: Arc<Lifeline>,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) exchanges: AtomicU64,
    pub(crate) rows: AtomicU64,
}

/// Why a session cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Crowded {
    /// There are as many as the gateway takes.
    Gateway,
    /// There are as many of this principal.
    Principal,
}

/// The registry.
#[derive(Debug, Default)]
pub struct Live {
    entries: Mutex<HashMap<SessionId, Entry>>,
}

impl Live {
    fn entries(&self) -> MutexGuard<'_, HashMap<SessionId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a session, unless there are as many already as may be.
    pub(crate) fn add(
        &self,
        shown: LiveSession,
        counts: Arc<Counts>,
        lifeline: Arc<Lifeline>,
        limits: &Limits,
    ) -> Result<(), Crowded> {
        let mut entries = self.entries();
        if entries.len() >= limits.sessions_max {
            return Err(Crowded::Gateway);
        }
        let who = PrincipalKey::of(&shown.chain);
        let own = entries.values().filter(|entry| entry.who == who).count();
        if own >= limits.sessions_per_principal_max {
            return Err(Crowded::Principal);
        }
        entries.insert(shown.id, Entry { shown, who, counts, lifeline });
        Ok(())
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
        let killed = Ended::Killed(by.to_owned());
        self.entries().get(&id).map(|entry| entry.lifeline.end(killed)).is_some()
    }

    /// Ends every session.
    pub fn kill_all(&self, by: &str) {
        self.end_where(|_| true, &Ended::Killed(by.to_owned()));
    }

    /// Ends every session that is meant; says how many.
    pub(crate) fn end_where(&self, is_meant: impl Fn(&LiveSession) -> bool, why: &Ended) -> usize {
        let entries = self.entries();
        let meant = entries.values().filter(|entry| is_meant(&entry.shown));
        meant.map(|entry| entry.lifeline.end(why.clone())).count()
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries().len()
    }
}
