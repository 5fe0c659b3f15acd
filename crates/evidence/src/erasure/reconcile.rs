//! Makes what is there agree with what the records say, at every start and sweep: the same
//! way whether a stop left it undone or an old copy brought it back.

use crate::erasure::removal;
use crate::error::Error;
use crate::keys::keyring;
use crate::log::evidence_log::EvidenceLog;
use portreeve_model::SessionId;
use std::collections::HashSet;

/// What the log said and was not so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reconciled {
    /// Shares that were there though the log says that they were destroyed.
    pub shares_erased: u64,
    /// Segments that were there though the log says that they were to go.
    pub segments_removed: u64,
}

impl EvidenceLog {
    /// Does again what the log says was done: erases shares that came back, or that a stop
    /// left, and removes segments that were to go.
    ///
    /// # Errors
    /// The log cannot be read, or the keyring not be written.
    pub fn reconcile(&self) -> Result<Reconciled, Error> {
        let mut back = self.shares()?;
        let custody = self.custody()?;
        back.retain(|session| custody.is_destroyed(*session));
        Ok(Reconciled {
            shares_erased: self.erase(&back)?.len() as u64,
            segments_removed: match &custody.pruned {
                Some(pruned) => removal::remove(self.disk(), self.dir(), pruned)?,
                None => 0,
            },
        })
    }

    fn shares(&self) -> Result<HashSet<SessionId>, Error> {
        keyring::sessions(self.disk())
            .map_err(|error| Error::store("read the keyring of", self.dir(), error))
    }
}
