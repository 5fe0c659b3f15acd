//! A connection to a machine as the library has it: nothing is looked at yet.
//!
//! A gateway wraps it into what takes permits only (`line`); a connector relays it.

use super::proof::HostProof;
use crate::inbox::{Event, Inbox, WINDOW_BYTES, Waiting};
use crate::terminal::{Size, Window};
use portreeve_transport::{DialError, Stream};
use russh::cipher;
use russh::client;
use russh::keys::PublicKeyOrCertificate;
use russh::{ChannelId, ChannelWriteHalf, Disconnect, Preferred, Sig};
use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// Algorithms that are not used: those that can only sign with SHA-1, and those that the library
/// has for others.
const PREFERRED: Preferred = Preferred::DEFAULT;

/// Between a connector and its gateway.
///
/// SECURITY: the link is TLS 1.3 and has proven both ends, and this never leaves it. Encrypted once
/// more it would be slower, and nobody could look whether a credential is in it.
pub(crate) const WITHIN_A_LINK: Preferred =
    Preferred { cipher: Cow::Borrowed(&[cipher::NONE]), ..Preferred::DEFAULT };

/// As much as is asked of a target that does not speak.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// Who takes what comes over which channel.
#[derive(Clone, Debug, Default)]
struct Channels(Arc<Mutex<HashMap<ChannelId, Arc<Inbox>>>>);

impl Channels {
    fn all(&self) -> MutexGuard<'_, HashMap<ChannelId, Arc<Inbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, channel: ChannelId, event: Event) {
        if let Some(inbox) = self.all().get(&channel) {
            inbox.push(event);
        }
    }
}

/// A connection to a target.
pub(crate) struct Wire {
    handle: client::Handle<Handler>,
    channels: Channels,
    waiting: Waiting,
    over: watch::Receiver<()>,
    _held: Option<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Speaks SSH over a stream with who has this proof. Nobody is logged in yet.
    pub(super) async fn speak(
        stream: Box<dyn Stream>,
        proof: &HostProof,
    ) -> Result<Self, DialError> {
        Self::begin(stream, proof, PREFERRED).await
    }

