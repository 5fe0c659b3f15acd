//! What was asked in a scope: statements by their shape, who asked, and what policy answered.
//!
//! A shape has no constants and no names that a client makes up, so no value is in here.

use crate::document::{Document, Source, list};
use crate::time;
use crate::walk::Exchange;
use portreeve_model::{CommandRecord, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Statements that are listed one by one: the most frequent.
const LISTED_MAX: usize = 200;
/// Different statements that are told apart. A shape has up to 4 KiB, and whoever asks makes it up.
const TOLD_APART_MAX: usize = 10_000;

/// Statements while a pass counts them.
#[derive(Default)]
pub(super) struct Statements {
    known: BTreeMap<Asked, Tally>,
    /// Statements that came when so many others were known already.
    beyond: u64,
}

/// What makes two statements the same line of a report. The order decides between equal counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Asked {
    resource: String,
    verb: String,
    /// In words, as far as the log has them; otherwise the fingerprint again.
    shape: String,
    fingerprint: String,
    principal: String,
    actors: Vec<String>,
    /// `allow`, `review`, `deny`; `not-understood` where policy could not be asked.
    verdict: String,
}

#[derive(Default)]
struct Tally {
    count: u64,
    refused: u64,
    first_us: u64,
    last_us: u64,
}

/// The statements of a report.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct StatementList {
    /// The most frequent first.
    pub(super) listed: Vec<StatementRow>,
    /// Statements, counted one by one, that no row lists.
    pub(super) unlisted: u64,
    /// Statements among them that were not told apart: which are the most frequent is known of
    /// the others only.
    pub(super) not_told_apart: u64,
}

/// One line: a shape, asked by one chain, with one answer.
#[derive(Serialize, Deserialize)]
pub(super) struct StatementRow {
    #[serde(flatten)]
    asked: Asked,
    count: u64,
    /// Those among them whose exchange was refused in the end.
    refused: u64,
    first_seen: String,
    last_seen: String,
}

impl Statements {
    pub(super) fn add(&mut self, exchange: &Exchange<'_>) {
        for command in exchange.ran() {
            let asked = Asked::of(command, exchange);
            if self.known.len() >= TOLD_APART_MAX && !self.known.contains_key(&asked) {
                self.beyond += command.times;
                continue;
            }
            let tally = self.known.entry(asked).or_default();
            // Exchanges come in the order of their ends.
            tally.first_us = match tally.count {
                0 => exchange.at_us,
                _ => tally.first_us.min(exchange.at_us),
            };
            tally.last_us = tally.last_us.max(exchange.at_us);
            tally.count += command.times;
            tally.refused += if exchange.is_refused() { command.times } else { 0 };
        }
    }

    pub(super) fn list(self) -> StatementList {
        let mut rows: Vec<(Asked, Tally)> = self.known.into_iter().collect();
        // Stable: equals stay in the order of their keys.
        rows.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.count));
        let rest = rows.split_off(rows.len().min(LISTED_MAX));
        StatementList {
            listed: rows.into_iter().map(StatementRow::of).collect(),
            unlisted: self.beyond + rest.iter().map(|(_, tally)| tally.count).sum::<u64>(),
            not_told_apart: self.beyond,
        }
    }
}

impl Asked {
    fn of(command: &CommandRecord, exchange: &Exchange<'_>) -> Self {
        let chain = &exchange.session.chain;
        let shape = match command.shape.is_empty() {
            true => &command.fingerprint,
            false => &command.shape,
        };
        Self {
            resource: exchange.session.resource.clone(),
            verb: command.verb.clone(),
            shape: shape.clone(),
            fingerprint: command.fingerprint.clone(),
            principal: chain.principal.subject.clone(),
            actors: chain.actors.iter().map(|actor| actor.subject.clone()).collect(),
            verdict: verdict(command).to_owned(),
        }
    }
}

fn verdict(command: &CommandRecord) -> &'static str {
    match command.decision.as_ref().map(|decision| decision.verdict) {
        Some(Verdict::Allow) => "allow",
        Some(Verdict::Review) => "review",
        Some(Verdict::Deny) => "deny",
        None => "not-understood",
    }
}

impl StatementRow {
    fn of((asked, tally): (Asked, Tally)) -> Self {
        Self {
            asked,
            count: tally.count,
            refused: tally.refused,
            first_seen: time::text(tally.first_us),
            last_seen: time::text(tally.last_us),
        }
    }

    fn cells(&self) -> Vec<String> {
        let asked = &self.asked;
        vec![
            asked.shape.clone(),
            asked.verb.clone(),
            asked.resource.clone(),
            asked.principal.clone(),
            list(&asked.actors),
            asked.verdict.clone(),
            self.count.to_string(),
            self.refused.to_string(),
            self.first_seen.clone(),
            self.last_seen.clone(),
        ]
    }
}

impl StatementList {
    pub(super) fn put(&self, document: &mut Document) {
        document.heading("Statements");
        document.table(
            "What was asked, without values, the most frequent first",
            &[
                ("statement", Source::Observed),
                ("verb", Source::Observed),
                ("resource", Source::Observed),
                ("principal", Source::Observed),
                ("actors", Source::Observed),
                ("verdict", Source::Observed),
                ("count", Source::Observed),
                ("refused", Source::Observed),
                ("first seen", Source::Observed),
                ("last seen", Source::Observed),
            ],
            self.listed.iter().map(StatementRow::cells).collect(),
        );
        if self.unlisted > 0 {
            document.gaps.push(format!(
                "{} statements are counted and not listed: the {LISTED_MAX} most frequent are",
                self.unlisted
            ));
        }
        if self.not_told_apart > 0 {
            document.gaps.push(format!(
                "{} statements came after {TOLD_APART_MAX} different ones and were not told apart",
                self.not_told_apart
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(shape: &str) -> Asked {
        Asked {
            resource: "shop".into(),
            verb: "SELECT".into(),
            shape: shape.into(),
            fingerprint: shape.into(),
            principal: "ada".into(),
            actors: Vec::new(),
            verdict: "allow".into(),
        }
    }

    #[test]
    fn the_most_frequent_are_listed_and_the_rest_is_counted() {
        let mut statements = Statements { beyond: 5, ..Statements::default() };
        for number in 0..=LISTED_MAX {
            let count = if number == 7 { 9 } else { 2 };
            let tally = Tally { count, ..Tally::default() };
            statements.known.insert(asked(&format!("{number:04}")), tally);
        }
        let list = statements.list();
        assert_eq!(list.listed.len(), LISTED_MAX);
        assert_eq!((list.listed[0].asked.shape.as_str(), list.listed[0].count), ("0007", 9));
        assert_eq!(list.listed[1].asked.shape, "0000", "equals in the order of their keys");
        assert_eq!((list.unlisted, list.not_told_apart), (7, 5));
        let mut document = Document::default();
        list.put(&mut document);
        assert_eq!(document.gaps.len(), 2);
    }
}
