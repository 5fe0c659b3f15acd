//! Connections of clients, and what becomes of their requests.

mod exchange;
mod problem;
mod sessions;

use crate::canonical::CanonicalPath;
use crate::request::{Head, RefusedHead, wishes};
use crate::target::Target;
use bytes::{Bytes, BytesMut};
use exchange::{Answer, Asked};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use portreeve_detect::Detector;
use portreeve_model::Secret;
use portreeve_session::{Authenticator, Engine, ReviewMode};
use portreeve_transport::{PreAuth, accept};
use problem::{AnswerBody, Problem};
use rustls::ServerConfig;
use sessions::{Ask, Caller, Sessions};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

/// Requests that one connection of HTTP/2 may have open.
const STREAMS_MAX: u32 = 100;
/// How long the body of a request may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes that the bodies of all requests may take up at once.
const ROOM_BYTES: usize = 256 << 20;
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Limits of the protocol.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// How long a client may take to say its first request.
    pub login_timeout: Duration,
    /// How long a caller's session lasts without a request.
    pub session_idle_timeout: Duration,
    /// How long a target may say nothing.
    pub reply_timeout: Duration,
    /// The longest body of a request.
    pub request_bytes_max: usize,
    /// The longest value, and the longest answer that is masked as a whole.
    pub value_bytes_max: usize,
    /// The longest head.
    pub head_bytes_max: usize,
}

/// What the listener is made of.
pub struct HttpParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who checks tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The resources.
    pub targets: Vec<Arc<Target>>,
    /// The certificate shown to clients.
    pub tls: Arc<ServerConfig>,
    /// The limits.
    pub limits: HttpLimits,
}

/// The HTTP listener's work, one connection at a time.
pub struct Http {
    sessions: Arc<Sessions>,
    targets: Vec<Arc<Target>>,
    tls: Arc<ServerConfig>,
    limits: HttpLimits,
    detector: Detector,
    /// Each brings the rest of an answer to its client.
    flows: Arc<Mutex<JoinSet<()>>>,
    /// Bytes that all bodies of requests may take up at once.
    room: Arc<Semaphore>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("resources", &self.targets.len()).finish_non_exhaustive()
    }
}

/// A connection, as its requests see it.
struct Connection<W> {
    client: SocketAddr,
    tls: String,
    /// The client's place among those that have not shown a token.
    waiting: Mutex<Option<W>>,
}

