//! The target's side: reaching it, logging in, reading its catalog.

mod catalog;
mod dial;
mod fence;
mod types;
mod upstream;
mod versions;

pub(crate) use catalog::{session_settings, set};
pub use dial::{Account, PostgresDialer};
pub(crate) use fence::PlanFence;
pub use upstream::{ClassifyColumn, Upstream, UpstreamConfig};
