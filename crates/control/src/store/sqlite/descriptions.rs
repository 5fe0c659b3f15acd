//! What servers of tools say of their tools, as it was first seen or last approved.

use super::super::{
    Administration, Described, DescriptionState, Descriptions, Looked, StoreError, micros,
};
use super::{Sqlite, journal};
use portreeve_model::Event;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::time::SystemTime;

const COLUMNS: &str =
    "resource, tool, digest, text, seen_digest, seen_text, looks_like, first_us, seen_us";

impl Descriptions for Sqlite {
    fn look(
        &self,
        (resource, tool): (&str, &str),
        (digest, text): (&str, &str),
        at: SystemTime,
    ) -> Result<Looked, StoreError> {
        // Nearly always it is what it was: then nothing is written.
        if let Some(found) = self.read(|connection| find(connection, resource, tool))?
            && found.seen_digest == digest
        {
            return Ok(found.into());
        }
        self.write(|transaction| {
            let found = find(transaction, resource, tool)?;
            if found.is_some() {
                transaction.execute(
                    "UPDATE description SET seen_digest = ?3, seen_text = ?4, seen_us = ?5
                         WHERE resource = ?1 AND tool = ?2",
                    params![resource, tool, digest, text, micros(at)],
                )?;
            } else {
                let other = look_alike(transaction, resource, tool)?;
                // A name that looks like another's is pinned to nothing.
                let (pinned, pinned_text) = match other {
                    Some(_) => ("", ""),
                    None => (digest, text),
                };
                transaction.execute(
                    "INSERT INTO description (resource, tool, skeleton, digest, text,
                         seen_digest, seen_text, looks_like, first_us, seen_us)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
                    params![
                        resource,
                        tool,
                        skeleton(tool),
                        pinned,
                        pinned_text,
                        digest,
                        text,
                        other,
                        micros(at)
                    ],
                )?;
            }
            let found = find(transaction, resource, tool)?;
            found.map(Looked::from).ok_or(StoreError::Broken("description"))
        })
    }

    fn list(&self, resource: Option<&str>) -> Result<Vec<Described>, StoreError> {
        self.read(|connection| {
            let query = format!(
                "SELECT {COLUMNS} FROM description WHERE ?1 IS NULL OR resource = ?1
                     ORDER BY resource, tool"
            );
            let mut query = connection.prepare_cached(&query)?;
            let rows = query.query_map([resource], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn approve(
        &self,
        (resource, tool): (&str, &str),
        how: &Administration,
    ) -> Result<Described, StoreError> {
        self.write(|transaction| {
            let unknown = || {
                let words = format!("no tool `{tool}` of `{resource}` was seen");
                StoreError::Refused(format!("{words}; hint: `portreeve tools ls`"))
            };
            let found = find(transaction, resource, tool)?.ok_or_else(unknown)?;
            transaction.execute(
                "UPDATE description SET digest = seen_digest, text = seen_text, looks_like = NULL
                     WHERE resource = ?1 AND tool = ?2",
                params![resource, tool],
            )?;
            let event = Event::DescriptionApproved {
                resource: resource.to_owned(),
                name: tool.to_owned(),
                digest: found.seen_digest,
                by: how.by.clone(),
            };
            journal::add(transaction, &event, how.at)?;
            find(transaction, resource, tool)?.ok_or_else(unknown)
        })
    }
}

fn find(
    connection: &Connection,
    resource: &str,
    tool: &str,
) -> Result<Option<Described>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM description WHERE resource = ?1 AND tool = ?2");
    let mut query = connection.prepare_cached(&query)?;
    Ok(query.query_row([resource, tool], read).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Described> {
    let (digest, seen_digest): (String, String) = (row.get(2)?, row.get(4)?);
    let looks_like: Option<String> = row.get(6)?;
    let state = match looks_like {
        Some(_) => DescriptionState::LooksLike,
        None if digest == seen_digest => DescriptionState::Approved,
        None => DescriptionState::Changed,
    };
    Ok(Described {
        resource: row.get(0)?,
        tool: row.get(1)?,
        state,
        digest,
        text: row.get(3)?,
        seen_digest,
        seen_text: row.get(5)?,
        looks_like,
        first_seen_us: row.get(7)?,
        changed_us: row.get(8)?,
    })
}

/// A tool that a reader would take for this one: `resource.tool`.
fn look_alike(
    connection: &Connection,
    resource: &str,
    tool: &str,
) -> Result<Option<String>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT resource || '.' || tool FROM description
             WHERE skeleton = ?2 AND tool <> ?3 AND looks_like IS NULL
             ORDER BY resource <> ?1, tool LIMIT 1",
    )?;
    let found = query.query_row(params![resource, skeleton(tool), tool], |row| row.get(0));
    Ok(found.optional()?)
}

/// What is left of a name for a reader who does not look twice: names hold ASCII letters,
/// digits and a few signs.
fn skeleton(tool: &str) -> String {
    let lower = tool.to_ascii_lowercase().replace("rn", "m").replace("vv", "w");
    let letter = |c: char| match c {
        '0' => Some('o'),
        '1' | 'i' | '|' => Some('l'),
        '5' => Some('s'),
        '_' | '-' | '.' | '/' => None,
        other => Some(other),
    };
    lower.chars().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::testing::folder;
    use portreeve_model::Administrator;

    #[test]
    fn a_description_is_pinned_and_a_changed_one_waits_for_a_person() {
        let folder = folder("descriptions");
        let store = Store::open(&folder.path).unwrap();
        let at = SystemTime::now();
        let look = |name, digest| store.descriptions.look(("crm", name), (digest, "{}"), at);
        assert_eq!(look("find", "a").unwrap(), Looked::Approved);
        assert_eq!(look("find", "b").unwrap(), Looked::Changed);
        assert_eq!(look("find", "b").unwrap(), Looked::Changed);
        assert_eq!(look("find", "a").unwrap(), Looked::Approved, "it was taken back");
        assert_eq!(look("find", "b").unwrap(), Looked::Changed);
        let how = Administration::now(Administrator::Gateway);
        let approved = store.descriptions.approve(("crm", "find"), &how).unwrap();
        assert_eq!(approved.state, DescriptionState::Approved);
        assert_eq!(look("find", "b").unwrap(), Looked::Approved);
        assert_eq!(look("find", "a").unwrap(), Looked::Changed);
        assert!(store.descriptions.approve(("crm", "none"), &how).is_err());
    }

    #[test]
    fn names_that_look_alike_wait_for_a_person() {
        let folder = folder("look-alikes");
        let store = Store::open(&folder.path).unwrap();
        let at = SystemTime::now();
        let look = |server, name| store.descriptions.look((server, name), ("a", "{}"), at);
        assert_eq!(look("crm", "send_mail").unwrap(), Looked::Approved);
        assert_eq!(look("mail", "send_mail").unwrap(), Looked::Approved, "servers share names");
        let like = |name: &str| Looked::LooksLike(name.to_owned());
        assert_eq!(look("evil", "send_mai1").unwrap(), like("crm.send_mail"));
        assert_eq!(look("evil", "Send-Mail").unwrap(), like("crm.send_mail"));
        assert_eq!(look("evil", "send_mai1").unwrap(), like("crm.send_mail"), "and still");
        let how = Administration::now(Administrator::Gateway);
        store.descriptions.approve(("evil", "Send-Mail"), &how).unwrap();
        assert_eq!(look("evil", "Send-Mail").unwrap(), Looked::Approved);
    }
}
