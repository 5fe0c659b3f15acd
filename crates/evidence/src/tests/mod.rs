//! What the log promises, tried on real directories and on a disk that misbehaves.

mod crash;
mod extracts;
mod failing_disk;
mod roundtrip;
mod sim_disk;
mod simulation;
mod support;
mod tamper;
mod vectors;
mod witnessing;
