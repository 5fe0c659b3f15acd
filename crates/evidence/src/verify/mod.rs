//! Checks a log's directory with public keys alone.
//!
//! Checked: every frame's bytes; every footer's tree size, root and signature; that the
//! segments follow one another and the tree grows through all of them; that a leaf's
//! payload is the one stored behind it; that a session's records are numbered without a
//! gap, begin with its key and its opening, end once; that an answer has a request
//! before it; that what is missing at the beginning is what a record says was pruned, and
//! its hashes are there; and that the tree agrees with the checkpoints that are known from
//! elsewhere: the `head` file, and those the caller brings.
//!
//! What no check of a directory can see: that its end was cut off at an earlier commit
//! *and* the `head` file was put back to that state, or that the holder of the private
//! key wrote another log. Only a checkpoint kept elsewhere shows that, or what witnesses
//! have cosigned.

pub(crate) mod batch;
pub(crate) mod conclude;
pub(crate) mod extract;
pub(crate) mod inspector;
pub(crate) mod leaf;
pub(crate) mod outline;
pub(crate) mod outside;
pub(crate) mod pruned;
pub(crate) mod report;
pub(crate) mod report_file;
pub(crate) mod segment_walk;
pub(crate) mod sequence;
pub(crate) mod trust;
pub(crate) mod verifier;
pub(crate) mod walk;
