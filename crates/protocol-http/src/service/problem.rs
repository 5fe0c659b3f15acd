//! What the gateway itself says: problems as RFC 9457 has them.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{Either, Full};
use portreeve_model::{Refusal, RefusalCode, Unit};
use portreeve_session::{Advice, Notice, NoticeEncoder, ReleasedBody};
use serde_json::{Value, json};

/// The body of an answer: what the engine has released, or words of the gateway to somebody who
/// has no session.
pub(super) type AnswerBody = Either<ReleasedBody, Full<Bytes>>;

/// Why somebody has no session, or their request cannot be read: words of the gateway alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>, hint: &str) -> Self {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Self { status, detail: detail.into(), hint }
    }

    /// Whether the request was at fault, and no other record tells of it.
    pub(super) fn is_clients(&self) -> bool {
        self.status.is_client_error()
            && !matches!(self.status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
    }

    /// The answer with it.
    pub(super) fn into_answer(self) -> Response<AnswerBody> {
        let mut problem = json!({
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Some(hint), Some(fields)) = (self.hint, problem.as_object_mut()) {
            fields.insert("hint".to_owned(), hint.into());
        }
        let body = Full::new(Bytes::from(format!("{problem}\n")));
        let mut answer = Response::new(Either::Right(body));
        *answer.status_mut() = self.status;
        let fields = answer.headers_mut();
        fields.insert(header::CONTENT_TYPE, PROBLEM_TYPE);
        if self.status == StatusCode::UNAUTHORIZED {
            // SPEC: RFC 6750 section 3.
            fields.insert(header::WWW_AUTHENTICATE, BEARER);
        }
        answer
    }
}

const PROBLEM_TYPE: http::HeaderValue = http::HeaderValue::from_static("application/problem+json");
const BEARER: http::HeaderValue = http::HeaderValue::from_static("Bearer realm=\"portreeve\"");

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Refused")
}

/// Writes the gateway's words inside the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notices;

impl NoticeEncoder for Notices {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        match notice {
            // There is no way to say something before an answer.
            Notice::Held { .. } | Notice::SendData { .. } => Bytes::new(),
            Notice::Refused(refusal) => refused(refusal),
            Notice::Ended(why) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                message(status, &json!({"title": title(status), "detail": why.to_string()}))
            }
        }
    }

    fn advise(&self, advice: Advice) -> &'static str {
        match advice {
            Advice::AskForLess(None | Some(Unit::Rows | Unit::Messages | Unit::Subjects)) => {
                "ask for fewer items: a filter, a page, a smaller limit"
            }
            Advice::AskForLess(Some(Unit::Values | Unit::Bytes)) => {
                "ask for less: fewer fields, fewer or smaller items"
            }
            Advice::AskForLess(Some(Unit::Probes)) => {
                "ask about fewer values, or ask for what you need by another key"
            }
            Advice::AskPlainly => "use GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE",
        }
    }
}

/// A refusal as a message with a problem in it: rule, request, what to do next.
fn refused(refusal: &Refusal) -> Bytes {
    let status = status_of(refusal.code);
    message(
        status,
        &json!({
            "type": "about:blank",
            "title": title(status),
            "status": status.as_u16(),
            "detail": refusal.message,
            "hint": refusal.hint,
            "rule": refusal.rule.as_ref().map(|rule| &rule.0),
            "request": refusal.request.to_string(),
            "review": refusal.review.as_ref().map(|review| &review.0),
        }),
    )
}

/// What the client reads where the target has not answered.
pub(super) fn no_answer(detail: &str) -> Bytes {
    let status = StatusCode::BAD_GATEWAY;
    let hint = "try again later; an operator finds the cause in the gateway's log";
    let title = title(status);
    message(status, &json!({"title": title, "status": 502, "detail": detail, "hint": hint}))
}

fn message(status: StatusCode, problem: &Value) -> Bytes {
    let (code, title) = (status.as_str(), title(status));
    let head = format!("HTTP/1.1 {code} {title}\r\ncontent-type: application/problem+json\r\n");
    format!("{head}cache-control: no-store\r\n\r\n{problem}\n").into()
}

fn status_of(code: RefusalCode) -> StatusCode {
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
