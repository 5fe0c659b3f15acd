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

/// Whether the transaction has made or changed definitions, whatever ran in it: `t`, or nothing
/// where it has changed nothing at all. What it has dropped shows in its locks alone.
///
/// Others may have made some since it began: that is a question too many, and no harm.
pub(crate) const REDEFINED: &str = "\
SELECT 't' FROM (SELECT pg_catalog.age(pg_catalog.pg_current_xact_id_if_assigned()::xid)) AS own (age)
WHERE own.age IS NOT NULL AND EXISTS (
SELECT FROM pg_catalog.pg_class WHERE pg_catalog.age(xmin) OPERATOR(pg_catalog.<=) own.age
UNION ALL SELECT FROM pg_catalog.pg_attribute WHERE pg_catalog.age(xmin) OPERATOR(pg_catalog.<=) own.age
UNION ALL SELECT FROM pg_catalog.pg_proc WHERE pg_catalog.age(xmin) OPERATOR(pg_catalog.<=) own.age
UNION ALL SELECT FROM pg_catalog.pg_type WHERE pg_catalog.age(xmin) OPERATOR(pg_catalog.<=) own.age)";

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
