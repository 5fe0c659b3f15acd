//! The definitions of views.
//!
//! The server locks what a view rests on while it writes its definition, so it waits for whoever
//! changes one of those tables, for as long as that takes. The gateway does not: what cannot be
//! read at once stays unknown (the view can then hold anything), and is asked for again.

use super::answers::{rows, set, text};
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_transport::{DialError, PreAuth};
use std::collections::HashMap;

/// Whether all of them could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Completeness {
    Whole,
    Partial,
}

pub(super) const ALL: &str = "\
SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
  AND c.relkind IN ('v', 'm')";

/// Most views that are waited for one after the other; the others stay unknown.
const WAITS_MAX: usize = 64;

/// Adds to each relation its definition, as the last value: NULL where it has none.
pub(super) async fn add_definitions(
    connection: &mut PreAuth,
    relations: &mut [Row],
) -> Result<Completeness, DialError> {
    set(connection, "SET lock_timeout = '500ms'").await?;
    let (definitions, completeness) = match rows(connection, ALL).await {
        Ok(rows) => (by_oid(rows), Completeness::Whole),
        Err(DialError::Refused { .. }) => one_by_one(connection, relations).await?,
        Err(error) => return Err(error),
    };
    define(relations, &definitions);
    Ok(completeness)
}

/// The same, by the answer to [`ALL`].
pub(super) fn define_all(relations: &mut [Row], answer: Vec<Row>) {
    define(relations, &by_oid(answer));
}

fn define(relations: &mut [Row], definitions: &HashMap<String, Option<String>>) {
    for relation in relations {
        let definition = definitions.get(text(relation, 0)).cloned().flatten();
        relation.push(definition);
    }
}

async fn one_by_one(
    connection: &mut PreAuth,
    relations: &[Row],
) -> Result<(HashMap<String, Option<String>>, Completeness), DialError> {
    set(connection, "SET lock_timeout = '20ms'").await?;
    let mut definitions = HashMap::new();
    let mut waits = 0;
    for oid in relations.iter().filter(|it| is_view(it)).map(|it| text(it, 0)) {
        if waits >= WAITS_MAX {
            break;
        }
        let question = format!("SELECT {oid}, pg_catalog.pg_get_viewdef({oid})");
        match rows(connection, &question).await {
            Ok(rows) => definitions.extend(by_oid(rows)),
            Err(DialError::Refused { .. }) => waits += 1,
            Err(error) => return Err(error),
        }
    }
    let completeness = if waits == 0 { Completeness::Whole } else { Completeness::Partial };
    Ok((definitions, completeness))
}

fn is_view(relation: &Row) -> bool {
    matches!(text(relation, 3), "v" | "m")
}

fn by_oid(rows: Vec<Row>) -> HashMap<String, Option<String>> {
    let pair = |row: Row| {
        let definition = row.get(1).cloned().flatten();
        (text(&row, 0).to_owned(), definition)
    };
    rows.into_iter().map(pair).collect()
}
