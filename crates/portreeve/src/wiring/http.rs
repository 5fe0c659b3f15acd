//! HTTP in this gateway: its resources as the configuration describes them, and the requests
//! to come when that changes.

use super::listeners::Service;
use super::places::Place;
use super::protocols::{Commit, Parts, Running};
use super::web::{address, screen};
use anyhow::Context;
use portreeve_control::Config;
use portreeve_control::api::TargetState;
use portreeve_control::config::Resource;
use portreeve_model::ObjectKind;
use portreeve_protocol_http::{Fields, Http, HttpLimits, HttpParts, MANIFEST, Target, TargetParts};
use portreeve_session::BoxFuture;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;

/// The protocol at work.
struct HttpService {
    state: RwLock<State>,
}

#[derive(Clone)]
struct State {
    /// Who serves the next connection.
    http: Arc<Http>,
    names: Vec<String>,
}

/// Starts the protocol.
///
/// # Errors
/// A secret or an authority cannot be read.
pub(super) fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let targets = targets(parts.config)?;
    let names = names(&targets);
    let http = Http::new(HttpParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        targets,
        tls: parts.certificate.server(&[b"h2", b"http/1.1"]),
        limits: limits(parts.config)?,
    });
    Ok(Arc::new(HttpService { state: RwLock::new(State { http, names }) }))
}

impl HttpService {
    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service for HttpService {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(self.state().http.serve(stream, client, place))
    }
}

impl Running for HttpService {
    /// Nothing of a target is known before it is asked.
    fn watch(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn targets(&self) -> BTreeMap<String, TargetState> {
        self.state().names.into_iter().map(|name| (name, TargetState::default())).collect()
    }

    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit> {
        let targets = targets(config)?;
        let names = names(&targets);
        let http = self.state().http.renewed(targets, limits(config)?);
        Ok(Box::new(move || {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State { http, names };
        }))
    }
}

fn names(targets: &[Arc<Target>]) -> Vec<String> {
    targets.iter().map(|target| target.name().to_owned()).collect()
}

fn targets(config: &Config) -> anyhow::Result<Vec<Arc<Target>>> {
    let own = config.resources.iter().filter(|(_, resource)| resource.protocol == MANIFEST.name);
    own.map(|(name, resource)| {
        let target =
            target(config, name, resource).with_context(|| format!("resource `{name}`"))?;
        Ok(Arc::new(target))
    })
    .collect()
}

fn target(config: &Config, name: &str, resource: &Resource) -> anyhow::Result<Target> {
    let settings = &resource.target;
    let classification = resource.classify.clone();
    let (named, cleared) = (classification.last_names(), classification.clone());
    Ok(Target::new(TargetParts {
        name: name.to_owned(),
        serve_host: settings.text("serve_host")?.to_ascii_lowercase(),
        address: address(config, resource)?,
        fields: Fields {
            category_of: Arc::new(move |path| {
                classification.category_of(ObjectKind::FIELD, path).cloned()
            }),
            clears: Arc::new(move |path| cleared.clears(ObjectKind::FIELD, path)),
            named,
        },
        screen: screen(config, resource),
    }))
}

fn limits(config: &Config) -> anyhow::Result<HttpLimits> {
    let own = config.limits.protocols.get(MANIFEST.name).context("its limits were not read")?;
    Ok(HttpLimits {
        login_timeout: config.limits.login_timeout,
        session_idle_timeout: SESSION_IDLE_TIMEOUT.min(config.limits.client_idle_timeout),
        reply_timeout: REPLY_TIMEOUT,
        request_bytes_max: own.bytes("request_bytes_max")?,
        value_bytes_max: own.bytes("value_bytes_max")?,
        head_bytes_max: own.bytes("head_bytes_max")?,
    })
}

/// A caller who has asked nothing for so long begins a new session with the next request.
const SESSION_IDLE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(300);
/// Services answer in this time, or say that they need longer.
const REPLY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);
