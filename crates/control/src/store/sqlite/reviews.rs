//! The rows of the `review` table: every change of state is one statement or one
//! transaction, and says in its `WHERE` what it changes from.

use super::super::{
    AnswerGiven, Decided, Decision, GatewayId, Progress, Review, ReviewRows, ReviewState, Reviewer,
    StoreError, micros, time,
};
use super::{Sqlite, journal};
use crate::people::{Same, same_person};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use portreeve_model::{
    Attestation, Chain, Digest, Event, Party, RequestId, ReviewId, ReviewOutcome, RuleId,
    SessionId, differences,
};
use portreeve_session::{Answer, Claim, ReviewAsk};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::{Duration, SystemTime};
use uuid::Uuid;

impl ReviewRows for Sqlite {
    fn begin(
        &self,
        gateway: &GatewayId,
        at: SystemTime,
        lease_until: SystemTime,
    ) -> Result<usize, StoreError> {
        self.write(|transaction| {
            expire(transaction, at)?;
            forget_statements(transaction, at)?;
            let abandoned = transaction.execute(
                "UPDATE review SET state = 'abandoned', closed_us = ?2,
                     comment = 'gateway restarted'
                 WHERE state = 'pending' AND gateway = ?1",
                params![gateway.0, micros(at)],
            )?;
            lease(transaction, gateway, lease_until)?;
            Ok(abandoned)
        })
    }

    fn renew(&self, gateway: &GatewayId, lease_until: SystemTime) -> Result<(), StoreError> {
        self.write(|transaction| lease(transaction, gateway, lease_until))
    }

    fn open(
        &self,
        gateway: &GatewayId,
        ask: &ReviewAsk,
        at: SystemTime,
    ) -> Result<ReviewId, StoreError> {
        self.write(|transaction| open(transaction, gateway, ask, at))
    }

    fn find(&self, id: &ReviewId, at: SystemTime) -> Result<Option<Review>, StoreError> {
        self.write(|transaction| {
            expire(transaction, at)?;
            find(transaction, id)
        })
    }

    fn list(
        &self,
        state: Option<ReviewState>,
        rows_max: u32,
        at: SystemTime,
    ) -> Result<Vec<Review>, StoreError> {
        self.write(|transaction| {
            expire(transaction, at)?;
            list(transaction, state, rows_max)
        })
    }

    fn decide(
        &self,
        id: &ReviewId,
        answer: &AnswerGiven,
        at: SystemTime,
    ) -> Result<Decided, StoreError> {
        self.write(|transaction| decide(transaction, id, answer, at))
    }

    fn answer(&self, id: &ReviewId, at: SystemTime) -> Result<Progress, StoreError> {
        self.write(|transaction| answer(transaction, id, at))
    }

    fn claim(&self, ask: &ReviewAsk, at: SystemTime) -> Result<Claim, StoreError> {
        self.write(|transaction| claim(transaction, ask, at))
    }

    fn abandon(&self, id: &ReviewId, at: SystemTime) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE review SET state = 'abandoned', closed_us = ?2
                 WHERE id = ?1 AND state = 'pending'",
                params![id.0, micros(at)],
            )?;
            Ok(())
        })
    }

    fn pending_count(&self, at: SystemTime) -> Result<u64, StoreError> {
        self.read(|connection| pending_count(connection, at))
    }
}

fn lease(
    connection: &Connection,
    gateway: &GatewayId,
    until: SystemTime,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO gateway (id, lease_until_us) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET lease_until_us = excluded.lease_until_us",
        params![gateway.0, micros(until)],
    )?;
    Ok(())
}

fn open(
    transaction: &Connection,
    gateway: &GatewayId,
    ask: &ReviewAsk,
    at: SystemTime,
) -> Result<ReviewId, StoreError> {
    expire(transaction, at)?;
    check_room(transaction, &ask.chain.principal, at)?;
    forget_statements(transaction, at)?;
    let broken = |_| StoreError::Broken("review");
    let chain = serde_json::to_string(&ask.chain).map_err(broken)?;
    let groups = serde_json::to_string(&ask.groups).map_err(broken)?;
    let fields = serde_json::to_string(&ask.fields).map_err(broken)?;
    let examples = ask.examples.as_ref().map(serde_json::to_string).transpose().map_err(broken)?;
    let exchange = i64::try_from(ask.request.exchange).unwrap_or(i64::MAX);
    for _ in 0..ID_ATTEMPTS {
        let id = fresh_id()?;
        let inserted = transaction.execute(
            "INSERT INTO review (id, session, exchange, chain, resource, statement, reason,
                 rule, groups, content, opened_us, deadline_us, state, gateway, approvers,
                 fields, examples)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending', ?13, ?14,
                 ?15, ?16)
             ON CONFLICT (id) DO NOTHING",
            params![
                id.0,
                ask.request.session.to_string(),
                exchange,
                chain,
                ask.resource,
                ask.text,
                ask.reason,
                ask.rule.0,
                groups,
                ask.content.to_string(),
                micros(at),
                micros(ask.deadline),
                gateway.0,
                ask.approvers.max(1),
                fields,
                examples,
            ],
        )?;
        if inserted == 1 {
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
fn forget_statements(connection: &Connection, at: SystemTime) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE review SET statement = '', fields = '[]', examples = NULL WHERE state <> 'pending' AND statement <> ''
             AND closed_us < ?1",
        [micros(at).saturating_sub(micros(SystemTime::UNIX_EPOCH + STATEMENT_KEPT))],
    )?;
    Ok(())
}

