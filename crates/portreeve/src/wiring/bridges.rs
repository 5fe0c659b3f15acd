//! Between the engine and the API.

use super::listeners::ListenerState;
use super::protocols::Running;
use portreeve_control::api::Status;
use portreeve_control::exports::Exports;
use portreeve_control::targets::{TargetState, Watch};
use portreeve_control::witness::{WitnessStatus, Witnesses};
use portreeve_evidence::HealthState;
use portreeve_link::gateway::{ConnectorState, Hub};
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
    /// Where connectors dial in, and the resources that are reached through them.
    pub(super) hub: Option<Arc<Hub>>,
    pub(super) through: Vec<String>,
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
        let targets = self.targets().into_iter().flat_map(|(name, state)| warnings(&name, &state));
        let behind = self.exports.status().into_iter().filter_map(|(name, status)| {
            let (why, lag) = (status.failing?, status.lag);
            Some(format!("the export `{name}` is {lag} records behind: {why}"))
        });
        let away = self.away();
        let others = self.shortage.clone().into_iter().chain(targets).chain(behind).chain(away);
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

    fn targets(&self) -> BTreeMap<String, TargetState> {
        self.protocols.iter().flat_map(|running| running.targets()).collect()
    }

    fn connectors(&self) -> Vec<ConnectorState> {
        self.hub.as_ref().map(|hub| hub.connectors()).unwrap_or_default()
    }

    fn listeners(&self) -> BTreeMap<String, Vec<SocketAddr>> {
        let named =
            |listener: &Arc<ListenerState>| (listener.name.to_owned(), listener.addresses.clone());
        self.listeners.iter().map(named).collect()
    }
}

impl State {
    /// Resources whose connectors are away.
    fn away(&self) -> Option<String> {
        let served = self.hub.as_ref()?.served();
        let away = self.through.iter().filter(|name| !served.contains(*name)).cloned();
        let names = named(&away.collect::<Vec<_>>())?;
        Some(format!("no connector serves {names}"))
    }
}

/// What somebody should look at of a target.
fn warnings(name: &str, state: &TargetState) -> Vec<String> {
    let unwatched = match state.watch {
        Watch::Watched => None,
        Watch::Unwatched => Some(format!(
            "the target of `{name}` cannot be asked what its definitions are, so nothing of it is \
             released"
        )),
    };
    let unmatched = named(&state.unmatched).map(|patterns| {
        format!("`classify` of `{name}` names what its target does not have: {patterns}")
    });
    let unknown = named(&state.unknown_columns).map(|columns| {
        format!(
            "columns of `{name}` appeared after somebody looked last, and are masked whole until \
             they are classified, cleared or adopted: {columns}"
        )
    });
    [unwatched, unmatched, unknown].into_iter().flatten().collect()
}

/// Some names, and how many there are; nothing where there are none.
fn named(names: &[String]) -> Option<String> {
    let shown = names.iter().take(NAMED_MAX).map(|name| format!("`{name}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        count if count > NAMED_MAX => Some(format!("{shown} and {} more", count - NAMED_MAX)),
        _ => Some(shown),
    }
}

const NAMED_MAX: usize = 5;
