//! How far an exchange may go before policy wants to be asked again.
//!
//! Usage has units, and each of them grows while a reply passes. For each unit that a
//! policy bounds there is one limit: the largest count of the exchange up to which, the
//! other units standing still, no rule objects that does not object now. Where an answer
//! depends on two units *together* (`rows > 100 && bytes > 100000`), neither alone finds
//! it; then the limit is the next number that is compared with, and what stands there is
//! the question, not the answer. So within all limits at once, nothing objects.

use super::counters::CounterSet;
use super::entities::Prepared;
use super::judge::{Judgement, Pairs};
use super::{Ask, Policies};
use portreeve_model::{Chain, Counter, Need, Object, Reason, RuleId, Scope, Unit, Usage};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::BitOr;

/// The limits of an exchange.
///
/// Who passes a limit looks at what stands beyond it, and, if the exchange may go on, asks
/// for the threshold at [`Limit::count_beyond`], not at what has passed meanwhile: another
/// rule may stand between the two.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Threshold {
    /// Every counter that the answer depends on. Limits hold as long as no counter in it
    /// moves but for the exchange's own usage.
    pub counters: CounterSet,
    /// At most one for each unit; none where going further changes nothing.
    pub limits: Vec<Limit>,
}

/// How far an exchange may go in one unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// The counter whose number stands there.
    pub counter: Counter,
    /// The largest count of the exchange, in the counter's unit, that is answered as now.
    pub count_max: u64,
    /// What stands beyond.
    pub beyond: Beyond,
}

/// What stands beyond a limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Beyond {
    /// Perhaps nothing: it depends on other units. Policy is to be asked again with the
    /// counters as they are then.
    Ask,
    /// A refusal that nobody can lift.
    Deny {
        /// The rule that stands there; none where the ask is refused as it is.
        rule: Option<RuleId>,
        /// Its advice.
        advice: Option<String>,
    },
    /// A refusal that a review can lift.
    Review {
        /// The first of the rules that stand there.
        rule: RuleId,
        /// Its advice.
        advice: Option<String>,
        /// Who may let more pass.
        groups: Vec<String>,
    },
}

impl Limit {
    /// The first count that is answered otherwise.
    #[must_use]
    pub fn count_beyond(&self) -> u64 {
        self.count_max.saturating_add(1)
    }
}

impl Threshold {
    /// The limit in a unit.
    #[must_use]
    pub fn limit(&self, unit: Unit) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.counter.unit == unit)
    }

    /// The first limit that an exchange with this usage has passed.
    #[must_use]
    pub fn passed(&self, exchange: Usage) -> Option<&Limit> {
        self.limits.iter().find(|limit| exchange.get(limit.counter.unit) > limit.count_max)
    }
}

impl Policies {
    /// The counters that any policy names.
    #[must_use]
    pub fn counters(&self) -> CounterSet {
        self.counters
    }

    /// The counters that the answer to an ask can depend on.
    #[must_use]
    pub fn counted(&self, chain: &Chain, needs: &[Need]) -> CounterSet {
        let by_need = needs.iter().map(|need| self.counted_of(chain, need));
        by_need.fold(CounterSet::default(), CounterSet::bitor)
    }

