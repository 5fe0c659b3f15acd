//! Where a target is, what opens it, and how it is asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portreeve_model::Secret;
use portreeve_session::{Permitted, PermittedBody, SessionError, permitted_body, permitted_head};
use portreeve_transport::{DialError, TargetTls, TcpTarget, connect};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// As much of an answer as is masked and recorded at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How long a chunk may wait for more.
const CHUNK_WAIT: Duration = Duration::from_millis(5);
/// A shorter credential is a word that stands anywhere.
const SECRET_BYTES_MIN: usize = 4;

/// What opens a target. It goes out with each request, and is in no record.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing does.
    Open,
    /// Basic authentication (RFC 7617).
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// A bearer token (RFC 6750).
    Bearer(Secret<String>),
}

/// A target's address, and what opens it.
#[derive(Debug)]
pub struct Address {
    place: TcpTarget,
    credential: Credential,
    /// As the `Host` field says it.
    authority: String,
    /// What basic authentication sends; empty where there is none.
    basic: String,
}

impl Address {
    /// Puts it together.
    #[must_use]
    pub fn new(place: TcpTarget, credential: Credential) -> Self {
        let TcpTarget { host, port, tls, .. } = &place;
        let standard = match tls {
            TargetTls::Verified(_) => 443,
            TargetTls::Disabled => 80,
        };
        let authority = match *port == standard {
            true => host.clone(),
            false => format!("{host}:{port}"),
        };
        let basic = match &credential {
            Credential::Basic { user, password } => {
                BASE64.encode(format!("{user}:{}", password.reveal()))
            }
            Credential::Open | Credential::Bearer(_) => String::new(),
        };
        Self { place, credential, authority, basic }
    }

    /// The host that policies know.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.place.host
    }

    /// What the `Host` field says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// As whom the target is asked, for reviewers.
    #[must_use]
    pub fn role(&self) -> &str {
        match &self.credential {
            Credential::Open => "nobody",
            Credential::Basic { user, .. } => user,
            Credential::Bearer(_) => "the holder of a token",
        }
    }

    /// What the field `Authorization` says to the target.
    #[must_use]
    pub fn authorization(&self) -> Option<Secret<String>> {
        match &self.credential {
            Credential::Open => None,
            Credential::Basic { .. } => Some(Secret::new(format!("Basic {}", self.basic))),
            Credential::Bearer(token) => Some(Secret::new(format!("Bearer {}", token.reveal()))),
        }
    }

    /// A text without what opens the target, if it holds that.
    #[must_use]
    pub fn without_credential(&self, text: &str) -> Option<String> {
        let secrets: [&str; 2] = match &self.credential {
            Credential::Open => return None,
            Credential::Basic { password, .. } => [password.reveal(), &self.basic],
            Credential::Bearer(token) => [token.reveal(), ""],
        };
        let known = secrets.into_iter().filter(|secret| secret.len() >= SECRET_BYTES_MIN);
        let mut found: Option<String> = None;
        for secret in known {
            let seen = found.as_deref().unwrap_or(text);
            if seen.contains(secret) {
                found = Some(seen.replace(secret, "[credential]"));
            }
        }
        found
    }

    /// A fresh connection.
    async fn dial(&self) -> Result<Line, DialError> {
        let place = &self.place;
        let reach = async {
            let connection = place.connect().await?;
            let connection = match &place.tls {
                TargetTls::Verified(config) => {
                    connect(connection, &place.host, config.clone()).await?.0
                }
                TargetTls::Disabled => connection,
            };
            let (stream, _) = connection.into_parts();
            let made = http1::Builder::new().handshake(TokioIo::new(stream)).await;
            made.map_err(|error| DialError::Protocol(error.to_string()))
        };
        let late = |_| DialError::Protocol("it does not answer in time".into());
        let (sender, connection) = timeout(place.timeout, reach).await.map_err(late)??;
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Line { sender, task })
    }

    /// Sends what was permitted, and waits for the head of the answer; over a line that an
    /// earlier answer has left where there is one.
    ///
    /// # Errors
    /// Why there is no answer, in words for the client.
    pub async fn ask(
        &self,
        permit: Permitted,
        line: Option<Line>,
        reply_timeout: Duration,
    ) -> Result<(Line, Response<Incoming>), &'static str> {
        let unreadable = |_| "the request could not be written";
        let (parts, rest) = permitted_head(permit).map_err(unreadable)?;
        let (sender, body) = permitted_body();
        sender.send(rest).await.map_err(|_| "the request could not be sent")?;
        sender.finish().await;
        let mut request = Request::from_parts(parts, body);
        if let Some(line) = line {
            match line.send(request, reply_timeout).await {
                Ok(answered) => return Ok(answered),
                // It was closed before it took anything.
                Err(Unsent::Whole(back)) => request = *back,
                Err(Unsent::Lost(why)) => return Err(why),
            }
        }
        let line = self.dial().await.map_err(|error| {
            tracing::warn!(target = %self.authority, %error, "a target cannot be reached");
            "the target cannot be reached"
        })?;
        match line.send(request, reply_timeout).await {
            Ok(answered) => Ok(answered),
            Err(Unsent::Whole(_)) => Err("the target closed the connection"),
            Err(Unsent::Lost(why)) => Err(why),
        }
    }
}

