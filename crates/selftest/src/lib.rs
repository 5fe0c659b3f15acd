//! What a self-test plants, asks and looks for (floor 2): made-up values of people, the published
//! cases of `corpus/bypass` rewritten for where they are asked, what became of each, and the
//! report.
//!
//! It opens no connection, and knows no protocol: whoever asks brings what was answered, by the
//! target itself and by the gateway. It keeps no value: a trace is looked for, and never written.
//!
//! ```
//! use portreeve_selftest::{Canaries, Traces};
//!
//! let canaries = Canaries::new([7; 32]);
//! let traces = Traces::of(canaries.values());
//! let email = canaries.people()[0].email.clone();
//! assert_eq!(traces.found_in(format!("to {}", email.to_uppercase()).as_bytes()), Some("email"));
//! assert_eq!(traces.found_in(b"to [email]"), None);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod canary;
mod cases;
mod judge;
mod protection;
mod report;
mod selection;
mod traces;

pub use canary::{Canaries, Person};
pub use cases::{Asked, Case, ColumnNames, ColumnPlace, Expectation, Mode, PlantedSchema, cases};
pub use judge::{Answer, Control, Controls, judge};
pub use protection::{Protection, Subject};
pub use report::{Counts, Finding, Report, Verdict};
pub use selection::Selection;
pub use traces::Traces;
