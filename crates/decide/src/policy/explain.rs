//! Which rules decide: for people who write policies, never for a client.

use super::entities::Prepared;
use super::judge::Answer;
use super::load::{DEFAULT_DENY, POLICY_ERROR};
use super::{Ask, Policies};
use portreeve_model::{Need, RuleId, Verdict};

/// What the policies say to one party about one need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// The subject of the party.
    pub party: String,
    /// The need.
    pub need: Need,
    /// The answer.
    pub verdict: Verdict,
    /// The rules that gave it: the permits of an allow, the forbids of a refusal.
    pub rules: Vec<RuleId>,
}

/// One policy of the set, in short.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RuleSummary {
    /// Its `@id`.
    pub id: RuleId,
    /// Whether it permits or forbids.
    pub permits: bool,
    /// Who may lift it; empty where nobody can.
    pub review_groups: Vec<String>,
    /// Its `@advice`.
    pub advice: Option<String>,
}

impl Policies {
    /// The policies, sorted by id.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleSummary> {
        let summary = |(id, rule): (&String, &super::Rule)| RuleSummary {
            id: RuleId(id.clone()),
            permits: rule.effect == cedar_policy::Effect::Permit,
            review_groups: rule.review_groups.clone(),
            advice: rule.advice.clone(),
        };
        let mut rules: Vec<_> = self.rules.iter().map(summary).collect();
        rules.sort();
        rules
    }

    /// Explains a decision, hop by hop and need by need. None if the ask cannot be put to
    /// the policies at all, which denies.
    #[must_use]
    pub fn explain(&self, ask: &Ask<'_>) -> Option<Vec<Explained>> {
        let prepared = Prepared::new(&self.names, ask)?;
        let contexts = self.contexts(ask, ask.exchange())?;
        let mut explained = Vec::new();
        for hop in &prepared.hops {
            for (place, question) in prepared.questions.iter().enumerate() {
                let answer = self.answer(&prepared, hop, question, contexts.of(place));
                let (verdict, rules) = match answer {
                    Answer::Allow(rules) => (Verdict::Allow, rules),
                    Answer::Review(rules) => (Verdict::Review, rules),
                    Answer::Deny(rules) if rules.is_empty() => {
                        (Verdict::Deny, vec![DEFAULT_DENY.to_owned()])
                    }
                    Answer::Deny(rules) => (Verdict::Deny, rules),
                    Answer::Error => (Verdict::Deny, vec![POLICY_ERROR.to_owned()]),
                };
                explained.push(Explained {
                    party: hop.party.subject.clone(),
                    need: question.need.clone(),
                    verdict,
                    rules: rules.into_iter().map(RuleId).collect(),
                });
            }
        }
        Some(explained)
    }
}
