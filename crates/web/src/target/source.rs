//! The body of an answer, in chunks.

use super::line::Line;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use portreeve_session::SessionError;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// As much of an answer as is masked and recorded at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How long a chunk may wait for more.
const CHUNK_WAIT: Duration = Duration::from_millis(5);

/// Whether more of an answer is to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    /// It is.
    Follows,
    /// This was the last of it.
    Ended,
}

/// The body of an answer, in chunks.
#[derive(Debug)]
pub struct Source {
    body: Incoming,
    reply_timeout: Duration,
    is_over: bool,
    /// The line that it comes over, where nobody else keeps that.
    _line: Option<Line>,
}

impl Source {
    /// The body of an answer whose target may say nothing for so long.
    #[must_use]
    pub fn new(body: Incoming, reply_timeout: Duration) -> Self {
        Self { body, reply_timeout, is_over: false, _line: None }
    }

    /// The same, with the line that it comes over: both end together.
    #[must_use]
    pub fn holding(self, line: Line) -> Self {
        Self { _line: Some(line), ..self }
    }

    /// Some bytes: as many as make a chunk, or as come within a moment. Cancel-safe only
    /// between calls.
    ///
    /// # Errors
    /// The target broke off, or does not go on.
    pub async fn next(&mut self) -> Result<(Bytes, More), SessionError> {
        let mut chunk = BytesMut::new();
        let mut until = Instant::now() + self.reply_timeout;
        while chunk.len() < CHUNK_BYTES && !self.is_over {
            match timeout_at(until, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        chunk.extend_from_slice(&data);
                        until = Instant::now() + CHUNK_WAIT;
                    }
                }
                Ok(Some(Err(_))) => return Err(SessionError::TargetGone),
                Ok(None) => self.is_over = true,
                Err(_) if !chunk.is_empty() => break,
                Err(_) => return Err(SessionError::Timeout("the target does not go on")),
            }
        }
        Ok((chunk.freeze(), if self.is_over { More::Ended } else { More::Follows }))
    }
}
