//! What policies answer, as tables of asks and answers.
//!
//! An ask is written in clauses: `person ann in analysts; actor planner in agents; read
//! public.orders; rows 10; purpose support`. See `asking.rs`.
#![allow(missing_docs, clippy::unwrap_used)]

mod asking;
mod chains;
mod counters;
mod kinds;
mod loading;
mod reviews;
mod shipped;
