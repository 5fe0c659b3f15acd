//! What the log promises, tried on real directories and on a disk that misbehaves.

mod crash;
mod failing_disk;
mod roundtrip;
mod sim_disk;
mod simulation;
pub(crate) mod support;
mod tamper;
mod vectors;
