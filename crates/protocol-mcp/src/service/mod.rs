//! Connections of clients, their sessions, and what becomes of their messages.

mod call;
mod era;
mod fence;
mod frame;
mod metadata;
mod session;
mod talk;
mod words;

use crate::NAME;
use crate::message::{Malformed, Message, error_text};
use crate::own::{self, Calling, Offers};
use crate::target::Target;
use crate::tools::Descriptions;
use era::{Era, mismatch};
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use portreeve_session::{Authenticator, Engine, Identity};
use portreeve_web::{
    AnswerBody, Ask, CanonicalPath, Connection, Listener, ListenerLimits, Opening, Problem, Room,
    Sessions, application, bearer, host, plain, review_mode,
};
use rustls::ServerConfig;
use serde_json::{Value, json};
use session::{Asking, McpCaller, Own, Posted};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use talk::{Answer, Flow};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use words::Words;

/// Bytes that the bodies of all requests may take up at once.
const ROOM_BYTES: usize = 256 << 20;

/// Limits of the protocol.
#[derive(Clone, Debug)]
pub struct McpLimits {
    /// How long a client may take to say its first request.
    pub login_timeout: Duration,
    /// How long a caller's session lasts without a request.
    pub session_idle_timeout: Duration,
    /// The longest message of a client.
    pub request_bytes_max: usize,
    /// The longest message of a server.
    pub message_bytes_max: usize,
    /// The longest head.
    pub head_bytes_max: usize,
}

impl McpLimits {
    const fn of_listener(&self) -> ListenerLimits {
        ListenerLimits { login_timeout: self.login_timeout, head_bytes_max: self.head_bytes_max }
    }
}

/// What the listener is made of.
pub struct McpParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who checks tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// The resources.
    pub targets: Vec<Arc<Target>>,
    /// Where tools are pinned.
    pub descriptions: Arc<dyn Descriptions>,
    /// What the gateway itself offers.
    pub offers: Arc<dyn Offers>,
    /// Whose tokens are taken (RFC 9728).
    pub issuers: Vec<String>,
    /// The certificate shown to clients.
    pub tls: Arc<ServerConfig>,
    /// The limits.
    pub limits: McpLimits,
}

/// The MCP listener's work, one connection at a time.
pub struct Mcp {
    sessions: Arc<Sessions<Own>>,
    targets: Vec<Arc<Target>>,
    descriptions: Arc<dyn Descriptions>,
    offers: Arc<dyn Offers>,
    issuers: Vec<String>,
    listener: Listener,
    limits: McpLimits,
    /// Each brings the rest of an answer to its client.
    flows: Arc<Mutex<JoinSet<()>>>,
    room: Room,
}

impl std::fmt::Debug for Mcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mcp").field("resources", &self.targets.len()).finish_non_exhaustive()
    }
}

/// Everything that one request needs to be answered.
struct Asked<'a> {
    ask: Ask<'a>,
    parts: &'a Parts,
    target: Arc<Target>,
    era: Era,
}

