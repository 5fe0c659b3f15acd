//! Witnesses over HTTP, both sides: [`serve`] is the service that a witness offers,
//! [`Witnesses`] asks the ones that the configuration names.
//!
//! The protocol itself, what is cosigned and what is believed, is `portreeve_evidence::witness`.

mod ask;
mod keep;
mod serve;

pub use keep::{WitnessStatus, Witnesses};
pub use serve::serve;
