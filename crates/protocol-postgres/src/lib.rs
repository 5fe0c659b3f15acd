//! PostgreSQL through the engine (floor 4).
//!
//! Both query protocols, COPY both ways, cancel, notices and notifications, TLS on both
//! sides. A client message that is not on the allow-list ends the session; a server
//! message that is not expected does too.
//!
//! | file | idea |
//! |---|---|
//! | `serve` | the door: encryption, token, resource, target |
//! | `conn` | one session: the loop |
//! | `gather` | which messages make one request, and what each needs |
//! | `startup` | what a client may say before it is a session |
//! | `dial` | reaching the target: TLS, SCRAM |
//! | `segment` | client messages → a request |
//! | `pipeline` | server messages → replies, masked |
//! | `plan`, `analyses` | what a statement's result must look like to the client |
//! | `names` | prepared statements, portals and cursors |
//! | `rows`, `copy`, `reports` | masking of rows, COPY data, errors and notices |
//! | `catalog` | the target's catalog snapshot |
//! | `cancel` | cancel keys |
//! | `manifest` | what the configuration and the commands know of this protocol |
//! | `replay` | a recording read back: for people as lines, for programs as data |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod analyses;
mod backend;
#[cfg(test)]
mod canary;
mod cancel;
mod catalog;
mod conn;
mod copy;
mod dial;
mod frame;
mod frontend;
mod gather;
mod manifest;
mod names;
mod pipeline;
mod plan;
pub mod replay;
mod reports;
mod rows;
mod segment;
mod serve;
mod shape;
mod startup;
mod subjects;
mod upstream;

pub use conn::ProtocolLimits;
pub use manifest::MANIFEST;
pub use serve::{Postgres, PostgresParts};
pub use upstream::{ClassifyColumn, TargetTls, Upstream, UpstreamConfig};

/// The protocol's name in records, metrics and configuration.
pub const NAME: &str = "postgres";
