//! Configuration → running parts. No decisions are made here.

mod bridges;
mod certificates;
mod keeping;
mod keys;

use anyhow::{Context, anyhow};
use bridges::State;
use portreeve_control::administration::AdminLog;
use portreeve_control::api::{ApiServer, ApiState, Keeping, serve as serve_api};
use portreeve_control::config::{Resource, TlsMode};
use portreeve_control::door::Door;
use portreeve_control::identity::FailureGate;
use portreeve_control::metrics::Metrics;
use portreeve_control::witness::Witnesses;
use portreeve_control::{Config, Identities, Reviews, Store, config};
use portreeve_decide::mask::{MaskKey, Masker, SubjectKey};
use portreeve_decide::policy::Policies;
use portreeve_evidence::{EvidenceLog, HealthState, Options};
use portreeve_model::{Administrator, Event, PolicyVersion, Secret};
use portreeve_protocol_postgres::{
    Postgres, PostgresParts, ProtocolLimits, TargetTls, Upstream, UpstreamConfig,
};
use portreeve_session::{Engine, EngineParts, Limits};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

pub(crate) use certificates::{LoopbackCertificate, loopback_certificate, server_certificate};
pub(crate) use keeping::retention;

/// A gateway with everything bound and open.
pub(crate) struct Gateway {
    engine: Arc<Engine>,
    postgres: Arc<Postgres>,
    postgres_listener: TcpListener,
    api_address: SocketAddr,
    api: Mutex<Option<(ApiServer, ApiState)>>,
    door: Arc<Door>,
    keeping: Keeping,
    metrics: Arc<Metrics>,
    reviews: Reviews,
    admin_log: AdminLog,
    upstreams: Vec<Arc<Upstream>>,
    witnesses: Option<Arc<Witnesses>>,
    connections_max: usize,
    stop: watch::Sender<bool>,
}

/// How often the gauges are brought up to date.
const GAUGE_INTERVAL: Duration = Duration::from_secs(2);
/// How long open sessions may take to end when the gateway stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

impl Gateway {
    /// Opens and binds everything that the configuration names.
    pub(crate) async fn start(
        config: Config,
        loopback: &LoopbackCertificate,
    ) -> anyhow::Result<Self> {
        let store = Store::open(&config.data_dir)?;
        let policies = load_policies(&config)?;
        let metrics = Arc::new(Metrics::new(&config));
        let (log, witnesses) = open_evidence(&config, &metrics).await?;
        let admin_log = AdminLog::new(store.journal.clone(), Arc::new(log.clone()));
        let identities = Identities::new(&config, store.clone())?.recorded_by(admin_log.clone());
        let masker = masker(&config, &store, &log)?;
        let gateway = keys::gateway_id(log.dir())?;
        let now = SystemTime::now();
        let reviews = Reviews::start(store, gateway, admin_log.clone(), now)?;
        let door = Arc::new(door(&config, Arc::new(identities), &metrics, log.clone()));
        let keeping = keeping::keeping(&config, log.clone());
        let engine = Engine::start(EngineParts {
            log,
            policies: Arc::new(policies),
            desk: Arc::new(reviews.clone()),
            masker: Arc::new(masker),
            observer: metrics.clone(),
            limits: engine_limits(&config),
        })
        .await
        .map_err(|sealed| anyhow!("evidence: {sealed}"))?;

        let server_tls = certificates::server(&config.listen.postgres, loopback, &[b"postgresql"])?;
        let upstreams = upstreams(&config)?;
        let postgres = Postgres::new(PostgresParts {
            engine: engine.clone(),
            gatekeeper: door.clone(),
            upstreams: upstreams.clone(),
            tls: server_tls,
            limits: protocol_limits(&config),
        });
        let postgres_listener = bind(config.listen.postgres.address).await?;
        let api_listener = bind(config.listen.api.address).await?;
        let api_address = api_listener.local_addr()?;
        let api_tls = match &config.listen.api.tls {
            Some(_) => Some(certificates::server(&config.listen.api, loopback, &[b"http/1.1"])?),
            None => None,
        };
        let scheme = if api_tls.is_some() { "https" } else { "http" };
        let state = ApiState {
            door: door.clone(),
            reviews: reviews.clone(),
            metrics: metrics.clone(),
            sessions: engine.clone(),
            keeping: keeping.clone(),
            status: Arc::new(State { engine: engine.clone(), witnesses: witnesses.clone() }),
            base_url: format!("{scheme}://{api_address}"),
        };
        Ok(Self {
            engine,
            postgres,
            postgres_listener,
            api_address,
            api: Mutex::new(Some((ApiServer { listener: api_listener, tls: api_tls }, state))),
            door,
            keeping,
            metrics,
            reviews,
            admin_log,
            upstreams,
            witnesses,
            // Clients that have not logged in yet need places too.
            connections_max: config.limits.sessions_max as usize * 2 + 64,
            stop: watch::channel(false).0,
        })
    }

