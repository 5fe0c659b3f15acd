//! What custodians do: destroy recordings, hold them, and let retention do its work.
//!
//! Everything is recorded first and done then. Whoever stops in between leaves a record
//! that says so, and [`EvidenceLog::reconcile`], which every start and every sweep runs,
//! does what the records say. So a share that comes back with an old copy of the keyring
//! goes again, too.

use crate::custody::kept::{Destroyed, Due, Hold, RetentionStatus};
use crate::custody::retention::Retention;
use crate::custody::state::Custody;
use crate::error::Error;
use crate::keys::keyring;
use crate::log::evidence_log::EvidenceLog;
use crate::log::receipt::Receipt;
use portreeve_model::{Custodian, Event, Held, HoldId, SessionId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

/// Records that are waited for together.
const BATCH_MAX: usize = 1000;
/// The longest reason, in bytes.
const WHY_BYTES_MAX: usize = 1000;

/// Whether something is done, or only said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Say what would be done.
    DryRun,
    /// Do it.
    Act,
}

/// What became of a recording that was to be destroyed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Shredding {
    /// The gateway's share of its key is gone: nobody can read it any more.
    Destroyed(Due),
    /// The same, though there was no share: it had been lost, or lies elsewhere.
    ShareWasMissing(Due),
    /// It had been destroyed before, for this reason.
    AlreadyDestroyed {
        /// Whose recording.
        session: SessionId,
        /// When, in microseconds since 1970.
        at_us: u64,
        /// Why.
        why: String,
        /// By whom, where that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<Custodian>,
    },
}

/// What a sweep found and did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sweep {
    /// Whether it was only said.
    pub dry_run: bool,
    /// The recordings that retention destroys.
    pub due: Vec<Due>,
    /// Those that it would, but for a hold.
    pub held: Vec<Due>,
}

/// What a sweep by `rules` at `now_us` would find in the log in `dir`, which a gateway may be
/// writing. Only reads.
///
/// # Errors
/// The log cannot be read.
pub fn preview(dir: &Path, rules: &Retention, now_us: u64) -> Result<Sweep, Error> {
    let custody = Custody::read(dir)?;
    custody.check_whole()?;
    Ok(Sweep::new(custody.due(rules, now_us), Mode::DryRun))
}

/// The holds in force in the log in `dir`, which a gateway may be writing. Only reads.
///
/// # Errors
/// The log cannot be read.
pub fn holds(dir: &Path) -> Result<Vec<Hold>, Error> {
    let custody = Custody::read(dir)?;
    custody.check_whole()?;
    Ok(custody.holds())
}

impl Sweep {
    fn new(due: Vec<Due>, mode: Mode) -> Self {
        let (held, due) = due.into_iter().partition(|due| due.held_by.is_some());
        Self { dry_run: mode == Mode::DryRun, due, held }
    }
}

