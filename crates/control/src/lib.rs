//! Identity, configuration, the control store, reviews and the API (floor 5).
//!
//! What the operator sets up and what people answer lives here: who a token names,
//! what the configuration file says, who may approve a held command. Nothing here
//! sees a byte of a target's data, and nothing here decides about a command: policy
//! does that, in `portreeve-decide`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod administration;
pub mod api;
pub mod authenticator;
pub mod client;
pub mod config;
pub mod connectors;
pub mod exports;
mod files;
mod http;
pub mod identity;
pub mod metrics;
mod party;
mod people;
pub mod proposals;
pub mod reports;
pub mod reviews;
pub mod search;
pub mod secrets;
mod sigv4;
pub mod store;
pub mod targets;
#[cfg(test)]
mod testing;
pub mod usage;
pub mod witness;

pub use config::{Config, ConfigError};
pub use identity::{AuthError, Identities, Identity};
pub use reviews::Reviews;
pub use store::{Store, StoreError};
