//! The two ends of a session. The sockets are private to this file.
//!
//! A connection starts in the [`Lobby`], where the gateway speaks its own words
//! (greetings, authentication) and no data of the other side is in reach. Entering a
//! session turns it into a [`ClientSide`] or a [`TargetSide`], which take proofs only.

use crate::proof::{Permitted, Released};
use crate::{Broken, Limits};
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

/// A byte stream, plain or encrypted.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

const READ_BYTES: usize = 16 << 10;
const BULK_BYTES: usize = 128 << 10;

/// A connection before its session: handshakes only.
pub struct Lobby {
    stream: Box<dyn Stream>,
    inbox: BytesMut,
}

impl std::fmt::Debug for Lobby {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lobby").field("inbox_bytes", &self.inbox.len()).finish_non_exhaustive()
    }
}

impl Lobby {
    /// Wraps a fresh connection.
    #[must_use]
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, inbox: BytesMut::new() }
    }

    /// Says the gateway's own words.
    pub async fn say(&mut self, words: &[u8]) -> io::Result<()> {
        self.stream.write_all(words).await?;
        self.stream.flush().await
    }

    /// Reads until at least `count` bytes are there; an early end is an error.
    pub async fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.inbox.len() < count {
            // SECURITY: the caller bounds `count`; one read adds at most READ_BYTES.
            self.inbox.reserve(count.saturating_sub(self.inbox.len()).clamp(512, READ_BYTES));
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// What was read and not taken yet.
    pub fn inbox(&mut self) -> &mut BytesMut {
        &mut self.inbox
    }

    /// Takes the stream out to wrap it (TLS), which only works when nothing was read
    /// beyond what was taken: bytes stuffed in before the handshake are an attack
    /// (CVE-2021-23214, CVE-2021-23222).
    pub fn into_stream(self) -> Result<Box<dyn Stream>, Broken> {
        if self.inbox.is_empty() {
            Ok(self.stream)
        } else {
            Err(Broken::Client("data before the TLS handshake".into()))
        }
    }

    /// Ends the connection in order (with a TLS goodbye, where there is TLS).
    pub async fn close(&mut self) {
        let _ = timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }

    /// Becomes the client's end of a session.
    #[must_use]
    pub fn into_client(self, voice: Box<dyn Voice>, limits: &Limits) -> ClientSide {
        let (reader, writer) = tokio::io::split(self.stream);
        ClientSide {
            reader,
            writer,
            inbox: self.inbox,
            inbox_bytes_max: limits.inbox_bytes_max,
            write_timeout: limits.write_timeout,
            voice,
            gone: false,
        }
    }

    /// Becomes the target's end of a session.
    #[must_use]
    pub fn into_target(self, limits: &Limits) -> TargetSide {
        TargetSide {
            stream: self.stream,
            inbox: self.inbox,
            outbox: VecDeque::new(),
            unflushed: false,
            read_bytes: READ_BYTES,
            write_timeout: limits.write_timeout,
        }
    }
}

/// How a protocol says things that are neither a reply nor a refusal.
pub trait Voice: Send {
    /// A message for the person or program at the client: a review is open.
    fn notice(&self, text: &str, hint: &str) -> Bytes;
}

/// The client's end.
pub struct ClientSide {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    inbox: BytesMut,
    inbox_bytes_max: usize,
    write_timeout: Duration,
    voice: Box<dyn Voice>,
    gone: bool,
}

impl ClientSide {
    /// Sends released bytes; waits until the socket has taken them.
    pub async fn send(&mut self, released: Released) -> Result<(), Broken> {
        if released.bytes.is_empty() {
            return Ok(());
        }
        let write = async {
            self.writer.write_all(&released.bytes).await?;
            self.writer.flush().await
        };
        match timeout(self.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Broken::ClientGone),
            Err(_) => Err(Broken::Timeout("the client does not read")),
        }
    }

    /// Reads more. Cancel-safe. At least one new byte, or the client is gone.
    pub async fn read(&mut self) -> Result<(), Broken> {
        self.read_at_least(READ_BYTES).await
    }

    /// As [`ClientSide::read`], ready for a message of `wanted` bytes.
    pub async fn read_at_least(&mut self, wanted: usize) -> Result<(), Broken> {
        if self.gone {
            return Err(Broken::ClientGone);
        }
        self.inbox.reserve(wanted.min(self.inbox_bytes_max).max(4096));
        match self.reader.read_buf(&mut self.inbox).await {
            Ok(0) | Err(_) => {
                self.gone = true;
                Err(Broken::ClientGone)
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

    pub(crate) fn notice(&self, text: &str, hint: &str) -> Bytes {
        self.voice.notice(text, hint)
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
    pub async fn drive(&mut self) -> Result<Driven, Broken> {
        if self.is_sent() {
            return self.progress().await;
        }
        match timeout(self.write_timeout, self.progress()).await {
            Ok(result) => result,
            Err(_) => Err(Broken::Timeout("the target does not read")),
        }
    }

    async fn progress(&mut self) -> Result<Driven, Broken> {
        let was_sent = self.is_sent();
        self.inbox.reserve(self.read_bytes);
        poll_fn(|context| {
            self.poll_send(context)?;
            let before = self.inbox.len();
            let room = self.inbox.capacity() - before;
            let mut read = std::pin::pin!(self.stream.read_buf(&mut self.inbox));
            match Future::poll(read.as_mut(), context) {
                Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(Err(Broken::TargetGone)),
                Poll::Ready(Ok(count)) => {
                    // Bulk replies fill the buffer: read more at a time, up to a bound.
                    self.read_bytes = if count >= room {
                        (self.read_bytes * 2).min(BULK_BYTES)
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

    fn poll_send(&mut self, context: &mut Context<'_>) -> Result<(), Broken> {
        while let Some(front) = self.outbox.front_mut() {
            match Pin::new(&mut self.stream).poll_write(context, front) {
                Poll::Ready(Ok(0) | Err(_)) => return Err(Broken::TargetGone),
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
                Poll::Ready(Err(_)) => return Err(Broken::TargetGone),
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
