//! Where a policy's answer can change while a reply passes.
//!
//! A policy may compare a counter (`context.rows`, `context.session_bytes`,
//! `context.day_probes`) with whole numbers, and do nothing else with it. So the answer is
//! constant between the numbers that it names, and the largest free count is found
//! exactly, without trying every one.

use portreeve_model::{Counter, Scope, Unit};
use serde_json::{Map, Value};
use std::ops::BitOr;

/// A number that a policy compares a counter with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Boundary {
    pub(super) counter: Counter,
    pub(super) number: u64,
}

impl Boundary {
    /// The counts of the exchange at which a comparison with this number may turn: at the
    /// number itself and one above, less what its scope had before the exchange.
    pub(super) fn turns(self, before: u64) -> impl Iterator<Item = u64> {
        let numbers = [Some(self.number), self.number.checked_add(1)];
        numbers.into_iter().flatten().filter_map(move |number| number.checked_sub(before))
    }
}

/// Some of the counters.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterSet(u32);

impl CounterSet {
    /// Whether no counter is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this counter is in it.
    #[must_use]
    pub fn contains(self, counter: Counter) -> bool {
        self.0 & bit(counter) != 0
    }

    /// Whether a counter of this unit is in it, whatever its scope.
    #[must_use]
    pub fn has_unit(self, unit: Unit) -> bool {
        Scope::ALL.into_iter().any(|scope| self.contains(Counter { scope, unit }))
    }

    /// Whether a counter of this scope is in it, whatever its unit.
    #[must_use]
    pub fn has_scope(self, scope: Scope) -> bool {
        Unit::ALL.into_iter().any(|unit| self.contains(Counter { scope, unit }))
    }

    /// How many units have a counter in it.
    pub(super) fn units_count(self) -> usize {
        Unit::ALL.into_iter().filter(|unit| self.has_unit(*unit)).count()
    }

    /// The counters in it.
    pub fn iter(self) -> impl Iterator<Item = Counter> {
        Counter::all().filter(move |counter| self.contains(*counter))
    }
}

impl FromIterator<Counter> for CounterSet {
    fn from_iter<I: IntoIterator<Item = Counter>>(counters: I) -> Self {
        Self(counters.into_iter().fold(0, |bits, counter| bits | bit(counter)))
    }
}

impl BitOr for CounterSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::fmt::Debug for CounterSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(Counter::name)).finish()
    }
}

const fn bit(counter: Counter) -> u32 {
    1 << (counter.scope as u32 * Unit::ALL.len() as u32 + counter.unit as u32)
}

/// What a policy asks of the context that not every ask can answer.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Mentions {
    /// Sorted, each once.
    pub(super) boundaries: Vec<Boundary>,
    /// A fact of the command that it asks for.
    pub(super) fact: Option<String>,
    /// Counters of which several together can make the policy apply, though none of them
    /// does alone: `rows > 100 && bytes > 1000`, but not `rows > 100 || bytes > 1000`.
    pub(super) coupled: CounterSet,
    /// Whether evaluating it can fail: by a sum that is too large, say.
    can_fail: bool,
}

impl Mentions {
    pub(super) fn counters(&self) -> CounterSet {
        self.boundaries.iter().map(|boundary| boundary.counter).collect()
    }
}

/// What the context says of the command, beside the parties and the time.
const FACTS: [&str; 6] = ["verb", "writes", "bounded", "change", "aggregated", "counted"];

/// Finds them in a policy's JSON form, or says what it does with a counter that cannot be
/// followed.
pub(super) fn mentions(policy: &Value) -> Result<Mentions, String> {
    let mut found = Mentions::default();
    let mut joint = Joint::default();
    let conditions = policy.get("conditions").and_then(Value::as_array);
    for condition in conditions.into_iter().flatten() {
        let Some(body) = condition.get("body") else {
            continue;
        };
        walk(body, &mut found)?;
        let wanted = condition.get("kind").is_none_or(|kind| kind != "unless");
        joint = joint.and(Joint::of(body, wanted));
    }
    found.boundaries.sort_unstable();
    found.boundaries.dedup();
    // What fails refuses, and whether it comes to that is not followed.
    found.coupled = if found.can_fail { joint.all_coupled().coupled } else { joint.coupled };
    Ok(found)
}

/// Which counters can make an expression true (or false, where that is wanted), and which
/// of them only together.
#[derive(Clone, Copy, Default)]
struct Joint {
    counters: CounterSet,
    coupled: CounterSet,
}

