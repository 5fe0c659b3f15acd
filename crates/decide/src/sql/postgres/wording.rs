//! The shape of a statement in words: what people search for, and what may be kept as long as
//! the record of it.
//!
//! SECURITY: nothing of a text passes but what is on a list. Keywords and operators are the
//! grammar's own; a name stays where the catalog has it for what the statement needs, or where it
//! is a function or a type of PostgreSQL itself. Everything else is left out, whatever it looks
//! like: constants and parameters are `?`, other names (of aliases, cursors, settings, savepoints,
//! all of which a client makes up) are `_`, comments are nothing.

use crate::sql::catalog::Catalog;
use crate::sql::postgres::builtin::functions::builtin;
use pg_query::protobuf::{KeywordKind, ScanToken, Token};
use portreeve_model::{Need, ObjectKind};
use std::collections::HashSet;

/// A longer statement has no words; its objects are found all the same.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Names of PostgreSQL's own types that are no keywords of its grammar.
const TYPES: [&str; 18] = [
    "bool",
    "bytea",
    "cidr",
    "date",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "json",
    "jsonb",
    "name",
    "oid",
    "regclass",
    "text",
    "timestamptz",
    "uuid",
];

/// The words of one statement; none where they cannot be told.
pub(in crate::sql) fn words(catalog: &Catalog, text: &str, needs: &[Need]) -> String {
    if text.len() > TEXT_BYTES_MAX {
        return String::new();
    }
    let Ok(scanned) = pg_query::scan(text) else { return String::new() };
    let known = names(catalog, needs);
    let mut words = String::new();
    for token in &scanned.tokens {
        let Some(word) = word(text, token, &known) else { continue };
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&word);
    }
    words
}

/// What a token is told as.
fn word(text: &str, token: &ScanToken, known: &HashSet<&str>) -> Option<String> {
    let written = || {
        let (start, end) = (usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?);
        text.get(start..end)
    };
    if token.keyword_kind() != KeywordKind::NoKeyword {
        return Some(written()?.to_ascii_lowercase());
    }
    match token.token() {
        Token::SqlComment | Token::CComment => None,
        Token::Ident => Some(name(written()?, known)),
        Token::Uident => Some("_".to_owned()),
        kind if is_operator(kind) => Some(written()?.to_owned()),
        // A constant, a parameter, or what a newer grammar has.
        _ => Some("?".to_owned()),
    }
}

/// Of a closed alphabet, whatever a client writes.
fn is_operator(kind: Token) -> bool {
    // Single characters have numbers below 128.
    (kind as i32) < 128
        || matches!(
            kind,
            Token::Typecast
                | Token::DotDot
                | Token::ColonEquals
                | Token::EqualsGreater
                | Token::LessEquals
                | Token::GreaterEquals
                | Token::NotEquals
                | Token::Op
        )
}

fn name(written: &str, known: &HashSet<&str>) -> String {
    let name = match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        // As the scanner folds it: letters beyond ASCII stay.
        None => written.to_ascii_lowercase(),
    };
    let is_listed =
        known.contains(name.as_str()) || builtin(&name).is_some() || TYPES.contains(&name.as_str());
    if is_listed { name } else { "_".to_owned() }
}

/// Names that the record of the statement has anyway, and those of the columns of its tables.
fn names<'n>(catalog: &'n Catalog, needs: &'n [Need]) -> HashSet<&'n str> {
    let mut names = HashSet::new();
    for Need { object, .. } in needs {
        names.extend(object.path.iter().map(String::as_str));
        let [schema, table] = object.path.as_slice() else { continue };
        if object.kind != ObjectKind::TABLE {
            continue;
        }
        let places = catalog.by_name.get(table).map(Vec::as_slice).unwrap_or_default();
        let relations = places.iter().filter_map(|place| catalog.relations.get(*place));
        for relation in relations.filter(|relation| relation.schema == *schema) {
            names.extend(relation.columns.list.iter().map(|column| &*column.name));
        }
    }
    names
}
