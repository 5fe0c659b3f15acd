//! What a gateway may ask: sessions with a command, a shell or files in them. What no gateway
//! asks for is refused here, whatever it has permitted.

use super::channel::{Begun, Start, Told};
use crate::inbox::{Event, Inbox, Waiting};
use crate::target::Wire;
use crate::terminal::{Size, Window};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Error, Pty, Sig};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Sessions over one stream: a gateway's client has ten.
const CHANNELS_MAX: usize = 16;
/// Variables of one session. The gateway passes fewer on.
const VARIABLES_MAX: usize = 32;
/// Signals and windows that wait for their turn; more are not kept.
const TOLD_MAX: usize = 64;

/// One stream of a gateway.
pub(super) struct Relay {
    wire: Arc<Wire>,
    channels: HashMap<ChannelId, Open>,
    unread: Waiting,
    tasks: Tasks,
}

/// Each does the work of one session. They outlive the stream by the moment that it takes to tell
/// the machine what was said last: that a command shall stop.
pub(super) type Tasks = Arc<Mutex<JoinSet<()>>>;

/// A session of the gateway's.
struct Open {
    inbox: Arc<Inbox>,
    told: mpsc::Sender<Told>,
    environment: Vec<(String, String)>,
    window: Option<Window>,
    /// Goes to whoever does the session's work.
    half: Option<(ChannelWriteHalf<Msg>, mpsc::Receiver<Told>)>,
}

impl Relay {
    pub(super) fn new(wire: Arc<Wire>, tasks: Tasks) -> Self {
        Self { wire, channels: HashMap::new(), unread: Waiting::default(), tasks }
    }

    fn push(&self, channel: ChannelId, event: Event) {
        if let Some(open) = self.channels.get(&channel) {
            open.inbox.push(event);
        }
    }

    fn tell(&self, channel: ChannelId, told: Told) {
        if let Some(open) = self.channels.get(&channel) {
            let _ = open.told.try_send(told);
        }
    }

    /// Begins the work of a session; refuses where it has begun.
    fn begin(
        &mut self,
        channel: ChannelId,
        start: Start,
        session: &mut Session,
    ) -> Result<(), Error> {
        let open = self.channels.get_mut(&channel);
        let Some((open, (half, told))) = open.and_then(|open| {
            let half = open.half.take()?;
            Some((open, half))
        }) else {
            return session.channel_failure(channel);
        };
        let begun = Begun {
            wire: self.wire.clone(),
            inbox: open.inbox.clone(),
            told,
            environment: std::mem::take(&mut open.environment),
            window: open.window.take(),
            start,
            half,
            handle: session.handle(),
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(begun.run());
        Ok(())
    }
}

impl Handler for Relay {
    type Error = Error;

    /// SECURITY: the stream came over a link whose two ends have proven who they are, and the
    /// gateway knows this end by the key that the link's answer has told it.
    async fn auth_none(&mut self, _: &str) -> Result<Auth, Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        self.channels.retain(|_, open| !open.inbox.is_closed());
        if self.channels.len() >= CHANNELS_MAX {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let (_, half) = channel.split();
        let (told, hears) = mpsc::channel(TOLD_MAX);
        let id = half.id();
        let open = Open {
            inbox: Inbox::new(&self.unread),
            told,
            environment: Vec::new(),
            window: None,
            half: Some((half, hears)),
        };
        self.channels.insert(id, open);
        reply.accept().await;
        Ok(())
    }

    /// The answer is the machine's, to what it is asked when the session begins.
    async fn pty_request(
        &mut self,
        channel: ChannelId,
        kind: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Error> {
        let open = self.channels.get_mut(&channel);
        match open.filter(|open| open.half.is_some() && open.window.is_none()) {
            Some(open) => {
                let size = Size::of(columns, rows);
                open.window = Some(Window { kind: kind.to_owned(), size, modes: modes.to_vec() });
                Ok(())
            }
            None => session.channel_failure(channel),
        }
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        let open = self.channels.get_mut(&channel);
        match open.filter(|open| open.environment.len() < VARIABLES_MAX) {
            Some(open) => {
                open.environment.push((name.to_owned(), value.to_owned()));
                Ok(())
            }
            None => session.channel_failure(channel),
        }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Error> {
        self.begin(channel, Start::Shell, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        self.begin(channel, Start::Command(line.to_vec()), session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        match name {
            "sftp" => self.begin(channel, Start::Files, session),
            _ => session.channel_failure(channel),
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), Error> {
        self.tell(channel, Told::Window(Size::of(columns, rows)));
        Ok(())
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _: &mut Session,
    ) -> Result<(), Error> {
        self.tell(channel, Told::Signal(signal));
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), Error> {
        self.push(channel, Event::Data { is_error: false, bytes: data.to_vec() });
        self.unread.slow_down().await;
        Ok(())
    }

    fn adjust_window(&mut self, _: ChannelId, _: u32) -> u32 {
        self.unread.window_bytes()
    }

    async fn channel_eof(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Error> {
        self.push(channel, Event::End);
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Error> {
        self.push(channel, Event::Closed);
        self.channels.remove(&channel);
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The gateway is gone.
        for open in self.channels.values() {
            open.inbox.push(Event::Closed);
        }
    }
}
