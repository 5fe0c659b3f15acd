//! What people ask of a log: which sessions there were, what one did, who saw whose data.

pub(crate) mod exchange;
pub(crate) mod sessions;
#[cfg(feature = "recordings")]
pub(crate) mod subjects;
pub(crate) mod summary;
