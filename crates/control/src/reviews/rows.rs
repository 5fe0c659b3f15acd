//! The rows of the `review` table: every change of state is one statement or one
//! transaction, and says in its `WHERE` what it changes from.

use super::Decision;
use crate::store::{StoreError, micros, time};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use portreeve_model::{Chain, Digest, Party, RequestId, ReviewId, RuleId, SessionId};
use portreeve_session::{Answer, Claim, ReviewAsk};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;
use std::fmt;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// Where a review is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewState {
    /// Nobody answered yet.
    Pending,
    /// A reviewer approved.
    Approved,
    /// A reviewer said no.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// The requester went away, or the gateway stopped.
    Abandoned,
}

impl ReviewState {
    /// The word in the API and the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Abandoned => "abandoned",
        }
    }

    /// Finds a state by its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Denied, Self::Expired, Self::Abandoned]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

impl fmt::Display for ReviewState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A review as people see it. Times are microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Review {
    /// Its name.
    pub id: ReviewId,
    /// Where it is in its life.
    pub state: ReviewState,
    /// The session that asked.
    pub session: SessionId,
    /// The exchange that is held.
    pub exchange: u64,
    /// Who asks.
    pub chain: Chain,
    /// The resource.
    pub resource: String,
    /// What is to be done, in the client's own words.
    pub statement: String,
    /// Why a person is asked.
    pub reason: String,
    /// The rule that asks.
    pub rule: RuleId,
    /// Who may answer.
    pub groups: Vec<String>,
    /// What the approval is bound to.
    pub content: Digest,
    /// When it was opened.
    pub opened_at_us: i64,
    /// When it lapses.
    pub deadline_us: i64,
    /// Who answered.
    pub by: Option<Reviewer>,
    /// What they said.
    pub comment: Option<String>,
    /// When it was closed.
    pub closed_at_us: Option<i64>,
    /// When the approval was used up.
    pub used_at_us: Option<i64>,
}

/// Who answered a review.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reviewer {
    /// The `iss` that vouches for the name.
    pub issuer: String,
    /// The name.
    pub subject: String,
}

/// Where a review is, for the one who waits.
pub(super) enum Progress {
    Open { deadline: SystemTime },
    Closed(Answer),
}

pub(super) fn open(
    connection: &mut Connection,
    ask: &ReviewAsk,
    at: SystemTime,
) -> Result<ReviewId, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check_room(&transaction, &ask.chain.principal, at)?;
    forget_statements(&transaction, at)?;
    let broken = |_| StoreError::Broken("review");
    let chain = serde_json::to_string(&ask.chain).map_err(broken)?;
    let groups = serde_json::to_string(&ask.groups).map_err(broken)?;
    let exchange = i64::try_from(ask.request.exchange).unwrap_or(i64::MAX);
    for _ in 0..ID_ATTEMPTS {
        let id = fresh_id()?;
        let inserted = transaction.execute(
            "INSERT INTO review (id, session, exchange, chain, resource, statement, reason,
                 rule, groups, content, opened_us, deadline_us, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending')
             ON CONFLICT (id) DO NOTHING",
            params![
                id.0,
                ask.request.session.to_string(),
                exchange,
                chain,
                ask.resource,
                ask.statement,
                ask.reason,
                ask.rule.0,
                groups,
                ask.content.to_string(),
                micros(at),
                micros(ask.deadline),
            ],
        )?;
        if inserted == 1 {
            transaction.commit()?;
            return Ok(id);
        }
    }
    Err(StoreError::Refused("no free review id was found".into()))
}

/// Reviewers have only so much patience: no requester gets all of it.
fn check_room(connection: &Connection, who: &Party, at: SystemTime) -> Result<(), StoreError> {
    if pending_count(connection, at)? >= PENDING_MAX {
        return Err(StoreError::Refused(format!("{PENDING_MAX} reviews are open already")));
    }
    let own: i64 = connection.query_row(
        "SELECT count(*) FROM review WHERE state = 'pending' AND deadline_us > ?1
             AND chain ->> '$.principal.issuer' = ?2 AND chain ->> '$.principal.subject' = ?3",
        params![micros(at), who.issuer, who.subject],
        |row| row.get(0),
    )?;
    if own >= PENDING_OF_ONE_MAX {
        return Err(StoreError::Refused(format!(
            "{PENDING_OF_ONE_MAX} reviews of `{}` are open already; hint: wait for their answers",
            who.subject
        )));
    }
    Ok(())
}

