//! From an accepted connection to a running session: encryption, token, resource, target.

mod cancel;
mod startup;

use crate::NAME;
use crate::limits::ProtocolLimits;
use crate::reply::{Greeting, ReplyMachine};
use crate::request::{Assembler, FailingName};
use crate::session::{Connection, Notices};
use crate::target::{Upstream, session_settings, set};
use crate::wire::{
    HEADER_BYTES, literal, message_length, put, put_error, put_text, sqlstate, take,
};
use bytes::Buf;
use cancel::CancelKeys;
use portreeve_decide::sql::Postgres as PostgresGrammar;
use portreeve_model::{Refusal, RefusalCode, Secret};
use portreeve_session::{
    Authenticator, BoxFuture, ClientSide, Ended, Engine, Identity, IdentityEnd, NotAdmitted,
    OpenRequest, ReviewMode, Session, SessionError, TargetSide,
};
use portreeve_sql::{CatalogSnapshot, Planner, Reveals};
use portreeve_transport::{DialError, LoggedIn, PreAuth, accept};
use rustls::ServerConfig;
use startup::{Opening, STARTUP_BYTES_MAX, Startup, StartupError, TLS_HANDSHAKE};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// What the listener is made of.
pub struct PostgresParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who checks tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The resources.
    pub upstreams: Vec<Arc<Upstream>>,
    /// The certificate shown to clients.
    pub tls: Arc<ServerConfig>,
    /// The limits.
    pub limits: ProtocolLimits,
}

/// The PostgreSQL listener's work, one connection at a time.
pub struct Postgres {
    engine: Arc<Engine>,
    authenticator: Arc<dyn Authenticator>,
    upstreams: HashMap<String, Arc<Upstream>>,
    tls: Arc<ServerConfig>,
    cancels: Arc<CancelKeys>,
    limits: ProtocolLimits,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("resources", &self.upstreams.len()).finish_non_exhaustive()
    }
}

/// Why a client did not get a session. It has been told.
#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error("client went away")]
    ClientGone(#[from] io::Error),
    #[error("{0}")]
    Rejected(String),
    #[error("cancel request")]
    CancelRequest,
}

/// A client that has sent its startup message.
struct Client {
    connection: PreAuth,
    startup: Startup,
    tls: String,
}

/// Longest token message.
const PASSWORD_BYTES_MAX: usize = 32 << 10;

