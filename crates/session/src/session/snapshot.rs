//! What a request is decided by, made once and used for all of it: the policies, the hour,
//! the classification, and who asks.
//!
//! A protocol plans a request with a snapshot and hands the same one to
//! [`crate::Session::admit`], so that what was planned is what is decided. A session makes
//! a new one when policies, hour or classification change; whether an older one still
//! holds is asked in one place, `Snapshot::objection`.

use super::{Counted, DayUsage, Session};
use crate::protocol::CommandUse;
use portreeve_decide::policy::{Ask, Context, Counters, Policies, Threshold};
use portreeve_model::{
    Action, Category, Chain, Command, Counter, Decision, Detected, Need, Object, PolicyVersion,
    Reason, Refusal, RefusalCode, RevealedBy, RuleId, Scope, Unit, Verdict,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Says the category of an object, where it has one.
pub type Classify = Arc<dyn Fn(&Object) -> Option<Category> + Send + Sync>;

/// Decisions that one snapshot remembers.
const DECISIONS_MAX: usize = 1024;
/// The rule of what only the change of policies stands against.
const POLICY_CHANGED: &str = "policy-changed";

/// Who asks for what: the same for a whole session.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) chain: Chain,
    pub(crate) resource: String,
}

/// What a request is decided by.
pub struct Snapshot {
    asker: Arc<Asker>,
    policies: Arc<Policies>,
    /// Hours since 1970-01-01 UTC; policies see no finer time.
    hour: u64,
    classify: Classify,
    known: Mutex<Known>,
}

/// Answers that hold as long as the snapshot does.
#[derive(Default)]
struct Known {
    reveals: HashMap<Object, Vec<(Category, bool)>>,
    /// By the address of the command, which the entry keeps alive.
    decisions: HashMap<usize, Decided>,
}

#[derive(Clone)]
struct Decided {
    command: Arc<Command>,
    decision: Decision,
    threshold: Threshold,
    /// What it was decided with; none where others move what it depends on.
    counters: Option<Counters>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("policy", self.policies.version())
            .field("hour", &self.hour)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(crate) fn new(
        asker: Arc<Asker>,
        policies: Arc<Policies>,
        hour: u64,
        classify: Classify,
    ) -> Self {
        Self { asker, policies, hour, classify, known: Mutex::default() }
    }

    /// The same with another classification.
    pub(crate) fn reclassified(&self, classify: Classify) -> Self {
        Self::new(self.asker.clone(), self.policies.clone(), self.hour, classify)
    }

    /// The same under other policies, or in another hour.
    pub(crate) fn renewed(&self, policies: Arc<Policies>, hour: u64) -> Self {
        Self::new(self.asker.clone(), policies, hour, self.classify.clone())
    }

    /// Whether these policies, in this hour, are what it decides by.
    pub(crate) fn is_of(&self, policies: &Arc<Policies>, hour: u64) -> bool {
        hour == self.hour
            && (Arc::ptr_eq(policies, &self.policies)
                || policies.version() == self.policies.version())
    }

