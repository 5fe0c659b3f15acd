//! Connections of clients: encrypted where they ask for it, one or many requests each.

use crate::body::AnswerBody;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use portreeve_transport::{PreAuth, accept};
use rustls::ServerConfig;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Requests that one connection of HTTP/2 may have open.
const STREAMS_MAX: u32 = 100;
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Bounds of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// How long a client may take to say its first request.
    pub login_timeout: Duration,
    /// The longest head.
    pub head_bytes_max: usize,
}

/// Takes connections.
#[derive(Clone, Debug)]
pub struct Listener {
    tls: Arc<ServerConfig>,
    limits: ListenerLimits,
}

/// A connection, as its requests see it.
#[derive(Debug)]
pub struct Connection<W> {
    /// Where it comes from.
    pub client: SocketAddr,
    /// How it is encrypted.
    pub tls: String,
    /// The client's place among those that have not shown a token.
    waiting: Mutex<Option<W>>,
}

impl<W> Connection<W> {
    /// The client has shown a good token.
    pub fn entered(&self) {
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Listener {
    /// One that shows this certificate.
    #[must_use]
    pub fn new(tls: Arc<ServerConfig>, limits: ListenerLimits) -> Self {
        Self { tls, limits }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with(&self, limits: ListenerLimits) -> Self {
        Self { tls: self.tls.clone(), limits }
    }

    /// Serves one connection to its end. `waiting` is dropped when the client has shown a
    /// good token, or is gone.
    pub async fn serve<W, F, Answer>(
        &self,
        stream: TcpStream,
        client: SocketAddr,
        waiting: W,
        answer: F,
    ) where
        W: Send + 'static,
        F: Fn(Request<Incoming>, Arc<Connection<W>>) -> Answer,
        Answer: Future<Output = Response<AnswerBody>> + Send + 'static,
    {
        let entered = timeout(self.limits.login_timeout, self.enter(stream, client)).await;
        let Ok(Some((connection, tls))) = entered else { return };
        let (stream, _) = connection.into_parts();
        let connection = Arc::new(Connection { client, tls, waiting: Mutex::new(Some(waiting)) });
        let service = service_fn(|request| {
            let answered = answer(request, connection.clone());
            async move { Ok::<_, Infallible>(answered.await) }
        });
        let head_bytes_max = self.limits.head_bytes_max;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.login_timeout)
            .max_buf_size(head_bytes_max);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(head_bytes_max).unwrap_or(u32::MAX))
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
}
