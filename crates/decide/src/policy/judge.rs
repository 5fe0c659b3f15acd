//! One answer from many: every hop of the chain against every need.

use super::Policies;
use super::entities::{Hop, Prepared, Question};
use super::facts::Contexts;
use super::load::{DEFAULT_DENY, POLICY_ERROR};
use cedar_policy::{Authorizer, Context, Decision, PolicySet, Request, Response};
use portreeve_model::{Need, Party, PartyKind, Reason, RuleId, Unit};
use std::collections::{BTreeSet, HashMap};

/// Needs named per rule and party; a table of a thousand columns makes no longer reason.
const NEEDS_PER_RULE_MAX: usize = 16;

/// Which pairs of hop and need are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    All,
    /// Those whose answer may depend on a counter of this unit.
    Counted(Unit),
}

/// What came of an ask: nothing to object, or who objects.
#[derive(Default)]
pub(super) struct Judgement {
    /// Refusals that nobody can lift.
    pub(super) denials: Vec<Reason>,
    /// Refusals that a review can lift.
    pub(super) reviews: Vec<Reason>,
    /// Every rule that refuses, whether all of its needs are named or not.
    pub(super) rules: BTreeSet<String>,
}

/// What the policies say to one hop about one need.
pub(super) enum Answer {
    /// These permits allow it.
    Allow(Vec<String>),
    /// These forbids refuse it, and a review can lift all of them.
    Review(Vec<String>),
    /// These rules refuse it; none where nothing permits it.
    Deny(Vec<String>),
    /// A policy failed.
    Error,
}

impl Policies {
    pub(super) fn judge(
        &self,
        prepared: &Prepared<'_>,
        contexts: &Contexts,
        pairs: Pairs,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        let mut named = HashMap::new();
        for hop in &prepared.hops {
            for (place, question) in prepared.questions.iter().enumerate() {
                if !self.is_asked(pairs, hop.party.kind, question.need) {
                    continue;
                }
                let answer = self.answer(prepared, hop, question, contexts.of(place));
                let (rules, lifted) = match answer {
                    Answer::Allow(_) => continue,
                    Answer::Review(rules) => (rules, true),
                    Answer::Deny(rules) if rules.is_empty() => (vec![DEFAULT_DENY.into()], false),
                    Answer::Deny(rules) => (rules, false),
                    Answer::Error => (vec![POLICY_ERROR.into()], false),
                };
                for rule in rules {
                    judgement.rules.insert(rule.clone());
                    let count = named.entry((rule.clone(), &hop.uid)).or_insert(0);
                    *count += 1;
                    if *count <= NEEDS_PER_RULE_MAX {
                        let reason = self.reason(rule, hop.party, question);
                        let reasons =
                            if lifted { &mut judgement.reviews } else { &mut judgement.denials };
                        reasons.push(reason);
                    }
                }
            }
        }
        judgement
    }

    /// Whether no forbid matches, one that a review can lift included, and some permit is missing.
    pub(super) fn is_silent(&self, prepared: &Prepared<'_>, contexts: &Contexts) -> bool {
        let mut lacks_a_permit = false;
        for hop in &prepared.hops {
            for (place, question) in prepared.questions.iter().enumerate() {
                let need = question.need;
                let slice = self.slices.of(need.action, hop.party.kind, need.object.kind);
                let context = contexts.of(place);
                match self.asked(&slice.all, prepared, hop, question, context) {
                    Some((Decision::Allow, _)) => {}
                    Some((Decision::Deny, rules)) if rules.is_empty() => lacks_a_permit = true,
                    Some((Decision::Deny, _)) | None => return false,
                }
            }
        }
        lacks_a_permit
    }

    /// What Cedar says, and by which rules; nothing where a policy failed.
    fn asked(
        &self,
        set: &PolicySet,
        prepared: &Prepared<'_>,
        hop: &Hop<'_>,
        question: &Question<'_>,
        context: &Context,
    ) -> Option<(Decision, Vec<String>)> {
        let action = self.names.action(question.need.action).clone();
        let (principal, object) = (hop.uid.clone(), question.uid.clone());
        let request = Request::new(principal, action, object, context.clone(), None).ok()?;
        let store = prepared.store(hop);
        let response = Authorizer::new().is_authorized(&request, set, store);
        // SECURITY: Cedar skips a policy that fails; a skipped forbid is a hole.
        let failed = response.diagnostics().errors().next().is_some();
        (!failed).then(|| (response.decision(), rules(&response)))
    }

    /// Asks Cedar, and asks again without the forbids that a review can lift.
    pub(super) fn answer(
        &self,
        prepared: &Prepared<'_>,
        hop: &Hop<'_>,
        question: &Question<'_>,
        context: &Context,
    ) -> Answer {
        let need = question.need;
        let slice = self.slices.of(need.action, hop.party.kind, need.object.kind);
        let ask = |set: &PolicySet| self.asked(set, prepared, hop, question, context);
        let Some((decision, rules)) = ask(&slice.all) else {
            return Answer::Error;
        };
        if decision == Decision::Allow {
            return Answer::Allow(rules);
        }
        let firm: Vec<_> = rules.iter().filter(|rule| !self.is_review(rule)).cloned().collect();
        if !firm.is_empty() || rules.is_empty() {
            return Answer::Deny(firm);
        }
        match ask(&slice.permits).map(|(decision, _)| decision) {
            Some(Decision::Allow) => Answer::Review(rules),
            Some(Decision::Deny) => Answer::Deny(Vec::new()),
            None => Answer::Error,
        }
    }

    fn is_asked(&self, pairs: Pairs, party: PartyKind, need: &Need) -> bool {
        let slice = self.slices.of(need.action, party, need.object.kind);
        match pairs {
            Pairs::All => true,
            Pairs::Counted(unit) => slice.counters.has_unit(unit),
        }
    }

    fn is_review(&self, rule: &str) -> bool {
        self.rules.get(rule).is_some_and(|rule| !rule.review_groups.is_empty())
    }

    fn reason(&self, rule: String, party: &Party, question: &Question<'_>) -> Reason {
        let advice = match rule.as_str() {
            DEFAULT_DENY => Some(default_deny_advice(party, question)),
            POLICY_ERROR => Some(policy_error_advice(question.need)),
            _ => self.rules.get(&rule).and_then(|rule| rule.advice.clone()),
        };
        Reason {
            rule: RuleId(rule),
            need: question.need.clone(),
            party: Some(party.subject.clone()),
            advice,
        }
    }
}

/// The ids of the rules that decided, sorted.
fn rules(response: &Response) -> Vec<String> {
    let reasons = response.diagnostics().reason();
    let mut rules: Vec<_> = reasons.map(|id| AsRef::<str>::as_ref(id).to_owned()).collect();
    rules.sort();
    rules
}

fn default_deny_advice(party: &Party, question: &Question<'_>) -> String {
    let kind = match party.kind {
        PartyKind::Person => "person",
        PartyKind::Service => "service",
        PartyKind::Actor => "actor",
    };
    let Need { action, object } = question.need;
    format!(
        "no policy permits {kind} `{}` to {action} {object}; an administrator would have to \
         permit the action `{action}` on {}",
        party.subject, question.uid
    )
}

pub(super) fn policy_error_advice(need: &Need) -> String {
    format!(
        "a policy failed when it was asked about {} of {}; tell the administrator of the gateway",
        need.action, need.object
    )
}
