//! Whom rows are about: people as tokens, counted by table.

use super::SubjectToken;
use portreeve_model::SubjectCount;
use std::collections::{BTreeMap, BTreeSet};

/// Whom rows are about, by table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subjects(BTreeMap<String, SubjectTally>);

/// Whom rows of one table are about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectTally {
    /// What identifies a person in this table.
    pub kind: String,
    /// The people.
    pub tokens: BTreeSet<SubjectToken>,
    /// People whom the rows may be about beside them: what names them was computed, or is what
    /// the client looked for.
    pub derived: BTreeSet<SubjectToken>,
    /// Rows of which nobody can say whom they are about.
    pub unresolved: u64,
}

impl Subjects {
    /// Adds rows of a table.
    pub fn add(&mut self, table: &str, tally: SubjectTally) {
        if tally.tokens.is_empty() && tally.derived.is_empty() && tally.unresolved == 0 {
            return;
        }
        let known = self.0.entry(table.to_owned()).or_default();
        known.kind = tally.kind;
        known.tokens.extend(tally.tokens);
        known.derived.extend(tally.derived);
        known.unresolved += tally.unresolved;
    }

    /// Adds others.
    pub fn merge(&mut self, others: Self) {
        others.0.into_iter().for_each(|(table, tally)| self.add(&table, tally));
    }

    /// Whether there is nothing to record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many people, each table for itself.
    #[must_use]
    pub fn people(&self) -> u64 {
        self.0.values().map(|tally| tally.tokens.len() as u64 + tally.unresolved).sum()
    }

    /// The counts for the record, and the tokens for its payload.
    #[must_use]
    pub fn to_record(&self) -> (BTreeMap<String, SubjectCount>, Vec<u8>) {
        let count = |tally: &SubjectTally| SubjectCount {
            kind: tally.kind.clone(),
            people: tally.tokens.len() as u64,
            derived: tally.derived.difference(&tally.tokens).count() as u64,
            unresolved: tally.unresolved,
        };
        let tables = self.0.iter().map(|(table, tally)| (table.clone(), count(tally))).collect();
        let tokens_of = |tally: &SubjectTally| {
            let derived = tally.derived.difference(&tally.tokens);
            tally.tokens.iter().chain(derived).flatten().copied().collect::<Vec<u8>>()
        };
        (tables, self.0.values().flat_map(tokens_of).collect())
    }
}
