//! Between the engine and the API.

use super::listeners::ListenerState;
use super::protocols::Running;
use portreeve_control::api::{Status, Watch};
use portreeve_control::exports::Exports;
use portreeve_control::witness::{WitnessStatus, Witnesses};
use portreeve_evidence::HealthState;
use portreeve_session::Engine;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Health and readiness.
pub(super) struct State {
    pub(super) engine: Arc<Engine>,
    pub(super) witnesses: Option<Arc<Witnesses>>,
    pub(super) exports: Arc<Exports>,
    pub(super) listeners: Vec<Arc<ListenerState>>,
    pub(super) protocols: Vec<Arc<dyn Running>>,
    /// What is less than the configuration asks for.
    pub(super) shortage: Option<String>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Status for State {
    fn evidence(&self) -> Result<(), String> {
        let health = self.engine.evidence().health();
        match health.state {
            HealthState::Healthy | HealthState::Warn => Ok(()),
            HealthState::Restricted | HealthState::Sealed => {
                Err(health.reason.unwrap_or_else(|| "sealed".into()))
            }
        }
    }

    fn warning(&self) -> Option<String> {
        let health = self.engine.evidence().health();
        let evidence = health.reason.filter(|_| health.state == HealthState::Warn);
        let unwatched = self.targets().into_iter().filter_map(|(name, watch)| match watch {
            Watch::Watched => None,
            Watch::Unwatched => Some(format!(
                "the target of `{name}` cannot be asked what its definitions are, so nothing of \
                 it is released"
            )),
        });
        let behind = self.exports.status().into_iter().filter_map(|(name, status)| {
            let (why, lag) = (status.failing?, status.lag);
            Some(format!("the export `{name}` is {lag} records behind: {why}"))
        });
        let others = self.shortage.clone().into_iter().chain(unwatched).chain(behind);
        let warnings: Vec<String> = evidence.into_iter().chain(others).collect();
        (!warnings.is_empty()).then(|| warnings.join("; "))
    }

    fn witnessed(&self) -> Option<WitnessStatus> {
        self.witnesses.as_ref().map(|witnesses| witnesses.status())
    }

    fn missing(&self) -> Vec<String> {
        // Everything was opened and bound before the API answers; it asks for the keys of
        // issuers itself.
        let failing = self.listeners.iter().filter_map(|listener| {
            let why = listener.failing()?;
            Some(format!("`listen.{}` cannot accept connections: {why}", listener.name))
        });
        let stopping = self.stop.borrow().then(|| "the gateway is stopping".to_owned());
        failing.chain(stopping).collect()
    }

    fn targets(&self) -> BTreeMap<String, Watch> {
        self.protocols.iter().flat_map(|running| running.targets()).collect()
    }

    fn listeners(&self) -> BTreeMap<String, Vec<SocketAddr>> {
        let named =
            |listener: &Arc<ListenerState>| (listener.name.to_owned(), listener.addresses.clone());
        self.listeners.iter().map(named).collect()
    }
}
