//! What an open transaction sees of definitions, asked in its own session: what it has made or
//! changed, nobody else sees, and no statement shows what code has.
//!
//! The questions are those of the catalog reader, behind a savepoint that is taken back, so that
//! nothing that is set for them stays.

use super::catalog::{QUESTIONS, Tables, signatures};
use super::versions::{RESTS, rests_of};
use super::views;
use crate::wire::own_questions;
use bytes::Bytes;
use portreeve_decide::sql::postgres::questions::Row;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// A transaction may have savepoints of any name; the last of a name is the one that is meant.
const BEFORE: [&str; 4] = [
    "SAVEPOINT portreeve_inside",
    // Definitions are then written with the schema of every name.
    "SET LOCAL search_path = ''",
    // What somebody else is changing is not waited for.
    "SET LOCAL lock_timeout = '500ms'",
    "SET LOCAL statement_timeout = '30s'",
];

/// Takes back what was done for the questions, whether they have failed or not.
const AFTER: [&str; 2] =
    ["ROLLBACK TO SAVEPOINT portreeve_inside", "RELEASE SAVEPOINT portreeve_inside"];

/// Asks for all that the transaction sees.
pub(crate) fn inside_questions(code: bool) -> Bytes {
    let signatures = code.then(signatures);
    let all = BEFORE.into_iter().chain(QUESTIONS).chain([views::ALL, RESTS]);
    own_questions(all.chain(signatures.as_deref()).chain(AFTER))
}

/// Lets the transaction go on as if it had not been asked, where a question has failed.
pub(crate) fn forget_inside() -> Bytes {
    own_questions(AFTER)
}

/// Tells what the transaction has made or changed of definitions and which relations it has locked
/// as only who changes them does, whatever ran in it: equal answers mean that nothing came in
/// between, and an empty one that there is nothing.
///
/// Others may have made some since it began: that is a question too many, and no harm.
pub(crate) static REDEFINED: LazyLock<String> = LazyLock::new(|| {
    let young = |catalog: &&str| {
        format!(
            "SELECT pg_catalog.concat_ws('.', '{catalog}', ctid, xmin, cmin) \
             FROM pg_catalog.{catalog} \
             WHERE pg_catalog.age(xmin) OPERATOR(pg_catalog.<=) own.age"
        )
    };
    let young: Vec<String> = CATALOGS.iter().map(young).collect();
    format!(
        "SELECT pg_catalog.concat_ws(':', \
         (SELECT pg_catalog.sum(pg_catalog.hashtextextended(row, 0)) FROM ({}) AS young (row)), \
         (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(relation), 0)) \
          FROM pg_catalog.pg_locks \
          WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND granted \
            AND locktype OPERATOR(pg_catalog.=) 'relation' \
            AND mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock' \
            AND relation OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid)) \
         FROM (SELECT pg_catalog.age(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.xid)) \
         AS own (age) WHERE own.age IS NOT NULL",
        young.join(" UNION ALL ")
    )
});

/// Where definitions are.
const CATALOGS: [&str; 24] = [
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_namespace",
    "pg_proc",
    "pg_aggregate",
    "pg_type",
    "pg_enum",
    "pg_range",
    "pg_operator",
    "pg_opclass",
    "pg_amop",
    "pg_amproc",
    "pg_cast",
    "pg_conversion",
    "pg_collation",
    "pg_rewrite",
    "pg_trigger",
    "pg_policy",
    "pg_inherits",
    "pg_constraint",
    "pg_index",
    "pg_statistic_ext",
    "pg_event_trigger",
];

/// The answers.
pub(super) struct Inside {
    pub(super) tables: Tables,
    pub(super) rests: HashMap<String, BTreeSet<String>>,
}

/// Reads the answers to [`inside_questions`]; none where there are too few.
pub(super) fn read(answers: Vec<Vec<Row>>) -> Option<Inside> {
    let mut answers = answers.into_iter().skip(BEFORE.len());
    if answers.len() < QUESTIONS.len() + 4 {
        return None;
    }
    let mut tables = Tables::of(answers.by_ref().take(QUESTIONS.len()));
    views::define_all(&mut tables.relations, answers.next()?);
    let rests = rests_of(answers.next()?);
    if answers.len() > 2 {
        tables.signatures = answers.next()?;
    }
    Some(Inside { tables, rests })
}
