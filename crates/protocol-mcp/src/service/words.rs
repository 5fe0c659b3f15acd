//! What the gateway itself says: errors of JSON-RPC, and results of tools that a model can read.

use super::frame::Frame;
use crate::message::{Id, error_text};
use crate::reply::{Head, Shape};
use bytes::Bytes;
use http::{Method, StatusCode};
use portreeve_model::{Refusal, RefusalCode};
use portreeve_session::{Advice, Notice, NoticeEncoder, TargetWord};
use portreeve_web::{ask_for_less, problem_message, status_of, title};
use serde_json::{Value, json};

/// The gateway's words for one message of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Words {
    pub(super) answers: Answers,
    pub(super) shape: Shape,
}

/// What the words answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answers {
    /// A call of a tool: a model reads its result, and seldom an error.
    Tool(Id),
    /// Another call.
    Call(Id),
    /// Nothing that has an id.
    Nothing,
}

impl Words {
    /// For a session whose messages have words of their own.
    pub(super) const fn of_session() -> Self {
        Self { answers: Answers::Nothing, shape: Shape::Body(Head { session: None }) }
    }

    fn put(&self, code: i64, status: StatusCode, detail: &str, data: &Value) -> Bytes {
        let text = match &self.answers {
            Answers::Nothing => {
                let problem = json!({
                    "type": "about:blank",
                    "title": title(status),
                    "status": status.as_u16(),
                    "detail": detail,
                    "portreeve": data,
                });
                return problem_message(status, &problem);
            }
            Answers::Call(id) => error_text(Some(id), code, detail, data.clone()),
            Answers::Tool(id) => tool_result(id, detail, data),
        };
        let mut out = Vec::new();
        self.shape.put(&text, &mut out);
        out.into()
    }
}

/// SPEC: MCP, tools, "Error handling": what a model can do something about is a result.
fn tool_result(id: &Id, detail: &str, data: &Value) -> String {
    let hint = data.get("hint").and_then(Value::as_str);
    let text = match hint {
        Some(hint) => format!("Refused by the gateway: {detail}. {hint}."),
        None => format!("Refused by the gateway: {detail}."),
    };
    json!({
        "jsonrpc": "2.0",
        "id": id.to_value(),
        "result": {
            "resultType": "complete",
            "content": [{"type": "text", "text": text}],
            "isError": true,
            "_meta": {"portreeve/refusal": data},
        },
    })
    .to_string()
}

impl NoticeEncoder for Words {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        match notice {
            // There is no way to say something before an answer.
            Notice::Held { .. } | Notice::SendData { .. } => Bytes::new(),
            Notice::Refused(refusal) => {
                let data = json!({
                    "hint": refusal.hint,
                    "rule": refusal.rule.as_ref().map(|rule| &rule.0),
                    "request": refusal.request.to_string(),
                    "review": refusal.review.as_ref().map(|review| &review.0),
                });
                let (code, status) = codes_of(refusal, &self.answers);
                self.put(code, status, &refusal.message, &data)
            }
            Notice::Ended(why) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                self.put(503, status, &why.to_string(), &Value::Null)
            }
        }
    }

    fn advise(&self, advice: Advice) -> &'static str {
        match advice {
            Advice::AskForLess(limit) => ask_for_less(limit),
            Advice::AskPlainly => "list what the server has, and ask for one of it",
        }
    }
}

/// The codes of an error and of an answer.
///
/// SPEC: MCP 2026-07-28, "Error Codes": what the protocol does not define lies outside of the
/// range that JSON-RPC reserves; these are the statuses of HTTP.
fn codes_of(refusal: &Refusal, answers: &Answers) -> (i64, StatusCode) {
    let status = status_of(refusal.code);
    let code = match (refusal.code, answers) {
        // SPEC: JSON-RPC 2.0 section 5.1.
        (RefusalCode::Unknown, Answers::Call(_)) => -32601,
        _ => i64::from(status.as_u16()),
    };
    (code, status)
}

/// Makes a server whose question was refused go on: with an error under its id, in words that are
/// the same for all.
pub(super) struct Declined {
    /// The server's own.
    pub(super) id: Id,
    pub(super) frame: Frame,
}

impl NoticeEncoder for Declined {
    fn encode(&self, _: Notice<'_>) -> Bytes {
        Bytes::new()
    }

    fn advise(&self, _: Advice) -> &'static str {
        ""
    }

    fn to_target(&self, word: TargetWord) -> Bytes {
        match word {
            TargetWord::Fail => {
                let text = error_text(Some(&self.id), 403, DECLINED, Value::Null);
                self.frame.put(&Method::POST, &[], &text)
            }
            TargetWord::Defer | TargetWord::Keep | TargetWord::TakeBack => Bytes::new(),
        }
    }
}

/// Whether it is the question or the answer that may not pass is nothing that a server learns.
const DECLINED: &str = "the answer may not be sent out";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_one_thing_only() {
        let error = "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":403,\
                     \"message\":\"the answer may not be sent out\"}}";
        let head = "POST /mcp HTTP/1.1\r\nhost: tools.example:8443\r\n\
                    accept: application/json, text/event-stream\r\naccept-encoding: identity\r\n";
        let tail = format!(
            "content-type: application/json\r\ncontent-length: {}\r\n\r\n{error}",
            error.len()
        );
        let http = |session: Option<&str>, version: Option<&str>| Frame::Http {
            authority: "tools.example:8443".into(),
            path: "/mcp".into(),
            session: session.map(str::to_owned),
            version: version.map(str::to_owned),
        };
        let agreed = "mcp-session-id: s\r\nmcp-protocol-version: 2025-11-25\r\n";
        for (frame, failed) in [
            (Frame::Line, format!("{error}\n")),
            (http(None, None), format!("{head}{tail}")),
            (http(Some("s"), Some("2025-11-25")), format!("{head}{agreed}{tail}")),
        ] {
            let declined = Declined { id: Id::Number(7), frame };
            assert_eq!(declined.to_target(TargetWord::Fail), failed);
            for other in [TargetWord::Defer, TargetWord::Keep, TargetWord::TakeBack] {
                assert!(declined.to_target(other).is_empty(), "{other:?}");
            }
            let held = Notice::Held { text: "a", hint: "b" };
            assert!(declined.encode(held).is_empty());
        }
    }
}
