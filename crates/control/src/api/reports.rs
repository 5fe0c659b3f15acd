//! Reports from the evidence, as `portreeve report` makes them.
//!
//! For custodians and auditors. The gateway has no auditors' private key, so what needs the
//! index of data subjects is the command's alone.

use super::caller::{Caller, Shared, bad_request, seen_by};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use crate::Config;
use crate::reports::{DECLARED_FILE, configured, declared};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use portreeve_model::SessionId;
use portreeve_reports::{
    Configured, Declared, Error, Inputs, Kind, Made, Period, RecordForm, Rendering, Scope, Wanted,
    make,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

pub(super) fn routes(routes: Routes) -> Routes {
    let about = "`art30`, `art33`, `access-review`, `masking-coverage`, `oversight`, `deletion`. \
                 A report that takes longer than 10 s gets no answer (408) and goes on: ask again \
                 for the same.";
    let access = Access::CustodianOrAuditor;
    let made = Operation::get("/v1/reports/{kind}", "reports", "Makes a report", access)
        .query::<u64>("since_us", "Not before this time, in microseconds since 1970.")
        .query::<u64>("until_us", "Before this time.")
        .query::<String>("session", "In this session only.")
        .query::<String>("actor", "Where this agent took part only.")
        .query::<String>("principal", "On this principal's behalf only.")
        .query::<String>("resource", "At this resource only.")
        .query::<String>("object", "What touched this table, route or other object only.")
        .query::<String>("form", "Of `art30`: `controller` (Article 30(1)), `processor` (30(2)).")
        .query::<String>("as", "`json` (the report itself), `html`, `markdown`, `csv`.")
        .answers::<Map<String, Value>>(StatusCode::OK, about)
        .errors(&[ErrorCode::BadRequest, ErrorCode::NotFound, ErrorCode::NotCustodian]);
    routes.route(made, report)
}

/// The reports that were made a moment ago, and those that are being made.
pub struct ReportShelf {
    configured: Configured,
    declared: PathBuf,
    shelf: Mutex<Vec<Shelved>>,
}

impl std::fmt::Debug for ReportShelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportShelf").finish_non_exhaustive()
    }
}

struct Shelved {
    wanted: Wanted,
    asked: Instant,
    made: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<Arc<Made>, Arc<Error>>;

/// Reports that are made at once: each reads the whole log.
const RUNNING_MAX: usize = 2;
/// Reports that are kept for whoever asks again.
const SHELVED_MAX: usize = 8;
/// For so long.
const SHELVED_FOR: Duration = Duration::from_secs(60);

impl ReportShelf {
    /// Makes reports with what a configuration says, and what is declared beside it.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            configured: configured(config),
            declared: config.file.with_file_name(DECLARED_FILE),
            shelf: Mutex::default(),
        }
    }

    fn declared(&self) -> Result<Declared, ApiError> {
        match self.declared.exists() {
            true => declared(&self.declared).map_err(|error| ApiError::unavailable(&error)),
            false => Ok(Declared::default()),
        }
    }

    async fn make(&self, dir: &FilePath, wanted: Wanted) -> Result<Arc<Made>, ApiError> {
        let mut made = self.place(dir, wanted)?;
        let done = made.wait_for(Option::is_some).await;
        let outcome = done.ok().and_then(|outcome| outcome.clone());
        match outcome {
            Some(Ok(made)) => Ok(made),
            Some(Err(error)) => match &*error {
                Error::Missing { what } => Err(bad_request(what.clone())
                    .hint("`portreeve report` makes it where the auditors' key is")),
                Error::Evidence(_) | Error::NotAReport { .. } | Error::Write(_) => {
                    Err(ApiError::unavailable(&error))
                }
            },
            None => Err(ApiError::unavailable(&"a report ended by a fault of its own")),
        }
    }

    /// What is being made or was made a moment ago for the same question; otherwise begins it.
    fn place(
        &self,
        dir: &FilePath,
        wanted: Wanted,
    ) -> Result<watch::Receiver<Option<Outcome>>, ApiError> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let is_running =
            |one: &Shelved| one.made.borrow().is_none() && one.made.has_changed().is_ok();
        shelf.retain(|one| is_running(one) || one.asked.elapsed() < SHELVED_FOR);
        if let Some(known) = shelf.iter().find(|one| one.wanted == wanted) {
            return Ok(known.made.clone());
        }
        if shelf.iter().filter(|one| is_running(one)).count() >= RUNNING_MAX {
            let message = "other reports are being made: each reads the whole log";
            return Err(ApiError::new(ErrorCode::Unavailable, message).hint("ask again in a while"));
        }
        if shelf.len() >= SHELVED_MAX {
            shelf.remove(0);
        }
        let (done, made) = watch::channel(None);
        let (dir, asked_for) = (dir.to_owned(), wanted.clone());
        // Whoever asks again waits for the same one; nobody who went away ends it.
        drop(tokio::task::spawn_blocking(move || {
            let outcome = make(&dir, &asked_for, None);
            done.send_replace(Some(outcome.map(Arc::new).map_err(Arc::new)));
        }));
        shelf.push(Shelved { wanted, asked: Instant::now(), made: made.clone() });
        Ok(made)
    }
}

