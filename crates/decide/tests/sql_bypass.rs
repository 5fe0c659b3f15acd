//! No case of `corpus/bypass` gets through: each is refused, needs a permit that a plain reader
//! does not have, or has every leaking column marked.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Catalog, Output, Statement, analyze};
use std::fmt::Write;

struct Attempt {
    name: String,
    expect: String,
    sql: String,
}

#[test]
fn no_attempt_gets_through() {
    let catalog = sql_shop::catalog();
    let mut count = 0;
    let mut open = String::new();
    for entry in std::fs::read_dir(sql_shop::corpus("bypass")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        for attempt in attempts(&std::fs::read_to_string(&path).unwrap()) {
            count += 1;
            for condition in attempt.expect.split(';') {
                let holds = condition
                    .split(" or ")
                    .any(|condition| holds(&catalog, &attempt.sql, condition.trim()));
                if !holds {
                    let found = sql_shop::render(&catalog, &attempt.sql);
                    let Attempt { name, sql, .. } = &attempt;
                    writeln!(open, "{name}: not `{condition}`: {sql:?}\n{found}").unwrap();
                }
            }
        }
    }
    assert!(open.is_empty(), "{open}");
    assert!(count >= 200, "only {count} cases");
}

fn holds(catalog: &Catalog, sql: &str, condition: &str) -> bool {
    let statements = match analyze(catalog, sql) {
        Ok(statements) => statements,
        Err(_) => return condition == "refused",
    };
    let refused = statements.iter().any(|statement| statement.command.unknown.is_some());
    let words: Vec<&str> = condition.split_whitespace().collect();
    match words.as_slice() {
        ["refused"] => refused,
        ["statements", count] => statements.len() == count.parse::<usize>().unwrap(),
        ["need", action] => needs(&statements, action, None),
        ["need", action, object @ ..] => needs(&statements, action, Some(&object.join(" "))),
        ["masked", position] => {
            // A refusal would hide that the column is not marked.
            !refused && statements.iter().any(|one| masked(one, position.parse().unwrap()))
        }
        ["unproven"] => {
            statements.iter().any(|one| matches!(one.output, Output::Open | Output::Unproven))
        }
        _ => panic!("`{condition}` is no condition"),
    }
}

fn needs(statements: &[Statement], action: &str, object: Option<&str>) -> bool {
    statements.iter().flat_map(|statement| &statement.command.needs).any(|need| {
        need.action.word() == action
            && object.is_none_or(|object| need.object.to_string() == object)
    })
}

/// Whether the column at this position (from 1) has sources.
fn masked(statement: &Statement, position: usize) -> bool {
    match &statement.output {
        Output::Columns(columns) => {
            columns.get(position.wrapping_sub(1)).is_some_and(|column| !column.sources.is_empty())
        }
        Output::Open | Output::Unproven => true,
        Output::None | Output::Structure | Output::Clean => false,
    }
}

fn attempts(text: &str) -> Vec<Attempt> {
    text.split("-- case: ").skip(1).map(attempt).collect()
}

fn attempt(text: &str) -> Attempt {
    let (name, rest) = text.split_once('\n').unwrap();
    let (expect, rest) = rest.split_once('\n').unwrap();
    let expect = expect.strip_prefix("-- expect: ").unwrap();
    let sql = match rest.strip_prefix("-- escaped") {
        Some(rest) => unescape(rest.split_once('\n').unwrap().1.trim_end_matches('\n')),
        None => rest.trim_end_matches('\n').to_owned(),
    };
    Attempt { name: name.into(), expect: expect.into(), sql }
}

fn unescape(text: &str) -> String {
    text.replace("\\\\", "\u{1}")
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\0", "\0")
        .replace("\\u{b}", "\u{b}")
        .replace("\\u{c}", "\u{c}")
        .replace('\u{1}', "\\")
}
