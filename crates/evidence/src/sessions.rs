//! Sessions as people look at them: a list, and one with its exchanges.

use crate::disk::RealDisk;
use crate::{Entry, Error, LogReader, keyring};
use portreeve_model::{
    Category, Chain, CommandRecord, Decision, Direction, Event, Outcome, PayloadRef, Record,
    ReviewId, ReviewOutcome, SessionId, Verdict,
};
use serde::Serialize;
use std::cell::Cell;
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
    /// When its last record was made.
    pub last_at_us: u64,
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
    /// The exchange that a request begins; none where the record is no request.
    #[must_use]
    pub fn begin(record: &Record) -> Option<Self> {
        let Event::Request { exchange, commands, .. } = &record.event else { return None };
        Some(Self {
            exchange: *exchange,
            at_us: record.at_us,
            commands: commands.clone(),
            rows: 0,
            masked: BTreeMap::new(),
            disagreements: Vec::new(),
            reviews: Vec::new(),
            outcome: None,
            closed_at_us: None,
        })
    }

    /// Adds a later record of the same exchange.
    pub fn add(&mut self, record: &Record) {
        match &record.event {
            // A request with many commands has several records.
            Event::Request { commands, .. } => self.commands.extend_from_slice(commands),
            Event::Response { rows, masked, .. } => {
                self.rows += rows;
                for (category, count) in masked {
                    *self.masked.entry(category.clone()).or_default() += count;
                }
            }
            Event::Disagreement { column, .. } => self.disagreements.push(column.clone()),
            Event::ExchangeClosed { outcome, .. } => {
                self.outcome = Some(outcome.clone());
                self.closed_at_us = Some(record.at_us);
            }
            Event::ReviewOpened { review, groups, rule, .. } => self.reviews.push(Review {
                review: review.clone(),
                groups: groups.clone(),
                rule: rule.0.clone(),
                decision: None,
                by: None,
            }),
            Event::ReviewClosed { review, decision, by, .. } => {
                for open in self.reviews.iter_mut().filter(|open| open.review == *review) {
                    (open.decision, open.by) = (Some(*decision), by.clone());
                }
            }
            Event::RequestData { .. }
            | Event::SessionOpened { .. }
            | Event::SessionClosed { .. }
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
            | Event::SessionRefused { .. }
            | Event::ReviewAnswered { .. }
            | Event::AccountChanged { .. }
            | Event::TokenIssued { .. }
            | Event::AccessRevoked { .. }
            | Event::KeyMade { .. }
            | Event::ReloadAsked { .. } => {}
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
            last_at_us: at_us,
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
        self.last_at_us = self.last_at_us.max(record.at_us);
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
            // They are numbered without a gap, and a long request has several records.
            Event::Request { exchange, .. } => self.exchanges = self.exchanges.max(*exchange),
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
            | Event::SessionRefused { .. }
            | Event::ReviewAnswered { .. }
            | Event::AccountChanged { .. }
            | Event::TokenIssued { .. }
            | Event::AccessRevoked { .. }
            | Event::KeyMade { .. }
            | Event::ReloadAsked { .. }
            | Event::RequestData { .. }
            | Event::Disagreement { .. }
            | Event::ReviewOpened { .. }
            | Event::ReviewClosed { .. } => {}
        }
    }
}

/// What the gateway's own records say about sessions.
struct Runs {
    run: u64,
    running: bool,
    shredded: HashSet<SessionId>,
}

impl Runs {
    /// What started the run that a pruned log begins in is gone.
    fn begin(reader: &LogReader) -> Result<Self, Error> {
        let running = reader.begins_at()? > 0;
        Ok(Self { run: 0, running, shredded: HashSet::new() })
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::GatewayStarted { .. } => (self.run, self.running) = (self.run + 1, true),
            Event::GatewayStopped => self.running = false,
            Event::RecordingShredded { of, .. } => drop(self.shredded.insert(*of)),
            _ => {}
        }
    }

    /// Says of a session what only the end of the log tells.
    fn finish(&self, session: &mut SessionSummary, shares: &HashSet<SessionId>) {
        let is_over = session.run != self.run || !self.running;
        if session.state == SessionState::Open && is_over {
            session.state = SessionState::CutOff;
        }
        // The record counts, not the share: an old copy of the keyring may be back.
        session.recording = match shares.contains(&session.id) {
            _ if self.shredded.contains(&session.id) => Recording::Shredded,
            true => Recording::Readable,
            false => Recording::KeyMissing,
        };
    }
}