    /// Where PostgreSQL clients are served.
    pub(crate) fn postgres_address(&self) -> std::io::Result<SocketAddr> {
        self.postgres_listener.local_addr()
    }

    /// Where the API is served.
    pub(crate) fn api_address(&self) -> std::io::Result<SocketAddr> {
        Ok(self.api_address)
    }

    /// Serves until [`Gateway::stop`].
    pub(crate) async fn run(self: Arc<Self>) {
        let mut tasks = JoinSet::new();
        if let Some((server, state)) = self.api.lock().await.take() {
            let mut stopped = self.stop.subscribe();
            tasks.spawn(async move {
                serve_api(server, state, async move {
                    let _ = stopped.wait_for(|stop| *stop).await;
                })
                .await;
            });
        }
        let (door, reviews) = (self.door.clone(), self.reviews.clone());
        let admin_log = self.admin_log.clone();
        let keep_fresh = tokio::spawn(async move {
            tokio::join!(
                door.identities().keep_fresh(),
                door.keep_reporting(),
                reviews.keep(),
                admin_log.keep_settled(),
            );
        });
        let gauges = tokio::spawn(self.clone().keep_gauges());
        let sweeps =
            tokio::spawn(keeping::sweep_hourly(self.keeping.clone(), self.metrics.clone()));
        let mut watches = JoinSet::new();
        if let Some(witnesses) = self.witnesses.clone() {
            let log = self.engine.evidence().clone();
            watches.spawn(async move { witnesses.run(&log).await });
        }
        for upstream in &self.upstreams {
            let upstream = upstream.clone();
            watches.spawn(async move { upstream.watch().await });
        }
        self.accept().await;
        watches.shutdown().await;
        keep_fresh.abort();
        gauges.abort();
        sweeps.abort();
        while tasks.join_next().await.is_some() {}
    }

