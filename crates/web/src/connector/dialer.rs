//! Reaches a service for a gateway, and relays what is asked over one stream.

use super::answer::{RelayedAnswer, relayed};
use super::refusal::Refusal;
use super::request::{Asked, RelayedBody};
use crate::credential::SECRET_BYTES_MIN;
use crate::credential::hidden::Hidden;
use crate::target::{Line, NoAnswer, RequestBody, Service};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use portreeve_model::Digest;
use portreeve_transport::{BoxFuture, DialError, Dialer, LoggedIn, Owned, PreAuth};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// What waits between the link and the service, each way.
const BUFFER_BYTES: usize = 64 << 10;
/// The longest head of a request, and most fields in it.
const HEAD_BYTES_MAX: usize = 256 << 10;
const FIELDS_MAX: usize = 256;
/// A gateway ends what it does not want to wait for any longer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reaches a service, and opens it for every request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServiceDialer {
    service: Arc<Service>,
    path: Option<Arc<str>>,
}

/// A service cannot be served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "what opens it has fewer than {SECRET_BYTES_MIN} bytes: where the service shows it again, \
     nobody could tell it from other text\nhint: have the service take a longer one"
)]
pub struct Unservable;

impl ServiceDialer {
    /// A way to a service; to this path of it only, where one is named.
    ///
    /// # Errors
    /// What opens it cannot be kept from a gateway.
    pub fn new(service: Service, path: Option<&str>) -> Result<Self, Unservable> {
        let is_short =
            |secret: &portreeve_model::Secret<String>| secret.reveal().len() < SECRET_BYTES_MIN;
        match service.credential.secrets().iter().any(is_short) {
            true => Err(Unservable),
            false => Ok(Self { service: Arc::new(service), path: path.map(Arc::from) }),
        }
    }

    async fn open(&self) -> Result<LoggedIn, DialError> {
        let line = self.reach().await?;
        let (here, there) = tokio::io::duplex(BUFFER_BYTES);
        let relay = Arc::new(Relay { dialer: self.clone(), line: Mutex::new(Some(line)) });
        let answer = service_fn(move |request| {
            let relay = relay.clone();
            async move { Ok::<_, Infallible>(relay.answer(request).await) }
        });
        let work = tokio::spawn(async move {
            let mut builder = http1::Builder::new();
            builder
                .auto_date_header(false)
                .max_headers(FIELDS_MAX)
                .max_buf_size(HEAD_BYTES_MAX)
                .max_header_size(HEAD_BYTES_MAX);
            let _ = builder.serve_connection(TokioIo::new(there), answer).await;
        });
        let connection = PreAuth::new(Box::new(Owned::new(here, work)));
        Ok(LoggedIn { connection, parameters: Vec::new(), cancel: None })
    }

    /// A connection to the service, where what opens it can be had.
    async fn reach(&self) -> Result<Line, DialError> {
        let none = |_| DialError::NoCredential("no authorization server gives a token");
        self.service.credential.check().await.map_err(none)?;
        self.service.dial().await
    }

    /// Asks for the head of an answer, as whoever opens the service.
    async fn knock(&self) -> Result<(), DialError> {
        let line = self.reach().await?;
        let unwritten = || DialError::Protocol("no request can be written to it".to_owned());
        let request = Request::head(self.path.as_deref().unwrap_or("/"))
            .header(header::HOST, self.service.authority())
            .header(header::ACCEPT_ENCODING, "identity")
            .body(())
            .map_err(|_| unwritten())?;
        let (mut parts, ()) = request.into_parts();
        let mut nothing = Digest([0; 32]);
        nothing.0.copy_from_slice(digest(&SHA256, b"").as_ref());
        self.service.credential.put(&mut parts, nothing).await.map_err(DialError::NoCredential)?;
        let request = Request::from_parts(parts, Either::Right(RelayedBody(None)));
        let wait = self.service.timeout();
        match self.service.ask(request, Some(line), wait).await {
            Ok((_, answer)) if is_login_refused(answer.status()) => Err(DialError::Refused {
                code: answer.status().as_str().to_owned(),
                message: "it does not accept the credential".to_owned(),
            }),
            Ok(_) => Ok(()),
            Err(NoAnswer::Unreached(error)) => Err(error),
            Err(NoAnswer::Lost(why)) => Err(DialError::Protocol(why.to_owned())),
        }
    }
}

/// SPEC: RFC 9110 sections 15.5.2, 15.5.8. A path that is forbidden to an account (403) says
/// nothing about whether it was let in.
const fn is_login_refused(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
}

impl Dialer for ServiceDialer {
    /// A gateway has nothing to say about how a service is reached.
    fn dial<'a>(
        &'a self,
        _: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(self.open())
    }

    fn check(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(self.knock())
    }
}

/// One stream of a gateway, and the connection to the service behind it. Requests come one after
/// the other.
struct Relay {
    dialer: ServiceDialer,
    /// The connection, while no request is on its way to an answer.
    line: Mutex<Option<Line>>,
}

type Answered = Response<Either<RelayedAnswer, Full<Bytes>>>;

impl Relay {
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        match self.relay(request).await {
            Ok(answer) => answer.map(Either::Left),
            Err((refusal, why)) => {
                let service = self.dialer.service.authority();
                tracing::warn!(service, why, "a service has no answer for a gateway");
                refusal.answer(&why).map(Either::Right)
            }
        }
    }

    async fn relay(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<RelayedAnswer>, (Refusal, String)> {
        let service = &*self.dialer.service;
        let (mut parts, body) = request.into_parts();
        let with_port = format!("{}:{}", service.host(), service.port());
        let asked = Asked {
            authorities: [service.authority(), &with_port],
            path: self.dialer.path.as_deref(),
        };
        let digest = asked.check(&mut parts).map_err(|why| (Refusal::Request, why.to_string()))?;
        let no_credential = |why: &str| (Refusal::Credential, why.to_owned());
        service.credential.put(&mut parts, digest).await.map_err(no_credential)?;
        let secrets = service.credential.secrets_with(&parts.headers);
        let hidden = Hidden::new(&secrets, service.credential.signed());
        if hidden.is_something() {
            let plain = HeaderValue::from_static("identity");
            parts.headers.insert(header::ACCEPT_ENCODING, plain);
        }
        let body: RequestBody = Either::Right(RelayedBody(Some(body)));
        let request = Request::from_parts(parts, body);
        let line = self.take_line().await;
        let (line, answer) =
            service.ask(request, line, ANSWER_WAIT_MAX).await.map_err(|why| match why {
                NoAnswer::Unreached(error) => (Refusal::Unreached, error.to_string()),
                NoAnswer::Lost(why) => (Refusal::Lost, why.to_owned()),
            })?;
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
        relayed(answer, hidden).map_err(|why| (Refusal::Answer, why.to_string()))
    }

    /// The connection, if the service has not closed it since.
    async fn take_line(&self) -> Option<Line> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut line = line?;
        line.ready().await.then_some(line)
    }
}