fn shares(dir: &Path) -> Result<HashSet<SessionId>, Error> {
    keyring::sessions(&RealDisk::new(dir))
        .map_err(|error| Error::store("read the keyring of", dir, error))
}

/// Every session of the log in `dir`, in order of their beginning.
///
/// # Errors
/// The log cannot be read.
pub fn list(dir: &Path) -> Result<Vec<SessionSummary>, Error> {
    let mut sessions: Vec<SessionSummary> = Vec::new();
    let mut places: HashMap<SessionId, usize> = HashMap::new();
    let reader = LogReader::open(dir)?;
    let mut runs = Runs::begin(&reader)?;
    reader.for_each(|entry| {
        let record = entry.record()?;
        let Some(id) = record.session else {
            runs.add(&record.event);
            return Ok(ControlFlow::Continue(()));
        };
        let place = *places.entry(id).or_insert_with(|| {
            sessions.push(SessionSummary::new(id, record.at_us, runs.run));
            sessions.len() - 1
        });
        if let Some(session) = sessions.get_mut(place) {
            session.add(&record);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let shares = shares(dir)?;
    sessions.iter_mut().for_each(|session| runs.finish(session, &shares));
    Ok(sessions)
}

/// The session that began last.
///
/// # Errors
/// The log cannot be read.
pub fn last_begun(dir: &Path) -> Result<Option<SessionId>, Error> {
    let last = Cell::new(None);
    LogReader::open(dir)?.for_each_segment_from_the_end(
        |entry| {
            let outline = entry.outline()?;
            if let (Some(session), 0) = (outline.session, outline.seq) {
                last.set(Some(session));
            }
            Ok(())
        },
        || last.get().is_some(),
    )?;
    Ok(last.get())
}

/// The sessions whose ids begin with a text, in order of their beginning.
///
/// # Errors
/// The log cannot be read.
pub fn begun_with(dir: &Path, beginning: &str) -> Result<Vec<SessionId>, Error> {
    let mut found = Vec::new();
    LogReader::open(dir)?.for_each(|entry| {
        let outline = entry.outline()?;
        if let (Some(session), 0) = (outline.session, outline.seq)
            && session.to_string().starts_with(beginning)
        {
            found.push(session);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// One session with its exchanges. Reads the log once, and of the other sessions' records
/// only whose they are.
///
/// # Errors
/// The log cannot be read, or has no such session.
pub fn detail(dir: &Path, id: SessionId) -> Result<SessionDetail, Error> {
    let mut detail: Option<SessionDetail> = None;
    let reader = LogReader::open(dir)?;
    let mut runs = Runs::begin(&reader)?;
    reader.for_each(|entry: Entry<'_>| {
        match entry.outline()?.session {
            None => runs.add(&entry.record()?.event),
            Some(session) if session == id => {
                let record = entry.record()?;
                detail
                    .get_or_insert_with(|| SessionDetail::new(id, record.at_us, runs.run))
                    .add(&record);
            }
            Some(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut detail =
        detail.ok_or_else(|| Error::Absent { what: format!("there is no session {id}") })?;
    runs.finish(&mut detail.summary, &shares(dir)?);
    Ok(detail)
}

impl SessionDetail {
    fn new(id: SessionId, at_us: u64, run: u64) -> Self {
        let summary = SessionSummary::new(id, at_us, run);
        Self { summary, exchanges: Vec::new(), closed_because: None }
    }

    fn add(&mut self, record: &Record) {
        self.summary.add(record);
        if let Event::SessionClosed { why, .. } = &record.event {
            self.closed_because = Some(why.clone());
        }
        let Some(number) = record.event.exchange() else { return };
        let known = self.exchanges.iter_mut().rev().find(|known| known.exchange == number);
        match (known, ExchangeSummary::begin(record)) {
            (Some(known), _) => known.add(record),
            (None, Some(new)) => self.exchanges.push(new),
            (None, None) => {}
        }
    }
}
