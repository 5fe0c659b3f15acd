//! Answers as the library sends them, made of what the engine has released.

use crate::problem::{Problem, ended};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use portreeve_session::{BodySender, Released, ReleasedBody, released_body, released_head};

/// The body of an answer: what the engine has released, or words of the gateway to somebody who
/// has no session.
pub type AnswerBody = Either<ReleasedBody, Full<Bytes>>;

/// An answer whose body is still to come, and what of that was released with its head.
///
/// # Errors
/// The release does not begin with a head.
pub fn begun(
    released: Released,
) -> Result<(Response<AnswerBody>, BodySender<Released>, Released), Problem> {
    let unreadable =
        |_| Problem::new(StatusCode::BAD_GATEWAY, "the answer could not be written", "");
    let (parts, rest) = released_head(released).map_err(unreadable)?;
    let (sender, body) = released_body();
    Ok((Response::from_parts(parts, Either::Left(body)), sender, rest))
}

/// An answer that is all there.
///
/// # Errors
/// The release does not begin with a head.
pub async fn whole(released: Released) -> Result<Response<AnswerBody>, Problem> {
    let (response, sender, rest) = begun(released)?;
    sender.send(rest).await.map_err(|error| ended(&error))?;
    sender.finish().await;
    Ok(response)
}
