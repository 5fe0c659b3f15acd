//! Queries and writes: where rows come from, which of them, and where they go.

pub(in crate::sql) mod bounded;
pub(in crate::sql) mod from;
pub(in crate::sql) mod modify;
pub(in crate::sql) mod predicate;
pub(in crate::sql) mod scope;
pub(in crate::sql) mod select;
pub(in crate::sql) mod shown;
pub(in crate::sql) mod touched;
pub(in crate::sql) mod with;
