//! How the log is: a state that only operators and the authenticator look at.

use crate::error::Sealed;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the log can be relied on to take more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthState {
    /// All is well.
    Healthy,
    /// It works, and someone should look.
    Warn,
    /// New sessions are refused; those that run may go on.
    Restricted,
    /// Nothing can be recorded, so nothing may pass. For good: a restart is needed.
    Sealed,
}

/// The log's state with counts since it was opened.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// Why it is not healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Records in the log, those of earlier runs included.
    pub records: u64,
    /// Durable commits since the log was opened.
    pub commits: u64,
    /// Bytes written since the log was opened.
    pub bytes: u64,
    /// Bytes handed over that are not durable yet.
    pub waiting_bytes: u64,
}

/// One reason for a state; each has one owner, who sets and clears it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    Space,
    Clock,
    Witness,
}

#[derive(Default)]
struct Causes {
    space: Option<(HealthState, String)>,
    clock: Option<(HealthState, String)>,
    witness: Option<(HealthState, String)>,
    sealed: Option<Sealed>,
}

#[derive(Default)]
pub(crate) struct HealthCell {
    causes: Mutex<Causes>,
    pub(crate) records: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) waiting: AtomicU64,
}

impl HealthCell {
    fn causes(&self) -> std::sync::MutexGuard<'_, Causes> {
        self.causes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Replaces what `cause` says; `None` clears it.
    pub(crate) fn set(&self, cause: Cause, state: Option<(HealthState, String)>) {
        let mut causes = self.causes();
        match cause {
            Cause::Space => causes.space = state,
            Cause::Clock => causes.clock = state,
            Cause::Witness => causes.witness = state,
        }
    }

    /// Seals; the first reason stays.
    pub(crate) fn seal(&self, sealed: &Sealed) {
        self.causes().sealed.get_or_insert_with(|| sealed.clone());
    }

    pub(crate) fn sealed(&self) -> Option<Sealed> {
        self.causes().sealed.clone()
    }

    /// What the disk alone is a cause of.
    pub(crate) fn space(&self) -> HealthState {
        self.causes().space.as_ref().map_or(HealthState::Healthy, |(state, _)| *state)
    }

    /// The worst of all causes.
    pub(crate) fn state(&self) -> (HealthState, Option<String>) {
        let causes = self.causes();
        if let Some(sealed) = &causes.sealed {
            return (HealthState::Sealed, Some(sealed.reason().to_owned()));
        }
        let all = [&causes.witness, &causes.clock, &causes.space];
        let worst = all.into_iter().flatten().max_by_key(|(state, _)| *state);
        match worst {
            Some((state, why)) => (*state, Some(why.clone())),
            None => (HealthState::Healthy, None),
        }
    }

    pub(crate) fn snapshot(&self) -> Health {
        let (state, reason) = self.state();
        Health {
            state,
            reason,
            records: self.records.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            waiting_bytes: self.waiting.load(Ordering::Relaxed),
        }
    }
}
