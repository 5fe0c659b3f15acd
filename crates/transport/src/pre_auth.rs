//! A connection before its session: handshakes only.

use bytes::BytesMut;
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// A byte stream, plain or encrypted.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// Most bytes that one read adds.
const READ_BYTES: usize = 16 << 10;
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection before its session.
pub struct PreAuth {
    stream: Box<dyn Stream>,
    inbox: BytesMut,
}

/// Bytes came before the handshake that they had to wait for: an attack
/// (CVE-2021-23214, CVE-2021-23222).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("data before the TLS handshake")]
pub struct EarlyData;

impl std::fmt::Debug for PreAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PreAuth").field("inbox_bytes", &self.inbox.len()).finish_non_exhaustive()
    }
}

impl PreAuth {
    /// Wraps a fresh connection.
    #[must_use]
    pub fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, inbox: BytesMut::new() }
    }

    /// Sends a handshake message.
    pub async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message).await?;
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

    /// Takes the stream out to encrypt it, which works only when nothing was read beyond
    /// what was taken.
    pub(crate) fn into_quiet_stream(self) -> Result<Box<dyn Stream>, EarlyData> {
        if self.inbox.is_empty() { Ok(self.stream) } else { Err(EarlyData) }
    }

    /// The stream, and what was read and not taken yet: for the side that a session makes
    /// of it.
    #[must_use]
    pub fn into_parts(self) -> (Box<dyn Stream>, BytesMut) {
        (self.stream, self.inbox)
    }

    /// Ends the connection in order (with a TLS goodbye, where there is TLS).
    pub async fn close(&mut self) {
        let _ = timeout(CLOSE_TIMEOUT, self.stream.shutdown()).await;
    }
}
