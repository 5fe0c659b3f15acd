//! Findings beside the index: kept in the same transaction, asked for in the same way.

use super::index::SearchError;
use super::question::{LIMIT_MAX, timed};
use portreeve_reports::anomalies::{Finding, Rule, Watch};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which findings are asked for: those that every field allows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingQuestion {
    /// Not before, in microseconds since 1970.
    pub since_us: Option<u64>,
    /// Before.
    pub until_us: Option<u64>,
    /// By this rule.
    pub rule: Option<Rule>,
    /// On behalf of this person or service.
    pub principal: Option<String>,
    /// At this resource.
    pub resource: Option<String>,
    /// Found before this one: `next` of the answer before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// Findings.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub struct FoundFindings {
    /// Newest first.
    pub findings: Vec<Finding>,
    /// There are more: ask again with this as `before`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Records of the log that were not looked at yet.
    pub behind: u64,
}

impl FindingQuestion {
    /// Asks the index.
    pub(super) fn ask(&self, connection: &mut Connection) -> Result<FoundFindings, SearchError> {
        let limit = self.limit.unwrap_or(50);
        if limit == 0 || limit > LIMIT_MAX {
            return Err(SearchError::Asked(format!("`limit` is from 1 to {LIMIT_MAX}")));
        }
        let number = |count: Option<u64>, none: i64| {
            count.map_or(none, |count| i64::try_from(count).unwrap_or(i64::MAX))
        };
        let sql = "SELECT number, text FROM finding
             WHERE at_us >= ?1 AND at_us < ?2 AND number < ?3
                 AND (?4 IS NULL OR rule = ?4) AND (?5 IS NULL OR principal = ?5)
                 AND (?6 IS NULL OR resource = ?6)
             ORDER BY number DESC LIMIT ?7";
        timed(connection, |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let values = params![
                number(self.since_us, 0),
                number(self.until_us, i64::MAX),
                number(self.before, i64::MAX),
                self.rule.map(Rule::word),
                self.principal,
                self.resource,
                i64::try_from(limit + 1).unwrap_or(i64::MAX),
            ];
            let rows = statement.query_map(values, read)?.collect::<Result<Vec<_>, _>>()?;
            let has_more = rows.len() > limit;
            let shown = || rows.iter().take(limit);
            let next = shown().next_back().filter(|_| has_more);
            let next = next.and_then(|(number, _)| u64::try_from(*number).ok());
            let findings = shown().map(|(_, finding)| finding.clone()).collect();
            Ok(FoundFindings { findings, next, behind: 0 })
        })
    }
}

/// Findings that were made after one, in the order in which they were made.
pub(super) fn after(
    connection: &Connection,
    number: i64,
    count: usize,
) -> rusqlite::Result<Vec<(i64, Finding)>> {
    connection
        .prepare_cached(
            "SELECT number, text FROM finding WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?
        .query_map(params![number, i64::try_from(count).unwrap_or(i64::MAX)], read)?
        .collect()
}

/// One finding by its id.
pub(super) fn named(connection: &Connection, id: &str) -> rusqlite::Result<Option<Finding>> {
    let found = connection
        .prepare_cached("SELECT number, text FROM finding WHERE id = ?1")?
        .query_row([id], read)
        .optional()?;
    Ok(found.map(|(_, finding)| finding))
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Finding)> {
    let text: String = row.get(1)?;
    let finding = serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
    })?;
    Ok((row.get(0)?, finding))
}

/// Keeps what one exchange brought to light. The number of a finding follows from the record, so
/// that it is the same whoever reads the log.
pub(super) fn write(transaction: &Transaction<'_>, findings: &[Finding]) -> rusqlite::Result<()> {
    for (place, finding) in findings.iter().enumerate() {
        let place = i64::try_from(place).unwrap_or(i64::MAX).min(OF_ONE_RECORD - 1);
        let index = i64::try_from(finding.index).unwrap_or(i64::MAX / OF_ONE_RECORD);
        let number = index.saturating_mul(OF_ONE_RECORD).saturating_add(place);
        let text = serde_json::to_string(finding)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO finding (number, id, at_us, rule, principal, resource, text)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                number,
                finding.id,
                i64::try_from(finding.at_us).unwrap_or(i64::MAX),
                finding.rule.word(),
                finding.principal,
                finding.resource,
                text,
            ])?;
    }
    Ok(())
}

/// More findings than one exchange can bring to light.
const OF_ONE_RECORD: i64 = 1_024;

/// Findings of records before this one go with them.
pub(super) fn prune(transaction: &Transaction<'_>, first: i64) -> rusqlite::Result<()> {
    let first = first.saturating_mul(OF_ONE_RECORD);
    transaction.execute("DELETE FROM finding WHERE number < ?1", [first])?;
    Ok(())
}

/// Keeps what is remembered of the past.
pub(super) fn keep(transaction: &Transaction<'_>, watch: &mut Watch) -> rusqlite::Result<()> {
    for (name, history) in watch.changes() {
        match history {
            Some(text) => transaction
                .prepare_cached("INSERT OR REPLACE INTO history (name, text) VALUES (?1, ?2)")?
                .execute([&name, &text])?,
            None => transaction
                .prepare_cached("DELETE FROM history WHERE name = ?1")?
                .execute([&name])?,
        };
    }
    Ok(())
}

/// Remembers it; false where it is not what this program keeps.
pub(super) fn remember(connection: &Connection, watch: &mut Watch) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT name, text FROM history")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        if !watch.remember(&name, &text) {
            return Ok(false);
        }
    }
    Ok(true)
}