/// Empties the statements of reviews that were closed long ago: a client's own words
/// can hold personal data. The sealed recording keeps them, for as long as it is kept.
pub(super) fn forget_statements(connection: &Connection, at: SystemTime) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE review SET statement = '' WHERE state <> 'pending' AND statement <> ''
             AND closed_us < ?1",
        [micros(at).saturating_sub(micros(SystemTime::UNIX_EPOCH + STATEMENT_KEPT))],
    )?;
    Ok(())
}

/// Closes a review by a reviewer's word, if it is still open in time.
pub(super) fn decide(
    connection: &Connection,
    id: &ReviewId,
    decision: Decision,
    by: &Party,
    comment: Option<String>,
    at: SystemTime,
) -> Result<bool, StoreError> {
    let state = match decision {
        Decision::Approve => ReviewState::Approved,
        Decision::Deny => ReviewState::Denied,
    };
    let changed = connection.execute(
        "UPDATE review SET state = ?2, by_issuer = ?3, by_subject = ?4, comment = ?5, closed_us = ?6
         WHERE id = ?1 AND state = 'pending' AND deadline_us > ?6",
        params![id.0, state.word(), by.issuer, by.subject, comment, micros(at)],
    )?;
    Ok(changed == 1)
}

/// Looks at a review for the one who waits for it. An approval is used up by this.
pub(super) fn answer(
    connection: &mut Connection,
    id: &ReviewId,
    at: SystemTime,
) -> Result<Progress, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    expire(&transaction, at)?;
    let Some(review) = find(&transaction, id)? else {
        return Ok(Progress::Closed(Answer::Abandoned));
    };
    let by = review.by.map(|by| by.subject).unwrap_or_default();
    let comment = review.comment;
    let progress = match review.state {
        ReviewState::Pending => Progress::Open { deadline: time(review.deadline_us) },
        ReviewState::Denied => Progress::Closed(Answer::Denied { by, comment }),
        ReviewState::Expired => Progress::Closed(Answer::Expired),
        ReviewState::Abandoned => Progress::Closed(Answer::Abandoned),
        ReviewState::Approved => {
            // SECURITY: one approval, one run. The same content may be claimed from
            // another connection of the same chain at this moment.
            let used = transaction.execute(
                "UPDATE review SET used_us = ?2 WHERE id = ?1 AND used_us IS NULL",
                params![id.0, micros(at)],
            )?;
            Progress::Closed(match used {
                1 => Answer::Approved { by, comment },
                _ => Answer::Abandoned,
            })
        }
    };
    transaction.commit()?;
    Ok(progress)
}

/// Uses up an approval of the same content for the same chain, or finds the open review.
///
/// An approval can be claimed for as long after it was given as the review was open at
/// most.
pub(super) fn claim(
    connection: &mut Connection,
    ask: &ReviewAsk,
    at: SystemTime,
) -> Result<Claim, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    expire(&transaction, at)?;
    let now = micros(at);
    let candidates = {
        let mut statement = transaction.prepare_cached(&format!(
            "{SELECT} WHERE content = ?1 AND resource = ?2 AND (state = 'pending' OR
                 (state = 'approved' AND used_us IS NULL
                  AND closed_us + (deadline_us - opened_us) > ?3))
             ORDER BY state = 'pending', opened_us"
        ))?;
        let rows =
            statement.query_map(params![ask.content.to_string(), ask.resource, now], read)?;
        rows.collect::<Result<Result<Vec<_>, _>, _>>()??
    };
    let Some(found) = candidates.into_iter().find(|review| review.chain == ask.chain) else {
        return Ok(Claim::None);
    };
    if found.state == ReviewState::Pending {
        transaction.commit()?;
        return Ok(Claim::Pending(found.id));
    }
    transaction.execute(
        "UPDATE review SET used_us = ?2 WHERE id = ?1 AND used_us IS NULL",
        params![found.id.0, now],
    )?;
    transaction.commit()?;
    let by = found.by.map(|by| by.subject).unwrap_or_default();
    Ok(Claim::Approved { review: found.id, by })
}

