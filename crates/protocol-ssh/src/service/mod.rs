//! Connections of clients: from the first byte to the last record.

mod connection;
mod exec;
mod files;
mod lane;
mod login;
mod notices;
mod severable;
mod terminal;
mod uploads;

use crate::NAME;
use crate::certificates::{Certificates, ClientAuthority, Subject, TargetAuthority};
use crate::inbox::WINDOW_BYTES;
use crate::keys::HostKey;
use crate::target::{Line, Target};
use connection::Connection;
use portreeve_model::Refusal;
use portreeve_session::{
    Authenticator, Ended, Engine, Identity, IdentityEnd, Session, SessionError,
};
use portreeve_transport::DialError;
use russh::server::{self, Handle, RunningSession};
use russh::{Disconnect, MethodKind, MethodSet, Preferred, SshId};
use severable::{Knife, Severable};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// How often a client may try to log in on one connection.
const LOGINS_MAX: usize = 6;
/// Keys that a client may offer besides which were not certified: it may have many.
const KEYS_MAX: usize = 10;
/// How long each bad try takes at least.
const REJECTION_TIME: Duration = Duration::from_millis(250);
/// A client that says nothing is asked this often whether it is there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long goodbyes may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes that files which are open for reading may take up, of one client and of all.
const ROOM_BYTES: usize = 64 << 20;
const ROOM_OF_ALL_BYTES: usize = 512 << 20;
/// The longest packet.
///
/// SPEC: RFC 4253 section 6.1: what everybody has to take.
const PACKET_BYTES_MAX: u32 = 32 << 10;

/// Limits of the protocol.
#[derive(Clone, Debug)]
pub struct SshLimits {
    /// How long a client may take to log in.
    pub login_timeout: Duration,
    /// How long it may say nothing.
    pub idle_timeout: Duration,
    /// How long it may take to accept what is sent to it.
    pub write_timeout: Duration,
    /// The longest command line.
    pub line_bytes_max: usize,
    /// The longest file that is masked as a whole.
    pub file_bytes_max: usize,
}

/// What the listener is made of.
pub struct SshParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who checks tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who knows what certificates of clients stand for.
    pub certificates: Arc<dyn Certificates>,
    /// Who signs certificates.
    pub authorities: Arc<Authorities>,
    /// The resources.
    pub targets: Vec<Arc<Target>>,
    /// What the gateway proves itself with.
    pub host_key: HostKey,
    /// The limits.
    pub limits: SshLimits,
}

/// Who signs certificates: two keys, so that what lets a client in here opens no target.
#[derive(Debug)]
pub struct Authorities {
    /// For clients.
    pub clients: ClientAuthority,
    /// For targets.
    pub targets: TargetAuthority,
}

/// The SSH listener's work, one connection at a time.
pub struct Ssh {
    engine: Arc<Engine>,
    authenticator: Arc<dyn Authenticator>,
    certificates: Arc<dyn Certificates>,
    authorities: Arc<Authorities>,
    targets: Vec<Arc<Target>>,
    host_key: HostKey,
    limits: SshLimits,
    config: Arc<server::Config>,
    /// Bytes that files of all clients may take up.
    room: Arc<Semaphore>,
}

impl std::fmt::Debug for Ssh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ssh").field("resources", &self.targets.len()).finish_non_exhaustive()
    }
}

/// A client that is logged in, as its channels see it.
pub(super) struct Caller {
    pub(super) session: Session,
    pub(super) target: Arc<Target>,
    pub(super) limits: SshLimits,
    authorities: Arc<Authorities>,
    identity: Identity,
    line: OnceCell<Line>,
    /// Each does the work of one channel.
    tasks: Mutex<JoinSet<()>>,
    knife: Knife,
    /// Bytes that files may take up: of this client, and of all.
    room: [Arc<Semaphore>; 2],
}

/// Room that is taken.
pub(super) type Room = [OwnedSemaphorePermit; 2];

impl Caller {
    /// Takes room for so many bytes; none where there is not so much.
    pub(super) fn take_room(&self, bytes: usize) -> Option<Room> {
        let bytes = u32::try_from(bytes).ok()?;
        let [own, all] = &self.room;
        let take = |room: &Arc<Semaphore>| room.clone().try_acquire_many_owned(bytes).ok();
        Some([take(own)?, take(all)?])
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work of a channel; the connection waits for it.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// The connection to the target, which all channels share.
    pub(super) async fn line(&self) -> Result<&Line, DialError> {
        let subject = Subject { chain: self.session.chain(), session: self.session.id() };
        let dial = || self.target.dial(&self.authorities.targets, subject);
        let line = self.line.get_or_try_init(dial).await;
        let line = line.inspect_err(|error| {
            let resource = self.target.name();
            tracing::warn!(resource, %error, "a target cannot be reached");
        })?;
        match line.is_closed() {
            true => Err(DialError::Protocol("it has closed the connection".to_owned())),
            false => Ok(line),
        }
    }

    /// Ends the connection whatever it waits for.
    pub(super) fn cut(&self) {
        self.knife.cut();
    }
}

impl Ssh {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: SshParts) -> Arc<Self> {
        Self::within(parts, Arc::new(Semaphore::new(ROOM_OF_ALL_BYTES)))
    }

