//! One client's time at one resource: the first half of the loop, *admit*.

use crate::engine::{Engine, OpenRequest, ReviewMode, now_us};
use crate::exchange::Exchange;
use crate::live::{Counts, Signals};
use crate::proof::{Permitted, Released};
use crate::protocol::{Asked, Masked, Reply, Request, Revealed, Stage};
use crate::{Broken, ClientSide};
use bytes::Bytes;
use portreeve_decide::policy::{Ask, Context, CounterSet, Counters, Policies, Threshold};
use portreeve_evidence::SessionRecorder;
use portreeve_model::{
    Action, Category, Chain, Command, CommandRecord, Decision, Direction, Event, Facts, Need,
    Object, Outcome, PolicyVersion, Refusal, RefusalCode, RequestId, RevealedColumn, RuleId, Scope,
    SessionId, Unit, Usage, Verdict,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Says the category of an object, where it has one.
pub type Classify = Arc<dyn Fn(&Object) -> Option<Category> + Send + Sync>;

const DECISIONS_MAX: usize = 1024;
/// Rules that are not policy's: what nobody understands, named limits, and what was
/// prepared under another ruling.
const NOT_UNDERSTOOD: &str = "not-understood";
const LIMITS: &str = "limits";
const POLICY_CHANGED: &str = "policy-changed";
/// Objects that one command may touch. Names are at most 63 bytes each in PostgreSQL, so
/// that a command's record fits into a leaf of the evidence.
const NEEDS_MAX: usize = 100;
/// Commands, needs and reasons in one leaf.
const LEAF_ITEMS_MAX: usize = 120;
/// Longest text of a record.
const TEXT_CHARS_MAX: usize = 1000;

struct Cached {
    command: Arc<Command>,
    decision: Decision,
    threshold: Threshold,
    counted: CounterSet,
    session_rows: u64,
}

/// By which policies, and in which hour, things are decided. What does not depend on
/// counters holds as long as this stays the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ruling {
    /// The policies.
    pub policy: PolicyVersion,
    /// Hours since 1970-01-01 UTC; policies see no finer time.
    pub hour: u64,
}

