//! What several reports look at in an exchange.

use crate::categories::CategoryClass;
use crate::scope::Scope;
use crate::time;
use crate::walk::{Exchange, People, SessionFacts};
use portreeve_evidence::Token;
use portreeve_model::{Action, Chain, Object, Party, PartyKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why data were accessed, and who says so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Purpose {
    /// The word; none where nobody gave one.
    pub(crate) purpose: Option<String>,
    /// `signed` by the issuer, `stated` by the client, or `none`.
    pub(crate) said_by: String,
}

impl Purpose {
    pub(crate) fn of(chain: &Chain) -> Self {
        let said = |purpose: &Option<String>, said_by: &str| Self {
            purpose: purpose.clone(),
            said_by: said_by.to_owned(),
        };
        match (&chain.purpose, &chain.stated_purpose) {
            (Some(_), _) => said(&chain.purpose, "signed"),
            (None, Some(_)) => said(&chain.stated_purpose, "stated"),
            (None, None) => said(&None, "none"),
        }
    }

    pub(crate) fn text(&self) -> String {
        match &self.purpose {
            Some(purpose) => format!("{purpose} ({})", self.said_by),
            None => "none given".to_owned(),
        }
    }
}

/// The group of those who act in the end: the last actor's, or what the principal is where
/// nobody acts for it.
pub(crate) fn acting_group(chain: &Chain) -> String {
    match chain.actors.last() {
        Some(actor) if actor.groups.is_empty() => format!("agent {}", actor.subject),
        Some(actor) => format!("agents in {}", joined(&actor.groups)),
        None if chain.principal.kind == PartyKind::Person => "people themselves".to_owned(),
        None => "services".to_owned(),
    }
}

/// Whom a party is, told by role: groups, or what sort of party it is.
pub(crate) fn role(party: &Party) -> String {
    let sort = match party.kind {
        PartyKind::Person => "person",
        PartyKind::Service => "service",
        PartyKind::Actor => "agent",
    };
    match party.groups.is_empty() {
        true => sort.to_owned(),
        false => format!("{sort} in {}", joined(&party.groups)),
    }
}

fn joined(groups: &[String]) -> String {
    groups
        .iter()
        .map(String::as_str)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

/// How a category was used in an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Touch {
    pub(crate) values_masked: u64,
    pub(crate) is_revealed: bool,
    /// Different columns of it that were revealed.
    pub(crate) columns_revealed: u64,
    pub(crate) found_revealed: u64,
    pub(crate) is_compared: bool,
}

/// The categories that an exchange touched.
pub(crate) fn touches(exchange: &Exchange<'_>) -> BTreeMap<String, Touch> {
    let mut touches: BTreeMap<String, Touch> = BTreeMap::new();
    for (category, count) in exchange.masked {
        touches.entry(category.0.clone()).or_default().values_masked += count;
    }
    for (_, category) in exchange.revealed() {
        let touch = touches.entry(category.0.clone()).or_default();
        touch.is_revealed = true;
        touch.columns_revealed += 1;
    }
    for found in exchange.detected.iter().filter(|found| found.revealed > 0) {
        touches.entry(found.category.0.clone()).or_default().found_revealed += found.revealed;
    }
    for (category, action, _) in exchange.classified() {
        if matches!(action, Action::Filter | Action::Probe) {
            touches.entry(category.0.clone()).or_default().is_compared = true;
        }
    }
    touches
}

/// How a category was used in many exchanges.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CategoryUse {
    pub(crate) first_seen: String,
    pub(crate) last_seen: String,
    /// Exchanges that touched it.
    pub(crate) exchanges: u64,
    /// Values of it that were masked.
    pub(crate) values_masked: u64,
    /// Rows released by exchanges that revealed something of it: at most so many values in each
    /// of their columns.
    pub(crate) rows_revealed: u64,
    /// Each revealed column counted as a value in each of these rows.
    #[serde(default)]
    pub(crate) values_revealed_max: u64,
    /// Values of it that detectors found and policy revealed.
    pub(crate) values_found_revealed: u64,
    /// Exchanges in whose conditions it was used.
    pub(crate) exchanges_comparing: u64,
    /// Exchanges touching it that were refused.
    pub(crate) exchanges_refused: u64,
}

