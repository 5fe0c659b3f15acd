//! What the library is told to do with what a client asks for. Nothing here waits for a target.

use super::severable::Knife;
use super::{Caller, Ssh, exec};
use crate::inbox::{Event, Inbox, Waiting};
use crate::request::Closed;
use crate::target::signal_name;
use crate::terminal::{Size, Window};
use portreeve_session::{Admitted, Silent};
use russh::keys::ssh_key::Certificate;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Error, Pty, Sig};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Channels that one connection may have open.
const CHANNELS_MAX: usize = 10;
/// Variables that one channel may set, and the longest value.
const VARIABLES_MAX: usize = 16;
const VALUE_BYTES_MAX: usize = 256;
/// Settings that a terminal may have.
const MODES_MAX: usize = 64;
/// Refusals of what is closed that one connection gets recorded one by one; whoever asks for more
/// is not a client that does not know.
const CLOSED_MAX: usize = 64;

/// How far a client has come that is asked step by step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Asked {
    #[default]
    Nothing,
    /// For its token.
    Token,
    /// To read why it is not let in.
    Reason,
}

/// A client's connection.
pub(super) struct Connection<W> {
    pub(super) ssh: Arc<Ssh>,
    pub(super) client: SocketAddr,
    /// The client's place among those that have not logged in.
    waiting: Option<W>,
    pub(super) asked: Asked,
    /// How often it has tried to log in.
    pub(super) logins_count: usize,
    /// Why its certificate was not accepted, until it is told.
    pub(super) not_told: Option<String>,
    entered: watch::Sender<Option<Arc<Caller>>>,
    pub(super) knife: Knife,
    caller: Option<Arc<Caller>>,
    channels: HashMap<ChannelId, Open>,
    unread: Waiting,
    closed_count: usize,
}

/// An open channel.
struct Open {
    inbox: Arc<Inbox>,
    environment: Vec<(String, String)>,
    window: Option<Window>,
    /// Goes to whoever does the channel's work.
    half: Option<ChannelWriteHalf<Msg>>,
}

impl<W: Send + Sync + 'static> Connection<W> {
    pub(super) fn new(
        ssh: Arc<Ssh>,
        client: SocketAddr,
        waiting: W,
        entered: watch::Sender<Option<Arc<Caller>>>,
        knife: Knife,
    ) -> Self {
        Self {
            ssh,
            client,
            waiting: Some(waiting),
            asked: Asked::default(),
            logins_count: 0,
            not_told: None,
            entered,
            knife,
            caller: None,
            channels: HashMap::new(),
            unread: Waiting::default(),
            closed_count: 0,
        }
    }

    /// The client is in.
    pub(super) fn entered(&mut self, caller: Arc<Caller>) {
        self.waiting = None;
        self.caller = Some(caller.clone());
        self.entered.send_replace(Some(caller));
    }

    /// Something is asked for that is closed: that is on record.
    fn closed(&mut self, verb: &'static str, why: &str) -> Result<(), Error> {
        self.closed_count += 1;
        let Some(caller) = self.caller.clone().filter(|_| self.closed_count <= CLOSED_MAX) else {
            return Err(Error::Disconnect);
        };
        let (session, request) = (caller.session.clone(), Closed::new(verb, why));
        caller.spawn(async move {
            let snapshot = session.snapshot();
            let admitted = session.admit(request, &snapshot, &mut Silent).await;
            if let Ok(Admitted { mut exchange, .. }) = admitted
                && let Some(refusal) = exchange.refusal().cloned()
            {
                let _ = exchange.refuse(refusal, &super::notices::Notices).await;
            }
        });
        Ok(())
    }

    fn push(&self, channel: ChannelId, event: Event) {
        if let Some(open) = self.channels.get(&channel) {
            open.inbox.push(event);
        }
    }

    /// Begins the work of a channel; none where it has begun, or there is none.
    fn begin(&mut self, channel: ChannelId, session: &Session) -> Option<exec::Work> {
        let caller = self.caller.clone()?;
        let open = self.channels.get_mut(&channel)?;
        let half = open.half.take()?;
        Some(exec::Work {
            caller,
            inbox: open.inbox.clone(),
            environment: std::mem::take(&mut open.environment),
            window: open.window.take(),
            half,
            handle: session.handle(),
        })
    }
}

