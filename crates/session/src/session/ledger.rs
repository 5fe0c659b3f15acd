//! What the exchanges of a session have used together.

use super::lock;
use portreeve_model::Usage;
use std::sync::Mutex;

/// Usage that several exchanges share.
///
/// INVARIANT: an exchange adds what it is about to give *before* policy is asked about the
/// sum, and takes back what it does not give. So two of them that run at once never spend
/// the same rows.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Usage>);

impl Ledger {
    /// Adds what is about to be given.
    pub(crate) fn reserve(&self, usage: Usage) {
        *lock(&self.0) += usage;
    }

    /// Takes back what was reserved and not given.
    pub(crate) fn give_back(&self, usage: Usage) {
        let mut spent = lock(&self.0);
        *spent = spent.saturating_sub(usage);
    }

    /// What is spent or reserved now.
    pub(crate) fn spent(&self) -> Usage {
        *lock(&self.0)
    }
}
