//! Errors as callers see them: `{"error": {"code", "message", "hint"}}`.

use crate::authenticator::Refused;
use crate::identity::AuthError;
use crate::reviews::DecideError;
use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

/// What programs tell errors apart by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorCode {
    /// The request is not what the route takes; the status may be 413, 415 or 422, too.
    BadRequest,
    /// A token cannot be exchanged so.
    Refused,
    /// There is no access token.
    NoToken,
    /// The access token is not accepted.
    InvalidToken,
    /// The caller may not decide about the review; the message says by which rule.
    NotReviewer,
    /// The caller is no operator.
    NotOperator,
    /// The caller is no custodian of the evidence.
    NotCustodian,
    /// There is no such thing, or none that the caller may see.
    NotFound,
    /// There is no such account.
    NoAccount,
    /// The local issuer is not in use.
    NoLocalIssuer,
    /// The route takes other methods.
    MethodNotAllowed,
    /// The review was decided, or lapsed.
    Closed,
    /// The caller has approved the review already; somebody else has to, too.
    SamePerson,
    /// A legal hold protects the recording.
    Held,
    /// The recording's session goes on.
    StillOpen,
    /// Too many bad tokens came from the caller's address.
    TooManyFailures,
    /// The gateway's fault; its log says more.
    Unavailable,
}

impl ErrorCode {
    /// Its word, as it is sent.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Refused => "refused",
            Self::NoToken => "no_token",
            Self::InvalidToken => "invalid_token",
            Self::NotReviewer => "not_reviewer",
            Self::NotOperator => "not_operator",
            Self::NotCustodian => "not_custodian",
            Self::NotFound => "not_found",
            Self::NoAccount => "no_account",
            Self::NoLocalIssuer => "no_local_issuer",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Closed => "closed",
            Self::SamePerson => "same_person",
            Self::Held => "held",
            Self::StillOpen => "still_open",
            Self::TooManyFailures => "too_many_failures",
            Self::Unavailable => "unavailable",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::Refused => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::NotReviewer | Self::NotOperator | Self::NotCustodian => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoAccount | Self::NoLocalIssuer => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Closed | Self::SamePerson | Self::Held | Self::StillOpen => StatusCode::CONFLICT,
            Self::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error of the API.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: ErrorDetail,
}

/// What is sent of an error.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorAnswer {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
struct ErrorDetail {
    /// For programs.
    code: ErrorCode,
    /// For people, in one line.
    message: String,
    /// What to do next.
    hint: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let detail = ErrorDetail { code, message: message.into(), hint: None };
        Self { status: code.status(), detail }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.detail.hint = Some(hint.into());
        self
    }

    /// The request is not what the route takes, in the words of what reads it.
    pub(crate) fn unreadable(status: StatusCode, message: String) -> Self {
        Self { status, ..Self::new(ErrorCode::BadRequest, message) }
    }

    /// Something of ours failed: the caller hears nothing of it.
    pub(crate) fn unavailable(error: &impl std::fmt::Display) -> Self {
        tracing::error!(%error, "the API could not answer");
        Self::new(ErrorCode::Unavailable, "the gateway cannot do that now")
            .hint("try again in a moment; the gateway's log says more")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, detail } = self;
        let mut response = (status, Json(ErrorAnswer { error: detail })).into_response();
        if status == StatusCode::UNAUTHORIZED {
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
                Self::new(ErrorCode::InvalidToken, message).hint(hint)
            }
            Refused::TooMany => {
                let message = "too many bad tokens came from this address";
                Self::new(ErrorCode::TooManyFailures, message)
                    .hint("wait a minute, then use a valid token")
            }
            Refused::Unavailable => {
                Self::new(ErrorCode::Unavailable, "the access token cannot be checked now")
                    .hint("try again in a moment")
            }
        }
    }
}

impl From<DecideError> for ApiError {
    fn from(error: DecideError) -> Self {
        let message = error.to_string();
        match error {
            DecideError::NotFound(_) => Self::new(ErrorCode::NotFound, message)
                .hint("`portreeve reviews ls` lists the reviews that you may see"),
            DecideError::NotReviewer(_) => Self::new(ErrorCode::NotReviewer, message)
                .hint("ask another member of the review's groups"),
            DecideError::Closed(_) => {
                Self::new(ErrorCode::Closed, message).hint("nothing was changed")
            }
            DecideError::Again => Self::new(ErrorCode::SamePerson, message)
                .hint("ask another member of the review's groups"),
            DecideError::Evidence(error) => Self::unavailable(&error),
            DecideError::Comment => Self::new(ErrorCode::BadRequest, message),
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
                Self::new(ErrorCode::InvalidToken, message).hint(hint)
            }
        }
    }
}

impl From<portreeve_evidence::Error> for ApiError {
    fn from(error: portreeve_evidence::Error) -> Self {
        use portreeve_evidence::Error;
        let text = error.to_string();
        let code = match &error {
            Error::Absent { .. } => ErrorCode::NotFound,
            Error::Held { .. } => ErrorCode::Held,
            Error::StillOpen { .. } => ErrorCode::StillOpen,
            Error::Reason { .. } => ErrorCode::BadRequest,
            _ => return Self::unavailable(&error),
        };
        match text.split_once("; hint: ") {
            Some((message, hint)) => Self::new(code, message).hint(hint),
            None => Self::new(code, text),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::NoAccount(_) => Self::new(ErrorCode::NoAccount, message),
            StoreError::AccountExists(_) | StoreError::Refused(_) => {
                Self::new(ErrorCode::Refused, message)
            }
            StoreError::Open { .. }
            | StoreError::Newer { .. }
            | StoreError::Failed(_)
            | StoreError::Broken(_)
            | StoreError::Gone => Self::unavailable(&error),
        }
    }
}
