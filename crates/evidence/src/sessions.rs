//! Sessions as people look at them: a list, and one with its exchanges.

use crate::disk::RealDisk;
use crate::{Entry, Error, LogReader, keyring};
use portreeve_model::{
    Category, Chain, CommandRecord, Decision, Direction, Event, Outcome, PayloadRef, Record,
    ReviewId, ReviewOutcome, SessionId, Verdict,
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

/// Whether a session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// No end is recorded, and its gateway has not ended.
    Open,
    /// It ended.
    Closed,
    /// Its gateway ended without recording the session's end.
    CutOff,
}

/// Whether the bytes that passed can still be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recording {
    /// With the auditors' key.
    Readable,
    /// The gateway's share of the key was destroyed.
    Shredded,
    /// The gateway's share is not here: the keyring was not copied, or lost.
    KeyMissing,
}

/// One session.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SessionSummary {
    /// Its id.
    pub id: SessionId,
    /// When it began, in microseconds since 1970.
    pub opened_at_us: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at_us: Option<u64>,
    /// On whose behalf, through whom, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// The resource.
    pub resource: String,
    /// The protocol.
    pub protocol: String,
    /// The client's address.
    pub client: String,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// How many commands or groups of them it sent.
    pub exchanges: u64,
    /// How many rows it received.
    pub rows: u64,
    /// How many values in them were masked.
    pub masked: u64,
    /// How many exchanges were refused.
    pub refusals: u64,
    /// How many records it has.
    pub records: u64,
    /// How many bytes passed, both ways.
    pub payload_bytes: u64,
    /// Whether it goes on.
    pub state: SessionState,
    /// Whether its recording can be read.
    pub recording: Recording,
    #[serde(skip)]
    run: u64,
}

/// One exchange.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExchangeSummary {
    /// Its number.
    pub exchange: u64,
    /// When the request was recorded.
    pub at_us: u64,
    /// What was asked, with every decision.
    pub commands: Vec<CommandRecord>,
    /// Rows released.
    pub rows: u64,
    /// Masked values, by category.
    pub masked: BTreeMap<Category, u64>,
    /// Columns where lineage and the target's word disagreed.
    pub disagreements: Vec<String>,
    /// The reviews that it had.
    pub reviews: Vec<Review>,
    /// How it ended; none while it goes on.
    pub outcome: Option<Outcome>,
    /// When it ended.
    pub closed_at_us: Option<u64>,
}

/// A review of an exchange.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Review {
    /// Its id.
    pub review: ReviewId,
    /// Who may answer.
    pub groups: Vec<String>,
    /// The rule that asked.
    pub rule: String,
    /// How it ended.
    pub decision: Option<ReviewOutcome>,
    /// Who answered.
    pub by: Option<String>,
}

impl ExchangeSummary {
    fn new(exchange: u64, at_us: u64, commands: Vec<CommandRecord>) -> Self {
        Self {
            exchange,
            at_us,
            commands,
            rows: 0,
            masked: BTreeMap::new(),
            disagreements: Vec::new(),
            reviews: Vec::new(),
            outcome: None,
            closed_at_us: None,
        }
    }

    /// The strictest verdict on its commands; none where nothing could be decided.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let strictness = |decision: &&Decision| match decision.verdict {
            Verdict::Allow => 0,
            Verdict::Review => 1,
            Verdict::Deny => 2,
        };
        let decisions = self.commands.iter().filter_map(|command| command.decision.as_ref());
        decisions.max_by_key(strictness).map(|decision| decision.verdict)
    }
}

/// A session with its exchanges.
#[derive(Clone, Debug, Serialize)]
pub struct SessionDetail {
    /// The session.
    pub summary: SessionSummary,
    /// Its exchanges in order.
    pub exchanges: Vec<ExchangeSummary>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_because: Option<String>,
}

impl SessionSummary {
    fn new(id: SessionId, at_us: u64, run: u64) -> Self {
        Self {
            id,
            opened_at_us: at_us,
            closed_at_us: None,
            chain: None,
            resource: String::new(),
            protocol: String::new(),
            client: String::new(),
            application: None,
            exchanges: 0,
            rows: 0,
            masked: 0,
            refusals: 0,
            records: 0,
            payload_bytes: 0,
            state: SessionState::Open,
            recording: Recording::Readable,
            run,
        }
    }

    fn add(&mut self, record: &Record) {
        self.records += 1;
        let passed = |payload: &&PayloadRef| payload.direction != Direction::Subjects;
        self.payload_bytes +=
            record.payload.as_ref().filter(passed).map_or(0, |payload| payload.bytes);
        match &record.event {
            Event::SessionOpened { chain, resource, protocol, client, application, .. } => {
                self.chain = Some(chain.clone());
                self.resource.clone_from(resource);
                self.protocol.clone_from(protocol);
                self.client.clone_from(client);
                self.application.clone_from(application);
            }
            Event::Request { exchange, .. } => self.exchanges += u64::from(*exchange > 0),
            Event::Response { rows, masked, .. } => {
                self.rows += rows;
                self.masked += masked.values().sum::<u64>();
            }
            Event::ExchangeClosed { outcome: Outcome::Refused { .. }, .. } => self.refusals += 1,
            Event::SessionClosed { .. } => {
                self.closed_at_us = Some(record.at_us);
                self.state = SessionState::Closed;
            }
            Event::ExchangeClosed { .. }
            | Event::GatewayStarted { .. }
            | Event::GatewayStopped
            | Event::LogRecovered { .. }
            | Event::RecordingKey { .. }
            | Event::RecordingShredded { .. }
            | Event::PolicyPart { .. }
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::LogPruned { .. }
            | Event::LogReplaced { .. }
            | Event::PolicyAdopted { .. }
            | Event::Subjects { .. }
            | Event::SubjectsForgotten { .. }
            | Event::SessionRefused { .. }
            | Event::RequestData { .. }
            | Event::Disagreement { .. }
            | Event::ReviewOpened { .. }
            | Event::ReviewClosed { .. } => {}
        }
    }
}

