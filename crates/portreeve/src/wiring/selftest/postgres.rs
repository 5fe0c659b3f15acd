//! PostgreSQL tried as its clients do: people who do not exist in a schema of their own, and the
//! columns that the configuration classifies, read and nothing else.

use super::Trial;
use super::client::{Client, Login};
use super::place::{Place, Ways, Work, ask_all};
use crate::wiring::certificates;
use crate::wiring::discovery::{Discovered, Discovery, Look, Said};
use crate::wiring::listeners::near;
use crate::wiring::postgres::{Rules, account, discover};
use anyhow::{Context, anyhow, bail};
use portreeve_control::config::{Resource, TargetColumn, TargetTls as TlsSettings, TlsMode};
use portreeve_model::Unclassified;
use portreeve_protocol_postgres::{MANIFEST, literal, quoted};
use portreeve_selftest::{
    Asked, Canaries, Case, ColumnNames, ColumnPlace, Control, Expectation, Mode, PlantedSchema,
    Protection, Report, Subject, Traces, cases,
};
use portreeve_session::BoxFuture;
use portreeve_transport::{TargetTls, TcpTarget};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};

/// Reads of a statement that is held for a reviewer would wait for one.
const THROUGH: &str = "-c portreeve.review=refuse";
/// Nobody waits for a self-test.
const DIRECT: &str = "-c statement_timeout=10s -c lock_timeout=2s";
/// What an earlier run left is removed once no run can be at it any more.
const LEFT_AFTER_S: u64 = 3600;
/// Rows of each table by which columns are known, where nobody classifies them.
const ROWS_LOOKED_AT: u32 = 50;
/// Values of a column that are looked for.
const VALUES_MAX: u32 = 50;
/// A table above this is read in part.
const TABLE_BYTES_MAX: u64 = 2 << 20;
/// The case that is asked of every column in every way.
const PLAIN: &str = "values/alias";
const BOTH: &[Mode] = &[Mode::Simple, Mode::Extended];

/// Tries a resource.
pub(in crate::wiring) fn selftest(trial: Trial) -> BoxFuture<'static, anyhow::Result<Report>> {
    Box::pin(async move {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let resource = trial.config.resources.get(&trial.resource).context("no such resource")?;
        let ways = ways(&trial, resource)?;
        let planting = Planting::begin(&trial, resource).await?;
        let run = run(&trial, resource, &ways, &planting);
        let outcome = tokio::select! {
            outcome = run => outcome,
            _ = interrupt.recv() => Err(anyhow!("interrupted")),
            _ = terminate.recv() => Err(anyhow!("interrupted")),
        };
        let removed = planting.end(trial.keeps).await;
        match (outcome, removed) {
            (Ok(mut report), Ok(told)) => {
                report.remarks.extend(told);
                Ok(report)
            }
            (Ok(_), Err(left)) => Err(left),
            (Err(why), Ok(_)) => Err(why),
            (Err(why), Err(left)) => Err(why.context(format!("{left:#}"))),
        }
    })
}

async fn run(
    trial: &Trial,
    resource: &Resource,
    ways: &Ways,
    planting: &Planting,
) -> anyhow::Result<Report> {
    let mut report = Report { resource: trial.resource.clone(), ..Report::default() };
    let look = Look {
        config: trial.config.clone(),
        resource: trial.resource.clone(),
        rows_max: ROWS_LOOKED_AT,
        progress: Arc::new(|_, _| {}),
    };
    let found = discover(look).await.context("the target")?;
    let mut places: Vec<Place> = Vec::new();
    places.extend(planting.place(trial, resource, &found, &mut report).await?);
    places.extend(columns(trial, resource, ways, &found, &mut report).await?);
    let all = places.iter().map(|place| place.work.len()).sum();
    anyhow::ensure!(all > 0, "nothing of it was to be asked\nhint: `--list` shows the cases");
    let count = AtomicUsize::new(0);
    let done = || (trial.progress)(count.fetch_add(1, Ordering::Relaxed) + 1, all);
    for place in &places {
        ask_all(place, ways, &mut report, &done).await?;
    }
    Ok(report)
}

