//! Who callers are: the local issuer's documents, logging in, handing a token on.

use super::ApiState;
use super::caller::{Body, Caller, Shared, bad_body, bad_request};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use super::serve::ClientAddress;
use crate::authenticator::Refused;
use crate::identity::{Handover, Issued, JwkSet, LocalIssuer};
use crate::store::off_runtime;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Form, Json};
use portreeve_model::{Chain, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "identity";
    let no_issuer = &[ErrorCode::NoLocalIssuer];
    let path = "/issuer/.well-known/openid-configuration";
    let discovery = Operation::get(path, tag, "The local issuer", Access::Anyone)
        .answers::<IssuerDiscovery>(StatusCode::OK, "Its name, and where its keys are.")
        .errors(no_issuer);
    let path = "/issuer/jwks";
    let jwks = Operation::get(path, tag, "The local issuer's public keys", Access::Anyone)
        .answers::<JwkSet>(StatusCode::OK, "A JWK set.")
        .errors(no_issuer);
    let me = Operation::get("/v1/whoami", tag, "Whom the caller's token names", Access::Token)
        .answers::<WhoAmI>(StatusCode::OK, "The chain of names.");
    let token = Operation::post("/v1/token", tag, "Logs in with an account's key", Access::Anyone)
        .takes::<LoginRequest>()
        .answers::<TokenAnswer>(StatusCode::OK, "A new token.")
        .errors(no_issuer)
        .errors(&[ErrorCode::InvalidToken, ErrorCode::TooManyFailures, ErrorCode::Unavailable]);
    let logout = Operation::post("/v1/logout", tag, "Ends a login at its issuer", Access::Anyone)
        .takes_form::<LogoutRequest>()
        .answers_nothing("Sessions of that login end within a second.")
        .errors(&[ErrorCode::TooManyFailures, ErrorCode::Unavailable]);
    let path = "/v1/token/exchange";
    let exchanged = Operation::post(path, tag, "Hands a local token on to an actor", Access::Token)
        .takes::<ExchangeRequest>()
        .answers::<TokenAnswer>(StatusCode::OK, "A token of the longer chain.")
        .errors(&[ErrorCode::Refused, ErrorCode::NoAccount, ErrorCode::NoLocalIssuer]);
    routes
        .route(discovery, issuer_discovery)
        .route(jwks, issuer_jwks)
        .route(me, whoami)
        .route(token, login)
        .route(logout, log_out)
        .route(exchanged, exchange)
}

fn local_issuer(state: &ApiState) -> Result<&Arc<LocalIssuer>, ApiError> {
    state.authenticator.identities().local().ok_or_else(|| {
        ApiError::new(ErrorCode::NoLocalIssuer, "the local issuer is not in use")
            .hint("add `- local: {}` to `issuers`, or use your own issuer")
    })
}

/// The local issuer, for who verifies its tokens (OpenID Connect Discovery 1.0).
#[derive(Serialize, JsonSchema)]
struct IssuerDiscovery {
    /// Its name: the `iss` of its tokens.
    issuer: String,
    jwks_uri: String,
    token_endpoint: String,
    id_token_signing_alg_values_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    response_types_supported: [&'static str; 0],
}

async fn issuer_discovery(State(state): Shared) -> Result<Json<IssuerDiscovery>, ApiError> {
    let issuer = local_issuer(&state)?;
    Ok(Json(IssuerDiscovery {
        issuer: issuer.name().to_owned(),
        jwks_uri: format!("{}/issuer/jwks", state.base_url),
        token_endpoint: format!("{}/v1/token/exchange", state.base_url),
        id_token_signing_alg_values_supported: ["EdDSA"],
        subject_types_supported: ["public"],
        response_types_supported: [],
    }))
}

async fn issuer_jwks(State(state): Shared) -> Result<Json<JwkSet>, ApiError> {
    Ok(Json(local_issuer(&state)?.jwks()))
}

/// Whom a token names.
#[derive(Serialize, JsonSchema)]
struct WhoAmI {
    chain: Chain,
    /// The token's `iss`.
    issuer: String,
    /// The token's `jti`.
    token_id: Option<String>,
    /// When it ends, in microseconds since 1970.
    expires_at_us: u64,
}

async fn whoami(Caller(identity): Caller) -> Json<WhoAmI> {
    let expires_at_us = micros(identity.expires_at);
    let (issuer, token_id) = (identity.issuer, identity.token_id);
    Json(WhoAmI { chain: identity.chain, issuer, token_id, expires_at_us })
}

/// To whom the caller's token is handed on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExchangeRequest {
    /// The actor's account.
    actor: String,
    /// The actor's own word: an assertion signed with its key. Not needed where the caller's
    /// token names it in `may_act`.
    #[serde(default)]
    actor_token: Option<String>,
}

