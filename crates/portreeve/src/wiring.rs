//! Configuration → running parts. No decisions are made here.

mod agents;
mod api;
mod bridges;
mod certificates;
mod connectors;
mod descriptors;
mod discovery;
mod http;
mod keeping;
mod keys;
mod listeners;
mod mcp;
mod places;
mod postgres;
mod protocols;
mod reload;
mod replay;
mod resources;
mod selftest;
mod served;
mod ssh;
mod web;

use agents::Agents;
use anyhow::{Context, anyhow};
use api::Api;
use bridges::State;
use certificates::ServedCertificate;
use connectors::{Links, Ways};
use descriptors::Capacity;
use listeners::{Bound, Listening};
use places::Bounds;
use portreeve_control::administration::AdminLog;
use portreeve_control::api::{API_CONNECTIONS_MAX, ApiService, ApiState, Keeping};
use portreeve_control::authenticator::TokenAuthenticator;
use portreeve_control::config::Via;
use portreeve_control::exports::Exports;
use portreeve_control::identity::FailureGate;
use portreeve_control::metrics::Metrics;
use portreeve_control::search::Search;
use portreeve_control::store::{Descriptions, IssuerKeys};
use portreeve_control::usage::Usage;
use portreeve_control::witness::Witnesses;
use portreeve_control::{Config, Identities, Reviews, Store};
use portreeve_decide::mask::{MaskKey, Masker, SubjectKey};
use portreeve_decide::policy::Policies;
use portreeve_evidence::{EvidenceLog, HealthState, Options};
use portreeve_link::gateway::Hub;
use portreeve_session::{Engine, EngineParts, Limits};
use protocols::{Parts, Running};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use certificates::{LoopbackCertificate, loopback_certificate, server_certificate};
pub(crate) use connectors::authority;
pub(crate) use discovery::{Discovered, Discovery, Look, Said, discover, has_columns};
pub(crate) use keeping::retention;
pub(crate) use keys::random;
pub(crate) use listeners::near;
pub(crate) use protocols::{
    connector_manifests, for_agents, manifests, never_matched, not_here, reader, remarks,
    served_targets, tried,
};
pub(crate) use reload::Reloaded;
pub(crate) use replay::{Lines, Passed, Reader, Seen};
pub(crate) use resources::resource;
pub(crate) use selftest::{GatewayPlace, Planter, Trial, selftest};
pub(crate) use ssh::target_authority;

/// A gateway with everything bound and open.
pub(crate) struct Gateway {
    /// What it was started with.
    started: Config,
    capacity: Capacity,
    loopback: LoopbackCertificate,
    core: Core,
    protocols: BTreeMap<&'static str, Arc<dyn Running>>,
    certificates: BTreeMap<&'static str, Arc<ServedCertificate>>,
    listeners: Vec<Arc<Listening>>,
    api: Arc<Api>,
    stop: watch::Sender<bool>,
}

/// What is the same for every protocol.
struct Core {
    engine: Arc<Engine>,
    authenticator: Arc<TokenAuthenticator>,
    keeping: Keeping,
    metrics: Arc<Metrics>,
    reviews: Reviews,
    admin_log: AdminLog,
    usage: Usage,
    witnesses: Option<Arc<Witnesses>>,
    exports: Arc<Exports>,
    search: Search,
    keys: Arc<dyn IssuerKeys>,
    descriptions: Arc<dyn Descriptions>,
    agents: Arc<Agents>,
    hub: Option<Arc<Hub>>,
}

/// How often the gauges are brought up to date.
const GAUGE_INTERVAL: Duration = Duration::from_secs(2);

