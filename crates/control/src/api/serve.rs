//! Connections of the API, and of a witness: TLS where there is a certificate, deadlines
//! for the handshake, the headers and the answer.

use super::{ApiState, router};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// From where a request came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// A listener that serves one set of routes and nothing else.
pub struct ApiServer {
    /// The socket, already bound.
    pub listener: TcpListener,
    /// The certificate, where there is one.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// Serves connections that somebody else has accepted: routes, a certificate, deadlines.
pub struct ApiService {
    app: axum::Router,
    tls: Option<TlsAcceptor>,
    stopping: tokio::sync::watch::Sender<bool>,
}

impl std::fmt::Debug for ApiService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiService").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl ApiService {
    /// The API.
    #[must_use]
    pub fn new(state: ApiState, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self::of(router(state), tls)
    }

    fn of(app: axum::Router, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let stopping = tokio::sync::watch::Sender::new(false);
        Self { app, tls: tls.map(TlsAcceptor::from), stopping }
    }

    /// Lets running requests end; every connection is closed behind its own.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Serves one connection to its end. `client` is whom refusals count for.
    pub async fn serve(&self, stream: TcpStream, client: IpAddr) {
        let (app, from) = (self.app.clone(), ClientAddress(client));
        let stopped = self.stopping.subscribe();
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => http(stream, app, from, stopped).await,
            Some(acceptor) => {
                match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => http(stream, app, from, stopped).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            }
        }
    }
}

/// Serves the API on a listener of its own until `stop` resolves.
pub async fn serve(server: ApiServer, state: ApiState, stop: impl Future<Output = ()>) {
    serve_app(server, router(state), stop).await;
}

/// Accepts for any routes until `stop` resolves, then lets running requests end, for a while.
pub(crate) async fn serve_app(
    server: ApiServer,
    app: axum::Router,
    stop: impl Future<Output = ()>,
) {
    let service = Arc::new(ApiService::of(app, server.tls));
    let places = Arc::new(Semaphore::new(API_CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = server.listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a client that is gone already.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // A full house: the connection is closed, the client may come again.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let service = Arc::clone(&service);
        connections.spawn(async move {
            service.serve(stream, address.ip()).await;
            drop(place);
        });
    }
    service.stop();
    let _ = tokio::time::timeout(REQUEST_TIMEOUT, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    app: axum::Router,
    from: ClientAddress,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let app = app.clone();
        async move { Ok::<Response, Infallible>(answer(app, request, from).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let result = tokio::select! {
        result = serving.as_mut() => result,
        // Also ends who takes an answer one byte at a time.
        () = told_to_end(&mut stopped) => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(REQUEST_TIMEOUT, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection of the API ended badly");
    }
}

async fn told_to_end(stopped: &mut tokio::sync::watch::Receiver<bool>) {
    let stopping = stopped.wait_for(|stopping| *stopping);
    let _ = tokio::time::timeout(CONNECTION_TIME_MAX, stopping).await;
}

async fn answer(
    app: axum::Router,
    request: hyper::Request<Incoming>,
    from: ClientAddress,
) -> Response {
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(from);
    let answering = TowerToHyperService::new(app).call(request);
    match tokio::time::timeout(REQUEST_TIMEOUT, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Connections of the API at once, wherever they come from.
pub const API_CONNECTIONS_MAX: usize = 256;
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A token of 16 KiB and a few more headers.
const HEADER_BYTES_MAX: usize = 32 * 1024;
