//! Who calls, and how what they send is read.

use super::ApiState;
use super::error::{ApiError, ErrorCode};
use super::serve::ClientAddress;
use crate::identity::Identity;
use crate::reviews::AUDITORS;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::{Extension, Json};
use portreeve_model::Secret;
use std::sync::Arc;

pub(super) type Shared = State<Arc<ApiState>>;

/// A body that may not be what the route takes.
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// The caller, authenticated.
pub(crate) struct Caller(pub(crate) Identity);

impl FromRequestParts<Arc<ApiState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ApiState>,
    ) -> Result<Self, ApiError> {
        let missing = || {
            ApiError::new(ErrorCode::NoToken, "an access token is needed")
                .hint("send `Authorization: Bearer TOKEN`; `portreeve token issue` makes one")
        };
        let Extension(ClientAddress(from)) =
            Extension::<ClientAddress>::from_request_parts(parts, state)
                .await
                .map_err(|error| ApiError::unavailable(&error))?;
        let header = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
        let header = header.to_str().map_err(|_| missing())?;
        let (scheme, token) = header.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let token = Secret::new(token.trim().to_owned());
        Ok(Self(state.authenticator.admit(&token, from).await?))
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

/// Lets in who may see what the evidence keeps.
pub(super) fn seen_by(state: &ApiState, caller: &Caller) -> Result<(), ApiError> {
    let groups = state.keeping.custodians.iter().map(String::as_str).chain([AUDITORS]);
    if caller.is_in(&groups.collect::<Vec<_>>()) {
        return Ok(());
    }
    let message = "only custodians and auditors see what the evidence keeps";
    Err(ApiError::new(ErrorCode::NotCustodian, message))
}

pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}

pub(super) fn bad_body(rejection: JsonRejection) -> ApiError {
    ApiError::unreadable(rejection.status(), rejection.body_text())
        .hint("send a JSON object with `Content-Type: application/json`")
}
