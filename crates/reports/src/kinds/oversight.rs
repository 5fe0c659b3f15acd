//! How people oversaw agents (AI Act Articles 12, 14, 19 and 26): reviews, refusals, and how
//! whole the record is.

use super::shared::is_ended_by_people;
use super::{Teller, Told};
use crate::document::{Document, Field, Source, list};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::scope::Scope;
use crate::time;
use crate::walk::{Exchange, Observer, SessionFacts, Walked};
use portreeve_evidence::CITED_MAX;
use portreeve_model::{Event, Outcome, Record, ReviewOutcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long logs must be kept at least: six months, in days.
const KEPT_DAYS_MIN: u64 = 183;

/// The report while it is made.
pub(super) struct Oversight {
    scope: Scope,
    inputs: Inputs,
    content: Content,
    /// How long answers took, in microseconds.
    waits_us: Vec<u64>,
    cited: Vec<u64>,
}

/// The content.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Content {
    observed: Observed,
    /// By the rule that asked.
    rules: BTreeMap<String, RuleTally>,
    /// By who answered.
    reviewers: BTreeMap<String, Answers>,
    /// By the agent that acted last.
    agents: BTreeMap<String, AgentTally>,
    /// Refusals by rule; `none` where no rule decided.
    refusals: BTreeMap<String, u64>,
    declared: Declared,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Observed {
    exchanges: u64,
    exchanges_of_agents: u64,
    exchanges_refused: u64,
    reviews: u64,
    approved: u64,
    denied: u64,
    expired: u64,
    abandoned: u64,
    open: u64,
    /// Half of the answers took no longer than this, in seconds.
    wait_median_s: Option<u64>,
    /// 95 of 100 answers took no longer than this, in seconds.
    wait_p95_s: Option<u64>,
    sessions_refused: u64,
    sessions_ended_by_people: u64,
    policy_changes: u64,
    /// Days from the first to the last record that is there.
    days_recorded: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct RuleTally {
    reviews: u64,
    approved: u64,
    denied: u64,
    unanswered: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Answers {
    approved: u64,
    denied: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct AgentTally {
    exchanges: u64,
    refused: u64,
    reviews: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Declared {
    role: Option<String>,
    overseers: Vec<String>,
}

impl Oversight {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Self {
        let declared = Declared {
            role: inputs.declared.ai_act_role.clone(),
            overseers: inputs.declared.overseers.clone(),
        };
        let content = Content { declared, ..Content::default() };
        Self { scope, inputs, content, waits_us: Vec::new(), cited: Vec::new() }
    }

    fn review(&mut self, review: &crate::walk::ReviewFacts) {
        let observed = &mut self.content.observed;
        let rule = self.content.rules.entry(review.rule.0.clone()).or_default();
        observed.reviews += 1;
        rule.reviews += 1;
        let Some((outcome, closed_us)) = review.closed else {
            observed.open += 1;
            rule.unanswered += 1;
            return;
        };
        let by = review.by.clone().unwrap_or_else(|| "unknown".to_owned());
        let mut answers = Answers::default();
        match outcome {
            ReviewOutcome::Approved => {
                answers.approved += 1;
                observed.approved += 1;
                rule.approved += 1;
            }
            ReviewOutcome::Denied => {
                answers.denied += 1;
                observed.denied += 1;
                rule.denied += 1;
            }
            ReviewOutcome::Expired => {
                observed.expired += 1;
                rule.unanswered += 1;
            }
            ReviewOutcome::Abandoned => {
                observed.abandoned += 1;
                rule.unanswered += 1;
            }
            // The answer is counted where it was used.
            ReviewOutcome::Used => {
                observed.reviews -= 1;
                rule.reviews -= 1;
            }
        }
        if answers.approved + answers.denied > 0 {
            let known = self.content.reviewers.entry(by).or_default();
            known.approved += answers.approved;
            known.denied += answers.denied;
            self.waits_us.push(closed_us.saturating_sub(review.opened_at_us));
        }
    }
}

impl Observer for Oversight {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if exchange.number == 0 || !self.scope.holds(exchange) {
            return;
        }
        let agent = exchange.session.chain.actors.last();
        let observed = &mut self.content.observed;
        observed.exchanges += 1;
        observed.exchanges_of_agents += u64::from(agent.is_some());
        observed.exchanges_refused += u64::from(exchange.is_refused());
        if let Some(Outcome::Refused { rule, .. }) = exchange.outcome {
            let rule = rule.as_ref().map_or_else(|| "none".to_owned(), |rule| rule.0.clone());
            *self.content.refusals.entry(rule).or_default() += 1;
        }
        if let Some(agent) = agent {
            let tally = self.content.agents.entry(agent.subject.clone()).or_default();
            tally.exchanges += 1;
            tally.refused += u64::from(exchange.is_refused());
            tally.reviews += exchange.reviews.len() as u64;
        }
        if !exchange.reviews.is_empty() && self.cited.len() < CITED_MAX {
            self.cited.push(exchange.index);
        }
        exchange.reviews.iter().for_each(|review| self.review(review));
    }

    fn event(&mut self, _index: u64, record: &Record, session: Option<&SessionFacts>) {
        if !self.scope.period.holds(record.at_us) {
            return;
        }
        let is_ours = session.is_none_or(|session| self.scope.holds_session(session));
        let observed = &mut self.content.observed;
        match &record.event {
            Event::SessionRefused { count, .. } => observed.sessions_refused += count,
            Event::SessionClosed { why, .. } if is_ours => {
                observed.sessions_ended_by_people += u64::from(is_ended_by_people(why));
            }
            Event::PolicyAdopted { .. } => observed.policy_changes += 1,
            _ => {}
        }
    }
}

impl Teller for Oversight {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, walked: &Walked) -> Result<Told, Error> {
        let mut this = *self;
        this.waits_us.sort_unstable();
        let observed = &mut this.content.observed;
        observed.wait_median_s = quantile(&this.waits_us, 50);
        observed.wait_p95_s = quantile(&this.waits_us, 95);
        let recorded = walked.last_at_us.zip(walked.first_at_us);
        observed.days_recorded =
            recorded.map_or(0, |(last, first)| last.saturating_sub(first) / time::DAY_US);
        let document = this.content.document(&this.inputs, walked);
        Told::new(&this.content, document, this.cited)
    }
}

/// The smallest wait, in seconds, that so many of a hundred do not exceed.
fn quantile(sorted_us: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted_us.len() * percent).div_ceil(100).max(1);
    sorted_us.get(rank - 1).map(|us| us.div_ceil(1_000_000))
}

impl Content {
    fn document(&self, inputs: &Inputs, walked: &Walked) -> Document {
        let mut document = Document::default();
        let observed = &self.observed;
        let seconds = |wait: Option<u64>| {
            wait.map_or_else(|| "–".to_owned(), |wait| time::stretch(wait * 1_000_000))
        };
        document.heading("Human oversight (Articles 14 and 26(2))");
        let overseers = &self.declared.overseers;
        document.fields(vec![
            Field::declared("role under the AI Act", self.declared.role.clone()),
            Field::declared("who oversees", (!overseers.is_empty()).then(|| overseers.join(", "))),
            Field::observed(
                "exchanges, of these by agents",
                format!("{}, {}", observed.exchanges, observed.exchanges_of_agents),
            ),
            Field::observed("refused", observed.exchanges_refused),
            Field::observed("held for a person", observed.reviews),
            Field::observed(
                "approved, denied, expired, abandoned, without an end",
                format!(
                    "{}, {}, {}, {}, {}",
                    observed.approved,
                    observed.denied,
                    observed.expired,
                    observed.abandoned,
                    observed.open
                ),
            ),
            Field::observed("half of the answers within", seconds(observed.wait_median_s)),
            Field::observed("95 of 100 answers within", seconds(observed.wait_p95_s)),
            Field::observed("sessions that people ended", observed.sessions_ended_by_people),
            Field::observed("policies adopted", observed.policy_changes),
        ]);
        document.chart(
            "Reviews",
            vec![
                ("approved".into(), observed.approved),
                ("denied".into(), observed.denied),
                ("expired".into(), observed.expired),
                ("abandoned".into(), observed.abandoned),
            ],
        );
        self.put_tables(&mut document);
        self.put_records(&mut document, inputs, walked);
        document
    }

    fn put_records(&self, document: &mut Document, inputs: &Inputs, walked: &Walked) {
        let observed = &self.observed;
        document.heading("Record-keeping (Articles 12, 19 and 26(6))");
        let kept = inputs.configured.as_ref().and_then(|known| known.records_kept.clone());
        document.fields(vec![
            Field::observed("records that were read", walked.records),
            Field::observed(
                "from, to",
                format!("{}, {}", text(walked.first_at_us), text(walked.last_at_us)),
            ),
            Field::observed("days", observed.days_recorded),
            Field::observed("logins refused", observed.sessions_refused),
            Field::configured(
                "records are kept",
                Some(kept.unwrap_or_else(|| "without end".to_owned()))
                    .filter(|_| inputs.configured.is_some()),
            ),
        ]);
        if self.declared.overseers.is_empty() {
            document.gaps.push("who oversees the agents is not declared".into());
        }
        if self.declared.role.is_none() {
            document
                .gaps
                .push("the role under the AI Act (provider, deployer) is not declared".into());
        }
        if observed.days_recorded < KEPT_DAYS_MIN {
            document.gaps.push(format!(
                "the record reaches back {} days; Articles 19 and 26(6) ask for at least six months",
                observed.days_recorded
            ));
        }
    }

    fn put_tables(&self, document: &mut Document) {
        let rules = self.rules.iter().map(|(rule, tally)| {
            vec![
                rule.clone(),
                tally.reviews.to_string(),
                tally.approved.to_string(),
                tally.denied.to_string(),
                tally.unanswered.to_string(),
            ]
        });
        document.table(
            "Reviews by rule",
            &[
                ("rule", Source::Observed),
                ("reviews", Source::Observed),
                ("approved", Source::Observed),
                ("denied", Source::Observed),
                ("unanswered", Source::Observed),
            ],
            rules.collect(),
        );
        let reviewers = self.reviewers.iter().map(|(name, answers)| {
            vec![name.clone(), answers.approved.to_string(), answers.denied.to_string()]
        });
        document.table(
            "Answers by reviewer",
            &[
                ("reviewer", Source::Observed),
                ("approved", Source::Observed),
                ("denied", Source::Observed),
            ],
            reviewers.collect(),
        );
        let agents = self.agents.iter().map(|(name, tally)| {
            vec![
                name.clone(),
                tally.exchanges.to_string(),
                tally.refused.to_string(),
                tally.reviews.to_string(),
            ]
        });
        document.table(
            "By agent",
            &[
                ("agent", Source::Observed),
                ("exchanges", Source::Observed),
                ("refused", Source::Observed),
                ("reviews", Source::Observed),
            ],
            agents.collect(),
        );
        let refusals =
            self.refusals.iter().map(|(rule, count)| vec![rule.clone(), count.to_string()]);
        document.table(
            "Refusals by rule",
            &[("rule", Source::Observed), ("exchanges", Source::Observed)],
            refusals.collect(),
        );
        let names: Vec<&String> = self.agents.keys().collect();
        document.fields(vec![Field::observed("agents", list(names))]);
    }
}

fn text(at_us: Option<u64>) -> String {
    at_us.map_or_else(|| "–".to_owned(), time::text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_waits_that_were() {
        let check = |seconds: &[u64], percent: usize, expect: Option<u64>| {
            let us: Vec<u64> = seconds.iter().map(|wait| wait * 1_000_000).collect();
            assert_eq!(quantile(&us, percent), expect, "{seconds:?} {percent}");
        };
        check(&[], 50, None);
        check(&[7], 50, Some(7));
        check(&[1, 2, 3, 4], 50, Some(2));
        check(&[1, 2, 3, 4], 95, Some(4));
    }
}
