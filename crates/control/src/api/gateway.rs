//! How the gateway is, what it counts, and where it serves what.

use super::ApiState;
use super::caller::{Caller, Shared};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use crate::proposals::Proposal;
use crate::store::micros;
use crate::targets::Watch;
use crate::witness::WitnessStatus;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portreeve_link::gateway::ConnectorState;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "gateway";
    let health = Operation::get("/healthz", tag, "Whether the gateway works", Access::Anyone)
        .answers::<Health>(StatusCode::OK, "Evidence can be written.")
        .answers::<Health>(StatusCode::SERVICE_UNAVAILABLE, "It cannot; nothing passes.");
    let ready = Operation::get("/readyz", tag, "Whether clients can be served", Access::Anyone)
        .answers::<Readiness>(StatusCode::OK, "They can.")
        .answers::<Readiness>(StatusCode::SERVICE_UNAVAILABLE, "Something is missing.");
    let metrics = Operation::get("/metrics", tag, "What is counted", Access::Anyone)
        .answers_text("application/openmetrics-text", "OpenMetrics text 1.0.0.")
        .errors(&[ErrorCode::Unavailable]);
    let listeners = Operation::get("/v1/listeners", tag, "Where what is served", Access::Token)
        .answers::<Listeners>(StatusCode::OK, "Addresses by protocol.");
    let connectors = Operation::get("/v1/connectors", tag, "Who reaches targets", Access::Token)
        .answers::<Connectors>(StatusCode::OK, "The connectors that are there now.");
    let proposals = Operation::get(
        "/v1/proposals",
        tag,
        "Columns that should be classified: detectors keep finding personal data in them",
        Access::Token,
    )
    .answers::<Proposed>(StatusCode::OK, "The columns, each with the line to add.");
    routes
        .route(proposals, list_proposals)
        .route(health, healthz)
        .route(ready, readyz)
        .route(metrics, render_metrics)
        .route(listeners, list_listeners)
        .route(connectors, list_connectors)
}

/// How the gateway is.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Health {
    /// Evidence can be written.
    Ok {
        /// What someone should look at though all works.
        #[serde(skip_serializing_if = "Option::is_none")]
        warning: Option<String>,
        /// What witnesses have seen of the evidence, where some are configured.
        #[serde(skip_serializing_if = "Option::is_none")]
        witnessed: Option<WitnessStatus>,
        /// Resources whose target cannot be asked what its definitions are: nothing of them
        /// is released.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unwatched: Vec<String>,
        /// Columns in which detectors keep finding what nobody has classified, by resource:
        /// `/v1/proposals` names them.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        proposed_columns: BTreeMap<String, u64>,
        /// Columns that appeared at a target after somebody looked last, by resource: they are
        /// masked whole, and `/v1/proposals` names them.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        unknown_columns: BTreeMap<String, u64>,
    },
    /// Evidence cannot be written: nothing passes.
    Sealed {
        /// Why.
        evidence: String,
    },
}

async fn healthz(State(state): Shared) -> Response {
    match state.status.evidence() {
        Ok(()) => {
            let (warning, witnessed) = (state.status.warning(), state.status.witnessed());
            let (unwatched, proposed_columns) = (unwatched(&state), proposed_columns(&state));
            let unknown_columns = unknown_columns(&state);
            let health =
                Health::Ok { warning, witnessed, unwatched, proposed_columns, unknown_columns };
            Json(health).into_response()
        }
        Err(evidence) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(Health::Sealed { evidence })).into_response()
        }
    }
}

/// Whether clients can be served.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "status")]
enum Readiness {
    /// They can.
    #[serde(rename = "ready")]
    Ready {
        /// Resources whose target cannot be asked what its definitions are. The others are
        /// served, so that the gateway is ready all the same.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unwatched: Vec<String>,
    },
    /// Not now.
    #[serde(rename = "not ready")]
    NotReady {
        /// Listeners that cannot accept, keys of issuers, evidence, or that the gateway is
        /// stopping; for the operator.
        missing: Vec<String>,
        /// As above.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unwatched: Vec<String>,
    },
}