async fn exchange(
    State(state): Shared,
    Caller(identity): Caller,
    body: Body<ExchangeRequest>,
) -> Result<Json<TokenAnswer>, ApiError> {
    let Json(ExchangeRequest { actor, actor_token }) = body.map_err(bad_body)?;
    let issuer = local_issuer(&state)?.clone();
    let now = SystemTime::now();
    let handover = Handover { actor, assertion: actor_token.map(Secret::new) };
    let issued = off_runtime(move || issuer.exchange(&identity, &handover, now)).await?;
    tracing::info!(chain = %issued.chain, token_id = issued.token_id, "a token was exchanged");
    Ok(Json(TokenAnswer::new(&issued, now)))
}

/// An account's own word (RFC 7523, as JSON).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    grant_type: String,
    /// A JWT signed with the account's key.
    assertion: String,
    /// For how many seconds; 900 unless it says otherwise.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// SPEC: RFC 7523 section 2.1, but for the encoding of the body.
async fn login(
    State(state): Shared,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    body: Body<LoginRequest>,
) -> Result<Json<TokenAnswer>, ApiError> {
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
        .authenticator
        .admit_login(from, off_runtime(move || issuer.login(&assertion, ttl, now)))
        .await?;
    tracing::info!(chain = %issued.chain, token_id = issued.token_id, "somebody logged in");
    Ok(Json(TokenAnswer::new(&issued, now)))
}

/// An issuer's word (OpenID Connect Back-Channel Logout 1.0).
#[derive(Deserialize, JsonSchema)]
struct LogoutRequest {
    /// A JWT signed by the issuer.
    logout_token: String,
}

/// SPEC: OpenID Connect Back-Channel Logout 1.0 section 2.8: 200, or 400 where the token is not
/// accepted; nobody may keep the answer.
async fn log_out(
    State(state): Shared,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    body: Result<Form<LogoutRequest>, FormRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Form(LogoutRequest { logout_token }) =
        body.map_err(|rejection| bad_request(rejection.body_text()))?;
    let identities = state.authenticator.identities().clone();
    let token = Secret::new(logout_token);
    let ended = async move { identities.log_out(&token, SystemTime::now()).await };
    match state.authenticator.admit_login(from, ended).await {
        Ok(()) => Ok([(header::CACHE_CONTROL, "no-store")]),
        Err(Refused::Invalid { .. }) => Err(bad_request("the logout token is not accepted")
            .hint("the gateway's log says why; `logout_clients` lists what `aud` may name")),
        Err(refused) => Err(refused.into()),
    }
}

/// A new token.
#[derive(Serialize, JsonSchema)]
struct TokenAnswer {
    /// What clients send as their password, and to this API.
    access_token: String,
    issued_token_type: &'static str,
    token_type: &'static str,
    /// In seconds.
    expires_in: u64,
    /// In microseconds since 1970.
    expires_at_us: u64,
    /// The token's `jti`.
    token_id: String,
    /// Whom it names.
    chain: Chain,
}

impl TokenAnswer {
    fn new(issued: &Issued, now: SystemTime) -> Self {
        Self {
            access_token: issued.token.reveal().clone(),
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
            token_type: "Bearer",
            expires_in: issued.expires_at.duration_since(now).unwrap_or_default().as_secs(),
            expires_at_us: micros(issued.expires_at),
            token_id: issued.token_id.clone(),
            chain: issued.chain.clone(),
        }
    }
}

fn micros(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// For how long somebody is logged in who does not say.
const LOGIN_TTL: Duration = Duration::from_secs(15 * 60);