/// Both ways to ask, and who asks.
fn ways(trial: &Trial, resource: &Resource) -> anyhow::Result<Ways> {
    let timeout = trial.config.limits.target_connect_timeout;
    let through = Login {
        server: gateway(trial, timeout)?,
        user: "portreeve-selftest".to_owned(),
        password: trial.token.clone(),
        database: trial.resource.clone(),
        options: THROUGH,
    };
    Ok(Ways { direct: direct(trial, resource)?, through })
}

/// As the gateway logs in at the target.
fn direct(trial: &Trial, resource: &Resource) -> anyhow::Result<Login> {
    let timeout = trial.config.limits.target_connect_timeout;
    let account = account(&resource.target, timeout)?;
    Ok(Login {
        server: account.target,
        user: account.user,
        password: account.password,
        database: account.database,
        options: DIRECT,
    })
}

fn gateway(trial: &Trial, timeout: Duration) -> anyhow::Result<TcpTarget> {
    if let Some(place) = &trial.gateway {
        let settings = TlsSettings {
            mode: TlsMode::VerifyFull,
            ca: place.authorities.clone(),
            certificate: None,
            key: None,
        };
        let tls = TargetTls::Verified(certificates::client(&settings)?);
        return Ok(TcpTarget { host: place.host.clone(), port: place.port, tls, timeout });
    }
    let listener = trial.config.listen.protocols.get(MANIFEST.name);
    let addresses = listener.map(|listener| listener.addresses.as_slice()).unwrap_or_default();
    let near = addresses.iter().copied().map(near).find(|address| address.ip().is_loopback());
    let Some(address) = near else {
        bail!(
            "the gateway does not listen on this machine's own address\n\
             hint: say where it is: `--gateway HOST:PORT`, and whom to trust: `--gateway-ca FILE`"
        );
    };
    let (host, port) = (address.ip().to_string(), address.port());
    Ok(TcpTarget { host, port, tls: TargetTls::Disabled, timeout })
}

/// What is planted: tables of people who do not exist.
struct Planting {
    /// None where nothing is planted, with why.
    schema: Result<PlantedSchema, String>,
    planter: Login,
    canaries: Canaries,
}

impl Planting {
    async fn begin(trial: &Trial, resource: &Resource) -> anyhow::Result<Self> {
        let mut planter = direct(trial, resource)?;
        let reader = planter.user.clone();
        if let Some(other) = &trial.planter {
            (planter.user, planter.password) = (other.role.clone(), other.password.clone());
        }
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let chance = trial.seed.last_chunk().copied().map(u32::from_be_bytes).unwrap_or_default();
        let schema = PlantedSchema::new(now_s, chance);
        let canaries = Canaries::new(trial.seed);
        if !cases().iter().any(|case| trial.selection.wants(PLANTED, &case.name)) {
            let schema = Err("no case of it is wanted".to_owned());
            return Ok(Self { schema, planter, canaries });
        }
        let session = Client::open(&planter).await.context("the target")?;
        remove_left(&session, now_s).await?;
        // One message is one transaction: all of it is there, or nothing.
        let planted = session.run(&schema.plant(&canaries, &quoted(&reader))).await;
        let schema = match planted {
            Ok(()) => Ok(schema),
            Err(why) => Err(format!(
                "the role `{}` cannot plant there: {why:#}; name one that may with `--plant-as`",
                planter.user
            )),
        };
        Ok(Self { schema, planter, canaries })
    }

    async fn place(
        &self,
        trial: &Trial,
        resource: &Resource,
        found: &Discovered,
        report: &mut Report,
    ) -> anyhow::Result<Option<Place>> {
        let schema = match &self.schema {
            Ok(schema) => schema,
            Err(why) => {
                report.remarks.push(format!("nothing is planted: {why}"));
                return Ok(None);
            }
        };
        let rules = Rules::read(resource);
        let subject = |case: &Case| planted_subject(schema, case, resource, &rules, found);
        let mut work = Vec::new();
        for case in cases().iter().filter(|case| trial.selection.wants(PLANTED, &case.name)) {
            if case.outside.is_some() {
                continue;
            }
            let (asked, subject) = (schema.asked(case), subject(case));
            work.push(Work { case, asked, subject, modes: &Mode::ALL });
        }
        let outside = cases().iter().filter(|case| case.outside.is_some()).count();
        report.remarks.push(format!(
            "{outside} cases are not asked of a target in use: they reach beside their transaction"
        ));
        let controls = Control::ALL.iter().map(|control| {
            let asked = Asked { sql: control.sql.to_owned(), expectation: Expectation::default() };
            (control.action, asked)
        });
        Ok(Some(Place {
            name: PLANTED.to_owned(),
            prepare: format!("SET search_path = {}", schema.name()),
            begin: "BEGIN",
            controls: controls.collect(),
            work,
            traces: Traces::of(self.canaries.values()),
        }))
    }

