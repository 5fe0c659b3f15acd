//! Proofs for libraries that own the socket: an HTTP library takes a body and a header, an
//! SSH library a channel. They ask for raw bytes; these types give them out, and take
//! nothing but proofs in.
//!
//! SECURITY: the bodies' `poll_frame`, the writers' `send`, and the two functions that read a
//! head out of a proof's own bytes are the audited places where bytes leave their proof, beside
//! those in `streams`. Nothing else may be added here.

use crate::SessionError;
use crate::proof::{Permitted, Released};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body::{Body, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// Parts of a body that wait for the library to take them.
const PARTS_MAX: usize = 4;

/// Most fields in a head.
const FIELDS_MAX: usize = 128;

/// The sending end of a body: takes proofs, and waits while the library does not take them.
/// One that is dropped without [`BodySender::finish`] leaves a body that was cut off.
#[derive(Debug)]
pub struct BodySender<P>(mpsc::Sender<BodyPart<P>>);

/// A part of a body, or its end.
#[derive(Debug)]
enum BodyPart<P> {
    Data(P),
    End,
}

/// The rest of a body was withheld, or its side is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the body was cut off")]
pub struct CutOff;

/// A head out of a proof cannot be read: a fault of the protocol that wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a head that was recorded cannot be read")]
pub struct UnreadableHead;

impl<P> BodySender<P> {
    /// Hands a part over.
    ///
    /// # Errors
    /// The library has dropped the body: the side that it belongs to is gone.
    pub async fn send(&self, part: P) -> Result<(), SessionError> {
        self.0.send(BodyPart::Data(part)).await.map_err(|_| SessionError::ClientGone)
    }

    /// Resolves when the library has dropped the body: its side is gone.
    pub async fn gone(&self) {
        self.0.closed().await;
    }

    /// Says that all of it was handed over.
    pub async fn finish(self) {
        let _ = self.0.send(BodyPart::End).await;
    }
}

/// An HTTP body for the client.
#[derive(Debug)]
pub struct ReleasedBody(mpsc::Receiver<BodyPart<Released>>);

/// An HTTP body for the target.
#[derive(Debug)]
pub struct PermittedBody(mpsc::Receiver<BodyPart<Permitted>>);

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

/// The head of an answer, and what follows it: both out of one release.
///
/// # Errors
/// The release does not begin with a whole head of HTTP/1.1.
pub fn released_head(
    released: Released,
) -> Result<(http::response::Parts, Released), UnreadableHead> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let length = whole(head.parse(&released.bytes))?;
    let code = head.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(UnreadableHead)?;
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = code;
    take_fields(head.headers, &mut parts.headers)?;
    Ok((parts, Released { bytes: released.bytes.slice(length..) }))
}

/// The head of a request, and what follows it: both out of one permit.
///
/// # Errors
/// The permit does not begin with a whole head of HTTP/1.1.
pub fn permitted_head(
    permitted: Permitted,
) -> Result<(http::request::Parts, Permitted), UnreadableHead> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut fields);
    let length = whole(head.parse(&permitted.wire))?;
    let method = head.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let target = head.path.and_then(|target| target.parse::<Uri>().ok());
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = method.ok_or(UnreadableHead)?;
    parts.uri = target.ok_or(UnreadableHead)?;
    take_fields(head.headers, &mut parts.headers)?;
    Ok((parts, Permitted { wire: permitted.wire.slice(length..) }))
}

fn whole(parsed: httparse::Result<usize>) -> Result<usize, UnreadableHead> {
    match parsed {
        Ok(httparse::Status::Complete(length)) => Ok(length),
        Ok(httparse::Status::Partial) | Err(_) => Err(UnreadableHead),
    }
}

fn take_fields(
    fields: &[httparse::Header<'_>],
    out: &mut http::HeaderMap,
) -> Result<(), UnreadableHead> {
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| UnreadableHead)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| UnreadableHead)?;
        out.append(name, value);
    }
    Ok(())
}

type Part = Poll<Option<Result<Frame<Bytes>, CutOff>>>;

fn part<P>(received: Option<BodyPart<P>>, bytes: impl FnOnce(P) -> Bytes) -> Part {
    Poll::Ready(match received {
        Some(BodyPart::Data(data)) => Some(Ok(Frame::data(bytes(data)))),
        Some(BodyPart::End) => None,
        None => Some(Err(CutOff)),
    })
}

impl Body for ReleasedBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Part {
        match self.0.poll_recv(context) {
            Poll::Ready(received) => part(received, |released| released.bytes),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Body for PermittedBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Part {
        match self.0.poll_recv(context) {
            Poll::Ready(received) => part(received, |permitted| permitted.wire),
            Poll::Pending => Poll::Pending,
        }
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
        match write(&mut self.channel, &released.bytes, self.write_timeout).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SessionError::ClientGone),
            Err(_) => Err(SessionError::Timeout("the client does not read")),
        }
    }
}

/// The target's end of one channel, or the standard input of a program that is the target.
#[derive(Debug)]
pub struct PermittedWriter<W> {
    channel: W,
    write_timeout: Duration,
}

impl<W: AsyncWrite + Unpin> PermittedWriter<W> {
    /// Wraps a channel; nothing else writes to it from here on.
    pub fn new(channel: W, write_timeout: Duration) -> Self {
        Self { channel, write_timeout }
    }

    /// Sends permitted bytes; waits until the channel has taken them.
    ///
    /// # Errors
    /// The target is gone, or does not read.
    pub async fn send(&mut self, permitted: Permitted) -> Result<(), SessionError> {
        match write(&mut self.channel, &permitted.wire, self.write_timeout).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SessionError::TargetGone),
            Err(_) => Err(SessionError::Timeout("the target does not read")),
        }
    }

    /// Says that nothing more comes.
    pub async fn finish(&mut self) {
        let _ = timeout(self.write_timeout, self.channel.shutdown()).await;
    }
}

async fn write<W: AsyncWrite + Unpin>(
    channel: &mut W,
    bytes: &[u8],
    write_timeout: Duration,
) -> Result<io::Result<()>, Elapsed> {
    let write = async {
        channel.write_all(bytes).await?;
        channel.flush().await
    };
    timeout(write_timeout, write).await
}
