//! Which of the two barriers a request's record has to pass.

use crate::protocol::Request;
use portreeve_model::Refusal;
use std::time::Duration;
use tokio::time::Instant;

/// How long a read may run before its record is handed over without waiting for an answer.
const UNRECORDED_MAX: Duration = Duration::from_millis(100);

/// Before what a request's record is durable.
///
/// INVARIANT: the log keeps the order of a session's records, so an answer's record that is
/// durable means that its request's is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Barrier {
    /// Before the target gets anything of it: it may change something, or nobody can tell.
    Permit,
    /// Before the client gets anything of it: it only reads, or nothing of it is sent. The
    /// target may have been asked in vain, and nobody has learnt anything.
    Release,
}

impl Barrier {
    /// The barrier of a request, from what is known of it before it is written for the target.
    ///
    /// What a person was asked about, what was refused in part, and what brings data are never
    /// only reads. Nor is what has no command: `Sync` ends a transaction.
    pub(super) fn of<R: Request>(request: &R, is_held: bool, refused: Option<&Refusal>) -> Self {
        let commands = request.commands();
        let only_reads = !commands.is_empty()
            && commands.iter().all(|one| one.command.only_reads())
            && refused.is_none()
            && !is_held
            && !request.has_unseen_data();
        if only_reads { Self::Release } else { Self::Permit }
    }
}

/// Until when a request's record may wait for its answer's.
#[derive(Debug, Default)]
pub(super) struct Pending(Option<Instant>);

impl Pending {
    pub(super) fn begin(&mut self) {
        self.0 = Some(Instant::now() + UNRECORDED_MAX);
    }

    pub(super) fn until(&self) -> Option<Instant> {
        self.0
    }

    pub(super) fn is_due(&self) -> bool {
        self.0.is_some_and(|until| until <= Instant::now())
    }

    /// It waits no more; says whether it did.
    pub(super) fn end(&mut self) -> bool {
        self.0.take().is_some()
    }
}