impl Mcp {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: McpParts) -> Arc<Self> {
        let idle_timeout = parts.limits.session_idle_timeout;
        Arc::new(Self {
            sessions: Sessions::new(NAME, parts.engine, parts.authenticator, idle_timeout),
            targets: parts.targets,
            descriptions: parts.descriptions,
            offers: parts.offers,
            issuers: parts.issuers,
            listener: Listener::new(parts.tls, parts.limits.of_listener()),
            limits: parts.limits,
            flows: Arc::default(),
            room: Room::new(ROOM_BYTES),
        })
    }

    /// The same with other resources, issuers and limits, for the requests to come.
    #[must_use]
    pub fn renewed(
        &self,
        targets: Vec<Arc<Target>>,
        issuers: Vec<String>,
        limits: McpLimits,
    ) -> Arc<Self> {
        Arc::new(Self {
            sessions: self.sessions.clone(),
            targets,
            descriptions: self.descriptions.clone(),
            offers: self.offers.clone(),
            issuers,
            listener: self.listener.with(limits.of_listener()),
            limits,
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
        let answer = |request, connection: Arc<Connection<W>>| {
            let mcp = self.clone();
            async move { mcp.answer(request, &connection).await }
        };
        self.listener.serve(stream, client, waiting, answer).await;
    }

    async fn answer<W: Send>(
        &self,
        request: Request<Incoming>,
        connection: &Connection<W>,
    ) -> Response<AnswerBody> {
        match self.exchange(request, connection).await {
            Ok(Answer { response, rest }) => {
                if let Some(flow) = rest {
                    self.spawn(flow);
                }
                response
            }
            Err(Failure::Problem(problem)) => {
                if problem.is_clients() {
                    self.sessions.turned_away(connection.client, &problem.detail);
                }
                problem.into_answer()
            }
            Err(Failure::Words(answer, why)) => {
                self.sessions.turned_away(connection.client, &why);
                *answer
            }
        }
    }

    fn spawn(&self, flow: Flow) {
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        while flows.try_join_next().is_some() {}
        flows.spawn(flow.run());
    }

    async fn exchange<W: Send>(
        &self,
        request: Request<Incoming>,
        connection: &Connection<W>,
    ) -> Result<Answer, Failure> {
        let (parts, body) = request.into_parts();
        if let Some(answer) = self.metadata(&parts, connection)? {
            return Ok(Answer { response: answer, rest: None });
        }
        check_origin(&parts)?;
        let challenged = |mut problem: Problem| {
            problem.metadata = self.metadata_url(&parts, connection);
            problem
        };
        let token = bearer(&parts.headers).map_err(challenged)?;
        let mut ask = Ask {
            token: &token,
            client: connection.client,
            tls: &connection.tls,
            application: application(&parts.headers),
            review_mode: review_mode(&parts.headers),
            name: "",
        };
        let Some(target) = self.find(&parts)? else {
            let identity = self.sessions.identify(&ask, "").await.map_err(challenged)?;
            if matches!(parts.uri.path(), "/mcp" | "/") {
                connection.entered();
                return self.answer_itself(&parts, body, (&ask, &identity)).await;
            }
            let hint = "an endpoint is `/RESOURCE/mcp`";
            return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such server", hint).into());
        };
        let era = Era::of(&parts.headers).ok_or_else(unsupported_version)?;
        let session = match era {
            Era::Sessions => session_name(&parts)?,
            Era::Stateless => None,
        };
        ask.name = session.unwrap_or_default();
        let asked = Asked { ask, parts: &parts, target, era };
        match (&parts.method, era) {
            (&Method::POST, _) => {
                let posted = self.post(asked, body, session).await;
                if posted.is_ok() {
                    connection.entered();
                }
                posted.map_err(|failure| failure.mapped(challenged))
            }
            (&Method::GET, Era::Sessions) => self.listen(&asked, session).await,
            (&Method::DELETE, Era::Sessions) => self.leave(&asked, session).await,
            _ => {
                let hint = "send messages with POST";
                let why = "the endpoint does not do this";
                Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, why, hint).into())
            }
        }
    }

    /// The server that is asked for: by its host name, or by the first part of the path.
    fn find(&self, parts: &Parts) -> Result<Option<Arc<Target>>, Problem> {
        let path = CanonicalPath::read(parts.uri.path()).map_err(|why| {
            Problem::new(StatusCode::BAD_REQUEST, why.to_string(), "spell it in one way only")
        })?;
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        let host = host(parts)?;
        let by_host = self.targets.iter().find(|target| target.serve_host() == host);
        Ok(match (by_host, segments.as_slice()) {
            (Some(target), [] | ["mcp"]) => Some(target.clone()),
            (_, [name] | [name, "mcp"]) => {
                self.targets.iter().find(|target| target.name() == *name).cloned()
            }
            _ => None,
        })
    }

    /// A message to the gateway's own server. It has no state: a client that shakes hands gets
    /// no session for it.
    async fn answer_itself(
        &self,
        parts: &Parts,
        body: Incoming,
        (ask, identity): (&Ask<'_>, &Identity),
    ) -> Result<Answer, Failure> {
        if parts.method != Method::POST {
            let why = "the endpoint does not do this";
            let hint = "send messages with POST";
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, why, hint).into());
        }
        let era = Era::of(&parts.headers).ok_or_else(unsupported_version)?;
        check_type(parts)?;
        let limit = ("limits.mcp.request_bytes_max", self.limits.request_bytes_max);
        let (bytes, _places) = Room::collect([&self.room, &self.room], body, limit).await?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let call = match Message::read_exactly(text).map_err(malformed)? {
            Message::Call(call) => call,
            Message::Note(_) | Message::Answer(_) => {
                let response = plain(StatusCode::ACCEPTED, "text/plain", String::new());
                return Ok(Answer { response, rest: None });
            }
        };
        if era == Era::Stateless
            && let Some(why) = mismatch(&parts.headers, &call, None)
        {
            let text = error_text(Some(&call.id), -32020, &why, Value::Null);
            return Err(Failure::words(StatusCode::BAD_REQUEST, text));
        }
        let calling = Calling { token: ask.token, identity, client: ask.client };
        let versions: Vec<&str> = Era::versions().collect();
        let text = match own::answer(&*self.offers, &calling, &call, &versions).await {
            Some(result) => {
                json!({"jsonrpc": "2.0", "id": call.id.to_value(), "result": result}).to_string()
            }
            None => error_text(Some(&call.id), -32601, "the method is not known", Value::Null),
        };
        Ok(Answer { response: plain(StatusCode::OK, "application/json", text), rest: None })
    }

    /// A message of a client.
    async fn post(
        &self,
        asked: Asked<'_>,
        body: Incoming,
        session: Option<&str>,
    ) -> Result<Answer, Failure> {
        let known = match (asked.era, session) {
            (Era::Sessions, Some(_)) => {
                let caller = self.sessions.find(&asked.ask, asked.target.name());
                Some(caller.ok_or_else(no_session)?)
            }
            (Era::Stateless, _) => Some(self.open(&asked.ask, &asked.target).await?),
            (Era::Sessions, None) => {
                self.sessions.check(&asked.ask).await?;
                None
            }
        };
        check_type(asked.parts)?;
        let room = known.as_ref().map_or(&self.room, |caller| &caller.room);
        let limit = ("limits.mcp.request_bytes_max", self.limits.request_bytes_max);
        let (bytes, places) = Room::collect([room, &self.room], body, limit).await?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let message = Message::read_exactly(text).map_err(malformed)?;
        let caller = match (known, &message) {
            (Some(caller), _) => caller,
            (None, Message::Call(call)) if call.method == "initialize" => {
                let name = Own::new_name().ok_or_else(no_session)?;
                self.open(&Ask { name: &name, ..asked.ask.clone() }, &asked.target).await?
            }
            (None, _) => {
                let hint = "send `initialize`, and its `Mcp-Session-Id` with what follows";
                let why = "there is no session yet";
                return Err(Problem::new(StatusCode::BAD_REQUEST, why, hint).into());
            }
        };
        let asking = Asking {
            caller,
            target: asked.target,
            descriptions: self.descriptions.clone(),
            message_bytes_max: self.limits.message_bytes_max,
            era: asked.era,
        };
        asking.post(Posted { message, fields: &asked.parts.headers, places }).await
    }

    /// What the server says unasked.
    async fn listen(&self, asked: &Asked<'_>, session: Option<&str>) -> Result<Answer, Failure> {
        self.asking(asked, session)?.listen().await
    }

    /// The client has no more to say.
    async fn leave(&self, asked: &Asked<'_>, session: Option<&str>) -> Result<Answer, Failure> {
        let asking = self.asking(asked, session)?;
        let caller = asking.caller.clone();
        let answer = asking.leave().await?;
        self.sessions.end(&asked.ask, asked.target.name(), &caller);
        Ok(answer)
    }

    fn asking(&self, asked: &Asked<'_>, session: Option<&str>) -> Result<Asking, Failure> {
        let known = session.and_then(|_| self.sessions.find(&asked.ask, asked.target.name()));
        Ok(Asking {
            caller: known.ok_or_else(no_session)?,
            target: asked.target.clone(),
            descriptions: self.descriptions.clone(),
            message_bytes_max: self.limits.message_bytes_max,
            era: asked.era,
        })
    }

    async fn open(&self, ask: &Ask<'_>, target: &Arc<Target>) -> Result<McpCaller, Problem> {
        let opening = || {
            let classified = target.clone();
            Opening {
                classify: Arc::new(move |object| classified.fields().category_of_object(object)),
                notices: Arc::new(Words::of_session()),
                own: Own::new(ask.name),
            }
        };
        self.sessions.caller(ask, target.name(), opening).await
    }
}