    /// Removes what was planted. A target that is gone keeps it: the next run removes it.
    async fn end(self, keeps: bool) -> anyhow::Result<Option<String>> {
        let Ok(schema) = self.schema else { return Ok(None) };
        if keeps {
            return Ok(Some(format!("kept: the schema `{}`", schema.name())));
        }
        let left = || format!("the schema `{}` is left at the target", schema.name());
        let session = Client::open(&self.planter).await.with_context(left)?;
        session.run(&schema.remove()).await.with_context(left)?;
        Ok(None)
    }
}

async fn remove_left(session: &Client, now_s: u64) -> anyhow::Result<()> {
    let names = session.rows("SELECT nspname FROM pg_catalog.pg_namespace").await?;
    let names = names.into_iter().flatten().flatten();
    let left = names.filter_map(|name| PlantedSchema::named(&name));
    for schema in left.filter(|schema| schema.age_s(now_s) > LEFT_AFTER_S) {
        // Another role's is another role's to remove.
        let _ = session.run(&schema.remove()).await;
    }
    Ok(())
}

/// What the report calls the planted tables.
const PLANTED: &str = "planted";

/// The weakest of what a case speaks of says what would show.
fn planted_subject(
    schema: &PlantedSchema,
    case: &Case,
    resource: &Resource,
    rules: &Rules,
    found: &Discovered,
) -> Subject {
    let about = schema.columns_of(case).into_iter().map(|(table, column, kind)| {
        let place = TargetColumn {
            schema: schema.name().to_owned(),
            table: table.to_owned(),
            column: column.to_owned(),
            type_name: kind.to_owned(),
        };
        (column, protection(&rules.said(&place), resource))
    });
    let about: Vec<(&str, Protection)> = about.collect();
    let open = about.iter().find(|(_, protection)| !protection.is_closed());
    let (column, protection) =
        open.or(about.first()).cloned().unwrap_or(("email", Protection::OpenDetected));
    Subject {
        pattern: format!("\"*.*.{column}\""),
        category: category_of(column).to_owned(),
        protection,
        misspelt: found.unmatched.clone(),
    }
}

fn category_of(column: &str) -> &'static str {
    match column {
        "full_name" => "name",
        "phone" => "phone",
        "ssn" | "tax_id" => "national-id",
        "dob" => "birth-date",
        "iban" | "iban_upper" => "iban",
        "address" => "address",
        "notes" | "history" => "contact",
        _ => "email",
    }
}

fn protection(said: &Said, resource: &Resource) -> Protection {
    match said {
        Said::Classified(category) => Protection::Classified(category.clone()),
        Said::Cleared => Protection::Cleared,
        Said::Unknown => Protection::Unknown,
        Said::Nothing => match resource.unclassified.mode {
            Unclassified::Clear => Protection::OpenCleared,
            Unclassified::Detect => Protection::OpenDetected,
            Unclassified::Mask => Protection::OpenMasked,
        },
    }
}

