//! What the evidence keeps: erasure, legal holds, retention, pruning.
//!
//! For members of the custodians' groups, and for nobody where the configuration names
//! none. Who did what is in the log, and so is who tried and was refused.

use super::ApiState;
use super::caller::{Body, Caller, Shared, bad_body, bad_request, seen_by};
use super::error::{ApiError, ErrorCode};
use super::reports::ReportShelf;
use super::routes::{Access, Operation, Routes};
use super::serve::ClientAddress;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::{Extension, Json};
use portreeve_evidence::{
    Error, EvidenceLog, Hold, Mode, Pruning, Retention, RetentionStatus, Shredding, Sweep,
};
use portreeve_model::{Custodian, Event, Held, HoldId, SessionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "evidence";
    let all = Access::CustodianOrAuditor;
    let kept = Operation::get("/v1/evidence", tag, "How much is kept", all)
        .answers::<RetentionStatus>(StatusCode::OK, "Of recordings, and of holds.")
        .errors(&[ErrorCode::NotCustodian]);
    let path = "/v1/evidence/holds";
    let held = Operation::get(path, tag, "Lists legal holds", all)
        .answers::<HoldList>(StatusCode::OK, "Those in force, the oldest first.")
        .errors(&[ErrorCode::NotCustodian]);
    let changes = |path, summary| {
        Operation::post(path, tag, summary, Access::Custodian).errors(&[ErrorCode::NotCustodian])
    };
    let place = changes(path, "Places a legal hold")
        .takes::<HoldRequest>()
        .answers::<Hold>(StatusCode::OK, "The hold.")
        .errors(&[ErrorCode::NotFound]);
    let released = changes("/v1/evidence/holds/{id}/release", "Releases a legal hold")
        .takes::<Why>()
        .answers::<Hold>(StatusCode::OK, "The hold as it was.")
        .errors(&[ErrorCode::NotFound]);
    let path = "/v1/evidence/sessions/{id}/shred";
    let shredded = changes(path, "Destroys a session's recording")
        .takes::<Why>()
        .answers::<Shredding>(StatusCode::OK, "What became of it.")
        .errors(&[ErrorCode::NotFound, ErrorCode::Held, ErrorCode::StillOpen]);
    let swept = changes("/v1/evidence/sweep", "Destroys what retention no longer keeps")
        .takes::<SweepRequest>()
        .answers::<Sweep>(StatusCode::OK, "What was due, and what a hold keeps.");
    let pruned = changes("/v1/evidence/prune", "Removes the oldest segments of the log")
        .takes::<PruneRequest>()
        .answers::<Pruning>(StatusCode::OK, "What was removed, and where it stops.");
    routes
        .route(kept, retention_status)
        .route(held, holds)
        .route(place, hold)
        .route(released, release)
        .route(shredded, shred)
        .route(swept, sweep)
        .route(pruned, prune)
}

/// The evidence as custodians reach it.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// The log.
    pub log: EvidenceLog,
    /// The groups whose members may erase.
    pub custodians: Arc<[String]>,
    /// How long what is kept.
    pub retention: Arc<Retention>,
    /// What makes reports from it.
    pub reports: Arc<ReportShelf>,
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
struct Allowed(Custodian);

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
        Err(ApiError::new(ErrorCode::NotCustodian, message).hint(hint))
    }
}

/// Why something is done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// For the record: at most 1,000 bytes.
    why: String,
}

/// What is to be kept.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HoldRequest {
    on: Held,
    /// For the record: at most 1,000 bytes.
    why: String,
}

/// How to sweep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SweepRequest {
    /// Says what would be destroyed, and destroys nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What is to be removed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PruneRequest {
    /// Segments whose every record is older, in microseconds since 1970.
    before_us: u64,
    /// For the record: at most 1,000 bytes.
    why: String,
    /// Says what would be removed, and removes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Legal holds.
#[derive(Serialize, JsonSchema)]
struct HoldList {
    holds: Vec<Hold>,
}

fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Act }
}

async fn retention_status(
    State(state): Shared,
    caller: Caller,
) -> Result<Json<RetentionStatus>, ApiError> {
    seen_by(&state, &caller)?;
    Ok(Json(state.keeping.work(|log, _| log.retention_status()).await?))
}

async fn holds(State(state): Shared, caller: Caller) -> Result<Json<HoldList>, ApiError> {
    seen_by(&state, &caller)?;
    Ok(Json(HoldList { holds: state.keeping.work(|log, _| log.holds()).await? }))
}

async fn hold(
    State(state): Shared,
    Allowed(by): Allowed,
    body: Body<HoldRequest>,
) -> Result<Json<Hold>, ApiError> {
    let Json(HoldRequest { on, why }) = body.map_err(bad_body)?;
    Ok(Json(state.keeping.work(move |log, _| log.hold(on, &why, by)).await?))
}

async fn release(
    State(state): Shared,
    Allowed(by): Allowed,
    Path(id): Path<String>,
    body: Body<Why>,
) -> Result<Json<Hold>, ApiError> {
    let Json(Why { why }) = body.map_err(bad_body)?;
    Ok(Json(state.keeping.work(move |log, _| log.release(&HoldId(id), &why, by)).await?))
}

async fn shred(
    State(state): Shared,
    Allowed(by): Allowed,
    Path(id): Path<String>,
    body: Body<Why>,
) -> Result<Json<Shredding>, ApiError> {
    let Json(Why { why }) = body.map_err(bad_body)?;
    let id = uuid::Uuid::parse_str(&id).map_err(|_| bad_request("that is no session's id"))?;
    Ok(Json(state.keeping.work(move |log, _| log.shred(SessionId(id), &why, by)).await?))
}

async fn sweep(
    State(state): Shared,
    Allowed(by): Allowed,
    body: Body<SweepRequest>,
) -> Result<Json<Sweep>, ApiError> {
    let mode = mode(body.map_err(bad_body)?.0.dry_run);
    Ok(Json(state.keeping.work(move |log, rules| log.sweep(rules, mode, &by)).await?))
}

async fn prune(
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
