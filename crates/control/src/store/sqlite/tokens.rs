//! Tokens that the local issuer made.

use super::super::{Administration, IssuedToken, NewToken, Recorded, StoreError, Tokens, micros};
use super::{Sqlite, journal};
use portreeve_model::{Event, TokenOrigin};
use rusqlite::{OptionalExtension, params};
use std::time::SystemTime;

impl Tokens for Sqlite {
    fn register(&self, token: &NewToken, how: &Administration) -> Result<(), StoreError> {
        let event = Event::TokenIssued {
            token: token.id.clone(),
            origin: token.origin,
            chain: token.chain.clone(),
            expires_at_us: u64::try_from(micros(token.expires_at)).unwrap_or(0),
            by: how.by.clone(),
        };
        self.write(|transaction| {
            let entry = journal::add(transaction, &event, how.at)?;
            // Those that have ended are refused for that.
            transaction.execute(
                "DELETE FROM token WHERE expires_us < ?1",
                [micros(how.at).saturating_sub(ENDED_KEPT_US)],
            )?;
            transaction.execute(
                "INSERT INTO token (id, origin, entry, expires_us) VALUES (?1, ?2, ?3, ?4)",
                params![token.id, word(token.origin), entry, micros(token.expires_at)],
            )?;
            Ok(())
        })
    }

    fn find(&self, id: &str) -> Result<Option<IssuedToken>, StoreError> {
        let recorded = journal::IS_RECORDED.replace("{}", "token.entry");
        let query = format!("SELECT origin, {recorded} FROM token WHERE id = ?1");
        let found: Option<(String, bool)> = self.read(|connection| {
            let mut statement = connection.prepare_cached(&query)?;
            Ok(statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })?;
        let Some((word, recorded)) = found else { return Ok(None) };
        let origin = origin(&word).ok_or(StoreError::Broken("token"))?;
        let recorded = if recorded { Recorded::Yes } else { Recorded::No };
        Ok(Some(IssuedToken { origin, recorded }))
    }

    fn use_assertion(
        &self,
        id: &str,
        until: SystemTime,
        at: SystemTime,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM assertion WHERE until_us < ?1", [micros(at)])?;
            let added = transaction.execute(
                "INSERT INTO assertion (id, until_us) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
                params![id, micros(until)],
            )?;
            Ok(added == 1)
        })
    }
}

fn word(origin: TokenOrigin) -> &'static str {
    match origin {
        TokenOrigin::Files => "files",
        TokenOrigin::Login => "login",
        TokenOrigin::Exchange => "exchange",
    }
}

fn origin(word: &str) -> Option<TokenOrigin> {
    [TokenOrigin::Files, TokenOrigin::Login, TokenOrigin::Exchange]
        .into_iter()
        .find(|origin| self::word(*origin) == word)
}

/// A day: longer than clocks differ.
const ENDED_KEPT_US: i64 = 24 * 3600 * 1_000_000;
