//! Errors and notices of the target. Their texts can quote values
//! (`invalid input syntax for type integer: "123-45-6789"`), so where classified data is
//! in reach only those parts pass that cannot.

use super::MessageLook;
use crate::wire::{error_fields, put_report};
use portreeve_screen::Wording;
use portreeve_wire::WireError;
use std::borrow::Cow;

/// How much of a report may pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// Nothing classified is in reach: all of it, looked through.
    Clean,
    /// Something classified is there and not in reach: all of it, unless code has spoken, which
    /// should not have run.
    OutOfReach,
    /// Only what cannot hold a value.
    Tainted,
}

/// What the reply side must know of an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    pub(crate) sqlstate: String,
    pub(crate) is_fatal: bool,
}

/// Writes an error (`E`) or notice (`N`) as it may pass, and tells what it is. Nobody looks
/// through one that nobody sees.
pub(crate) fn pass(
    tag: u8,
    body: &[u8],
    trust: Trust,
    look: Option<&mut MessageLook<'_>>,
    out: &mut Vec<u8>,
) -> Result<Report, WireError> {
    let fields = error_fields(body)?;
    let field =
        |code: u8| fields.iter().find(|(known, _)| *known == code).map(|(_, text)| text.as_str());
    let sqlstate = field(b'C').filter(|code| is_sqlstate(code)).unwrap_or("XX000");
    let severity = field(b'V').or(field(b'S')).unwrap_or_default();
    let report =
        Report { sqlstate: sqlstate.into(), is_fatal: matches!(severity, "FATAL" | "PANIC") };
    let shown: Vec<(u8, &str)> = fields.iter().map(|(code, text)| (*code, text.as_str())).collect();
    let is_of_code = || field(b'W').is_some_and(is_context_of_code);
    match trust {
        Trust::OutOfReach if is_of_code() => put_tainted(tag, &shown, sqlstate, out),
        Trust::Clean | Trust::OutOfReach => put_clean(tag, &shown, sqlstate, look, out),
        Trust::Tainted => put_tainted(tag, &shown, sqlstate, out),
    }
    Ok(report)
}

