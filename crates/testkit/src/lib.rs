//! Suites and fakes for tests of protocols. A dev-dependency only.
//!
//! - [`canary`]: a marker in every field of a reply, the stream cut at every byte.
//! - [`traffic`]: a log of months of made-up sessions, and what is known of them.
//! - [`toy`]: the smallest protocol that has everything the engine asks for, and a world
//!   to run it in: real engine, real policies, real evidence, an in-memory wire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod canary;
pub mod toy;
pub mod traffic;
pub mod world;
