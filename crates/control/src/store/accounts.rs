//! Accounts of the local issuer.

use super::{Store, StoreError, micros, time};
use portreeve_model::PartyKind;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use std::time::SystemTime;

/// What an account is for.
pub type AccountKind = PartyKind;

/// A name that the local issuer vouches for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Account {
    /// The `sub` of its tokens.
    pub name: String,
    /// Person, service or actor.
    pub kind: AccountKind,
    /// Its groups.
    pub groups: Vec<String>,
    /// Whether its tokens are refused, in every place of a chain.
    pub disabled: bool,
    /// When it was made. Tokens from before are refused.
    #[serde(skip)]
    pub created: SystemTime,
}

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// The name is taken, or a name cannot be one.
    pub fn add_account(
        &self,
        name: &str,
        kind: AccountKind,
        groups: &[String],
        at: SystemTime,
    ) -> Result<Account, StoreError> {
        check_name("account", name)?;
        for group in groups {
            check_name("group", group)?;
        }
        let mut groups = groups.to_vec();
        groups.sort();
        groups.dedup();
        if groups.len() > GROUPS_MAX {
            return Err(StoreError::Refused(format!("an account has at most {GROUPS_MAX} groups")));
        }
        let listed = serde_json::to_string(&groups).map_err(|_| StoreError::Broken("account"))?;
        self.with(|connection| {
            let added = connection.execute(
                "INSERT INTO account (name, kind, groups, created_us) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO NOTHING",
                params![name, kind_word(kind), listed, micros(at)],
            )?;
            match added {
                0 => Err(StoreError::AccountExists(name.to_owned())),
                _ => find(connection, name)?.ok_or(StoreError::Broken("account")),
            }
        })
    }

    /// All accounts by name.
    ///
    /// # Errors
    /// The store fails.
    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.with(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} ORDER BY name"))?;
            let rows = statement.query_map([], read)?;
            rows.collect::<Result<Result<Vec<_>, _>, _>>()?
        })
    }

    /// One account.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn account(&self, name: &str) -> Result<Account, StoreError> {
        self.with(|connection| {
            find(connection, name)?.ok_or_else(|| StoreError::NoAccount(name.to_owned()))
        })
    }

    /// Removes an account; its tokens are refused from now on.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn remove_account(&self, name: &str) -> Result<(), StoreError> {
        self.with(|connection| {
            match connection.execute("DELETE FROM account WHERE name = ?1", [name])? {
                0 => Err(StoreError::NoAccount(name.to_owned())),
                _ => Ok(()),
            }
        })
    }

    /// Refuses (or accepts again) the tokens of an account.
    ///
    /// # Errors
    /// There is none of the name.
    pub fn disable_account(&self, name: &str, disabled: Disabled) -> Result<Account, StoreError> {
        self.with(|connection| {
            let flag = matches!(disabled, Disabled::Yes);
            connection
                .execute("UPDATE account SET disabled = ?2 WHERE name = ?1", params![name, flag])?;
            find(connection, name)?.ok_or_else(|| StoreError::NoAccount(name.to_owned()))
        })
    }
}

/// Whether an account's tokens are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disabled {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// Reads one account.
pub(crate) fn find(connection: &Connection, name: &str) -> Result<Option<Account>, StoreError> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE name = ?1"))?
        .query_row([name], read)
        .optional()?
        .transpose()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Account, StoreError>> {
    let kind: String = row.get(1)?;
    let groups: String = row.get(2)?;
    let (Some(kind), Ok(groups)) = (kind_of(&kind), serde_json::from_str(&groups)) else {
        return Ok(Err(StoreError::Broken("account")));
    };
    let created = time(row.get(4)?);
    Ok(Ok(Account { name: row.get(0)?, kind, groups, disabled: row.get(3)?, created }))
}

fn kind_word(kind: AccountKind) -> &'static str {
    match kind {
        PartyKind::Person => "person",
        PartyKind::Service => "service",
        PartyKind::Actor => "actor",
    }
}

fn kind_of(word: &str) -> Option<AccountKind> {
    match word {
        "person" => Some(PartyKind::Person),
        "service" => Some(PartyKind::Service),
        "actor" => Some(PartyKind::Actor),
        _ => None,
    }
}

/// Names are short and have no blanks: they stand in tokens, logs and policies.
fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+' | ':' | '/');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
        return Err(StoreError::Refused(format!(
            "that cannot name a {what}; hint: use letters, digits and `. - _ @ + : /`, \
             at most {NAME_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

const SELECT: &str = "SELECT name, kind, groups, disabled, created_us FROM account";
const NAME_BYTES_MAX: usize = 128;
const GROUPS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::folder;

    #[test]
    fn accounts_come_and_go() {
        let folder = folder("accounts");
        let store = Store::open(&folder.path).unwrap();
        let at = SystemTime::now();
        let groups = ["support".to_owned(), "support".to_owned(), "analysts".to_owned()];
        let ada = store.add_account("ada@example.org", PartyKind::Person, &groups, at).unwrap();
        assert_eq!(ada.groups, ["analysts", "support"]);
        let again = store.add_account("ada@example.org", PartyKind::Actor, &[], at);
        assert!(matches!(again, Err(StoreError::AccountExists(_))));
        for name in ["", "a b", "a\nb", "a\0", &"x".repeat(129)] {
            assert!(store.add_account(name, PartyKind::Person, &[], at).is_err(), "{name}");
        }
        assert!(store.disable_account("ada@example.org", Disabled::Yes).unwrap().disabled);
        assert!(!store.disable_account("ada@example.org", Disabled::No).unwrap().disabled);
        assert!(store.disable_account("bob", Disabled::Yes).is_err());
        assert_eq!(store.accounts().unwrap().len(), 1);
        store.remove_account("ada@example.org").unwrap();
        assert!(store.remove_account("ada@example.org").is_err());
        assert!(store.account("ada@example.org").is_err());
    }
}
