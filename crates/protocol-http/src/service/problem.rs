//! What the gateway itself says to whoever has a session.

use bytes::Bytes;
use http::StatusCode;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_session::{Advice, Notice, NoticeEncoder};
use portreeve_web::{
    ask_for_less, problem_message, problem_message_with, review_fields, status_of, title,
};
use serde_json::json;

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

/// A refusal as a message with a problem in it: rule, request, what to do next.
fn refused(refusal: &Refusal) -> Bytes {
    let status = status_of(refusal.code);
    let fields = match (refusal.code, &refusal.review) {
        (RefusalCode::ReviewPending, Some(review)) => review_fields(review),
        _ => String::new(),
    };
    problem_message_with(
        status,
        &fields,
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
