//! The file system as a log needs it: segments and shares behind a trait that a test's disk
//! implements too, whole files put in place, and the lock of the one who writes.

pub(crate) mod lock;
pub(crate) mod place;
pub(crate) mod storage;