/// Every session of the log in `dir`, in order of their beginning.
///
/// # Errors
/// The log cannot be read.
pub fn list(dir: &Path) -> Result<Vec<SessionSummary>, Error> {
    let mut sessions: Vec<SessionSummary> = Vec::new();
    let mut places: HashMap<SessionId, usize> = HashMap::new();
    let reader = LogReader::open(dir)?;
    // What started the run that a pruned log begins in is gone.
    let (mut run, mut running) = (0, reader.begins_at()? > 0);
    let mut shredded = HashSet::new();
    reader.for_each(|entry| {
        let record = entry.record()?;
        let Some(id) = record.session else {
            match record.event {
                Event::GatewayStarted { .. } => (run, running) = (run + 1, true),
                Event::GatewayStopped => running = false,
                Event::RecordingShredded { of, .. } => drop(shredded.insert(of)),
                _ => {}
            }
            return Ok(ControlFlow::Continue(()));
        };
        let place = *places.entry(id).or_insert_with(|| {
            sessions.push(SessionSummary::new(id, record.at_us, run));
            sessions.len() - 1
        });
        if let Some(session) = sessions.get_mut(place) {
            session.add(&record);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let shares = keyring::sessions(&RealDisk::new(dir))
        .map_err(|error| Error::store("read the keyring of", dir, error))?;
    for session in &mut sessions {
        if session.state == SessionState::Open && (session.run != run || !running) {
            session.state = SessionState::CutOff;
        }
        // The record counts, not the share: an old copy of the keyring may be back.
        session.recording = match shares.contains(&session.id) {
            _ if shredded.contains(&session.id) => Recording::Shredded,
            true => Recording::Readable,
            false => Recording::KeyMissing,
        };
    }
    Ok(sessions)
}

/// One session with its exchanges.
///
/// # Errors
/// The log cannot be read, or has no such session.
pub fn detail(dir: &Path, id: SessionId) -> Result<SessionDetail, Error> {
    let summary = list(dir)?
        .into_iter()
        .find(|session| session.id == id)
        .ok_or_else(|| Error::Absent { what: format!("there is no session {id}") })?;
    let mut detail = SessionDetail { summary, exchanges: Vec::new(), closed_because: None };
    LogReader::open(dir)?.for_each(|entry: Entry<'_>| {
        let record = entry.record()?;
        if record.session == Some(id) {
            detail.add(record);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(detail)
}

impl SessionDetail {
    fn exchange(&mut self, number: u64) -> Option<&mut ExchangeSummary> {
        self.exchanges.iter_mut().rev().find(|exchange| exchange.exchange == number)
    }

    fn add(&mut self, record: Record) {
        let at_us = record.at_us;
        match record.event {
            Event::Request { exchange, commands, .. } => {
                self.exchanges.push(ExchangeSummary::new(exchange, at_us, commands));
            }
            Event::Response { exchange, rows, masked } => {
                let Some(found) = self.exchange(exchange) else { return };
                found.rows += rows;
                for (category, count) in masked {
                    *found.masked.entry(category).or_default() += count;
                }
            }
            Event::Disagreement { exchange, column } => {
                let Some(found) = self.exchange(exchange) else { return };
                found.disagreements.push(column);
            }
            Event::ExchangeClosed { exchange, outcome, .. } => {
                let Some(found) = self.exchange(exchange) else { return };
                found.outcome = Some(outcome);
                found.closed_at_us = Some(at_us);
            }
            Event::ReviewOpened { exchange, review, groups, rule, .. } => {
                let Some(found) = self.exchange(exchange) else { return };
                let rule = rule.0;
                found.reviews.push(Review { review, groups, rule, decision: None, by: None });
            }
            Event::ReviewClosed { exchange, review, decision, by } => {
                let Some(found) = self.exchange(exchange) else { return };
                for open in found.reviews.iter_mut().filter(|open| open.review == review) {
                    (open.decision, open.by) = (Some(decision), by.clone());
                }
            }
            Event::SessionClosed { why, .. } => self.closed_because = Some(why),
            Event::SessionOpened { .. }
            | Event::GatewayStarted { .. }
            | Event::GatewayStopped
            | Event::LogRecovered { .. }
            | Event::RecordingKey { .. }
            | Event::RecordingShredded { .. }
            | Event::PolicyPart { .. }
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::LogPruned { .. }
            | Event::LogReplaced { .. }
            | Event::PolicyAdopted { .. }
            | Event::Subjects { .. }
            | Event::SubjectsForgotten { .. }
            | Event::SessionRefused { .. }
            | Event::RequestData { .. } => {}
        }
    }
}