impl Postgres {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: PostgresParts) -> Arc<Self> {
        let upstreams = parts.upstreams.into_iter().map(|up| (up.name().to_owned(), up)).collect();
        Arc::new(Self {
            engine: parts.engine,
            authenticator: parts.authenticator,
            upstreams,
            tls: parts.tls,
            cancels: Arc::default(),
            limits: parts.limits,
        })
    }

    /// The same with other resources and limits, for the connections to come. Sessions that
    /// are open stay as they are, and can be cancelled through either.
    #[must_use]
    pub fn renewed(&self, upstreams: Vec<Arc<Upstream>>, limits: ProtocolLimits) -> Arc<Self> {
        let upstreams = upstreams.into_iter().map(|up| (up.name().to_owned(), up)).collect();
        Arc::new(Self {
            engine: self.engine.clone(),
            authenticator: self.authenticator.clone(),
            upstreams,
            tls: self.tls.clone(),
            cancels: self.cancels.clone(),
            limits,
        })
    }

    /// Serves one connection to its end. `waiting` is dropped when the client has logged in,
    /// or will not.
    pub async fn serve<W: Send>(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, waiting: W) {
        let login = timeout(self.limits.login_timeout, self.log_in(stream, peer)).await;
        drop(waiting);
        let why = match login {
            Ok(Ok(established)) => return self.session(established).await,
            Ok(Err(LoginError::CancelRequest)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "did not log in in time".to_owned(),
        };
        tracing::debug!(%peer, why, "connection ended before a session");
    }

    async fn log_in(&self, stream: TcpStream, peer: SocketAddr) -> Result<Established, LoginError> {
        let mut client = self.start_up(stream, peer).await?;
        let identity = match self.identify(&mut client, peer).await {
            Ok(identity) => identity,
            Err((sqlstate, message, hint)) => {
                return Err(
                    reject(&mut client.connection, sqlstate, &message, hint.as_deref()).await
                );
            }
        };
        let startup = &client.startup;
        let Some(upstream) = self.upstreams.get(&startup.database).cloned() else {
            let message = format!("there is no resource `{}`", startup.database);
            self.authenticator.turned_away(NAME, peer.ip(), "unknown resource");
            let hint = "the database name chooses the resource: ask an operator for its name";
            return Err(reject(&mut client.connection, "3D000", &message, Some(hint)).await);
        };
        let catalog = match upstream.catalog.current().await {
            Ok(catalog) => catalog,
            Err(error) => {
                return Err(self.unreachable(&mut client.connection, &upstream, &error).await);
            }
        };
        let session = match self.open(&client, &identity, peer, &catalog).await {
            Ok(session) => session,
            Err(refusal) => return Err(refuse(&mut client.connection, &refusal).await),
        };
        let began = Instant::now();
        let mut logged_in = match upstream.dialer.dial(&client.startup.settings).await {
            Ok(logged_in) => {
                self.engine.dialled(upstream.name(), began.elapsed());
                logged_in
            }
            Err(error) => {
                session.close("the target could not be reached").await;
                return Err(self.unreachable(&mut client.connection, &upstream, &error).await);
            }
        };
        let prepared = self.prepare(&session, &upstream, catalog, &client, &mut logged_in).await;
        let (assembler, process) = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::Told { sqlstate, message }) => {
                session.close("its settings were refused by the target").await;
                let connection = &mut client.connection;
                return Err(reject_with(connection, &sqlstate, &message, &message, None).await);
            }
            Err(Unprepared::Refused { sqlstate, message }) => {
                session.close("its settings were refused").await;
                return Err(reject(&mut client.connection, &sqlstate, &message, None).await);
            }
            Err(Unprepared::Target(error)) => {
                session.close("the target could not be asked").await;
                return Err(self.unreachable(&mut client.connection, &upstream, &error).await);
            }
        };
        Ok(Established { client, session, upstream, assembler, process, logged_in, identity })
    }

    /// Reads what the session begins with at the target, and sets what its client has asked
    /// for at the start, as SET would.
    async fn prepare(
        &self,
        session: &Session,
        upstream: &Upstream,
        catalog: Arc<CatalogSnapshot>,
        client: &Client,
        logged_in: &mut LoggedIn,
    ) -> Result<(Assembler, u32), Unprepared> {
        let (settings, process) = session_settings(&mut logged_in.connection).await?;
        let snapshot = session.snapshot();
        let reveals = snapshot.clone();
        let reveals: Reveals = Arc::new(move |column, category| reveals.reveals(column, category));
        let subjects = upstream.subjects.clone();
        let shown = upstream.shown_to(&session.chain().to_string());
        let mut planner =
            Planner::new(&PostgresGrammar, catalog, reveals, subjects, settings).with_shown(shown);
        let mut given = Vec::new();
        for (name, value) in &client.startup.later {
            let text = format!("SET {name} TO {}", literal(value));
            let plan = planner.plans_of(&text).0.first().cloned();
            let allowed = plan.as_ref().is_some_and(|plan| snapshot.allows(&plan.command));
            if !allowed {
                let unknown = plan.as_ref().and_then(|plan| plan.statement.unknown.as_ref());
                let why = unknown.map_or("policy does not allow it", |unknown| &unknown.message);
                let sqlstate =
                    unknown.map_or(sqlstate::INSUFFICIENT_PRIVILEGE, |known| known.sqlstate);
                let message = format!("startup parameter `{name}` is not offered: {why}");
                return Err(Unprepared::Refused { sqlstate: sqlstate.to_owned(), message });
            }
            set(&mut logged_in.connection, &text).await?;
            given.push(text);
        }
        let mut secret = [0; 16];
        let random = aws_lc_rs::rand::fill(&mut secret);
        random.map_err(|_| DialError::Protocol("no randomness".into()))?;
        // SECURITY: a client that knew this name could prepare it, and a refusal inside a
        // transaction would then not fail at the target.
        let failing = format!("portreeve-{:032x}", u128::from_be_bytes(secret));
        let failing = FailingName(failing.into());
        let mut assembler = Assembler::new(planner, snapshot, failing, self.limits.clone());
        let mut settings = client.startup.settings.clone();
        settings.remove("application_name");
        assembler.start_with(settings);
        let version = logged_in.parameters.iter().find(|(name, _)| name == "server_version");
        if let Some((_, version)) = version {
            assembler.note_version(version);
        }
        given.iter().for_each(|text| assembler.note_setting(text));
        Ok((assembler, process))
    }

    /// Encryption and the startup message.
    async fn start_up(&self, stream: TcpStream, peer: SocketAddr) -> Result<Client, LoginError> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        let is_direct_tls = stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE];
        let mut connection = PreAuth::new(Box::new(stream));
        let mut tls = "none".to_owned();
        if is_direct_tls {
            (connection, tls) = self.encrypt(connection, peer).await?;
        }
        // One request for each kind of encryption, then the startup message.
        let mut gss_refused = false;
        loop {
            match read_opening(&mut connection).await? {
                Ok(Opening::Ssl) if tls == "none" => {
                    connection.send(b"S").await?;
                    (connection, tls) = self.encrypt(connection, peer).await?;
                }
                Ok(Opening::Gss) if !gss_refused && tls == "none" => {
                    gss_refused = true;
                    connection.send(b"N").await?;
                }
                Ok(Opening::Ssl | Opening::Gss) => {
                    let message = "an encryption request out of order";
                    return Err(reject(&mut connection, "08P01", message, None).await);
                }
                Ok(Opening::Cancel { process, key }) => {
                    if !self.cancels.cancel(process, &key) {
                        self.authenticator.turned_away(NAME, peer.ip(), "wrong cancel key");
                    }
                    connection.close().await;
                    return Err(LoginError::CancelRequest);
                }
                Ok(Opening::Startup(startup)) => {
                    if tls == "none" && !peer.ip().is_loopback() {
                        self.authenticator.turned_away(NAME, peer.ip(), "no TLS");
                        let message = "TLS is required";
                        let hint = Some("connect with sslmode=require or stronger");
                        return Err(reject(&mut connection, "28000", message, hint).await);
                    }
                    return Ok(Client { connection, startup, tls });
                }
                Err(StartupError { sqlstate: "22023", message, hint }) => {
                    self.authenticator.turned_away(NAME, peer.ip(), &message);
                    let hint = hint.as_deref();
                    return Err(
                        reject_with(&mut connection, "22023", &message, &message, hint).await
                    );
                }
                Err(StartupError { sqlstate, message, hint }) => {
                    self.authenticator.turned_away(NAME, peer.ip(), &message);
                    return Err(reject(&mut connection, sqlstate, &message, hint.as_deref()).await);
                }
            }
        }
    }

    async fn encrypt(
        &self,
        connection: PreAuth,
        peer: SocketAddr,
    ) -> Result<(PreAuth, String), LoginError> {
        let accepted = accept(connection, self.tls.clone()).await.inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                self.authenticator.turned_away(NAME, peer.ip(), &error.to_string());
            }
        })?;
        Ok((accepted.connection, accepted.version))
    }

    /// Asks for the token and checks it.
    async fn identify(
        &self,
        client: &mut Client,
        peer: SocketAddr,
    ) -> Result<Identity, (&'static str, String, Option<String>)> {
        let token = ask_token(client).await.map_err(|message| ("08P01", message, None))?;
        let resource = &client.startup.database;
        let admitted = self.authenticator.authenticate(NAME, resource, &token, peer.ip()).await;
        let mut identity = admitted.map_err(|not| match not {
            NotAdmitted::Invalid(hint) => {
                ("28P01", "the password is not a valid access token".to_owned(), Some(hint))
            }
            NotAdmitted::TooMany => (
                "28000",
                "too many failed attempts from this address".to_owned(),
                Some("wait a minute, then use a fresh token".to_owned()),
            ),
            NotAdmitted::Unavailable => (
                "57P03",
                "tokens cannot be checked right now".to_owned(),
                Some("try again later".to_owned()),
            ),
        })?;
        // SECURITY: what the connection says is not what the token says.
        let stated = client.startup.own.get("portreeve.purpose");
        identity.chain.stated_purpose = stated.map(|stated| stated.chars().take(200).collect());
        Ok(identity)
    }

    async fn open(
        &self,
        client: &Client,
        identity: &Identity,
        peer: SocketAddr,
        catalog: &CatalogSnapshot,
    ) -> Result<Session, Refusal> {
        let startup = &client.startup;
        let review_mode = match startup.own.get("portreeve.review").map(String::as_str) {
            Some("refuse") => ReviewMode::Refuse,
            Some("tell") => ReviewMode::Tell,
            _ => ReviewMode::Wait,
        };
        self.engine
            .open(OpenRequest {
                id: Engine::new_session_id(),
                chain: identity.chain.clone(),
                resource: startup.database.clone(),
                protocol: NAME,
                client: peer,
                application: startup.application.clone(),
                tls: client.tls.clone(),
                review_mode,
                classify: catalog.classification(),
                expires_at: Some(identity.expires_at),
                notices: Arc::new(Notices::Between),
            })
            .await
    }

    async fn unreachable(
        &self,
        connection: &mut PreAuth,
        up: &Upstream,
        error: &DialError,
    ) -> LoginError {
        tracing::error!(resource = up.name(), %error, "target");
        if let DialError::Refused { code, .. } = error
            && code == "53300"
        {
            let message = format!("the target of `{}` has no free connections", up.name());
            return reject(connection, "53300", &message, Some("try again later")).await;
        }
        if let DialError::Refused { code, message } = error
            && is_clients_fault(code)
        {
            return reject_with(connection, code, message, message, None).await;
        }
        let message = format!("the target of `{}` cannot be reached", up.name());
        reject(connection, "08001", &message, Some("an operator must look at the gateway's log"))
            .await
    }

    async fn session(self: Arc<Self>, established: Established) {
        let Established { client, session, upstream, assembler, process, logged_in, identity } =
            established;
        let minor = client.startup.minor;
        let Some(key) = self.cancels.issue(minor, session.clone()) else {
            return session.close("no randomness").await;
        };
        let limits = &self.engine.limits();
        let mut connection = Connection {
            client: ClientSide::new(client.connection, limits),
            target: TargetSide::new(logged_in.connection, limits),
            machine: ReplyMachine::new(
                self.limits.reply_message_bytes_max,
                upstream.screening.clone(),
            ),
            assembler,
            session,
            upstream,
            cancel: logged_in.cancel,
            limits: self.limits.clone(),
            process,
            made: String::new(),
        };
        let greeting = Greeting {
            parameters: logged_in.parameters,
            process: key.process,
            key: key.key.clone(),
            screening: connection.upstream.screening.clone(),
        };
        let ended = async {
            let released = connection.session.release(greeting).await?;
            connection.client.send(released).await?;
            run_while_identified(&mut connection, self.authenticator.watch(&identity)).await
        }
        .await;
        self.cancels.retire(key.process);
        let Connection { session, mut client, .. } = connection;
        let why = match &ended {
            Ok(()) => "the client said goodbye".to_owned(),
            Err(error) => {
                if let Ok(released) = session.farewell(error).await {
                    let _ = timeout(FAREWELL_TIMEOUT, client.send(released)).await;
                }
                error.to_string()
            }
        };
        tracing::debug!(session = %session.id(), why, "session ended");
        client.close().await;
        session.close(&why).await;
    }
}