impl CategoryUse {
    pub(crate) fn add(&mut self, exchange: &Exchange<'_>, touch: Touch) {
        let at = time::text(exchange.at_us);
        if self.first_seen.is_empty() || at < self.first_seen {
            self.first_seen.clone_from(&at);
        }
        if at > self.last_seen {
            self.last_seen = at;
        }
        self.exchanges += 1;
        self.values_masked += touch.values_masked;
        self.rows_revealed += if touch.is_revealed { exchange.rows } else { 0 };
        self.values_revealed_max += exchange.rows.saturating_mul(touch.columns_revealed);
        self.values_found_revealed += touch.found_revealed;
        self.exchanges_comparing += u64::from(touch.is_compared);
        self.exchanges_refused += u64::from(exchange.is_refused());
    }
}

/// How much of the personal data that was released is masked.
///
/// The log counts masked values one by one, and those that detectors found. Of a revealed column
/// it knows the rows of the exchange: more than its values where some are null or other
/// statements of the exchange had rows, fewer where an answer shows a column twice.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct MaskedShare {
    values_masked: u64,
    /// Masked, revealed, and found and revealed.
    values_released_max: u64,
    /// Rounded down; none where nothing was released.
    percent_min: Option<u64>,
}

impl MaskedShare {
    /// Of personal data: what is confidential for other reasons is not in it.
    pub(crate) fn of<'u>(used: impl Iterator<Item = (&'u CategoryClass, &'u CategoryUse)>) -> Self {
        let mut share = Self::default();
        for (_, used) in used.filter(|(class, _)| class.is_personal()) {
            share.values_masked += used.values_masked;
            share.values_released_max += used.values_released_max();
        }
        share.percent_min = percent(share.values_masked, share.values_released_max);
        share
    }

    pub(crate) fn text(&self) -> String {
        let Self { values_masked, values_released_max, percent_min } = self;
        match percent_min {
            None => "none was released".to_owned(),
            Some(_) if values_masked == values_released_max => {
                format!("all {values_masked}")
            }
            Some(percent) => {
                format!("{values_masked} of at most {values_released_max}: at least {percent} %")
            }
        }
    }
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    let percent = u128::from(part) * 100 / u128::from(whole).max(1);
    (whole > 0).then(|| u64::try_from(percent).unwrap_or(100))
}

impl CategoryUse {
    fn values_released_max(&self) -> u64 {
        self.values_masked + self.values_revealed_max + self.values_found_revealed
    }

    pub(crate) fn masked_percent_text(&self) -> String {
        let percent = percent(self.values_masked, self.values_released_max());
        percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
    }
}

/// Different people, counted exactly as far as lists could be opened, with bounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crowd {
    named: BTreeMap<String, std::collections::HashSet<Token>>,
    derived: BTreeMap<String, std::collections::HashSet<Token>>,
    unresolved: u64,
    unread: u64,
    /// Rows that can be about any number of people.
    is_unbounded: bool,
}

/// How many people: at least, and at most where that can be said.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PeopleCount {
    /// Different identifiers that rows named, by kind. One person may have several kinds.
    pub(crate) named: BTreeMap<String, u64>,
    /// Further ones whom rows may have been about, by kind.
    pub(crate) derived: BTreeMap<String, u64>,
    /// Rows of which nobody can say whom they are about.
    pub(crate) rows_unresolved: u64,
    /// People on lists that could not be opened, each list for itself.
    pub(crate) people_unread: u64,
    /// No fewer people than this.
    pub(crate) at_least: u64,
    /// No more people than this; none where rows were computed from any number of others.
    pub(crate) at_most: Option<u64>,
}