    fn within(parts: SshParts, room: Arc<Semaphore>) -> Arc<Self> {
        let config = Arc::new(config(&parts.host_key, &parts.limits));
        Arc::new(Self {
            room,
            engine: parts.engine,
            authenticator: parts.authenticator,
            certificates: parts.certificates,
            authorities: parts.authorities,
            targets: parts.targets,
            host_key: parts.host_key,
            limits: parts.limits,
            config,
        })
    }

    /// The same with other resources and limits, for the connections to come.
    #[must_use]
    pub fn renewed(&self, targets: Vec<Arc<Target>>, limits: SshLimits) -> Arc<Self> {
        let parts = SshParts {
            engine: self.engine.clone(),
            authenticator: self.authenticator.clone(),
            certificates: self.certificates.clone(),
            authorities: self.authorities.clone(),
            targets,
            host_key: self.host_key.clone(),
            limits,
        };
        Self::within(parts, self.room.clone())
    }

    /// Serves one connection to its end. `waiting` is dropped when the client has logged in, or
    /// is gone.
    pub async fn serve<W: Send + Sync + 'static>(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        waiting: W,
    ) {
        let until = Instant::now() + self.limits.login_timeout;
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let (entered, callers) = watch::channel(None);
        let knife = Knife::default();
        let handler = Connection::new(self.clone(), client, waiting, entered, knife.clone());
        let stream = Severable { stream, knife: knife.clone() };
        let started = timeout_at(until, server::run_stream(self.config.clone(), stream, handler));
        let Ok(Ok(running)) = started.await else {
            self.authenticator.turned_away(NAME, client.ip(), "it does not speak SSH 2");
            return;
        };
        self.attend(running, callers, until, &knife).await;
    }

    /// Waits until the connection is over, or ends it when its time is over.
    async fn attend<W: Send + Sync + 'static>(
        &self,
        running: RunningSession<Connection<W>>,
        mut callers: watch::Receiver<Option<Arc<Caller>>>,
        until: Instant,
        knife: &Knife,
    ) {
        let handle = running.handle();
        tokio::pin!(running);
        let entered = async {
            let entered = timeout_at(until, callers.wait_for(Option::is_some)).await;
            entered.ok().and_then(|found| found.ok().and_then(|caller| caller.clone()))
        };
        let caller = tokio::select! {
            _ = &mut running => None,
            caller = entered => caller,
        };
        let Some(caller) = caller else {
            // Says nothing to a client that is gone.
            goodbye(&handle, "nobody has logged in in time").await;
            knife.cut();
            return;
        };
        let mut is_over = false;
        let why = tokio::select! {
            _ = &mut running => {
                is_over = true;
                "the client has closed the connection".to_owned()
            }
            end = self.authenticator.watch(&caller.identity) => {
                let ended = match end {
                    IdentityEnd::Expired => Ended::Expired,
                    other => Ended::Revoked(other.to_string()),
                };
                caller.session.end(ended.clone());
                ended.to_string()
            }
            ended = caller.session.ended() => ended.to_string(),
        };
        let mut tasks = std::mem::take(&mut *caller.tasks());
        let quiet = async { while tasks.join_next().await.is_some() {} };
        let _ = timeout(CLOSE_TIMEOUT, quiet).await;
        if !is_over {
            goodbye(&handle, &why).await;
            let _ = timeout(CLOSE_TIMEOUT, &mut running).await;
        }
        knife.cut();
        tasks.shutdown().await;
        if let Some(line) = caller.line.get() {
            line.close().await;
        }
        caller.session.clone().close(&why).await;
    }
}

async fn goodbye(handle: &Handle, why: &str) {
    let said = handle.disconnect(Disconnect::ByApplication, why.to_owned(), String::new());
    let _ = timeout(CLOSE_TIMEOUT, said).await;
}

fn config(host_key: &HostKey, limits: &SshLimits) -> server::Config {
    let mut methods = MethodSet::empty();
    methods.push(MethodKind::PublicKey);
    methods.push(MethodKind::KeyboardInteractive);
    methods.push(MethodKind::Password);
    let version = Cow::Borrowed("SSH-2.0-Portreeve");
    server::Config {
        server_id: SshId::Standard(version),
        methods,
        auth_rejection_time: REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![(*host_key.0).clone()],
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES_MAX,
        preferred: Preferred::DEFAULT,
        max_auth_attempts: LOGINS_MAX + KEYS_MAX,
        inactivity_timeout: Some(limits.idle_timeout),
        keepalive_interval: Some(KEEPALIVE_INTERVAL),
        nodelay: true,
        ..server::Config::default()
    }
}

/// What a client has to know of a refusal before it has a session.
fn told(refusal: &Refusal) -> String {
    let hint = refusal.hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
    format!("portreeve: {}{hint}", refusal.message)
}

/// Whether a client that does not read was what ended an exchange.
pub(super) fn is_stuck(error: &SessionError) -> bool {
    matches!(error, SessionError::Timeout(_))
}