/// Takes an answer, if the review is still open in time. A no closes it, and so does the
/// last yes that it needs.
fn decide(
    transaction: &Connection,
    id: &ReviewId,
    answer: &AnswerGiven,
    at: SystemTime,
) -> Result<Decided, StoreError> {
    expire(transaction, at)?;
    let open = find(transaction, id)?.filter(|review| review.state == ReviewState::Pending);
    let Some(review) = open else { return Ok(Decided::TooLate) };
    let (state, outcome) = match answer.said {
        Decision::Approve => (ReviewState::Approved, ReviewOutcome::Approved),
        Decision::Deny => (ReviewState::Denied, ReviewOutcome::Denied),
    };
    let approvers = approvers(transaction, id)?;
    if answer.said == Decision::Approve {
        // SECURITY: whoever cannot be told apart from somebody who approved is nobody new.
        let is_new = |earlier: &Party| same_person(earlier, &answer.reviewer) == Same::No;
        if !approvers.iter().all(is_new) {
            return Ok(Decided::SamePerson);
        }
    }
    let event = Event::ReviewAnswered {
        review: id.clone(),
        decision: outcome,
        by: answer.attestation.clone(),
    };
    let entry = journal::add(transaction, &event, at)?;
    if answer.said == Decision::Approve {
        keep_approval(transaction, id, approvers.len(), answer)?;
        let count = u32::try_from(approvers.len()).unwrap_or(u32::MAX).saturating_add(1);
        if count < review.approvers {
            return Ok(Decided::Counted);
        }
    }
    let by = &answer.reviewer;
    transaction.execute(
        "UPDATE review SET state = ?2, by_issuer = ?3, by_subject = ?4, comment = ?5,
             closed_us = ?6, entry = ?7
         WHERE id = ?1 AND state = 'pending'",
        params![id.0, state.word(), by.issuer, by.subject, answer.comment, micros(at), entry],
    )?;
    Ok(Decided::Closed)
}

fn keep_approval(
    transaction: &Connection,
    id: &ReviewId,
    number: usize,
    answer: &AnswerGiven,
) -> Result<(), StoreError> {
    let broken = |_| StoreError::Broken("approval");
    let reviewer = serde_json::to_string(&answer.reviewer).map_err(broken)?;
    let attestation = serde_json::to_string(&answer.attestation).map_err(broken)?;
    transaction.execute(
        "INSERT INTO approval (review, number, reviewer, attestation) VALUES (?1, ?2, ?3, ?4)",
        params![id.0, i64::try_from(number).unwrap_or(i64::MAX), reviewer, attestation],
    )?;
    Ok(())
}

fn approvers(connection: &Connection, id: &ReviewId) -> Result<Vec<Party>, StoreError> {
    approval_column(
        connection,
        "SELECT reviewer FROM approval WHERE review = ?1 ORDER BY number",
        id,
    )
}

fn approvals(connection: &Connection, id: &ReviewId) -> Result<Vec<Attestation>, StoreError> {
    let query = "SELECT attestation FROM approval WHERE review = ?1 ORDER BY number";
    approval_column(connection, query, id)
}

fn approval_column<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    query: &str,
    id: &ReviewId,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([&id.0], |row| row.get::<_, String>(0))?;
    rows.map(|text| serde_json::from_str(&text?).map_err(|_| StoreError::Broken("approval")))
        .collect()
}

/// Looks at a review for the one who waits for it. An approval is used up by this.
fn answer(transaction: &Connection, id: &ReviewId, at: SystemTime) -> Result<Progress, StoreError> {
    expire(transaction, at)?;
    let Some(review) = find(transaction, id)? else {
        return Ok(Progress::Closed(Answer::Abandoned));
    };
    if !is_recorded(transaction, id)? {
        return Ok(Progress::Open { deadline: at + RECORDING_WAIT });
    }
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
                _ => Answer::Used,
            })
        }
    };
    Ok(progress)
}

/// Whether the evidence has the answer. What cannot be recorded did not happen.
fn is_recorded(connection: &Connection, id: &ReviewId) -> Result<bool, StoreError> {
    let recorded = journal::IS_RECORDED.replace("{}", "review.entry");
    let query = format!("SELECT {recorded} FROM review WHERE id = ?1");
    Ok(connection.prepare_cached(&query)?.query_row([&id.0], |row| row.get(0))?)
}