impl Gateway {
    /// Opens and binds everything that the configuration names.
    pub(crate) async fn start(
        config: Config,
        loopback: LoopbackCertificate,
    ) -> anyhow::Result<Self> {
        let capacity = descriptors::reserve(&config)?;
        if let Some(shortage) = capacity.shortage() {
            tracing::warn!("{shortage}");
        }
        let core = Core::open(&config, &capacity).await?;
        let certificates = load_certificates(&config, &loopback)?;
        let protocols = start_protocols(&config, &core, &certificates)?;
        core.agents.offer(&protocols);
        let stop = watch::channel(false).0;
        let mut bound = Vec::new();
        for (name, listener) in config.listen.all() {
            bound.push((Bound::new(name, listener).await?, listener));
        }
        let status = State {
            engine: core.engine.clone(),
            witnesses: core.witnesses.clone(),
            exports: core.exports.clone(),
            listeners: bound.iter().map(|(bound, _)| bound.state.clone()).collect(),
            protocols: protocols.values().cloned().collect(),
            hub: core.hub.clone(),
            through: through(&config),
            shortage: capacity.shortage(),
            stop: stop.subscribe(),
        };
        let api_tls = config.listen.api.tls.as_ref().and(certificates.get(api::NAME));
        let api_tls = api_tls.map(|certificate| certificate.server(&[b"http/1.1"]));
        let api = Arc::new(Api(ApiService::new(core.api_state(&config, status)?, api_tls)));
        let mut listeners = Vec::new();
        for (bound, listener) in bound {
            let authenticator = core.authenticator.clone();
            let logins = login_bounds(&config, &capacity);
            listeners.push(match (protocols.get(bound.state.name), &core.hub) {
                (Some(running), _) => {
                    Listening::new(bound, listener, running.clone(), authenticator, logins)
                }
                (None, Some(hub)) if bound.state.name == connectors::NAME => {
                    let links = Arc::new(Links(hub.clone()));
                    Listening::new(bound, listener, links, authenticator, logins)
                }
                (None, _) => {
                    Listening::new(bound, listener, api.clone(), authenticator, api_bounds())
                }
            });
        }
        let started = config.clone();
        Ok(Self {
            started,
            capacity,
            loopback,
            core,
            protocols,
            certificates,
            listeners,
            api,
            stop,
        })
    }

    /// Where clients are served, by listener.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&'static str, &[SocketAddr])> {
        self.listeners.iter().map(|it| (it.state.name, it.state.addresses.as_slice()))
    }

    /// Serves until [`Gateway::stop`].
    pub(crate) async fn run(self: Arc<Self>) {
        let mut accepting = JoinSet::new();
        for listening in &self.listeners {
            accepting.spawn(listening.clone().run(self.stop.subscribe()));
        }
        let mut watches = JoinSet::new();
        let (authenticator, reviews) = (self.core.authenticator.clone(), self.core.reviews.clone());
        let admin_log = self.core.admin_log.clone();
        watches.spawn(async move {
            tokio::join!(
                authenticator.identities().keep_fresh(),
                authenticator.keep_reporting(),
                reviews.keep(),
                admin_log.keep_settled(),
            );
        });
        watches.spawn(self.clone().keep_gauges());
        let (keeping, metrics) = (self.core.keeping.clone(), self.core.metrics.clone());
        watches.spawn(keeping::sweep_hourly(keeping, metrics));
        if let Some(witnesses) = self.core.witnesses.clone() {
            let log = self.core.engine.evidence().clone();
            watches.spawn(async move { witnesses.run(&log).await });
        }
        if let Some(hub) = self.core.hub.clone() {
            watches.spawn(async move { hub.watch().await });
        }
        let (search, metrics) = (self.core.search.clone(), self.core.metrics.clone());
        watches.spawn(async move { search.run(&metrics).await });
        let (exports, log) = (self.core.exports.clone(), self.core.engine.evidence().clone());
        watches.spawn(async move { exports.run(&log).await });
        for running in self.protocols.values() {
            watches.spawn(running.clone().watch());
        }
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
        self.core.engine.live.kill_all("the gateway, which is stopping");
        self.api.0.stop();
        while accepting.join_next().await.is_some() {}
        watches.shutdown().await;
    }

    async fn keep_gauges(self: Arc<Self>) {
        loop {
            let healthy = self.core.engine.evidence().health().state < HealthState::Sealed;
            self.core.metrics.set_evidence_healthy(healthy);
            if let Ok(open) = self.core.reviews.open_count(SystemTime::now()).await {
                self.core.metrics.set_reviews_open(open);
            }
            tokio::time::sleep(GAUGE_INTERVAL).await;
        }
    }

    /// Ends accepting; [`Gateway::run`] then returns.
    pub(crate) fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Closes the evidence, last of all.
    pub(crate) async fn close(&self) {
        self.core.authenticator.report();
        if let Err(error) = self.core.admin_log.settle().await {
            tracing::error!(%error, "what administrators did is recorded at the next start");
        }
        let log = self.core.engine.evidence().clone();
        let closing = log.clone();
        if let Err(error) = self.core.usage.close().await {
            tracing::warn!(%error, "the counts of the day stay higher than what was used");
        }
        let _ = tokio::task::spawn_blocking(move || closing.close()).await;
        if let Some(witnesses) = &self.core.witnesses {
            witnesses.finish(&log).await;
        }
    }
}

