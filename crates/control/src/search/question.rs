//! What can be asked, and the SQL of it.

use super::feed::{CLOSED, CUT_OFF, OPEN};
use super::index::SearchError;
use super::shape::{ended, verdict};
use super::words;
use portreeve_evidence::{Recording, SessionState, SessionSummary};
use portreeve_model::{Outcome, RefusalCode, SessionId, Verdict};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// A question has so long.
pub(super) const TIME_MAX: Duration = Duration::from_secs(5);
/// Sessions of one answer.
pub const LIMIT_MAX: usize = 100_000;
/// Numbers of exchanges that are told of one session.
const TOLD_MAX: i64 = 20;
/// How often SQLite asks whether to go on, in steps of its machine.
const STEPS: i32 = 10_000;

/// Which sessions are asked for: those that every field allows. Of the fields about exchanges
/// (time among them, where there is another one) all are meant of the same exchange.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Not before, in microseconds since 1970.
    pub since_us: Option<u64>,
    /// Before.
    pub until_us: Option<u64>,
    /// On behalf of this person or service.
    pub principal: Option<String>,
    /// In which this agent took part.
    pub actor: Option<String>,
    /// For this purpose, signed or stated.
    pub purpose: Option<String>,
    /// At this resource.
    pub resource: Option<String>,
    /// With an exchange that needed this object, or a part of it.
    pub object: Option<String>,
    /// With an exchange that asked for, or in whose reply was, this category.
    pub category: Option<String>,
    /// With an exchange of this verdict.
    pub verdict: Option<Verdicts>,
    /// With an exchange that ended so.
    pub outcome: Option<Ended>,
    /// With an exchange that this rule refused or had reviewed.
    pub rule: Option<String>,
    /// With an exchange that has a statement of these words.
    pub text: Option<String>,
    /// Sessions that began before this one: `next` of the answer before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Verdicts by their words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdicts {
    /// It was allowed.
    Allow,
    /// A person was asked.
    Review,
    /// It was denied.
    Deny,
}

/// How exchanges end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// The target answered and the client has all of it.
    Completed,
    /// The target answered with an error.
    Failed,
    /// The gateway refused.
    Refused,
    /// A side went away.
    Aborted,
}

/// Sessions that were found.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub struct Found {
    /// Newest first.
    pub sessions: Vec<FoundSession>,
    /// There are more: ask again with this as `before`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Records of the log that the index had not read yet.
    pub behind: u64,
}

/// A session, and what of it was meant.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct FoundSession {
    /// The session.
    #[serde(flatten)]
    pub session: SessionSummary,
    /// Its exchanges that were asked for; none where only sessions were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Matches>,
}

/// Exchanges that were asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Matches {
    /// How many there are.
    pub count: u64,
    /// The numbers of the first.
    pub exchanges: Vec<u64>,
}

/// Who asks, where they see no more than what is their own.
pub(super) type Own<'o> = Option<(&'o str, &'o str)>;

impl Question {
    /// Asks an index.
    pub(super) fn ask(
        &self,
        connection: &mut Connection,
        own: Own<'_>,
        shares: &HashSet<SessionId>,
    ) -> Result<Found, SearchError> {
        let limit = self.limit.unwrap_or(50);
        if limit == 0 || limit > LIMIT_MAX {
            return Err(SearchError::Asked(format!("`limit` is from 1 to {LIMIT_MAX}")));
        }
        let mut sql = Sql::default();
        self.narrow_sessions(own, &mut sql);
        let exchanges = self.narrow_exchanges()?;
        if let Some(exchanges) = &exchanges {
            sql.within("s.number IN (SELECT e.session FROM exchange e", exchanges);
        } else {
            self.narrow_time(&mut sql, "s.last_at_us", "s.opened_at_us");
        }
        let text = format!(
            "SELECT s.number, s.state, s.shredded, s.summary FROM session s {}
             ORDER BY s.number DESC LIMIT {}",
            sql.clause(),
            limit + 1
        );
        timed(connection, |connection| {
            let mut statement = connection.prepare_cached(&text)?;
            let rows = statement.query_map(params_from_iter(&sql.values), |row| {
                Ok((row.get::<_, i64>(0)?, session(row, shares)?))
            })?;
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            let has_more = rows.len() > limit;
            rows.truncate(limit);
            let last = rows.last().filter(|_| has_more).map(|(number, _)| *number);
            let next = last.and_then(|number| u64::try_from(number).ok());
            let sessions = rows.into_iter().map(|(number, session)| {
                let matches = exchanges.as_ref().map(|sql| matches(connection, number, sql));
                Ok(FoundSession { session, matches: matches.transpose()? })
            });
            let sessions = sessions.collect::<rusqlite::Result<_>>()?;
            Ok(Found { sessions, next, behind: 0 })
        })
    }

