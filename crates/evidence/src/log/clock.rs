//! The log's clock: the system's, made monotonic.

use crate::log::health::{Cause, HealthCell, HealthState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How far the system clock may go back (a correction) before the log minds.
pub(crate) const BACK_US_MAX: u64 = 5_000_000;

/// Gives microseconds since 1970; the system's own unless a test replaces it.
pub(crate) type Source = Arc<dyn Fn() -> u64 + Send + Sync>;

pub(crate) fn system() -> Source {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

pub(crate) struct Clock {
    source: Source,
    last_us: AtomicU64,
    behind: std::sync::atomic::AtomicBool,
}

impl Clock {
    /// A clock that never says less than `last_us`.
    pub(crate) fn new(source: Source, last_us: u64) -> Self {
        Self { source, last_us: AtomicU64::new(last_us), behind: false.into() }
    }

    /// The time for a record. While the system's clock is behind, time stands still;
    /// when it is far behind, new sessions are refused until it has caught up.
    pub(crate) fn now_us(&self, health: &HealthCell) -> u64 {
        let now = (self.source)();
        let last = self.last_us.fetch_max(now, Ordering::Relaxed).max(now);
        let behind = last - now > BACK_US_MAX;
        if behind != self.behind.load(Ordering::Relaxed) {
            self.behind.store(behind, Ordering::Relaxed);
            let seconds = (last - now) / 1_000_000;
            let state = behind.then(|| {
                let why = format!("the system clock went back by {seconds} s");
                (HealthState::Restricted, why)
            });
            health.set(Cause::Clock, state);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back_and_a_far_step_restricts() {
        let at = Arc::new(AtomicU64::new(50_000_000));
        let seen = at.clone();
        let clock = Clock::new(Arc::new(move || seen.load(Ordering::Relaxed)), 0);
        let health = HealthCell::default();
        assert_eq!(clock.now_us(&health), 50_000_000);
        at.store(49_000_000, Ordering::Relaxed);
        assert_eq!(clock.now_us(&health), 50_000_000);
        assert_eq!(health.state().0, HealthState::Healthy);
        at.store(40_000_000, Ordering::Relaxed);
        assert_eq!(clock.now_us(&health), 50_000_000);
        assert_eq!(health.state().0, HealthState::Restricted);
        at.store(51_000_000, Ordering::Relaxed);
        assert_eq!(clock.now_us(&health), 51_000_000);
        assert_eq!(health.state().0, HealthState::Healthy);
    }
}
