//! Transparency-log formats, as C2SP and RFC 6962 have them: the tree, notes and their keys,
//! proofs, and policies of trust. Nothing here knows a file or a record.

pub mod merkle;
pub(crate) mod note;
pub(crate) mod proof;
#[cfg(feature = "writer")]
pub(crate) mod signer;
pub(crate) mod tlog_proof;
pub mod trust_policy;
pub(crate) mod vkey;
