//! The grammar: PostgreSQL's own, through `pg_query`, within limits.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RawStmt, TypeName};
use std::ops::Range;

use super::copies::{COPIES_MAX, copies};
use crate::sql::statement::{Unreadable, sqlstate};

/// The longest text that is analyzed. Longer ones are refused.
pub(in crate::sql) const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes that the scanner looks at again.
const SCANNER_COST_MAX: usize = 8 * 1024 * 1024;
/// The most statements in one text.
const STATEMENTS_MAX: usize = 1_000;

/// One statement with its own part of the text.
pub(in crate::sql) struct Raw {
    pub(in crate::sql) node: pg_query::Node,
    /// 16 hexadecimal digits, equal for statements that differ in constants only.
    pub(in crate::sql) fingerprint: Option<String>,
    /// Where it is in the text, if that is known.
    pub(in crate::sql) part: Option<Range<usize>>,
}

/// Splits a text into its statements.
///
/// SECURITY: the nesting of the tree is bounded by the decoder of `pg_query` (100 messages)
/// and by its check of the stack, so recursion over it is bounded as well.
pub(in crate::sql) fn parse(text: &str) -> Result<Vec<Raw>, Unreadable> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(limit(format!("the text is longer than {TEXT_BYTES_MAX} bytes")));
    }
    if scanner_cost(text) > SCANNER_COST_MAX {
        let sqlstate = sqlstate::STATEMENT_TOO_COMPLEX;
        return Err(Unreadable { sqlstate, ..unreadable("too many comments in comments".into()) });
    }
    if has_assignments(text) {
        let tokens = pg_query::scan_tokens(text).map_err(|error| explain(text, &error))?;
        if copies(&tokens) > COPIES_MAX {
            let sqlstate = sqlstate::STATEMENT_TOO_COMPLEX;
            let message = "an assignment to several columns at once is too long; assign to fewer \
                           columns in one pair of brackets";
            return Err(Unreadable { sqlstate, ..unreadable(message.into()) });
        }
    }
    let parsed = pg_query::parse(text, 0).map_err(|error| explain(text, &error))?;
    let statements = parsed.protobuf.stmts;
    if statements.len() > STATEMENTS_MAX {
        return Err(limit(format!("more than {STATEMENTS_MAX} statements in one text")));
    }
    let single = statements.len() == 1;
    statements
        .into_iter()
        .map(|statement| {
            let part = if single { Some(0..text.len()) } else { part_of(text, &statement) };
            let fingerprint = part.clone().and_then(|part| fingerprint(text.get(part)?));
            let node = statement.stmt.ok_or_else(|| unreadable("an empty statement".into()))?;
            Ok(Raw { node: *node, fingerprint, part })
        })
        .collect()
}

/// A type by its name, as PostgreSQL reads one out of a text. Anything else is none.
///
/// SPEC: `parseTypeString` in `parse_type.c`.
pub(in crate::sql) fn type_name(text: &str) -> Option<TypeName> {
    let parsed = parse(&format!("SELECT NULL::{text}")).ok()?;
    let [Raw { node: Node { node: Some(NodeEnum::SelectStmt(select)) }, .. }] = parsed.as_slice()
    else {
        return None;
    };
    let [Node { node: Some(NodeEnum::ResTarget(target)) }] = select.target_list.as_slice() else {
        return None;
    };
    let Some(NodeEnum::TypeCast(cast)) = &target.val.as_ref()?.node else { return None };
    let is_null = |node: &Node| matches!(&node.node, Some(NodeEnum::AConst(one)) if one.isnull);
    let is_whole = cast.arg.as_deref().is_some_and(is_null)
        && target.name.is_empty()
        && select.from_clause.is_empty()
        && select.where_clause.is_none();
    cast.type_name.clone().filter(|_| is_whole)
}

/// How often PostgreSQL's scanner looks at a byte again.
///
/// SECURITY: where a comment begins it reads on to the end of the run of operator characters,
/// and goes back. A run that holds nothing but beginnings is read once for each of them: 48 KB
/// take seconds.
fn scanner_cost(text: &str) -> usize {
    let is_operator = |byte: &u8| b"~!@#^&|`?+-*/%<>=".contains(byte);
    text.as_bytes()
        .split(|byte| !is_operator(byte))
        .filter(|run| run.len() > 2)
        .map(|run| {
            let begins = run.windows(2).filter(|pair| pair == b"/*").count();
            begins.saturating_mul(run.len())
        })
        .fold(0, usize::saturating_add)
}

/// Whether there can be assignments in a text. Keywords are not quoted, nor written otherwise.
fn has_assignments(text: &str) -> bool {
    text.as_bytes().windows(3).any(|word| word.eq_ignore_ascii_case(b"set"))
}

/// SECURITY: by default relations count by their aliases, without schema, and without digits.
/// Statements about different tables would then have the same fingerprint.
fn fingerprint(text: &str) -> Option<String> {
    use pg_query::FingerprintOptions as Options;
    let options =
        Options::RANGEVAR_IGNORE_ALIASES | Options::RANGEVAR_INCLUDE_SCHEMA | Options::FULL_RELNAME;
    let print = pg_query::fingerprint(text, 0, options).ok()?;
    Some(print.hex)
}

/// The bytes of one statement: the parser counts them from the start of the text.
fn part_of(text: &str, statement: &RawStmt) -> Option<Range<usize>> {
    let start = usize::try_from(statement.stmt_location).ok()?;
    let end = match usize::try_from(statement.stmt_len).ok()? {
        0 => text.len(),
        length => start.checked_add(length)?,
    };
    text.get(start..end).map(|_| start..end)
}

fn explain(text: &str, error: &pg_query::Error) -> Unreadable {
    match error {
        pg_query::Error::Parse(message) | pg_query::Error::Scan(message) => {
            Unreadable { position: position(text, message), ..unreadable(message.clone()) }
        }
        pg_query::Error::Conversion(_) => {
            let sqlstate = sqlstate::UNTRANSLATABLE_CHARACTER;
            Unreadable { sqlstate, ..unreadable("the text holds a NUL".into()) }
        }
        pg_query::Error::Decode(_) => {
            let sqlstate = sqlstate::STATEMENT_TOO_COMPLEX;
            Unreadable { sqlstate, ..unreadable("the statement is nested too deeply".into()) }
        }
        _ => unreadable("the text cannot be read as SQL".into()),
    }
}

/// Where the word is that a message of the parser complains about, if it is there once.
fn position(text: &str, message: &str) -> Option<usize> {
    let byte = match message.split_once("at or near \"") {
        Some((_, near)) => {
            let mut places = text.match_indices(near.strip_suffix('"')?);
            let (first, second) = (places.next()?, places.next());
            second.is_none().then_some(first.0)?
        }
        None if message.ends_with("at end of input") => text.len(),
        None => return None,
    };
    Some(text.get(..byte)?.chars().count() + 1)
}

fn unreadable(message: String) -> Unreadable {
    Unreadable { message, position: None, sqlstate: sqlstate::SYNTAX_ERROR }
}

fn limit(message: String) -> Unreadable {
    Unreadable { sqlstate: sqlstate::PROGRAM_LIMIT_EXCEEDED, ..unreadable(message) }
}
