//! What is taken out of a log and proves itself elsewhere: proofs, tiles, bundles, reports.

pub(crate) mod bundle;
pub(crate) mod proofs;
pub(crate) mod report;
pub(crate) mod tiles;