/// All of a report; values that it quotes are looked through. What only quotes the client's own
/// statement, or names of objects, holds none.
fn put_clean(
    tag: u8,
    fields: &[(u8, &str)],
    sqlstate: &str,
    look: Option<&mut MessageLook<'_>>,
    out: &mut Vec<u8>,
) {
    let Some(look) = look else { return put_report(out, tag, fields) };
    let routine = fields.iter().find(|(code, _)| *code == b'R').map(|(_, text)| *text);
    let has_names = is_about_text(fields, sqlstate) || is_about_names(routine, sqlstate);
    // What code raises is anybody's; PostgreSQL quotes what is.
    let is_raised = routine.is_none_or(|routine| routine.starts_with("exec_stmt"));
    look.worded(if is_raised { Wording::Anybodys } else { Wording::Servers });
    let may_quote = |code: u8| match code {
        b'D' | b'W' | b'q' => true,
        b'M' | b'H' | b's' | b't' | b'c' | b'd' | b'n' => !has_names,
        // Severities, codes, positions, places in the server's source.
        _ => false,
    };
    let shown: Vec<(u8, Cow<'_, str>)> = fields
        .iter()
        .map(|(code, text)| match may_quote(*code) {
            true => (*code, look.text(text)),
            false => (*code, Cow::Borrowed(*text)),
        })
        .collect();
    let shown: Vec<(u8, &str)> = shown.iter().map(|(code, text)| (*code, &**text)).collect();
    put_report(out, tag, &shown);
}

/// Whether a CONTEXT has a function or a statement of code in it.
fn is_context_of_code(context: &str) -> bool {
    let begins = ["PL/", "In PL/", "SQL function ", "SQL statement "];
    context.lines().any(|line| begins.iter().any(|begin| line.starts_with(begin)))
}

fn put_tainted(tag: u8, fields: &[(u8, &str)], sqlstate: &str, out: &mut Vec<u8>) {
    let field = |code: u8| fields.iter().find(|(known, _)| *known == code).map(|(_, text)| *text);
    let about_text = is_about_text(fields, sqlstate);
    let about_names = is_about_names(field(b'R'), sqlstate);
    let what = if tag == b'E' { condition(sqlstate) } else { "a notice" };
    let withheld = format!(
        "the target's message is withheld because it may hold personal data (SQLSTATE {sqlstate}: {what})"
    );
    let mut shown: Vec<(u8, &str)> = Vec::new();
    for code in [b'S', b'V'] {
        shown.extend(field(code).filter(|text| is_severity(text)).map(|text| (code, text)));
    }
    shown.push((b'C', sqlstate));
    let message = field(b'M').filter(|_| about_text || about_names);
    shown.push((b'M', message.unwrap_or(&withheld)));
    if about_text {
        for code in [b'D', b'H'] {
            shown.extend(field(code).map(|text| (code, text)));
        }
    } else if tag == b'E' && !about_names {
        shown.push((
            b'H',
            "avoid casts and functions that can fail on the values of classified columns",
        ));
    }
    let key = field(b'D').filter(|_| about_names).and_then(key_of);
    if about_names {
        shown.extend(key.as_deref().map(|text| (b'D', text)));
        for code in [b's', b't', b'c', b'd', b'n'] {
            shown.extend(field(code).map(|text| (code, text)));
        }
    }
    shown.extend(
        field(b'P')
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .map(|text| (b'P', text)),
    );
    put_report(out, tag, &shown);
}

/// What a DETAIL says of a key, without its values: `Key (a, b)=([withheld]) already exists.`
/// Clients read the names of columns from it.
///
/// SECURITY: names stand in front of values, and what stands behind them is one of these; a value
/// can hold any of it, and the last is the server's own.
fn key_of(detail: &str) -> Option<String> {
    let rest = detail.strip_prefix("Key (")?;
    let (columns, values) = rest.split_once(")=(")?;
    let told =
        [" already exists.", " is not present in table \"", " is still referenced from table \""];
    let end = told.iter().find_map(|told| {
        let at = values.rfind(&format!("){told}"))?;
        let end = &values[at + 1..];
        let is_name =
            || end[told.len()..].strip_suffix("\".").is_some_and(|name| !name.contains('"'));
        (end.len() == told.len() || is_name()).then_some(end)
    })?;
    Some(format!("Key ({columns})=([withheld]){end}"))
}

/// Errors of parse analysis: they quote the statement, which is the client's own, and
/// point into it. Errors of evaluation have no position, and those of functions'
/// inner statements have an internal one.
fn is_about_text(fields: &[(u8, &str)], sqlstate: &str) -> bool {
    let has = |code: u8| fields.iter().any(|(known, _)| *known == code);
    sqlstate.starts_with("42") && has(b'P') && !has(b'q') && !has(b'W')
}

/// Reports whose texts have names of objects in them and nothing else, told by the server
/// routine that raised them (which no user code can choose: what a function raises has the
/// routine of its language); and errors without any variable part.
fn is_about_names(routine: Option<&str>, sqlstate: &str) -> bool {
    let Some(routine) = routine else { return false };
    NAMES_ONLY.contains(&routine)
        || match sqlstate.get(..2) {
            Some("25" | "40") => !routine.starts_with("exec_stmt"),
            Some("57") => routine == "ProcessInterrupts",
            _ => false,
        }
}

const NAMES_ONLY: &[&str] = &[
    // constraints
    "ExecConstraints",
    "_bt_check_unique",
    "check_exclusion_or_unique_constraint",
    "ri_ReportViolation",
    // definitions
    "CreateSchemaCommand",
    "DefineIndex",
    "DefineSequence",
    "DefineView",
    "DropErrorMsgNonExistent",
    "DropErrorMsgWrongType",
    "RangeVarGetAndCheckCreationNamespace",
    "RemoveObjects",
    "check_for_column_name_collision",
    "does_not_exist_skipping",
    "heap_create_with_catalog",
    "index_create",
    "renameatt_check",
    "reportDependentObjects",
    "transformCreateStmt",
    // transaction state
    "BeginTransactionBlock",
    "EndTransactionBlock",
    "PreventInTransactionBlock",
    "UserAbortTransactionBlock",
    "WarnNoTransactionBlock",
    "CheckTransactionBlock",
];

fn is_severity(text: &str) -> bool {
    matches!(text, "ERROR" | "FATAL" | "PANIC" | "WARNING" | "NOTICE" | "DEBUG" | "INFO" | "LOG")
}

fn is_sqlstate(code: &str) -> bool {
    code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// The class of a SQLSTATE in words. SPEC: PostgreSQL "Error Codes".
fn condition(sqlstate: &str) -> &'static str {
    match sqlstate.get(..2) {
        Some("01") => "warning",
        Some("02") => "no data",
        Some("22") => "a value has the wrong form or range",
        Some("23") => "a constraint is violated",
        Some("25") => "invalid transaction state",
        Some("40") => "the transaction was rolled back",
        Some("42") => "syntax error or access rule violation",
        Some("53") => "insufficient resources",
        Some("54") => "a limit of the target is exceeded",
        Some("55") => "an object is not in the required state",
        Some("57") => "an operator intervened",
        Some("P0") => "raised by a function",
        _ => "an error of the target",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(u8, &str)], trust: Trust, expect: &[(u8, &str)]) {
        let mut message = Vec::new();
        put_report(&mut message, b'E', fields);
        let mut out = Vec::new();
        pass(b'E', &message[5..], trust, None, &mut out).unwrap();
        let got = error_fields(&out[5..]).unwrap();
        let got: Vec<_> = got.iter().map(|(code, text)| (*code, text.as_str())).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn a_cast_error_does_not_quote_the_value() {
        let fields = [
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', "22P02"),
            (b'M', "invalid input syntax for type integer: \"123-45-6789\""),
            (b'F', "int.c"),
        ];
        check(&fields, Trust::Clean, &fields);
        check(&fields, Trust::OutOfReach, &fields);
        let raised = [(b'S', "ERROR"), (b'C', "P0001"), (b'M', "taken by ann@x.org")];
        for (context, trust, passes) in [
            ("PL/pgSQL function f(text) line 3 at RAISE", Trust::OutOfReach, false),
            ("portal \"\" parameter $1\nSQL function \"f\" statement 1", Trust::OutOfReach, false),
            ("unnamed portal parameter $1 = 'x'", Trust::OutOfReach, true),
            ("COPY people, line 1, column id", Trust::OutOfReach, true),
            ("PL/pgSQL function f(text) line 3 at RAISE", Trust::Clean, true),
        ] {
            let fields = [raised[0], raised[1], raised[2], (b'W', context)];
            let mut message = Vec::new();
            put_report(&mut message, b'E', &fields);
            let mut out = Vec::new();
            pass(b'E', &message[5..], trust, None, &mut out).unwrap();
            let shown = String::from_utf8_lossy(&out).contains("taken by");
            assert_eq!(shown, passes, "{context}");
        }
        check(
            &fields,
            Trust::Tainted,
            &[
                (b'S', "ERROR"),
                (b'V', "ERROR"),
                (b'C', "22P02"),
                (
                    b'M',
                    "the target's message is withheld because it may hold personal data (SQLSTATE 22P02: a value has the wrong form or range)",
                ),
                (
                    b'H',
                    "avoid casts and functions that can fail on the values of classified columns",
                ),
            ],
        );
    }

    #[test]
    fn what_a_function_raises_is_withheld_whatever_it_claims_to_be() {
        let raised = [
            (b'S', "anna@example.com"),
            (b'C', "42601"),
            (b'M', "anna@example.com"),
            (b't', "anna@example.com"),
            (b'n', "anna@example.com"),
            (b'R', "exec_stmt_raise"),
        ];
        let mut message = Vec::new();
        put_report(&mut message, b'E', &raised);
        let mut out = Vec::new();
        pass(b'E', &message[5..], Trust::Tainted, None, &mut out).unwrap();
        assert!(!String::from_utf8_lossy(&out).contains("anna"));
    }

    #[test]
    fn errors_about_the_statement_itself_stay_readable() {
        let fields = [
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', "42703"),
            (b'M', "column \"emial\" does not exist"),
            (b'H', "Perhaps you meant \"email\"."),
            (b'P', "8"),
        ];
        check(&fields, Trust::Tainted, &fields);
    }
}
