//! The local issuer's name and key.

use super::{Store, StoreError, micros};
use portreeve_model::Secret;
use rusqlite::{Connection, OptionalExtension, params};
use std::time::SystemTime;

/// What is kept of the local issuer.
#[derive(Clone)]
pub(crate) struct StoredIssuer {
    /// Its `iss`.
    pub(crate) name: String,
    /// The `kid` of its key.
    pub(crate) key_id: String,
    /// The private key.
    pub(crate) pkcs8: Secret<Vec<u8>>,
}

impl Store {
    /// Reads the local issuer; the first caller ever makes it from `fresh`.
    pub(crate) fn issuer_or(
        &self,
        fresh: impl FnOnce() -> Result<StoredIssuer, StoreError>,
    ) -> Result<StoredIssuer, StoreError> {
        self.with(|connection| {
            if let Some(found) = find(connection)? {
                return Ok(found);
            }
            let made = fresh()?;
            // Two processes may race: the first insert wins, both read it back.
            connection.execute(
                "INSERT INTO issuer (one, name, key_id, pkcs8, created_us)
                 VALUES (1, ?1, ?2, ?3, ?4) ON CONFLICT (one) DO NOTHING",
                params![made.name, made.key_id, made.pkcs8.reveal(), micros(SystemTime::now())],
            )?;
            find(connection)?.ok_or(StoreError::Broken("issuer"))
        })
    }
}

fn find(connection: &Connection) -> Result<Option<StoredIssuer>, StoreError> {
    let found = connection
        .query_row("SELECT name, key_id, pkcs8 FROM issuer WHERE one = 1", [], |row| {
            Ok(StoredIssuer {
                name: row.get(0)?,
                key_id: row.get(1)?,
                pkcs8: Secret::new(row.get(2)?),
            })
        })
        .optional()?;
    Ok(found)
}
