//! PostgreSQL in this gateway: its resources as the configuration describes them, and the
//! sessions to come when that changes.

use super::certificates;
use super::connectors::{Rotating, Ways};
use super::discovery::{Discovered, Discovery, Look, Said};
use super::listeners::Service;
use super::places::Place;
use super::protocols::{Commit, Parts, Protocol, Running};
use super::replay;
use super::resources::{login, own, screen};
use anyhow::{Context, anyhow};
use portreeve_control::Config;
use portreeve_control::config::{
    Classification, ConnectorResource, KnownColumns, Resource, Settings, TargetColumn, TlsMode,
};
use portreeve_control::targets::{TargetState, Watch};
use portreeve_detect::{Column, propose};
use portreeve_link::connector::ServedTarget;
use portreeve_model::{Category, ObjectKind, Secret};
use portreeve_protocol_postgres::{
    Account, ColumnName, ColumnRules, FoundColumn, FoundTable, Inspection, MANIFEST, Postgres,
    PostgresDialer, PostgresParts, ProtocolLimits, Screening, Upstream, UpstreamConfig,
};
use portreeve_session::BoxFuture;
use portreeve_transport::{Dialer, TargetTls, TcpTarget};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What the binary knows of it.
pub(super) const PROTOCOL: Protocol = Protocol {
    discover: Some(discover),
    selftest: Some(super::selftest::postgres::selftest),
    serve_at: Some(serve_at),
    ..Protocol::of(&MANIFEST, start, replay::postgres)
};

/// The protocol at work.
struct PostgresService {
    state: RwLock<State>,
    ways: Ways,
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
    /// The file of authorities may say something else under the same name.
    authorities: Option<Vec<u8>>,
    /// So may that of the columns that somebody has looked at.
    known_columns: Option<KnownColumns>,
    dial_timeout: Duration,
    confidence_min: BTreeMap<Category, u8>,
}

/// Starts the protocol.
///
/// # Errors
/// A secret or an authority cannot be read.
fn start(parts: Parts<'_>) -> anyhow::Result<Arc<dyn Running>> {
    let targets = targets(parts.config, &BTreeMap::new(), &parts.ways)?;
    let postgres = Postgres::new(PostgresParts {
        engine: parts.engine,
        authenticator: parts.authenticator,
        upstreams: upstreams(&targets),
        tls: parts.certificate.server(&[b"postgresql"]),
        limits: limits(parts.config)?,
    });
    let state = RwLock::new(State { postgres, targets });
    Ok(Arc::new(PostgresService { state, ways: parts.ways, changed: Notify::new() }))
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

    fn targets(&self) -> BTreeMap<String, TargetState> {
        let targets = self.state().targets.into_iter();
        targets.map(|(name, Target { upstream, .. })| (name, state_of(&upstream))).collect()
    }

    fn prepare(self: Arc<Self>, config: &Config) -> anyhow::Result<Commit> {
        let before = self.state();
        let targets = targets(config, &before.targets, &self.ways)?;
        let postgres = before.postgres.renewed(upstreams(&targets), limits(config)?);
        Ok(Box::new(move || {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State { postgres, targets };
            self.changed.notify_one();
        }))
    }
}

fn state_of(upstream: &Upstream) -> TargetState {
    let unknown = upstream.unknown_columns().into_iter().map(|column| column.path.join("."));
    TargetState {
        watch: if upstream.is_watched() { Watch::Watched } else { Watch::Unwatched },
        unknown_columns: unknown.collect(),
        unmatched: upstream.unmatched(),
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
    ways: &Ways,
) -> anyhow::Result<BTreeMap<String, Target>> {
    let made = own(config, MANIFEST.name).map(|(name, resource)| {
        let made_of = made_of(config, resource).with_context(|| format!("resource `{name}`"))?;
        let known = before.get(name).filter(|known| known.made_of == made_of);
        let target = match known {
            Some(known) => known.clone(),
            None => {
                let through = ways.through(config, name, resource)?;
                let upstream = Arc::new(upstream(name, &made_of, through)?);
                Target { made_of, upstream }
            }
        };
        Ok((name.clone(), target))
    });
    made.collect()
}

fn made_of(config: &Config, resource: &Resource) -> anyhow::Result<MadeOf> {
    let authorities = match &resource.target.tls("tls")?.ca {
        Some(file) => Some(
            std::fs::read(file)
                .map_err(|why| anyhow!("authorities `{}`: {why}", file.display()))?,
        ),
        None => None,
    };
    let known_columns = match &resource.known_columns {
        Some(file) => {
            Some(KnownColumns::read(file).map_err(|why| anyhow!("known_columns: {why}"))?)
        }
        None => None,
    };
    let dial_timeout = config.limits.target_connect_timeout;
    let confidence_min = config.masking.confidence_min.clone();
    let resource = resource.clone();
    Ok(MadeOf { resource, authorities, known_columns, dial_timeout, confidence_min })
}

fn upstream(
    name: &str,
    made_of: &MadeOf,
    through: Option<Arc<dyn Dialer>>,
) -> anyhow::Result<Upstream> {
    let Resource { subjects, harmless_functions, target, .. } = &made_of.resource;
    let dialer = match through {
        Some(through) => through,
        None => dialer(target, made_of.dial_timeout)?,
    };
    Ok(Upstream::new(UpstreamConfig {
        name: name.to_owned(),
        dialer,
        rules: Arc::new(Rules::of(made_of)),
        screening: screening(made_of),
        subjects: subjects.clone(),
        harmless_functions: harmless_functions.clone(),
        dial_timeout: made_of.dial_timeout,
    }))
}

/// Where a target is, and how to get in.
pub(super) fn account(target: &Settings, timeout: Duration) -> anyhow::Result<Account> {
    let (user, password) = login(target, "password")?;
    let tls = target.tls("tls")?;
    let tls = match tls.mode {
        TlsMode::VerifyFull => TargetTls::Verified(certificates::client(tls)?),
        TlsMode::Disable => TargetTls::Disabled,
    };
    Ok(Account {
        target: TcpTarget {
            host: target.text("host")?.to_owned(),
            port: target.port("port")?,
            tls,
            timeout,
        },
        database: target.text("database")?.to_owned(),
        user,
        password: password.unwrap_or_else(|| Secret::new(String::new())),
    })
}

/// A target as a connector serves it: behind its login.
fn serve_at(resource: &ConnectorResource, timeout: Duration) -> anyhow::Result<ServedTarget> {
    let target = &resource.target;
    Ok(ServedTarget {
        protocol: MANIFEST.name.to_owned(),
        facts: target.facts(&MANIFEST),
        dialer: dialer(target, timeout)?,
    })
}

/// Logs in with what opens the target then.
fn dialer(target: &Settings, timeout: Duration) -> anyhow::Result<Arc<dyn Dialer>> {
    let made = move |settings: &Settings| -> anyhow::Result<Arc<dyn Dialer>> {
        Ok(Arc::new(PostgresDialer::new(account(settings, timeout)?)))
    };
    Ok(Arc::new(Rotating::new(target, made)?))
}

/// Looks at the columns of a target, for `discover` and `check`.
pub(super) fn discover(look: Look) -> BoxFuture<'static, anyhow::Result<Discovered>> {
    Box::pin(async move {
        let resource = look.config.resources.get(&look.resource).context("no such resource")?;
        let timeout = look.config.limits.target_connect_timeout;
        let account = account(&resource.target, timeout)?;
        let rules = Rules::read(resource);
        let mut session = Inspection::begin(account).await?;
        let mut tables = session.tables().await?;
        let mut unread = Vec::new();
        for done in 0..tables.len() {
            (look.progress)(done, tables.len());
            if let Some(table) = tables.get_mut(done)
                && look.rows_max > 0
                && let Err(why) = session.sample(table, look.rows_max).await
            {
                unread.push(format!("{}.{}: {why}", table.schema, table.name));
            }
        }
        (look.progress)(tables.len(), tables.len());
        let columns: Vec<Discovery> = tables.iter().flat_map(|it| of_table(it, &rules)).collect();
        // Views can be classified, too; the catalog that sessions see has them.
        let unmatched = session.unmatched(&rules).await?;
        Ok(Discovered { columns, tables: tables.len(), unread, unmatched })
    })
}

