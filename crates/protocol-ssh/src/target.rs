//! Where a machine is, how it proves what it is, and what opens it.

use crate::certificates::{HOST_ALGORITHMS, HostAuthority, Subject, TargetAuthority};
use crate::inbox::{Event, Inbox, WINDOW_BYTES, Waiting};
use crate::keys::{KeyError, PinnedKeys, private};
use crate::terminal::{Size, Window};
use portreeve_decide::shell::{Machine, Programs};
use portreeve_model::Secret;
use portreeve_screen::Screen;
use portreeve_session::{PermittedWriter, SessionError};
use portreeve_transport::{DialError, TcpTarget};
use russh::client::{self, AuthResult};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelId, ChannelWriteHalf, Disconnect, Preferred, Sig};
use std::borrow::Cow;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWrite;
use tokio::time::timeout;

/// What opens a target. It is in no record.
#[derive(Clone)]
pub enum Credential {
    /// A private key.
    Key(Arc<PrivateKey>),
    /// A password.
    Password(Secret<String>),
    /// A certificate for each session, which names this principal.
    Certificate {
        /// The principal.
        principal: String,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Password(_) => "Password",
            Self::Certificate { .. } => "Certificate",
        })
    }
}

impl Credential {
    /// Reads a private key as OpenSSH writes it.
    ///
    /// # Errors
    /// It is none, or has a passphrase.
    pub fn key(text: &Secret<String>) -> Result<Self, KeyError> {
        private(text).map(|key| Self::Key(Arc::new(key)))
    }
}

/// How a target proves that it is the one that is meant. Nothing is trusted on first use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostProof {
    /// It has one of these keys.
    Keys(PinnedKeys),
    /// This authority certifies its key.
    Certificate(HostAuthority),
}

impl HostProof {
    /// Why what a target shows does not prove that it is the one that is meant.
    fn objection(&self, shown: &PublicKeyOrCertificate, at: SystemTime) -> Option<String> {
        match (self, shown) {
            (Self::Keys(keys), PublicKeyOrCertificate::PublicKey { key, .. }) => {
                let fingerprint = key.fingerprint(HashAlg::Sha256);
                (!keys.holds(key)).then(|| {
                    format!(
                        "it proves itself with another key, {fingerprint}: it is not the machine \
                         of `host_key`"
                    )
                })
            }
            // None was asked for.
            (Self::Keys(_), PublicKeyOrCertificate::Certificate(_)) => {
                Some("it shows a certificate, and `host_key` is a key".to_owned())
            }
            (Self::Certificate(authority), PublicKeyOrCertificate::Certificate(certificate)) => {
                let flaw = authority.check(certificate, at).err()?;
                let ours = authority.fingerprint();
                Some(format!(
                    "its certificate {}: it is not the machine of `host_ca`, {ours}",
                    flaw.text()
                ))
            }
            (Self::Certificate(_), PublicKeyOrCertificate::PublicKey { .. }) => Some(
                "it shows a key without a certificate, and `host_ca` asks for one; hint: \
                 `HostCertificate` in its `sshd_config`"
                    .to_owned(),
            ),
        }
    }
}

/// What a target is made of.
#[derive(Debug)]
pub struct TargetParts {
    /// The resource's name.
    pub name: String,
    /// What policies call the machine.
    pub machine: String,
    /// Where it is.
    pub address: TcpTarget,
    /// What it proves itself with.
    pub proof: HostProof,
    /// As whom commands run.
    pub user: String,
    /// What opens it.
    pub credential: Credential,
    /// Where commands begin.
    pub home: String,
    /// Programs that it has beside those that every machine has.
    pub programs: Programs,
    /// What becomes of personal data in texts.
    pub screen: Arc<Screen>,
}

/// A resource that is reached by SSH.
#[derive(Debug)]
pub struct Target {
    parts: TargetParts,
}

/// Algorithms that are not used: those that can only sign with SHA-1, and those that the library
/// has for others.
const PREFERRED: Preferred = Preferred::DEFAULT;

/// As much as is asked of a target that does not speak.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

