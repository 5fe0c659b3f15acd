//! What was revoked before its time.

use super::super::{Administration, Revocation, Revocations, StoreError, micros};
use super::{Sqlite, journal};
use portreeve_model::{Chain, Event};
use rusqlite::params;
use std::time::SystemTime;

impl Revocations for Sqlite {
    fn revoke(&self, what: &Revocation, how: &Administration) -> Result<(), StoreError> {
        let (issuer, subject, token) = match what {
            Revocation::Subject { issuer, subject } => (issuer, Some(subject), None),
            Revocation::Token { issuer, id } => (issuer, None, Some(id)),
        };
        let event = Event::AccessRevoked {
            issuer: issuer.clone(),
            subject: subject.cloned(),
            token: token.cloned(),
            by: how.by.clone(),
        };
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO revocation (issuer, subject, token, at_us) VALUES (?1, ?2, ?3, ?4)",
                params![issuer, subject, token, micros(how.at)],
            )?;
            journal::add(transaction, &event, how.at).map(drop)
        })
    }

    fn is_revoked(
        &self,
        chain: &Chain,
        token_id: Option<&str>,
        issued_at: SystemTime,
    ) -> Result<bool, StoreError> {
        self.read(|connection| {
            // `iat` has whole seconds: a token of the same second was there before.
            let mut by_subject = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM revocation
                     WHERE issuer = ?1 AND subject = ?2 AND at_us >= ?3)",
            )?;
            for hop in chain.hops() {
                let names = params![hop.issuer, hop.subject, micros(issued_at)];
                if by_subject.query_row(names, |row| row.get(0))? {
                    return Ok(true);
                }
            }
            let Some(id) = token_id else { return Ok(false) };
            let query = "SELECT EXISTS (SELECT 1 FROM revocation WHERE issuer = ?1 AND token = ?2)";
            let names = params![chain.principal.issuer, id];
            Ok(connection.prepare_cached(query)?.query_row(names, |row| row.get(0))?)
        })
    }
}
