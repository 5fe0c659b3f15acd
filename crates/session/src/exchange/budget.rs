//! How much an exchange may give before policy has to be asked again.

use super::review::Question;
use crate::SessionError;
use crate::protocol::{Advice, CommandUse};
use crate::session::{Counted, DayUsage, Session, Snapshot};
use portreeve_decide::policy::{Counters, Limit, Threshold};
use portreeve_model::{
    Command, Decision, Reason, RefusalCode, RuleId, Scope, Unit, Usage, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Counters and limits of one exchange.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// The commands whose answers depend on counters, with their limits.
    limited: Vec<(Arc<Command>, Threshold)>,
    /// What the same commands have given before, in other exchanges of the session.
    before: Usage,
    usage: Usage,
    /// What of it is reserved, and in no record yet.
    reserved: Usage,
    /// What the principal has used today, without this exchange.
    day: DayUsage,
    /// Rules that a person has lifted for this exchange.
    approved: BTreeSet<RuleId>,
    /// As much as that person has let it do.
    caps: BTreeMap<Unit, u64>,
}

impl Budget {
    /// Notes a command that runs.
    pub(super) fn limit(&mut self, one: &CommandUse, threshold: Threshold) {
        if !threshold.counters.is_empty() {
            self.before = self.before.max(one.before);
            self.limited.push((one.command.clone(), threshold));
        }
    }

    /// Takes over the limits of a newer snapshot: those of commands that run, from where the
    /// exchange is now.
    pub(super) async fn follow(
        &mut self,
        session: &Session,
        snapshot: &Snapshot,
        commands: &[CommandUse],
    ) -> Result<(), SessionError> {
        let objects = snapshot.counted_by_day(commands);
        self.day.count(session, snapshot.hour(), objects, self.usage).await?;
        let counted = self.counted(session);
        let limits = |one: &CommandUse| {
            let (_, threshold) = snapshot.decide(&one.command, counted);
            (one.command.clone(), threshold)
        };
        let is_limit = |(_, threshold): &(_, Threshold)| !threshold.counters.is_empty();
        self.limited = commands.iter().map(limits).filter(is_limit).collect();
        Ok(())
    }

    /// Whether any policy that matters names a counter.
    pub(super) fn is_counted(&self) -> bool {
        !self.limited.is_empty()
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn approved(&self) -> &BTreeSet<RuleId> {
        &self.approved
    }

    pub(super) fn approve(&mut self, rules: impl IntoIterator<Item = RuleId>) {
        self.approved.extend(rules);
    }

    /// Notes how much a person has let it do.
    pub(super) fn cap(&mut self, caps: BTreeMap<Unit, u64>) {
        self.caps = caps;
    }

    /// What it has done more of than was approved.
    pub(super) fn beyond_approval(&self) -> Option<(Unit, u64)> {
        let mut caps = self.caps.iter().map(|(unit, most)| (*unit, *most));
        caps.find(|(unit, most)| self.usage.get(*unit) > *most)
    }

    /// Counts for the principal's day, too.
    pub(super) fn count_days(&mut self, day: DayUsage) {
        self.day = day;
    }

    /// Reserves what is about to be given.
    pub(super) async fn spend(
        &mut self,
        session: &Session,
        usage: Usage,
    ) -> Result<(), SessionError> {
        self.usage += usage;
        session.ledger().reserve(usage);
        self.day.reserve(session, usage, self.usage).await?;
        self.reserved += usage;
        Ok(())
    }

    /// What was reserved is given.
    pub(super) fn given(&mut self, usage: Usage) {
        self.reserved = self.reserved.saturating_sub(usage);
    }

    /// What is reserved will not be given.
    pub(super) fn give_back(&mut self, session: &Session) {
        let unused = std::mem::take(&mut self.reserved);
        self.usage = self.usage.saturating_sub(unused);
        session.ledger().give_back(unused);
        self.day.give_back(session, unused);
    }

    fn total(&self) -> Usage {
        self.before + self.usage
    }

    /// The counters as they are now, what is reserved included.
    pub(super) fn counted(&self, session: &Session) -> Counted<'_> {
        let exchange = self.total();
        let session = session.ledger().spent().saturating_sub(exchange);
        Counted { counters: Counters { exchange, session }, day: &self.day }
    }

