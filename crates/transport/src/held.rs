//! A stream that takes along what must stay as long as it does.

use crate::{PreAuth, Stream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

struct Held<H> {
    stream: Box<dyn Stream>,
    _held: H,
}

impl PreAuth {
    /// The same connection with something that is dropped with it, whoever has it then.
    #[must_use]
    pub fn holding<H: Send + Sync + Unpin + 'static>(self, held: H) -> Self {
        let (stream, unread) = self.into_parts();
        let mut connection = Self::new(Box::new(Held { stream, _held: held }));
        connection.inbox().extend_from_slice(&unread);
        connection
    }
}

impl<H: Unpin> AsyncRead for Held<H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<H: Unpin> AsyncWrite for Held<H> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
