//! A stream that counts what goes through it, and takes along what has to end with it.

use crate::message::{Ask, now_us};
use portreeve_model::LinkStream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    read: AtomicU64,
    written: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// A stream with its counts, and what is dropped with it.
pub(crate) struct Counting<S, Held> {
    stream: S,
    counts: Arc<Counts>,
    _held: Held,
}

impl<S, Held> Counting<S, Held> {
    /// Counts what follows from here on; what is held is made with the counts.
    pub(crate) fn new(stream: S, held: impl FnOnce(Arc<Counts>) -> Held) -> Self {
        let counts = Arc::<Counts>::default();
        Self { stream, _held: held(counts.clone()), counts }
    }
}

/// What is known of a login when its bytes begin.
pub(crate) fn opened(ask: &Ask) -> LinkStream {
    LinkStream {
        stream: ask.stream.clone(),
        resource: ask.resource.clone(),
        opened_us: now_us(),
        closed_us: 0,
        to_target: 0,
        from_target: 0,
    }
}

impl<S: AsyncRead + Unpin, Held: Unpin> AsyncRead for Counting<S, Held> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        self.counts.read.fetch_add(count as u64, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin, Held: Unpin> AsyncWrite for Counting<S, Held> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            self.counts.written.fetch_add(count as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