pub(super) fn abandon(
    connection: &Connection,
    id: &ReviewId,
    at: SystemTime,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE review SET state = 'abandoned', closed_us = ?2 WHERE id = ?1 AND state = 'pending'",
        params![id.0, micros(at)],
    )?;
    Ok(())
}

pub(super) fn abandon_all(
    connection: &mut Connection,
    at: SystemTime,
) -> Result<usize, StoreError> {
    expire(connection, at)?;
    Ok(connection.execute(
        "UPDATE review SET state = 'abandoned', closed_us = ?1, comment = 'gateway restarted'
         WHERE state = 'pending'",
        [micros(at)],
    )?)
}

/// Closes what nobody answered in time.
pub(super) fn expire(connection: &Connection, at: SystemTime) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE review SET state = 'expired', closed_us = deadline_us
         WHERE state = 'pending' AND deadline_us <= ?1",
        [micros(at)],
    )?;
    Ok(())
}

pub(super) fn pending_count(connection: &Connection, at: SystemTime) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(
        "SELECT count(*) FROM review WHERE state = 'pending' AND deadline_us > ?1",
        [micros(at)],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn find(connection: &Connection, id: &ReviewId) -> Result<Option<Review>, StoreError> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([&id.0], read)
        .optional()?
        .transpose()
}

/// Lists reviews with the first 500 characters of their statements.
pub(super) fn list(
    connection: &Connection,
    state: Option<ReviewState>,
    rows_max: u32,
) -> Result<Vec<Review>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{} WHERE ?1 IS NULL OR state = ?1 ORDER BY opened_us DESC LIMIT ?2",
        SELECT.replace("statement,", "substr(statement, 1, 500),")
    ))?;
    let rows = statement.query_map(params![state.map(ReviewState::word), rows_max], read)?;
    rows.collect::<Result<Result<Vec<_>, _>, _>>()?
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Review, StoreError>> {
    let text = |column: usize| row.get::<_, String>(column);
    let parsed = (|| {
        Some((
            ReviewState::from_word(&text(1).ok()?)?,
            SessionId(Uuid::parse_str(&text(2).ok()?).ok()?),
            serde_json::from_str::<Chain>(&text(4).ok()?).ok()?,
            serde_json::from_str::<Vec<String>>(&text(9).ok()?).ok()?,
            Digest::from_hex(&text(10).ok()?)?,
        ))
    })();
    let Some((state, session, chain, groups, content)) = parsed else {
        return Ok(Err(StoreError::Broken("review")));
    };
    let by = match (row.get(13)?, row.get(14)?) {
        (Some(issuer), Some(subject)) => Some(Reviewer { issuer, subject }),
        _ => None,
    };
    Ok(Ok(Review {
        id: ReviewId(text(0)?),
        state,
        session,
        exchange: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
        chain,
        resource: text(5)?,
        statement: text(6)?,
        reason: text(7)?,
        rule: RuleId(text(8)?),
        groups,
        content,
        opened_at_us: row.get(11)?,
        deadline_us: row.get(12)?,
        by,
        comment: row.get(15)?,
        closed_at_us: row.get(16)?,
        used_at_us: row.get(17)?,
    }))
}

/// `rv-` and eight letters or digits, none of which looks like another.
fn fresh_id() -> Result<ReviewId, StoreError> {
    let mut random = [0u8; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| StoreError::Broken("random source"))?;
    let letter = |byte: u8| char::from(ID_LETTERS[usize::from(byte) % ID_LETTERS.len()]);
    Ok(ReviewId(format!("rv-{}", random.map(letter).iter().collect::<String>())))
}

impl Review {
    /// The held request.
    #[must_use]
    pub fn request(&self) -> RequestId {
        RequestId { session: self.session, exchange: self.exchange }
    }
}

const SELECT: &str = "SELECT id, state, session, exchange, chain, resource, statement, reason,
    rule, groups, content, opened_us, deadline_us, by_issuer, by_subject, comment, closed_us,
    used_us FROM review";
const ID_LETTERS: [u8; 32] = *b"abcdefghijkmnpqrstuvwxyz23456789";
const ID_ATTEMPTS: usize = 8;
/// Reviews open at once, of all sessions.
const PENDING_MAX: u64 = 10_000;
/// Reviews open at once, of one principal.
const PENDING_OF_ONE_MAX: i64 = 50;
/// How long the statement of a closed review can be read.
const STATEMENT_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
