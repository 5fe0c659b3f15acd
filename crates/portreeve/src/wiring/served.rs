//! A protocol that knows nothing of its targets before it is asked for them: another
//! configuration makes another one of it, for the connections to come.

use super::connectors::Ways;
use super::listeners::Service;
use super::places::Place;
use super::protocols::{Commit, Running};
use super::resources::own;
use anyhow::Context;
use portreeve_control::Config;
use portreeve_control::config::Resource;
use portreeve_control::targets::TargetState;
use portreeve_session::BoxFuture;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;

/// Such a protocol.
pub(super) trait Serves: Send + Sync + Sized + 'static {
    /// Its name in the configuration.
    const NAME: &'static str;

    /// Serves one connection to its end.
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()>;

    /// The same as another configuration describes it.
    ///
    /// # Errors
    /// It cannot be followed.
    fn following(&self, config: &Config, ways: &Ways) -> anyhow::Result<Arc<Self>>;
}

/// Makes a target of a resource that has this name.
pub(super) type Make<T> = fn(&Config, &str, &Resource, &Ways) -> anyhow::Result<T>;

/// The targets of a protocol, each made of its resource.
///
/// # Errors
/// One of them cannot be made; the error names it.
pub(super) fn targets<T>(
    config: &Config,
    protocol: &'static str,
    ways: &Ways,
    make: Make<T>,
) -> anyhow::Result<Vec<Arc<T>>> {
    let made = own(config, protocol).map(|(name, resource)| {
        let target = make(config, name, resource, ways);
        Ok(Arc::new(target.with_context(|| format!("resource `{name}`"))?))
    });
    made.collect()
}

/// What keeps targets of a protocol from being made, for the operator. Nobody is asked.
pub(super) fn tried<T>(config: &Config, protocol: &'static str, make: Make<T>) -> Vec<String> {
    let failed = own(config, protocol).filter_map(|(name, resource)| {
        let why = make(config, name, resource, &Ways::Nowhere).err()?;
        Some(format!("`resources.{name}.{protocol}`: {why:#}"))
    });
    failed.collect()
}

/// The protocol at work.
pub(super) struct Served<P> {
    state: RwLock<State<P>>,
    ways: Ways,
}

struct State<P> {
    /// Who serves the next connection.
    protocol: Arc<P>,
    names: Vec<String>,
}

impl<P: Serves> State<P> {
    fn new(protocol: Arc<P>, config: &Config) -> Self {
        Self { protocol, names: own(config, P::NAME).map(|(name, _)| name.clone()).collect() }
    }
}

impl<P: Serves> Served<P> {
    pub(super) fn start(protocol: Arc<P>, config: &Config, ways: Ways) -> Arc<dyn Running> {
        Arc::new(Self { state: RwLock::new(State::new(protocol, config)), ways })
    }

    fn protocol(&self) -> Arc<P> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).protocol.clone()
    }
}

impl<P: Serves> Service for Served<P> {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        self.protocol().serve(stream, client, place)
    }
}

impl<P: Serves> Running for Served<P> {
    /// Nothing of a target is known before it is asked.
    fn watch(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn targets(&self) -> BTreeMap<String, TargetState> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.names.iter().map(|name| (name.clone(), TargetState::default())).collect()
    }

    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit> {
        let state = State::new(self.protocol().following(config, &self.ways)?, config);
        Ok(Box::new(move || *self.state.write().unwrap_or_else(PoisonError::into_inner) = state))
    }
}
