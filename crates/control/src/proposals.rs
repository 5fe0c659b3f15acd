//! Columns in which detectors keep finding what nobody has classified: what an operator should
//! add to the configuration. Counts only, never a value.

use crate::config::Config;
use portreeve_model::{Category, Detected, Object, ObjectKind};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values in which something was found before a column is proposed: one odd value is no habit.
const FOUND_MIN: u64 = 20;
/// Columns that are counted. More are found masked all the same.
const COLUMNS_MAX: usize = 10_000;

/// A column that should be classified, or cleared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Proposal {
    /// The resource.
    pub resource: String,
    /// `schema.table.column`
    pub column: String,
    /// What was found in it, by category.
    pub found: BTreeMap<String, u64>,
    /// The line to add to `classify` of the resource, unless nobody's data is in the column.
    pub line: String,
}

/// What was found in which columns.
#[derive(Debug, Default)]
pub struct Proposals(Mutex<BTreeMap<(String, Object), BTreeMap<Category, u64>>>);

impl Proposals {
    /// Counts what was found. Gives the proposal where this made one of it.
    pub fn count(&self, resource: &str, found: &Detected) -> Option<Proposal> {
        if found.object.kind != ObjectKind::COLUMN {
            return None;
        }
        let mut columns = self.lock();
        let key = (resource.to_owned(), found.object.clone());
        if columns.len() >= COLUMNS_MAX && !columns.contains_key(&key) {
            return None;
        }
        let counts = columns.entry(key).or_default();
        let before: u64 = counts.values().sum();
        let count = found.masked + found.revealed;
        *counts.entry(found.category.clone()).or_default() += count;
        let is_new = before < FOUND_MIN && before + count >= FOUND_MIN;
        is_new.then(|| proposal(resource, &found.object, counts))
    }

    /// What is proposed now.
    #[must_use]
    pub fn list(&self) -> Vec<Proposal> {
        let columns = self.lock();
        let many = columns.iter().filter(|(_, counts)| counts.values().sum::<u64>() >= FOUND_MIN);
        many.map(|((resource, object), counts)| proposal(resource, object, counts)).collect()
    }

    /// Drops what another configuration has decided.
    pub fn adopt(&self, config: &Config) {
        self.lock().retain(|(resource, object), _| {
            config.resources.get(resource).is_some_and(|resource| {
                let classify = &resource.classify;
                classify.category_of(object.kind, &object.path).is_none()
                    && !classify.clears(object.kind, &object.path)
            })
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, Object), BTreeMap<Category, u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn proposal(resource: &str, object: &Object, counts: &BTreeMap<Category, u64>) -> Proposal {
    let most = counts.iter().max_by_key(|(_, count)| **count);
    let category = most.map_or("personal", |(category, _)| category.0.as_str());
    let column = object.path.iter().map(|part| written(part)).collect::<Vec<_>>().join(".");
    let key = if column.contains('"') { format!("'{column}'") } else { column.clone() };
    Proposal {
        resource: resource.to_owned(),
        line: format!("{key}: {category}"),
        column,
        found: counts.iter().map(|(category, count)| (category.0.clone(), *count)).collect(),
    }
}

/// A name as a pattern has it.
fn written(part: &str) -> String {
    let is_plain = |c: char| c.is_lowercase() || c.is_ascii_digit() || c == '_';
    match part.chars().all(is_plain) {
        true => part.to_owned(),
        false => format!("\"{}\"", part.replace('"', "\"\"").replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(object: Object, category: &str, masked: u64) -> Detected {
        let (place, category) = ("x".to_owned(), category.into());
        Detected { category, object, place, masked, revealed: 0 }
    }

    #[test]
    fn a_column_is_proposed_once_when_it_keeps_being_personal() {
        let proposals = Proposals::default();
        let body = Object::column("public", "contact_log", "body");
        assert_eq!(proposals.count("shop", &found(body.clone(), "phone", 9)), None);
        assert_eq!(proposals.list(), []);
        let made = proposals.count("shop", &found(body.clone(), "email", 11)).unwrap();
        assert_eq!(made.line, "public.contact_log.body: email");
        assert_eq!(made.found, [("email".to_owned(), 11), ("phone".to_owned(), 9)].into());
        assert_eq!(proposals.count("shop", &found(body, "email", 50)), None, "told once");
        assert_eq!(proposals.count("shop", &found(Object::resource(), "email", 50)), None);
        assert_eq!(proposals.list().len(), 1);
    }

    #[test]
    fn lines_are_read_back_as_the_column() {
        let odd = Object::column("Crm", "it's", "E-Mail");
        let counts = [(Category::from("email"), 20)].into();
        let line = proposal("shop", &odd, &counts).line;
        assert_eq!(line, "'\"Crm\".\"it''s\".\"E-Mail\"': email");
    }
}
