//! A stream to a target, counted: what its connector says of it can be held against this.

use super::member::Member;
use crate::counting::Counting;
use crate::message::{Ask, Wanted, now_us};
use crate::mux::MuxStream;
use portreeve_model::{ConnectorChange, LinkStream};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream over a link. Dropped, it is over, and that is written down.
pub(super) struct Counted {
    stream: Counting<MuxStream>,
    member: Arc<Member>,
    /// What is written down of it; none where its bytes are no target's.
    note: Option<LinkStream>,
}

impl Counted {
    /// Counts what follows from here on.
    pub(super) fn new(stream: MuxStream, member: Arc<Member>, ask: &Ask) -> Self {
        member.stream_opened();
        let note = matches!(ask.what, Wanted::Login { .. }).then(|| LinkStream {
            stream: ask.stream.clone(),
            resource: ask.resource.clone(),
            opened_us: now_us(),
            closed_us: 0,
            to_target: 0,
            from_target: 0,
        });
        Self { stream: Counting::new(stream), member, note }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counts = self.stream.counts();
        let (to_target, from_target) = (counts.written(), counts.read());
        let note = self.note.take().map(|note| {
            let closed_us = now_us();
            ConnectorChange::StreamClosed(LinkStream { closed_us, to_target, from_target, ..note })
        });
        self.member.stream_closed(note);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
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
