//! The inspector that decides again.

use crate::adopted::Adoptions;
use crate::running::Running;
use portreeve_decide::policy::{Ask, Beyond, Context, Counters, Policies, Threshold};
use portreeve_evidence::{Inspector, RequestParts};
use portreeve_model::{
    Action, Category, Chain, CommandRecord, Decision, Detected, Event, Facts, Need, Object,
    ObjectUsage, Outcome, PolicyVersion, Record, RevealedBy, Scope, SessionId, Unit, Usage,
    Verdict,
};
use serde::Deserialize;
use std::collections::HashMap;

/// As many answers as are remembered: agents ask the same again and again.
const ANSWERS_MAX: usize = 10_000;

/// Decides every recorded decision again, and looks whether what followed fits.
#[derive(Default)]
pub struct Decisions {
    adoptions: Adoptions,
    sessions: HashMap<SessionId, Seen>,
    answers: HashMap<Vec<u8>, Answer>,
    parts: RequestParts,
    decided: u64,
    /// How many commits there were before the records that come now.
    commits: u64,
    /// Sessions may go on whose beginning was pruned: nobody knows on whose behalf.
    begins_pruned: bool,
}

impl std::fmt::Debug for Decisions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decisions({} decided)", self.decided)
    }
}

/// A session that has not ended.
struct Seen {
    chain: Chain,
    resource: String,
    exchanges: HashMap<u64, Running>,
    /// Rows that went to the client, whatever exchange they are of.
    rows: u64,
}

/// What the policies say again.
#[derive(Clone)]
struct Answer {
    decision: Decision,
    /// Rows that they give without asking anyone.
    free: Option<u64>,
}

/// What a decision was made in.
struct Moment {
    at_us: u64,
    hour: u64,
    session: Usage,
    day: Vec<ObjectUsage>,
}

impl Moment {
    /// What the principal had used of an object; nothing where nobody counted it.
    fn day(&self, object: &Object) -> Usage {
        let found = self.day.iter().find(|usage| usage.object == *object);
        found.map(|usage| usage.used).unwrap_or_default()
    }

    /// The least that had been used: what other exchanges had reserved just then, they may have
    /// given back before this one gave anything.
    fn least(&self, released: u64) -> Self {
        let rows = released.min(self.session.rows);
        let session = Usage::default().with(Unit::Rows, rows);
        Self { at_us: self.at_us, hour: self.hour, session, day: Vec::new() }
    }
}

/// What was to be decided.
#[derive(Clone, Copy)]
struct Question<'a> {
    verb: &'a str,
    needs: &'a [Need],
    facts: Facts,
    before: Usage,
}

/// The little of a reply's record that matters here, and which a log is full of.
#[derive(Deserialize)]
struct Reply {
    at_us: u64,
    session: Option<SessionId>,
    event: ReplyEvent,
}

#[derive(Deserialize)]
struct ReplyEvent {
    exchange: u64,
    rows: u64,
    #[serde(default)]
    detected: Vec<Detected>,
    #[serde(default)]
    revealed_by: Option<RevealedBy>,
}

impl Decisions {
    fn take(&mut self, record: Record) -> Option<String> {
        let at_us = record.at_us;
        let session = record.session;
        // What a target asks of a client has no bytes of a client.
        let is_of_client = record.payload.as_ref().is_some_and(|payload| payload.bytes > 0);
        match record.event {
            event @ (Event::PolicyPart { .. }
            | Event::PolicyAdopted { .. }
            | Event::LogPruned { .. }) => self.adoptions.take(&event, at_us),
            Event::SessionOpened { chain, resource, hour, decision, .. } => {
                let moment = Moment { at_us, hour, session: Usage::default(), day: Vec::new() };
                let seen = Seen { chain, resource, exchanges: HashMap::new(), rows: 0 };
                let found = self.connect(&seen, &moment, &decision);
                self.sessions.insert(session?, seen);
                found
            }
            Event::Request { exchange, hour, session: used, day, commands } => {
                let session = session?;
                match self.parts.whole(session, exchange, day, commands) {
                    Ok((day, commands)) => {
                        let moment = Moment { at_us, hour, session: used, day };
                        self.request((session, exchange), &moment, &commands, is_of_client)
                    }
                    Err(error) => Some(format!("its parts are no command: {error}")),
                }
            }
            Event::RequestPart { exchange, text } => {
                self.parts.add(session?, exchange, &text);
                None
            }
            Event::ReviewClosed { exchange, decision, .. } => {
                self.exchange(session?, exchange)?.reviewed(decision);
                None
            }
            Event::ExchangeClosed { exchange, outcome, .. } => {
                self.closed(session?, exchange, &outcome)
            }
            Event::SessionClosed { .. } => {
                self.sessions.remove(&session?);
                self.parts.forget(session?);
                None
            }
            _ => None,
        }
    }

