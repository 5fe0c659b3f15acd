//! Accounts of the local issuer.

use super::super::{
    Account, AccountKind, Accounts, Administration, Disabled, NewAccount, StoreError, micros, time,
};
use super::{Sqlite, journal};
use aws_lc_rs::digest::{SHA256, digest};
use portreeve_model::{AccountChange, Digest, Event, PartyKind};
use rusqlite::{Connection, OptionalExtension, Row, params};

impl Accounts for Sqlite {
    fn add(&self, account: &NewAccount, how: &Administration) -> Result<Account, StoreError> {
        check_name("account", &account.name)?;
        let groups = checked_groups(&account.groups)?;
        if let Some(person) = &account.person {
            check_name("person", person)?;
        }
        let person = account.person.as_ref().map(|person| person.to_lowercase());
        let (name, kind) = (&account.name, account.kind);
        self.write(|transaction| {
            let added = transaction.execute(
                "INSERT INTO account (name, kind, groups, created_us, person)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO NOTHING",
                params![name, kind_word(kind), listed(&groups)?, micros(how.at), person],
            )?;
            if added == 0 {
                return Err(StoreError::AccountExists(name.clone()));
            }
            record(transaction, name, AccountChange::Added { kind, groups, person }, how)?;
            find(transaction, name)?.ok_or(StoreError::Broken("account"))
        })
    }

    fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} ORDER BY name"))?;
            let rows = statement.query_map([], read)?;
            rows.collect::<Result<Result<Vec<_>, _>, _>>()?
        })
    }

    fn find(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.read(|connection| find(connection, name))
    }

    fn remove(&self, name: &str, how: &Administration) -> Result<(), StoreError> {
        self.write(|transaction| {
            match transaction.execute("DELETE FROM account WHERE name = ?1", [name])? {
                0 => Err(StoreError::NoAccount(name.to_owned())),
                _ => record(transaction, name, AccountChange::Removed, how),
            }
        })
    }

    fn disable(
        &self,
        name: &str,
        disabled: Disabled,
        how: &Administration,
    ) -> Result<Account, StoreError> {
        let (flag, change) = match disabled {
            Disabled::Yes => (true, AccountChange::Disabled),
            Disabled::No => (false, AccountChange::Enabled),
        };
        self.write(|transaction| {
            let query = "UPDATE account SET disabled = ?2 WHERE name = ?1";
            if transaction.execute(query, params![name, flag])? == 0 {
                return Err(StoreError::NoAccount(name.to_owned()));
            }
            record(transaction, name, change, how)?;
            find(transaction, name)?.ok_or(StoreError::Broken("account"))
        })
    }

    fn regroup(
        &self,
        name: &str,
        groups: &[String],
        how: &Administration,
    ) -> Result<Account, StoreError> {
        let groups = checked_groups(groups)?;
        self.write(|transaction| {
            let query = "UPDATE account SET groups = ?2 WHERE name = ?1";
            if transaction.execute(query, params![name, listed(&groups)?])? == 0 {
                return Err(StoreError::NoAccount(name.to_owned()));
            }
            record(transaction, name, AccountChange::Regrouped { groups }, how)?;
            find(transaction, name)?.ok_or(StoreError::Broken("account"))
        })
    }

    fn enrol(&self, name: &str, key: &[u8; 32], how: &Administration) -> Result<(), StoreError> {
        self.write(|transaction| {
            if find(transaction, name)?.is_none() {
                return Err(StoreError::NoAccount(name.to_owned()));
            }
            if keys_of(transaction, name)?.len() >= KEYS_MAX {
                let message = format!("an account has at most {KEYS_MAX} keys");
                return Err(StoreError::Refused(message));
            }
            transaction.execute(
                "INSERT INTO account_key (account, key, enrolled_us) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
                params![name, key, micros(how.at)],
            )?;
            record(transaction, name, AccountChange::KeyEnrolled { key: fingerprint(key) }, how)
        })
    }

    fn keys_of(&self, name: &str) -> Result<Vec<[u8; 32]>, StoreError> {
        self.read(|connection| keys_of(connection, name))
    }
}

fn record(
    connection: &Connection,
    name: &str,
    change: AccountChange,
    how: &Administration,
) -> Result<(), StoreError> {
    let (account, by) = (name.to_owned(), how.by.clone());
    journal::add(connection, &Event::AccountChanged { account, change, by }, how.at).map(drop)
}

