//! PostgreSQL through the engine (floor 4).
//!
//! Both query protocols, COPY both ways, cancel, notices and notifications, TLS on both
//! sides. A client message that is not on the allow-list ends the session; a server
//! message that is not expected does too.
//!
//! | room | idea |
//! |---|---|
//! | `wire` | messages: cutting, reading, writing |
//! | `login` | from an accepted connection to a session: encryption, token, resource |
//! | `target` | reaching the target: TLS, SCRAM, its catalog |
//! | `request` | client messages → requests: a value that is fed messages |
//! | `look` | looking through values that nobody has classified, by their types |
//! | `reply` | server messages → masked replies: a value that is fed messages |
//! | `session` | one session: the loop that feeds both |
//! | `named` | what names mean that PostgreSQL itself has given |
//! | `manifest` | what the configuration and the commands know of this protocol |
//! | `replay` | a recording read back: for people as lines, for programs as data |

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod limits;
mod login;
mod look;
mod manifest;
mod named;
pub mod replay;
mod reply;
mod request;
mod session;
mod target;
#[cfg(test)]
mod testing;
mod wire;
mod written;

pub use limits::ProtocolLimits;
pub use login::{Postgres, PostgresParts};
pub use look::{ClearColumn, Screening};
pub use manifest::MANIFEST;
pub use target::{
    Account, ColumnName, ColumnRules, FoundColumn, FoundTable, Inspection, PostgresDialer,
    Upstream, UpstreamConfig, offers_tls,
};
pub use wire::{literal, quoted};

/// The protocol's name in records, metrics and configuration.
pub const NAME: &str = "postgres";
