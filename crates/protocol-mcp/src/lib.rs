//! The Model Context Protocol through the engine (floor 4).
//!
//! A message is read once, strictly; what was decided is what is sent on. Both eras of the
//! protocol are served: with a handshake and sessions (to 2025-11-25), and without
//! (2026-07-28). What a server answers, logs or asks for is masked before the client gets it.
//!
//! | room | idea |
//! |---|---|
//! | `message` | JSON-RPC, read strictly |
//! | `tools` | what a server says of its tools, and whether that has changed |
//! | `request` | what a message asks for, and its bytes for the server |
//! | `replay` | recordings read back |
//! | `reply` | messages of the server, masked |
//! | `target` | where a server is, and what is classified |
//! | `upstream` | a server over HTTP, or a program that the gateway runs |
//! | `own` | what the gateway itself offers as a server |
//! | `service` | clients' connections, sessions and streams |
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod manifest;
mod message;
mod own;
pub mod replay;
mod reply;
mod request;
mod service;
mod target;
mod tools;
mod upstream;

pub use manifest::MANIFEST;
pub use own::{Offered, Offers, Query, Rows, Run, Trouble};
pub use service::{Mcp, McpLimits, McpParts};
pub use target::{Place, Program, Target, TargetParts};
pub use tools::{Descriptions, Pinned};

/// The protocol's name in the configuration, in records and in metrics.
pub const NAME: &str = "mcp";