    async fn begin(
        stream: Box<dyn Stream>,
        proof: &HostProof,
        mut preferred: Preferred,
    ) -> Result<Self, DialError> {
        let algorithms = proof.algorithms();
        if !algorithms.is_empty() {
            preferred.key = Cow::Owned(algorithms);
        }
        let certificates = proof.certificates();
        if !certificates.is_empty() {
            preferred.host_key_certificates = certificates;
        }
        let config = client::Config {
            window_size: WINDOW_BYTES,
            preferred,
            keepalive_interval: Some(KEEPALIVE_INTERVAL),
            ..client::Config::default()
        };
        let channels = Channels::default();
        let waiting = Waiting::default();
        let unproven = Arc::new(Mutex::new(None));
        let (is_there, over) = watch::channel(());
        let handler = Handler {
            proof: proof.clone(),
            unproven: unproven.clone(),
            channels: channels.clone(),
            waiting: waiting.clone(),
            _over: is_there,
        };
        let made = client::connect_stream(Arc::new(config), stream, handler).await;
        let handle = made.map_err(|error| {
            match unproven.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(why) => DialError::Protocol(why),
                None => DialError::Protocol(error.to_string()),
            }
        })?;
        Ok(Self { handle, channels, waiting, over, _held: None })
    }

    /// The same with who asks for nothing, over a stream that is encrypted as it is.
    pub(super) async fn unasked(
        stream: Box<dyn Stream>,
        proof: &HostProof,
    ) -> Result<Self, DialError> {
        let mut wire = Self::begin(stream, proof, WITHIN_A_LINK).await?;
        match wire.handle.authenticate_none("").await {
            Ok(client::AuthResult::Success) => Ok(wire),
            Ok(client::AuthResult::Failure { .. }) => {
                Err(DialError::Protocol("it asks for a credential".to_owned()))
            }
            Err(error) => Err(DialError::Protocol(error.to_string())),
        }
    }

    /// The same with something that is dropped with it.
    pub(super) fn holding(self, held: Box<dyn Any + Send + Sync>) -> Self {
        Self { _held: Some(held), ..self }
    }

    pub(super) fn handle(&mut self) -> &mut client::Handle<Handler> {
        &mut self.handle
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Resolves when the connection is over.
    pub(crate) async fn over(&self) {
        let _ = self.over.clone().changed().await;
    }

    /// Ends it in order.
    pub(crate) async fn close(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    pub(crate) async fn open(&self) -> Result<WireChannel, russh::Error> {
        let channel = self.handle.channel_open_session().await?;
        let (_, half) = channel.split();
        let inbox = Inbox::new(&self.waiting);
        let id = half.id();
        self.channels.all().insert(id, inbox.clone());
        Ok(WireChannel { id, channels: self.channels.clone(), half, inbox })
    }
}

/// One channel to a target.
pub(crate) struct WireChannel {
    id: ChannelId,
    channels: Channels,
    pub(crate) half: ChannelWriteHalf<client::Msg>,
    pub(crate) inbox: Arc<Inbox>,
}

impl WireChannel {
    /// Before something is started in it: its environment, and a terminal where it gets one.
    pub(crate) async fn prepare(
        &self,
        environment: &[(String, String)],
        window: Option<&Window>,
    ) -> Result<(), russh::Error> {
        for (name, value) in environment {
            self.half.set_env(false, name.as_str(), value.as_str()).await?;
        }
        if let Some(Window { kind, size, modes }) = window {
            let (columns, rows) = (size.columns.into(), size.rows.into());
            self.half.request_pty(true, kind, columns, rows, 0, 0, modes).await?;
        }
        Ok(())
    }

    /// Tells what runs in a terminal how large it is now.
    pub(crate) async fn resize(&self, size: Size) -> Result<(), russh::Error> {
        self.half.window_change(size.columns.into(), size.rows.into(), 0, 0).await
    }
}

impl Drop for WireChannel {
    fn drop(&mut self) {
        self.channels.all().remove(&self.id);
    }
}

/// What the library is told to do with what comes from a target.
pub(super) struct Handler {
    proof: HostProof,
    /// Why what the target has shown does not prove that it is the one that is meant.
    unproven: Arc<Mutex<Option<String>>>,
    channels: Channels,
    waiting: Waiting,
    /// Dropped with it: the connection is over then.
    _over: watch::Sender<()>,
}

impl Handler {
    async fn took(&self, channel: ChannelId, is_error: bool, bytes: &[u8]) {
        self.channels.push(channel, Event::Data { is_error, bytes: bytes.to_vec() });
        self.waiting.slow_down().await;
    }
}

impl client::Handler for Handler {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let why = self.proof.objection(shown, SystemTime::now());
        let is_proven = why.is_none();
        *self.unproven.lock().unwrap_or_else(PoisonError::into_inner) = why;
        Ok(is_proven)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.took(channel, false, data).await;
        Ok(())
    }

    async fn extended_data(
        &mut self,
        channel: ChannelId,
        _: u32,
        data: &[u8],
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.took(channel, true, data).await;
        Ok(())
    }

    fn adjust_window(&mut self, _: ChannelId, _: u32) -> u32 {
        self.waiting.window_bytes()
    }

    async fn channel_success(
        &mut self,
        channel: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel, Event::Accepted);
        Ok(())
    }

    async fn channel_failure(
        &mut self,
        channel: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel, Event::Refused);
        Ok(())
    }

    async fn exit_status(
        &mut self,
        channel: ChannelId,
        status: u32,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel, Event::Status(status));
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _: bool,
        _: &str,
        _: &str,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel, Event::Signal(signal_name(&signal)));
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel, Event::End);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.channels.push(channel, Event::Closed);
        Ok(())
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        // The connection is over.
        for inbox in self.channels.all().values() {
            inbox.push(Event::Closed);
        }
    }
}

/// A signal's name, as RFC 4254 section 6.10 has it; others only where they are names.
pub(crate) fn signal_name(signal: &Sig) -> String {
    match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        // What a target calls by a name of its own could say anything.
        Sig::Custom(_) => "TERM",
    }
    .to_owned()
}

/// A signal by its name; none where it has no name of RFC 4254.
pub(crate) fn signal_of(name: &str) -> Option<Sig> {
    Some(match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        _ => return None,
    })
}
