//! Expressions: what a value may hold, and what computing it tells.

pub(in crate::sql) mod call;
pub(in crate::sql) mod document;
pub(in crate::sql) mod expression;
pub(in crate::sql) mod made;
pub(in crate::sql) mod missing;
pub(in crate::sql) mod name;
