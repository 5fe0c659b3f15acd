//! What an exchange may give, from its decisions: nothing, some rows, or all.

use portreeve_model::{CommandRecord, Outcome, ReviewOutcome, Verdict};

/// An exchange that goes on.
#[derive(Default)]
pub(crate) struct Running {
    /// The first command's verdict; none where it could not be decided.
    first: Option<Verdict>,
    has_commands: bool,
    /// Whether one of them waits for a review.
    held: bool,
    approved: bool,
    rows: u64,
    /// How many rows policy gives without asking anyone.
    free: Option<u64>,
}

impl Running {
    /// A command of its request, and the rows that policy gives of it.
    pub(crate) fn command(&mut self, command: &CommandRecord, free: Option<u64>) {
        let verdict = command.decision.as_ref().map(|decision| decision.verdict);
        if command.runs_later && matches!(verdict, Some(Verdict::Allow | Verdict::Review)) {
            return;
        }
        if !self.has_commands {
            (self.has_commands, self.first) = (true, verdict);
        }
        self.held |= verdict == Some(Verdict::Review);
        self.free = match (self.free, free) {
            (Some(known), Some(more)) => Some(known.min(more)),
            (known, more) => known.or(more),
        };
    }

    /// A review ended.
    pub(crate) fn reviewed(&mut self, outcome: ReviewOutcome) {
        self.approved |= outcome == ReviewOutcome::Approved;
    }

    /// Rows went to the client. Says why they should not have.
    pub(crate) fn released(&mut self, rows: u64) -> Option<String> {
        if rows == 0 {
            return None;
        }
        self.rows += rows;
        let may_begin = match self.first {
            Some(Verdict::Allow) => true,
            Some(Verdict::Review) => self.approved,
            Some(Verdict::Deny) | None => !self.has_commands,
        };
        if !may_begin {
            return Some("rows were released of a command that was not allowed".to_owned());
        }
        let free = self.free.filter(|free| !self.approved && self.rows > *free)?;
        Some(format!(
            "{} rows were released where policy gives {free} without an approval",
            self.rows
        ))
    }

    /// It ended. Says why it should have ended otherwise.
    pub(crate) fn closed(&self, outcome: &Outcome) -> Option<String> {
        if *outcome != Outcome::Completed {
            return None;
        }
        let is_denied = self.has_commands && matches!(self.first, Some(Verdict::Deny) | None);
        let waits = self.held && !self.approved;
        let what = match (is_denied, waits) {
            (true, _) => "a command that was not allowed is said to have completed",
            (_, true) => "a command that needed an approval completed without one",
            (false, false) => return None,
        };
        Some(what.to_owned())
    }
}