/// What a report is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Narrowed {
    since_us: Option<u64>,
    until_us: Option<u64>,
    session: Option<String>,
    actor: Option<String>,
    principal: Option<String>,
    resource: Option<String>,
    object: Option<String>,
    #[serde(default, rename = "form")]
    record: RecordForm,
    #[serde(rename = "as")]
    form: Option<String>,
}

async fn report(
    State(state): Shared,
    caller: Caller,
    Path(kind): Path<String>,
    narrowed: Result<Query<Narrowed>, QueryRejection>,
) -> Result<Response, ApiError> {
    seen_by(&state, &caller)?;
    let Query(narrowed) = narrowed.map_err(|error| bad_request(error.body_text()))?;
    let kind = Kind::named(&kind).ok_or_else(|| {
        ApiError::new(ErrorCode::NotFound, format!("there is no report `{kind}`"))
    })?;
    let session = narrowed.session.as_deref().map(uuid::Uuid::parse_str).transpose();
    let session = session.map_err(|_| bad_request("that is no session's id"))?;
    let shelf = &state.keeping.reports;
    let scope = Scope {
        period: Period { since_us: narrowed.since_us, until_us: narrowed.until_us },
        session: session.map(SessionId),
        actor: narrowed.actor,
        principal: narrowed.principal,
        resource: narrowed.resource,
        object: narrowed.object,
        subject: None,
    };
    let inputs = Inputs {
        configured: Some(shelf.configured.clone()),
        declared: shelf.declared()?,
        form: narrowed.record,
        ..Inputs::default()
    };
    let form = Form::named(narrowed.form.as_deref())?;
    let made = shelf.make(state.keeping.log.dir(), Wanted { kind, scope, inputs }).await?;
    let (media, text) = form.write(&made)?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media)], text).into_response())
}

/// How a report is written.
enum Form {
    Json,
    Rendered(Rendering, &'static str),
}

impl Form {
    fn named(word: Option<&str>) -> Result<Self, ApiError> {
        Ok(match word {
            None | Some("json") => Self::Json,
            Some("html") => Self::Rendered(Rendering::Html, "text/html; charset=utf-8"),
            Some("markdown") => Self::Rendered(Rendering::Markdown, "text/markdown; charset=utf-8"),
            Some("csv") => Self::Rendered(Rendering::Csv, "text/csv; charset=utf-8"),
            Some(word) => {
                return Err(bad_request(format!("`{word}` is no form of a report"))
                    .hint("json, html, markdown or csv"));
            }
        })
    }

    fn write(&self, made: &Made) -> Result<(&'static str, String), ApiError> {
        match self {
            Self::Json => {
                let text = made.report.write().map_err(|error| ApiError::unavailable(&error))?;
                Ok(("application/json", text))
            }
            Self::Rendered(rendering, media) => Ok((media, made.document.render(*rendering))),
        }
    }
}