    fn narrow_sessions(&self, own: Own<'_>, sql: &mut Sql) {
        if let Some((issuer, subject)) = own {
            sql.with("s.issuer = ?", issuer);
            sql.with("s.principal = ?", subject);
        }
        if let Some(principal) = &self.principal {
            sql.with("s.principal = ?", principal);
        }
        if let Some(actor) = &self.actor {
            sql.with("s.number IN (SELECT session FROM actor WHERE name = ?)", actor);
        }
        if let Some(purpose) = &self.purpose {
            sql.with("(s.purpose = ?", purpose);
            sql.or("s.stated_purpose = ?)", purpose);
        }
        if let Some(resource) = &self.resource {
            sql.with("s.resource = ?", resource);
        }
        if let Some(before) = self.before {
            sql.with("s.number < ?", i64::try_from(before).unwrap_or(i64::MAX));
        }
    }

    /// What is asked of one exchange; none where nothing is.
    fn narrow_exchanges(&self) -> Result<Option<Sql>, SearchError> {
        let mut shapes = Sql::default();
        if let Some(object) = &self.object {
            // Its parts begin with its name and a point; `/` is what comes behind a point.
            let within = "h.id IN (SELECT shape FROM touched WHERE object IN (
                SELECT id FROM object WHERE name = ?";
            shapes.with(within, object);
            shapes.or("(name > ?", format!("{object}."));
            shapes.and("name < ?)))", format!("{object}/"));
        }
        if let Some(category) = &self.category {
            shapes.with("h.id IN (SELECT shape FROM category WHERE name = ?)", category);
        }
        if let Some(wanted) = self.verdict {
            let wanted = match wanted {
                Verdicts::Allow => Verdict::Allow,
                Verdicts::Review => Verdict::Review,
                Verdicts::Deny => Verdict::Deny,
            };
            shapes.with("h.verdict = ?", verdict(wanted));
        }
        if let Some(wanted) = self.outcome {
            shapes.with("h.ended = ?", wanted.number());
        }
        if let Some(rule) = &self.rule {
            shapes.with("h.rule = ?", rule);
        }
        if let Some(typed) = &self.text {
            let query = words::query(typed).map_err(SearchError::Asked)?;
            let within = "h.id IN (SELECT shape FROM stated WHERE statement IN (
                SELECT rowid FROM words WHERE words MATCH ?))";
            shapes.with(within, query);
        }
        if shapes.parts.is_empty() {
            return Ok(None);
        }
        let mut sql = Sql::default();
        sql.within("e.shape IN (SELECT h.id FROM shape h", &shapes);
        self.narrow_time(&mut sql, "e.at_us", "e.at_us");
        Ok(Some(sql))
    }

    fn narrow_time(&self, sql: &mut Sql, last: &str, first: &str) {
        let number = |at_us: u64| i64::try_from(at_us).unwrap_or(i64::MAX);
        if let Some(since) = self.since_us {
            sql.with(&format!("{last} >= ?"), number(since));
        }
        if let Some(until) = self.until_us {
            sql.with(&format!("{first} < ?"), number(until));
        }
    }
}