    /// Who has to be asked before what is reserved may be given; none where nobody has.
    pub(super) fn objection(&self, snapshot: &Snapshot, session: &Session) -> Option<Question> {
        self.limited.iter().find_map(|(command, threshold)| {
            let passed = threshold.passed(self.total());
            let is_shared = threshold.counters.has_scope(Scope::Session)
                || threshold.counters.has_scope(Scope::Day);
            if passed.is_none() && !is_shared {
                return None;
            }
            let now = self.counted(session);
            let decision = snapshot.decide_now(command, now);
            // A part can jump over a rule that stands between two counts: what stands right
            // behind the limit is asked as well, but where nobody can let it pass anyway.
            let behind = passed.filter(|_| decision.verdict != Verdict::Deny);
            let behind = behind.map(|limit| snapshot.decide_now(command, at_limit(now, limit)));
            behind.into_iter().chain([decision]).find_map(|decision| {
                let objects = !self.lets_pass(&decision);
                objects.then(|| self.question(session, &decision, passed))
            })
        })
    }

    fn lets_pass(&self, decision: &Decision) -> bool {
        let lifted = |reason: &Reason| self.approved.contains(&reason.rule);
        match decision.verdict {
            Verdict::Allow => true,
            Verdict::Review => decision.reasons.iter().all(lifted),
            Verdict::Deny => false,
        }
    }

    /// What to ask where more waits than can be kept back, as if the nearest limit that
    /// objects were passed.
    pub(super) fn as_if_crossed(&self, snapshot: &Snapshot, session: &Session) -> Option<Question> {
        self.limited.iter().find_map(|(command, threshold)| {
            // Rows need not wait for how many were changed: it is told behind the last of them,
            // and with what was changed they are gone.
            let mut limits =
                threshold.limits.iter().filter(|limit| limit.counter.unit != Unit::Changes);
            limits.find_map(|limit| {
                let decision = snapshot.decide_now(command, at_limit(self.counted(session), limit));
                (!self.lets_pass(&decision)).then(|| self.question(session, &decision, Some(limit)))
            })
        })
    }

    fn question(&self, session: &Session, decision: &Decision, passed: Option<&Limit>) -> Question {
        let over = passed.map_or_else(
            || "more than policy gives without asking".to_owned(),
            |limit| format!("more than {} {}", limit.count_max, limit.counter.unit),
        );
        let unit = passed.map(|limit| limit.counter.unit);
        let mut question = Question::from(decision);
        let new = decision.reasons.iter().find(|reason| !self.approved.contains(&reason.rule));
        if let Some(reason) = new {
            question.rule = reason.rule.clone();
        }
        let told = new.and_then(|reason| reason.advice.as_ref());
        question.reason = told.map_or_else(|| over.clone(), |advice| format!("{over}: {advice}"));
        let advice = session.notices().advise(Advice::AskForLess(unit));
        let text = match unit {
            Some(Unit::Changes) => format!("the command makes {over}: none stays"),
            _ => format!("the result has {over}"),
        };
        question.refusal = (RefusalCode::LimitExceeded, text, Some(advice.to_owned()));
        question
    }
}

/// The counters as they would be right behind a limit.
fn at_limit<'a>(now: Counted<'a>, limit: &Limit) -> Counted<'a> {
    let count = limit.count_max.saturating_add(1);
    let exchange = now.counters.exchange.with(limit.counter.unit, count);
    Counted { counters: Counters { exchange, ..now.counters }, ..now }
}