fn keys_of(connection: &Connection, name: &str) -> Result<Vec<[u8; 32]>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT key FROM account_key WHERE account = ?1")?;
    let rows = statement.query_map([name], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn fingerprint(key: &[u8; 32]) -> Digest {
    let mut out = Digest([0; 32]);
    out.0.copy_from_slice(digest(&SHA256, key).as_ref());
    out
}

fn checked_groups(groups: &[String]) -> Result<Vec<String>, StoreError> {
    for group in groups {
        check_name("group", group)?;
    }
    let mut groups = groups.to_vec();
    groups.sort();
    groups.dedup();
    if groups.len() > GROUPS_MAX {
        return Err(StoreError::Refused(format!("an account has at most {GROUPS_MAX} groups")));
    }
    Ok(groups)
}

fn listed(groups: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(groups).map_err(|_| StoreError::Broken("account"))
}

/// Reads one account.
pub(super) fn find(connection: &Connection, name: &str) -> Result<Option<Account>, StoreError> {
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
    let (name, disabled, person) = (row.get(0)?, row.get(3)?, row.get(5)?);
    Ok(Ok(Account { name, kind, groups, person, disabled, created }))
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

const SELECT: &str = "SELECT name, kind, groups, disabled, created_us, person FROM account";
const NAME_BYTES_MAX: usize = 128;
const GROUPS_MAX: usize = 64;
/// One for each machine that somebody works at, and some to change them.
const KEYS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::super::{Journal, Store};
    use super::*;
    use crate::testing::folder;
    use portreeve_model::Administrator;

    fn how() -> Administration {
        Administration::now(Administrator::Gateway)
    }

    #[test]
    fn accounts_come_and_go() {
        let folder = folder("accounts");
        let accounts = Store::open(&folder.path).unwrap().accounts;
        let how = how();
        let add = |name: &str, kind, groups: &[&str]| {
            accounts.add(&NewAccount::new(name, kind, groups), &how)
        };
        let ada =
            add("ada@example.org", PartyKind::Person, &["support", "support", "analysts"]).unwrap();
        assert_eq!(ada.groups, ["analysts", "support"]);
        let again = add("ada@example.org", PartyKind::Actor, &[]);
        assert!(matches!(again, Err(StoreError::AccountExists(_))));
        for name in ["", "a b", "a\nb", "a\0", &"x".repeat(129)] {
            assert!(add(name, PartyKind::Person, &[]).is_err(), "{name}");
        }
        assert!(accounts.disable("ada@example.org", Disabled::Yes, &how).unwrap().disabled);
        assert!(!accounts.disable("ada@example.org", Disabled::No, &how).unwrap().disabled);
        assert!(accounts.disable("bob", Disabled::Yes, &how).is_err());
        let moved = accounts.regroup("ada@example.org", &["x".into()], &how).unwrap();
        assert_eq!(moved.groups, ["x"]);
        assert!(accounts.regroup("bob", &[], &how).is_err());
        accounts.enrol("ada@example.org", &[7; 32], &how).unwrap();
        assert!(accounts.enrol("bob", &[7; 32], &how).is_err());
        assert_eq!(accounts.keys_of("ada@example.org").unwrap(), [[7; 32]]);
        assert_eq!(accounts.list().unwrap().len(), 1);
        accounts.remove("ada@example.org", &how).unwrap();
        assert!(accounts.remove("ada@example.org", &how).is_err());
        assert!(accounts.find("ada@example.org").unwrap().is_none());
        assert!(accounts.keys_of("ada@example.org").unwrap().is_empty(), "gone with the account");
    }

    /// What changed is journalled with the change; what was refused is not.
    #[test]
    fn every_change_is_on_its_way_into_the_evidence() {
        let folder = folder("accounts-journal");
        let store = Sqlite::open(&folder.path).unwrap();
        let how = how();
        let ada = NewAccount::new("ada", PartyKind::Person, &["g"]);
        Accounts::add(&store, &ada, &how).unwrap();
        assert!(Accounts::add(&store, &ada, &how).is_err());
        store.disable("ada", Disabled::Yes, &how).unwrap();
        store.disable("ada", Disabled::No, &how).unwrap();
        store.regroup("ada", &[], &how).unwrap();
        store.enrol("ada", &[1; 32], &how).unwrap();
        store.remove("ada", &how).unwrap();
        let entries = store.take(how.at, how.at).unwrap();
        let changes: Vec<_> = entries
            .into_iter()
            .map(|entry| match entry.event {
                Event::AccountChanged { account, change, .. } => {
                    assert_eq!(account, "ada");
                    serde_json::to_value(change).unwrap()["change"].as_str().unwrap().to_owned()
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let expect = ["added", "disabled", "enabled", "regrouped", "key-enrolled", "removed"];
        assert_eq!(changes, expect);
    }
}
