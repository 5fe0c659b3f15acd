//! How a catalog is made of what the target answers.

pub(in crate::sql) mod build;
