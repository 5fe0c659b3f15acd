//! Certificates that clients got for their tokens.

use super::super::{
    Administration, CertificateBounds, Certificates, IssuedCertificate, NewCertificate, Recorded,
    StoreError, micros, time,
};
use super::{Sqlite, journal};
use crate::party::Identity;
use portreeve_model::Event;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Certificates for Sqlite {
    fn register(
        &self,
        certificate: &NewCertificate,
        bounds: CertificateBounds,
        how: &Administration,
    ) -> Result<u64, StoreError> {
        let NewCertificate { id, key, resources, identity, expires_at } = certificate;
        let principal = &identity.chain.principal;
        let now = micros(how.at);
        self.write(|transaction| {
            let kept_from = now.saturating_sub(ENDED_KEPT_US);
            transaction.execute("DELETE FROM certificate WHERE until_us < ?1", [kept_from])?;
            may_have_another(transaction, identity, bounds, now)?;
            // The event has the serial number, and the row the event's number.
            transaction.execute(
                "INSERT INTO certificate (id, key, resources, chain, issuer, subject, token,
                     audiences, for_gateway, issued_us, ends_us, until_us, login, entry)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0)",
                params![
                    id,
                    key,
                    to_text(resources)?,
                    to_text(&identity.chain)?,
                    identity.issuer,
                    principal.subject,
                    identity.token_id,
                    to_text(&identity.audiences)?,
                    identity.for_gateway,
                    micros(identity.issued_at),
                    micros(identity.expires_at),
                    micros(*expires_at),
                    identity.login,
                ],
            )?;
            let row = transaction.last_insert_rowid();
            let serial = u64::try_from(row).map_err(|_| BROKEN)?;
            let event = Event::CertificateIssued {
                certificate: id.clone(),
                serial,
                key: key.clone(),
                resources: resources.clone(),
                chain: identity.chain.clone(),
                token: identity.token_id.clone(),
                expires_at_us: u64::try_from(micros(*expires_at)).unwrap_or(0),
                by: how.by.clone(),
            };
            let entry = journal::add(transaction, &event, how.at)?;
            transaction.execute(
                "UPDATE certificate SET entry = ?2 WHERE serial = ?1",
                params![row, entry],
            )?;
            Ok(serial)
        })
    }

    fn find(&self, id: &str) -> Result<Option<IssuedCertificate>, StoreError> {
        let recorded = journal::IS_RECORDED.replace("{}", "certificate.entry");
        let query = format!(
            "SELECT serial, key, resources, chain, issuer, token, audiences, for_gateway,
                    issued_us, ends_us, until_us, login, {recorded}
             FROM certificate WHERE id = ?1"
        );
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&query)?;
            statement.query_row([id], |row| Ok(read(row))).optional()?.transpose()
        })
    }

    fn has_key(&self, key: &str) -> Result<bool, StoreError> {
        self.read(|connection| {
            let query = "SELECT EXISTS (SELECT 1 FROM certificate WHERE key = ?1)";
            Ok(connection.prepare_cached(query)?.query_row([key], |row| row.get(0))?)
        })
    }
}

