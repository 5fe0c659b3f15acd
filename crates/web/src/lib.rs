//! What every protocol over HTTP shares (between the engine and the protocols): no route, no
//! method, no message of its own.
//!
//! A protocol keeps a [`Listener`] and one [`Sessions`], reads its own messages, and masks what
//! comes back with a [`Look`](masking::Look).
//!
//! | room | idea |
//! |---|---|
//! | `canonical` | one spelling for each path and query |
//! | `carried` | what the body of a request carries out |
//! | `decoding` | codings and charsets of bodies, undone |
//! | `fields` | what the fields of a head say |
//! | `listener` | connections of clients |
//! | `room` | bodies of requests, and what they take up |
//! | `sessions` | callers' sessions |
//! | `problem` | the gateway's words to somebody who has no session |
//! | `target` | where a target is, what opens it, and how it is asked |
//! | `masking` | JSON and events, masked as they stream by |
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod canonical;
mod carried;
mod decoding;
mod fields;
mod listener;
pub mod masking;
mod problem;
mod room;
mod sessions;
mod target;

pub use canonical::{Ambiguous, CanonicalPath, CanonicalQuery};
pub use carried::{Carried, OPAQUE, Search, Sureness};
pub use decoding::Decoding;
pub use fields::{application, bearer, host, is_hop_by_hop, review_mode, wishes};
pub use listener::{Connection, Listener, ListenerLimits};
pub use problem::{AnswerBody, Problem, ended, no_answer, plain, problem_message, title};
pub use room::Room;
pub use sessions::{Ask, Caller, Opening, Sessions};
pub use target::{Address, Credential, Line, More, Source};