    fn exchange(&mut self, session: SessionId, exchange: u64) -> Option<&mut Running> {
        self.sessions.get_mut(&session)?.exchanges.get_mut(&exchange)
    }

    fn released(&mut self, leaf: &[u8]) -> Option<String> {
        let reply: Reply = serde_json::from_slice(leaf).ok()?;
        let found = self.found_shown(&reply);
        let ReplyEvent { exchange, rows, .. } = reply.event;
        if let Some(seen) = reply.session.and_then(|session| self.sessions.get_mut(&session)) {
            seen.rows += rows;
        }
        let commits = self.commits;
        if let Some(running) = reply.session.and_then(|session| self.exchange(session, exchange)) {
            running.answered(commits);
        }
        if found.is_some() || rows == 0 {
            return found;
        }
        let session = reply.session?;
        let is_rest = self.begins_pruned && !self.sessions.contains_key(&session);
        match self.exchange(session, exchange) {
            Some(running) => running.released(rows),
            None if is_rest => None,
            None => Some("rows were released that no command asked for".to_owned()),
        }
    }

    /// Whether the policies reveal what detectors found and a reply shows.
    fn found_shown(&mut self, reply: &Reply) -> Option<String> {
        let mut shown = reply.event.detected.iter().filter(|found| found.revealed > 0).peekable();
        shown.peek()?;
        let Some(by) = &reply.event.revealed_by else {
            return Some("what was found was shown unmasked, and nobody says by what".to_owned());
        };
        let seen = match self.sessions.get(&reply.session?) {
            Some(seen) => seen,
            None if self.begins_pruned => return None,
            None => return Some("nobody knows on whose behalf this was shown".to_owned()),
        };
        let policies = match self.adoptions.in_force(&by.policy, reply.at_us) {
            Ok(policies) => policies,
            Err(what) => return Some(what),
        };
        self.decided += 1;
        let (session, day) = (Usage::default(), Vec::new());
        let moment = Moment { at_us: reply.at_us, hour: by.hour, session, day };
        let question =
            Question { verb: "", needs: &[], facts: Facts::default(), before: Usage::default() };
        let ask = ask(seen, &moment, question, &|_| None, &|_| Usage::default());
        let hidden = shown.find(|found| !policies.reveals(&ask, &found.object, &found.category))?;
        let Detected { category, object, .. } = hidden;
        Some(format!("`{category}` in {object} was shown unmasked, which no policy reveals"))
    }

    fn closed(&mut self, session: SessionId, exchange: u64, outcome: &Outcome) -> Option<String> {
        let running = self.sessions.get_mut(&session)?.exchanges.remove(&exchange)?;
        running.closed(outcome)
    }

    fn connect(&mut self, seen: &Seen, moment: &Moment, decision: &Decision) -> Option<String> {
        let needs = [Need { action: Action::Connect, object: Object::resource() }];
        let question = Question {
            verb: Action::Connect.word(),
            needs: &needs,
            facts: Facts::default(),
            before: Usage::default(),
        };
        let again = self.answer(seen, moment, &decision.policy, question, &HashMap::new());
        self.compare(again.map(|answer| answer.decision), decision)
    }

