//! The protocols of this gateway: one line each.

mod named;

pub(crate) use named::{never_matched, not_here};

use super::agents::Agents;
use super::bridges::State;
use super::certificates::ServedCertificate;
use super::connectors::Ways;
use super::discovery::Discover;
use super::listeners::Service;
use super::replay::Reader;
use super::selftest::Selftest;
use super::{http, mcp, postgres, ssh};
use anyhow::Context;
use named::NeverCalled;
use portreeve_control::Config;
use portreeve_control::api::CertificateSigner;
use portreeve_control::authenticator::TokenAuthenticator;
use portreeve_control::config::{ConnectorConfig, ConnectorResource};
use portreeve_control::store::{Descriptions, IssuerKeys};
use portreeve_control::targets::TargetState;
use portreeve_link::connector::ServedTarget;
use portreeve_model::{Manifest, ObjectKind};
use portreeve_session::{BoxFuture, Engine};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Every protocol that is built in.
const PROTOCOLS: [Protocol; 4] = [postgres::PROTOCOL, http::PROTOCOL, mcp::PROTOCOL, ssh::PROTOCOL];

/// What the binary knows of a protocol.
#[derive(Clone, Copy)]
pub(super) struct Protocol {
    pub(super) manifest: &'static Manifest,
    pub(super) start: Start,
    /// Makes who reads the recording of a session.
    pub(super) replay: fn() -> Reader,
    /// Looks at what a target has, where that can be looked at.
    pub(super) discover: Option<Discover>,
    /// Tries a resource as its clients do, where that can be done.
    pub(super) selftest: Option<Selftest>,
    /// Serves a target at a connector, where that can be done.
    pub(super) serve_at: Option<ServeAt>,
    /// What keeps its targets from being made, before anything starts.
    pub(super) tried: fn(&Config) -> Vec<String>,
    /// Which names its targets never have.
    pub(super) never_called: NeverCalled,
    /// What could be said better, and keeps nothing from being made.
    pub(super) remarks: fn(&Config) -> Vec<String>,
    /// Kinds of other families that its commands name.
    pub(super) also: &'static [ObjectKind],
    /// What the API needs to give its clients certificates, where they log in by one.
    pub(super) signer: Signer,
    /// Says what agents are told of a server, where it is they who speak it.
    pub(super) tell_agents: Option<TellAgents>,
}

impl Protocol {
    /// One that has nothing but what every protocol has.
    pub(super) const fn of(
        manifest: &'static Manifest,
        start: Start,
        replay: fn() -> Reader,
    ) -> Self {
        Self {
            manifest,
            start,
            replay,
            discover: None,
            selftest: None,
            serve_at: None,
            tried: |_| Vec::new(),
            never_called: |_, _, _, _| None,
            remarks: |_| Vec::new(),
            also: &[],
            signer: |_, _, _| Ok(None),
            tell_agents: None,
        }
    }
}

type Start = fn(Parts<'_>) -> anyhow::Result<Arc<dyn Running>>;

/// None where nobody is served by the protocol.
type Signer =
    fn(&Config, &dyn IssuerKeys, &State) -> anyhow::Result<Option<Arc<dyn CertificateSigner>>>;

/// By where the protocol is served, and the resource; the gateway's own server without one.
pub(crate) type TellAgents = fn(SocketAddr, Option<&str>) -> Told;

/// What agents are told to reach a server.
pub(crate) struct Told {
    pub(crate) url: String,
    /// The lines that an agent takes, by its name.
    pub(crate) agents: Vec<(&'static str, String)>,
}

/// Makes a target of a connector.
type ServeAt = fn(&ConnectorResource, Duration) -> anyhow::Result<ServedTarget>;

/// What a protocol is started with.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) engine: Arc<Engine>,
    pub(super) authenticator: Arc<TokenAuthenticator>,
    /// What is shown to clients.
    pub(super) certificate: Arc<ServedCertificate>,
    /// Keys of the installation.
    pub(super) keys: Arc<dyn IssuerKeys>,
    /// What servers say of what they offer.
    pub(super) descriptions: Arc<dyn Descriptions>,
    /// What the gateway itself offers.
    pub(super) agents: Arc<Agents>,
    /// How targets are reached.
    pub(super) ways: Ways,
}

/// A protocol at work.
pub(super) trait Running: Service {
    /// Looks after its targets, for ever. The caller owns the task and ends it.
    fn watch(self: Arc<Self>) -> BoxFuture<'static, ()>;

    /// Its targets, by resource.
    fn targets(&self) -> BTreeMap<String, TargetState>;

    /// Makes ready to follow another configuration: sessions to come will, open ones stay.
    ///
    /// # Errors
    /// It cannot be followed. Nothing has changed.
    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit>;
}

/// A change that can no longer fail.
pub(super) type Commit = Box<dyn FnOnce() + Send>;

/// What the configuration and the commands know of every protocol.
pub(crate) fn manifests() -> Vec<&'static Manifest> {
    PROTOCOLS.iter().map(|protocol| protocol.manifest).collect()
}

