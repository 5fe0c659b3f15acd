//! What the log promises, tried on real directories and on a disk that misbehaves.

mod crash;
mod erase;
mod extracts;
mod failing_disk;
mod following;
mod parts;
mod prune;
mod replace;
mod roundtrip;
pub(crate) mod sim_disk;
mod simulation;
pub(crate) mod support;
mod tamper;
mod vectors;
mod witnessing;
