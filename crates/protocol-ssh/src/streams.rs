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
/// What a terminal shows, as it was painted.
pub(crate) const SCREEN: u8 = b'p';
/// Keys that were pressed, without letters.
pub(crate) const KEYS: u8 = b'k';
/// A line as it stood on a terminal when Enter was pressed.
pub(crate) const LINE: u8 = b'l';
/// How large a terminal is: `80x24`.
pub(crate) const WINDOW: u8 = b'w';
/// What a terminal says by itself to a target that has asked it.
pub(crate) const ANSWER: u8 = b'a';
/// What the gateway's words have with them on a terminal.
pub(crate) const RETURN: u8 = b'r';
