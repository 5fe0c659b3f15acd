//! One session of a gateway's, and the session at the machine that it stands for.
//!
//! The two ways do not wait for each other, and what a way carries waits in its window only: who
//! does not read is not sent more.

use crate::inbox::{Event, Inbox};
use crate::target::{Wire, WireChannel, signal_of};
use crate::terminal::{Size, Window};
use russh::server::{Handle, Msg};
use russh::{ChannelWriteHalf, Sig};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How long what a gateway has sent before it closed may take to get to the machine.
const REST_TIME: Duration = Duration::from_secs(2);

/// What runs in a session.
pub(super) enum Start {
    Command(Vec<u8>),
    Shell,
    Files,
}

/// What does not wait behind data.
pub(super) enum Told {
    Window(Size),
    Signal(Sig),
}

/// A session that a gateway begins.
pub(super) struct Begun {
    pub(super) wire: Arc<Wire>,
    /// What the gateway sends.
    pub(super) inbox: Arc<Inbox>,
    pub(super) told: mpsc::Receiver<Told>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) window: Option<Window>,
    pub(super) start: Start,
    pub(super) half: ChannelWriteHalf<Msg>,
    pub(super) handle: Handle,
}

type Writer = Pin<Box<dyn AsyncWrite + Send + Sync>>;

impl Begun {
    /// Carries both ways until either end has closed the session.
    pub(super) async fn run(self) {
        let Self { wire, inbox, told, environment, window, start, half, handle } = self;
        let id = half.id();
        if let Ok(channel) = wire.open().await {
            if begin(&channel, &environment, window.as_ref(), start).await.is_ok() {
                let machine: Writer = Box::pin(channel.half.make_writer());
                tokio::select! {
                    () = to_machine(&channel, machine, &inbox, told) => {}
                    () = to_gateway(&channel, &half, &handle) => {}
                }
            }
            let _ = channel.half.close().await;
        }
        let _ = handle.close(id).await;
        // The library does not tell when the other side has closed its own, too.
        inbox.push(Event::Closed);
    }
}

async fn begin(
    channel: &WireChannel,
    environment: &[(String, String)],
    window: Option<&Window>,
    start: Start,
) -> Result<(), russh::Error> {
    channel.prepare(environment, window).await?;
    match start {
        Start::Command(line) => channel.half.exec(true, line).await,
        Start::Shell => channel.half.request_shell(true).await,
        Start::Files => channel.half.request_subsystem(true, "sftp").await,
    }
}

/// What the gateway sends; ends when it has closed the session.
async fn to_machine(
    channel: &WireChannel,
    mut writer: Writer,
    inbox: &Inbox,
    mut told: mpsc::Receiver<Told>,
) {
    loop {
        let event = tokio::select! {
            biased;
            Some(said) = told.recv() => {
                tell(channel, said).await;
                continue;
            }
            event = inbox.next() => event,
        };
        let wrote = async {
            match event {
                Event::Data { bytes, .. } => writer.write_all(&bytes).await.is_ok(),
                Event::End => writer.shutdown().await.is_ok(),
                Event::Closed => false,
                Event::Status(_)
                | Event::Signal(_)
                | Event::Window(_)
                | Event::Accepted
                | Event::Refused => true,
            }
        };
        tokio::pin!(wrote);
        let late = async {
            inbox.closed().await;
            sleep(REST_TIME).await;
        };
        tokio::pin!(late);
        let goes_on = loop {
            tokio::select! {
                goes_on = &mut wrote => break goes_on,
                // The machine takes no input; what ends it must get there.
                Some(said) = told.recv() => tell(channel, said).await,
                () = &mut late => break false,
            }
        };
        if !goes_on {
            // A signal that came just before the end.
            while let Ok(said) = told.try_recv() {
                tell(channel, said).await;
            }
            return;
        }
    }
}

async fn tell(channel: &WireChannel, told: Told) {
    let _ = match told {
        Told::Window(size) => channel.resize(size).await,
        Told::Signal(signal) => channel.half.signal(signal).await,
    };
}

/// What the machine sends, in its order; ends when it has closed the session.
async fn to_gateway(channel: &WireChannel, half: &ChannelWriteHalf<Msg>, handle: &Handle) {
    let id = half.id();
    let writer = |extension| -> Writer { Box::pin(half.make_writer_ext(extension)) };
    // SPEC: RFC 4254 section 5.2: error output is extended data of type 1.
    let (mut output, mut errors) = (writer(None), writer(Some(1)));
    loop {
        let done = match channel.inbox.next().await {
            Event::Data { is_error: false, bytes } => output.write_all(&bytes).await.map_err(drop),
            Event::Data { is_error: true, bytes } => errors.write_all(&bytes).await.map_err(drop),
            Event::End => handle.eof(id).await,
            Event::Status(status) => handle.exit_status_request(id, status).await,
            Event::Signal(name) => {
                let signal = signal_of(&name).unwrap_or(Sig::TERM);
                let none = String::new;
                handle.exit_signal_request(id, signal, false, none(), none()).await
            }
            Event::Accepted => handle.channel_success(id).await,
            Event::Refused => handle.channel_failure(id).await,
            Event::Window(_) => Ok(()),
            Event::Closed => return,
        };
        if done.is_err() {
            return;
        }
    }
}