async fn readyz(State(state): Shared) -> Response {
    let mut missing = state.status.missing();
    if let Err(why) = state.status.evidence() {
        missing.push(format!("evidence: {why}"));
    }
    let issuers = state.authenticator.identities().without_keys();
    missing.extend(issuers.iter().map(|issuer| format!("the keys of the issuer `{issuer}`")));
    let unwatched = unwatched(&state);
    if missing.is_empty() {
        Json(Readiness::Ready { unwatched }).into_response()
    } else {
        let body = Json(Readiness::NotReady { missing, unwatched });
        (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
    }
}

fn unwatched(state: &ApiState) -> Vec<String> {
    let targets = state.status.targets().into_iter();
    targets.filter(|(_, state)| state.watch == Watch::Unwatched).map(|(name, _)| name).collect()
}

fn unknown_columns(state: &ApiState) -> BTreeMap<String, u64> {
    let targets = state.status.targets().into_iter();
    let counts = targets.map(|(name, state)| (name, state.unknown_columns.len() as u64));
    counts.filter(|(_, count)| *count > 0).collect()
}

fn proposed_columns(state: &ApiState) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for proposal in state.metrics.proposals() {
        *counts.entry(proposal.resource).or_default() += 1;
    }
    counts
}

/// Columns that should be classified, or cleared.
#[derive(Serialize, JsonSchema)]
struct Proposed {
    /// By resource and column.
    proposals: Vec<Proposal>,
    /// Columns that appeared after somebody looked last, by resource: they are masked whole
    /// until they are classified, cleared or adopted.
    unknown_columns: BTreeMap<String, Vec<String>>,
}

async fn list_proposals(State(state): Shared, _: Caller) -> Json<Proposed> {
    let targets = state.status.targets().into_iter();
    let unknown = targets.map(|(name, target)| (name, target.unknown_columns));
    let unknown_columns = unknown.filter(|(_, columns)| !columns.is_empty()).collect();
    Json(Proposed { proposals: state.metrics.proposals(), unknown_columns })
}

async fn render_metrics(State(state): Shared) -> Result<Response, ApiError> {
    state.metrics.set_reviews_open(state.reviews.open_count(SystemTime::now()).await?);
    state.metrics.set_evidence_healthy(state.status.evidence().is_ok());
    state.metrics.set_targets(&state.status.targets());
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], state.metrics.render()).into_response())
}

/// Where the gateway serves what.
#[derive(Serialize, JsonSchema)]
struct Listeners {
    /// Addresses by protocol; `api` is the API itself.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    listeners: BTreeMap<String, Vec<SocketAddr>>,
}

async fn list_listeners(State(state): Shared, _: Caller) -> Json<Listeners> {
    Json(Listeners { listeners: state.status.listeners() })
}

/// The connectors that are there.
#[derive(Serialize, JsonSchema)]
struct Connectors {
    /// By name.
    connectors: Vec<ConnectorNow>,
}

/// A connector that is there.
#[derive(Serialize, JsonSchema)]
struct ConnectorNow {
    /// Its name.
    name: String,
    /// From where it has dialled.
    #[schemars(with = "String")]
    address: IpAddr,
    /// Since when, microseconds since 1970.
    since_us: i64,
    /// The version of its program, as it says.
    software: String,
    /// The resources that it serves.
    resources: Vec<String>,
    /// Open streams to targets.
    streams: usize,
}

async fn list_connectors(State(state): Shared, _: Caller) -> Json<Connectors> {
    let now = |it: ConnectorState| ConnectorNow {
        name: it.name,
        address: it.address,
        since_us: micros(it.since),
        software: it.software,
        resources: it.resources,
        streams: it.streams,
    };
    Json(Connectors { connectors: state.status.connectors().into_iter().map(now).collect() })
}

pub(super) async fn no_such_route() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is nothing here")
        .hint("`GET /v1/openapi.json` lists the routes")
}

pub(super) async fn no_such_method() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "that method cannot be used here")
}

/// Answers name people and carry tokens: no cache may keep them.
pub(super) async fn never_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
