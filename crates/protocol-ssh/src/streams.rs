//! What pieces of records are called: one letter each.

/// A command line, as it came.
pub(crate) const COMMAND: u8 = b'c';
/// What is written to a command.
pub(crate) const INPUT: u8 = b'i';
/// What it writes.
pub(crate) const OUTPUT: u8 = b'o';
/// What it writes as errors, and what the gateway says.
pub(crate) const ERRORS: u8 = b'e';
/// What is in a file that a client reads, as masked.
pub(crate) const FILE: u8 = b'f';
/// That a side writes no more.
pub(crate) const END: u8 = b'q';
/// The number that it ended with, in decimal.
pub(crate) const STATUS: u8 = b'x';
/// The signal that ended it, by its name.
pub(crate) const SIGNAL: u8 = b's';
