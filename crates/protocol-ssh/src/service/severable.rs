//! A stream that can be cut from outside: the library that owns it may be waiting for a client
//! that does not read.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Cuts a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Knife(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cut: AtomicBool,
    /// Who reads and who writes.
    waiting: Mutex<[Option<Waker>; 2]>,
}

impl Knife {
    pub(super) fn cut(&self) {
        self.0.is_cut.store(true, Ordering::SeqCst);
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for waker in waiting.iter_mut().filter_map(Option::take) {
            waker.wake();
        }
    }

    /// Whether it is cut; who asks is woken when it is.
    fn is_cut(&self, side: usize, context: &Context<'_>) -> bool {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = waiting.get_mut(side) {
            *place = Some(context.waker().clone());
        }
        self.0.is_cut.load(Ordering::SeqCst)
    }
}

const READS: usize = 0;
const WRITES: usize = 1;

/// The stream.
#[derive(Debug)]
pub(super) struct Severable<S> {
    pub(super) stream: S,
    pub(super) knife: Knife,
}

impl<S: AsyncRead + Unpin> AsyncRead for Severable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.knife.is_cut(READS, context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Severable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.knife.is_cut(WRITES, context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.knife.is_cut(WRITES, context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn whoever_waits_is_told() {
        let (near, _far) = tokio::io::duplex(8);
        let knife = Knife::default();
        let mut stream = Severable { stream: near, knife: knife.clone() };
        let reading = tokio::spawn(async move { stream.read_u8().await });
        tokio::task::yield_now().await;
        knife.cut();
        assert!(reading.await.unwrap().is_err());
    }
}