    /// The objects of which policies ask what the principal has used on the day.
    #[must_use]
    pub fn counted_by_day<'a>(&self, chain: &Chain, needs: &'a [Need]) -> BTreeSet<&'a Object> {
        let by_day = |need: &&Need| self.counted_of(chain, need).has_scope(Scope::Day);
        needs.iter().filter(by_day).map(|need| &need.object).collect()
    }

    pub(super) fn counted_of(&self, chain: &Chain, need: &Need) -> CounterSet {
        let slice = |kind| self.slices.of(need.action, kind, need.object.kind);
        let by_hop = chain.hops().map(|hop| slice(hop.kind).counters);
        by_hop.fold(CounterSet::default(), CounterSet::bitor)
    }

    /// Finds how far the exchange may go until a rule objects that does not object now.
    ///
    /// A command that a review let pass is thus free until a *further* rule objects. When
    /// counters matter for the ask and it is denied as it stands, nothing is free beyond
    /// what it has. What the exchange uses counts for its session, and for each of its
    /// objects by day. The answer holds for the ask's moment: ask again when time or other
    /// exchanges move.
    #[must_use]
    pub fn threshold(&self, ask: &Ask<'_>) -> Threshold {
        let counters = self.counted(ask.chain, ask.needs);
        if counters.is_empty() {
            return Threshold::default();
        }
        let limits = self.limits(ask, counters).unwrap_or_else(|| stop_here(ask, counters));
        Threshold { counters, limits }
    }

    /// The limits; none where the ask is refused as it is.
    fn limits(&self, ask: &Ask<'_>, counters: CounterSet) -> Option<Vec<Limit>> {
        let prepared = Prepared::new(&self.names, ask)?;
        let contexts = self.contexts(ask, ask.exchange())?;
        let now = self.judge(&prepared, &contexts, Pairs::All);
        if !now.denials.is_empty() {
            return None;
        }
        let mut limits = Vec::new();
        for unit in Unit::ALL.into_iter().filter(|unit| counters.has_unit(*unit)) {
            limits.extend(self.limit(ask, &prepared, &now, unit));
        }
        Some(limits)
    }

    fn limit(
        &self,
        ask: &Ask<'_>,
        prepared: &Prepared<'_>,
        now: &Judgement,
        unit: Unit,
    ) -> Option<Limit> {
        let is_coupled = self.is_coupled(ask, unit);
        for (count, counter) in self.turns(ask, unit) {
            let limit = |beyond| Some(Limit { counter, count_max: count - 1, beyond });
            let Some(contexts) = self.contexts(ask, ask.exchange().with(unit, count)) else {
                return limit(Beyond::Deny { rule: None, advice: None });
            };
            let then = self.judge(prepared, &contexts, Pairs::Counted(unit));
            if !then.rules.is_subset(&now.rules) {
                return limit(self.beyond(now, &then));
            }
            if is_coupled {
                return limit(Beyond::Ask);
            }
        }
        None
    }

    /// The counts of the exchange, beyond the present one, at which some answer may change,
    /// and the narrowest counter that makes them so.
    fn turns(&self, ask: &Ask<'_>, unit: Unit) -> BTreeMap<u64, Counter> {
        let mut turns = BTreeMap::new();
        let exchange = ask.exchange().get(unit);
        for need in ask.needs {
            for hop in ask.chain.hops() {
                let slice = self.slices.of(need.action, hop.kind, need.object.kind);
                for boundary in &slice.boundaries {
                    let counter = boundary.counter;
                    if counter.unit != unit {
                        continue;
                    }
                    let before = match counter.scope {
                        Scope::Exchange => 0,
                        Scope::Session => ask.counters.session.get(unit),
                        Scope::Day => (ask.day)(&need.object).get(unit),
                    };
                    for count in boundary.turns(before).filter(|count| *count > exchange) {
                        let known = turns.entry(count).or_insert(counter);
                        *known = counter.min(*known);
                    }
                }
            }
        }
        turns
    }

    fn is_coupled(&self, ask: &Ask<'_>, unit: Unit) -> bool {
        let coupled = |need: &Need, kind| {
            self.slices.of(need.action, kind, need.object.kind).coupled.has_unit(unit)
        };
        ask.chain.hops().any(|hop| ask.needs.iter().any(|need| coupled(need, hop.kind)))
    }

    fn beyond(&self, now: &Judgement, then: &Judgement) -> Beyond {
        let new = |reason: &&Reason| !now.rules.contains(&reason.rule.0);
        if let Some(denial) = then.denials.iter().find(new) {
            return Beyond::Deny { rule: Some(denial.rule.clone()), advice: denial.advice.clone() };
        }
        let rules: BTreeSet<_> = then.rules.difference(&now.rules).cloned().collect();
        match then.reviews.iter().find(new) {
            Some(review) => Beyond::Review {
                rule: review.rule.clone(),
                advice: review.advice.clone(),
                groups: self.review_groups(&rules),
            },
            None => Beyond::Deny { rule: None, advice: None },
        }
    }
}

/// The limits of what is refused as it is: not a bit more.
fn stop_here(ask: &Ask<'_>, counters: CounterSet) -> Vec<Limit> {
    let units = Unit::ALL.into_iter().filter(|unit| counters.has_unit(*unit));
    let limit = |unit| Limit {
        counter: Counter { scope: Scope::Exchange, unit },
        count_max: ask.exchange().get(unit),
        beyond: Beyond::Deny { rule: None, advice: None },
    };
    units.map(limit).collect()
}
