//! The target's side: reaching it, logging in, reading its catalog.

mod catalog;
mod dial;
mod upstream;

pub use dial::{Account, PostgresDialer};
pub use upstream::{ClassifyColumn, Upstream, UpstreamConfig};