impl Core {
    async fn open(config: &Config, capacity: &Capacity) -> anyhow::Result<Self> {
        let store = Store::open(&config.data_dir)?;
        let policies = load_policies(config)?;
        let metrics = Arc::new(Metrics::new(config));
        let (log, witnesses) = open_evidence(config, &metrics).await?;
        let admin_log = AdminLog::new(store.journal.clone(), Arc::new(log.clone()));
        let identities = Identities::new(config, store.clone())?.recorded_by(admin_log.clone());
        let masker = masker(config, &store, &log)?;
        let gateway = keys::gateway_id(log.dir())?;
        let usage = Usage::new(&store);
        let (keys, descriptions) = (store.keys.clone(), store.descriptions.clone());
        let hub = connectors::hub(config, &store, admin_log.clone(), log.clone())?;
        let reviews = Reviews::start(store, gateway, admin_log.clone(), SystemTime::now())?;
        let authenticator =
            Arc::new(authenticator(config, Arc::new(identities), &metrics, log.clone()));
        let agents = Agents::new(authenticator.clone(), reviews.clone());
        let keeping = keeping::keeping(config, log.clone());
        let cursors = config.data_dir.join("exports");
        let search = Search::new(&log, &config.data_dir, config.anomalies.clone());
        let exports = Exports::new(&config.exports, &cursors, &manifests(), &search, &metrics);
        let exports = Arc::new(exports.map_err(|why| anyhow!(why))?);
        let engine = Engine::start(EngineParts {
            log,
            policies: Arc::new(policies),
            approvals: Arc::new(reviews.clone()),
            usage: Arc::new(usage.clone()),
            masker: Arc::new(masker),
            observer: metrics.clone(),
            limits: engine_limits(config, capacity),
        })
        .await
        .map_err(|sealed| anyhow!("evidence: {sealed}"))?;
        Ok(Self {
            engine,
            authenticator,
            keeping,
            metrics,
            reviews,
            admin_log,
            usage,
            witnesses,
            exports,
            search,
            keys,
            descriptions,
            agents,
            hub,
        })
    }

    fn api_state(&self, config: &Config, status: State) -> anyhow::Result<ApiState> {
        let own = status.listeners.iter().find(|listener| listener.name == api::NAME);
        let address = own.and_then(|listener| listener.addresses.first()).context("no API")?;
        let scheme = if config.listen.api.tls.is_some() { "https" } else { "http" };
        Ok(ApiState {
            authenticator: self.authenticator.clone(),
            reviews: self.reviews.clone(),
            metrics: self.metrics.clone(),
            sessions: self.engine.clone(),
            search: self.search.clone(),
            keeping: self.keeping.clone(),
            certificates: protocols::signer(config, self.keys.as_ref(), &status)?,
            base_url: format!("{scheme}://{address}"),
            status: Arc::new(status),
        })
    }
}

/// The resources that are reached through connectors.
fn through(config: &Config) -> Vec<String> {
    let resources = config.resources.iter();
    let through = resources.filter(|(_, resource)| resource.via == Via::Connector);
    through.map(|(name, _)| name.clone()).collect()
}

fn load_certificates(
    config: &Config,
    loopback: &LoopbackCertificate,
) -> anyhow::Result<BTreeMap<&'static str, Arc<ServedCertificate>>> {
    let load = |(name, listener)| Ok((name, ServedCertificate::load(listener, loopback)?));
    // Connectors are shown a certificate of the gateway's own authority.
    config.listen.all().filter(|(name, _)| *name != connectors::NAME).map(load).collect()
}

fn start_protocols(
    config: &Config,
    core: &Core,
    certificates: &BTreeMap<&'static str, Arc<ServedCertificate>>,
) -> anyhow::Result<BTreeMap<&'static str, Arc<dyn Running>>> {
    let start = |protocol: protocols::Protocol| {
        let name = protocol.manifest.name;
        let certificate = certificates.get(name).context("every listener has a certificate")?;
        let parts = Parts {
            config,
            engine: core.engine.clone(),
            authenticator: core.authenticator.clone(),
            certificate: certificate.clone(),
            keys: core.keys.clone(),
            descriptions: core.descriptions.clone(),
            agents: core.agents.clone(),
            ways: Ways::of(core.hub.clone()),
        };
        Ok((name, (protocol.start)(parts)?))
    };
    protocols::used(config).map(start).collect()
}

