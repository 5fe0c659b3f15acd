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
//! | `connector` | a service as a connector serves it: opened there, request by request |
//! | `credential` | what opens a target |
//! | `decoding` | codings and charsets of bodies, undone |
//! | `escapes` | readings of what a text escapes, and of mail |
//! | `fields` | what the fields of a head say |
//! | `files` | files in texts, and texts that are written in other letters |
//! | `kept` | bytes of answers that wait, and the room that they take up |
//! | `listener` | connections of clients |
//! | `multipart` | bodies of several parts |
//! | `names` | what a field may be called, and where a text names one |
//! | `one` | whether a part of a path names one thing |
//! | `reviews` | where a client hears what has become of a review |
//! | `room` | bodies of requests, and what they take up |
//! | `sessions` | callers' sessions |
//! | `settings` | keys of the configuration that they all have |
//! | `problem` | the gateway's words to somebody who has no session |
//! | `target` | where a target is, and how it is asked |
//! | `templates` | paths with placeholders, as descriptions of services have them |
//! | `masking` | JSON and events, masked as they stream by |
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod body;
mod canonical;
mod carried;
mod classified;
mod connector;
mod credential;
mod decoding;
mod escapes;
mod fields;
mod files;
mod kept;
#[cfg(test)]
mod linear;
mod listener;
pub mod masking;
pub mod multipart;
mod names;
mod one;
mod problem;
mod reviews;
mod room;
mod sessions;
pub mod settings;
mod target;
mod templates;

pub use answer::{Outlet, begun, whole};
pub use body::AnswerBody;
pub use canonical::{Ambiguous, CanonicalPath, CanonicalQuery, is_plain_text, no_route, route_of};
pub use carried::{Carried, Search, Sureness};
pub use classified::{CategoryApart, CategoryOf, ClearsField, Fields, FieldsOf, FieldsParts, Seen};
pub use connector::{ServiceDialer, Unservable};
pub use credential::{Aws, AwsParts, ClientAuth, Credential, Hidden, OAuth, OAuthParts, Strike};
pub use decoding::Decoding;
pub use escapes::{percent_decoded, undone};
pub use fields::{
    application, bearer, charset, host, is_hop_by_hop, review_mode, wait_max, wishes,
};
pub use files::{OPAQUE, begins_like_a_file, bytes_of, files, text_of};
pub use kept::{Place, Rooms};
pub use listener::{Connection, Listener, ListenerLimits};
pub use problem::{
    PROBLEM_TYPE, Problem, ask_for_less, ended, message, no_answer, plain, problem_message,
    status_of, title,
};
pub use reviews::{REVIEWS, Reviews, review_answer, review_fields};
pub use room::{Room, look_through};
pub use sessions::{Ask, Caller, Opening, Sessions};
pub use target::{Address, Http2, Line, More, Service, Source, authority};
pub use templates::{Constraint, NoTemplate, PathTemplate, Templates};