impl Crowd {
    pub(crate) fn add(&mut self, exchange: &Exchange<'_>) {
        for People { kind, named, derived, unresolved, unread, .. } in exchange.people.values() {
            self.named.entry(kind.clone()).or_default().extend(named);
            self.derived.entry(kind.clone()).or_default().extend(derived);
            self.unresolved += unresolved;
            self.unread += unread;
            self.is_unbounded |= *unresolved > 0 && exchange.is_aggregated();
        }
    }

    pub(crate) fn count(mut self) -> PeopleCount {
        for (kind, tokens) in &mut self.derived {
            let named = self.named.get(kind);
            tokens.retain(|token| named.is_none_or(|named| !named.contains(token)));
        }
        let counts = |sets: &BTreeMap<String, std::collections::HashSet<Token>>| {
            let count = |(kind, set): (&String, &std::collections::HashSet<Token>)| {
                (kind.clone(), set.len() as u64)
            };
            sets.iter().map(count).filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>()
        };
        let (named, derived) = (counts(&self.named), counts(&self.derived));
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        // The same person may be named by several kinds of identifier.
        let at_least = named.values().copied().max().unwrap_or(0);
        let most = sum(&named) + sum(&derived) + self.unresolved + self.unread;
        PeopleCount {
            at_least,
            at_most: (!self.is_unbounded).then_some(most),
            rows_unresolved: self.unresolved,
            people_unread: self.unread,
            named,
            derived,
        }
    }
}

impl PeopleCount {
    pub(crate) fn text(&self) -> String {
        match self.at_most {
            Some(most) if most == self.at_least => format!("{most}"),
            Some(most) => format!("at least {}, at most {most}", self.at_least),
            None => {
                format!("at least {}; rows were computed from any number of others", self.at_least)
            }
        }
    }
}

impl Scope {
    /// Whether a session's exchanges can be in it.
    pub(crate) fn holds_session(&self, session: &SessionFacts) -> bool {
        let is = |wanted: &Option<String>, name: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == name)
        };
        let acts = |wanted: &str| session.chain.actors.iter().any(|actor| actor.subject == wanted);
        self.session.is_none_or(|wanted| wanted == session.id)
            && is(&self.resource, &session.resource)
            && is(&self.principal, &session.chain.principal.subject)
            && self.actor.as_deref().is_none_or(acts)
    }

    /// Whether an exchange is in it.
    pub(crate) fn holds(&self, exchange: &Exchange<'_>) -> bool {
        self.period.holds(exchange.at_us)
            && self.holds_session(exchange.session)
            && self.object.as_deref().is_none_or(|wanted| {
                exchange.needs().iter().any(|(_, object)| is_named(object, wanted))
            })
            && self.subject.as_ref().is_none_or(|subject| {
                let token = subject.token().unwrap_or_default();
                let is_about = |people: &People| {
                    people.kind == subject.kind
                        && (people.named.contains(&token) || people.derived.contains(&token))
                };
                exchange.people.values().any(is_about)
            })
    }
}

/// Whether a name is that of an object, or of one that it is a part of.
fn is_named(object: &Object, wanted: &str) -> bool {
    let path = object.path.join(".");
    path == wanted || path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether the reason of a session's end is that somebody ended it. The gateway does that, too,
/// when it stops.
pub(crate) fn is_ended_by_people(why: &str) -> bool {
    why.strip_prefix("ended by `").is_some_and(|by| !by.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down_and_nothing_has_none() {
        let check = |part: u64, whole: u64, expect: Option<u64>| {
            assert_eq!(percent(part, whole), expect, "{part} of {whole}");
        };
        check(0, 0, None);
        check(0, 3, Some(0));
        check(2, 3, Some(66));
        check(9_999, 10_000, Some(99));
        check(u64::MAX, u64::MAX, Some(100));
    }

    #[test]
    fn who_ends_a_session_is_a_name() {
        assert!(is_ended_by_people("ended by `olga`"));
        assert!(!is_ended_by_people("ended by `the gateway`"));
        assert!(!is_ended_by_people("the client left"));
    }
}