/// Why there is no answer.
enum Unsent {
    /// The target has taken nothing of the request.
    Whole(Box<Request<PermittedBody>>),
    Lost(&'static str),
}

/// A connection to a target, for one request at a time.
#[derive(Debug)]
pub struct Line {
    sender: http1::SendRequest<PermittedBody>,
    task: JoinHandle<()>,
}

impl Line {
    /// Whether another request may go over it.
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    async fn send(
        mut self,
        request: Request<PermittedBody>,
        reply_timeout: Duration,
    ) -> Result<(Self, Response<Incoming>), Unsent> {
        let sent = self.sender.try_send_request(request);
        match timeout(reply_timeout, sent).await {
            Ok(Ok(response)) => Ok((self, response)),
            Ok(Err(mut error)) => Err(match error.take_message() {
                Some(request) => Unsent::Whole(Box::new(request)),
                None => Unsent::Lost("the target broke off"),
            }),
            Err(_) => Err(Unsent::Lost("the target does not answer in time")),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether more of an answer is to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum More {
    /// It is.
    Follows,
    /// This was the last of it.
    Ended,
}

/// The body of an answer, in chunks.
#[derive(Debug)]
pub struct Source {
    body: Incoming,
    reply_timeout: Duration,
    is_over: bool,
    /// The line that it comes over, where nobody else keeps that.
    _line: Option<Line>,
}

impl Source {
    /// The body of an answer whose target may say nothing for so long.
    #[must_use]
    pub fn new(body: Incoming, reply_timeout: Duration) -> Self {
        Self { body, reply_timeout, is_over: false, _line: None }
    }

    /// The same, with the line that it comes over: both end together.
    #[must_use]
    pub fn holding(self, line: Line) -> Self {
        Self { _line: Some(line), ..self }
    }

    /// Some bytes: as many as make a chunk, or as come within a moment. Cancel-safe only
    /// between calls.
    ///
    /// # Errors
    /// The target broke off, or does not go on.
    pub async fn next(&mut self) -> Result<(Bytes, More), SessionError> {
        let mut chunk = BytesMut::new();
        let mut until = Instant::now() + self.reply_timeout;
        while chunk.len() < CHUNK_BYTES && !self.is_over {
            match timeout_at(until, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        chunk.extend_from_slice(&data);
                        until = Instant::now() + CHUNK_WAIT;
                    }
                }
                Ok(Some(Err(_))) => return Err(SessionError::TargetGone),
                Ok(None) => self.is_over = true,
                Err(_) if !chunk.is_empty() => break,
                Err(_) => return Err(SessionError::Timeout("the target does not go on")),
            }
        }
        Ok((chunk.freeze(), if self.is_over { More::Ended } else { More::Follows }))
    }
}