    /// Whether both see objects by the same classification.
    pub(crate) fn is_classified_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.classify, &other.classify)
    }

    /// What detectors found and a part of a reply shows, although this snapshot does not reveal
    /// it.
    pub(crate) fn hidden<'d>(&self, detected: &'d [Detected]) -> Option<&'d Detected> {
        let is_hidden =
            |found: &&Detected| found.revealed > 0 && !self.reveals(&found.object, &found.category);
        detected.iter().find(is_hidden)
    }

    /// By what found values are shown.
    pub(crate) fn revealed_by(&self) -> RevealedBy {
        RevealedBy { policy: self.policy().clone(), hour: self.hour }
    }

    pub(crate) fn policy(&self) -> &PolicyVersion {
        self.policies.version()
    }

    pub(crate) fn hour(&self) -> u64 {
        self.hour
    }

    pub(crate) fn category_of(&self, object: &Object) -> Option<Category> {
        (self.classify)(object)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether policy lets the whole chain see values of a category unmasked: those of a classified
    /// object, or what was found in texts of it; of the resource where nobody knows a smaller one.
    #[must_use]
    pub fn reveals(&self, object: &Object, category: &Category) -> bool {
        let remembered = |known: &Known| {
            let answers = known.reveals.get(object)?;
            answers.iter().find(|(of, _)| of == category).map(|(_, answer)| *answer)
        };
        if let Some(answer) = remembered(&self.known()) {
            return answer;
        }
        let (none, day) = (Command::default(), DayUsage::default());
        let counted = Counted { counters: Counters::default(), day: &day };
        let answer =
            self.asking(&none, counted, |policies, ask| policies.reveals(ask, object, category));
        let known = (category.clone(), answer);
        self.known().reveals.entry(object.clone()).or_default().push(known);
        answer
    }

    /// The objects of the resource that policies name.
    pub fn objects_named(&self) -> impl Iterator<Item = &Object> {
        self.policies.objects_named(&self.asker.resource)
    }

    /// Whether policy permits a command to run without asking anyone.
    #[must_use]
    pub fn allows(&self, command: &Command) -> bool {
        let decision = self.asking_at_first(command, Policies::decide);
        command.unknown.is_none() && decision.verdict == Verdict::Allow
    }

    /// Whether policy permits a command to run, if need be after somebody was asked.
    #[must_use]
    pub fn permits(&self, command: &Command) -> bool {
        let decision = self.asking_at_first(command, Policies::decide);
        command.unknown.is_none() && decision.verdict != Verdict::Deny
    }

    /// Whether policies say nothing of a command: none permits it, and none stands against it.
    #[must_use]
    pub fn says_nothing_of(&self, command: &Command) -> bool {
        command.unknown.is_none() && self.asking_at_first(command, Policies::says_nothing)
    }

    /// Whether policy would ask a person about a command before it runs, whatever was used
    /// before.
    #[must_use]
    pub fn is_reviewed(&self, command: &Command) -> bool {
        let decision = self.asking_at_first(command, Policies::decide);
        command.unknown.is_none() && decision.verdict == Verdict::Review
    }

    /// Whether what a command gives may have to be kept back: some policy that matters to
    /// it names a counter. What follows such a command must not reach the target first.
    #[must_use]
    pub fn may_hold(&self, command: &Arc<Command>) -> bool {
        let reads = |need: &Need| need.action == Action::Read;
        self.bounds_changes(command)
            || command.needs.iter().any(reads)
                && !self.policies.counted(&self.asker.chain, &command.needs).is_empty()
    }

    /// Whether some policy bounds how many rows a command changes, and the target will tell.
    #[must_use]
    pub fn bounds_changes(&self, command: &Command) -> bool {
        let counted = self.policies.counted(&self.asker.chain, &command.needs);
        if !command.facts.tells_changes() || !counted.has_unit(Unit::Changes) {
            return false;
        }
        // What was changed before may matter in ways that no count of this command shows.
        let is_of_more = |scope| counted.contains(Counter { scope, unit: Unit::Changes });
        let threshold = || self.asking_at_first(command, Policies::threshold);
        is_of_more(Scope::Session)
            || is_of_more(Scope::Day)
            || threshold().limit(Unit::Changes).is_some()
    }

    /// The objects of which policies ask what the principal has used today.
    pub(crate) fn counted_by_day(&self, commands: &[CommandUse]) -> BTreeSet<Object> {
        if !self.policies.counters().has_scope(Scope::Day) {
            return BTreeSet::new();
        }
        let of = |one: &CommandUse| {
            let objects = self.policies.counted_by_day(&self.asker.chain, &one.command.needs);
            objects.into_iter().cloned().collect::<Vec<_>>()
        };
        commands.iter().flat_map(of).collect()
    }

    pub(crate) fn decide_connect(&self) -> Decision {
        let need = Need { action: Action::Connect, object: Object::resource() };
        let connect = Command {
            verb: Action::Connect.word().to_owned(),
            needs: vec![need],
            ..Command::default()
        };
        self.asking_at_first(&connect, Policies::decide)
    }

    /// What policy says of a command with these counters.
    pub(crate) fn decide_now(&self, command: &Command, counted: Counted<'_>) -> Decision {
        self.asking(command, counted, Policies::decide)
    }

    /// What policy says of a command that begins, and how far it may go. Remembered for as
    /// long as no counter moves that the answer depends on.
    pub(crate) fn decide(
        &self,
        command: &Arc<Command>,
        counted: Counted<'_>,
    ) -> (Decision, Threshold) {
        let counters = counted.counters;
        let key = Arc::as_ptr(command) as usize;
        if let Some(known) = self.known().decisions.get(&key)
            && Arc::ptr_eq(&known.command, command)
            && ((known.threshold.counters.is_empty() && known.counters.is_some())
                || known.counters == Some(counters))
        {
            return (known.decision.clone(), known.threshold.clone());
        }
        let decision = self.decide_now(command, counted);
        // What writes or executes may give as much as what reads: the answer to a `POST`, what a
        // function, a tool or a program says.
        let threshold = match decision.verdict {
            Verdict::Allow | Verdict::Review => self.asking(command, counted, Policies::threshold),
            Verdict::Deny => Threshold::default(),
        };
        let counts_days = threshold.counters.has_scope(Scope::Day);
        let counts_days = counts_days
            || self.policies.counted(&self.asker.chain, &command.needs).has_scope(Scope::Day);
        let known = Decided {
            command: command.clone(),
            decision: decision.clone(),
            threshold: threshold.clone(),
            counters: (!counts_days).then_some(counters),
        };
        let mut remembered = self.known();
        if remembered.decisions.len() >= DECISIONS_MAX {
            remembered.decisions.clear();
        }
        remembered.decisions.insert(key, known);
        (decision, threshold)
    }

    /// Why commands that were permitted by an older snapshot may not go on by this one: it
    /// denies them, wants another person asked than has approved, or does not reveal what
    /// the client would see.
    pub(crate) fn objection(
        &self,
        commands: &[CommandUse],
        counted: Counted<'_>,
        approved: &BTreeSet<RuleId>,
    ) -> Option<Objection> {
        commands.iter().find_map(|one| {
            let hidden =
                one.revealed.iter().find(|seen| !self.reveals(&seen.object, &seen.category));
            if let Some(hidden) = hidden {
                let message =
                    format!("policy changed: `{}` may not be seen any more", hidden.object);
                return Some(Objection { message, rule: POLICY_CHANGED.into() });
            }
            let decision = self.decide_now(&one.command, counted);
            let lifts = |reason: &Reason| approved.contains(&reason.rule);
            let goes_on = match decision.verdict {
                Verdict::Allow => true,
                Verdict::Review => decision.reasons.iter().all(lifts),
                Verdict::Deny => false,
            };
            let reason = decision.reasons.iter().find(|reason| !lifts(reason));
            (!goes_on).then(|| Objection {
                message: format!("policy changed: `{}` is not allowed any more", one.command.verb),
                rule: reason.map_or_else(|| POLICY_CHANGED.into(), |reason| reason.rule.clone()),
            })
        })
    }

    /// Asks as if nothing had been used.
    fn asking_at_first<T>(
        &self,
        command: &Command,
        ask: impl FnOnce(&Policies, &Ask<'_>) -> T,
    ) -> T {
        let (counters, day) = (Counters::default(), DayUsage::default());
        self.asking(command, Counted { counters, day: &day }, ask)
    }

    fn asking<T>(
        &self,
        command: &Command,
        counted: Counted<'_>,
        ask: impl FnOnce(&Policies, &Ask<'_>) -> T,
    ) -> T {
        ask(
            &self.policies,
            &Ask {
                chain: &self.asker.chain,
                resource: &self.asker.resource,
                verb: &command.verb,
                needs: &command.needs,
                facts: command.facts,
                categories: &*self.classify,
                counters: counted.counters,
                day: &|object| counted.day.of(object),
                context: Context { hour: self.hour },
            },
        )
    }
}

/// Why something that ran may not go on.
pub(crate) struct Objection {
    message: String,
    rule: RuleId,
}

impl Objection {
    /// Objects are seen by another classification than the one that it was planned with.
    pub(crate) fn reclassified() -> Self {
        let message = "what is classified has changed while the command was on its way".to_owned();
        Self { message, rule: POLICY_CHANGED.into() }
    }

    /// Values of a category that were found may not be seen any more.
    pub(crate) fn hidden(category: &Category) -> Self {
        let message = format!("policy changed: `{category}` may not be seen any more");
        Self { message, rule: POLICY_CHANGED.into() }
    }

    pub(crate) fn into_refusal(
        self,
        session: &Session,
        exchange: u64,
        code: RefusalCode,
    ) -> Refusal {
        let hint = Some("send it again, or ask for what is allowed".to_owned());
        session.refusal(exchange, code, self.message, Some(self.rule), hint)
    }
}
