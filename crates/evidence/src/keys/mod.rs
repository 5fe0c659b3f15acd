//! The log's keys, those of recordings, and how bytes are sealed with them:
//! `docs/formats/evidence-keys.md`.

pub(crate) mod files;
#[cfg(feature = "recordings")]
pub(crate) mod hpke;
pub(crate) mod keyring;
#[cfg(feature = "writer")]
pub(crate) mod mint;
pub(crate) mod months;
pub(crate) mod seal;