/// Why there is no answer of a server.
enum Failure {
    Problem(Problem),
    /// Words of the protocol itself.
    Words(Box<Response<AnswerBody>>, String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Failure {
    fn mapped(self, map: impl FnOnce(Problem) -> Problem) -> Self {
        match self {
            Self::Problem(problem) => Self::Problem(map(problem)),
            Self::Words(words, why) => Self::Words(words, why),
        }
    }

    /// Words of the protocol, for what does not even become a request.
    fn words(status: StatusCode, text: String) -> Self {
        let why = "a message contradicts the protocol".to_owned();
        Self::Words(Box::new(plain(status, "application/json", text)), why)
    }
}

fn malformed(why: Malformed) -> Failure {
    Failure::words(StatusCode::BAD_REQUEST, error_text(None, why.code, why.why, Value::Null))
}

fn unsupported_version() -> Failure {
    let data = json!({"supported": Era::versions().collect::<Vec<_>>()});
    let text = error_text(None, -32022, "the version of the protocol is not carried", data);
    Failure::words(StatusCode::BAD_REQUEST, text)
}

fn no_session() -> Problem {
    let hint = "send `initialize` again";
    Problem::new(StatusCode::NOT_FOUND, "there is no such session", hint)
}

fn session_name(parts: &Parts) -> Result<Option<&str>, Problem> {
    let mut named = parts.headers.get_all("mcp-session-id").iter();
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(name), None) if name.is_empty() => Ok(None),
        (Some(name), None) => name.to_str().map(Some).map_err(|_| no_session()),
        (Some(_), Some(_)) => {
            let why = "the request names two sessions";
            Err(Problem::new(StatusCode::BAD_REQUEST, why, "name one"))
        }
    }
}

fn check_type(parts: &Parts) -> Result<(), Problem> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a message is `application/json`",
            "send `Content-Type: application/json`",
        )),
    }
}

/// SPEC: MCP, streamable HTTP, "Security": a page of somebody else's must not reach a server
/// through a person's browser.
fn check_origin(parts: &Parts) -> Result<(), Problem> {
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let own = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = own.or(parts.uri.authority().map(http::uri::Authority::as_str));
    let is_own = origin.split_once("//").is_some_and(|(_, origin)| Some(origin) == own);
    match is_own {
        true => Ok(()),
        false => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "a page of another origin asks",
            "ask from the gateway's own origin, or without a browser",
        )),
    }
}
