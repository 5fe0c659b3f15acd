//! What can go wrong, and who erred.

use portreeve_model::{Custodian, HoldId, SessionId};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log cannot be written any more; nothing may pass that would need a record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the evidence log is sealed: {reason}")]
pub struct Sealed {
    reason: Arc<str>,
}

impl Sealed {
    /// Says why.
    pub(crate) fn new(reason: impl Into<Arc<str>>) -> Self {
        Self { reason: reason.into() }
    }

    /// Why, in an operator's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// An error of the evidence log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process writes this log.
    #[error(
        "`{}` is written by another process; hint: one log has one gateway, \
         give each its own data directory", dir.display()
    )]
    Busy {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Store {
        /// What was tried: `open`, `write`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The log is not what a gateway wrote.
    #[error(
        "`{file}` is damaged at byte {offset}: {what}; hint: keep the directory as it is, \
         and run `portreeve verify` on it"
    )]
    Damaged {
        /// The file's name in the log's directory.
        file: String,
        /// Where.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The log is shorter than it has been.
    #[error(
        "the log holds {found} records, but its head file says that {known} were committed; \
         hint: a disk was rolled back or a file removed; run `portreeve verify`"
    )]
    RolledBack {
        /// Records in the log.
        found: u64,
        /// Records that there were.
        known: u64,
    },
    /// Somebody outside has seen more of the log than there is.
    #[error(
        "the log holds {found} records, but {seen} were shown to {who}; hint: a disk was rolled \
         back or restored from a backup; keep the directory as it is, and bring back the newer one"
    )]
    BehindWitness {
        /// Records in the log.
        found: u64,
        /// Records that there were.
        seen: u64,
        /// Who has seen them.
        who: String,
    },
    /// Somebody outside has seen another log under this log's key.
    #[error(
        "the first {size} records are not those that were shown to {who}; hint: the log was \
         rolled back and written on, or two gateways use one key; keep the directory as it is, \
         and run `portreeve verify` on it"
    )]
    Forked {
        /// How many records there were.
        size: u64,
        /// Who has seen others.
        who: String,
    },
    /// The system clock stands before the log's last record.
    #[error(
        "the system clock is {seconds} s behind the log's last record; \
         hint: set the clock, then start again"
    )]
    ClockBehind {
        /// By how much.
        seconds: u64,
    },
    /// A key file cannot be used.
    #[error("`{}` is not a key: {what}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
    /// New sessions are refused, though what runs may go on.
    #[error("the evidence log takes no new session: {reason}")]
    Restricted {
        /// Why.
        reason: String,
    },
    /// Nothing can be written.
    #[error(transparent)]
    Sealed(#[from] Sealed),
    /// A recording cannot be opened.
    #[error("the recording cannot be opened: {what}")]
    Unreadable {
        /// Why.
        what: &'static str,
    },
    /// A recording was destroyed.
    #[error("the recording of session {session} was shredded{}: {why}", by_whom(by.as_ref()))]
    Shredded {
        /// Whose recording.
        session: SessionId,
        /// By whom, where that is known.
        by: Option<Custodian>,
        /// Why.
        why: String,
    },
    /// A legal hold protects a recording.
    #[error(
        "session {session} is under legal hold `{hold}`; \
         hint: `portreeve evidence hold ls` says why, and only its release lets it go"
    )]
    Held {
        /// Which session.
        session: SessionId,
        /// The hold.
        hold: HoldId,
    },
    /// A session goes on.
    #[error("session {session} goes on; hint: end it first, its recording grows until then")]
    StillOpen {
        /// Which.
        session: SessionId,
    },
    /// A reason that cannot be recorded.
    #[error("the reason {what}; hint: say in a sentence why, it stays in the log")]
    Reason {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Two people are needed, and these are not two.
    #[error("{who} approved twice; hint: two different people must agree")]
    OnePerson {
        /// Who.
        who: Custodian,
    },
    /// A recording cannot be opened by anyone who has this directory alone.
    #[error(
        "the recording cannot be opened: the gateway's share of its key is not in the keyring: \
         it was lost, or the keyring was not copied"
    )]
    Erased,
    /// What was asked for is not there.
    #[error("{what}")]
    Absent {
        /// What.
        what: String,
    },
    /// The cryptographic library refused, which it does not in any known case.
    #[error("cryptography failed: {0}")]
    Crypto(&'static str),
}

fn by_whom(by: Option<&Custodian>) -> String {
    by.map(|by| format!(" by {by}")).unwrap_or_default()
}

impl Error {
    pub(crate) fn store(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Store { action, path: path.to_owned(), source }
    }
}
