//! What policy says of the commands of a request, and what is recorded of them.

use super::budget::Budget;
use super::review::Question;
use crate::engine::ReviewMode;
use crate::protocol::{Advice, CommandUse, Stage};
use crate::session::{Counted, DayUsage, Session, Snapshot};
use portreeve_decide::policy::Counters;
use portreeve_model::{
    Category, Command, CommandRecord, Decision, Refusal, RefusalCode, Usage, Verdict,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rule of what nobody understands; not policy's.
const NOT_UNDERSTOOD: &str = "not-understood";
/// Longest text of a record.
const TEXT_CHARS_MAX: usize = 1000;

/// A request, decided.
#[derive(Default)]
pub(super) struct Judged {
    /// What the session had used when it was decided: the record says the same.
    pub(super) session: Usage,
    pub(super) records: Vec<CommandRecord>,
    /// The first command that may not run.
    pub(super) refused: Option<(usize, Refusal)>,
    /// The first command that waits for a person.
    pub(super) review: Option<(usize, Question)>,
    pub(super) budget: Budget,
}

/// What a request is judged by.
pub(super) struct Judge<'a> {
    pub(super) session: &'a Session,
    /// The snapshot that the request was planned with.
    pub(super) snapshot: &'a Snapshot,
    pub(super) exchange: u64,
    pub(super) day: &'a DayUsage,
}

impl Judge<'_> {
    pub(super) fn judge(&self, commands: &[CommandUse]) -> Judged {
        let session = self.session.ledger().spent();
        let mut judged = Judged { session, ..Judged::default() };
        for (index, one) in commands.iter().enumerate() {
            let is_run = one.stage == Stage::Run;
            let is_told = self.session.review_mode() == ReviewMode::Tell;
            let counters =
                Counters { exchange: one.before, session: session.saturating_sub(one.before) };
            let (decision, threshold) =
                self.snapshot.decide(&one.command, Counted { counters, day: self.day });
            let refusal = self.refused_outright(one, &decision);
            if refusal.is_none() && (is_run || is_told) && decision.verdict == Verdict::Review {
                judged.review.get_or_insert_with(|| (index, Question::from(&decision)));
            }
            if !repeats(&mut judged.records, commands, index)
                && (is_run || refusal.is_some() || !runs_later(commands, &one.command))
            {
                judged.records.push(self.record_of(one, decision));
            }
            if let Some(refusal) = refusal {
                judged.refused = Some((index, refusal));
                break;
            }
            if is_run {
                judged.budget.limit(one, threshold);
            }
        }
        judged
    }

    /// What is refused without asking anyone.
    fn refused_outright(&self, one: &CommandUse, decision: &Decision) -> Option<Refusal> {
        let command = &one.command;
        if let Some(why) = &command.unknown {
            let hint = self.session.notices().advise(Advice::AskPlainly).to_owned();
            let rule = Some(NOT_UNDERSTOOD.into());
            return Some(self.refusal(RefusalCode::Unknown, why.clone(), rule, Some(hint)));
        }
        (decision.verdict == Verdict::Deny).then(|| self.denial(command, decision))
    }

    fn denial(&self, command: &Command, decision: &Decision) -> Refusal {
        // A rule that speaks about the command tells more than that none permits it.
        let told = decision
            .reasons
            .iter()
            .find(|reason| reason.advice.is_some() && reason.rule.0 != "default-deny");
        let Some(reason) = told.or(decision.reasons.first()) else {
            return self.refusal(RefusalCode::Denied, "denied by policy".into(), None, None);
        };
        let party =
            reason.party.as_ref().map(|party| format!(" for `{party}`")).unwrap_or_default();
        let message = format!(
            "`{}` is not allowed{party}: {} on {}",
            command.verb, reason.need.action, reason.need.object
        );
        self.refusal(RefusalCode::Denied, message, Some(reason.rule.clone()), reason.advice.clone())
    }

    fn refusal(
        &self,
        code: RefusalCode,
        message: String,
        rule: Option<portreeve_model::RuleId>,
        hint: Option<String>,
    ) -> Refusal {
        self.session.refusal(self.exchange, code, message, rule, hint)
    }

    /// What is recorded of a command, with everything that its decision depends on.
    fn record_of(&self, one: &CommandUse, decision: Decision) -> CommandRecord {
        let command = &one.command;
        let clip = |text: &String| text.chars().take(TEXT_CHARS_MAX).collect();
        let mut categories: BTreeMap<Category, Vec<usize>> = BTreeMap::new();
        for (at, need) in command.needs.iter().enumerate() {
            if let Some(category) = self.snapshot.category_of(&need.object) {
                categories.entry(category).or_default().push(at);
            }
        }
        let unknown = command.unknown.as_ref().map(clip);
        CommandRecord {
            verb: command.verb.clone(),
            times: 1,
            runs_later: one.stage == Stage::Prepare,
            fingerprint: command.fingerprint.clone(),
            shape: command.shape.clone(),
            needs: command.needs.clone(),
            facts: command.facts,
            before: one.before,
            categories,
            decision: unknown.is_none().then_some(decision),
            unknown,
            revealed: one.revealed.to_vec(),
        }
    }
}

/// Counts a command that runs once more right behind itself in the record before.
fn repeats(records: &mut [CommandRecord], commands: &[CommandUse], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| commands.get(before));
    let (Some(before), Some(one), Some(last)) = (before, commands.get(index), records.last_mut())
    else {
        return false;
    };
    let is_again = one.stage == Stage::Run && Arc::ptr_eq(&before.command, &one.command);
    last.times += u64::from(is_again);
    is_again
}

/// Whether a command that does not run yet also runs in the same request.
fn runs_later(commands: &[CommandUse], command: &Arc<Command>) -> bool {
    let runs =
        |other: &CommandUse| other.stage == Stage::Run && Arc::ptr_eq(&other.command, command);
    commands.iter().any(runs)
}