fn login_bounds(config: &Config, capacity: &Capacity) -> Bounds {
    let own = config.limits.logins_per_address_max as usize;
    // Where there are fewer places than were asked for, one address still leaves some.
    let is_short = capacity.logins_max < config.limits.logins_max as usize;
    let most = if is_short { capacity.logins_max / 2 } else { capacity.logins_max };
    Bounds { total_max: capacity.logins_max, per_address_max: own.min(most).max(1) }
}

fn api_bounds() -> Bounds {
    Bounds { total_max: API_CONNECTIONS_MAX, per_address_max: API_CONNECTIONS_MAX / 2 }
}

/// Opens the log, once its witnesses have been asked whether it is the one that they know.
async fn open_evidence(
    config: &Config,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(EvidenceLog, Option<Arc<Witnesses>>)> {
    let dir = config.data_dir.join("evidence");
    let witnesses = Witnesses::new(&config.evidence, metrics.clone())
        .map_err(|why| anyhow!("evidence: {why}"))?
        .map(Arc::new);
    if let Some(witnesses) = &witnesses {
        let checked = witnesses.check_before_start(&dir).await;
        for warning in checked.map_err(|why| anyhow!("evidence: {why}"))? {
            tracing::warn!(%warning, "a witness could not be asked what it has seen of the log");
        }
    }
    let mut options = Options::new(dir);
    options.version = env!("CARGO_PKG_VERSION").into();
    let log = EvidenceLog::open(options).context("evidence")?;
    Ok((log, witnesses))
}

fn authenticator(
    config: &Config,
    identities: Arc<Identities>,
    metrics: &Arc<Metrics>,
    log: EvidenceLog,
) -> TokenAuthenticator {
    let (failures_max, refusal_time) = config.refusal();
    let gate = FailureGate::new(failures_max, refusal_time);
    // Nobody waits for these records: the client was refused anyway.
    TokenAuthenticator::new(
        identities,
        gate,
        metrics.clone(),
        Box::new(move |event| drop(log.append(event))),
    )
}

fn load_policies(config: &Config) -> anyhow::Result<Policies> {
    let sources = config.policy_sources().map_err(|why| anyhow!(why))?;
    let policies = Policies::load(&sources).map_err(|error| anyhow!("{error}"))?;
    let failures = never_matched(config, &policies);
    anyhow::ensure!(failures.is_empty(), failures.join("\n"));
    Ok(policies)
}

fn masker(config: &Config, store: &Store, log: &EvidenceLog) -> anyhow::Result<Masker> {
    let key = keys::mask_key(store, &config.data_dir)?;
    let rules = config.masking.methods.clone().into_iter().collect();
    let masker = Masker::new(rules, config.masking.default, MaskKey::new(key));
    if config.resources.values().all(|resource| resource.subjects.is_empty()) {
        return Ok(masker);
    }
    let key = keys::subject_key(store, log)?;
    Ok(masker.with_subjects(SubjectKey::new(key)))
}

fn engine_limits(config: &Config, capacity: &Capacity) -> Limits {
    Limits {
        review_timeout: config.reviews.timeout,
        review_examples: config.reviews.examples,
        held_bytes_max: usize::try_from(config.limits.held_bytes_max).unwrap_or(usize::MAX),
        write_timeout: config.limits.client_write_timeout,
        sessions_max: capacity.sessions_max,
        sessions_per_principal_max: sessions_of_one(config, capacity),
        evidence_per_principal_max: config.limits.evidence_per_principal_max,
        ..Limits::default()
    }
}

/// Where there are fewer places than were asked for, one principal still leaves some.
fn sessions_of_one(config: &Config, capacity: &Capacity) -> usize {
    let asked = usize::try_from(config.limits.sessions_per_principal_max).unwrap_or(usize::MAX);
    match capacity.sessions_max < config.limits.sessions_max as usize {
        true => asked.min(capacity.sessions_max - capacity.sessions_max / 8).max(1),
        false => asked,
    }
}
