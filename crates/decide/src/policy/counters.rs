//! Where a policy's answer can change while rows pass.
//!
//! A policy may compare `context.rows` and `context.session_rows` with whole numbers, and
//! do nothing else with them. So the answer is constant between the numbers that it names,
//! and the largest free row count is found exactly, without trying every count.

use super::facts::Counters;
use serde_json::{Map, Value};

/// A number that a policy compares a counter with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Boundary {
    /// `context.rows` is compared with it.
    Rows(u64),
    /// `context.session_rows` is compared with it.
    SessionRows(u64),
}

impl Boundary {
    /// The row counts at which a comparison with this number may turn, given what the
    /// session had before: at the number itself and one above.
    pub(super) fn turns(self, counters: Counters) -> [Option<u64>; 2] {
        match self {
            Self::Rows(number) => [Some(number), number.checked_add(1)],
            Self::SessionRows(number) => {
                let at = |number: u64| number.checked_sub(counters.base());
                [at(number), number.checked_add(1).and_then(at)]
            }
        }
    }
}

/// Finds the numbers in a policy's JSON form, or says what it does with a counter that
/// cannot be followed.
pub(super) fn boundaries(policy: &Value) -> Result<Vec<Boundary>, String> {
    let mut found = Vec::new();
    if let Some(conditions) = policy.get("conditions").and_then(Value::as_array) {
        for condition in conditions {
            condition.get("body").map_or(Ok(()), |body| walk(body, &mut found))?;
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

fn walk(node: &Value, found: &mut Vec<Boundary>) -> Result<(), String> {
    match node {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, found)),
        Value::Object(fields) => walk_object(fields, found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn walk_object(fields: &Map<String, Value>, found: &mut Vec<Boundary>) -> Result<(), String> {
    let Some((operator, inside)) = fields.iter().next().filter(|_| fields.len() == 1) else {
        return fields.values().try_for_each(|value| walk(value, found));
    };
    let operator = operator.as_str();
    match operator {
        "Value" => return Ok(()),
        // The keys of a record are the author's words, not operators.
        "Record" => return record_values(inside).try_for_each(|value| walk(value, found)),
        "Var" if inside == "context" => {
            return Err("uses `context` as a whole".to_owned());
        }
        "." | "has" if is_context(inside.get("left")) => {
            let counter = counter_name(inside).filter(|_| operator == ".");
            return counter.map_or(Ok(()), |name| Err(format!("computes with `context.{name}`")));
        }
        _ if COMPARISONS.contains(&operator) => {
            let (left, right) = (inside.get("left"), inside.get("right"));
            let compared = comparison(left, right).or_else(|| comparison(right, left));
            if let Some(boundary) = compared {
                found.push(boundary?);
                return Ok(());
            }
        }
        _ => {}
    }
    walk(inside, found)
}

fn record_values(record: &Value) -> impl Iterator<Item = &Value> {
    record.as_object().into_iter().flat_map(Map::values)
}

fn is_context(node: Option<&Value>) -> bool {
    node.and_then(|node| node.get("Var")).is_some_and(|name| name == "context")
}

fn counter_name(access: &Value) -> Option<&str> {
    let name = access.get("attr").and_then(Value::as_str)?;
    ["rows", "session_rows"].contains(&name).then_some(name)
}

/// A counter on the one side: the number on the other. None where there is no counter.
fn comparison(counter: Option<&Value>, other: Option<&Value>) -> Option<Result<Boundary, String>> {
    let access = counter?.get(".").filter(|access| is_context(access.get("left")))?;
    let name = counter_name(access)?;
    let number = other.and_then(|other| other.get("Value")).and_then(Value::as_u64);
    let Some(number) = number else {
        return Some(Err(format!("compares `context.{name}` with something else than a number")));
    };
    Some(Ok(if name == "rows" { Boundary::Rows(number) } else { Boundary::SessionRows(number) }))
}
