//! PostgreSQL in this gateway: its resources as the configuration describes them, and the
//! sessions to come when that changes.

use super::certificates;
use super::listeners::Service;
use super::places::Place;
use super::protocols::{Commit, Parts, Running};
use anyhow::{Context, anyhow};
use portreeve_control::Config;
use portreeve_control::api::Watch;
use portreeve_control::config::{Resource, TlsMode};
use portreeve_model::{Category, ObjectKind, Secret};
use portreeve_protocol_postgres::{
    MANIFEST, Postgres, PostgresParts, ProtocolLimits, Screening, Upstream, UpstreamConfig,
};
use portreeve_screen::Screen;
use portreeve_session::BoxFuture;
use portreeve_transport::TargetTls;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The protocol at work.
struct PostgresService {
    state: RwLock<State>,
    /// The targets are others than before.
    changed: Notify,
}

#[derive(Clone)]
struct State {
    /// Who serves the next connection.
    postgres: Arc<Postgres>,
    targets: BTreeMap<String, Target>,
}

/// A target, and everything that it was made of: what is the same after a change keeps its
/// catalog.
#[derive(Clone)]
struct Target {
    made_of: MadeOf,
    upstream: Arc<Upstream>,
}

#[derive(Clone, PartialEq, Eq)]
struct MadeOf {
    resource: Resource,
    password: Secret<String>,
    /// The file of authorities may say something else under the same name.
    authorities: Option<Vec<u8>>,
    dial_timeout: Duration,
    confidence_min: BTreeMap<Category, u8>,
}

/// Starts the protocol.
///
/// # Errors
/// A secret or an authority cannot be read.
pub(super) fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let targets = targets(parts.config, &BTreeMap::new())?;
    let postgres = Postgres::new(PostgresParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        upstreams: upstreams(&targets),
        tls: parts.certificate.server(&[b"postgresql"]),
        limits: limits(parts.config)?,
    });
    let state = RwLock::new(State { postgres, targets });
    Ok(Arc::new(PostgresService { state, changed: Notify::new() }))
}

impl PostgresService {
    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service for PostgresService {
    fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        place: Place,
    ) -> BoxFuture<'static, ()> {
        Box::pin(self.state().postgres.serve(stream, client, place))
    }
}

impl Running for PostgresService {
    fn watch(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut watched: Vec<Weak<Upstream>> = Vec::new();
            let mut watches = JoinSet::new();
            loop {
                watched.retain(|known| known.strong_count() > 0);
                for Target { upstream, .. } in self.state().targets.into_values() {
                    if !watched.iter().any(|known| known.as_ptr() == Arc::as_ptr(&upstream)) {
                        watched.push(Arc::downgrade(&upstream));
                        watches.spawn(watch_while_used(upstream));
                    }
                }
                tokio::select! {
                    () = self.changed.notified() => {}
                    Some(_) = watches.join_next(), if !watches.is_empty() => {}
                }
            }
        })
    }

    fn targets(&self) -> BTreeMap<String, Watch> {
        let targets = self.state().targets.into_iter();
        targets
            .map(|(name, Target { upstream, .. })| match upstream.is_watched() {
                true => (name, Watch::Watched),
                false => (name, Watch::Unwatched),
            })
            .collect()
    }

    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit> {
        let before = self.state();
        let targets = targets(config, &before.targets)?;
        let postgres = before.postgres.renewed(upstreams(&targets), limits(config)?);
        Ok(Box::new(move || {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State { postgres, targets };
            self.changed.notify_one();
        }))
    }
}

/// Open sessions go on with a target that the configuration no longer has.
async fn watch_while_used(upstream: Arc<Upstream>) {
    let unused = async {
        loop {
            tokio::time::sleep(UNUSED_INTERVAL).await;
            if Arc::strong_count(&upstream) == 1 {
                return;
            }
        }
    };
    tokio::select! {
        () = upstream.watch() => {}
        () = unused => {}
    }
}

fn upstreams(targets: &BTreeMap<String, Target>) -> Vec<Arc<Upstream>> {
    targets.values().map(|target| target.upstream.clone()).collect()
}

fn targets(
    config: &Config,
    before: &BTreeMap<String, Target>,
) -> anyhow::Result<BTreeMap<String, Target>> {
    let own = config.resources.iter().filter(|(_, resource)| resource.protocol == MANIFEST.name);
    own.map(|(name, resource)| {
        let made_of = made_of(config, resource).with_context(|| format!("resource `{name}`"))?;
        let known = before.get(name).filter(|known| known.made_of == made_of);
        let target = match known {
            Some(known) => known.clone(),
            None => {
                let upstream = Arc::new(upstream(name, &made_of)?);
                Target { made_of, upstream }
            }
        };
        Ok((name.clone(), target))
    })
    .collect()
}

fn made_of(config: &Config, resource: &Resource) -> anyhow::Result<MadeOf> {
    let password = match resource.target.secret("password")? {
        Some(source) => source.resolve().context("password")?,
        None => Secret::new(String::new()),
    };
    let authorities = match &resource.target.tls("tls")?.ca {
        Some(file) => Some(
            std::fs::read(file)
                .map_err(|why| anyhow!("authorities `{}`: {why}", file.display()))?,
        ),
        None => None,
    };
    let dial_timeout = config.limits.target_connect_timeout;
    let confidence_min = config.masking.confidence_min.clone();
    let resource = resource.clone();
    Ok(MadeOf { resource, password, authorities, dial_timeout, confidence_min })
}

fn upstream(name: &str, made_of: &MadeOf) -> anyhow::Result<Upstream> {
    let Resource { target, classify, subjects, harmless_functions, .. } = &made_of.resource;
    let tls = target.tls("tls")?;
    let tls = match tls.mode {
        TlsMode::VerifyFull => TargetTls::Verified(certificates::client(tls)?),
        TlsMode::Disable => TargetTls::Disabled,
    };
    let classification = classify.clone();
    Ok(Upstream::new(UpstreamConfig {
        name: name.to_owned(),
        host: target.text("host")?.to_owned(),
        port: target.port("port")?,
        database: target.text("database")?.to_owned(),
        user: target.text("user")?.to_owned(),
        password: made_of.password.clone(),
        tls,
        classify: Arc::new(move |schema, table, column| {
            classification.category_of(ObjectKind::COLUMN, &[schema, table, column]).cloned()
        }),
        screening: screening(made_of),
        subjects: subjects.clone(),
        harmless_functions: harmless_functions.clone(),
        dial_timeout: made_of.dial_timeout,
    }))
}

/// What becomes of what nobody has classified.
fn screening(made_of: &MadeOf) -> Screening {
    let classification = made_of.resource.classify.clone();
    let seed = RandomState::new().hash_one(0);
    let mode = made_of.resource.unclassified.mode;
    Screening {
        screen: Arc::new(Screen::new(mode, &made_of.confidence_min, seed)),
        clears: Arc::new(move |object| classification.clears(object.kind, &object.path)),
    }
}

fn limits(config: &Config) -> anyhow::Result<ProtocolLimits> {
    let own = config.limits.protocols.get(MANIFEST.name).context("its limits were not read")?;
    Ok(ProtocolLimits {
        login_timeout: config.limits.login_timeout,
        client_idle_timeout: config.limits.client_idle_timeout,
        message_bytes_max: own.bytes("message_bytes_max")?,
        statement_bytes_max: own.bytes("statement_bytes_max")?,
        reply_message_bytes_max: own.bytes("reply_message_bytes_max")?,
    })
}

/// How often it is looked whether a target is still used.
const UNUSED_INTERVAL: Duration = Duration::from_secs(30);
