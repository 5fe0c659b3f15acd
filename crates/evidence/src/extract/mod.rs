//! What is taken out of a log and proves itself elsewhere: proofs, tiles, bundles.

pub(crate) mod bundle;
pub(crate) mod proofs;
pub(crate) mod tiles;
