//! The comparisons, exchange by exchange.

use super::finding::{Finding, Rule, Weight};
use super::history::{
    CATEGORIES_MAX, CHAINS_MAX, ChainHistory, Chains, Hourly, SHARES_MAX, Shares,
};
use super::rules::Rules;
use crate::walk::Exchange;
use portreeve_model::{Chain, PartyKind};
use std::collections::{BTreeMap, BTreeSet};

/// What watches a stream of exchanges.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    chains: Chains,
    shares: Shares,
    /// Histories that have changed since they were kept.
    changed: BTreeSet<String>,
}

const HOUR_US: u64 = 3_600_000_000;
/// Names of histories begin with what they are of.
const CHAIN: char = 'c';
const SHARE: char = 's';

impl Watch {
    /// Begins without a past.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let (chains, shares) = (Chains::new(), Shares::new());
        Self { rules, chains, shares, changed: BTreeSet::new() }
    }

    /// Goes on with a history that [`Self::changes`] gave. Says whether it could be read.
    #[must_use]
    pub fn remember(&mut self, name: &str, history: &str) -> bool {
        let mut rest = name.chars();
        let kind = rest.next();
        let name = rest.as_str().to_owned();
        match kind {
            Some(CHAIN) => match serde_json::from_str(history) {
                Ok(history) => self.chains.insert(name, history).is_none(),
                Err(_) => false,
            },
            Some(SHARE) => match serde_json::from_str(history) {
                Ok(history) => self.shares.insert(name, history).is_none(),
                Err(_) => false,
            },
            _ => false,
        }
    }

    /// The histories that have changed since this was asked last, by name; none for one that was
    /// let go.
    pub fn changes(&mut self) -> Vec<(String, Option<String>)> {
        let write = |name: String| {
            let text = match name.split_at_checked(1) {
                Some(("c", rest)) => self.chains.get(rest).map(serde_json::to_string),
                Some((_, rest)) => self.shares.get(rest).map(serde_json::to_string),
                None => None,
            };
            // Plain data: there is nothing in it that cannot be written.
            (name, text.and_then(Result::ok))
        };
        std::mem::take(&mut self.changed).into_iter().map(write).collect()
    }

    /// Looks at the next exchange; they come in the order of their ends.
    pub fn exchange(&mut self, exchange: &Exchange<'_>) -> Vec<Finding> {
        if exchange.number == 0 {
            return Vec::new();
        }
        let seen = Seen::of(exchange);
        let mut findings = self.look_at_chain(&seen);
        findings.extend(self.look_at_shares(&seen));
        findings
    }

    fn look_at_chain(&mut self, seen: &Seen<'_>) -> Vec<Finding> {
        let name = seen.chain_name();
        self.make_room(&name);
        self.changed.insert(format!("{CHAIN}{name}"));
        let rules = &self.rules;
        let history = self.chains.entry(name).or_insert_with(|| ChainHistory::begin(seen.hour));
        history.close_hour(seen.hour);
        let is_known = history.age(seen.hour) >= rules.learning_hours;
        let mut findings = Vec::new();
        for category in &seen.categories {
            let has_room = history.categories.len() < CATEGORIES_MAX;
            let is_new = has_room && history.categories.insert((*category).to_owned());
            if is_new && is_known {
                let message = format!("{} touches {category} for the first time", seen.chain());
                let mut finding = seen.finding(Rule::NewCategory, Weight::Medium, message);
                finding.about(category);
                (finding.found, finding.bound) = (1, 0);
                findings.push(finding);
            }
        }
        history.rows.add(seen.hour, seen.exchange.rows, seen.exchange.index);
        history.refusals.add(seen.hour, u64::from(seen.is_refused), seen.exchange.index);
        history.probes.add(seen.hour, seen.probes, seen.exchange.index);
        let most = history.busiest().saturating_mul(rules.volume_factor);
        let bound = most.max(rules.volume_rows_min);
        if is_known && rules.volume_factor > 0 && seen.exchange.rows > 0 {
            findings.extend(crossed(seen, &mut history.rows, Rule::Volume, bound));
        }
        if rules.refusals_per_hour > 0 && seen.is_refused {
            let bound = rules.refusals_per_hour - 1;
            findings.extend(crossed(seen, &mut history.refusals, Rule::Refusals, bound));
        }
        if rules.probes_per_hour > 0 && seen.probes > 0 {
            let bound = rules.probes_per_hour - 1;
            findings.extend(crossed(seen, &mut history.probes, Rule::Probing, bound));
        }
        findings.extend(night(seen, history, rules, is_known));
        findings
    }

    fn look_at_shares(&mut self, seen: &Seen<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (category, (masked, shown)) in &seen.values {
            let name = format!("{}\u{1f}{category}", seen.exchange.session.resource);
            if !self.shares.contains_key(&name) && self.shares.len() >= SHARES_MAX {
                continue;
            }
            self.changed.insert(format!("{SHARE}{name}"));
            let history = self.shares.entry(name).or_default();
            history.add(seen.hour / 24, *masked, *shown, seen.exchange.index);
            let values_min = self.rules.masked_values_min;
            let (Some(share), Some(before)) = (history.share(), history.share_before(values_min))
            else {
                continue;
            };
            let bound = before.saturating_sub(self.rules.masked_points);
            let is_enough = history.masked + history.shown >= values_min;
            let falls = self.rules.masked_points > 0 && share < bound;
            if !falls || !is_enough || history.is_told {
                continue;
            }
            history.is_told = true;
            let resource = &seen.exchange.session.resource;
            let message = format!(
                "of {category} at {resource} {share} % are masked today, {before} % the days before"
            );
            let mut finding = seen.finding(Rule::MaskedShare, Weight::High, message);
            finding.about(category);
            (finding.found, finding.bound) = (share, bound);
            finding.records.clone_from(&history.records);
            finding.records_count = history.records_count;
            findings.push(finding);
        }
        findings
    }

    /// Lets the chain go that was idle for longest; of several, the first by name.
    fn make_room(&mut self, name: &str) {
        if self.chains.len() < CHAINS_MAX || self.chains.contains_key(name) {
            return;
        }
        let idle = self.chains.iter().min_by_key(|(name, history)| (history.last, *name));
        if let Some(idle) = idle.map(|(name, _)| name.clone()) {
            self.chains.remove(&idle);
            self.changed.insert(format!("{CHAIN}{idle}"));
        }
    }
}

