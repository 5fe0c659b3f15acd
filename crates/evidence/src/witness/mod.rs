//! The C2SP witness protocol without its network: <https://c2sp.org/tlog-witness>.
//!
//! [`AddCheckpoint`] is the request as both sides know it; [`Witness`] decides about
//! requests and remembers, for each log, the largest tree that it has cosigned;
//! [`Witnessed`] is what a log keeps of the answers.

mod answer;
pub(crate) mod keep;
mod request;
#[cfg(feature = "writer")]
mod serve;

pub use answer::{Cosigned, conflict_size, cosigned};
pub use keep::{WITNESSED_FILE, Witnessed};
pub use request::AddCheckpoint;
#[cfg(feature = "writer")]
pub use serve::{Refusal, Witness, origin_hash};