    fn request(
        &mut self,
        (session, exchange): (SessionId, u64),
        moment: &Moment,
        commands: &[CommandRecord],
        is_of_client: bool,
    ) -> Option<String> {
        let Some(mut seen) = self.sessions.remove(&session) else {
            return (!self.begins_pruned)
                .then(|| "nobody knows on whose behalf this was asked".to_owned());
        };
        let mut running = seen.exchanges.remove(&exchange).unwrap_or_default();
        if is_of_client {
            running.asked(self.commits);
        }
        let mut found = None;
        for command in commands {
            let (free, wrong) = self.command(&seen, moment, command);
            running.command(command, free);
            found = found.or(wrong);
        }
        seen.exchanges.insert(exchange, running);
        self.sessions.insert(session, seen);
        found
    }

    /// Decides a command again: the rows that policy gives of it, and what differs.
    fn command(
        &mut self,
        seen: &Seen,
        moment: &Moment,
        command: &CommandRecord,
    ) -> (Option<u64>, Option<String>) {
        let Some(decision) = &command.decision else {
            let what = "there is no decision on it, though it was understood";
            return (None, command.unknown.is_none().then(|| what.to_owned()));
        };
        let categories = match categories(command) {
            Ok(categories) => categories,
            Err(what) => return (None, Some(what)),
        };
        let question = question(command);
        let again = self.answer(seen, moment, &decision.policy, question, &categories);
        let free = again.as_ref().ok().and_then(|answer| answer.free);
        let free = free.map(|free| free.saturating_sub(command.before.rows));
        let differs = self.compare(again.map(|answer| answer.decision), decision);
        (free, differs.or_else(|| self.revealed(seen, moment, command, decision)))
    }

    fn compare(&mut self, again: Result<Decision, String>, recorded: &Decision) -> Option<String> {
        self.decided += 1;
        let again = match again {
            Ok(again) => again,
            Err(what) => return Some(what),
        };
        let word = |verdict: Verdict| match verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Review => "review",
        };
        if again.verdict != recorded.verdict {
            return Some(format!(
                "recorded is `{}`, the recorded policies say `{}`",
                word(recorded.verdict),
                word(again.verdict)
            ));
        }
        (again != *recorded)
            .then(|| format!("`{}` again, but for other reasons", word(again.verdict)))
    }

    /// Whether the policies reveal what was recorded as revealed.
    fn revealed(
        &self,
        seen: &Seen,
        moment: &Moment,
        command: &CommandRecord,
        decision: &Decision,
    ) -> Option<String> {
        if command.revealed.is_empty() {
            return None;
        }
        let policies = match self.adoptions.in_force(&decision.policy, moment.at_us) {
            Ok(policies) => policies,
            Err(what) => return Some(what),
        };
        let day = |object: &Object| moment.day(object);
        let ask = ask(seen, moment, Question { needs: &[], ..question(command) }, &|_| None, &day);
        let hidden = command
            .revealed
            .iter()
            .find(|revealed| !policies.reveals(&ask, &revealed.object, &revealed.category))?;
        Some(format!("{} was shown unmasked, which no policy reveals", hidden.object))
    }

    fn answer(
        &mut self,
        seen: &Seen,
        moment: &Moment,
        version: &PolicyVersion,
        question: Question<'_>,
        categories: &HashMap<&Object, &Category>,
    ) -> Result<Answer, String> {
        let policies = self.adoptions.in_force(version, moment.at_us)?;
        let key = key(seen, moment, &policies, question, categories);
        if let Some(known) = key.as_ref().and_then(|key| self.answers.get(key)) {
            return Ok(known.clone());
        }
        let classify = |object: &Object| categories.get(object).map(|found| (*found).clone());
        let day = |object: &Object| moment.day(object);
        let ask = ask(seen, moment, question, &classify, &day);
        let decision = policies.decide(&ask);
        let reads = question.needs.iter().any(|need| need.action == Action::Read);
        let free = match reads && decision.verdict != Verdict::Deny {
            true => rows_free(&policies.threshold(&ask)).and_then(|free| {
                let least = moment.least(seen.rows);
                let day = |object: &Object| least.day(object);
                let ask = self::ask(seen, &least, question, &classify, &day);
                rows_free(&policies.threshold(&ask)).map(|more| free.max(more))
            }),
            false => None,
        };
        let answer = Answer { decision, free };
        if self.answers.len() >= ANSWERS_MAX {
            self.answers.clear();
        }
        if let Some(key) = key {
            self.answers.insert(key, answer.clone());
        }
        Ok(answer)
    }
}

