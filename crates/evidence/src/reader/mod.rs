//! Reads a log's directory, and opens its recordings.

pub(crate) mod entry;
pub(crate) mod follow;
pub(crate) mod log_reader;
#[cfg(feature = "recordings")]
pub(crate) mod opener;