impl Http {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: HttpParts) -> Arc<Self> {
        let idle_timeout = parts.limits.session_idle_timeout;
        Arc::new(Self {
            sessions: Sessions::new(parts.engine, parts.authenticator, idle_timeout),
            targets: parts.targets,
            tls: parts.tls,
            limits: parts.limits,
            detector: Detector::default(),
            flows: Arc::default(),
            room: Arc::new(Semaphore::new(ROOM_BYTES)),
        })
    }

    /// The same with other resources and limits, for the requests to come.
    #[must_use]
    pub fn renewed(&self, targets: Vec<Arc<Target>>, limits: HttpLimits) -> Arc<Self> {
        Arc::new(Self {
            sessions: self.sessions.clone(),
            targets,
            tls: self.tls.clone(),
            limits,
            detector: self.detector,
            flows: self.flows.clone(),
            room: self.room.clone(),
        })
    }

    /// Serves one connection to its end. `waiting` is dropped when the client has shown a
    /// good token, or is gone.
    pub async fn serve<W: Send + 'static>(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        waiting: W,
    ) {
        let entered = timeout(self.limits.login_timeout, self.enter(stream, client)).await;
        let Ok(Some((connection, tls))) = entered else { return };
        let (stream, _) = connection.into_parts();
        let connection = Arc::new(Connection { client, tls, waiting: Mutex::new(Some(waiting)) });
        let service = service_fn(|request| {
            let (http, connection) = (self.clone(), connection.clone());
            async move { Ok::<_, Infallible>(http.answer(request, &connection).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.login_timeout)
            .max_buf_size(self.limits.head_bytes_max);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(self.limits.head_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(Some(self.limits.login_timeout));
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    }

    /// Encrypts the connection where the client asks for it; it may go without on loopback.
    async fn enter(&self, stream: TcpStream, client: SocketAddr) -> Option<(PreAuth, String)> {
        stream.set_nodelay(true).ok()?;
        let mut first = [0];
        stream.peek(&mut first).await.ok()?;
        let connection = PreAuth::new(Box::new(stream));
        if first == [TLS_HANDSHAKE] {
            let accepted = accept(connection, self.tls.clone()).await.ok()?;
            return Some((accepted.connection, accepted.version));
        }
        if client.ip().to_canonical().is_loopback() {
            return Some((connection, "none".to_owned()));
        }
        let mut connection = connection;
        let words = "HTTP/1.1 426 Upgrade Required\r\nconnection: close\r\nupgrade: TLS/1.3\r\n\
                     content-length: 0\r\n\r\n";
        let _ = connection.send(words.as_bytes()).await;
        connection.close().await;
        None
    }

    async fn answer<W: Send>(
        &self,
        request: Request<Incoming>,
        connection: &Connection<W>,
    ) -> Response<AnswerBody> {
        match self.exchange(request, connection).await {
            Ok(Answer { response, rest }) => {
                if let Some(flow) = rest {
                    let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
                    while flows.try_join_next().is_some() {}
                    flows.spawn(flow.run());
                }
                response
            }
            Err(problem) => {
                if problem.is_clients() {
                    self.sessions.turned_away(connection.client, &problem.detail);
                }
                problem.into_answer()
            }
        }
    }

    async fn exchange<W: Send>(
        &self,
        request: Request<Incoming>,
        connection: &Connection<W>,
    ) -> Result<Answer, Problem> {
        let (parts, body) = request.into_parts();
        let token = bearer(&parts.headers)?;
        let ask = Ask {
            token: &token,
            client: connection.client,
            tls: &connection.tls,
            application: application(&parts.headers),
            review_mode: review_mode(&parts.headers),
        };
        let path = CanonicalPath::read(parts.uri.path()).map_err(RefusedHead::from);
        let path = path.map_err(bad_request)?;
        let Some((target, path, prefix)) = self.find(&parts, path)? else {
            self.sessions.check(&ask).await?;
            let hint = "the first part of the path, or the host name, is the resource";
            return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such resource", hint));
        };
        let caller = self.sessions.caller(ask, &target).await?;
        drop(connection.waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
        let named = (parts.method, path, parts.uri.query());
        let authorization = target.authorization();
        let head = Head::new(named, &parts.headers, (target.authority(), authorization));
        let head = head.map_err(bad_request)?;
        let (body, room) = self.collect(body, &caller).await?;
        let asked = Asked {
            caller,
            target,
            detector: self.detector,
            prefix,
            value_bytes_max: self.limits.value_bytes_max,
            reply_timeout: self.limits.reply_timeout,
            room,
        };
        asked.run(head, body).await
    }

    /// The resource that is asked for: by its host name, or by the first part of the path.
    fn find(
        &self,
        parts: &http::request::Parts,
        path: CanonicalPath,
    ) -> Result<Option<(Arc<Target>, CanonicalPath, String)>, Problem> {
        let host = host(parts)?;
        let by_host = self.targets.iter().find(|target| target.serve_host() == host);
        if let Some(target) = by_host {
            return Ok(Some((target.clone(), path, String::new())));
        }
        let first = path.segments.first();
        let by_path = self.targets.iter().find(|target| first.is_some_and(|s| s == target.name()));
        Ok(by_path
            .map(|target| (target.clone(), path.behind_first(), format!("/{}", target.name()))))
    }

    /// The body of a request, and the room that it takes up: so much for each caller, and so
    /// much for all.
    async fn collect(
        &self,
        body: Incoming,
        caller: &Caller,
    ) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Problem> {
        let max = self.limits.request_bytes_max;
        let mut body = Limited::new(body, max);
        let (mut bytes, mut room) = (BytesMut::new(), Vec::new());
        let until = Instant::now() + BODY_TIMEOUT;
        loop {
            let frame = match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok((bytes.freeze(), room)),
                Ok(Some(Err(error))) => return Err(broken_body(&*error, max)),
                Err(_) => {
                    let why = "the body did not come in time";
                    return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, why, ""));
                }
            };
            let Ok(data) = frame.into_data() else { continue };
            if !data.is_empty() {
                let taken = u32::try_from(data.len()).unwrap_or(u32::MAX);
                for of in [&caller.room, &self.room] {
                    let place = of.clone().try_acquire_many_owned(taken);
                    room.push(place.map_err(|_| crowded())?);
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

fn broken_body(error: &(dyn std::error::Error + Send + Sync + 'static), max: usize) -> Problem {
    match error.is::<LengthLimitError>() {
        true => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {max} bytes"),
            "`limits.http.request_bytes_max` is the limit",
        ),
        false => Problem::new(StatusCode::BAD_REQUEST, "the body is broken", ""),
    }
}

fn crowded() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many bodies are on their way at once",
        "send fewer requests at a time",
    )
}

fn bad_request(why: RefusedHead) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, why.to_string(), "spell it in one way only")
}

/// The host name that is asked for, in lower case and without its port.
fn host(parts: &http::request::Parts) -> Result<String, Problem> {
    let mut fields = parts.headers.get_all(header::HOST).iter();
    let field = fields.next().map(|value| value.to_str().unwrap_or_default());
    let named = parts.uri.authority().map(http::uri::Authority::as_str);
    let is_one = match (field, named) {
        (Some(field), Some(named)) => field.eq_ignore_ascii_case(named),
        _ => true,
    };
    if !is_one || fields.next().is_some() {
        let why = "the request names two hosts";
        return Err(Problem::new(StatusCode::BAD_REQUEST, why, "name one"));
    }
    let authority = named.or(field).unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    Ok(host.trim_end_matches('.').to_ascii_lowercase())
}

/// The caller's token (RFC 6750 section 2.1); in a query or a form it is not taken.
fn bearer(fields: &HeaderMap) -> Result<Secret<String>, Problem> {
    let mut values = fields.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    match (token, values.next()) {
        (Some(token), None) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "a token is needed",
            "send `Authorization: Bearer TOKEN`; `portreeve token` tells how to get one",
        )),
    }
}

fn application(fields: &HeaderMap) -> Option<String> {
    let agent = fields.get(header::USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(APPLICATION_CHARS_MAX).collect())
}

/// Whoever waits says so (RFC 7240 section 4.3); others hear of a review and ask again.
fn review_mode(fields: &HeaderMap) -> ReviewMode {
    let waits = wishes(fields).any(|wish| wish.starts_with("wait"));
    if waits { ReviewMode::Wait } else { ReviewMode::Refuse }
}

/// As much of what a client calls itself as is recorded.
const APPLICATION_CHARS_MAX: usize = 120;
