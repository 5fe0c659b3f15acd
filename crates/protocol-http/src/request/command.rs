//! What a request does, as policy sees it.

use super::routes::{Asking, Routes};
use super::{Head, Outgoing, outgoing};
use crate::graphql::{self, Graphql};
use crate::probes::{comparisons, values};
use crate::target::Target;
use portreeve_model::{Action, Command, Effect, Facts, Need, Object, Usage};
use portreeve_session::{CommandUse, Snapshot, Stage};
use portreeve_web::{Carried, FieldsOf, Seen};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The field that stands for a body as a whole.
const BODY: &str = "body";
/// The field that stands for what of a body nobody can look into.
const OPAQUE_FIELD: &str = "*opaque";

/// A request as it was planned: what it does, and what may show of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) command: CommandUse,
    /// Its own route and those that a server could see instead: what is known of their fields
    /// holds, too.
    pub(crate) routes: Routes,
    /// What the answer calls its fields.
    pub(crate) graphql: Option<Arc<Graphql>>,
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
        let routes = &head.routes;
        let asking = Asking { verb: head.method.as_str(), facts: facts(head), snapshot };
        let Seen { listed, mut fields, mut passes_opaque } =
            target.fields().seen(&routes.own, BODY, snapshot);
        let mut listed = listed.to_vec();
        let whole = [BODY, OPAQUE_FIELD].map(|name| target.fields().object(&routes.own, name));
        passes_opaque &= routes.may_show_like(&BTreeSet::from(whole), &asking);
        fields.extend(routes.revealed_like(&fields, &asking));
        for top in head.graphql.iter().flat_map(|graphql| graphql.tops()) {
            let seen = target.fields().seen(&top, BODY, snapshot);
            fields.extend(seen.fields);
            listed.extend(seen.listed.iter().cloned());
        }
        let mut carried = outgoing::going(target, (head, body), masked).found;
        carried.retain(|object| !masked.contains(object));
        let mut command = command(head, target, carried, &asking);
        if !masked.is_empty() {
            // What was masked is a part of what the request is.
            let names = masked.iter().filter_map(|object| object.path.last());
            let names: Vec<&str> = names.map(String::as_str).collect();
            command.fingerprint.push_str(&format!(" masked {}", names.join(", ")));
        }
        listed.sort();
        listed.dedup();
        let command = CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: listed.into(),
            before: Usage::default(),
        };
        Self {
            command,
            routes: routes.clone(),
            graphql: head.graphql.clone(),
            revealed: fields,
            passes_opaque,
            snapshot: snapshot.clone(),
        }
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
    carried: BTreeSet<Object>,
    asking: &Asking<'_>,
) -> Command {
    let routes = &head.routes;
    let mut fingerprint = format!("{} {}", head.method, routes.own);
    let names = head.query.pairs.iter().map(|(name, _)| shown_name(name));
    let names: BTreeSet<&str> = names.collect();
    if !names.is_empty() {
        fingerprint.push('?');
        fingerprint.push_str(&names.into_iter().collect::<Vec<_>>().join("&"));
    }
    let mut needs = routes.needs(|route| target.route(route), asking);
    let (asked, probes) = asked(head, target);
    needs.extend(asked);
    needs.dedup();
    let carried = carried.into_iter().map(|object| Need { action: Action::Write, object });
    needs.extend(carried);
    let is_asked = |action: Action, object: &Object| {
        needs.iter().any(|need| need.action == action && need.object == *object)
    };
    let is_said_elsewhere = |need: &&Need| {
        routes.is_said_elsewhere(need, |object| is_asked(need.action, object), asking)
    };
    let needs: Vec<Need> = needs.iter().filter(|need| !is_said_elsewhere(need)).cloned().collect();
    // What a read says of somebody goes out, and changes no more than that.
    let writes = needs.iter().any(|need| need.action == Action::Write).then_some(true);
    Command {
        verb: head.method.to_string(),
        fingerprint,
        shape: String::new(),
        needs,
        facts: Facts { bounded: asking.facts.bounded.or(writes), probes, ..asking.facts },
        unknown: routes.unknown.clone(),
        // Nobody sees what runs behind a route, whatever its method is.
        effect: Effect::MayChange,
    }
}

