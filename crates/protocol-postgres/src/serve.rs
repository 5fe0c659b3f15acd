//! The door: from an accepted connection to a running session.

use crate::cancel::CancelKeys;
use crate::conn::{Conn, ProtocolLimits, classify};
use crate::dial::{DialError, Dialled, dial};
use crate::frame::{self, put, put_text};
use crate::pipeline::Pipeline;
use crate::startup::{self, Opening, STARTUP_BYTES_MAX, Startup, StartupError, TLS_HANDSHAKE};
use crate::upstream::{Known, Upstream};
use crate::{NAME, backend};
use bytes::{Buf, Bytes};
use portreeve_model::{Refusal, RefusalCode, Secret};
use portreeve_session::{
    Engine, Gatekeeper, Identity, Lobby, NotAdmitted, OpenRequest, ReviewMode, Session, Voice,
};
use rustls::ServerConfig;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// What the door is made of.
pub struct PostgresParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who checks tokens.
    pub gatekeeper: Arc<dyn Gatekeeper>,
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
    gatekeeper: Arc<dyn Gatekeeper>,
    upstreams: HashMap<String, Arc<Upstream>>,
    tls: TlsAcceptor,
    cancels: CancelKeys,
    limits: ProtocolLimits,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("resources", &self.upstreams.len()).finish_non_exhaustive()
    }
}

