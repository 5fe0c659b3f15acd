//! What a message does, as policy sees it.

use super::said::Said;
use crate::target::Target;
use crate::tools::{Effect, Tool};
use portreeve_model::{Action, Command, Facts, Need, Object, Usage};
use portreeve_session::{CommandUse, Snapshot, Stage};
use portreeve_web::{Search, Seen, Sureness};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The field that stands for what of an answer is no text: images, sounds, files.
const CONTENT: &str = "content";

/// A message as it was planned: what it does, and what may show of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) command: CommandUse,
    /// What its fields are fields of: the name of a tool, or the method.
    pub(crate) subject: String,
    /// Fields that policy reveals.
    pub(crate) revealed: BTreeSet<Object>,
    /// Whether content that nobody can look into may pass.
    pub(crate) passes_opaque: bool,
    /// What it was planned with.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The definition that it rests on, by its name.
    pub(crate) definition: Option<(String, String)>,
}

/// A message, with what is known of the tool that it calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks<'a> {
    pub(crate) method: &'a str,
    pub(crate) params: &'a Map<String, Value>,
    pub(crate) tool: Option<&'a Tool>,
}

/// What a message wants of what.
struct Wanted {
    subject: String,
    needs: Vec<Need>,
    facts: Facts,
    unknown: Option<String>,
}

impl Plan {
    pub(crate) fn new(asks: Asks<'_>, target: &Target, snapshot: &Arc<Snapshot>) -> Self {
        let mut wanted = wanted(asks, target);
        let subject = wanted.subject.clone();
        let Seen { listed, fields, passes_opaque } =
            target.fields().seen(&subject, CONTENT, snapshot);
        let carried = carried(asks, target, &subject);
        if !carried.is_empty() {
            // What a read says of somebody goes out, and changes no more than that.
            wanted.facts.bounded.get_or_insert(true);
        }
        wanted.needs.extend(carried.into_iter().map(|object| need(Action::Write, object)));
        let definition = asks.tool.map(|tool| (subject.clone(), tool.digest.clone()));
        let command = Command {
            verb: asks.method.to_owned(),
            fingerprint: fingerprint(asks, &subject),
            shape: String::new(),
            needs: wanted.needs,
            facts: wanted.facts,
            unknown: wanted.unknown,
            effect: portreeve_model::Effect::MayChange,
        };
        let command = CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: listed,
            before: Usage::default(),
        };
        let snapshot = snapshot.clone();
        Self { command, subject, revealed: fields, passes_opaque, snapshot, definition }
    }

    /// What a server asks of the client: its fields are fields of the method.
    pub(crate) fn of_server(method: &str, target: &Target, snapshot: &Arc<Snapshot>) -> Self {
        let command = Command {
            verb: method.to_owned(),
            fingerprint: method.to_owned(),
            // The client's model or the person before it does something for the server.
            needs: vec![need(Action::Execute, target.server())],
            ..Command::default()
        };
        let command = CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: Arc::default(),
            before: Usage::default(),
        };
        Self {
            command,
            subject: method.to_owned(),
            revealed: BTreeSet::new(),
            passes_opaque: false,
            snapshot: snapshot.clone(),
            definition: None,
        }
    }
}

impl Plan {
    /// The same for what a server says beside the answer: nothing is revealed of it.
    pub(crate) fn beside(&self, method: &str) -> Self {
        Self {
            subject: method.to_owned(),
            revealed: BTreeSet::new(),
            passes_opaque: false,
            ..self.clone()
        }
    }

    /// The same, of something that nobody may do.
    pub(crate) fn unknown(mut self, why: String) -> Self {
        let command = Command { unknown: Some(why), ..(*self.command.command).clone() };
        self.command.command = Arc::new(command);
        self
    }
}

fn need(action: Action, object: Object) -> Need {
    Need { action, object }
}

/// What may be called to run a tool, as the list of tools is filtered by it.
pub(crate) fn call_of(target: &Target, name: &str, tool: &Tool) -> Command {
    let (action, facts) = effect_of(tool);
    Command {
        verb: "tools/call".to_owned(),
        needs: vec![need(action, target.tool(name))],
        facts,
        ..Command::default()
    }
}

/// What reads a resource or a prompt, as their lists are filtered by it.
pub(crate) fn read_of(method: &str, object: Object) -> Command {
    let needs = vec![need(Action::Read, object)];
    Command { verb: method.to_owned(), needs, ..Command::default() }
}

fn effect_of(tool: &Tool) -> (Action, Facts) {
    match tool.effect {
        Effect::Read => (Action::Read, Facts::default()),
        Effect::Add => (Action::Write, Facts { bounded: Some(true), ..Facts::default() }),
        Effect::Change => (Action::Write, Facts { bounded: Some(false), ..Facts::default() }),
    }
}