/// Uses up an approval of the same content for the same chain, or finds the open review.
///
/// An approval can be claimed for as long after it was given as the review was open at
/// most.
fn claim(transaction: &Connection, ask: &ReviewAsk, at: SystemTime) -> Result<Claim, StoreError> {
    expire(transaction, at)?;
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
        return different(transaction, ask, at);
    };
    if found.state == ReviewState::Pending || !is_recorded(transaction, &found.id)? {
        return Ok(Claim::Pending(found.id));
    }
    transaction.execute(
        "UPDATE review SET used_us = ?2 WHERE id = ?1 AND used_us IS NULL",
        params![found.id.0, now],
    )?;
    let by = found.by.map(|by| by.subject).unwrap_or_default();
    Ok(Claim::Approved { review: found.id, by })
}

/// An approval of the same chain by the same rule that could be claimed, if what was approved
/// were what is asked.
fn different(
    connection: &Connection,
    ask: &ReviewAsk,
    at: SystemTime,
) -> Result<Claim, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT} WHERE resource = ?1 AND rule = ?2 AND state = 'approved' AND used_us IS NULL
             AND closed_us + (deadline_us - opened_us) > ?3
         ORDER BY opened_us DESC LIMIT {DIFFERENT_MAX}"
    ))?;
    let rows = statement.query_map(params![ask.resource, ask.rule.0, micros(at)], read)?;
    for review in rows {
        let review = review??;
        if review.chain == ask.chain {
            let differences = differences(&review.fields, &ask.fields);
            return Ok(Claim::Different { review: review.id, differences });
        }
    }
    Ok(Claim::None)
}

/// Closes what nobody answered in time, and what a gateway asked that is gone.
fn expire(connection: &Connection, at: SystemTime) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE review SET state = 'expired', closed_us = deadline_us
             WHERE state = 'pending' AND deadline_us <= ?1",
        )?
        .execute([micros(at)])?;
    connection
        .prepare_cached(
            "UPDATE review SET state = 'abandoned', closed_us = ?1, comment = 'gateway is gone'
             WHERE state = 'pending'
                 AND gateway NOT IN (SELECT id FROM gateway WHERE lease_until_us > ?1)",
        )?
        .execute([micros(at)])?;
    Ok(())
}

fn pending_count(connection: &Connection, at: SystemTime) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(
        "SELECT count(*) FROM review WHERE state = 'pending' AND deadline_us > ?1",
        [micros(at)],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn find(connection: &Connection, id: &ReviewId) -> Result<Option<Review>, StoreError> {
    let found = connection
        .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([&id.0], read)
        .optional()?
        .transpose()?;
    with_approvals(connection, found)
}

fn with_approvals(
    connection: &Connection,
    review: Option<Review>,
) -> Result<Option<Review>, StoreError> {
    let Some(mut review) = review else { return Ok(None) };
    review.approvals = approvals(connection, &review.id)?;
    Ok(Some(review))
}

/// Lists reviews with the first 500 characters of their statements.
fn list(
    connection: &Connection,
    state: Option<ReviewState>,
    rows_max: u32,
) -> Result<Vec<Review>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{} WHERE ?1 IS NULL OR state = ?1 ORDER BY opened_us DESC LIMIT ?2",
        SELECT
            .replace("statement,", "substr(statement, 1, 500),")
            .replace("fields, examples", "'[]', NULL")
    ))?;
    let rows = statement.query_map(params![state.map(ReviewState::word), rows_max], read)?;
    let mut reviews: Vec<Review> = rows.collect::<Result<Result<_, _>, _>>()??;
    for review in &mut reviews {
        review.approvals = approvals(connection, &review.id)?;
    }
    Ok(reviews)
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
            serde_json::from_str(&text(19).ok()?).ok()?,
            row.get::<_, Option<String>>(20)
                .ok()?
                .map(|examples| serde_json::from_str(&examples))
                .transpose()
                .ok()?,
        ))
    })();
    let Some((state, session, chain, groups, content, fields, examples)) = parsed else {
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
        approvers: row.get(18)?,
        approvals: Vec::new(),
        fields,
        examples,
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
    used_us, approvers, fields, examples FROM review";
/// Approvals of something else that are looked at, to say in what it differs.
const DIFFERENT_MAX: u32 = 100;
const ID_LETTERS: [u8; 32] = *b"abcdefghijkmnpqrstuvwxyz23456789";
const ID_ATTEMPTS: usize = 8;
/// Reviews open at once, of all sessions.
const PENDING_MAX: u64 = 10_000;
/// Reviews open at once, of one principal.
const PENDING_OF_ONE_MAX: i64 = 50;
/// How long a waiter leaves an answer alone that is not in the evidence yet.
const RECORDING_WAIT: Duration = Duration::from_secs(1);
/// How long the statement of a closed review can be read.
const STATEMENT_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