/// Why a client did not get a session. It has been told.
#[derive(Debug, thiserror::Error)]
enum Turned {
    #[error("client went away")]
    Gone(#[from] io::Error),
    #[error("{0}")]
    Away(String),
    #[error("cancel request")]
    Cancel,
}

/// A client that has said what it wants.
struct Arrived {
    lobby: Lobby,
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
            gatekeeper: parts.gatekeeper,
            upstreams,
            tls: TlsAcceptor::from(parts.tls),
            cancels: CancelKeys::default(),
            limits: parts.limits,
        })
    }

    /// Serves one connection to its end.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let entered = timeout(self.limits.login_timeout, self.enter(stream, peer)).await;
        let why = match entered {
            Ok(Ok(entered)) => return self.session(entered).await,
            Ok(Err(Turned::Cancel)) => return,
            Ok(Err(turned)) => turned.to_string(),
            Err(_) => "did not log in in time".to_owned(),
        };
        tracing::debug!(%peer, why, "connection ended before a session");
    }

    async fn enter(&self, stream: TcpStream, peer: SocketAddr) -> Result<Entered, Turned> {
        let mut arrived = self.arrive(stream, peer).await?;
        let identity = match self.identify(&mut arrived, peer).await {
            Ok(identity) => identity,
            Err((sqlstate, message, hint)) => {
                return Err(away(&mut arrived.lobby, sqlstate, &message, hint.as_deref()).await);
            }
        };
        let startup = &arrived.startup;
        let Some(upstream) = self.upstreams.get(&startup.database).cloned() else {
            let message = format!("there is no resource `{}`", startup.database);
            self.gatekeeper.turned_away(NAME, peer.ip(), "unknown resource");
            let hint = "the database name chooses the resource: ask an operator for its name";
            return Err(away(&mut arrived.lobby, "3D000", &message, Some(hint)).await);
        };
        let known = match upstream.current().await {
            Ok(known) => known,
            Err(error) => {
                return Err(self.unreachable(&mut arrived.lobby, &upstream, &error).await);
            }
        };
        let session = match self.open(&arrived, identity, peer, &known).await {
            Ok(session) => session,
            Err(refusal) => return Err(refuse(&mut arrived.lobby, &refusal).await),
        };
        let dialled = match dial(&upstream.config, &arrived.startup.settings).await {
            Ok(dialled) => dialled,
            Err(error) => {
                session.close("the target could not be reached").await;
                return Err(self.unreachable(&mut arrived.lobby, &upstream, &error).await);
            }
        };
        Ok(Entered { arrived, session, upstream, known, dialled })
    }

    /// Encryption and the startup message.
    async fn arrive(&self, stream: TcpStream, peer: SocketAddr) -> Result<Arrived, Turned> {
        stream.set_nodelay(true)?;
        let mut first = [0];
        let is_direct_tls = stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE];
        let mut lobby = Lobby::new(Box::new(stream));
        let mut tls = "none".to_owned();
        if is_direct_tls {
            (lobby, tls) = self.encrypt(lobby, peer).await?;
        }
        // One request for each kind of encryption, then the startup message.
        let mut gss_refused = false;
        loop {
            match read_opening(&mut lobby).await? {
                Ok(Opening::Ssl) if tls == "none" => {
                    lobby.say(b"S").await?;
                    (lobby, tls) = self.encrypt(lobby, peer).await?;
                }
                Ok(Opening::Gss) if !gss_refused && tls == "none" => {
                    gss_refused = true;
                    lobby.say(b"N").await?;
                }
                Ok(Opening::Ssl | Opening::Gss) => {
                    let message = "an encryption request out of order";
                    return Err(away(&mut lobby, "08P01", message, None).await);
                }
                Ok(Opening::Cancel { process, key }) => {
                    if !self.cancels.cancel(process, &key) {
                        self.gatekeeper.turned_away(NAME, peer.ip(), "wrong cancel key");
                    }
                    lobby.close().await;
                    return Err(Turned::Cancel);
                }
                Ok(Opening::Startup(startup)) => {
                    if tls == "none" && !peer.ip().is_loopback() {
                        self.gatekeeper.turned_away(NAME, peer.ip(), "no TLS");
                        let hint = "connect with sslmode=require or stronger";
                        return Err(away(&mut lobby, "28000", "TLS is required", Some(hint)).await);
                    }
                    return Ok(Arrived { lobby, startup, tls });
                }
                Err(StartupError { sqlstate, message, hint }) => {
                    self.gatekeeper.turned_away(NAME, peer.ip(), &message);
                    return Err(away(&mut lobby, sqlstate, &message, hint.as_deref()).await);
                }
            }
        }
    }

    async fn encrypt(&self, lobby: Lobby, peer: SocketAddr) -> Result<(Lobby, String), Turned> {
        let stream = lobby.into_stream().map_err(|broken| {
            self.gatekeeper.turned_away(NAME, peer.ip(), &broken.to_string());
            Turned::Away(broken.to_string())
        })?;
        let stream = self.tls.accept(stream).await?;
        let version = stream.get_ref().1.protocol_version();
        let version = version.map_or("TLS".to_owned(), |version| format!("{version:?}"));
        Ok((Lobby::new(Box::new(stream)), version))
    }

    /// Asks for the token and checks it.
    async fn identify(
        &self,
        arrived: &mut Arrived,
        peer: SocketAddr,
    ) -> Result<Identity, (&'static str, String, Option<String>)> {
        let token = ask_token(arrived).await.map_err(|message| ("08P01", message, None))?;
        let resource = &arrived.startup.database;
        let admitted = self.gatekeeper.authenticate(NAME, resource, &token, peer.ip()).await;
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
        let stated = arrived.startup.own.get("portreeve.purpose");
        identity.chain.stated_purpose = stated.map(|stated| stated.chars().take(200).collect());
        Ok(identity)
    }

    async fn open(
        &self,
        arrived: &Arrived,
        identity: Identity,
        peer: SocketAddr,
        known: &Known,
    ) -> Result<Session, Refusal> {
        let startup = &arrived.startup;
        let review_mode = match startup.own.get("portreeve.review").map(String::as_str) {
            Some("refuse") => ReviewMode::Refuse,
            _ => ReviewMode::Wait,
        };
        self.engine
            .open(OpenRequest {
                id: Engine::new_session_id(),
                chain: identity.chain,
                resource: startup.database.clone(),
                protocol: NAME,
                client: peer,
                application: startup.application.clone(),
                tls: arrived.tls.clone(),
                review_mode,
                classify: classify(known),
            })
            .await
    }

    async fn unreachable(&self, lobby: &mut Lobby, up: &Upstream, error: &DialError) -> Turned {
        tracing::error!(resource = up.name(), %error, "target");
        if let DialError::Refused { sqlstate, .. } = error
            && sqlstate == "53300"
        {
            let message = format!("the target of `{}` has no free connections", up.name());
            return away(lobby, "53300", &message, Some("try again later")).await;
        }
        let message = format!("the target of `{}` cannot be reached", up.name());
        away(lobby, "08001", &message, Some("an operator must look at the gateway's log")).await
    }

    async fn session(self: Arc<Self>, entered: Entered) {
        let Entered { arrived, mut session, upstream, known, dialled } = entered;
        let minor = arrived.startup.minor;
        let path_moved = arrived.startup.settings.contains_key("search_path");
        let Some(key) = self.cancels.issue(minor, session.signals()) else {
            return session.close("no randomness").await;
        };
        let mut secret = [0; 16];
        if aws_lc_rs::rand::fill(&mut secret).is_err() {
            return session.close("no randomness").await;
        }
        // SECURITY: a client that knew this name could prepare it, and a refusal inside a
        // transaction would then not fail at the target.
        let failing_name = format!("portreeve-{:032x}", u128::from_be_bytes(secret));
        let limits = &self.engine.limits;
        let ruling = session.ruling();
        let mut conn = Conn {
            client: arrived.lobby.into_client(Box::new(Words), limits),
            target: dialled.lobby.into_target(limits),
            pipeline: Pipeline::new(self.limits.reply_message_bytes_max),
            session,
            upstream,
            known: if path_moved { known.elsewhere() } else { known },
            path_moved,
            defines: false,
            writes: false,
            ruling,
            epoch: 0,
            plans: HashMap::new(),
            failing_name,
            target_key: dialled.cancel,
            limits: self.limits.clone(),
        };
        let greeting = greeting(&dialled.parameters, key.process, &key.key);
        let ended = async {
            let released = conn.session.greet(greeting).await?;
            conn.client.send(released).await?;
            conn.run().await
        }
        .await;
        self.cancels.retire(key.process);
        let why = match &ended {
            Ok(()) => "the client said goodbye".to_owned(),
            Err(broken) => {
                conn.farewell(broken).await;
                broken.to_string()
            }
        };
        tracing::debug!(session = %conn.session.id(), why, "session ended");
        conn.client.close().await;
        conn.session.close(&why).await;
    }
}