impl Joint {
    fn of(node: &Value, wanted: bool) -> Self {
        let operator = node.as_object().and_then(|fields| fields.iter().next());
        let Some((operator, inside)) = operator else {
            let items = node.as_array().into_iter().flatten();
            return items.fold(Self::default(), |all, item| all.and(Self::of(item, wanted)));
        };
        let side = |side: &str, wanted| match inside.get(side) {
            Some(node) => Self::of(node, wanted),
            None => Self::default(),
        };
        match (operator.as_str(), wanted) {
            ("||", true) | ("&&", false) => side("left", wanted).or(side("right", wanted)),
            ("&&", true) | ("||", false) => side("left", wanted).and(side("right", wanted)),
            ("!", _) => side("arg", !wanted),
            (".", _) => {
                let name = inside.get("attr").and_then(Value::as_str).unwrap_or_default();
                let counter = Counter::named(name).filter(|_| is_context(inside.get("left")));
                let counters = counter.into_iter().collect();
                let inner = side("left", true);
                inner.and(Self { counters, coupled: CounterSet::default() }).all_coupled()
            }
            ("Value", _) => Self::default(),
            _ => {
                let parts = inside.as_object().into_iter().flat_map(Map::values);
                let parts = parts.chain(inside.as_array().into_iter().flatten());
                let all = parts.fold(Self::default(), |all, part| all.and(Self::of(part, true)));
                all.all_coupled()
            }
        }
    }

    /// One of two is enough: then one of them alone makes it so.
    fn or(self, other: Self) -> Self {
        let counters = self.counters | other.counters;
        Self { counters, coupled: self.coupled | other.coupled }
    }

    /// Both are demanded. A side without counters stands still.
    fn and(self, other: Self) -> Self {
        let all = self.or(other);
        let is_apart = self.counters.is_empty() || other.counters.is_empty();
        if is_apart { all } else { all.all_coupled() }
    }

    fn all_coupled(self) -> Self {
        let coupled = if self.counters.units_count() > 1 { self.counters } else { self.coupled };
        Self { coupled, ..self }
    }
}

const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

fn walk(node: &Value, found: &mut Mentions) -> Result<(), String> {
    match node {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, found)),
        Value::Object(fields) => walk_object(fields, found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn walk_object(fields: &Map<String, Value>, found: &mut Mentions) -> Result<(), String> {
    let Some((operator, inside)) = fields.iter().next().filter(|_| fields.len() == 1) else {
        return fields.values().try_for_each(|value| walk(value, found));
    };
    let operator = operator.as_str();
    let is_call = inside.is_array() && operator != "Set";
    found.can_fail |= is_call || ["+", "-", "*", "neg"].contains(&operator);
    match operator {
        "Value" => return Ok(()),
        // The keys of a record are the author's words, not operators.
        "Record" => return record_values(inside).try_for_each(|value| walk(value, found)),
        "Var" if inside == "context" => {
            return Err("uses `context` as a whole".to_owned());
        }
        "." | "has" if is_context(inside.get("left")) => {
            return walk_context(operator, inside, found);
        }
        _ if COMPARISONS.contains(&operator) => {
            let (left, right) = (inside.get("left"), inside.get("right"));
            let compared = comparison(left, right).or_else(|| comparison(right, left));
            if let Some(boundary) = compared {
                found.boundaries.push(boundary?);
                return Ok(());
            }
        }
        _ => {}
    }
    walk(inside, found)
}

fn walk_context(operator: &str, access: &Value, found: &mut Mentions) -> Result<(), String> {
    let name = access.get("attr").and_then(Value::as_str).unwrap_or_default();
    if operator == "." && Counter::named(name).is_some() {
        return Err(format!("computes with `context.{name}`"));
    }
    if FACTS.contains(&name) {
        found.fact = Some(name.to_owned());
    }
    Ok(())
}

fn record_values(record: &Value) -> impl Iterator<Item = &Value> {
    record.as_object().into_iter().flat_map(Map::values)
}

fn is_context(node: Option<&Value>) -> bool {
    node.and_then(|node| node.get("Var")).is_some_and(|name| name == "context")
}

/// A counter on the one side: the number on the other. None where there is no counter.
fn comparison(counter: Option<&Value>, other: Option<&Value>) -> Option<Result<Boundary, String>> {
    let access = counter?.get(".").filter(|access| is_context(access.get("left")))?;
    let counter = Counter::named(access.get("attr").and_then(Value::as_str)?)?;
    let number = other.and_then(|other| other.get("Value")).and_then(Value::as_u64);
    let wrong = || format!("compares `context.{counter}` with something else than a number");
    Some(number.map(|number| Boundary { counter, number }).ok_or_else(wrong))
}
