//! Before a gateway serves: its configuration, and what its targets have.

pub(crate) mod check;
pub(crate) mod discover;
