//! Keys of the installation.

use super::super::{IssuerKeys, StoreError, StoredIssuer, micros};
use super::{Sqlite, journal};
use portreeve_model::{Administrator, Event, KeyUse, Secret};
use rusqlite::{Connection, OptionalExtension, params};
use std::time::SystemTime;

impl IssuerKeys for Sqlite {
    fn issuer_or(&self, fresh: StoredIssuer) -> Result<StoredIssuer, StoreError> {
        if let Some(found) = self.issuer()? {
            return Ok(found);
        }
        // Two processes may race: the first one's key is that of both.
        self.write(|transaction| {
            if let Some(found) = find(transaction)? {
                return Ok(found);
            }
            transaction.execute(
                "INSERT INTO issuer (one, name, key_id, pkcs8, created_us)
                 VALUES (1, ?1, ?2, ?3, ?4)",
                params![fresh.name, fresh.key_id, fresh.pkcs8.reveal(), micros(SystemTime::now())],
            )?;
            made(transaction, KeyUse::Issuer, Some(fresh.key_id.clone()))?;
            Ok(fresh)
        })
    }

    fn issuer(&self) -> Result<Option<StoredIssuer>, StoreError> {
        self.read(find)
    }

    fn key_or(
        &self,
        key_use: KeyUse,
        fresh: &Secret<[u8; 32]>,
    ) -> Result<Secret<[u8; 32]>, StoreError> {
        let purpose = match key_use {
            KeyUse::Issuer => "issuer",
            KeyUse::Masking => "masking",
            KeyUse::Subjects => "subjects",
            KeyUse::Connectors => "connectors",
            KeyUse::ClientCertificates => "client-certificates",
            KeyUse::TargetCertificates => "target-certificates",
        };
        self.write(|transaction| {
            let added = transaction.execute(
                "INSERT INTO installation_key (purpose, key, created_us) VALUES (?1, ?2, ?3)
                 ON CONFLICT (purpose) DO NOTHING",
                params![purpose, fresh.reveal(), micros(SystemTime::now())],
            )?;
            if added == 1 {
                made(transaction, key_use, None)?;
            }
            let query = "SELECT key FROM installation_key WHERE purpose = ?1";
            Ok(Secret::new(transaction.query_row(query, [purpose], |row| row.get(0))?))
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

fn made(connection: &Connection, key_use: KeyUse, key: Option<String>) -> Result<(), StoreError> {
    let event = Event::KeyMade { key_use, key, by: Administrator::Gateway };
    journal::add(connection, &event, SystemTime::now()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn the_first_key_stays_and_is_told_of_once() {
        use super::super::super::Journal;
        let folder = folder("keys");
        let (one, other) =
            (Sqlite::open(&folder.path).unwrap(), Sqlite::open(&folder.path).unwrap());
        let key = |store: &Sqlite, byte: u8| {
            *store.key_or(KeyUse::Masking, &Secret::new([byte; 32])).unwrap().reveal()
        };
        assert_eq!(key(&one, 1), [1; 32]);
        assert_eq!(key(&other, 2), [1; 32]);
        assert_eq!(*one.key_or(KeyUse::Subjects, &Secret::new([3; 32])).unwrap().reveal(), [3; 32]);
        let now = SystemTime::now();
        assert_eq!(one.take(now, now).unwrap().len(), 2);
    }
}
