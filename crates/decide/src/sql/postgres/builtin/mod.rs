//! What PostgreSQL itself brings, by name. A name that is on no list is not known.

pub(in crate::sql) mod contents;
pub(in crate::sql) mod functions;
pub(in crate::sql) mod operators;
pub(in crate::sql) mod system;
