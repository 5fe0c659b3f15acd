//! One function per route.

use super::error::ApiError;
use super::serve::ClientAddress;
use super::{ApiState, OPERATORS};
use crate::identity::{Handover, Identity, Issued};
use crate::reviews::{AUDITORS, Decision, Review, ReviewState};
use crate::store::off_runtime;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use portreeve_model::{ReviewId, Secret, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) type Shared = State<Arc<ApiState>>;

/// The caller, authenticated.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Arc<ApiState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ApiState>,
    ) -> Result<Self, ApiError> {
        let missing = || {
            ApiError::new(StatusCode::UNAUTHORIZED, "no_token", "an access token is needed")
                .hint("send `Authorization: Bearer TOKEN`; `portreeve token issue` makes one")
        };
        let Extension(ClientAddress(from)) =
            Extension::<ClientAddress>::from_request_parts(parts, state).await.map_err(|_| {
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", "no address")
            })?;
        let header = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
        let header = header.to_str().map_err(|_| missing())?;
        let (scheme, token) = header.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let token = Secret::new(token.trim().to_owned());
        Ok(Self(state.door.admit(&token, from).await?))
    }
}

impl Caller {
    /// Whether the caller is in a group that sees or does things for others. No actor is.
    pub(crate) fn is_in(&self, groups: &[&str]) -> bool {
        let chain = &self.0.chain;
        chain.actors.is_empty()
            && chain.principal.groups.iter().any(|group| groups.contains(&group.as_str()))
    }
}

pub(crate) async fn healthz(State(state): Shared) -> Response {
    match state.status.evidence() {
        Ok(()) => {
            let mut body = json!({"status": "ok"});
            if let Some(warning) = state.status.warning() {
                body["warning"] = warning.into();
            }
            if let Some(witnessed) = state.status.witnessed() {
                body["witnessed"] = json!(witnessed);
            }
            Json(body).into_response()
        }
        Err(why) => {
            let body = json!({"status": "sealed", "evidence": why});
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

pub(crate) async fn readyz(State(state): Shared) -> Response {
    let mut missing = state.status.missing();
    if let Err(why) = state.status.evidence() {
        missing.push(format!("evidence: {why}"));
    }
    if !state.door.identities().is_ready() {
        missing.push("the keys of an issuer".into());
    }
    if missing.is_empty() {
        Json(json!({"status": "ready"})).into_response()
    } else {
        let body = json!({"status": "not ready", "missing": missing});
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }
}

pub(crate) async fn metrics(State(state): Shared) -> Result<Response, ApiError> {
    state.metrics.set_reviews_open(state.reviews.open_count(SystemTime::now()).await?);
    state.metrics.set_evidence_healthy(state.status.evidence().is_ok());
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], state.metrics.render()).into_response())
}

fn local_issuer(state: &ApiState) -> Result<&Arc<crate::identity::LocalIssuer>, ApiError> {
    state.door.identities().local().ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "no_local_issuer", "the local issuer is not in use")
            .hint("add `- local: {}` to `issuers`, or use your own issuer")
    })
}

pub(crate) async fn issuer_discovery(State(state): Shared) -> Result<Json<Value>, ApiError> {
    let issuer = local_issuer(&state)?;
    Ok(Json(json!({
        "issuer": issuer.name(),
        "jwks_uri": format!("{}/issuer/jwks", state.base_url),
        "token_endpoint": format!("{}/v1/token/exchange", state.base_url),
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "subject_types_supported": ["public"],
        "response_types_supported": [],
    })))
}

pub(crate) async fn issuer_jwks(State(state): Shared) -> Result<Json<Value>, ApiError> {
    Ok(Json(local_issuer(&state)?.jwks()))
}

pub(crate) async fn whoami(Caller(identity): Caller) -> Json<Value> {
    Json(json!({
        "chain": identity.chain,
        "issuer": identity.issuer,
        "token_id": identity.token_id,
        "expires_at_us": micros(identity.expires_at),
    }))
}

/// Where the gateway serves what.
#[derive(Serialize)]
pub(crate) struct Listeners {
    /// Addresses by protocol; `api` is the API itself.
    listeners: BTreeMap<String, Vec<SocketAddr>>,
}

