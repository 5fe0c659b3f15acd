//! What the evidence keeps: erasure, legal holds, retention, pruning.
//!
//! For members of the custodians' groups, and for nobody where the configuration names
//! none. Who did what is in the log, and so is who tried and was refused.

use super::error::ApiError;
use super::handlers::{Caller, Shared, bad_body};
use super::serve::ClientAddress;
use super::{ApiState, handlers};
use crate::reviews::AUDITORS;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Extension, Json};
use portreeve_evidence::{
    Error, EvidenceLog, Hold, Mode, Pruning, Retention, RetentionStatus, Shredding, Sweep,
};
use portreeve_model::{Custodian, Event, Held, HoldId, SessionId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The evidence as custodians reach it.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// The log.
    pub log: EvidenceLog,
    /// The groups whose members may erase.
    pub custodians: Arc<[String]>,
    /// How long what is kept.
    pub retention: Arc<Retention>,
}

impl Keeping {
    /// Works on the log where blocking is allowed.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&EvidenceLog, &Retention) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (log, retention) = (self.log.clone(), self.retention.clone());
        match tokio::task::spawn_blocking(move || work(&log, &retention)).await {
            Ok(done) => Ok(done?),
            Err(error) => Err(ApiError::unavailable(&error)),
        }
    }
}

/// A caller who may erase.
pub(crate) struct Allowed(Custodian);

impl FromRequestParts<Arc<ApiState>> for Allowed {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ApiState>,
    ) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let keeping = &state.keeping;
        let groups: Vec<&str> = keeping.custodians.iter().map(String::as_str).collect();
        let principal = &caller.0.chain.principal;
        // SECURITY: with a token from the gateway's files anybody could be the custodian.
        if caller.is_in(&groups) && caller.0.is_its_own() {
            let (issuer, subject) = (principal.issuer.clone(), principal.subject.clone());
            return Ok(Self(Custodian::Principal { issuer, subject }));
        }
        let client = Extension::<ClientAddress>::from_request_parts(parts, state).await;
        let client = client.map_or_else(|_| String::new(), |address| address.0.0.to_string());
        let (chain, path) = (&caller.0.chain, parts.uri.path());
        let lacks = match caller.is_in(&groups) {
            true => "came with a token from the gateway's files",
            false => "is no custodian",
        };
        let why = format!("{chain} {lacks} and asked for {path}");
        let refused = Event::SessionRefused {
            protocol: "api".to_owned(),
            client,
            why: why.chars().take(REFUSAL_CHARS_MAX).collect(),
            count: 1,
        };
        // On record before they know it. A log that is sealed refuses all the same.
        let _recorded = keeping.log.append(refused).durable().await;
        let message = "only a custodian of the evidence can do that";
        let hint = match groups.is_empty() {
            true => "`evidence.custodians` in the configuration names no group".to_owned(),
            false if caller.is_in(&groups) => {
                "a token from the gateway's files is nobody's word; `portreeve login`".to_owned()
            }
            false => format!("be in `{}`, and come without an actor", groups.join("` or `")),
        };
        Err(ApiError::new(StatusCode::FORBIDDEN, "not_custodian", message).hint(hint))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldRequest {
    on: Held,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepRequest {
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PruneRequest {
    before_us: u64,
    why: String,
    #[serde(default)]
    dry_run: bool,
}

type Body<T> = Result<Json<T>, JsonRejection>;

fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Act }
}

fn seen_by(state: &ApiState, caller: &Caller) -> Result<(), ApiError> {
    let groups = state.keeping.custodians.iter().map(String::as_str).chain([AUDITORS]);
    if caller.is_in(&groups.collect::<Vec<_>>()) {
        return Ok(());
    }
    let message = "only custodians and auditors see what the evidence keeps";
    Err(ApiError::new(StatusCode::FORBIDDEN, "not_custodian", message))
}

pub(crate) async fn standing(
    State(state): Shared,
    caller: Caller,
) -> Result<Json<RetentionStatus>, ApiError> {
    seen_by(&state, &caller)?;
    Ok(Json(state.keeping.work(|log, _| log.retention_status()).await?))
}

pub(crate) async fn holds(State(state): Shared, caller: Caller) -> Result<Json<Value>, ApiError> {
    seen_by(&state, &caller)?;
    let holds: Vec<Hold> = state.keeping.work(|log, _| log.holds()).await?;
    Ok(Json(json!({ "holds": holds })))
}

pub(crate) async fn hold(
    State(state): Shared,
    Allowed(by): Allowed,
    body: Body<HoldRequest>,
) -> Result<Json<Hold>, ApiError> {
    let Json(HoldRequest { on, why }) = body.map_err(bad_body)?;
    Ok(Json(state.keeping.work(move |log, _| log.hold(on, &why, by)).await?))
}

pub(crate) async fn release(
    State(state): Shared,
    Allowed(by): Allowed,
    Path(id): Path<String>,
    body: Body<Why>,
) -> Result<Json<Hold>, ApiError> {
    let Json(Why { why }) = body.map_err(bad_body)?;
    Ok(Json(state.keeping.work(move |log, _| log.release(&HoldId(id), &why, by)).await?))
}

pub(crate) async fn shred(
    State(state): Shared,
    Allowed(by): Allowed,
    Path(id): Path<String>,
    body: Body<Why>,
) -> Result<Json<Shredding>, ApiError> {
    let Json(Why { why }) = body.map_err(bad_body)?;
    let id =
        uuid::Uuid::parse_str(&id).map_err(|_| handlers::bad_request("that is no session's id"))?;
    Ok(Json(state.keeping.work(move |log, _| log.shred(SessionId(id), &why, by)).await?))
}

pub(crate) async fn sweep(
    State(state): Shared,
    Allowed(by): Allowed,
    body: Body<SweepRequest>,
) -> Result<Json<Sweep>, ApiError> {
    let mode = mode(body.map_err(bad_body)?.0.dry_run);
    Ok(Json(state.keeping.work(move |log, rules| log.sweep(rules, mode, &by)).await?))
}

pub(crate) async fn prune(
    State(state): Shared,
    Allowed(by): Allowed,
    body: Body<PruneRequest>,
) -> Result<Json<Pruning>, ApiError> {
    let Json(PruneRequest { before_us, why, dry_run }) = body.map_err(bad_body)?;
    let mode = mode(dry_run);
    let pruning =
        state.keeping.work(move |log, rules| log.prune(before_us, rules, &why, mode, &by)).await?;
    Ok(Json(pruning))
}

/// A path is as long as a request line may be; a record is not.
const REFUSAL_CHARS_MAX: usize = 500;
