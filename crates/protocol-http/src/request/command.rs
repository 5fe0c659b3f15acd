//! What a request does, as policy sees it.

use super::{Head, Outgoing, outgoing};
use crate::target::Target;
use portreeve_model::{Action, Command, Effect, Facts, Need, Object, Usage};
use portreeve_session::{CommandUse, Snapshot, Stage};
use portreeve_web::{Carried, Seen};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The field that stands for a body as a whole.
const BODY: &str = "body";

/// A request as it was planned: what it does, and what may show of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) command: CommandUse,
    pub(crate) route: String,
    /// The routes that a server could see instead: what is known of their fields holds, too.
    pub(crate) others: Vec<String>,
    /// Fields that policy reveals.
    pub(crate) revealed: BTreeSet<Object>,
    /// Whether a body that nobody can look into may pass.
    pub(crate) passes_opaque: bool,
    /// What it was planned with.
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Plan {
    pub(crate) fn new(
        Outgoing { head, body, masked }: &Outgoing,
        target: &Target,
        snapshot: &Arc<Snapshot>,
    ) -> Self {
        let route = head.path.route();
        let others: Vec<String> = head.path.other_routes().into_iter().collect();
        let Seen { listed, fields, passes_opaque } = target.fields().seen(&route, BODY, snapshot);
        let mut carried = outgoing::going(target, (head, body), masked).found;
        carried.retain(|object| !masked.contains(object));
        let routes = (route.as_str(), others.as_slice());
        let mut command = command(head, target, routes, carried);
        if !masked.is_empty() {
            // What was masked is a part of what the request is.
            let names = masked.iter().filter_map(|object| object.path.last());
            let names: Vec<&str> = names.map(String::as_str).collect();
            command.fingerprint.push_str(&format!(" masked {}", names.join(", ")));
        }
        let command = CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: listed,
            before: Usage::default(),
        };
        Self { command, route, others, revealed: fields, passes_opaque, snapshot: snapshot.clone() }
    }
}

/// What a method does to what its path names.
///
/// SPEC: RFC 9110 section 9.2.1: safe methods ask for nothing to be changed. A service that
/// changes something all the same is what its operator has to classify.
fn action_of(method: &http::Method) -> Option<Action> {
    match method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => Some(Action::Read),
        "POST" | "PUT" | "PATCH" | "DELETE" => Some(Action::Write),
        _ => None,
    }
}

/// The name of a parameter for records, which hold no values: what a client can say in the place
/// of a name (an address, a number) is not one.
fn shown_name(name: &str) -> &str {
    const BYTES_MAX: usize = 64;
    const DIGITS_MAX: usize = 3;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]$:".contains(&byte);
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let is_name = name.len() <= BYTES_MAX && name.bytes().all(is_part) && digits <= DIGITS_MAX;
    if is_name { name } else { "*" }
}

fn command(
    head: &Head,
    target: &Target,
    (route, others): (&str, &[String]),
    carried: BTreeSet<Object>,
) -> Command {
    let mut fingerprint = format!("{} {route}", head.method);
    let names = head.query.pairs.iter().map(|(name, _)| shown_name(name));
    let names: BTreeSet<&str> = names.collect();
    if !names.is_empty() {
        fingerprint.push('?');
        fingerprint.push_str(&names.into_iter().collect::<Vec<_>>().join("&"));
    }
    let mut needs = Vec::new();
    let action = action_of(&head.method);
    if let Some(action) = action {
        needs.push(Need { action, object: target.route(route) });
        needs.extend(others.iter().map(|other| Need { action, object: target.route(other) }));
    }
    let mut probes = 0;
    let names = target
        .fields()
        .of_all(std::iter::once(route).chain(others.iter().map(String::as_str)).collect());
    let asked = |text: &str| names.asked(text);
    for (name, value) in &head.query.pairs {
        for object in asked(name) {
            probes += 1;
            needs.push(Need { action: Action::Filter, object: object.clone() });
            needs.push(Need { action: Action::Probe, object });
        }
        // `sort=salary`, `where=salary>4000`, `or=(email.eq.x)`.
        let asked = asked(value);
        needs.extend(asked.into_iter().map(|object| Need { action: Action::Filter, object }));
    }
    needs.dedup();
    let carried = carried.into_iter().map(|object| Need { action: Action::Write, object });
    needs.extend(carried);
    let writes_fields = needs.iter().any(|need| need.action == Action::Write);
    let unknown = action.is_none().then(|| format!("the method `{}` is not known", head.method));
    Command {
        verb: head.method.to_string(),
        fingerprint,
        shape: String::new(),
        needs,
        facts: Facts { bounded: bounded(head, action, writes_fields), probes, ..Facts::default() },
        unknown,
        // Nobody sees what runs behind a route, whatever its method is.
        effect: Effect::MayChange,
    }
}

/// Whether a write is about one thing; none where nothing is written. A DELETE, PUT or PATCH
/// of something that no number, hash or address names may be one of a whole collection,
/// whatever its query says. What a read says of somebody goes out, and changes no more than that.
fn bounded(head: &Head, action: Option<Action>, writes_fields: bool) -> Option<bool> {
    match action {
        Some(Action::Write) => Some(head.method == http::Method::POST || head.path.ends_in_one()),
        _ => writes_fields.then_some(true),
    }
}
