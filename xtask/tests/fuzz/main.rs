//! Every parser of outside bytes that the crates show, on mutated input.
//!
//! In a test run: a fixed number of inputs from a fixed seed, so that it is the same every
//! time. `cargo xtask fuzz --seconds N --seed N` goes on for longer. An input that breaks a
//! promise is written to `fuzz/found/TARGET/`; it becomes a seed in `fuzz/seeds/TARGET/`
//! together with the repair.
//!
//! Parsers that are private to a crate have property tests beside them.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod campaign;
mod evidence;
mod mutate;
mod outside;
mod text;
mod token;
mod wire;
