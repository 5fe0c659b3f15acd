//! What principals have used, by day.

use super::super::{Counters, StoreError};
use super::Sqlite;
use portreeve_model::{Unit, Usage};
use portreeve_session::UsageKey;
use rusqlite::{Connection, OptionalExtension, params};

impl Counters for Sqlite {
    fn take(&self, key: &UsageKey, amounts: &Usage) -> Result<Usage, StoreError> {
        self.write(|transaction| {
            let total = total(transaction, key)? + *amounts;
            keep(transaction, key, &total)?;
            Ok(total)
        })
    }

    fn put_back(&self, key: &UsageKey, amounts: &Usage) -> Result<(), StoreError> {
        self.write(|transaction| {
            let total = total(transaction, key)?.saturating_sub(*amounts);
            keep(transaction, key, &total)
        })
    }

    fn forget(&self, before_day: u32) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM usage WHERE day < ?1", [before_day])?;
            Ok(())
        })
    }
}

fn total(connection: &Connection, key: &UsageKey) -> Result<Usage, StoreError> {
    let found: Option<String> = connection
        .prepare_cached(
            "SELECT amounts FROM usage WHERE day = ?1 AND issuer = ?2 AND subject = ?3
                 AND resource = ?4 AND object = ?5",
        )?
        .query_row(params![key.day, key.issuer, key.subject, key.resource, key.object], |row| {
            row.get(0)
        })
        .optional()?;
    found.map_or_else(|| Ok(Usage::default()), |text| parse(&text))
}

fn keep(connection: &Connection, key: &UsageKey, total: &Usage) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO usage (day, issuer, subject, resource, object, amounts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET amounts = excluded.amounts",
        )?
        .execute(params![
            key.day,
            key.issuer,
            key.subject,
            key.resource,
            key.object,
            shown(total)
        ])?;
    Ok(())
}

/// As decimal numbers in the order of [`Unit::ALL`]: SQLite's integers are too small.
fn shown(amounts: &Usage) -> String {
    Unit::ALL.map(|unit| amounts.get(unit).to_string()).join(" ")
}

fn parse(text: &str) -> Result<Usage, StoreError> {
    let broken = || StoreError::Broken("count");
    let mut words = text.split(' ');
    let mut amounts = Usage::default();
    for unit in Unit::ALL {
        // What was kept before a unit was counted ends before it.
        let Some(word) = words.next() else { break };
        amounts = amounts.with(unit, word.parse().map_err(|_| broken())?);
    }
    if words.next().is_some() { Err(broken()) } else { Ok(amounts) }
}
