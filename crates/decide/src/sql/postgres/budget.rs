//! What the analysis of a statement may take: steps, and time.

use std::cell::Cell;

use crate::sql::grammar::Late;

/// The most expressions, sources and sub-queries of one statement.
const STEPS_MAX: u32 = 200_000;

/// How many small things (names, entries of a list) count as one step.
const SMALL_PER_STEP: usize = 16;

/// Counts what is done for a statement, and says when it was too much.
///
/// Steps are counted so that the answer is the same wherever it is given. What no step counts, or
/// what is slower than anybody thought, ends with the time.
pub(in crate::sql) struct Budget<'c> {
    steps: Cell<u32>,
    is_spent: Cell<bool>,
    pub(in crate::sql) is_late: Late<'c>,
}

impl<'c> Budget<'c> {
    pub(in crate::sql) fn new(is_late: Late<'c>) -> Self {
        Self { steps: Cell::new(0), is_spent: Cell::new(false), is_late }
    }

    /// Counts a step. True: it was one too many.
    pub(in crate::sql) fn step(&self) -> bool {
        self.steps(1)
    }

    /// Counts a step over that many small things, which is more than one where they are many.
    pub(in crate::sql) fn small_steps(&self, count: usize) -> bool {
        self.steps(u32::try_from(count / SMALL_PER_STEP).unwrap_or(u32::MAX).saturating_add(1))
    }

    fn steps(&self, count: u32) -> bool {
        if self.is_spent.get() {
            return true;
        }
        let steps = self.steps.get().saturating_add(count);
        self.steps.set(steps);
        let is_spent = steps > STEPS_MAX || (self.is_late)();
        self.is_spent.set(is_spent);
        is_spent
    }

    /// Whether nothing was counted yet.
    pub(in crate::sql) fn is_whole(&self) -> bool {
        self.steps.get() == 0
    }

    pub(in crate::sql) fn is_spent(&self) -> bool {
        self.is_spent.get()
    }
}
