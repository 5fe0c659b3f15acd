//! What the gateway itself says: problems as RFC 9457 has them.

use crate::body::AnswerBody;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{Either, Full};
use portreeve_model::{RefusalCode, Unit};
use portreeve_session::SessionError;
use serde_json::{Value, json};

/// Why somebody has no session, or their request cannot be read: words of the gateway alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where a client learns how to get a token (RFC 9728); none where it is not said.
    pub metadata: Option<String>,
}

impl Problem {
    /// One with a hint, which may be empty.
    pub fn new(status: StatusCode, detail: impl Into<String>, hint: &str) -> Self {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Self { status, detail: detail.into(), hint, metadata: None }
    }

    /// Whether the request was at fault, and no other record tells of it.
    #[must_use]
    pub fn is_clients(&self) -> bool {
        self.status.is_client_error()
            && !matches!(self.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
    }

    /// The answer with it.
    #[must_use]
    pub fn into_answer(self) -> Response<AnswerBody> {
        let mut problem = json!({
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Some(hint), Some(fields)) = (self.hint, problem.as_object_mut()) {
            fields.insert("hint".to_owned(), hint.into());
        }
        let mut answer = plain(self.status, PROBLEM_TYPE, format!("{problem}\n"));
        if self.status == StatusCode::UNAUTHORIZED {
            // SPEC: RFC 6750 section 3, RFC 9728 section 5.1.
            let mut challenge = "Bearer realm=\"portreeve\"".to_owned();
            if let Some(metadata) = self.metadata {
                challenge.push_str(&format!(", resource_metadata=\"{metadata}\""));
            }
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        answer
    }
}

/// What a problem says that it is.
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Words of the gateway to somebody who has no session.
#[must_use]
pub fn plain(status: StatusCode, kind: &'static str, words: String) -> Response<AnswerBody> {
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(words))));
    *answer.status_mut() = status;
    let fields: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    answer.headers_mut().extend(fields);
    answer
}

/// What a status is called.
#[must_use]
pub fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Refused")
}

/// A problem as a message of HTTP/1.1, for the engine.
#[must_use]
pub fn problem_message(status: StatusCode, problem: &Value) -> Bytes {
    message(status, PROBLEM_TYPE, "", problem)
}

/// A body of some type as such a message, with more fields in its head, each with its end of line.
#[must_use]
pub fn message(status: StatusCode, kind: &str, fields: &str, body: &Value) -> Bytes {
    let (code, title) = (status.as_str(), title(status));
    let head = format!("HTTP/1.1 {code} {title}\r\ncontent-type: {kind}\r\n");
    format!("{head}cache-control: no-store\r\n{fields}\r\n{body}\n").into()
}

/// What the client reads where the target has not answered.
#[must_use]
pub fn no_answer(detail: &str) -> Bytes {
    let status = StatusCode::BAD_GATEWAY;
    let hint = "try again later; an operator finds the cause in the gateway's log";
    let title = title(status);
    problem_message(status, &json!({"title": title, "status": 502, "detail": detail, "hint": hint}))
}

/// What the client reads where its session, or one of its sides, has come to its end.
#[must_use]
pub fn ended(error: &SessionError) -> Problem {
    let status = match error {
        SessionError::Ended(_) => StatusCode::UNAUTHORIZED,
        SessionError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        SessionError::TargetGone | SessionError::Target(_) => StatusCode::BAD_GATEWAY,
        SessionError::Unrecordable | SessionError::ClientGone | SessionError::Client(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Problem::new(status, error.to_string(), "")
}

/// The status of a refusal.
#[must_use]
pub const fn status_of(code: RefusalCode) -> StatusCode {
    match code {
        RefusalCode::Denied | RefusalCode::NotApproved | RefusalCode::LimitExceeded => {
            StatusCode::FORBIDDEN
        }
        RefusalCode::ReviewPending => StatusCode::ACCEPTED,
        RefusalCode::Unknown => StatusCode::BAD_REQUEST,
        RefusalCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
        RefusalCode::Unmaskable => StatusCode::BAD_GATEWAY,
        RefusalCode::Unrecordable => StatusCode::SERVICE_UNAVAILABLE,
        RefusalCode::Revoked => StatusCode::UNAUTHORIZED,
        RefusalCode::DefinitionsChanged | RefusalCode::WithheldAfterChange => StatusCode::CONFLICT,
    }
}

/// What to do where an answer would be more than a limit allows.
#[must_use]
pub const fn ask_for_less(limit: Option<Unit>) -> &'static str {
    match limit {
        None | Some(Unit::Rows | Unit::Messages | Unit::Subjects) => {
            "ask for fewer items: a filter, a page, a smaller limit"
        }
        Some(Unit::Values | Unit::Bytes) => "ask for less: fewer fields, fewer or smaller items",
        Some(Unit::Probes) => "ask about fewer values, or ask for what you need by another key",
        Some(Unit::Changes) => "change less at a time",
    }
}
