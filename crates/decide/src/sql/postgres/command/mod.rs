//! Statements by their verbs, and those that are neither queries nor writes.

pub(in crate::sql) mod copy;
pub(in crate::sql) mod define;
pub(in crate::sql) mod elements;
pub(in crate::sql) mod settings;
pub(in crate::sql) mod utility;
pub(in crate::sql) mod verb;
