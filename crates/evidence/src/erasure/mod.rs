//! What custodians do: destroy recordings, hold them, prune the log, and set a damaged one
//! aside. Everything is recorded first and done then.

pub(crate) mod prune;
pub(crate) mod reconcile;
pub(crate) mod removal;
pub(crate) mod replace;
pub(crate) mod shred;
