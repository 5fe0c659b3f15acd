//! The client's end of a channel, and writes that are under way while other things go on.

use crate::inbox::{Event, Inbox};
use crate::streams::{END, ERRORS, OUTPUT, RETURN, SCREEN, SIGNAL, STATUS};
use crate::target::{TargetWriter, signal_of};
use portreeve_session::{
    Hold, Permitted, Released, ReleasedWriter, SessionError, released_note, released_streams,
};
use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf, Sig};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWrite;

type Writer = ReleasedWriter<Pin<Box<dyn AsyncWrite + Send + Sync>>>;

/// The client's end of a channel: it takes releases, and says how things ended.
pub(super) struct ClientChannel {
    id: ChannelId,
    handle: Handle,
    output: Writer,
    errors: Writer,
    inbox: Arc<Inbox>,
    is_terminal: bool,
    /// Whether it was said that nothing more is written.
    is_finished: bool,
    /// Whether it was said how the command ended.
    is_ended: bool,
}

impl ClientChannel {
    pub(super) fn new(
        half: &ChannelWriteHalf<Msg>,
        handle: Handle,
        inbox: Arc<Inbox>,
        write_timeout: Duration,
        is_terminal: bool,
    ) -> Self {
        let writer = |extension| {
            let channel: Pin<Box<dyn AsyncWrite + Send + Sync>> =
                Box::pin(half.make_writer_ext(extension));
            ReleasedWriter::new(channel, write_timeout)
        };
        // SPEC: RFC 4254 section 5.2: error output is extended data of type 1.
        let (output, errors) = (writer(None), writer(Some(1)));
        Self {
            id: half.id(),
            handle,
            output,
            errors,
            inbox,
            is_terminal,
            is_finished: false,
            is_ended: false,
        }
    }

    /// Brings a release to the client, piece by piece.
    pub(super) async fn send(&mut self, released: Released) -> Result<(), SessionError> {
        let pieces =
            released_streams(released).map_err(|error| SessionError::Target(Box::new(error)))?;
        for (stream, piece) in pieces {
            match stream {
                OUTPUT | SCREEN if !piece.is_empty() => self.output.send(piece).await?,
                RETURN if self.is_terminal => self.errors.send(piece).await?,
                ERRORS if !piece.is_empty() => self.errors.send(piece).await?,
                STATUS => {
                    let note = released_note(piece);
                    let status = std::str::from_utf8(&note).ok().and_then(|it| it.parse().ok());
                    self.end(status.unwrap_or(super::notices::FAILED_STATUS)).await;
                }
                SIGNAL => {
                    let note = released_note(piece);
                    self.end_by_signal(&note).await;
                }
                END => self.finish().await,
                _ => {}
            }
        }
        Ok(())
    }

    /// Says that nothing more is written, once.
    async fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finished, true) {
            let _ = self.handle.eof(self.id).await;
        }
    }

    /// Says with which number the command ended, once.
    pub(super) async fn end(&mut self, status: u32) {
        if !std::mem::replace(&mut self.is_ended, true) {
            let _ = self.handle.exit_status_request(self.id, status).await;
        }
    }

    async fn end_by_signal(&mut self, name: &[u8]) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        let name = std::str::from_utf8(name).unwrap_or_default();
        let signal = signal_of(name).unwrap_or(Sig::TERM);
        let none = String::new;
        let _ = self.handle.exit_signal_request(self.id, signal, false, none(), none()).await;
    }

    /// The channel is over.
    pub(super) async fn close(mut self) {
        self.finish().await;
        let _ = self.handle.close(self.id).await;
        // The library does not tell when the client has closed its side, too.
        self.inbox.push(Event::Closed);
    }
}

impl Hold for ClientChannel {
    async fn tell(&mut self, notice: Released) -> Result<(), SessionError> {
        self.send(notice).await
    }

    async fn gone(&mut self) {
        self.inbox.closed().await;
    }
}

type Write<W> = Pin<Box<dyn Future<Output = (W, Result<(), SessionError>)> + Send>>;

/// A writer, or a write under way. Where one end does not read, the other is served all the same:
/// neither waits for the other.
pub(super) enum Lane<W> {
    Idle(W),
    Busy(Write<W>),
    /// It is gone, or nothing more goes there.
    Over,
}

impl<W> Lane<W> {
    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_))
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Begins to write; only where the lane is idle.
    pub(super) fn begin<F>(&mut self, write: impl FnOnce(W) -> F)
    where
        F: Future<Output = (W, Result<(), SessionError>)> + Send + 'static,
    {
        match std::mem::replace(self, Self::Over) {
            Self::Idle(writer) => *self = Self::Busy(Box::pin(write(writer))),
            other => *self = other,
        }
    }

    /// Goes on with what is under way; never resolves where nothing is. Cancel-safe.
    pub(super) async fn progress(&mut self) -> Result<(), SessionError> {
        let Self::Busy(write) = self else { return pending().await };
        let (writer, result) = write.await;
        *self = Self::Idle(writer);
        result
    }

    /// The writer, once what is under way has ended.
    pub(super) async fn settle(&mut self) -> Option<&mut W> {
        if self.is_busy() {
            let _ = self.progress().await;
        }
        match self {
            Self::Idle(writer) => Some(writer),
            Self::Busy(_) | Self::Over => None,
        }
    }
}

impl Lane<TargetWriter> {
    /// Begins to send what was permitted; only where the lane is idle.
    pub(super) fn send(&mut self, permit: Permitted) {
        self.begin(|mut target| async move {
            let result = target.send(permit).await;
            (target, result)
        });
    }

    /// Begins to say that nothing more comes.
    pub(super) fn finish(&mut self) {
        self.begin(|mut target| async move {
            target.finish().await;
            (target, Ok(()))
        });
    }
}