/// A client, a resource, and everything that holds between them.
pub struct Session {
    pub(crate) engine: Arc<Engine>,
    id: SessionId,
    chain: Chain,
    resource: String,
    classify: Classify,
    pub(crate) review_mode: ReviewMode,
    pub(crate) recorder: SessionRecorder,
    pub(crate) signals: Arc<Signals>,
    counts: Arc<Counts>,
    policies: Arc<Policies>,
    ruling: Arc<Ruling>,
    decisions: HashMap<usize, Cached>,
    reveals: HashMap<Object, bool>,
    pub(crate) exchange: u64,
    pub(crate) rows: u64,
    entered: bool,
    closed: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn new(
        engine: Arc<Engine>,
        ask: &OpenRequest,
        recorder: SessionRecorder,
        counts: Arc<Counts>,
        signals: Arc<Signals>,
    ) -> Self {
        let policies = engine.policies();
        let ruling =
            Ruling { policy: policies.version().clone(), hour: Context::at(now_us()).hour };
        Self {
            engine,
            id: ask.id,
            chain: ask.chain.clone(),
            resource: ask.resource.clone(),
            classify: ask.classify.clone(),
            review_mode: ask.review_mode,
            recorder,
            signals,
            counts,
            policies,
            ruling: Arc::new(ruling),
            decisions: HashMap::new(),
            reveals: HashMap::new(),
            exchange: 0,
            rows: 0,
            entered: false,
            closed: None,
        }
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Who acts.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Where.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Signals from outside.
    #[must_use]
    pub fn signals(&self) -> Arc<Signals> {
        self.signals.clone()
    }

    /// Looks at the resource's classification afresh (it follows the target's catalog).
    pub fn reclassify(&mut self, classify: Classify) {
        self.classify = classify;
        self.decisions.clear();
        self.reveals.clear();
    }

    /// Whether policy lets the whole chain see a column unmasked.
    pub fn reveals(&mut self, column: &Object, category: &Category) -> bool {
        if let Some(known) = self.reveals.get(column) {
            return *known;
        }
        let answer = self.policies.reveals(&self.ask("", &[], Facts::default()), column, category);
        self.reveals.insert(column.clone(), answer);
        answer
    }

    /// By which policies, and in which hour, things are decided now. Anything that a
    /// protocol derived from [`Session::reveals`] holds as long as this stays the same.
    pub fn ruling(&mut self) -> Arc<Ruling> {
        self.follow();
        self.ruling.clone()
    }

    pub(crate) fn policy_version(&self) -> &PolicyVersion {
        &self.ruling.policy
    }

    /// Takes over the policies in force, and the hour: what was decided before either
    /// changed is decided again.
    fn follow(&mut self) {
        let (current, hour) = (self.engine.policies(), Context::at(now_us()).hour);
        if *current.version() != self.ruling.policy || hour != self.ruling.hour {
            self.ruling = Arc::new(Ruling { policy: current.version().clone(), hour });
            self.policies = current;
            self.decisions.clear();
            self.reveals.clear();
        }
    }

    /// Asks about a command of which nothing has passed yet.
    fn ask<'a>(&'a self, verb: &'a str, needs: &'a [Need], facts: Facts) -> Ask<'a> {
        Ask {
            chain: &self.chain,
            resource: &self.resource,
            verb,
            needs,
            facts,
            categories: &*self.classify,
            counters: Counters { exchange: Usage::default(), session: self.used() },
            day: &|_| Usage::default(),
            context: Context { hour: self.ruling.hour },
        }
    }

    fn used(&self) -> Usage {
        Usage::of(Unit::Rows, self.rows)
    }

    pub(crate) fn ask_policy(&self, needs: &[Need]) -> Decision {
        self.policies.decide(&self.ask(Action::Connect.word(), needs, Facts::default()))
    }

    /// The next threshold after `rows` rows, beside `others` of the session.
    pub(crate) fn threshold(&self, needs: &[Need], rows: u64, others: u64) -> Threshold {
        let counters = Counters {
            exchange: Usage::of(Unit::Rows, rows),
            session: Usage::of(Unit::Rows, others),
        };
        let ask = self.ask("", needs, Facts::default());
        self.policies.threshold(&Ask { counters, ..ask })
    }

    fn decide(&mut self, asked: &Asked) -> (Decision, Threshold) {
        let key = Arc::as_ptr(&asked.command) as usize;
        if let Some(cached) = self.decisions.get(&key)
            && Arc::ptr_eq(&cached.command, &asked.command)
            && (cached.session_rows == self.rows || !cached.counted.has_scope(Scope::Session))
        {
            return (cached.decision.clone(), cached.threshold.clone());
        }
        let Command { verb, needs, facts, .. } = &*asked.command;
        let decision = self.policies.decide(&self.ask(verb, needs, *facts));
        let reads = needs.iter().any(|need| need.action == Action::Read);
        let threshold = if reads && decision.verdict != Verdict::Deny {
            self.policies.threshold(&self.ask(verb, needs, *facts))
        } else {
            Threshold::default()
        };
        if self.decisions.len() >= DECISIONS_MAX {
            self.decisions.clear();
        }
        self.decisions.insert(
            key,
            Cached {
                command: asked.command.clone(),
                decision: decision.clone(),
                threshold: threshold.clone(),
                counted: self.policies.counted(&self.chain, &asked.command.needs),
                session_rows: self.rows,
            },
        );
        (decision, threshold)
    }

    /// How many rows a command may give before a person is asked; none is no limit.
    /// Protocols use it to keep what follows such a command out of the same message run.
    pub fn rows_free(&mut self, asked: &Asked) -> Option<u64> {
        self.follow();
        rows_free(&self.decide(asked).1)
    }

    /// Decides a request, asks people where policy says so, and records it all before
    /// the permit exists.
    pub async fn admit<R: Request>(
        &mut self,
        mut request: R,
        client: &mut ClientSide,
    ) -> Result<(Exchange<'_>, Permitted), Broken> {
        self.follow();
        self.exchange += 1;
        self.counts.exchanges.store(self.exchange, Ordering::Relaxed);
        let received = request.received();
        self.engine.observer.received(&self.resource, received.len() as u64);

        let verdicts = self.judge(request.commands());
        self.stage_request(verdicts.records, &received);
        let refused = match (verdicts.refused, verdicts.review) {
            // SECURITY: what goes before a refused command is sent, so nothing that
            // still waits for a person may be among it.
            (Some((at, refusal)), Some((held, _))) => Some((at.min(held), refusal)),
            (Some(refused), None) => Some(refused),
            (None, Some((_, question))) => {
                let refused = self.review(question, request.content(), client).await?;
                refused.map(|refusal| (0, refusal))
            }
            (None, None) => None,
        };
        let wire = request.encode(refused.as_ref().map(|(index, refusal)| (*index, refusal)));
        let verdict = if refused.is_some() { Verdict::Deny } else { Verdict::Allow };
        self.engine.observer.decided(&self.resource, verdict);
        self.recorder.submit().durable().await?;

        let refusal = refused.map(|(_, refusal)| refusal);
        let limit = verdicts.limit;
        let is_limited = rows_free(&limit.threshold).is_some();
        let content = if is_limited { request.content() } else { String::new() };
        let exchange = Exchange::new(self, refusal, limit, content);
        Ok((exchange, Permitted { wire }))
    }

    fn judge(&mut self, commands: &[Asked]) -> Judged {
        let mut judged = Judged::default();
        for (index, asked) in commands.iter().enumerate() {
            let (decision, threshold) = self.decide(asked);
            let command = &asked.command;
            let is_run = asked.stage == Stage::Run;
            let refusal = self.refused_outright(asked, &decision);
            if refusal.is_none() && is_run && decision.verdict == Verdict::Review {
                judged.review.get_or_insert_with(|| (index, Question::from(&decision)));
            }
            let is_again = index
                .checked_sub(1)
                .and_then(|before| commands.get(before))
                .is_some_and(|before| Arc::ptr_eq(&before.command, command));
            match judged.records.last_mut() {
                Some(last) if is_again && is_run => last.times += 1,
                _ if is_run || refusal.is_some() || !runs_later(commands, command) => {
                    judged.records.push(self.record_of(asked, decision));
                }
                _ => {}
            }
            if let Some(refusal) = refusal {
                judged.refused = Some((index, refusal));
                break;
            }
            if is_run && rows_free(&threshold).is_some() {
                judged.limit.add(threshold, &command.needs, asked.rows_before);
            }
        }
        judged
    }

    /// What is refused without asking anyone.
    fn refused_outright(&self, asked: &Asked, decision: &Decision) -> Option<Refusal> {
        let command = &asked.command;
        if let Some(why) = &command.unknown {
            let hint = "send a statement that the gateway can analyse, one at a time".to_owned();
            let rule = Some(NOT_UNDERSTOOD.into());
            return Some(self.refusal(RefusalCode::Unknown, why.clone(), rule, Some(hint)));
        }
        if let Some(message) = too_many(asked) {
            let hint = "split it into smaller statements".to_owned();
            let rule = Some(LIMITS.into());
            return Some(self.refusal(RefusalCode::LimitExceeded, message, rule, Some(hint)));
        }
        if !self.is_current(&asked.revealed) {
            let message = "policy changed while the command was on its way".to_owned();
            let hint = "send it again".to_owned();
            let rule = Some(POLICY_CHANGED.into());
            return Some(self.refusal(RefusalCode::Denied, message, rule, Some(hint)));
        }
        (decision.verdict == Verdict::Deny).then(|| self.denial(command, decision))
    }

    /// Stages the request's records: one leaf holds a bounded number of commands.
    fn stage_request(&mut self, mut records: Vec<CommandRecord>, received: &[u8]) {
        let mut rest = records.split_off(fitting(&records));
        let first = self.request(records);
        self.recorder.stage_payload(first, Direction::FromClient, received);
        while !rest.is_empty() {
            let after = rest.split_off(fitting(&rest));
            let more = self.request(rest);
            self.recorder.stage(more);
            rest = after;
        }
    }

    /// What the client will see clear, if that was decided by what decides now.
    fn revealed_now(&self, asked: &Asked) -> Vec<RevealedColumn> {
        let revealed = &asked.revealed;
        if self.is_current(revealed) { revealed.columns.clone() } else { Vec::new() }
    }

    /// Whether what is revealed was decided under the ruling that holds now.
    fn is_current(&self, revealed: &Revealed) -> bool {
        revealed.columns.is_empty() || revealed.ruling == self.ruling
    }

    fn request(&self, commands: Vec<CommandRecord>) -> Event {
        let (exchange, session) = (self.exchange, self.used());
        Event::Request { exchange, hour: self.ruling.hour, session, day: Vec::new(), commands }
    }

    /// What is recorded of a command, with everything that its decision depends on.
    fn record_of(&self, asked: &Asked, decision: Decision) -> CommandRecord {
        let command = &asked.command;
        let clip = |text: &String| text.chars().take(TEXT_CHARS_MAX).collect();
        let needs: Vec<Need> = command.needs.iter().take(NEEDS_MAX).cloned().collect();
        let mut categories: BTreeMap<Category, Vec<usize>> = BTreeMap::new();
        for (at, need) in needs.iter().enumerate() {
            if let Some(category) = (self.classify)(&need.object) {
                categories.entry(category).or_default().push(at);
            }
        }
        let unknown = match too_many(asked) {
            Some(why) => Some(why),
            None => command.unknown.as_ref().map(clip),
        };
        CommandRecord {
            verb: command.verb.clone(),
            times: 1,
            prepared: asked.stage == Stage::Prepare,
            fingerprint: command.fingerprint.clone(),
            needs,
            facts: command.facts,
            categories,
            decision: unknown.is_none().then_some(decision),
            unknown,
            revealed: self.revealed_now(asked),
        }
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

    /// A refusal of the running exchange.
    #[must_use]
    pub fn refusal(
        &self,
        code: RefusalCode,
        message: String,
        rule: Option<RuleId>,
        hint: Option<String>,
    ) -> Refusal {
        let request = RequestId { session: self.id, exchange: self.exchange };
        Refusal { code, message, rule, request, hint, review: None }
    }

    /// Records the gateway's own words to the client (a greeting) and releases them.
    pub async fn greet(&mut self, words: Bytes) -> Result<Released, Broken> {
        self.release_masked(0, Masked { bytes: words, ..Masked::default() }).await
    }

    /// Masks, records and releases what the target says unasked.
    pub async fn release_unasked<P: Reply>(&mut self, reply: P) -> Result<Released, Broken> {
        let masked = reply.mask(&self.engine.masker)?;
        self.release_masked(0, masked).await
    }

    pub(crate) async fn release_masked(
        &mut self,
        exchange: u64,
        masked: Masked,
    ) -> Result<Released, Broken> {
        self.stage_release(exchange, &masked);
        self.recorder.submit().durable().await?;
        Ok(Released { bytes: masked.bytes })
    }

    pub(crate) fn stage_release(&mut self, exchange: u64, masked: &Masked) {
        for column in &masked.disagreements {
            let column = column.clone();
            self.recorder.stage(Event::Disagreement { exchange, column });
        }
        if !masked.subjects.is_empty() {
            let (tables, tokens) = masked.subjects.to_record();
            let event = Event::Subjects { exchange, tables };
            self.recorder.stage_payload(event, Direction::Subjects, &tokens);
        }
        if !masked.bytes.is_empty() {
            self.recorder.stage_payload(
                Event::Response { exchange, rows: masked.rows, masked: masked.masked.clone() },
                Direction::ToClient,
                &masked.bytes,
            );
        }
        self.rows += masked.rows;
        self.counts.rows.store(self.rows, Ordering::Relaxed);
        let observer = &self.engine.observer;
        observer.released(&self.resource, masked.bytes.len() as u64, masked.rows);
        masked.masked.iter().for_each(|(category, count)| observer.masked(category, *count));
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Broken> {
        Ok(self.recorder.submit().durable().await?)
    }

    pub(crate) fn entered(&mut self) {
        self.entered = true;
        self.engine.observer.session_opened(&self.resource);
    }

    pub(crate) fn stage_opened(&mut self, ask: &OpenRequest, decision: &Decision) {
        self.recorder.stage(Event::SessionOpened {
            chain: self.chain.clone(),
            resource: self.resource.clone(),
            protocol: ask.protocol.into(),
            client: ask.client.to_string(),
            application: ask.application.clone(),
            tls: ask.tls.clone(),
            hour: self.ruling.hour,
            decision: Box::new(decision.clone()),
        });
    }

    pub(crate) fn turn_away(&mut self, decision: &Decision, outcome: Outcome) {
        let request = self.request(vec![CommandRecord {
            verb: "CONNECT".into(),
            times: 1,
            prepared: false,
            fingerprint: String::new(),
            needs: vec![Need { action: Action::Connect, object: Object::resource() }],
            facts: Facts::default(),
            categories: BTreeMap::new(),
            unknown: None,
            decision: Some(decision.clone()),
            revealed: Vec::new(),
        }]);
        self.recorder.stage(request);
        self.recorder.stage(Event::ExchangeClosed { exchange: 0, outcome, rows: 0 });
        self.closed = Some("not let in".into());
    }

    /// Ends the session, with the reason that the evidence gets.
    pub async fn close(mut self, why: &str) {
        self.closed = Some(why.to_owned());
        self.stage_closed();
        let _ = self.recorder.submit().durable().await;
    }

    fn stage_closed(&mut self) {
        if let Some(why) = self.closed.take() {
            self.recorder.stage(Event::SessionClosed {
                why,
                exchanges: self.exchange,
                rows: self.rows,
            });
            if self.entered {
                self.entered = false;
                self.engine.live.remove(self.id);
                self.engine.observer.session_closed(&self.resource);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // INVARIANT: every opened session is closed in the evidence, whatever ended it.
        if self.entered {
            self.closed.get_or_insert_with(|| "dropped".into());
        }
        self.stage_closed();
    }
}

/// The rows that may pass before policy is asked again.
pub(crate) fn rows_free(threshold: &Threshold) -> Option<u64> {
    threshold.limit(Unit::Rows).map(|limit| limit.count_max)
}

/// Whether a command that is prepared here also runs in the same request.
fn runs_later(commands: &[Asked], command: &Arc<Command>) -> bool {
    commands.iter().any(|other| other.stage == Stage::Run && Arc::ptr_eq(&other.command, command))
}

/// Why a command that touches this much is refused whatever policy says of it.
fn too_many(asked: &Asked) -> Option<String> {
    let command = &asked.command;
    let is_over = command.needs.len().max(asked.revealed.columns.len()) > NEEDS_MAX;
    is_over.then(|| format!("`{}` touches more than {NEEDS_MAX} objects", command.verb))
}

/// How many records fit into one leaf; at least one.
fn fitting(records: &[CommandRecord]) -> usize {
    let mut items = 0;
    let fits = |record: &&CommandRecord| {
        let reasons = record.decision.as_ref().map_or(0, |decision| decision.reasons.len());
        items += 1 + record.needs.len() + reasons + record.revealed.len();
        items <= LEAF_ITEMS_MAX
    };
    records.iter().take_while(fits).count().clamp(1.min(records.len()), records.len())
}

/// Who has to be asked, and by which rule.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) rule: RuleId,
    pub(crate) reason: String,
    pub(crate) groups: Vec<String>,
}

impl From<&Decision> for Question {
    fn from(decision: &Decision) -> Self {
        let reason = decision.reasons.first();
        Self {
            rule: reason.map_or_else(|| "review".into(), |reason| reason.rule.clone()),
            reason: reason.and_then(|reason| reason.advice.clone()).unwrap_or_default(),
            groups: decision.review_groups.clone(),
        }
    }
}

#[derive(Default)]
struct Judged {
    records: Vec<CommandRecord>,
    refused: Option<(usize, Refusal)>,
    review: Option<(usize, Question)>,
    limit: RowLimit,
}

/// How many rows the commands of a request may give before policy is asked again.
#[derive(Debug, Default)]
pub(crate) struct RowLimit {
    pub(crate) threshold: Threshold,
    /// The needs of every command that has a threshold.
    pub(crate) needs: Vec<Need>,
    pub(crate) rows_before: u64,
}

impl RowLimit {
    /// The strictest of several is the one that holds.
    fn add(&mut self, threshold: Threshold, needs: &[Need], rows_before: u64) {
        if rows_free(&self.threshold).is_none_or(|rows| rows_free(&threshold) < Some(rows)) {
            self.threshold = threshold;
        }
        self.needs.extend_from_slice(needs);
        self.rows_before = self.rows_before.max(rows_before);
    }
}