fn question(command: &CommandRecord) -> Question<'_> {
    Question {
        verb: &command.verb,
        needs: &command.needs,
        facts: command.facts,
        before: command.before,
    }
}

fn ask<'a>(
    seen: &'a Seen,
    moment: &Moment,
    question: Question<'a>,
    categories: &'a dyn Fn(&Object) -> Option<Category>,
    day: &'a dyn Fn(&Object) -> Usage,
) -> Ask<'a> {
    Ask {
        chain: &seen.chain,
        resource: &seen.resource,
        verb: question.verb,
        needs: question.needs,
        facts: question.facts,
        categories,
        counters: Counters {
            exchange: question.before,
            session: moment.session.saturating_sub(question.before),
        },
        day,
        context: Context { hour: moment.hour },
    }
}

/// The rows beyond which somebody has to be asked; none where that depends on more than rows.
fn rows_free(threshold: &Threshold) -> Option<u64> {
    let limit = threshold.limit(Unit::Rows)?;
    match limit.beyond {
        Beyond::Ask => None,
        Beyond::Deny { .. } | Beyond::Review { .. } => Some(limit.count_max),
    }
}

/// Everything that an answer depends on, in bytes that differ where it differs.
fn key(
    seen: &Seen,
    moment: &Moment,
    policies: &Policies,
    question: Question<'_>,
    categories: &HashMap<&Object, &Category>,
) -> Option<Vec<u8>> {
    let Question { verb, needs, facts, before } = question;
    let counted = policies.counted(&seen.chain, needs);
    let session = counted.has_scope(Scope::Session).then_some((moment.session, seen.rows));
    let day: Vec<_> = policies
        .counted_by_day(&seen.chain, needs)
        .into_iter()
        .map(|object| (object, moment.day(object)))
        .collect();
    let of = |need: &Need| categories.get(&need.object).copied();
    let classified: Vec<_> = needs.iter().map(of).collect();
    let party = (&seen.chain, &seen.resource);
    let command = (verb, needs, facts, before, classified);
    serde_json::to_vec(&(party, &policies.version().0, moment.hour, session, day, command)).ok()
}

/// The categories of a command's columns, as they were recorded.
fn categories(command: &CommandRecord) -> Result<HashMap<&Object, &Category>, String> {
    let mut found = HashMap::new();
    for (category, places) in &command.categories {
        for place in places {
            let need = command.needs.get(*place).filter(|need| need.object.kind.is_classifiable());
            let need =
                need.ok_or_else(|| format!("`{category}` is of nothing that can be classified"))?;
            if found.insert(&need.object, category).is_some_and(|known| known != category) {
                return Err(format!("{} has two categories", need.object));
            }
        }
    }
    Ok(found)
}

impl Inspector for Decisions {
    fn begins_pruned(&mut self, policies: Option<(PolicyVersion, String)>) {
        self.begins_pruned = true;
        if let Some((version, source)) = policies {
            // What is wrong with them is said of every decision that they made.
            drop(self.adoptions.adopt(version, &source, 0));
        }
    }

    fn record(&mut self, event: &str, leaf: &[u8]) -> Option<String> {
        match event {
            "response" => self.released(leaf),
            "policy-part" | "policy-adopted" | "log-pruned" | "session-opened" | "request"
            | "request-part" | "review-closed" | "exchange-closed" | "session-closed" => {
                match serde_json::from_slice(leaf) {
                    Ok(record) => self.take(record),
                    Err(error) => Some(format!("it cannot be read, so not be decided: {error}")),
                }
            }
            _ => None,
        }
    }

    fn committed(&mut self) {
        self.commits += 1;
    }

    fn decisions(&self) -> u64 {
        self.decided
    }
}
