//! Before a gateway serves: its configuration, what its targets have, and whether it holds.

pub(crate) mod check;
pub(crate) mod discover;
pub(crate) mod selftest;
