//! What an exchange may give, from its decisions: nothing, some rows, or all.

use portreeve_model::{Action, CommandRecord, Outcome, ReviewOutcome, Verdict};

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
    /// Whether anything may be another after it.
    changes: bool,
    /// After how many commits the client's request was recorded, and the first of its answer.
    asked: Option<u64>,
    answered: Option<u64>,
}

impl Running {
    /// The client's request was recorded, after so many commits.
    pub(crate) fn asked(&mut self, commits: u64) {
        self.asked.get_or_insert(commits);
    }

    /// A command of its request, and the rows that policy gives of it.
    pub(crate) fn command(&mut self, command: &CommandRecord, free: Option<u64>) {
        let verdict = command.decision.as_ref().map(|decision| decision.verdict);
        if command.runs_later && matches!(verdict, Some(Verdict::Allow | Verdict::Review)) {
            return;
        }
        self.changes |= may_change(command);
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

    /// Something of its answer was recorded, after so many commits.
    pub(crate) fn answered(&mut self, commits: u64) {
        self.answered.get_or_insert(commits);
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
        let has_answered = match outcome {
            Outcome::Completed | Outcome::Failed { .. } => true,
            Outcome::Refused { .. } | Outcome::Aborted { .. } => false,
        };
        let is_completed = *outcome == Outcome::Completed;
        let is_denied = self.has_commands && matches!(self.first, Some(Verdict::Deny) | None);
        let waits = self.held && !self.approved;
        let is_together = self.changes && self.asked.is_some() && self.asked == self.answered;
        let what = match (is_completed && is_denied, is_completed && waits) {
            (true, _) => "a command that was not allowed is said to have completed",
            (_, true) => "a command that needed an approval completed without one",
            (false, false) if has_answered && is_together => TOGETHER,
            (false, false) => return None,
        };
        Some(what.to_owned())
    }
}

const TOGETHER: &str =
    "a command that may change something was recorded together with its answer, not before it";

/// Whether the target may be another after the command. What only reads may be recorded
/// together with its answer.
fn may_change(command: &CommandRecord) -> bool {
    command.facts.bounded.is_some()
        || command.facts.change.is_some()
        || command.needs.iter().any(|need| match need.action {
            Action::Write
            | Action::Define
            | Action::Administer
            | Action::Execute
            | Action::Lock => true,
            Action::Connect | Action::Read | Action::Filter | Action::Probe | Action::Reveal => {
                false
            }
        })
}