/// Whether a count has gone over its bound for the first time in its hour.
fn crossed(seen: &Seen<'_>, hourly: &mut Hourly, rule: Rule, bound: u64) -> Option<Finding> {
    if hourly.count <= bound || hourly.is_told {
        return None;
    }
    hourly.is_told = true;
    let (chain, count) = (seen.chain(), hourly.count);
    let (weight, message) = match rule {
        Rule::Volume => (Weight::High, format!("{chain} got {count} rows in an hour")),
        Rule::Refusals => (Weight::Medium, format!("{chain} was refused {count} times in an hour")),
        Rule::Probing | Rule::NewCategory | Rule::Night | Rule::MaskedShare => (
            Weight::High,
            format!("{chain} compared classified columns with {count} values in an hour"),
        ),
    };
    let mut finding = seen.finding(rule, weight, message);
    (finding.found, finding.bound) = (count, bound);
    finding.records.clone_from(&hourly.records);
    finding.records_count = hourly.records_count;
    Some(finding)
}

/// Work in the night by somebody who was never there at this hour; programs have no night.
fn night(
    seen: &Seen<'_>,
    history: &mut ChainHistory,
    rules: &Rules,
    is_known: bool,
) -> Option<Finding> {
    let of_day = seen.hour % 24;
    let is_first = history.hours & (1 << of_day) == 0;
    history.hours |= 1 << of_day;
    let is_person = seen.exchange.session.chain.principal.kind == PartyKind::Person;
    // From noon to noon.
    let night = (seen.hour + 12) / 24;
    let is_told = history.night_told == Some(night);
    if !(rules.is_night(seen.hour) && is_first && is_known && is_person && !is_told) {
        return None;
    }
    history.night_told = Some(night);
    let message = format!("{} works at {of_day}:00 UTC, as never before", seen.chain());
    let mut finding = seen.finding(Rule::Night, Weight::Low, message);
    (finding.found, finding.bound) = (1, 0);
    Some(finding)
}

/// What the rules look at in an exchange.
struct Seen<'e> {
    exchange: &'e Exchange<'e>,
    hour: u64,
    categories: BTreeSet<&'e str>,
    /// By category: values that were masked, and rows or values that were shown.
    values: BTreeMap<&'e str, (u64, u64)>,
    probes: u64,
    is_refused: bool,
}

impl<'e> Seen<'e> {
    fn of(exchange: &'e Exchange<'e>) -> Self {
        let is_refused = exchange.is_refused();
        let asked = exchange.classified().into_iter().map(|(category, ..)| category.0.as_str());
        let mut values: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (category, masked) in exchange.masked {
            values.entry(&category.0).or_default().0 += masked;
        }
        let revealed = exchange.revealed().into_iter().map(|(_, category)| category.0.as_str());
        for category in revealed.collect::<BTreeSet<_>>() {
            values.entry(category).or_default().1 += exchange.rows;
        }
        for found in exchange.detected {
            values.entry(&found.category.0).or_default().1 += found.revealed;
        }
        values.retain(|_, (masked, shown)| *masked + *shown > 0);
        // What was refused was not touched.
        let categories = match is_refused {
            true => BTreeSet::new(),
            false => asked.chain(values.keys().copied()).collect(),
        };
        let probes = exchange.ran().map(|one| one.facts.probes.saturating_mul(one.times)).sum();
        Self { exchange, hour: exchange.at_us / HOUR_US, categories, values, probes, is_refused }
    }

    /// Names of issuers are part of it: two may know the same name.
    fn chain_name(&self) -> String {
        let hops = self.exchange.session.chain.hops();
        let names = hops.map(|party| format!("{}#{}", party.issuer, party.subject));
        names.collect::<Vec<_>>().join("\u{1f}")
    }

    fn chain(&self) -> &'e Chain {
        &self.exchange.session.chain
    }

    fn finding(&self, rule: Rule, weight: Weight, message: String) -> Finding {
        let (exchange, session) = (self.exchange, self.exchange.session);
        Finding {
            id: format!("{}-{}", exchange.last_index, rule.word()),
            index: exchange.last_index,
            at_us: exchange.at_us,
            rule,
            weight,
            message,
            session: session.id,
            principal: session.chain.principal.subject.clone(),
            actors: session.chain.actors.iter().map(|actor| actor.subject.clone()).collect(),
            resource: session.resource.clone(),
            category: None,
            found: 0,
            bound: 0,
            records: vec![exchange.index],
            records_count: 1,
        }
    }
}