impl EvidenceLog {
    /// What the records say now.
    pub(crate) fn custody(&self) -> Result<MutexGuard<'_, Custody>, Error> {
        let mut custody = self.custody_cell().lock().unwrap_or_else(PoisonError::into_inner);
        custody.catch_up(self.disk())?;
        custody.check_whole()?;
        Ok(custody)
    }

    /// How much is kept.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn retention_status(&self) -> Result<RetentionStatus, Error> {
        Ok(self.custody()?.retention_status())
    }

    /// Destroys the gateway's share of a recording's key, for good, and says so in the log
    /// first. Waits for the disk.
    ///
    /// # Errors
    /// There is no such session, it goes on, it is held; or the record or the share could
    /// not be written: then the next [`Self::reconcile`] finishes what was recorded.
    pub fn shred(&self, session: SessionId, why: &str, by: Custodian) -> Result<Shredding, Error> {
        check_reason(why)?;
        let custody = self.custody()?;
        if let Some(destroyed) = custody.destroyed.get(&session).cloned() {
            self.erase(&HashSet::from([session]))?;
            let Destroyed { at_us, why, by, .. } = destroyed;
            return Ok(Shredding::AlreadyDestroyed { session, at_us, why, by });
        }
        let kept = custody.sessions.get(&session).ok_or_else(|| Error::Absent {
            what: format!("there is no session {session} in the log"),
        })?;
        if !custody.is_over(kept) {
            return Err(Error::StillOpen { session });
        }
        let due = custody.describe(session, kept, why.to_owned());
        if let Some(hold) = due.held_by {
            return Err(Error::Held { session, hold });
        }
        let erased = self.destroy(std::slice::from_ref(&due), &by)?;
        Ok(match erased.contains(&session) {
            true => Shredding::Destroyed(due),
            false => Shredding::ShareWasMissing(due),
        })
    }

    /// Protects what `on` names from shredding, sweeping and pruning.
    ///
    /// # Errors
    /// There is no such recording any more, or the record could not be written.
    pub fn hold(&self, on: Held, why: &str, by: Custodian) -> Result<Hold, Error> {
        check_reason(why)?;
        let mut custody = self.custody()?;
        if let Held::Session(session) = &on
            && !custody.sessions.contains_key(session)
        {
            let what = match custody.destroyed.contains_key(session) {
                true => format!("the recording of session {session} was destroyed before"),
                false => format!("there is no session {session} in the log"),
            };
            return Err(Error::Absent { what });
        }
        let hold = HoldId(format!("hold-{}", crate::log::unit::salt()?.split_at(8).0));
        let why = why.to_owned();
        self.append(Event::HoldPlaced { hold: hold.clone(), on, why, by }).wait()?;
        custody.catch_up(self.disk())?;
        custody.hold(&hold).ok_or_else(|| lost(&hold))
    }

    /// Ends a hold; gives it as it was.
    ///
    /// # Errors
    /// There is no such hold, or the record could not be written.
    pub fn release(&self, hold: &HoldId, why: &str, by: Custodian) -> Result<Hold, Error> {
        check_reason(why)?;
        let custody = self.custody()?;
        let found = custody.hold(hold).ok_or_else(|| lost(hold))?;
        let (hold, why) = (hold.clone(), why.to_owned());
        self.append(Event::HoldReleased { hold, why, by }).wait()?;
        Ok(found)
    }

    /// The holds in force, the oldest first.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn holds(&self) -> Result<Vec<Hold>, Error> {
        Ok(self.custody()?.holds())
    }

    /// Destroys the recordings whose time is over by `rules`, one record for each.
    ///
    /// # Errors
    /// As for [`Self::shred`].
    pub fn sweep(&self, rules: &Retention, mode: Mode, by: &Custodian) -> Result<Sweep, Error> {
        let custody = self.custody()?;
        let sweep = Sweep::new(custody.due(rules, self.now_us()), mode);
        if mode == Mode::Act {
            self.destroy(&sweep.due, by)?;
        }
        Ok(sweep)
    }

    /// Records, waits, erases. The caller holds the custody, so that no hold comes between.
    pub(crate) fn destroy(&self, all: &[Due], by: &Custodian) -> Result<HashSet<SessionId>, Error> {
        let mut erased = HashSet::new();
        for some in all.chunks(BATCH_MAX) {
            let record = |due: &Due| {
                let (of, why, by) = (due.session, due.why.clone(), Some(by.clone()));
                self.append(Event::RecordingShredded { of, why, by })
            };
            let receipts: Vec<Receipt> = some.iter().map(record).collect();
            receipts.into_iter().try_for_each(Receipt::wait)?;
            erased.extend(self.erase(&some.iter().map(|due| due.session).collect())?);
        }
        Ok(erased)
    }

    pub(super) fn erase(&self, sessions: &HashSet<SessionId>) -> Result<HashSet<SessionId>, Error> {
        if sessions.is_empty() {
            return Ok(HashSet::new());
        }
        keyring::erase(self.disk(), sessions)
            .map_err(|error| Error::store("erase a share in", self.dir(), error))
    }
}

fn lost(hold: &HoldId) -> Error {
    Error::Absent { what: format!("there is no hold `{hold}` in force") }
}

/// A reason is for people, and has to fit into a record.
pub(crate) fn check_reason(why: &str) -> Result<(), Error> {
    let length = why.trim().len();
    match length {
        0 => Err(Error::Reason { what: "is empty" }),
        1..=WHY_BYTES_MAX => Ok(()),
        _ => Err(Error::Reason { what: "is longer than 1,000 bytes" }),
    }
}
