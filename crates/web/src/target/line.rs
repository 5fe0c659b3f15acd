//! Connections to targets: HTTP/1.1 for one request at a time, HTTP/2 for many.

use crate::connector::RelayedBody;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use portreeve_session::PermittedBody;
use portreeve_transport::{DialError, Stream, TargetTls, TcpTarget, connect};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The longest head of an answer over HTTP/2.
const HEAD_BYTES_MAX: u32 = 64 << 10;
/// What a target may send over HTTP/2 before the gateway has taken it: of one answer, and of
/// all answers over one connection.
const WINDOW_BYTES: u32 = 256 << 10;
const WINDOWS_BYTES: u32 = 1 << 20;
/// How often a connection that is used is asked whether it is still there.
const ALIVE_INTERVAL: Duration = Duration::from_secs(20);

const H2: &[u8] = b"h2";
const H1: &[u8] = b"http/1.1";

/// Whether a target is asked over HTTP/2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Http2 {
    /// Where it offers that in the TLS handshake.
    Offered,
    /// Always: the target is known to speak it.
    Always,
    /// Never.
    Never,
}

impl Http2 {
    /// The place with what the handshake offers (ALPN, RFC 7301).
    pub(super) fn offered_by(self, mut place: TcpTarget) -> TcpTarget {
        if let TargetTls::Verified(config) = &mut place.tls {
            let protocols: &[&[u8]] = match self {
                Self::Offered => &[H2, H1],
                Self::Always => &[H2],
                Self::Never => &[H1],
            };
            let config = Arc::make_mut(config);
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        }
        place
    }

    fn is_spoken(self, agreed: Option<&[u8]>) -> bool {
        match self {
            Self::Offered => agreed == Some(H2),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// A connection to a place, encrypted where that is so, and the protocol that was agreed on.
pub(crate) async fn reach(
    place: &TcpTarget,
) -> Result<(Box<dyn Stream>, Option<Vec<u8>>), DialError> {
    let connection = place.connect().await?;
    let (connection, protocol) = match &place.tls {
        TargetTls::Verified(config) => {
            let reached = connect(connection, &place.host, config.clone()).await?;
            (reached.connection, reached.protocol)
        }
        TargetTls::Disabled => (connection, None),
    };
    Ok((connection.into_parts().0, protocol))
}

/// The body of a request: what the engine has permitted, or what a gateway has sent to a
/// connector.
pub(crate) type RequestBody = Either<PermittedBody, RelayedBody>;

/// Why there is no answer.
pub(super) enum Unsent {
    /// The target has taken nothing of the request.
    Whole(Box<Request<RequestBody>>),
    Lost(&'static str),
}

/// A connection to a target.
#[derive(Debug)]
pub struct Line {
    sender: Sender,
    task: Arc<Ends>,
}

#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<RequestBody>),
    Many { sender: http2::SendRequest<RequestBody>, scheme: Scheme },
}

/// Moves bytes, and ends with the last that use the connection.
#[derive(Debug)]
struct Ends {
    task: JoinHandle<()>,
    /// Of which address the connection is, once that has asked over it.
    address: OnceLock<u64>,
}

impl Ends {
    const fn of(task: JoinHandle<()>) -> Self {
        Self { task, address: OnceLock::new() }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    /// A fresh connection.
    pub(super) async fn dial(place: &TcpTarget, http2: Http2) -> Result<Self, DialError> {
        let scheme = match place.tls {
            TargetTls::Verified(_) => Scheme::HTTPS,
            TargetTls::Disabled => Scheme::HTTP,
        };
        let made = async {
            let (stream, agreed) = reach(place).await?;
            if !http2.is_spoken(agreed.as_deref()) {
                return Self::over(stream).await;
            }
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .initial_stream_window_size(WINDOW_BYTES)
                .initial_connection_window_size(WINDOWS_BYTES)
                .max_header_list_size(HEAD_BYTES_MAX)
                .keep_alive_interval(ALIVE_INTERVAL);
            let (sender, connection) =
                builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
            let task = tokio::spawn(async move {
                let _ = connection.await;
            });
            let sender = Sender::Many { sender, scheme };
            Ok(Self { sender, task: Arc::new(Ends::of(task)) })
        };
        let late = |_| DialError::Protocol("it does not answer in time".into());
        timeout(place.timeout, made).await.map_err(late)?
    }

    /// HTTP/1.1 over a stream that is there.
    pub(super) async fn over(stream: Box<dyn Stream>) -> Result<Self, DialError> {
        let made = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(broken)?;
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender: Sender::One(sender), task: Arc::new(Ends::of(task)) })
    }

    /// This address has asked over it, and no other one will.
    pub(super) fn belong_to(&self, address: u64) {
        let _ = self.task.address.set(address);
    }

    pub(super) fn belongs_to(&self, address: u64) -> bool {
        self.task.address.get() == Some(&address)
    }

    /// Waits until another request may go over it; `false` where none ever will.
    pub(crate) async fn ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::One(sender) => sender.ready().await.is_ok(),
            Sender::Many { sender, .. } => sender.ready().await.is_ok(),
        }
    }

    /// Whether another request may go over it.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.sender {
            Sender::One(sender) => sender.is_ready(),
            Sender::Many { sender, .. } => sender.is_ready(),
        }
    }

    /// Whether many requests may go over it at once.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.sender, Sender::Many { .. })
    }

    /// The same connection once more, where many requests may go over it at once.
    pub(crate) fn shared(&self) -> Option<Self> {
        match &self.sender {
            Sender::One(_) => None,
            Sender::Many { sender, scheme } => {
                let sender = Sender::Many { sender: sender.clone(), scheme: scheme.clone() };
                Some(Self { sender, task: self.task.clone() })
            }
        }
    }

    pub(super) async fn send(
        mut self,
        request: Request<RequestBody>,
        reply_timeout: Duration,
    ) -> Result<(Self, Response<Incoming>), Unsent> {
        let sent = async {
            match &mut self.sender {
                Sender::One(sender) => sender.try_send_request(request).await,
                Sender::Many { sender, scheme } => match for_many(request, scheme.clone()) {
                    Ok(request) => sender.try_send_request(request).await,
                    Err(why) => return Err(Unsent::Lost(why)),
                },
            }
            .map_err(unsent)
        };
        match timeout(reply_timeout, sent).await {
            Ok(Ok(response)) => Ok((self, response)),
            Ok(Err(why)) => Err(why),
            Err(_) => Err(Unsent::Lost("the target does not answer in time")),
        }
    }
}

fn broken(error: hyper::Error) -> DialError {
    DialError::Protocol(error.to_string())
}

fn unsent(mut error: TrySendError<Request<RequestBody>>) -> Unsent {
    match error.take_message() {
        Some(request) => Unsent::Whole(Box::new(request)),
        None => Unsent::Lost("the target broke off"),
    }
}

/// A request as HTTP/2 says it: where it goes is no field of the head.
///
/// SPEC: RFC 9113 sections 8.2.2, 8.3.1.
fn for_many(
    mut request: Request<RequestBody>,
    scheme: Scheme,
) -> Result<Request<RequestBody>, &'static str> {
    // One that comes back from a connection that was closed has been written so before.
    let Some(host) = request.headers_mut().remove(header::HOST) else { return Ok(request) };
    let unreadable = "the request could not be written";
    let authority = Authority::try_from(host.as_bytes()).map_err(|_| unreadable)?;
    let mut place = std::mem::take(request.uri_mut()).into_parts();
    place.scheme = Some(scheme);
    place.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(place).map_err(|_| unreadable)?;
    Ok(request)
}
