//! The canary suite over messages of a server: a marked value in every place of results, errors
//! and notifications that can hold one. What is tested is the reply side as sessions run it, which
//! gets whole messages, however they were cut on their way.

use super::{Head, Opaque, ServerPart, Shape, withhold};
use crate::message::read_json;
use crate::request::{Asks, Plan};
use crate::target::{Place as ServerPlace, Program, Target, TargetParts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Category, ObjectKind};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::{Answer, Reply};
use portreeve_testkit::canary::{CANARY, Case, Ends, check};
use portreeve_testkit::world::{World, masker};
use portreeve_web::{Fields, FieldsParts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const CONNECT: &str = r#"@id("connect") permit(principal, action == Action::"connect", resource);"#;

/// A call that was planned for somebody to whom nothing is revealed.
struct Called {
    target: Target,
    plan: Plan,
}

/// Of a server whose `email` is classified.
async fn called() -> Called {
    let world = World::new(CONNECT, Answer::Expired).await;
    let snapshot = world.session("tools").await.unwrap().snapshot();
    let fields = Fields::new(FieldsParts {
        kind: ObjectKind::ARGUMENT,
        owner: "tools".into(),
        category_of: Arc::new(|path: &[&str; 3]| {
            (path[2] == "email").then(|| Category::from("email"))
        }),
        clears: Arc::new(|_: &[&str; 3]| false),
        category_apart: Arc::new(|_: &[&str; 3], _: &str| None),
        named: vec!["email".into()],
        named_of: BTreeMap::new(),
        has_any: true,
    });
    let target = Target::new(TargetParts {
        name: "tools".into(),
        serve_host: "tools.gateway.example".into(),
        place: ServerPlace::Program(Program { words: vec!["tool".into()], token: None }),
        fields,
        screen: Arc::default(),
    });
    let params = json!({"name": "find"});
    let params = params.as_object().unwrap();
    let plan = Plan::new(Asks { method: "tools/call", params, tool: None }, &target, &snapshot);
    Called { target, plan }
}

impl Called {
    /// Gives a message, and adds what the client sees of it to `seen`.
    fn give(
        &self,
        (plan, shape): (&Plan, Shape),
        pieces: &[&[u8]],
        seen: &mut Vec<u8>,
    ) -> Result<(), String> {
        let text = String::from_utf8(pieces.concat()).map_err(|error| error.to_string())?;
        let mut message = read_json(&text).map_err(|error| error.to_string())?;
        let mut is_changed = false;
        for part in ["result", "error", "params"] {
            let part = message.get_mut(part);
            is_changed |= part.is_some_and(|part| withhold(part, Opaque::Withheld));
        }
        let text = if is_changed { message.to_string() } else { text };
        let mut screen = TextScreen::new(self.target.screen(), Place::unnamed("message"), &[]);
        let part = ServerPart {
            target: &self.target,
            plan,
            screen: &mut screen,
            shape,
            text: &text,
            given: Some(("id", "7".to_owned())),
            end: None,
        };
        seen.extend_from_slice(&part.mask(&masker()).map_err(|why| why.0)?.bytes);
        Ok(())
    }

    /// Checks a message in every shape that a client gets messages in.
    fn check(&self, plan: &Plan, spelled: &str, text: &str) {
        for shape in [Shape::Body(Head::default()), Shape::Event(None)] {
            let case = Case { name: text, stream: text.as_bytes(), spelled, ends: Ends::Masked };
            check(case, |pieces, seen| self.give((plan, shape.clone()), pieces, seen));
        }
    }

    fn masked(&self, message: &Value) {
        self.check(&self.plan, CANARY, &message.to_string());
    }
}

#[tokio::test]
async fn results_wherever_a_value_stands() {
    let called = called().await;
    let ask = format!("ask {CANARY}");
    let inner = json!({"email": CANARY}).to_string();
    for content in [
        json!([{"type": "text", "text": ask}, {"type": "text", "text": "harmless"}]),
        json!([{"type": "text", "text": inner, "annotations": {"title": "harmless"}}]),
        json!([{"type": "resource", "resource": {"uri": CANARY, "text": ask, "x": "harmless"}}]),
        json!([{"type": "resource_link", "uri": "people:1", "name": ask, "title": "harmless"}]),
    ] {
        called.masked(&json!({"jsonrpc": "2.0", "id": 1, "result": {"content": content}}));
    }
    for result in [
        json!({"structuredContent": {"email": CANARY, "note": "harmless"}}),
        json!({"structuredContent": {"rows": [{CANARY: 1}, {"email": [CANARY]}, "harmless"]}}),
        json!({"messages": [{"role": "user", "content": {"type": "text", "text": ask}}]}),
        json!({"contents": [{"uri": "people:1", "text": ask}], "_meta": {"note": "harmless"}}),
        json!({"completion": {"values": [CANARY, "harmless"]}}),
    ] {
        called.masked(&json!({"jsonrpc": "2.0", "id": 1, "result": result}));
    }
}

#[tokio::test]
async fn values_in_other_letters() {
    let called = called().await;
    let spelled = r"canary-7f3a\u0040leak.example";
    for name in ["email", "text"] {
        let result = format!(r#"{{"structuredContent":{{"{name}":"{spelled}"}},"x":"harmless"}}"#);
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        called.check(&called.plan, spelled, &message);
    }
    let base64 = BASE64.encode(CANARY);
    for block in [
        json!({"type": "resource", "resource": {"uri": "people:1", "blob": base64}}),
        json!({"type": "image", "data": base64, "mimeType": "image/png"}),
    ] {
        let content = json!([block, {"type": "text", "text": "harmless"}]);
        let message = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": content}});
        called.check(&called.plan, &base64, &message.to_string());
    }
}

#[tokio::test]
async fn errors_and_notifications() {
    let called = called().await;
    let data = json!({"email": CANARY, "note": "harmless"});
    let said = format!("nobody is called {CANARY}");
    let error = json!({"code": -32602, "message": said, "data": data});
    called.masked(&json!({"jsonrpc": "2.0", "id": 1, "error": error}));
    for (method, params) in [
        ("notifications/message", json!({"level": "info", "logger": "harmless", "data": said})),
        ("notifications/message", json!({"level": "info", "data": data})),
        ("notifications/progress", json!({"progress": 1, "message": said, "x": "harmless"})),
        ("notifications/resources/updated", json!({"uri": CANARY, "title": "harmless"})),
    ] {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        called.check(&called.plan.beside(method), CANARY, &message.to_string());
    }
}
