//! One accept loop for every listener: who may come in, and who the client is.

use super::places::{Bounds, Place, Places};
use anyhow::Context;
use portreeve_control::authenticator::TokenAuthenticator;
use portreeve_control::config::{Listener, Network};
use portreeve_session::{Authenticator, BoxFuture};
use portreeve_wire::proxy_header::{self, HeaderProgress, ProxyHeader};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What serves the connections of a listener.
pub(super) trait Service: Send + Sync {
    /// Serves one to its end. The place is dropped when the client no longer waits.
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()>;
}

/// Where somebody on this machine reaches a listener.
pub(crate) fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The sockets of a listener that nobody serves yet.
pub(super) struct Bound {
    pub(super) state: Arc<ListenerState>,
    sockets: Vec<TcpListener>,
}

/// What others may know of a listener.
pub(super) struct ListenerState {
    /// Its name in the configuration.
    pub(super) name: &'static str,
    pub(super) addresses: Vec<SocketAddr>,
    failing: Mutex<Option<String>>,
}

impl Bound {
    /// Binds every address.
    ///
    /// # Errors
    /// One of them cannot be had.
    pub(super) async fn new(name: &'static str, listener: &Listener) -> anyhow::Result<Self> {
        let mut sockets = Vec::new();
        let mut addresses = Vec::new();
        for address in &listener.addresses {
            let socket = TcpListener::bind(address).await.with_context(|| {
                format!("cannot listen on `{address}`; hint: is another gateway running there?")
            })?;
            addresses.push(socket.local_addr()?);
            sockets.push(socket);
        }
        let state = Arc::new(ListenerState { name, addresses, failing: Mutex::default() });
        Ok(Self { state, sockets })
    }
}

impl ListenerState {
    /// Why nobody can come in now, for the operator.
    pub(super) fn failing(&self) -> Option<String> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says once that connections cannot be accepted, and once that they can again.
    fn note(&self, error: Option<&io::Error>) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match (error, failing.as_ref()) {
            (Some(error), None) => {
                tracing::warn!(listener = self.name, %error, "connections cannot be accepted");
                *failing = Some(error.to_string());
            }
            (None, Some(_)) => {
                tracing::info!(listener = self.name, "connections are accepted again");
                *failing = None;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

/// A listener: one or more sockets in front of one service.
pub(super) struct Listening {
    pub(super) state: Arc<ListenerState>,
    sockets: Mutex<Vec<TcpListener>>,
    service: Arc<dyn Service>,
    places: Arc<Places>,
    balancers: RwLock<Vec<Network>>,
    authenticator: Arc<TokenAuthenticator>,
}

impl Listening {
    pub(super) fn new(
        bound: Bound,
        listener: &Listener,
        service: Arc<dyn Service>,
        authenticator: Arc<TokenAuthenticator>,
        bounds: Bounds,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: bound.state,
            sockets: Mutex::new(bound.sockets),
            service,
            places: Places::new(bounds),
            balancers: RwLock::new(listener.proxy_protocol_from.clone()),
            authenticator,
        })
    }

    /// Takes over what a new configuration says about connections to come.
    pub(super) fn adopt(&self, listener: &Listener, bounds: Bounds) {
        let mut balancers = self.balancers.write().unwrap_or_else(PoisonError::into_inner);
        balancers.clone_from(&listener.proxy_protocol_from);
        self.places.set_bounds(bounds);
    }

    /// Accepts until `stop` holds, then waits for a while until connections have ended.
    pub(super) async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let sockets =
            std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        let mut loops = JoinSet::new();
        for socket in sockets {
            loops.spawn(self.clone().accept(socket, stop.clone()));
        }
        while loops.join_next().await.is_some() {}
    }

    async fn accept(self: Arc<Self>, socket: TcpListener, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = socket.accept() => accepted,
            };
            self.state.note(accepted.as_ref().err());
            match accepted {
                Ok((stream, peer)) => {
                    // A full house: closed at once, before it costs more.
                    let Some(place) = self.places.take() else { continue };
                    if self.is_balancer(peer.ip()) {
                        connections.spawn(self.clone().balanced(stream, peer, place));
                    } else if let Some(place) = self.place_of(place, peer.ip()) {
                        connections.spawn(self.service.clone().serve(stream, peer, place));
                    }
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
        drop(socket);
        let _ = tokio::time::timeout(STOP_TIMEOUT, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
    }

    /// Asked before anything is spawned: a crowd from one address never holds the places of
    /// others, not even while it is turned away.
    fn place_of(&self, place: Place, client: IpAddr) -> Option<Place> {
        let own = place.of(client);
        if own.is_none() {
            let why = "too many connections from its address that have not logged in";
            self.authenticator.turned_away(self.state.name, client, why);
        }
        own
    }

    /// A connection that a balancer has opened, for a client or for itself.
    async fn balanced(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr, place: Place) {
        match client(&mut stream, peer).await {
            Ok(client) => {
                if let Some(place) = self.place_of(place, client.ip()) {
                    self.service.clone().serve(stream, client, place).await;
                }
            }
            Err(why) => self.authenticator.turned_away(self.state.name, peer.ip(), &why),
        }
    }

    fn is_balancer(&self, peer: IpAddr) -> bool {
        let balancers = self.balancers.read().unwrap_or_else(PoisonError::into_inner);
        balancers.iter().any(|network| network.contains(peer))
    }
}

/// Who the client is that a balancer speaks for.
async fn client(stream: &mut TcpStream, balancer: SocketAddr) -> Result<SocketAddr, String> {
    let header = tokio::time::timeout(HEADER_TIMEOUT, read_header(stream)).await;
    match header.map_err(|_| "no PROXY header in time".to_owned())?? {
        ProxyHeader::Local => Ok(balancer),
        // SECURITY: what comes over loopback need not be encrypted. A client that is on the
        // balancer's loopback has crossed a network to come here.
        ProxyHeader::Client(client)
            if client.ip().to_canonical().is_loopback() && !balancer.ip().is_loopback() =>
        {
            Err("a balancer on another machine says that its client is on loopback".into())
        }
        ProxyHeader::Client(client) => Ok(client),
    }
}

/// Reads a PROXY header, and no byte behind it.
async fn read_header(stream: &mut TcpStream) -> Result<ProxyHeader, String> {
    let mut bytes = Vec::new();
    loop {
        match proxy_header::read(&bytes).map_err(|error| error.to_string())? {
            HeaderProgress::Whole(header) => return Ok(header),
            HeaderProgress::Needs(needed) => {
                let start = bytes.len();
                bytes.resize(needed, 0);
                let rest = bytes.get_mut(start..).unwrap_or_default();
                stream.read_exact(rest).await.map_err(|error| error.to_string())?;
            }
        }
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A balancer sends its header with the first packet.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long open connections may take to end when the gateway stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