fn wanted(asks: Asks<'_>, target: &Target) -> Wanted {
    let Asks { method, params, .. } = asks;
    let text = |name: &str| params.get(name).and_then(Value::as_str);
    let read = |object| Wanted {
        subject: method.to_owned(),
        needs: vec![need(Action::Read, object)],
        facts: Facts::default(),
        unknown: None,
    };
    let unclear = |why: &str| Wanted { unknown: Some(why.to_owned()), ..read(target.server()) };
    match method {
        "tools/call" => call(asks, target),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => match text("uri") {
            Some(uri) => read(target.resource(uri)),
            None => unclear("the request does not say which resource"),
        },
        "prompts/get" => match text("name") {
            Some(name) => read(target.prompt(name)),
            None => unclear("the request does not say which prompt"),
        },
        "completion/complete" => match reference(params, target) {
            Some(object) => read(object),
            None => unclear("the request does not say what it completes"),
        },
        "subscriptions/listen" => {
            let mut listens = read(target.server());
            listens
                .needs
                .extend(subscribed(params).map(|uri| need(Action::Read, target.resource(uri))));
            listens
        }
        "initialize"
        | "ping"
        | "server/discover"
        | "tools/list"
        | "prompts/list"
        | "resources/list"
        | "resources/templates/list"
        | "logging/setLevel"
        | "notifications/initialized"
        | "notifications/cancelled"
        | "notifications/progress"
        | "notifications/roots/list_changed"
        | LISTEN
        | LEAVE => read(target.server()),
        other => unclear(&format!("the method `{other}` is not known")),
    }
}

/// A client's stream of what the server says unasked (GET, to 2025-11-25).
pub(crate) const LISTEN: &str = "listen";
/// A client's end of its session (DELETE, to 2025-11-25).
pub(crate) const LEAVE: &str = "leave";

fn call(asks: Asks<'_>, target: &Target) -> Wanted {
    let name = asks.params.get("name").and_then(Value::as_str).unwrap_or_default();
    let (action, facts, unknown) = match asks.tool {
        Some(tool) => {
            let (action, facts) = effect_of(tool);
            (action, facts, tool.held.clone())
        }
        None => {
            let why = format!("the server has no tool `{name}` that can be told apart");
            (Action::Write, Facts::default(), Some(why))
        }
    };
    let needs = vec![need(action, target.tool(name))];
    Wanted { subject: name.to_owned(), needs, facts, unknown }
}

fn reference(params: &Map<String, Value>, target: &Target) -> Option<Object> {
    let reference = params.get("ref")?;
    let text = |name: &str| reference.get(name).and_then(Value::as_str);
    match text("type")? {
        "ref/prompt" => text("name").map(|name| target.prompt(name)),
        "ref/resource" => text("uri").map(|uri| target.resource(uri)),
        _ => None,
    }
}

fn subscribed(params: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let named = params.get("notifications").and_then(|all| all.get("resourceSubscriptions"));
    named.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The shape of a message: the names of its arguments, never their values.
fn fingerprint(asks: Asks<'_>, subject: &str) -> String {
    let arguments = asks.params.get("arguments").and_then(Value::as_object);
    let mut names: Vec<&str> =
        arguments.map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default();
    names.sort_unstable();
    match (asks.method, names.is_empty()) {
        (method, _) if method == subject => method.to_owned(),
        (method, true) => format!("{method} {subject}"),
        (method, false) => format!("{method} {subject}({})", names.join(", ")),
    }
}

/// The fields that a message writes personal data into, and what detectors find in it.
fn carried(asks: Asks<'_>, target: &Target, subject: &str) -> BTreeSet<Object> {
    let names = target.fields().of(subject);
    let mut search = Search::new(&names, target.screen());
    let Said { thought_up, words } = Said::of(asks.method, asks.params);
    if !thought_up.is_empty() {
        search.json(&Value::Object(thought_up).to_string());
    }
    for word in words {
        search.text("", &word, Sureness::Certain);
    }
    search.into_found()
}

/// What an answer to a question of the server writes: a command of the client's.
pub(crate) fn answer_of(target: &Target, method: &str, outcome: &Value) -> Command {
    let names = target.fields().of(method);
    let mut search = Search::new(&names, target.screen());
    search.json(&outcome.to_string());
    let needs = search.into_found().into_iter().map(|object| need(Action::Write, object));
    Command { verb: method.to_owned(), needs: needs.collect(), ..Command::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_hold_no_values() {
        let params = json!({"name": "find", "arguments": {"email": "eva@example.org", "a": 1}});
        let asks = Asks { method: "tools/call", params: params.as_object().unwrap(), tool: None };
        assert_eq!(fingerprint(asks, "find"), "tools/call find(a, email)");
        let asks = Asks { method: "tools/list", ..asks };
        assert_eq!(fingerprint(asks, "tools/list"), "tools/list");
    }
}