/// Why a session cannot begin with the settings that its client wants.
enum Unprepared {
    /// By the gateway.
    Refused {
        sqlstate: String,
        message: String,
    },
    /// By the target, in its own words.
    Told {
        sqlstate: String,
        message: String,
    },
    Target(DialError),
}

impl From<DialError> for Unprepared {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Refused { code, message } if is_clients_fault(&code) => {
                Self::Told { sqlstate: code, message }
            }
            other => Self::Target(other),
        }
    }
}

/// Whether the target has refused what the client had asked for, not the gateway's login.
fn is_clients_fault(sqlstate: &str) -> bool {
    sqlstate.starts_with("22") || sqlstate.starts_with("42")
}

/// A session that is about to begin.
struct Established {
    client: Client,
    session: Session,
    upstream: Arc<Upstream>,
    assembler: Assembler,
    process: u32,
    logged_in: LoggedIn,
    identity: Identity,
}

/// Runs a session as long as its identity lasts.
async fn run_while_identified(
    connection: &mut Connection,
    mut watch: BoxFuture<'static, IdentityEnd>,
) -> Result<(), SessionError> {
    let session = connection.session.clone();
    let mut run = std::pin::pin!(connection.run());
    tokio::select! {
        ended = &mut run => return ended,
        end = &mut watch => session.end(match end {
            IdentityEnd::Expired => Ended::Expired,
            other => Ended::Revoked(other.to_string()),
        }),
    }
    run.await
}

