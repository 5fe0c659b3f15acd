//! Proofs for libraries that own the socket: an HTTP library takes a body and a header, an
//! SSH library a channel. They ask for raw bytes; these types give them out, and take
//! nothing but proofs in.
//!
//! SECURITY: the bodies' `poll_frame` and the writer's `send` are the audited places where
//! bytes leave their proof. Nothing else may be added here.

use crate::SessionError;
use crate::proof::{Permitted, Released};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Parts of a body that wait for the library to take them.
const PARTS_MAX: usize = 4;

/// The sending end of a body: takes proofs, and waits while the library does not take them.
#[derive(Debug)]
pub struct BodySender<P>(mpsc::Sender<P>);

impl<P> BodySender<P> {
    /// Hands a part over.
    ///
    /// # Errors
    /// The library has dropped the body: the side that it belongs to is gone.
    pub async fn send(&self, part: P) -> Result<(), SessionError> {
        self.0.send(part).await.map_err(|_| SessionError::ClientGone)
    }
}

/// An HTTP body for the client.
#[derive(Debug)]
pub struct ReleasedBody(mpsc::Receiver<Released>);

/// An HTTP body for the target.
#[derive(Debug)]
pub struct PermittedBody(mpsc::Receiver<Permitted>);

/// A body for the client, and its sending end.
#[must_use]
pub fn released_body() -> (BodySender<Released>, ReleasedBody) {
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    (BodySender(sender), ReleasedBody(receiver))
}

/// A body for the target, and its sending end.
#[must_use]
pub fn permitted_body() -> (BodySender<Permitted>, PermittedBody) {
    let (sender, receiver) = mpsc::channel(PARTS_MAX);
    (BodySender(sender), PermittedBody(receiver))
}

type Part = Poll<Option<Result<Frame<Bytes>, Infallible>>>;

impl Body for ReleasedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Part {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(Frame::data(part.bytes))))
    }
}

impl Body for PermittedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Part {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(Frame::data(part.wire))))
    }
}

/// The client's end of one channel of a library that owns the connection.
#[derive(Debug)]
pub struct ReleasedWriter<W> {
    channel: W,
    write_timeout: Duration,
}

impl<W: AsyncWrite + Unpin> ReleasedWriter<W> {
    /// Wraps a channel; nothing else writes to it from here on.
    pub fn new(channel: W, write_timeout: Duration) -> Self {
        Self { channel, write_timeout }
    }

    /// Sends released bytes; waits until the channel has taken them.
    ///
    /// # Errors
    /// The client is gone, or does not read.
    pub async fn send(&mut self, released: Released) -> Result<(), SessionError> {
        let write = async {
            self.channel.write_all(&released.bytes).await?;
            self.channel.flush().await
        };
        match timeout(self.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SessionError::ClientGone),
            Err(_) => Err(SessionError::Timeout("the client does not read")),
        }
    }
}
