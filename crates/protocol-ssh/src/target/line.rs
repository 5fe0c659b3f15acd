//! A connection to a machine as a gateway uses it: what goes there was permitted.

use super::wire::{Wire, WireChannel};
use crate::inbox::Inbox;
use crate::terminal::{Size, Window};
use portreeve_session::{PermittedWriter, SessionError};
use russh::Sig;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWrite;

/// A connection to a target.
#[derive(Debug)]
pub(crate) struct Line(Wire);

/// One channel to a target: it takes permits, and nothing else.
pub(crate) struct TargetChannel {
    channel: WireChannel,
    pub(crate) inbox: Arc<Inbox>,
}

/// What writes into a channel.
pub(crate) type TargetWriter = PermittedWriter<Pin<Box<dyn AsyncWrite + Send + Sync>>>;

impl Line {
    pub(super) fn new(wire: Wire) -> Self {
        Self(wire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Ends it in order.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    pub(crate) async fn open(&self) -> Result<TargetChannel, SessionError> {
        let channel = self.0.open().await.map_err(|_| SessionError::TargetGone)?;
        let inbox = channel.inbox.clone();
        Ok(TargetChannel { channel, inbox })
    }
}

impl TargetChannel {
    /// Starts what was permitted, in an environment that changes nothing but language and looks.
    pub(crate) async fn exec(
        &self,
        environment: &[(String, String)],
        command: portreeve_session::Permitted,
    ) -> Result<(), SessionError> {
        let gone = |_| SessionError::TargetGone;
        self.channel.prepare(environment, None).await.map_err(gone)?;
        let command = portreeve_session::permitted_request(command);
        self.channel.half.exec(true, command.to_vec()).await.map_err(gone)
    }

    /// Starts what was permitted in a terminal; the target's shell where that is no command.
    pub(crate) async fn terminal(
        &self,
        environment: &[(String, String)],
        window: &Window,
        command: portreeve_session::Permitted,
    ) -> Result<(), SessionError> {
        let gone = |_| SessionError::TargetGone;
        self.channel.prepare(environment, Some(window)).await.map_err(gone)?;
        let command = portreeve_session::permitted_request(command);
        match command.is_empty() {
            true => self.channel.half.request_shell(true).await,
            false => self.channel.half.exec(true, command.to_vec()).await,
        }
        .map_err(gone)
    }

    /// Tells what runs in a terminal how large it is now.
    pub(crate) async fn resize(&self, size: Size) {
        let _ = self.channel.resize(size).await;
    }

    pub(crate) async fn start_sftp(&self) -> Result<(), SessionError> {
        self.channel
            .half
            .request_subsystem(true, "sftp")
            .await
            .map_err(|_| SessionError::TargetGone)
    }

    pub(crate) fn writer(&self, write_timeout: Duration) -> TargetWriter {
        PermittedWriter::new(Box::pin(self.channel.half.make_writer()), write_timeout)
    }

    /// Tells what runs to stop.
    pub(crate) async fn stop(&self) {
        let _ = self.channel.half.signal(Sig::TERM).await;
        self.close().await;
    }

    /// Nobody listens any more: what runs there goes on as it would without a client.
    pub(crate) async fn close(&self) {
        let _ = self.channel.half.close().await;
    }

    pub(crate) async fn signal(&self, name: &str) {
        let signal = match name {
            "HUP" => Sig::HUP,
            "INT" => Sig::INT,
            "KILL" => Sig::KILL,
            "QUIT" => Sig::QUIT,
            "TERM" => Sig::TERM,
            "USR1" => Sig::USR1,
            _ => return,
        };
        let _ = self.channel.half.signal(signal).await;
    }
}
