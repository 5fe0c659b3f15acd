//! Sessions as people look at them: a list, and one with its exchanges.

use crate::disk::storage::RealDisk;
use crate::error::Error;
use crate::keys::keyring;
use crate::lookup::exchange::ExchangeSummary;
use crate::lookup::summary::{Recording, SessionState, SessionSummary};
use crate::reader::entry::Entry;
use crate::reader::log_reader::LogReader;
use portreeve_model::{Event, Record, SessionId};
use serde::Serialize;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

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

/// The sessions for whose recordings the gateway's share of the key lies in the keyring of `dir`.
/// Of one that the log says was shredded it counts for nothing.
///
/// # Errors
/// The keyring cannot be read.
pub fn shares(dir: &Path) -> Result<HashSet<SessionId>, Error> {
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
