//! What a regulator asks, answered from the evidence (floor 3).
//!
//! A report is made by one pass over a log. Each has a type of its own in `kinds`, whose fields
//! say where they come from: `observed` in the log, `configured` in the gateway, `declared` by a
//! person. What is missing is listed as a gap, and nothing is made up. [`make`] gives a
//! [`Report`]: the content, and the proof block that `verify` checks ([`check`]).
//!
//! It knows no configuration file, no API and no protocol: what is configured and declared
//! comes in as plain data, and objects are named as the log names them.
//!
//! | room | idea |
//! |---|---|
//! | `anomalies` | rules over the stream of exchanges |
//! | `walk` | the pass: exchanges put together from records |
//! | `kinds` | the reports |
//! | `document` | one shape for all of them, and how it is written: HTML, Markdown, CSV |
//! | `report` | making one, with its proof block, and making it again to check it |
//! | `law`, `categories` | references with dates, as data |
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod anomalies;
mod categories;
mod configured;
mod declared;
mod document;
mod error;
mod inputs;
mod kinds;
mod law;
mod report;
mod scope;
mod time;
mod walk;

pub use configured::{Configured, ConfiguredColumn, ConfiguredResource, RetentionRule};
pub use declared::{
    Activity as DeclaredActivity, Contact, Controller, Declared, Incident, ModelProvider,
    Recipient, Tested,
};
pub use document::{Block, Document, Field, Rendering, Source, Table};
pub use error::Error;
pub use inputs::{Inputs, RecordForm, Staff};
pub use kinds::Kind;
pub use report::{Checked, Made, Report, Wanted, again, check, make};
pub use scope::{Period, Scope, Subject};
pub use walk::{Exchange, Observer, People, ReviewFacts, SessionFacts, Walk, Walked, walk};
