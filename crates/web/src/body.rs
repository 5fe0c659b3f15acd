//! What answers are made of.

use bytes::Bytes;
use http_body_util::{Either, Full};
use portreeve_session::ReleasedBody;

/// The body of an answer: what the engine has released, or words of the gateway to somebody who
/// has no session.
pub type AnswerBody = Either<ReleasedBody, Full<Bytes>>;
