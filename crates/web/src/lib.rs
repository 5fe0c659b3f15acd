//! What every protocol over HTTP shares (between the engine and the protocols): no route, no
//! method, no message of its own.
//!
//! A protocol keeps a [`Listener`] and one [`Sessions`], reads its own messages, and masks what
//! comes back with a [`Look`](masking::Look).
//!
//! | room | idea |
//! |---|---|
//! | `answer` | what the engine has released, as the library sends it |
//! | `canonical` | one spelling for each path and query |
//! | `carried` | what the body of a request carries out |
//! | `classified` | which fields hold personal data, and what policy shows of them |
//! | `credential` | what opens a target |
//! | `decoding` | codings and charsets of bodies, undone |
//! | `fields` | what the fields of a head say |
//! | `listener` | connections of clients |
//! | `room` | bodies of requests, and what they take up |
//! | `sessions` | callers' sessions |
//! | `settings` | keys of the configuration that they all have |
//! | `problem` | the gateway's words to somebody who has no session |
//! | `target` | where a target is, and how it is asked |
//! | `masking` | JSON and events, masked as they stream by |
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod canonical;
mod carried;
mod classified;
mod credential;
mod decoding;
mod fields;
mod listener;
pub mod masking;
mod problem;
mod room;
mod sessions;
pub mod settings;
mod target;

pub use answer::{AnswerBody, begun, whole};
pub use canonical::{Ambiguous, CanonicalPath, CanonicalQuery};
pub use carried::{Carried, OPAQUE, Search, Sureness};
pub use classified::{CategoryOf, ClearsField, Fields, FieldsOf, FieldsParts, Seen};
pub use credential::{Aws, AwsParts, ClientAuth, Credential, OAuth, OAuthParts};
pub use decoding::Decoding;
pub use fields::{application, bearer, host, is_hop_by_hop, review_mode, wishes};
pub use listener::{Connection, Listener, ListenerLimits};
pub use problem::{
    Problem, ask_for_less, ended, no_answer, plain, problem_message, status_of, title,
};
pub use room::{Room, look_through};
pub use sessions::{Ask, Caller, Opening, Sessions};
pub use target::{Address, Http2, Line, More, Source, authority};