pub(crate) async fn listeners(State(state): Shared, _: Caller) -> Json<Listeners> {
    Json(Listeners { listeners: state.status.listeners() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewFilter {
    state: Option<String>,
}

pub(crate) async fn list_reviews(
    State(state): Shared,
    Caller(identity): Caller,
    filter: Result<Query<ReviewFilter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(filter) = filter.map_err(|error| bad_request(error.body_text()))?;
    let wanted = match filter.state {
        None => None,
        Some(word) => Some(ReviewState::from_word(&word).ok_or_else(|| {
            bad_request(format!("`{word}` is not a state"))
                .hint("pending, approved, denied, expired or abandoned")
        })?),
    };
    let reviews = state.reviews.list(&identity, wanted, SystemTime::now()).await?;
    Ok(Json(json!({ "reviews": reviews })))
}

pub(crate) async fn show_review(
    State(state): Shared,
    Caller(identity): Caller,
    Path(id): Path<String>,
) -> Result<Json<Review>, ApiError> {
    let id = ReviewId(id);
    Ok(Json(state.reviews.show(&identity, &id, SystemTime::now()).await?))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    #[serde(default)]
    comment: Option<String>,
}

pub(crate) async fn approve(
    state: Shared,
    caller: Caller,
    id: Path<String>,
    body: Result<Json<Comment>, JsonRejection>,
) -> Result<Json<Review>, ApiError> {
    decide(state, caller, id, body, Decision::Approve).await
}

pub(crate) async fn deny(
    state: Shared,
    caller: Caller,
    id: Path<String>,
    body: Result<Json<Comment>, JsonRejection>,
) -> Result<Json<Review>, ApiError> {
    decide(state, caller, id, body, Decision::Deny).await
}

async fn decide(
    State(state): Shared,
    Caller(identity): Caller,
    Path(id): Path<String>,
    body: Result<Json<Comment>, JsonRejection>,
    decision: Decision,
) -> Result<Json<Review>, ApiError> {
    let Json(Comment { comment }) = body.map_err(bad_body)?;
    let comment = comment.filter(|comment| !comment.is_empty());
    let id = ReviewId(id);
    let now = SystemTime::now();
    Ok(Json(state.reviews.decide(&identity, &id, decision, comment, now).await?))
}

pub(crate) async fn list_sessions(State(state): Shared, caller: Caller) -> Json<Value> {
    let all = caller.is_in(&[OPERATORS, AUDITORS]);
    let own = &caller.0.chain.principal;
    let shown: Vec<Value> = state
        .sessions
        .list()
        .into_iter()
        .filter(|(chain, _)| {
            let principal = &chain.principal;
            all || (principal.issuer == own.issuer && principal.subject == own.subject)
        })
        .map(|(_, session)| session)
        .collect();
    Json(json!({ "sessions": shown }))
}

pub(crate) async fn kill_session(
    State(state): Shared,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if !caller.is_in(&[OPERATORS]) {
        let message = "only a member of `operators` can end a session";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "not_operator", message)
            .hint("use a token of an operator, without an actor"));
    }
    let found = uuid::Uuid::parse_str(&id)
        .is_ok_and(|id| state.sessions.kill(SessionId(id), &caller.0.chain.principal.subject));
    if !found {
        let message = "no such session is open";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message));
    }
    Ok(Json(json!({ "killed": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExchangeRequest {
    actor: String,
    /// The actor's own word: an assertion signed with its key.
    #[serde(default)]
    actor_token: Option<String>,
}

pub(crate) async fn exchange(
    State(state): Shared,
    Caller(identity): Caller,
    body: Result<Json<ExchangeRequest>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(ExchangeRequest { actor, actor_token }) = body.map_err(bad_body)?;
    let issuer = local_issuer(&state)?.clone();
    let now = SystemTime::now();
    let handover = Handover { actor, assertion: actor_token.map(Secret::new) };
    let issued = off_runtime(move || issuer.exchange(&identity, &handover, now)).await?;
    tracing::info!(chain = %issued.chain, token_id = issued.token_id, "a token was exchanged");
    Ok(Json(token_answer(&issued, now)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    grant_type: String,
    assertion: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// SPEC: RFC 7523 section 2.1, but for the encoding of the body.
pub(crate) async fn login(
    State(state): Shared,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    body: Result<Json<LoginRequest>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(LoginRequest { grant_type, assertion, expires_in }) = body.map_err(bad_body)?;
    if grant_type != JWT_BEARER {
        return Err(bad_request("that grant type is not known")
            .hint(format!("`grant_type` must be `{JWT_BEARER}`")));
    }
    let issuer = local_issuer(&state)?.clone();
    let ttl = expires_in.map_or(LOGIN_TTL, Duration::from_secs);
    let now = SystemTime::now();
    let assertion = Secret::new(assertion);
    let issued = state
        .door
        .admit_login(from, off_runtime(move || issuer.login(&assertion, ttl, now)))
        .await?;
    tracing::info!(chain = %issued.chain, token_id = issued.token_id, "somebody logged in");
    Ok(Json(token_answer(&issued, now)))
}

fn token_answer(issued: &Issued, now: SystemTime) -> Value {
    let Issued { token, expires_at, token_id, chain } = issued;
    json!({
        "access_token": token.reveal(),
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": expires_at.duration_since(now).unwrap_or_default().as_secs(),
        "expires_at_us": micros(*expires_at),
        "token_id": token_id,
        "chain": chain,
    })
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// For how long somebody is logged in who does not say.
const LOGIN_TTL: Duration = Duration::from_secs(15 * 60);

pub(crate) async fn no_such_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
        .hint("the routes are listed in docs/api.md")
}

pub(crate) async fn no_such_method() -> ApiError {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    ApiError::new(status, "method_not_allowed", "that method cannot be used here")
}

/// Answers name people and carry tokens: no cache may keep them.
pub(crate) async fn never_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub(crate) fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "bad_request", message)
}

pub(crate) fn bad_body(rejection: JsonRejection) -> ApiError {
    let status = rejection.status();
    ApiError::new(status, "bad_request", rejection.body_text())
        .hint("send a JSON object with `Content-Type: application/json`")
}

fn micros(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
