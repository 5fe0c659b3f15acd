//! What the gateway itself says to whoever has a session.

use crate::request::Head;
use bytes::Bytes;
use http::StatusCode;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_session::{Advice, Notice, NoticeEncoder};
use portreeve_web::{
    PROBLEM_TYPE, ask_for_less, message, problem_message, review_fields, status_of, title,
};
use serde_json::json;

/// Writes the gateway's words inside the engine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notices {
    /// As problems (RFC 9457).
    Problem,
    /// As errors of GraphQL.
    Graphql,
}

impl Notices {
    /// What the client of a request reads.
    pub(super) const fn of(head: &Head) -> Self {
        if head.routes.is_graphql { Self::Graphql } else { Self::Problem }
    }
}

impl NoticeEncoder for Notices {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        match notice {
            // There is no way to say something before an answer.
            Notice::Held { .. } | Notice::SendData { .. } => Bytes::new(),
            Notice::Refused(refusal) => match self {
                Self::Problem => refused(refusal),
                Self::Graphql => refused_operation(refusal),
            },
            Notice::Ended(why) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                problem_message(status, &json!({"title": title(status), "detail": why.to_string()}))
            }
        }
    }

    fn advise(&self, advice: Advice) -> &'static str {
        match advice {
            Advice::AskForLess(limit) => ask_for_less(limit),
            Advice::AskPlainly => {
                "use GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE, for a path that the service is \
                 described with"
            }
        }
    }
}

/// A refusal as a message with an error of GraphQL in it.
///
/// SPEC: GraphQL over HTTP (draft of 2025), section 6.4: of this type, whatever its status is, a
/// client reads the errors.
fn refused_operation(refusal: &Refusal) -> Bytes {
    let status = status_of(refusal.code);
    let (code, hint) = match refusal.code {
        RefusalCode::Unknown => ("BAD_REQUEST", Some(OPERATION_HINT)),
        RefusalCode::ReviewPending => ("REVIEW_PENDING", refusal.hint.as_deref()),
        RefusalCode::Revoked => ("UNAUTHENTICATED", refusal.hint.as_deref()),
        _ if status == StatusCode::FORBIDDEN => ("FORBIDDEN", refusal.hint.as_deref()),
        _ => ("INTERNAL_SERVER_ERROR", refusal.hint.as_deref()),
    };
    let error = json!({
        "message": refusal.message,
        "extensions": {
            "code": code,
            "hint": hint,
            "rule": refusal.rule.as_ref().map(|rule| &rule.0),
            "request": refusal.request.to_string(),
            "review": refusal.review.as_ref().map(|review| &review.0),
        },
    });
    message(status, GRAPHQL_TYPE, &fields_of(refusal), &json!({ "errors": [error] }))
}

const GRAPHQL_TYPE: &str = "application/graphql-response+json";

const OPERATION_HINT: &str = "send one operation as JSON: `query`, `operationName`, \
                              `variables`; no `@defer`, no hash in the place of a query";

/// A refusal as a message with a problem in it: rule, request, what to do next.
fn refused(refusal: &Refusal) -> Bytes {
    let status = status_of(refusal.code);
    let problem = json!({
        "type": "about:blank",
        "title": title(status),
        "status": status.as_u16(),
        "detail": refusal.message,
        "hint": refusal.hint,
        "rule": refusal.rule.as_ref().map(|rule| &rule.0),
        "request": refusal.request.to_string(),
        "review": refusal.review.as_ref().map(|review| &review.0),
    });
    message(status, PROBLEM_TYPE, &fields_of(refusal), &problem)
}

/// What the head of a refusal says: where to ask what has become of it, where it waits.
fn fields_of(refusal: &Refusal) -> String {
    match (refusal.code, &refusal.review) {
        (RefusalCode::ReviewPending, Some(review)) => review_fields(review),
        _ => String::new(),
    }
}
