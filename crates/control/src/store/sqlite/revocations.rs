//! What was revoked before its time.

use super::super::{Administration, Credential, Revocation, Revocations, StoreError, micros};
use super::{Sqlite, journal};
use portreeve_model::Event;
use rusqlite::params;

impl Revocations for Sqlite {
    fn revoke(&self, what: &Revocation, how: &Administration) -> Result<(), StoreError> {
        let (issuer, subject, token, login, at) = match what {
            Revocation::Subject { issuer, subject } => (issuer, Some(subject), None, None, how.at),
            Revocation::Token { issuer, id } => (issuer, None, Some(id), None, how.at),
            Revocation::Logout(logout) => {
                let (subject, login) = (logout.subject.as_ref(), logout.login.as_ref());
                (&logout.issuer, subject, None, login, logout.at)
            }
        };
        let event = Event::AccessRevoked {
            issuer: issuer.clone(),
            subject: subject.cloned(),
            token: token.cloned(),
            login: login.cloned(),
            by: how.by.clone(),
        };
        self.write(|transaction| {
            let kept_from = micros(how.at).saturating_sub(KEPT_US);
            transaction.execute("DELETE FROM revocation WHERE at_us < ?1", [kept_from])?;
            transaction.execute(
                "INSERT INTO revocation (issuer, subject, token, login, at_us)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![issuer, subject, token, login, micros(at)],
            )?;
            journal::add(transaction, &event, how.at).map(drop)
        })
    }

    fn is_revoked(&self, credential: Credential<'_>) -> Result<bool, StoreError> {
        let Credential { chain, token_id, login, issued_at } = credential;
        self.read(|connection| {
            // `iat` has whole seconds: a token of the same second was there before. A token that
            // names a login ends with that one; one that names none, with any of its subject's.
            let mut by_subject = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM revocation
                     WHERE issuer = ?1 AND subject = ?2 AND at_us >= ?3
                       AND (login IS NULL OR ?4 IS NULL))",
            )?;
            for hop in chain.hops() {
                let names = params![hop.issuer, hop.subject, micros(issued_at), login];
                if by_subject.query_row(names, |row| row.get(0))? {
                    return Ok(true);
                }
            }
            for (column, name) in [("token", token_id), ("login", login)] {
                let Some(name) = name else { continue };
                let query = format!(
                    "SELECT EXISTS (SELECT 1 FROM revocation WHERE issuer = ?1 AND {column} = ?2)"
                );
                let names = params![chain.principal.issuer, name];
                if connection.prepare_cached(&query)?.query_row(names, |row| row.get(0))? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }
}

/// No token lives for longer than a day: what was issued before then has expired.
const KEPT_US: i64 = 7 * 24 * 60 * 60 * 1_000_000;