/// How long the last words may take.
const FAREWELL_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

async fn read_opening(connection: &mut PreAuth) -> io::Result<Result<Opening, StartupError>> {
    connection.fill(4).await?;
    let length = connection.inbox().get(..4).map_or(0, |mut bytes| bytes.get_i32());
    let Some(length) = usize::try_from(length).ok().filter(|n| (8..=STARTUP_BYTES_MAX).contains(n))
    else {
        return Ok(Err(StartupError {
            sqlstate: "08P01",
            message: "invalid length of startup packet".into(),
            hint: None,
        }));
    };
    connection.fill(length).await?;
    let packet = connection.inbox().split_to(length);
    Ok(startup::read(packet.get(4..).unwrap_or_default()))
}

/// Negotiates the version where needed, asks for the token, reads it.
async fn ask_token(client: &mut Client) -> Result<Secret<String>, String> {
    let Client { connection, startup, .. } = client;
    let mut words = Vec::new();
    if startup.minor_asked > startup.minor || !startup.unknown_options.is_empty() {
        put(&mut words, b'v', |out| {
            out.extend_from_slice(&(196_608 + startup.minor).to_be_bytes());
            let count = u32::try_from(startup.unknown_options.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&count.to_be_bytes());
            startup.unknown_options.iter().for_each(|option| put_text(out, option));
        });
    }
    put(&mut words, b'R', |out| out.extend_from_slice(&3_u32.to_be_bytes()));
    let gone = |_| "the client went away before it sent a token".to_owned();
    connection.send(&words).await.map_err(gone)?;
    connection.fill(HEADER_BYTES).await.map_err(gone)?;
    let length = message_length(connection.inbox(), PASSWORD_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .unwrap_or_default();
    connection.fill(length).await.map_err(gone)?;
    let message = take(connection.inbox(), PASSWORD_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .filter(|message| message.tag == b'p')
        .ok_or("a password message was expected")?;
    let token = message.body().strip_suffix(b"\0").ok_or("invalid password message")?;
    let token = std::str::from_utf8(token).map_err(|_| "invalid password message")?;
    Ok(Secret::new(token.to_owned()))
}

async fn reject(
    connection: &mut PreAuth,
    sqlstate: &str,
    message: &str,
    hint: Option<&str>,
) -> LoginError {
    let text = format!("portreeve: {message}");
    reject_with(connection, sqlstate, &text, message, hint).await
}

/// The same with words that need not be the gateway's own.
async fn reject_with(
    connection: &mut PreAuth,
    sqlstate: &str,
    text: &str,
    why: &str,
    hint: Option<&str>,
) -> LoginError {
    let mut words = Vec::new();
    put_error(&mut words, "FATAL", sqlstate, text, None, hint);
    let _ = connection.send(&words).await;
    connection.close().await;
    LoginError::Rejected(why.to_owned())
}

async fn refuse(connection: &mut PreAuth, refusal: &Refusal) -> LoginError {
    let mut words = Vec::new();
    let detail = match &refusal.rule {
        Some(rule) => format!("rule: {rule}, request: {}", refusal.request),
        None => format!("request: {}", refusal.request),
    };
    let text = format!("portreeve: {}", refusal.message);
    let hint = refusal.hint.as_deref();
    let sqlstate = match refusal.code {
        RefusalCode::LimitExceeded => "53300",
        _ => "42501",
    };
    put_error(&mut words, "FATAL", sqlstate, &text, Some(&detail), hint);
    let _ = connection.send(&words).await;
    connection.close().await;
    LoginError::Rejected(refusal.message.clone())
}
