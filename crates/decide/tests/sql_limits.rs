//! Hostile texts are answered: nothing panics, overflows a stack or takes long.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod sql_shop;

use portreeve_decide::sql::{Output, analyze};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// As much stack as a worker thread of the runtime has.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_small_stack(text: String) -> bool {
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES);
    let catalog = sql_shop::catalog();
    worker.spawn(move || analyze(&catalog, &text).is_ok()).unwrap().join().unwrap()
}

#[test]
fn deep_texts_are_refused() {
    for (one, count) in [
        ("1+", 200_000),
        ("(", 200_000),
        ("- ", 200_000),
        ("not ", 200_000),
        ("(select ", 50_000),
        ("array[", 100_000),
        ("lower(", 100_000),
        ("case when ", 50_000),
        ("select 1 union all ", 50_000),
        ("select * from (", 50_000),
    ] {
        let mut text = if one.starts_with("select") { String::new() } else { "SELECT ".into() };
        text.push_str(&one.repeat(count));
        text.push('1');
        text.truncate(1024 * 1024);
        let started = Instant::now();
        assert!(!on_small_stack(text), "{one}");
        assert!(started.elapsed() < Duration::from_secs(20), "{one}: {:?}", started.elapsed());
    }
}

#[test]
fn left_deep_chains_are_refused() {
    for (start, one, count) in [
        ("SELECT 1", "+1", 400_000),
        ("SELECT a", "::text", 150_000),
        ("SELECT 1", " union all select 1", 40_000),
        ("SELECT 1 FROM a", " join a on true", 50_000),
        ("SELECT a", " collate \"C\"", 80_000),
        ("SELECT a", " is null", 100_000),
    ] {
        let text = format!("{start}{}", one.repeat(count));
        assert!(!on_small_stack(text), "{one}");
    }
}

#[test]
fn long_flat_texts_are_read() {
    let rows = vec!["(1, 'abc')"; 20_000].join(", ");
    assert!(on_small_stack(format!("INSERT INTO products (id, name) VALUES {rows}")));
    let terms = vec!["id = 1"; 10_000].join(" OR ");
    assert!(on_small_stack(format!("SELECT id FROM orders WHERE {terms}")));
}

#[test]
fn work_is_bounded() {
    // Recursive expressions inside each other multiply the rounds.
    let mut text = "SELECT 1 AS n".to_owned();
    for _ in 0..8 {
        text = format!(
            "WITH RECURSIVE a AS ({text}), b AS (SELECT * FROM a), c AS (SELECT * FROM b) SELECT * FROM c"
        );
    }
    let started = Instant::now();
    let _ = analyze(&sql_shop::catalog(), &text);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn nul_and_length_are_refused() {
    let catalog = sql_shop::catalog();
    assert!(analyze(&catalog, "SELECT 1\0; DELETE FROM orders").is_err());
    assert!(analyze(&catalog, &format!("SELECT '{}'", "x".repeat(2 * 1024 * 1024))).is_err());
    assert!(analyze(&catalog, "").unwrap().is_empty());
    assert!(analyze(&catalog, " ; -- nothing").unwrap().is_empty());
}

#[test]
fn speed_of_a_plain_select() {
    let catalog = sql_shop::catalog();
    let text = "SELECT c.id, c.email, lower(c.full_name) AS name, o.amount, o.status \
                FROM customers c JOIN orders o ON o.customer_id = c.id \
                WHERE c.email = $1 AND o.amount > 10 AND o.status = 'paid' ORDER BY o.id LIMIT 50";
    let rounds = 2_000;
    let started = Instant::now();
    for _ in 0..rounds {
        let statements = analyze(&catalog, text).unwrap();
        assert!(matches!(statements[0].output, Output::Columns(_)));
    }
    let each = started.elapsed() / rounds;
    println!("analyze of {} bytes: {each:?}", text.len());
    assert!(each < Duration::from_millis(20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,80}") {
        let _ = analyze(&sql_shop::catalog(), &text);
    }

    #[test]
    fn any_mix_of_words_is_answered(words in proptest::collection::vec(word(), 0..24)) {
        let _ = analyze(&sql_shop::catalog(), &words.join(" "));
    }

    /// Whatever else is in the query, the raw column is never called clean.
    #[test]
    fn an_email_is_never_clean(wraps in proptest::collection::vec(0usize..10, 0..5)) {
        let mut text = "SELECT email AS v FROM customers".to_owned();
        for wrap in wraps {
            text = match wrap {
                0 => format!("SELECT v FROM ({text}) x"),
                1 => format!("WITH w AS ({text}) SELECT v FROM w"),
                2 => format!("SELECT x.v || '' AS v FROM ({text}) x"),
                3 => format!("SELECT (x).v FROM ({text}) x"),
                4 => format!("SELECT y.v FROM ({text}) x, LATERAL (SELECT x.v) y"),
                5 => format!("{text} UNION ALL SELECT 'x'"),
                6 => format!("SELECT (SELECT v) AS v FROM ({text}) x"),
                7 => format!("SELECT coalesce(v, '') AS v FROM (SELECT 1) o CROSS JOIN ({text}) x"),
                8 => format!("SELECT j.v FROM (({text}) x JOIN orders o ON true) j"),
                _ => format!("SELECT r.f1::text AS v FROM (SELECT ROW(v) AS f FROM ({text}) x) q, \
                              LATERAL (SELECT (q.f).f1) r"),
            };
        }
        let Ok(statements) = analyze(&sql_shop::catalog(), &text) else { return Ok(()) };
        let statement = &statements[0];
        let marked = match &statement.output {
            Output::Columns(columns) => columns.len() == 1 && !columns[0].sources.is_empty(),
            Output::Open | Output::Unproven => true,
            Output::None | Output::Structure | Output::Clean => false,
        };
        prop_assert!(marked || statement.command.unknown.is_some(), "{text}");
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "FROM",
        "WHERE",
        "customers",
        "orders",
        "c",
        "email",
        "*",
        ".",
        ",",
        "(",
        ")",
        "=",
        "'x'",
        "$1",
        "1",
        "JOIN",
        "ON",
        "USING",
        "UNION",
        "ALL",
        "WITH",
        "AS",
        "RECURSIVE",
        "INSERT",
        "INTO",
        "VALUES",
        "UPDATE",
        "SET",
        "DELETE",
        "RETURNING",
        "GROUP",
        "BY",
        "ORDER",
        "LIMIT",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "LATERAL",
        "||",
        "::text",
        "count",
        "lower",
        "row_to_json",
        ";",
        "COPY",
        "TO",
        "STDOUT",
        "EXPLAIN",
        "old",
        "new",
        "NOT",
        "NULL",
        "IS",
        "IN",
        "ANY",
        "OVER",
        "FILTER",
        "ARRAY",
        "[",
        "]",
        "--",
        "/*",
        "*/",
        "\"",
    ])
}