impl<W: Send + Sync + 'static> Handler for Connection<W> {
    type Error = Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Error> {
        self.password(user, password).await
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Error> {
        self.interactive(user, response).await
    }

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        Ok(self.offered(offer.public_key).await)
    }

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Error> {
        Ok(Auth::reject())
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, Error> {
        self.certified(user, certificate).await
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        self.channels.retain(|_, open| !open.inbox.is_closed());
        if self.caller.is_none() || self.channels.len() >= CHANNELS_MAX {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        let (_, half) = channel.split();
        let inbox = Inbox::new(&self.unread);
        let open = Open { inbox, environment: Vec::new(), window: None, half: Some(half) };
        if let Some(half) = &open.half {
            self.channels.insert(half.id(), open);
        }
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        self.closed("x11", "X11 is not forwarded")
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        self.closed("direct-tcpip", "ports are not forwarded")
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        self.closed("forwarded-tcpip", "ports are not forwarded")
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        self.closed("direct-streamlocal", "sockets are not forwarded")
    }

    async fn tcpip_forward(
        &mut self,
        _: &str,
        _: &mut u32,
        _: &mut Session,
    ) -> Result<bool, Error> {
        self.closed("tcpip-forward", "ports are not forwarded")?;
        Ok(false)
    }

    async fn streamlocal_forward(&mut self, _: &str, _: &mut Session) -> Result<bool, Error> {
        self.closed("streamlocal-forward", "sockets are not forwarded")?;
        Ok(false)
    }

    async fn agent_request(&mut self, _: ChannelId, _: &mut Session) -> Result<bool, Error> {
        self.closed("auth-agent", "keys are not forwarded")?;
        Ok(false)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_failure(channel)?;
        self.closed("x11", "X11 is not forwarded")
    }

    /// What is decided is what runs in it.
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
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        let is_plain = kind.len() <= VALUE_BYTES_MAX && kind.bytes().all(is_name);
        let open = self.channels.get_mut(&channel);
        match open.filter(|open| open.half.is_some() && open.window.is_none()) {
            Some(open) if is_plain && modes.len() <= MODES_MAX => {
                let size = Size::of(columns, rows);
                open.window = Some(Window { kind: kind.to_owned(), size, modes: modes.to_vec() });
                session.channel_success(channel)
            }
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
        self.push(channel, Event::Window(Size::of(columns, rows)));
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        let is_harmless = matches!(name, "LANG" | "LANGUAGE" | "TERM" | "NO_COLOR")
            || name
                .strip_prefix("LC_")
                .is_some_and(|it| it.bytes().all(|b| b.is_ascii_uppercase()));
        let is_plain = value.len() <= VALUE_BYTES_MAX
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@:".contains(&byte));
        let open = self.channels.get_mut(&channel);
        match open.filter(|open| open.environment.len() < VARIABLES_MAX) {
            Some(open) if is_harmless && is_plain => {
                open.environment.push((name.to_owned(), value.to_owned()));
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some(work) = self.begin(channel, session) else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        let caller = work.caller.clone();
        caller.spawn(work.shell());
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some(work) = self.begin(channel, session) else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        let caller = work.caller.clone();
        caller.spawn(work.exec(line.to_vec()));
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        if name == "sftp"
            && let Some(work) = self.begin(channel, session)
        {
            session.channel_success(channel)?;
            let caller = work.caller.clone();
            caller.spawn(work.files());
            return Ok(());
        }
        session.channel_failure(channel)?;
        self.closed("subsystem", "this subsystem is not offered")
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _: &mut Session,
    ) -> Result<(), Error> {
        self.push(channel, Event::Signal(signal_name(&signal)));
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

impl<W> Drop for Connection<W> {
    fn drop(&mut self) {
        for open in self.channels.values() {
            open.inbox.push(Event::Closed);
        }
    }
}