/// The columns that are classified, and those that look as if they should be.
async fn columns(
    trial: &Trial,
    resource: &Resource,
    ways: &Ways,
    found: &Discovered,
    report: &mut Report,
) -> anyhow::Result<Vec<Place>> {
    let own = found.columns.iter().filter(|it| {
        let is_planted = PlantedSchema::named(it.column.schema.trim_end_matches("_archive"));
        let is_known = matches!(it.said, Said::Classified(_)) || it.verdict.is_some();
        is_planted.is_none() && is_known && it.said != Said::Cleared
    });
    let name = |it: &Discovery| {
        let TargetColumn { schema, table, column, .. } = &it.column;
        format!("{schema}.{table}.{column}")
    };
    let wanted =
        own.filter(|it| cases().iter().any(|case| trial.selection.wants(&name(it), &case.name)));
    let wanted: Vec<&Discovery> = wanted.collect();
    if wanted.len() > trial.columns_max {
        report.remarks.push(format!(
            "{} of {} columns are tried: `--columns` takes more",
            trial.columns_max,
            wanted.len()
        ));
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let session = Client::open(&ways.direct).await.context("the target")?;
    session.run("SET default_transaction_read_only = on").await?;
    let mut places = Vec::new();
    for it in wanted.into_iter().take(trial.columns_max) {
        let name = name(it);
        match column_place(trial, resource, &session, found, it).await {
            Ok(place) => places.push(place),
            Err(why) => report.remarks.push(format!("{name} is not tried: {why:#}")),
        }
    }
    Ok(places)
}

async fn column_place(
    trial: &Trial,
    resource: &Resource,
    session: &Client,
    found: &Discovered,
    it: &Discovery,
) -> anyhow::Result<Place> {
    let TargetColumn { schema, table, column, .. } = &it.column;
    let name = format!("{schema}.{table}.{column}");
    let relation = format!("{}.{}", quoted(schema), quoted(table));
    let bytes = session
        .rows(&format!(
            "SELECT pg_catalog.pg_relation_size({}::pg_catalog.regclass)",
            literal(&relation)
        ))
        .await?;
    let bytes = bytes.iter().flatten().flatten().next().and_then(|size| size.parse().ok());
    let values = session
        .rows(&format!(
            "SELECT pg_catalog.left({}::pg_catalog.text, 400) FROM {relation} LIMIT {VALUES_MAX}",
            quoted(column)
        ))
        .await?;
    let values = values.into_iter().flatten().flatten().map(|value| ("value", value));
    let place = ColumnPlace {
        names: ColumnNames { schema: schema.clone(), table: table.clone(), column: column.clone() },
        key: key(found, it),
        is_large: bytes.is_none_or(|bytes: u64| bytes > TABLE_BYTES_MAX),
    };
    let category = match (&it.said, &it.verdict) {
        (Said::Classified(category), _) => category.to_string(),
        (_, Some(verdict)) => verdict.category.name().to_owned(),
        (_, None) => "contact".to_owned(),
    };
    let subject = Subject {
        pattern: it.key(),
        category,
        protection: protection(&it.said, resource),
        misspelt: found.unmatched.clone(),
    };
    let wanted = cases().iter().filter(|case| trial.selection.wants(&name, &case.name));
    let work = wanted.filter_map(|case| {
        let modes = if case.name == PLAIN { &Mode::ALL } else { BOTH };
        Some(Work { case, asked: place.asked(case)?, subject: subject.clone(), modes })
    });
    let controls = Control::ALL.iter().filter(|it| ["filter", "probe"].contains(&it.action));
    let controls = controls.filter_map(|control| {
        let sql = place.written(control.sql)?;
        Some((control.action, Asked { sql, expectation: Expectation::default() }))
    });
    Ok(Place {
        prepare: format!("SET search_path = {}", quoted(schema)),
        begin: "BEGIN READ ONLY",
        controls: controls.collect(),
        work: work.collect(),
        traces: Traces::of(values),
        name,
    })
}

/// A column of the same table by which cases name rows: one that nobody is in, if there is one.
fn key(found: &Discovered, it: &Discovery) -> String {
    let beside = |other: &&Discovery| {
        (&other.column.schema, &other.column.table) == (&it.column.schema, &it.column.table)
            && other.column.column != it.column.column
    };
    let columns: Vec<&Discovery> = found.columns.iter().filter(beside).collect();
    let named = columns.iter().find(|other| other.column.column == "id");
    let harmless =
        columns.iter().find(|other| other.said == Said::Nothing && other.verdict.is_none());
    let chosen = named.or(harmless).or(columns.first());
    chosen.map_or_else(|| "ctid".to_owned(), |other| other.column.column.clone())
}
