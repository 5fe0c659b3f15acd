//! HTTP through the engine (floor 4).
//!
//! A request is read by the library, made canonical, and decided in that form; exactly that
//! form is sent on. An answer is masked value by value, in whatever way it is written; what
//! nobody can look into does not pass. Both are recorded as messages of HTTP/1.1, whatever
//! version the wire has.
//!
//! | room | idea |
//! |---|---|
//! | `description` | what the operator says of a service |
//! | `digests` | fields that tell the bytes of a body |
//! | `document` | what OpenAPI documents say of paths, effects and fields |
//! | `graphql` | operations of GraphQL, and what their answers call their fields |
//! | `probes` | how many values a text compares with |
//! | `request` | what a request asks for, and its bytes for the target |
//! | `replay` | recordings read back |
//! | `reply` | heads and bodies, masked |
//! | `target` | where a resource is, and what opens it |
//! | `service` | connections, callers' sessions, and the loop of one exchange |
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod description;
mod digests;
mod document;
mod graphql;
mod manifest;
mod probes;
pub mod replay;
mod reply;
mod request;
mod service;
mod target;

pub use description::{Description, Undescribed};
pub use document::{Document, DocumentError, Summary, Writing};
pub use manifest::MANIFEST;
pub use service::{Http, HttpLimits, HttpParts};
pub use target::{Target, TargetParts};

/// The protocol's name in the configuration, in records and in metrics.
pub const NAME: &str = "http";