/// Those of the protocols whose targets connectors serve.
pub(crate) fn connector_manifests() -> Vec<&'static Manifest> {
    let serves = |protocol: &&Protocol| protocol.serve_at.is_some();
    PROTOCOLS.iter().filter(serves).map(|protocol| protocol.manifest).collect()
}

/// What keeps targets from being made, for the operator; empty when all is well. Nobody is
/// asked.
pub(crate) fn tried(config: &Config) -> Vec<String> {
    PROTOCOLS.iter().flat_map(|protocol| (protocol.tried)(config)).collect()
}

/// What of the configuration could be said better, for the operator.
pub(crate) fn remarks(config: &Config) -> Vec<String> {
    PROTOCOLS.iter().flat_map(|protocol| (protocol.remarks)(config)).collect()
}

/// A protocol by its name.
pub(super) fn named(protocol: &str) -> Option<Protocol> {
    PROTOCOLS.into_iter().find(|known| known.manifest.name == protocol)
}

/// Reads the recording of a session; none where its protocol is not known here.
pub(crate) fn reader(protocol: &str) -> Option<Reader> {
    named(protocol).map(|known| (known.replay)())
}

/// The protocol that agents speak, and how they are told of a server of it; none where the named
/// one is not theirs.
pub(crate) fn for_agents(protocol: Option<&str>) -> Option<(&'static Manifest, TellAgents)> {
    let is_meant = |known: &&Protocol| protocol.is_none_or(|name| known.manifest.name == name);
    PROTOCOLS.iter().filter(is_meant).find_map(|known| Some((known.manifest, known.tell_agents?)))
}

/// What the API needs to give certificates; none where no client logs in by one.
///
/// # Errors
/// A key cannot be read.
pub(super) fn signer(
    config: &Config,
    keys: &dyn IssuerKeys,
    state: &State,
) -> anyhow::Result<Option<Arc<dyn CertificateSigner>>> {
    let of = |known: &Protocol| (known.signer)(config, keys, state).transpose();
    PROTOCOLS.iter().find_map(of).transpose()
}

/// How the targets of a protocol are looked at.
pub(super) fn discover(protocol: &str) -> Option<Discover> {
    named(protocol)?.discover
}

/// The targets of a connector, behind their logins.
///
/// # Errors
/// A secret or an authority cannot be read, or a target cannot be served so.
pub(crate) fn served_targets(
    config: &ConnectorConfig,
) -> anyhow::Result<BTreeMap<String, ServedTarget>> {
    let serve = |(name, resource): (&String, &ConnectorResource)| {
        let serve_at = named(resource.protocol).and_then(|protocol| protocol.serve_at);
        let serve_at = serve_at.with_context(|| {
            format!("resource `{name}`: connectors do not serve `{}`", resource.protocol)
        })?;
        let served = serve_at(resource, config.limits.target_connect_timeout);
        Ok((name.clone(), served.with_context(|| format!("resource `{name}`"))?))
    };
    config.resources.iter().map(serve).collect()
}

/// Those that a configuration listens for.
pub(super) fn used(config: &Config) -> impl Iterator<Item = Protocol> {
    let is_used =
        |protocol: &Protocol| config.listen.protocols.contains_key(protocol.manifest.name);
    PROTOCOLS.into_iter().filter(is_used)
}
