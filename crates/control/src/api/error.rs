//! Errors as callers see them: `{"error": {"code", "message", "hint"}}`.

use crate::door::Refused;
use crate::identity::AuthError;
use crate::reviews::DecideError;
use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error of the API.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Something of ours failed: the caller hears nothing of it.
    pub(crate) fn unavailable(error: &impl std::fmt::Display) -> Self {
        tracing::error!(%error, "the API could not answer");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the gateway cannot do that now")
            .hint("try again in a moment; the gateway's log says more")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = json!({"code": self.code, "message": self.message, "hint": self.hint});
        let mut response = (self.status, Json(json!({ "error": error }))).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"portreeve\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid { message, hint } => {
                Self::new(StatusCode::UNAUTHORIZED, "invalid_token", message).hint(hint)
            }
            Refused::TooMany => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_failures",
                "too many bad tokens came from this address",
            )
            .hint("wait a minute, then use a valid token"),
            Refused::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the access token cannot be checked now",
            )
            .hint("try again in a moment"),
        }
    }
}

impl From<DecideError> for ApiError {
    fn from(error: DecideError) -> Self {
        let message = error.to_string();
        match error {
            DecideError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", message)
                .hint("`portreeve reviews ls` lists the reviews that you may see"),
            DecideError::NotReviewer(_) => {
                Self::new(StatusCode::FORBIDDEN, "not_reviewer", message)
                    .hint("ask another member of the review's groups")
            }
            DecideError::Closed(_) => {
                Self::new(StatusCode::CONFLICT, "closed", message).hint("nothing was changed")
            }
            DecideError::Again => Self::new(StatusCode::CONFLICT, "same_person", message)
                .hint("ask another member of the review's groups"),
            DecideError::Evidence(error) => Self::unavailable(&error),
            DecideError::Comment => Self::new(StatusCode::BAD_REQUEST, "bad_request", message),
            DecideError::Store(error) => Self::unavailable(&error),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Store(error) => Self::from(error),
            error if error.is_ours() => Self::unavailable(&error),
            error => {
                let (message, hint) = error.client_text();
                Self::new(StatusCode::UNAUTHORIZED, "invalid_token", message).hint(hint)
            }
        }
    }
}

impl From<portreeve_evidence::Error> for ApiError {
    fn from(error: portreeve_evidence::Error) -> Self {
        use portreeve_evidence::Error;
        let text = error.to_string();
        let (message, hint) = match text.split_once("; hint: ") {
            Some((message, hint)) => (message, Some(hint)),
            None => (text.as_str(), None),
        };
        let (status, code) = match &error {
            Error::Absent { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Error::Held { .. } => (StatusCode::CONFLICT, "held"),
            Error::StillOpen { .. } => (StatusCode::CONFLICT, "still_open"),
            Error::Reason { .. } => (StatusCode::BAD_REQUEST, "bad_request"),
            _ => return Self::unavailable(&error),
        };
        Self { status, code, message: message.to_owned(), hint: hint.map(str::to_owned) }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NoAccount(_) => Self::new(StatusCode::NOT_FOUND, "no_account", message),
            StoreError::AccountExists(_) | StoreError::Refused(_) => {
                Self::new(StatusCode::BAD_REQUEST, "refused", message)
            }
            StoreError::Open { .. }
            | StoreError::Newer { .. }
            | StoreError::Database(_)
            | StoreError::Broken(_)
            | StoreError::Gone => Self::unavailable(&error),
        }
    }
}
