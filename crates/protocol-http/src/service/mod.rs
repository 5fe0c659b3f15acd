//! Connections of clients, and what becomes of their requests.

mod exchange;
mod problem;

use crate::NAME;
use crate::request::{Head, RefusedHead, check_body, plain_body};
use crate::target::Target;
use exchange::{Answer, Asked};
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use portreeve_session::{Authenticator, Classify, Engine, Session, WaitsFor};
use portreeve_web::{
    Ambiguous, AnswerBody, Ask, CanonicalPath, Connection, Listener, ListenerLimits, Opening,
    Problem, REVIEWS, Reviews, Room, Sessions, application, bearer, host, look_through,
    review_answer, review_mode, wait_max,
};
use problem::Notices;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Bytes that the bodies of all requests may take up at once.
const ROOM_BYTES: usize = 256 << 20;

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

impl HttpLimits {
    const fn of_listener(&self) -> ListenerLimits {
        ListenerLimits { login_timeout: self.login_timeout, head_bytes_max: self.head_bytes_max }
    }
}

/// What the listener is made of.
pub struct HttpParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Who checks tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who tells of reviews.
    pub reviews: Arc<dyn Reviews>,
    /// The resources.
    pub targets: Vec<Arc<Target>>,
    /// The certificate shown to clients.
    pub tls: Arc<ServerConfig>,
    /// The limits.
    pub limits: HttpLimits,
}

/// The HTTP listener's work, one connection at a time.
pub struct Http {
    sessions: Arc<Sessions<SeenBy>>,
    reviews: Arc<dyn Reviews>,
    targets: Vec<Arc<Target>>,
    listener: Listener,
    limits: HttpLimits,
    /// Each brings the rest of an answer to its client.
    flows: Arc<Mutex<JoinSet<()>>>,
    /// Bytes that all bodies of requests may take up at once.
    room: Room,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("resources", &self.targets.len()).finish_non_exhaustive()
    }
}

impl Http {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: HttpParts) -> Arc<Self> {
        let idle_timeout = parts.limits.session_idle_timeout;
        Arc::new(Self {
            sessions: Sessions::new(NAME, parts.engine, parts.authenticator, idle_timeout),
            reviews: parts.reviews,
            targets: parts.targets,
            listener: Listener::new(parts.tls, parts.limits.of_listener()),
            limits: parts.limits,
            flows: Arc::default(),
            room: Room::new(ROOM_BYTES),
        })
    }

    /// The same with other resources and limits, for the requests to come.
    #[must_use]
    pub fn renewed(&self, targets: Vec<Arc<Target>>, limits: HttpLimits) -> Arc<Self> {
        Arc::new(Self {
            sessions: self.sessions.clone(),
            reviews: self.reviews.clone(),
            targets,
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
            let http = self.clone();
            async move { http.answer(request, &connection).await }
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
            name: "",
        };
        let path = CanonicalPath::read_with_slashes(parts.uri.path()).map_err(RefusedHead::from);
        let path = path.map_err(bad_request)?;
        if let [before @ .., id] = path.segments.as_slice()
            && before == REVIEWS
        {
            self.sessions.check(&ask).await?;
            let response = review_answer(&*self.reviews, &token, connection.client, id).await?;
            connection.entered();
            return Ok(Answer { response, rest: None });
        }
        let Some((target, path, prefix)) = self.find(&parts, path)? else {
            self.sessions.check(&ask).await?;
            let hint = "the first part of the path, or the host name, is the resource";
            return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such resource", hint));
        };
        let path = match target.takes_slashes() {
            true => path,
            false => path.without_slashes().map_err(|why| bad_request(why.into()))?,
        };
        let opening = || Opening {
            classify: classify(&target),
            notices: Arc::new(Notices::Problem),
            own: SeenBy(Mutex::new(target.clone())),
        };
        let caller = self.sessions.caller(&ask, target.name(), opening).await?;
        caller.own.follow(&target, &caller.session);
        connection.entered();
        let named = (parts.method, path, parts.uri.query());
        let address = target.address();
        let goes_to = (address.authority(), target.passed());
        let head = Head::new(named, &parts.headers, goes_to, target.description());
        let mut head = head.map_err(bad_request)?;
        let limit = ("limits.http.request_bytes_max", self.limits.request_bytes_max);
        let (body, mut room) = Room::collect([&caller.room, &self.room], body, limit).await?;
        let came = body.len();
        let is_packed = parts.headers.contains_key(header::CONTENT_ENCODING);
        let bytes_max = self.limits.request_bytes_max;
        let work_bytes = if is_packed { bytes_max } else { 0 };
        let plain = look_through(work_bytes, || plain_body(&parts.headers, body, bytes_max));
        let body = plain.map_err(unreadable_body)?;
        // What it has become takes up its place, too.
        room.extend(Room::grown([&caller.room, &self.room], body.len().saturating_sub(came))?);
        look_through(body.len(), || read_body(&mut head, &body, &target)).map_err(bad_request)?;
        let asked = Asked {
            caller,
            target,
            prefix,
            value_bytes_max: self.limits.value_bytes_max,
            reply_timeout: self.limits.reply_timeout,
            hold: WaitsFor(wait_max(&parts.headers).flatten()),
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
}

/// As what a session sees objects: what is classified may have changed since it began.
#[derive(Debug)]
struct SeenBy(Mutex<Arc<Target>>);

impl SeenBy {
    fn follow(&self, target: &Arc<Target>, session: &Session) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection that was open before goes on with what it began with.
        if target.is_newer_than(&known) {
            session.reclassify(classify(target));
            known.clone_from(target);
        }
    }
}

fn classify(target: &Arc<Target>) -> Classify {
    let target = target.clone();
    Arc::new(move |object| target.fields().category_of_object(object))
}

/// Checks what a body may not say, and reads the operation in it.
fn read_body(head: &mut Head, body: &[u8], target: &Target) -> Result<(), RefusedHead> {
    check_body(head, body)?;
    if let Some(route) = target.graphql() {
        head.read_graphql(route, body);
    }
    Ok(())
}

fn unreadable_body(why: RefusedHead) -> Problem {
    let hint = "send it without a content coding, or with gzip, deflate, br or zstd";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why.to_string(), hint)
}

fn bad_request(why: RefusedHead) -> Problem {
    let hint = match why {
        RefusedHead::NotJson(_) => {
            "send JSON as RFC 8259 has it: no comments, no `NaN`, no comma behind the last, whole \
             letters, at most 127 levels"
        }
        RefusedHead::Target(Ambiguous::Encoded('/')) => {
            "ask by a name without it; where a `/` is a letter of names at this service, an \
             operator says `encoded_slash: name` in the section `http`"
        }
        RefusedHead::Target(
            Ambiguous::Encoded(_)
            | Ambiguous::Bare(_)
            | Ambiguous::Edge
            | Ambiguous::Unseen
            | Ambiguous::Signed,
        ) => "no other spelling of it is read in one way by all servers: ask by a name without it",
        RefusedHead::Override(_) | RefusedHead::OverrideInBody => {
            "say the method in the first line, and nowhere else"
        }
        _ => "spell it in one way only",
    };
    Problem::new(StatusCode::BAD_REQUEST, why.to_string(), hint)
}