fn of_table(table: &FoundTable, rules: &Rules) -> Vec<Discovery> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let look = |(index, found): (usize, &FoundColumn)| {
        let column = TargetColumn {
            schema: table.schema.clone(),
            table: table.name.clone(),
            column: found.name.clone(),
            type_name: found.type_name.clone(),
        };
        let mut neighbours = names.clone();
        neighbours.remove(index);
        let values: Vec<&str> = found.values.iter().map(String::as_str).collect();
        let verdict = propose(&Column {
            table: &table.name,
            name: &found.name,
            data_type: &found.type_name,
            comment: &found.comment,
            values: &values,
            neighbours: &neighbours,
        });
        Discovery { said: rules.said(&column), column, verdict }
    };
    table.columns.iter().enumerate().map(look).collect()
}

/// What the configuration says of a target's columns.
pub(super) struct Rules {
    classify: Classification,
    /// Without it nothing is known to have appeared later.
    known: Option<KnownColumns>,
}

impl Rules {
    fn of(made_of: &MadeOf) -> Self {
        let classify = made_of.resource.classify.clone();
        Self { classify, known: made_of.known_columns.clone() }
    }

    /// As a command finds them now.
    pub(super) fn read(resource: &Resource) -> Self {
        // Before the first adoption there is no file yet.
        let known = resource.known_columns.as_deref().and_then(|it| KnownColumns::read(it).ok());
        Self { classify: resource.classify.clone(), known }
    }

    /// What is said of a column, wherever it stands.
    pub(super) fn said(&self, column: &TargetColumn) -> Said {
        let TargetColumn { schema, table, column, type_name } = column;
        let path = [schema, table, column];
        match self.classify.category_of(ObjectKind::COLUMN, &path) {
            Some(category) => Said::Classified(category.clone()),
            None if self.classify.clears(ObjectKind::COLUMN, &path) => Said::Cleared,
            None if self.is_known(&ColumnName { schema, table, column, type_name }) => {
                Said::Nothing
            }
            None => Said::Unknown,
        }
    }
}

impl ColumnRules for Rules {
    fn category(&self, schema: &str, table: &str, column: &str) -> Option<Category> {
        self.classify.category_of(ObjectKind::COLUMN, &[schema, table, column]).cloned()
    }

    fn is_known(&self, column: &ColumnName<'_>) -> bool {
        let ColumnName { schema, table, column, type_name } = *column;
        let Some(known) = &self.known else { return true };
        known.holds(schema, table, column, type_name)
            || self.classify.names(ObjectKind::COLUMN, &[schema, table, column])
    }

    fn say_something(&self) -> bool {
        self.known.is_some() || !self.classify.is_empty()
    }

    fn unmatched(&self, columns: &[[&str; 3]]) -> Vec<String> {
        let columns: Vec<&[&str]> = columns.iter().map(<[&str; 3]>::as_slice).collect();
        self.classify.unmatched(ObjectKind::COLUMN, &columns)
    }
}

/// What becomes of what nobody has classified.
fn screening(made_of: &MadeOf) -> Screening {
    let classification = made_of.resource.classify.clone();
    Screening {
        screen: screen(&made_of.resource, &made_of.confidence_min),
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
