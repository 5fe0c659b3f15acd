//! Records become rows.

use super::{findings, words};
use portreeve_evidence::{SessionState, SessionSummary};
use portreeve_model::{Event, Outcome, Record, SessionId, Verdict};
use portreeve_reports::anomalies::Watch;
use portreeve_reports::{Exchange, Observer};
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::{BTreeMap, BTreeSet};

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
        taken: u64,
    ) -> Self {
        Self {
            transaction,
            open,
            watch,
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
                forget_words(self.transaction, *of)
            }
            Event::LogPruned { pruned, .. } if self.is_new() => {
                self.forgot = true;
                prune(self.transaction, pruned.records)
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
        let done = write_exchange(self.transaction, session.number, exchange)
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

/// How an exchange ended, in the table.
pub(super) fn ended(outcome: Option<&Outcome>) -> i64 {
    match outcome {
        None => 0,
        Some(Outcome::Completed) => 1,
        Some(Outcome::Failed { .. }) => 2,
        Some(Outcome::Refused { .. }) => 3,
        Some(Outcome::Aborted { .. }) => 4,
    }
}

/// A verdict, in the table.
pub(super) fn verdict(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Allow => 0,
        Verdict::Review => 1,
        Verdict::Deny => 2,
    }
}

fn write_exchange(
    transaction: &Transaction<'_>,
    session: u64,
    exchange: &Exchange<'_>,
) -> rusqlite::Result<()> {
    let place = number(exchange.index);
    let rule = match exchange.outcome {
        Some(Outcome::Refused { rule, .. }) => rule.as_ref(),
        _ => exchange.withheld.or_else(|| exchange.reviews.first().map(|review| &review.rule)),
    };
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO exchange (number, session, exchange, at_us, verdict, ended, rule)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            place,
            number(session),
            number(exchange.number),
            number(exchange.at_us),
            exchange.verdict().map(verdict),
            ended(exchange.outcome),
            rule.map(|rule| &rule.0),
        ])?;
    let needs = exchange.commands.iter().flat_map(|command| &command.needs);
    let objects = needs.map(|need| need.object.path.join(".")).filter(|path| !path.is_empty());
    for name in objects.collect::<BTreeSet<_>>() {
        let object = id_of(transaction, "object", "name", &name)?.0;
        transaction
            .prepare_cached("INSERT OR IGNORE INTO touched (object, exchange) VALUES (?1, ?2)")?
            .execute([object, place])?;
    }
    for name in categories(exchange) {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO category (name, exchange) VALUES (?1, ?2)")?
            .execute(params![name, place])?;
    }
    for text in exchange.commands.iter().map(words::of_command).collect::<BTreeSet<_>>() {
        let (statement, is_new) = id_of(transaction, "statement", "text", &text)?;
        if is_new {
            transaction
                .prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?
                .execute(params![statement, text])?;
        }
        transaction
            .prepare_cached("INSERT OR IGNORE INTO stated (statement, exchange) VALUES (?1, ?2)")?
            .execute([statement, place])?;
    }
    Ok(())
}

/// Categories that an exchange asked for, or that were masked, found or revealed in its reply.
fn categories<'e>(exchange: &'e Exchange<'_>) -> BTreeSet<&'e str> {
    let asked = exchange.commands.iter().flat_map(|command| command.categories.keys());
    let revealed = exchange.commands.iter().flat_map(|command| &command.revealed);
    let detected = exchange.detected.iter().map(|found| &found.category);
    asked
        .chain(revealed.map(|revealed| &revealed.category))
        .chain(exchange.masked.keys())
        .chain(detected)
        .map(|category| category.0.as_str())
        .collect()
}

/// The row of a text in a table of texts, and whether it is new there.
fn id_of(
    transaction: &Transaction<'_>,
    table: &str,
    column: &str,
    text: &str,
) -> rusqlite::Result<(i64, bool)> {
    let known = transaction
        .prepare_cached(&format!("SELECT id FROM {table} WHERE {column} = ?1"))?
        .query_row([text], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok((id, false));
    }
    transaction
        .prepare_cached(&format!("INSERT INTO {table} ({column}) VALUES (?1)"))?
        .execute([text])?;
    Ok((transaction.last_insert_rowid(), true))
}

/// A recording was destroyed: the words of its statements go. What the log goes on to prove (who,
/// when, which objects and categories, how it ended) stays.
fn forget_words(transaction: &Transaction<'_>, session: SessionId) -> rusqlite::Result<()> {
    let id = session.to_string();
    transaction.execute("UPDATE session SET shredded = 1 WHERE id = ?1", [&id])?;
    let of = "(SELECT number FROM session WHERE id = ?1)";
    forget_statements(transaction, &format!("session = {of}"), &id)
}

/// Records before this one are gone: so are the sessions that began there.
fn prune(transaction: &Transaction<'_>, first: u64) -> rusqlite::Result<()> {
    let first = number(first);
    let gone = "SELECT number FROM exchange WHERE session < ?1";
    forget_statements(transaction, "session < ?1", &first)?;
    for table in ["touched", "category"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE exchange IN ({gone})"), [first])?;
    }
    transaction.execute("DELETE FROM exchange WHERE session < ?1", [first])?;
    transaction.execute("DELETE FROM actor WHERE session < ?1", [first])?;
    transaction.execute("DELETE FROM session WHERE number < ?1", [first])?;
    findings::prune(transaction, first)?;
    transaction.execute("DELETE FROM object WHERE id NOT IN (SELECT object FROM touched)", [])?;
    Ok(())
}

/// Exchanges that `which` says have no statements any more; a statement that no other has goes.
fn forget_statements(
    transaction: &Transaction<'_>,
    which: &str,
    value: &dyn rusqlite::ToSql,
) -> rusqlite::Result<()> {
    let exchanges = format!("SELECT number FROM exchange WHERE {which}");
    let statements = transaction
        .prepare(&format!("SELECT DISTINCT statement FROM stated WHERE exchange IN ({exchanges})"))?
        .query_map([value], |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    transaction.execute(&format!("DELETE FROM stated WHERE exchange IN ({exchanges})"), [value])?;
    for id in statements {
        let unused = "NOT EXISTS (SELECT 1 FROM stated WHERE statement = ?1)";
        transaction
            .prepare_cached(&format!(
                "INSERT INTO words (words, rowid, text)
                 SELECT 'delete', id, text FROM statement WHERE id = ?1 AND {unused}"
            ))?
            .execute([id])?;
        transaction
            .prepare_cached(&format!("DELETE FROM statement WHERE id = ?1 AND {unused}"))?
            .execute([id])?;
    }
    Ok(())
}
