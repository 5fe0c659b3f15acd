//! The gateway's end: who has dialled in, and how targets are reached through them.

mod dial;
mod enrol;
mod hub;
mod member;
mod registry;
mod serve;
mod stream;

pub use dial::{LinkDialer, LinkTarget};
pub use hub::{ConnectorState, Hub, HubLimits, HubParts};
pub use registry::{Enrolment, Known, Registry, RegistryError, Standing, matches};
