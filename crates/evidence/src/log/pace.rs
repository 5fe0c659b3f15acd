//! How fast commits come: whether who waits may commit alone, and whether a commit is worth
//! waiting for more.
//!
//! One client that waits for each of its records is served best by committing at once, in its
//! own place. Many are served best by few commits for all of them: each costs a sync, a
//! signature and a round of wake-ups, whatever is in it.

use std::time::Duration;

/// Longest commit after which the next may be made by who waits: on a slow disk it would keep
/// a thread of the runtime.
const IN_PLACE_MAX: Duration = Duration::from_millis(2);
/// So many units of one commit are many.
const MANY_UNITS: usize = 4;
/// Longest wait for more units.
const WINDOW_MAX: Duration = Duration::from_micros(400);

/// What the last commit was like.
#[derive(Default)]
pub(super) struct Pace {
    units: usize,
    took: Duration,
    /// What comes next has been waited for.
    has_waited: bool,
}

impl Pace {
    /// A commit is over.
    pub(super) fn note(&mut self, units: usize, took: Duration) {
        *self = Self { units, took, has_waited: false };
    }

    /// Whether the last commit had one unit, and a disk that is quick.
    pub(super) fn is_quiet(&self) -> bool {
        self.units <= 1 && self.took <= IN_PLACE_MAX
    }

    /// The writer is to take what there is.
    pub(super) fn hurry(&mut self) {
        self.has_waited = true;
        self.units = self.units.max(2);
    }

    /// How many units are worth waiting for: as many as the last commit had, where those were
    /// many.
    pub(super) fn wants(&self) -> usize {
        if self.units < MANY_UNITS { 1 } else { self.units }
    }

    /// For how long: no longer than a commit takes.
    pub(super) fn window(&self) -> Duration {
        self.took.min(WINDOW_MAX)
    }

    pub(super) fn has_waited(&self) -> bool {
        self.has_waited
    }

    pub(super) fn wait_no_more(&mut self) {
        self.has_waited = true;
    }
}
