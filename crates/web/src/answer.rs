//! Answers as the library sends them, made of what the engine has released.

use crate::body::AnswerBody;
use crate::problem::{Problem, ended};
use http::{Response, StatusCode};
use http_body_util::Either;
use portreeve_session::{BodySender, Released, SessionError, released_body, released_head};
use std::time::Duration;
use tokio::time::timeout;

/// A client that takes nothing of an answer for so long does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the rest of an answer goes.
#[derive(Debug)]
pub struct Outlet(BodySender<Released>);

impl Outlet {
    /// Hands a part over.
    ///
    /// # Errors
    /// The client is gone, or does not read.
    pub async fn send(&self, part: Released) -> Result<(), SessionError> {
        let late = |_| SessionError::Timeout("the client does not read");
        timeout(WRITE_TIMEOUT, self.0.send(part)).await.map_err(late)?
    }

    /// Resolves when the client is gone.
    pub async fn gone(&self) {
        self.0.gone().await;
    }

    /// Says that all of it was handed over.
    pub async fn finish(self) {
        let _ = timeout(WRITE_TIMEOUT, self.0.finish()).await;
    }
}

/// An answer whose body is still to come, and what of that was released with its head.
///
/// # Errors
/// The release does not begin with a head.
pub fn begun(released: Released) -> Result<(Response<AnswerBody>, Outlet, Released), Problem> {
    let unreadable =
        |_| Problem::new(StatusCode::BAD_GATEWAY, "the answer could not be written", "");
    let (parts, rest) = released_head(released).map_err(unreadable)?;
    let (sender, body) = released_body();
    Ok((Response::from_parts(parts, Either::Left(body)), Outlet(sender), rest))
}

/// An answer that is all there.
///
/// # Errors
/// The release does not begin with a head.
pub async fn whole(released: Released) -> Result<Response<AnswerBody>, Problem> {
    let (response, outlet, rest) = begun(released)?;
    outlet.send(rest).await.map_err(|error| ended(&error))?;
    outlet.finish().await;
    Ok(response)
}
