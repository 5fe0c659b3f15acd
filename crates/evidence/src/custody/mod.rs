//! What the records say of the log's own custody: which recordings are kept, held, due and
//! destroyed. What acts on that is in `erasure`.

pub(crate) mod kept;
pub(crate) mod outline;
pub(crate) mod retention;
pub(crate) mod state;
