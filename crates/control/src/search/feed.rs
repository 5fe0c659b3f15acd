//! Records become rows.

use super::findings;
use super::shape::{Shape, Shapes};
use portreeve_evidence::{SessionState, SessionSummary};
use portreeve_model::{Event, Record, SessionId};
use portreeve_reports::anomalies::Watch;
use portreeve_reports::{Exchange, Observer};
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// Sessions that go on, as far as they were read.
pub(super) type Open = BTreeMap<SessionId, OpenSession>;

/// One of them.
#[derive(Debug)]
pub(super) struct OpenSession {
    /// Where its first record is in the log.
    pub(super) number: u64,
    summary: SessionSummary,
    is_written: bool,
}

/// Writes rows of what it observes. An error is kept: nothing more is written after it.
pub(super) struct Feed<'t> {
    transaction: &'t Transaction<'t>,
    open: &'t mut Open,
    watch: &'t mut Watch,
    shapes: &'t mut Shapes,
    /// What was known before this record is in the index already.
    taken: u64,
    /// The record that is being read.
    index: u64,
    over: Vec<SessionId>,
    forgot: bool,
    failed: Option<rusqlite::Error>,
}

impl<'t> Feed<'t> {
    pub(super) fn new(
        transaction: &'t Transaction<'t>,
        open: &'t mut Open,
        watch: &'t mut Watch,
        shapes: &'t mut Shapes,
        taken: u64,
    ) -> Self {
        Self {
            transaction,
            open,
            watch,
            shapes,
            taken,
            index: 0,
            over: Vec::new(),
            forgot: false,
            failed: None,
        }
    }

    /// After everything that one record brings about.
    pub(super) fn settle(&mut self) -> rusqlite::Result<()> {
        for session in std::mem::take(&mut self.over) {
            if let Some(over) = self.open.remove(&session) {
                write_session(self.transaction, &over)?;
            }
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    /// After a stretch of records; says whether something was taken out.
    pub(super) fn finish(self) -> rusqlite::Result<bool> {
        for session in self.open.values_mut().filter(|session| !session.is_written) {
            write_session(self.transaction, session)?;
            session.is_written = true;
        }
        findings::keep(self.transaction, self.watch)?;
        self.failed.map_or(Ok(self.forgot), Err)
    }

    fn is_new(&self) -> bool {
        self.index >= self.taken && self.failed.is_none()
    }

    fn keep(&mut self, done: rusqlite::Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error);
        }
    }

    fn of_session(&mut self, id: SessionId, record: &Record) {
        let session = match self.open.get_mut(&id) {
            Some(session) => session,
            // What its beginning was pruned of is not told by halves.
            None if record.seq != 0 => return,
            None => self.open.entry(id).or_insert(OpenSession {
                number: self.index,
                summary: SessionSummary::begin(id, record.at_us),
                is_written: false,
            }),
        };
        session.summary.add(record);
        session.is_written = false;
        if matches!(record.event, Event::SessionClosed { .. }) {
            self.over.push(id);
        }
    }

    fn of_gateway(&mut self, event: &Event) -> rusqlite::Result<()> {
        match event {
            // What no end was recorded of has none.
            Event::GatewayStarted { .. } | Event::GatewayStopped => {
                for (id, session) in self.open.iter_mut() {
                    session.summary.state = SessionState::CutOff;
                    self.over.push(*id);
                }
                Ok(())
            }
            Event::RecordingShredded { of, .. } if self.is_new() => {
                self.forgot = true;
                forget_words(self.transaction, self.shapes, *of)
            }
            Event::LogPruned { pruned, .. } if self.is_new() => {
                self.forgot = true;
                prune(self.transaction, self.shapes, pruned.records)
            }
            _ => Ok(()),
        }
    }
}

impl Observer for Feed<'_> {
    fn record(&mut self, index: u64, record: &Record) {
        self.index = index;
        match record.session {
            Some(session) => self.of_session(session, record),
            None => {
                let done = self.of_gateway(&record.event);
                self.keep(done);
            }
        }
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) {
        // What the target says unasked belongs to no statement.
        if exchange.number == 0 || !self.is_new() {
            return;
        }
        let Some(session) = self.open.get(&exchange.session.id) else { return };
        let found = self.watch.exchange(exchange);
        let done = self
            .shapes
            .id_of(self.transaction, &Shape::of(exchange))
            .and_then(|shape| write_exchange(self.transaction, session.number, shape, exchange))
            .and_then(|()| findings::write(self.transaction, &found));
        self.keep(done);
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn write_session(transaction: &Transaction<'_>, session: &OpenSession) -> rusqlite::Result<()> {
    let (place, summary) = (number(session.number), &session.summary);
    let chain = summary.chain.as_ref();
    let principal = chain.map(|chain| &chain.principal);
    let text = serde_json::to_string(summary)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let state = match summary.state {
        SessionState::Open => OPEN,
        SessionState::Closed => CLOSED,
        SessionState::CutOff => CUT_OFF,
    };
    transaction
        .prepare_cached(
            "INSERT INTO session (number, id, opened_at_us, last_at_us, issuer, principal, purpose,
                                  stated_purpose, resource, state, summary)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (number) DO UPDATE SET
                 last_at_us = ?4, issuer = ?5, principal = ?6, purpose = ?7, stated_purpose = ?8,
                 resource = ?9, state = ?10, summary = ?11",
        )?
        .execute(params![
            place,
            summary.id.to_string(),
            number(summary.opened_at_us),
            number(summary.last_at_us),
            principal.map(|party| &party.issuer),
            principal.map(|party| &party.subject),
            chain.and_then(|chain| chain.purpose.as_ref()),
            chain.and_then(|chain| chain.stated_purpose.as_ref()),
            summary.resource,
            state,
            text,
        ])?;
    for actor in chain.iter().flat_map(|chain| &chain.actors) {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO actor (name, session) VALUES (?1, ?2)")?
            .execute(params![actor.subject, place])?;
    }
    Ok(())
}

/// States in the table.
pub(super) const OPEN: i64 = 0;
pub(super) const CLOSED: i64 = 1;
pub(super) const CUT_OFF: i64 = 2;

fn write_exchange(
    transaction: &Transaction<'_>,
    session: u64,
    shape: i64,
    exchange: &Exchange<'_>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO exchange (session, exchange, at_us, shape)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute([number(session), number(exchange.number), number(exchange.at_us), shape])?;
    Ok(())
}

/// A recording was destroyed: the words of its statements go. What the log goes on to prove (who,
/// when, which objects and categories, how it ended) stays.
fn forget_words(
    transaction: &Transaction<'_>,
    shapes: &mut Shapes,
    session: SessionId,
) -> rusqlite::Result<()> {
    let place = transaction
        .prepare_cached("UPDATE session SET shredded = 1 WHERE id = ?1 RETURNING number")?
        .query_row([session.to_string()], |row| row.get(0))
        .optional()?;
    place.map_or(Ok(()), |place| shapes.forget_statements(transaction, place))
}

/// Records before this one are gone: so are the sessions that began there.
fn prune(transaction: &Transaction<'_>, shapes: &mut Shapes, first: u64) -> rusqlite::Result<()> {
    let first = number(first);
    transaction.execute("DELETE FROM exchange WHERE session < ?1", [first])?;
    transaction.execute("DELETE FROM actor WHERE session < ?1", [first])?;
    transaction.execute("DELETE FROM session WHERE number < ?1", [first])?;
    findings::prune(transaction, first)?;
    shapes.remove_unused(transaction)
}
