//! How a catalog is made of what the target answers.

pub(in crate::sql) mod assemble;
pub(in crate::sql) mod build;
pub(in crate::sql) mod code;
pub(in crate::sql) mod overlay;
pub mod questions;
