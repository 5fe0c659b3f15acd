//! What a request does, as policy sees it.

use super::{Head, outgoing};
use crate::target::Target;
use portreeve_detect::Detector;
use portreeve_model::{Action, Category, Command, Facts, Need, Object, Revealed, Usage};
use portreeve_session::{CommandUse, Snapshot, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The category under which a policy reveals what nobody can look into.
const OPAQUE: &str = "opaque";
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
}

impl Plan {
    pub(crate) fn new(
        (head, body): (&Head, &[u8]),
        target: &Target,
        snapshot: &Snapshot,
        detector: &Detector,
    ) -> Self {
        let route = head.path.route();
        let mut seen: Vec<Revealed> = target
            .named_fields(&route)
            .into_iter()
            .filter(|(object, category)| snapshot.reveals(object, category))
            .map(|(object, category)| Revealed { object, category })
            .collect();
        let revealed = seen.iter().map(|seen| seen.object.clone()).collect();
        let (whole, opaque) = (target.field(&route, BODY), Category::from(OPAQUE));
        let passes_opaque = snapshot.reveals(&whole, &opaque);
        if passes_opaque {
            seen.push(Revealed { object: whole, category: opaque });
        }
        seen.sort();
        let carried = outgoing::fields(target, &route, detector, (head.content_type(), body));
        let command = CommandUse {
            command: Arc::new(command(head, target, &route, carried)),
            stage: Stage::Run,
            revealed: seen.into(),
            before: Usage::default(),
        };
        Self { command, route, revealed, passes_opaque }
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
    let names: BTreeMap<&str, u64> =
        head.query.pairs.iter().fold(BTreeMap::new(), |mut names, (name, _)| {
            *names.entry(name).or_default() += 1;
            names
        });
    let shape: Vec<&str> = names.keys().copied().collect();
    if !shape.is_empty() {
        fingerprint.push('?');
        fingerprint.push_str(&shape.join("&"));
    }
    let mut needs = Vec::new();
    let action = action_of(&head.method);
    if let Some(action) = action {
        needs.push(Need { action, object: target.route(route) });
    }
    let mut probes = 0;
    for (name, count) in names {
        if let Some((object, _)) = target.category_of(route, name) {
            probes += count;
            needs.push(Need { action: Action::Filter, object: object.clone() });
            needs.push(Need { action: Action::Probe, object });
        }
    }
    let carried = carried.into_iter().map(|object| Need { action: Action::Write, object });
    needs.extend(carried);
    let unknown = action.is_none().then(|| format!("the method `{}` is not known", head.method));
    Command {
        verb: head.method.to_string(),
        fingerprint,
        needs,
        facts: Facts { bounded: bounded(head, route, action), probes, ..Facts::default() },
        unknown,
    }
}

/// Whether a write is about one thing, or about what a query picks; none where nothing is
/// written. A DELETE or PUT of a whole collection is not bounded.
fn bounded(head: &Head, route: &str, action: Option<Action>) -> Option<bool> {
    if action != Some(Action::Write) {
        return None;
    }
    let is_one = head.method == http::Method::POST || route.ends_with("/{id}");
    Some(is_one || !head.query.pairs.is_empty())
}
