//! The two ends of a session. The sockets are private to this folder.
//!
//! A connection starts as a [`PreAuth`], where handshakes are made and no data of the other
//! side is in reach. A session turns it into a [`ClientSide`] or a [`TargetSide`], which
//! take proofs only. Where a library owns the socket, [`body`] is what it gets, and [`streams`]
//! where it carries several at once.

mod body;
mod streams;

pub use body::{
    BodySender, CutOff, PermittedBody, PermittedWriter, ReleasedBody, ReleasedWriter,
    UnreadableHead, permitted_body, permitted_head, released_body, released_head,
};
pub use streams::{permitted_request, put_stream, released_note, released_streams};

use crate::exchange::Hold;
use crate::proof::{Permitted, Released};
use crate::{Limits, SessionError};
use bytes::{Buf, Bytes, BytesMut};
use portreeve_transport::{PreAuth, Stream};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

/// What is read at a time where nothing is known of what comes: small enough for a quiet session
/// to keep its buffers.
const READ_BYTES: usize = 4 << 10;
const BULK_BYTES: usize = 128 << 10;

/// The client's end.
pub struct ClientSide {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    inbox: BytesMut,
    inbox_bytes_max: usize,
    write_timeout: Duration,
    gone: bool,
}

impl ClientSide {
    /// Makes the client's end of a session of a connection.
    #[must_use]
    pub fn new(connection: PreAuth, limits: &Limits) -> Self {
        let (stream, inbox) = connection.into_parts();
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader,
            writer,
            inbox,
            inbox_bytes_max: limits.inbox_bytes_max,
            write_timeout: limits.write_timeout,
            gone: false,
        }
    }

    /// Sends released bytes; waits until the socket has taken them.
    pub async fn send(&mut self, released: Released) -> Result<(), SessionError> {
        if released.bytes.is_empty() {
            return Ok(());
        }
        let write = async {
            self.writer.write_all(&released.bytes).await?;
            self.writer.flush().await
        };
        match timeout(self.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SessionError::ClientGone),
            Err(_) => Err(SessionError::Timeout("the client does not read")),
        }
    }

    /// Reads more. Cancel-safe. At least one new byte, or the client is gone.
    pub async fn read(&mut self) -> Result<(), SessionError> {
        self.read_at_least(READ_BYTES).await
    }

    /// As [`ClientSide::read`], ready for a message of `wanted` bytes.
    pub async fn read_at_least(&mut self, wanted: usize) -> Result<(), SessionError> {
        if self.gone {
            return Err(SessionError::ClientGone);
        }
        self.inbox.reserve(wanted.min(self.inbox_bytes_max).max(4096));
        match self.reader.read_buf(&mut self.inbox).await {
            Ok(0) | Err(_) => {
                self.gone = true;
                Err(SessionError::ClientGone)
            }
            Ok(_) => Ok(()),
        }
    }

    /// What was read and not taken yet.
    pub fn inbox(&mut self) -> &mut BytesMut {
        &mut self.inbox
    }

    /// Resolves when the client goes away. Reads on meanwhile, up to the limit of the
    /// inbox; a client that has filled it is taken for alive. Cancel-safe.
    pub async fn gone(&mut self) {
        loop {
            if self.gone {
                return;
            }
            if self.inbox.len() >= self.inbox_bytes_max {
                return std::future::pending().await;
            }
            if self.read_at_least(4096).await.is_err() {
                return;
            }
        }
    }

    /// Ends the connection in order.
    pub async fn close(&mut self) {
        let _ = timeout(Duration::from_secs(1), self.writer.shutdown()).await;
    }
}

/// What happened at the target's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driven {
    /// New bytes are in the inbox.
    Read,
    /// Everything queued is sent.
    Sent,
}

/// The target's end.
pub struct TargetSide {
    stream: Box<dyn Stream>,
    inbox: BytesMut,
    outbox: VecDeque<Bytes>,
    unflushed: bool,
    read_bytes: usize,
    write_timeout: Duration,
}

impl TargetSide {
    /// Makes the target's end of a session of a connection.
    #[must_use]
    pub fn new(connection: PreAuth, limits: &Limits) -> Self {
        let (stream, inbox) = connection.into_parts();
        Self {
            stream,
            inbox,
            outbox: VecDeque::new(),
            unflushed: false,
            read_bytes: READ_BYTES,
            write_timeout: limits.write_timeout,
        }
    }

    /// Queues permitted bytes; [`TargetSide::drive`] sends them.
    pub fn send(&mut self, permitted: Permitted) {
        if !permitted.wire.is_empty() {
            self.outbox.push_back(permitted.wire);
        }
    }

    /// Whether everything queued is sent.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.outbox.is_empty() && !self.unflushed
    }

    /// Sends what is queued and reads what comes, at the same time, so that neither
    /// side can block the other. Cancel-safe. Returns at the first new bytes, or once
    /// the queue has become empty.
    ///
    /// The inbox has no limit of its own: the caller asks for more only while it knows
    /// how many bytes make the next message.
    pub async fn drive(&mut self) -> Result<Driven, SessionError> {
        if self.is_sent() {
            return self.progress().await;
        }
        match timeout(self.write_timeout, self.progress()).await {
            Ok(result) => result,
            Err(_) => Err(SessionError::Timeout("the target does not read")),
        }
    }

    async fn progress(&mut self) -> Result<Driven, SessionError> {
        let was_sent = self.is_sent();
        self.inbox.reserve(self.read_bytes);
        poll_fn(|context| {
            self.poll_send(context)?;
            let before = self.inbox.len();
            let room = self.inbox.capacity() - before;
            let mut read = std::pin::pin!(self.stream.read_buf(&mut self.inbox));
            match Future::poll(read.as_mut(), context) {
                Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Err(SessionError::TargetGone)),
                Poll::Ready(Ok(count)) => {
                    // Bulk replies fill the buffer: read more at a time, up to a bound.
                    self.read_bytes = if count >= room {
                        (self.read_bytes * 4).min(BULK_BYTES)
                    } else {
                        READ_BYTES
                    };
                    Poll::Ready(Ok(Driven::Read))
                }
                Poll::Pending if !was_sent && self.is_sent() => Poll::Ready(Ok(Driven::Sent)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), SessionError> {
        while let Some(front) = self.outbox.front_mut() {
            match Pin::new(&mut self.stream).poll_write(context, front) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(SessionError::TargetGone),
                Poll::Ready(Ok(count)) => {
                    front.advance(count);
                    self.unflushed = true;
                    if front.is_empty() {
                        self.outbox.pop_front();
                    }
                }
                Poll::Pending => return Ok(()),
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Err(SessionError::TargetGone),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// What was read and not taken yet.
    pub fn inbox(&mut self) -> &mut BytesMut {
        &mut self.inbox
    }
}

impl Hold for ClientSide {
    async fn tell(&mut self, notice: Released) -> Result<(), SessionError> {
        self.send(notice).await
    }

    async fn gone(&mut self) {
        Self::gone(self).await;
    }
}