/// The classified fields that the path, the query and the operation ask about, and how many are
/// compared.
fn asked(head: &Head, target: &Target) -> (Vec<Need>, u64) {
    let (mut needs, mut probes) = (Vec::new(), 0);
    // Which part of the path a placeholder holds is not known here.
    let in_path = head.path.segments.iter().map(|part| values(part)).max().unwrap_or(1);
    let parameters = head.routes.probed.iter();
    let mut probed: Vec<(Object, u64)> =
        parameters.map(|(route, name)| (target.fields().object(route, name), in_path)).collect();
    let names = target.fields().of_all(head.routes.names());
    if let Some(graphql) = &head.graphql {
        let (asked, more) = asked_by(graphql, &names);
        needs.extend(asked);
        probes += more;
    }
    // What is a part of an operation was read as that.
    let is_other = |(name, _): &&(String, String)| {
        head.graphql.is_none() || !graphql::MEMBERS.contains(&name.as_str())
    };
    for (name, value) in head.query.pairs.iter().filter(is_other) {
        let count = values(value);
        probed.extend(names.asked(name).into_iter().map(|object| (object, count)));
        let (asked, more) = asked_in(name, value, &names);
        needs.extend(asked);
        probes += more;
    }
    for (object, count) in probed {
        // By one comparison nothing is learnt twice.
        probes += if head.routes.is_learnt(&object) { 0 } else { count };
        needs.extend(compared(&object));
    }
    (needs, probes)
}

/// The same of a value that may be an expression: `sort=salary`, `where=salary>4000`,
/// `or=(email.eq.x,email.eq.y)`.
fn asked_in(name: &str, value: &str, names: &FieldsOf<'_>) -> (Vec<Need>, u64) {
    let asked = names.asked(value);
    if asked.is_empty() {
        return (Vec::new(), 0);
    }
    let count = comparisons(name, value, |word| !names.asked(word).is_empty());
    let needs = asked.into_iter().flat_map(|object| {
        let wanted = compared(&object);
        wanted.into_iter().take(if count > 0 { 2 } else { 1 })
    });
    (needs.collect(), count)
}

fn compared(object: &Object) -> [Need; 2] {
    [Action::Filter, Action::Probe].map(|action| Need { action, object: object.clone() })
}

/// The same of what an operation says beside its fields: a query compares what its arguments name,
/// a mutation writes it.
fn asked_by(graphql: &Graphql, names: &FieldsOf<'_>) -> (Vec<Need>, u64) {
    let (mut needs, mut probes) = (Vec::new(), 0);
    let is_read = graphql.action() == Action::Read;
    for (name, count) in &graphql.said().names {
        let asked = names.asked(name);
        probes += if is_read && !asked.is_empty() { *count } else { 0 };
        for object in asked {
            match is_read {
                true => needs.extend(compared(&object)),
                false => needs.push(Need { action: Action::Write, object }),
            }
        }
    }
    // `orderBy: EMAIL_ASC`.
    let words = graphql.said().texts.iter();
    for (name, word) in words.filter(|(_, text)| !text.contains(char::is_whitespace)) {
        let (asked, more) = asked_in(name, word, names);
        needs.extend(asked);
        probes += more;
    }
    (needs, probes)
}

/// What policies may ask about it as a whole.
///
/// Whether a write is about one thing is not said where nothing is written. A DELETE, PUT or PATCH
/// of something that no number, hash or address names may be one of a whole collection, whatever
/// its query says.
fn facts(head: &Head) -> Facts {
    let is_one = head.method == http::Method::POST || head.routes.ends_in_one;
    Facts { bounded: head.routes.writes().then_some(is_one), ..Facts::default() }
}
