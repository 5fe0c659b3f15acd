//! What happened and is on its way into the evidence.

use super::super::{Journal, JournalEntry, StoreError, Topic, micros};
use super::Sqlite;
use portreeve_model::Event;
use rusqlite::{Connection, params};
use std::time::{Duration, SystemTime};

impl Journal for Sqlite {
    fn add(&self, event: &Event, at: SystemTime) -> Result<(), StoreError> {
        self.write(|transaction| add(transaction, event, at).map(drop))
    }

    fn take(&self, at: SystemTime, until: SystemTime) -> Result<Vec<JournalEntry>, StoreError> {
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "UPDATE journal SET taken_until_us = ?2 WHERE entry IN (
                     SELECT entry FROM journal WHERE recorded_us IS NULL AND taken_until_us <= ?1
                     ORDER BY entry LIMIT ?3)
                 RETURNING entry, event",
            )?;
            let rows = statement
                .query_map(params![micros(at), micros(until), BATCH_MAX], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
                })?;
            let mut entries = Vec::new();
            for row in rows {
                let (number, text) = row?;
                let event =
                    serde_json::from_str(&text).map_err(|_| StoreError::Broken("journal"))?;
                entries.push(JournalEntry { number, event });
            }
            entries.sort_by_key(|entry| entry.number);
            Ok(entries)
        })
    }

    fn release(&self, numbers: &[i64]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut leave = transaction
                .prepare_cached("UPDATE journal SET taken_until_us = 0 WHERE entry = ?1")?;
            for number in numbers {
                leave.execute([number])?;
            }
            Ok(())
        })
    }

    fn recorded(&self, numbers: &[i64], at: SystemTime) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut mark = transaction
                .prepare_cached("UPDATE journal SET recorded_us = ?2 WHERE entry = ?1")?;
            for number in numbers {
                mark.execute(params![number, micros(at)])?;
            }
            let before = micros(at.checked_sub(KEPT).unwrap_or(SystemTime::UNIX_EPOCH));
            transaction.execute("DELETE FROM journal WHERE recorded_us < ?1", [before])?;
            Ok(())
        })
    }

    fn is_settled(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            let query = "SELECT NOT EXISTS (SELECT 1 FROM journal WHERE recorded_us IS NULL)";
            Ok(connection.prepare_cached(query)?.query_row([], |row| row.get(0))?)
        })
    }

    fn epoch(&self, topic: Topic) -> Result<i64, StoreError> {
        let word = match topic {
            Topic::Identity => "identity",
            Topic::Reviews => "reviews",
            Topic::Connectors => "connectors",
        };
        self.read(|connection| {
            let query = "SELECT number FROM epoch WHERE topic = ?1";
            Ok(connection.prepare_cached(query)?.query_row([word], |row| row.get(0))?)
        })
    }
}

/// Adds an event with the change that it tells of; gives its number.
pub(super) fn add(
    connection: &Connection,
    event: &Event,
    at: SystemTime,
) -> Result<i64, StoreError> {
    let text = serde_json::to_string(event).map_err(|_| StoreError::Broken("journal"))?;
    connection
        .prepare_cached("INSERT INTO journal (at_us, event) VALUES (?1, ?2)")?
        .execute(params![micros(at), text])?;
    Ok(connection.last_insert_rowid())
}

/// Whether an entry is in the evidence. Entries that were long ago are gone from here.
pub(super) const IS_RECORDED: &str =
    "NOT EXISTS (SELECT 1 FROM journal WHERE journal.entry = {} AND recorded_us IS NULL)";

const BATCH_MAX: u32 = 256;
/// How long recorded entries stay to look at.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
