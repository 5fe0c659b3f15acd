//! What a request does, as policy sees it.

use super::{Head, outgoing};
use crate::target::Target;
use portreeve_detect::Detector;
use portreeve_model::{Action, Category, Command, Effect, Facts, Need, Object, Usage};
use portreeve_session::{CommandUse, Snapshot, Stage};
use portreeve_web::Seen;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The field that stands for a body as a whole.
const BODY: &str = "body";

/// A request as it was planned: what it does, and what may show of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) command: CommandUse,
    pub(crate) route: String,
    /// Fields that policy reveals.
    pub(crate) revealed: BTreeSet<Object>,
    /// Whether a body that nobody can look into may pass.
    pub(crate) passes_opaque: bool,
    /// What it was planned with.
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Plan {
    pub(crate) fn new(
        (head, body): (&Head, &[u8]),
        target: &Target,
        snapshot: &Arc<Snapshot>,
        detector: &Detector,
    ) -> Self {
        let route = head.path.route();
        let Seen { listed, fields, passes_opaque } = target.fields().seen(&route, BODY, snapshot);
        let carried = outgoing::fields(target, &route, detector, (head, body));
        let command = CommandUse {
            command: Arc::new(command(head, target, &route, carried)),
            stage: Stage::Run,
            revealed: listed,
            before: Usage::default(),
        };
        Self { command, route, revealed: fields, passes_opaque, snapshot: snapshot.clone() }
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

fn command(head: &Head, target: &Target, route: &str, carried: BTreeSet<Object>) -> Command {
    let mut fingerprint = format!("{} {route}", head.method);
    let names: BTreeSet<&str> = head.query.pairs.iter().map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        fingerprint.push('?');
        fingerprint.push_str(&names.into_iter().collect::<Vec<_>>().join("&"));
    }
    let mut needs = Vec::new();
    let action = action_of(&head.method);
    if let Some(action) = action {
        needs.push(Need { action, object: target.route(route) });
    }
    let mut probes = 0;
    for (name, value) in &head.query.pairs {
        for (object, _) in named_in(target, route, name) {
            probes += 1;
            needs.push(Need { action: Action::Filter, object: object.clone() });
            needs.push(Need { action: Action::Probe, object });
        }
        // `sort=salary`, `where=salary>4000`, `or=(email.eq.x)`.
        let asked = named_in(target, route, value);
        needs.extend(asked.into_iter().map(|(object, _)| Need { action: Action::Filter, object }));
    }
    needs.dedup();
    let carried = carried.into_iter().map(|object| Need { action: Action::Write, object });
    needs.extend(carried);
    let unknown = action.is_none().then(|| format!("the method `{}` is not known", head.method));
    Command {
        verb: head.method.to_string(),
        fingerprint,
        shape: String::new(),
        needs,
        facts: Facts { bounded: bounded(head, route, action), probes, ..Facts::default() },
        unknown,
        // Nobody sees what runs behind a route, whatever its method is.
        effect: Effect::MayChange,
    }
}

/// The classified fields that a name or an expression names, in whatever writing: `Email`,
/// `user[email]`, `email__contains`, `salary>4000`.
fn named_in(target: &Target, route: &str, text: &str) -> Vec<(Object, Category)> {
    let mut found: Vec<(Object, Category)> =
        target.fields().category_of(route, text).into_iter().collect();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-') {
        let parts = word.split("__").filter(|part| !part.is_empty());
        found.extend(parts.filter_map(|part| target.fields().category_of(route, part)));
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a write is about one thing; none where nothing is written. A DELETE, PUT or PATCH
/// of something that no number, hash or address names may be one of a whole collection,
/// whatever its query says.
fn bounded(head: &Head, route: &str, action: Option<Action>) -> Option<bool> {
    (action == Some(Action::Write))
        .then(|| head.method == http::Method::POST || route.ends_with("/{id}"))
}
