//! A stream that takes along the work behind it: dropped, both end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinHandle;

/// One end of a stream within the process, and the task that works at the other end.
#[derive(Debug)]
pub struct Owned {
    stream: DuplexStream,
    work: JoinHandle<()>,
}

impl Owned {
    /// A stream with its work.
    #[must_use]
    pub fn new(stream: DuplexStream, work: JoinHandle<()>) -> Self {
        Self { stream, work }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl AsyncRead for Owned {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Owned {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            // The work has answered and is over: what is still said to it goes nowhere, and does
            // not keep the answer from being read.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Poll::Ready(Ok(bytes.len()))
            }
            written => written,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