/// A session that is about to begin.
struct Entered {
    arrived: Arrived,
    session: Session,
    upstream: Arc<Upstream>,
    known: Known,
    dialled: Dialled,
}

/// Notices of the gateway.
struct Words;

impl Voice for Words {
    fn notice(&self, text: &str, hint: &str) -> Bytes {
        let mut words = Vec::new();
        let text = format!("portreeve: {text}");
        backend::put_report(
            &mut words,
            b'N',
            &[(b'S', "NOTICE"), (b'V', "NOTICE"), (b'C', "00000"), (b'M', &text), (b'H', hint)],
        );
        words.into()
    }
}

async fn read_opening(lobby: &mut Lobby) -> io::Result<Result<Opening, StartupError>> {
    lobby.fill(4).await?;
    let length = lobby.inbox().get(..4).map_or(0, |mut bytes| bytes.get_i32());
    let Some(length) = usize::try_from(length).ok().filter(|n| (8..=STARTUP_BYTES_MAX).contains(n))
    else {
        return Ok(Err(StartupError {
            sqlstate: "08P01",
            message: "invalid length of startup packet".into(),
            hint: None,
        }));
    };
    lobby.fill(length).await?;
    let packet = lobby.inbox().split_to(length);
    Ok(startup::read(packet.get(4..).unwrap_or_default()))
}

/// Negotiates the version where needed, asks for the token, reads it.
async fn ask_token(arrived: &mut Arrived) -> Result<Secret<String>, String> {
    let Arrived { lobby, startup, .. } = arrived;
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
    lobby.say(&words).await.map_err(gone)?;
    lobby.fill(frame::HEADER_BYTES).await.map_err(gone)?;
    let length = frame::message_length(lobby.inbox(), PASSWORD_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .unwrap_or_default();
    lobby.fill(length).await.map_err(gone)?;
    let message = frame::take(lobby.inbox(), PASSWORD_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .filter(|message| message.tag == b'p')
        .ok_or("a password message was expected")?;
    let token = message.body().strip_suffix(b"\0").ok_or("invalid password message")?;
    let token = std::str::from_utf8(token).map_err(|_| "invalid password message")?;
    Ok(Secret::new(token.to_owned()))
}

/// Authentication is done; the target's settings; the gateway's own cancel key; ready.
fn greeting(parameters: &[(String, String)], process: u32, key: &[u8]) -> Bytes {
    let mut words = Vec::new();
    put(&mut words, b'R', |out| out.extend_from_slice(&0_u32.to_be_bytes()));
    for (name, value) in parameters {
        backend::put_parameter(&mut words, name, value);
    }
    put(&mut words, b'K', |out| {
        out.extend_from_slice(&process.to_be_bytes());
        out.extend_from_slice(key);
    });
    backend::put_ready(&mut words, b'I');
    words.into()
}

async fn away(lobby: &mut Lobby, sqlstate: &str, message: &str, hint: Option<&str>) -> Turned {
    let mut words = Vec::new();
    let text = format!("portreeve: {message}");
    backend::put_error(&mut words, "FATAL", sqlstate, &text, None, hint);
    let _ = lobby.say(&words).await;
    lobby.close().await;
    Turned::Away(message.to_owned())
}

async fn refuse(lobby: &mut Lobby, refusal: &Refusal) -> Turned {
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
    backend::put_error(&mut words, "FATAL", sqlstate, &text, Some(&detail), hint);
    let _ = lobby.say(&words).await;
    lobby.close().await;
    Turned::Away(refusal.message.clone())
}