impl Ended {
    /// As the table has it.
    fn number(self) -> i64 {
        let like = match self {
            Self::Completed => Outcome::Completed,
            Self::Failed => Outcome::Failed { code: String::new() },
            Self::Refused => Outcome::Refused { code: RefusalCode::Denied, rule: None },
            Self::Aborted => Outcome::Aborted { why: String::new() },
        };
        ended(Some(&like))
    }
}

/// Conditions with their values.
#[derive(Default)]
struct Sql {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Sql {
    fn add(&mut self, part: &str) {
        self.parts.push(part.to_owned());
    }

    fn with(&mut self, part: &str, value: impl IntoValue) {
        self.add(part);
        self.values.push(value.into_value());
    }

    /// What is in a question of its own, whose end is missing.
    fn within(&mut self, question: &str, inner: &Self) {
        self.add(&format!("{question} {})", inner.clause()));
        self.values.extend(inner.values.iter().cloned());
    }

    /// Goes on with the part before.
    fn or(&mut self, more: &str, value: impl IntoValue) {
        self.join(" OR ", more, value);
    }

    fn and(&mut self, more: &str, value: impl IntoValue) {
        self.join(" AND ", more, value);
    }

    fn join(&mut self, how: &str, more: &str, value: impl IntoValue) {
        if let Some(last) = self.parts.last_mut() {
            last.push_str(how);
            last.push_str(more);
        }
        self.values.push(value.into_value());
    }

    fn clause(&self) -> String {
        match self.parts.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", self.parts.join(" AND ")),
        }
    }
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl IntoValue for &String {
    fn into_value(self) -> Value {
        Value::Text(self.clone())
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::Text(self)
    }
}

impl IntoValue for i64 {
    fn into_value(self) -> Value {
        Value::Integer(self)
    }
}

/// The session of a row, with what its records do not say themselves.
fn session(row: &Row<'_>, shares: &HashSet<SessionId>) -> rusqlite::Result<SessionSummary> {
    let text: String = row.get(3)?;
    let mut session: SessionSummary = serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
    })?;
    session.state = match row.get(1)? {
        OPEN => SessionState::Open,
        CUT_OFF => SessionState::CutOff,
        CLOSED.. | ..OPEN => SessionState::Closed,
    };
    // The record counts, not the share: an old copy of the keyring may be back.
    session.recording = match shares.contains(&session.id) {
        _ if row.get::<_, bool>(2)? => Recording::Shredded,
        true => Recording::Readable,
        false => Recording::KeyMissing,
    };
    Ok(session)
}

fn matches(connection: &Connection, session: i64, sql: &Sql) -> rusqlite::Result<Matches> {
    let of = format!("FROM exchange e {} AND e.session = ?", sql.clause());
    let values = || sql.values.iter().cloned().chain([Value::Integer(session)]);
    let count = connection
        .prepare_cached(&format!("SELECT count(*) {of}"))?
        .query_row(params_from_iter(values()), |row| row.get::<_, i64>(0))?;
    let first = format!("SELECT e.exchange {of} ORDER BY e.exchange LIMIT {TOLD_MAX}");
    let exchanges = connection
        .prepare_cached(&first)?
        .query_map(params_from_iter(values()), |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let unsigned = |count: i64| u64::try_from(count).unwrap_or(0);
    let exchanges = exchanges.into_iter().map(unsigned).collect();
    Ok(Matches { count: unsigned(count), exchanges })
}

/// Asks for no longer than a question may take.
pub(super) fn timed<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, SearchError> {
    let began = Instant::now();
    connection.progress_handler(STEPS, Some(move || began.elapsed() > TIME_MAX))?;
    let done = work(connection);
    connection.progress_handler(STEPS, None::<fn() -> bool>)?;
    match done {
        Err(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
        {
            Err(SearchError::TooLong)
        }
        other => Ok(other?),
    }
}
