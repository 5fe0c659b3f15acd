//! Programs in other networks that reach targets.

use super::super::{
    Administration, Connectors, EnrolledConnector, Namesake, NewInvite, StoreError, micros, time,
};
use super::{Sqlite, journal};
use crate::config::is_resource_name;
use portreeve_model::{Administrator, ConnectorChange, ConnectorEvent, Event};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::SystemTime;

const COLUMNS: &str = "name, key, resources, enrolled_us, revoked_us";

impl Connectors for Sqlite {
    fn invite(&self, invite: &NewInvite, how: &Administration) -> Result<(), StoreError> {
        if !is_resource_name(&invite.name) {
            return Err(StoreError::Refused(format!(
                "`{}` cannot name a connector; hint: use letters, digits, `_`, `-` and `.`, at \
                 most 63",
                invite.name
            )));
        }
        let happened = Event::Connector(ConnectorEvent {
            resources: invite.resources.clone(),
            by: Some(how.by.clone()),
            ..ConnectorEvent::new(&invite.name, ConnectorChange::Invited)
        });
        self.write(|transaction| {
            if invite.namesake == Namesake::Stays && active(transaction, &invite.name)?.is_some() {
                return Err(StoreError::Refused(format!(
                    "there is a connector `{}` already; hint: `--replace`, or another name",
                    invite.name
                )));
            }
            let now = micros(how.at);
            transaction.execute("DELETE FROM invite WHERE expires_us < ?1", [now])?;
            transaction.execute(
                "INSERT INTO invite (id, secret, name, resources, replaces, expires_us)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    invite.id,
                    invite.secret_digest,
                    invite.name,
                    invite.resources.join("\n"),
                    invite.namesake == Namesake::IsReplaced,
                    micros(invite.expires_at),
                ],
            )?;
            journal::add(transaction, &happened, how.at).map(drop)
        })
    }

    fn enrol(
        &self,
        invite: &str,
        secret_digest: &[u8; 32],
        key: &[u8; 32],
        from: &str,
    ) -> Result<Option<EnrolledConnector>, StoreError> {
        let now = SystemTime::now();
        self.write(|transaction| {
            // Used up by whoever knows its secret, and by nobody else.
            let query = "DELETE FROM invite WHERE id = ?1 AND secret = ?2 AND expires_us >= ?3
                         RETURNING name, resources, replaces";
            let invited: Option<(String, String, bool)> = transaction
                .query_row(query, params![invite, secret_digest, micros(now)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let Some((name, resources, replaces)) = invited else { return Ok(None) };
            // A key that was revoked stays so.
            if by_key(transaction, key)?.is_some() {
                return Ok(None);
            }
            match (active(transaction, &name)?, replaces) {
                (Some(_), false) => return Ok(None),
                (Some(_), true) => {
                    end(transaction, &name, now)?;
                    let why = Some("another one has enrolled in its place".to_owned());
                    let revoked = ConnectorEvent::new(&name, ConnectorChange::Revoked);
                    let by = Some(Administrator::Gateway);
                    let happened = Event::Connector(ConnectorEvent { why, by, ..revoked });
                    journal::add(transaction, &happened, now)?;
                }
                (None, _) => {}
            }
            transaction.execute(
                "INSERT INTO connector (key, name, resources, enrolled_us) VALUES (?1, ?2, ?3, ?4)",
                params![key, name, resources, micros(now)],
            )?;
            let enrolled = EnrolledConnector {
                name,
                key: *key,
                resources: lines(&resources),
                enrolled_at: now,
                revoked_at: None,
            };
            let happened = Event::Connector(ConnectorEvent {
                key: Some(hex(key)),
                address: Some(from.to_owned()),
                resources: enrolled.resources.clone(),
                ..ConnectorEvent::new(&enrolled.name, ConnectorChange::Enrolled)
            });
            journal::add(transaction, &happened, now)?;
            Ok(Some(enrolled))
        })
    }

    fn list(&self) -> Result<Vec<EnrolledConnector>, StoreError> {
        self.read(|connection| {
            let query = format!("SELECT {COLUMNS} FROM connector ORDER BY name, enrolled_us");
            let mut statement = connection.prepare_cached(&query)?;
            let rows = statement.query_map([], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn find(&self, key: &[u8; 32]) -> Result<Option<EnrolledConnector>, StoreError> {
        self.read(|connection| by_key(connection, key))
    }

    fn revoke(&self, name: &str, why: &str, how: &Administration) -> Result<(), StoreError> {
        let happened = |key: Option<&[u8; 32]>| {
            Event::Connector(ConnectorEvent {
                key: key.map(hex),
                why: Some(why.to_owned()),
                by: Some(how.by.clone()),
                ..ConnectorEvent::new(name, ConnectorChange::Revoked)
            })
        };
        self.write(|transaction| {
            let found = active(transaction, name)?;
            let invited = transaction.execute("DELETE FROM invite WHERE name = ?1", [name])?;
            if found.is_none() && invited == 0 {
                return Err(StoreError::Refused(format!(
                    "there is no connector `{name}`; hint: `portreeve connectors ls`"
                )));
            }
            end(transaction, name, how.at)?;
            let key = found.as_ref().map(|found| &found.key);
            journal::add(transaction, &happened(key), how.at).map(drop)
        })
    }
}

fn hex(key: &[u8; 32]) -> String {
    portreeve_model::Digest(*key).to_string()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<EnrolledConnector> {
    let resources: String = row.get(2)?;
    let revoked: Option<i64> = row.get(4)?;
    Ok(EnrolledConnector {
        name: row.get(0)?,
        key: row.get(1)?,
        resources: lines(&resources),
        enrolled_at: time(row.get(3)?),
        revoked_at: revoked.map(time),
    })
}

fn by_key(
    connection: &Connection,
    key: &[u8; 32],
) -> Result<Option<EnrolledConnector>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM connector WHERE key = ?1");
    Ok(connection.prepare_cached(&query)?.query_row([key], read).optional()?)
}

fn active(connection: &Connection, name: &str) -> Result<Option<EnrolledConnector>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM connector WHERE name = ?1 AND revoked_us IS NULL");
    Ok(connection.prepare_cached(&query)?.query_row([name], read).optional()?)
}

fn end(connection: &Connection, name: &str, at: SystemTime) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE connector SET revoked_us = ?2 WHERE name = ?1 AND revoked_us IS NULL",
        params![name, micros(at)],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::Store;
    use super::*;
    use crate::testing::folder;
    use std::time::Duration;

    fn how() -> Administration {
        Administration::now(Administrator::Gateway)
    }

    fn invite(id: &str, name: &str, lasts: Lasts, namesake: Namesake) -> NewInvite {
        let now = SystemTime::now();
        let expires_at = match lasts {
            Lasts::Minute => now + MINUTE,
            Lasts::NoMore => now - MINUTE,
        };
        NewInvite {
            id: id.into(),
            secret_digest: [1; 32],
            name: name.into(),
            resources: vec!["shop".into(), "crm-*".into()],
            expires_at,
            namesake,
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    enum Lasts {
        Minute,
        NoMore,
    }

    #[test]
    fn an_invitation_is_good_once_in_time_and_with_its_secret() {
        let folder = folder("connectors");
        let store = Store::open(&folder.path).unwrap().connectors;
        let enrol = |id: &str, secret: u8, key: u8| {
            store.enrol(id, &[secret; 32], &[key; 32], "10.0.0.1").unwrap().map(|it| it.name)
        };
        store.invite(&invite("1", "eu", Lasts::Minute, Namesake::Stays), &how()).unwrap();
        store.invite(&invite("2", "us", Lasts::NoMore, Namesake::Stays), &how()).unwrap();
        assert_eq!(enrol("1", 9, 7), None);
        assert_eq!(enrol("3", 1, 7), None);
        assert_eq!(enrol("1", 1, 7), Some("eu".into()));
        assert_eq!(enrol("1", 1, 7), None);
        assert_eq!(enrol("1", 1, 8), None);
        assert_eq!(enrol("2", 1, 8), None);
        let found = store.find(&[7; 32]).unwrap().unwrap();
        assert_eq!(found.resources, ["shop", "crm-*"]);
    }

    #[test]
    fn a_name_has_one_key_and_what_is_revoked_stays_so() {
        let folder = folder("connectors-names");
        let store = Store::open(&folder.path).unwrap().connectors;
        let stays =
            |id: &str| store.invite(&invite(id, "eu", Lasts::Minute, Namesake::Stays), &how());
        let enrol = |id: &str, key: u8| {
            store.enrol(id, &[1; 32], &[key; 32], "10.0.0.1").unwrap().is_some()
        };
        // Two invitations under a name that nobody has: the second to come is too late.
        stays("1").unwrap();
        stays("2").unwrap();
        assert!(enrol("1", 7));
        assert!(!enrol("2", 8));
        assert!(stays("3").is_err());
        store.invite(&invite("4", "eu", Lasts::Minute, Namesake::IsReplaced), &how()).unwrap();
        assert!(enrol("4", 9));
        assert!(store.find(&[7; 32]).unwrap().unwrap().revoked_at.is_some());
        // Revoked with what was offered under the name.
        store.invite(&invite("5", "eu", Lasts::Minute, Namesake::IsReplaced), &how()).unwrap();
        store.revoke("eu", "stolen", &how()).unwrap();
        assert!(store.find(&[9; 32]).unwrap().unwrap().revoked_at.is_some());
        assert!(!enrol("5", 10));
        assert!(store.revoke("eu", "again", &how()).is_err());
        stays("6").unwrap();
        assert!(!enrol("6", 9), "a key that was revoked");
    }
}