    async fn accept(&self) {
        let mut stopped = self.stop.subscribe();
        let places = Arc::new(Semaphore::new(self.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = self.postgres_listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Beyond the limit a connection is closed at once, before it costs more.
                    let Ok(place) = places.clone().try_acquire_owned() else { continue };
                    let postgres = self.postgres.clone();
                    connections.spawn(async move {
                        postgres.serve(stream, peer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        self.engine.live.kill_all("the gateway, which is stopping");
        let _ = tokio::time::timeout(STOP_TIMEOUT, async {
            while connections.join_next().await.is_some() {}
        })
        .await;
    }

    async fn keep_gauges(self: Arc<Self>) {
        loop {
            let healthy = self.engine.evidence().health().state < HealthState::Sealed;
            self.metrics.set_evidence_healthy(healthy);
            if let Ok(open) = self.reviews.open_count(SystemTime::now()).await {
                self.metrics.set_reviews_open(open);
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
        self.door.report();
        if let Err(error) = self.admin_log.settle().await {
            tracing::error!(%error, "what administrators did is recorded at the next start");
        }
        let log = self.engine.evidence().clone();
        let closing = log.clone();
        let _ = tokio::task::spawn_blocking(move || closing.close()).await;
        if let Some(witnesses) = &self.witnesses {
            witnesses.finish(&log).await;
        }
    }

    /// Reads the policies of a configuration file again and decides by them from now on.
    pub(crate) async fn reload_policies(&self, file: &Path) -> anyhow::Result<PolicyVersion> {
        let read = config::load(file).map_err(anyhow::Error::from);
        let read = read.and_then(|config| load_policies(&config));
        // Who may signal the process is its own user or root; nobody says which.
        let by = Administrator::Gateway;
        let refused = read.as_ref().err().map(|error| format!("{error:#}"));
        let asked = Event::ReloadAsked { refused, by };
        let recorded = self.engine.evidence().append(asked).durable().await;
        recorded.map_err(|sealed| anyhow!("evidence: {sealed}"))?;
        let policies = Arc::new(read?);
        let version = policies.version().clone();
        self.engine.adopt(policies).await.map_err(|sealed| anyhow!("evidence: {sealed}"))?;
        Ok(version)
    }
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

fn door(
    config: &Config,
    identities: Arc<Identities>,
    metrics: &Arc<Metrics>,
    log: EvidenceLog,
) -> Door {
    let (failures_max, refusal_time) = config.refusal();
    let gate = FailureGate::new(failures_max, refusal_time);
    // Nobody waits for these records: the client was refused anyway.
    let record = Box::new(move |event| drop(log.append(event)));
    let audiences = config.resources.iter();
    let audiences =
        audiences.filter_map(|(name, resource)| Some((name.clone(), resource.audience.clone()?)));
    Door::new(identities, gate, metrics.clone(), record).with_audiences(audiences.collect())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on `{address}`; hint: is another gateway running there?")
    })
}

fn load_policies(config: &Config) -> anyhow::Result<Policies> {
    let sources = config.policy_sources().map_err(|why| anyhow!(why))?;
    Policies::load(&sources).map_err(|error| anyhow!("{error}"))
}

fn masker(config: &Config, store: &Store, log: &EvidenceLog) -> anyhow::Result<Masker> {
    let key = keys::mask_key(store, &config.data_dir)?;
    let rules = config.masking.methods.clone().into_iter().collect();
    let masker = Masker::new(rules, config.masking.default, MaskKey::new(key));
    if config.resources.values().all(|resource| resource.subjects.is_empty()) {
        return Ok(masker);
    }
    let key = log.subject_key().context("evidence")?;
    Ok(masker.with_subjects(SubjectKey::new(key)))
}

fn upstreams(config: &Config) -> anyhow::Result<Vec<Arc<Upstream>>> {
    let make = |(name, resource): (&String, &Resource)| {
        let target = &resource.postgres;
        let password = match &target.password {
            Some(source) => {
                source.resolve().with_context(|| format!("password of resource `{name}`"))?
            }
            None => Secret::new(String::new()),
        };
        let tls = match target.tls.mode {
            TlsMode::VerifyFull => TargetTls::Verified(certificates::client(&target.tls)?),
            TlsMode::Disable => TargetTls::Disabled,
        };
        let classification = resource.classify.clone();
        Ok(Arc::new(Upstream::new(UpstreamConfig {
            name: name.clone(),
            host: target.host.clone(),
            port: target.port,
            database: target.database.clone(),
            user: target.user.clone(),
            password,
            tls,
            classify: Arc::new(move |schema, table, column| {
                classification.category_of(schema, table, column).cloned()
            }),
            subjects: resource.subjects.clone(),
            dial_timeout: config.limits.target_connect_timeout,
        })))
    };
    config.resources.iter().map(make).collect()
}

fn engine_limits(config: &Config) -> Limits {
    Limits {
        review_timeout: config.reviews.timeout,
        held_bytes_max: usize::try_from(config.limits.held_bytes_max).unwrap_or(usize::MAX),
        write_timeout: config.limits.client_write_timeout,
        sessions_max: config.limits.sessions_max as usize,
        ..Limits::default()
    }
}

fn protocol_limits(config: &Config) -> ProtocolLimits {
    let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    ProtocolLimits {
        login_timeout: config.limits.login_timeout,
        client_idle_timeout: config.limits.client_idle_timeout,
        message_bytes_max: bytes(config.limits.message_bytes_max),
        statement_bytes_max: bytes(config.limits.statement_bytes_max),
        reply_message_bytes_max: bytes(config.limits.reply_message_bytes_max),
    }
}