/// Whether a principal has fewer than it may have.
fn may_have_another(
    connection: &Connection,
    identity: &Identity,
    bounds: CertificateBounds,
    now: i64,
) -> Result<(), StoreError> {
    let subject = &identity.chain.principal.subject;
    let (kept, good): (u32, u32) = connection.query_row(
        "SELECT count(*), count(*) FILTER (WHERE until_us > ?3) FROM certificate
         WHERE issuer = ?1 AND subject = ?2",
        params![identity.issuer, subject, now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if good >= bounds.good_max {
        return Err(StoreError::Refused(format!(
            "`{subject}` has {good} certificates that are still good; hint: use one of them, or \
             wait until they end"
        )));
    }
    if kept >= bounds.day_max {
        return Err(StoreError::Refused(format!(
            "`{subject}` has got {kept} certificates in a day; hint: let each be good for longer"
        )));
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<IssuedCertificate, StoreError> {
    let serial: i64 = row.get(0)?;
    let issuer: String = row.get(4)?;
    let identity = Identity {
        token_id: row.get(5)?,
        login: row.get(11)?,
        audiences: from_text(&row.get::<_, String>(6)?)?,
        for_gateway: row.get(7)?,
        issued_at: time(row.get(8)?),
        ..Identity::new(from_text(&row.get::<_, String>(3)?)?, &issuer, time(row.get(9)?))
    };
    Ok(IssuedCertificate {
        serial: u64::try_from(serial).map_err(|_| BROKEN)?,
        key: row.get(1)?,
        resources: from_text(&row.get::<_, String>(2)?)?,
        identity,
        expires_at: time(row.get(10)?),
        recorded: if row.get(12)? { Recorded::Yes } else { Recorded::No },
    })
}

fn to_text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| BROKEN)
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| BROKEN)
}

const BROKEN: StoreError = StoreError::Broken("certificate");
/// A day: whoever shows one that has ended is told so.
const ENDED_KEPT_US: i64 = 24 * 3600 * 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;
    use portreeve_model::{Administrator, Chain, Party, PartyKind, Strength};
    use std::time::{Duration, SystemTime};

    const BOUNDS: CertificateBounds = CertificateBounds { good_max: 2, day_max: 3 };

    fn certificate(id: &str, subject: &str, expires_at: SystemTime) -> NewCertificate {
        let ada = Party {
            groups: vec!["support".into()],
            person: Some("ada@example.org".into()),
            ..Party::new(PartyKind::Person, "https://id.example", subject)
        };
        let chain = Chain {
            purpose: Some("repair".into()),
            strength: Strength { acr: Some("high".into()), amr: vec!["hwk".into()] },
            ..Chain::new(ada, vec![Party::new(PartyKind::Actor, "https://id.example", "planner")])
        };
        let identity = Identity {
            issued_at: time(5_000_000),
            token_id: Some("t1".into()),
            audiences: vec!["portreeve".into(), "web".into()],
            for_gateway: true,
            ..Identity::new(chain, "https://id.example", expires_at)
        };
        NewCertificate {
            id: id.into(),
            key: format!("SHA256:{id}"),
            resources: vec!["web".into(), "db".into()],
            identity,
            expires_at,
        }
    }

    #[test]
    fn what_was_proven_is_kept_whole_and_serials_are_used_once() {
        let folder = folder("certificates");
        let store = Sqlite::open(&folder.path).unwrap();
        let (now, minute) = (time(10_000_000), Duration::from_secs(60));
        let how = Administration { by: Administrator::Gateway, at: now };
        let first = certificate("one", "ada", now + minute);
        assert_eq!(store.register(&first, BOUNDS, &how).unwrap(), 1);
        let kept = store.find("one").unwrap().unwrap();
        assert_eq!(kept.identity, first.identity);
        assert_eq!((kept.key, kept.resources), (first.key.clone(), first.resources.clone()));
        assert_eq!((kept.expires_at, kept.recorded), (first.expires_at, Recorded::No));
        assert!(store.find("two").unwrap().is_none());
        assert!(store.has_key(&first.key).unwrap() && !store.has_key("SHA256:two").unwrap());
        // A principal's bound is its own.
        assert_eq!(
            store.register(&certificate("two", "ada", now + minute), BOUNDS, &how).unwrap(),
            2
        );
        let third = certificate("three", "ada", now + minute);
        let refused = store.register(&third, BOUNDS, &how).unwrap_err();
        assert!(refused.to_string().contains("2 certificates that are still good"), "{refused}");
        let other = certificate("other", "bob", now + minute);
        assert_eq!(store.register(&other, BOUNDS, &how).unwrap(), 3);
        // What has ended makes room at once, and is forgotten after a day; no serial comes back.
        let later = Administration { at: now + minute, ..how.clone() };
        let third = certificate("three", "ada", now + 2 * minute);
        assert_eq!(store.register(&third, BOUNDS, &later).unwrap(), 4);
        assert!(store.find("one").unwrap().is_some());
        // Brief ones do not make records without end.
        let much = Administration { at: now + 3 * minute, ..how.clone() };
        let fourth = certificate("fourth", "ada", much.at + minute);
        let refused = store.register(&fourth, BOUNDS, &much).unwrap_err();
        assert!(refused.to_string().contains("3 certificates in a day"), "{refused}");
        let days = Administration { at: now + 2 * 24 * 60 * minute, ..how };
        let last = certificate("last", "ada", days.at + minute);
        assert_eq!(store.register(&last, BOUNDS, &days).unwrap(), 5);
        assert!(store.find("three").unwrap().is_none());
    }
}