impl Target {
    /// Puts a target together.
    #[must_use]
    pub fn new(parts: TargetParts) -> Self {
        Self { parts }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    pub(crate) fn user(&self) -> &str {
        &self.parts.user
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    pub(crate) fn machine(&self) -> Machine<'_> {
        Machine {
            host: &self.parts.machine,
            home: &self.parts.home,
            programs: Some(&self.parts.programs),
        }
    }

    /// A connection that is logged in, for somebody.
    pub(crate) async fn dial(
        &self,
        authority: &TargetAuthority,
        subject: Subject<'_>,
    ) -> Result<Line, DialError> {
        let late = |_| DialError::Timeout;
        let reached = self.reach(authority, subject);
        timeout(self.parts.address.timeout, reached).await.map_err(late)?
    }

    async fn reach(
        &self,
        authority: &TargetAuthority,
        subject: Subject<'_>,
    ) -> Result<Line, DialError> {
        let (stream, _) = self.parts.address.connect().await?.into_parts();
        let mut preferred = PREFERRED;
        match &self.parts.proof {
            HostProof::Keys(keys) => {
                let algorithms = keys.algorithms();
                if !algorithms.is_empty() {
                    preferred.key = Cow::Owned(algorithms);
                }
            }
            HostProof::Certificate(_) => {
                preferred.host_key_certificates = Cow::Borrowed(HOST_ALGORITHMS);
            }
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
        let handler = Handler {
            proof: self.parts.proof.clone(),
            unproven: unproven.clone(),
            channels: channels.clone(),
            waiting: waiting.clone(),
        };
        let made = client::connect_stream(Arc::new(config), stream, handler).await;
        let mut handle = made.map_err(|error| {
            match unproven.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(why) => DialError::Protocol(why),
                None => DialError::Protocol(error.to_string()),
            }
        })?;
        self.log_in(&mut handle, authority, subject).await?;
        Ok(Line { handle, channels, waiting })
    }

    async fn log_in(
        &self,
        handle: &mut client::Handle<Handler>,
        authority: &TargetAuthority,
        subject: Subject<'_>,
    ) -> Result<(), DialError> {
        let user = self.parts.user.clone();
        let mut hint = "";
        let answered = match &self.parts.credential {
            Credential::Key(key) => {
                let key = PrivateKeyWithHashAlg::new(key.clone(), Some(HashAlg::Sha512));
                handle.authenticate_publickey(user, key).await
            }
            Credential::Password(password) => {
                handle.authenticate_password(user, password.reveal().clone()).await
            }
            Credential::Certificate { principal } => {
                hint = "; hint: the machine has to trust what `portreeve ssh ca` prints, for this \
                        principal, and its clock has to be right";
                let made = authority.fresh(subject, principal, SystemTime::now());
                let (key, certificate) =
                    made.map_err(|error| DialError::Protocol(error.to_string()))?;
                handle.authenticate_openssh_cert(user, Arc::new(key), certificate).await
            }
        };
        match answered {
            Ok(AuthResult::Success) => Ok(()),
            Ok(AuthResult::Failure { .. }) => Err(DialError::Refused {
                code: "login".to_owned(),
                message: format!(
                    "`{}` may not log in with what the gateway has{hint}",
                    self.parts.user
                ),
            }),
            Err(error) => Err(DialError::Protocol(error.to_string())),
        }
    }
}

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
pub(crate) struct Line {
    handle: client::Handle<Handler>,
    channels: Channels,
    waiting: Waiting,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

/// One channel to a target: it takes permits, and nothing else.
pub(crate) struct TargetChannel {
    id: ChannelId,
    channels: Channels,
    half: ChannelWriteHalf<client::Msg>,
    pub(crate) inbox: Arc<Inbox>,
}

/// What writes into a channel.
pub(crate) type TargetWriter = PermittedWriter<Pin<Box<dyn AsyncWrite + Send + Sync>>>;

impl Line {
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Ends it in order.
    pub(crate) async fn close(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    pub(crate) async fn open(&self) -> Result<TargetChannel, SessionError> {
        let channel =
            self.handle.channel_open_session().await.map_err(|_| SessionError::TargetGone)?;
        let (_, half) = channel.split();
        let inbox = Inbox::new(&self.waiting);
        let id = half.id();
        self.channels.all().insert(id, inbox.clone());
        Ok(TargetChannel { id, channels: self.channels.clone(), half, inbox })
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
        for (name, value) in environment {
            self.half.set_env(false, name.as_str(), value.as_str()).await.map_err(gone)?;
        }
        let command = portreeve_session::permitted_request(command);
        self.half.exec(true, command.to_vec()).await.map_err(gone)
    }

    /// Starts what was permitted in a terminal; the target's shell where that is no command.
    pub(crate) async fn terminal(
        &self,
        environment: &[(String, String)],
        window: &Window,
        command: portreeve_session::Permitted,
    ) -> Result<(), SessionError> {
        let gone = |_| SessionError::TargetGone;
        for (name, value) in environment {
            self.half.set_env(false, name.as_str(), value.as_str()).await.map_err(gone)?;
        }
        let (columns, rows) = (window.size.columns.into(), window.size.rows.into());
        let opened =
            self.half.request_pty(true, &window.kind, columns, rows, 0, 0, &window.modes).await;
        opened.map_err(gone)?;
        let command = portreeve_session::permitted_request(command);
        match command.is_empty() {
            true => self.half.request_shell(true).await,
            false => self.half.exec(true, command.to_vec()).await,
        }
        .map_err(gone)
    }

    /// Tells what runs in a terminal how large it is now.
    pub(crate) async fn resize(&self, size: Size) {
        let _ = self.half.window_change(size.columns.into(), size.rows.into(), 0, 0).await;
    }

    pub(crate) async fn start_sftp(&self) -> Result<(), SessionError> {
        self.half.request_subsystem(true, "sftp").await.map_err(|_| SessionError::TargetGone)
    }

    pub(crate) fn writer(&self, write_timeout: Duration) -> TargetWriter {
        PermittedWriter::new(Box::pin(self.half.make_writer()), write_timeout)
    }

    /// Tells what runs to stop.
    pub(crate) async fn stop(&self) {
        let _ = self.half.signal(Sig::TERM).await;
        self.close().await;
    }

    /// Nobody listens any more: what runs there goes on as it would without a client.
    pub(crate) async fn close(&self) {
        let _ = self.half.close().await;
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
        let _ = self.half.signal(signal).await;
    }
}

impl Drop for TargetChannel {
    fn drop(&mut self) {
        self.channels.all().remove(&self.id);
    }
}

/// What the library is told to do with what comes from a target.
struct Handler {
    proof: HostProof,
    /// Why what the target has shown does not prove that it is the one that is meant.
    unproven: Arc<Mutex<Option<String>>>,
    channels: Channels,
    waiting: Waiting,
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
