//! An analysis has a budget: what a statement of a few bytes can cost is bounded in time and in
//! memory, and a refusal comes before the memory is used. Without the limits of `Analyzer` each
//! of these takes gigabytes or minutes.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod sql_shop;

use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, FunctionInput, RelationInput, RelationKind, Volatility,
    analyze,
};
use portreeve_model::Category;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One measurement at a time.
static MEASURING: Mutex<()> = Mutex::new(());

/// A line of `/proc/self/status`, in bytes: memory of the parser's C code counts, too.
fn status(line: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|known| known.strip_prefix(line)).unwrap();
    value.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

/// Analyzes a text; the most memory that it took besides the catalog, and how long.
fn measured(name: &str, catalog: &Catalog, text: &str) -> (usize, Duration, Option<&'static str>) {
    // The highest mark starts again from what is in use.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let started = Instant::now();
    let answer = analyze(catalog, text);
    let took = started.elapsed();
    let peak = status("VmHWM:").saturating_sub(before);
    let code = match &answer {
        Ok(statements) => {
            statements.iter().find_map(|one| one.unknown.as_ref()).map(|one| one.sqlstate)
        }
        Err(unreadable) => Some(unreadable.sqlstate),
    };
    println!("{name}: {} bytes of text, {peak} bytes, {took:?}, {code:?}", text.len());
    (peak, took, code)
}

/// `a` is something, and each of the others is made of the one before twice.
fn doubling(levels: usize, body: impl Fn(&str) -> String) -> String {
    let mut text = format!("WITH c0 AS ({})", "SELECT * FROM customers");
    for level in 1..=levels {
        write!(text, ", c{level} AS ({})", body(&format!("c{}", level - 1))).unwrap();
    }
    write!(text, " SELECT * FROM c{levels}").unwrap();
    text
}

#[test]
fn doubled_expressions_are_refused_in_time() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    type Body<'b> = &'b dyn Fn(&str) -> String;
    let bodies: [(&str, Body<'_>); 6] = [
        ("join", &|c| format!("SELECT * FROM {c} a JOIN {c} b ON true")),
        ("comma", &|c| format!("SELECT * FROM {c} a, {c} b")),
        ("qualified", &|c| format!("SELECT a.*, b.* FROM {c} a, {c} b")),
        ("rows", &|c| format!("SELECT a, b, a AS c FROM {c} a, {c} b")),
        ("union", &|c| {
            format!("SELECT a, b FROM {c} a, {c} b UNION SELECT b, a FROM {c} a, {c} b")
        }),
        ("fields", &|c| format!("SELECT (a).*, (b).* FROM {c} a, {c} b")),
    ];
    for (name, body) in bodies {
        for levels in [18, 60] {
            let (peak, took, _) = measured(name, &catalog, &doubling(levels, body));
            assert!(peak <= 10_000_000, "{name} at {levels}: {peak} bytes");
            assert!(took < Duration::from_secs(5), "{name} at {levels}: {took:?}");
        }
    }
    let (_, _, code) = measured(
        "code",
        &catalog,
        &doubling(18, |c| format!("SELECT * FROM {c} a JOIN {c} b ON true")),
    );
    assert_eq!(code, Some("54011"));
}

/// A database of many classified columns.
fn wide(tables: usize, columns: usize) -> Catalog {
    let mut builder = CatalogBuilder::new();
    for table in 0..tables {
        let list = (0..columns).map(|column| ColumnInput {
            name: format!("c{column}"),
            attnum: i16::try_from(column).unwrap() + 1,
            type_oid: 25,
            type_name: "text".into(),
            category: Some(Category::from("email")),
            generated: None,
        });
        builder.relation(RelationInput {
            oid: 20_000 + u32::try_from(table).unwrap(),
            schema: "public".into(),
            name: format!("t{table}"),
            kind: RelationKind::Table,
            columns: list.collect(),
            definition: None,
            parents: Vec::new(),
            has_triggers: false,
            has_rules: false,
        });
    }
    builder.function(FunctionInput {
        schema: "public".into(),
        name: "x".into(),
        volatility: Volatility::Volatile,
        language: "plpgsql".into(),
    });
    builder.build()
}

#[test]
fn many_classified_columns_cost_little() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = wide(90, 100);
    for (name, text) in [
        ("calls", format!("SELECT {}", vec!["x()"; 1_600].join(", "))),
        ("calls in calls", format!("SELECT {}", vec!["concat(x(), x())"; 800].join(", "))),
        ("conditions", format!("SELECT 1 WHERE {}", vec!["x() = 'a'"; 1_600].join(" OR "))),
        ("values", format!("SELECT * FROM (VALUES {}) v", vec!["(x(), x())"; 800].join(", "))),
    ] {
        let (peak, took, _) = measured(name, &catalog, &text);
        assert!(peak <= 60_000_000, "{name}: {peak} bytes");
        assert!(took < Duration::from_secs(4), "{name}: {took:?}");
    }
    let too_many = format!("SELECT {}", vec!["x()"; 1_700].join(", "));
    assert_eq!(measured("too many", &catalog, &too_many).2, Some("54011"));
}

#[test]
fn wide_joins_are_bounded() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = wide(90, 100);
    let all: Vec<String> = (0..90).map(|table| format!("t{table}")).collect();
    let natural = all.join(" NATURAL JOIN ");
    let crossed = all.join(" CROSS JOIN ");
    for (name, text) in [
        ("natural", format!("SELECT count(*) FROM {natural}")),
        ("cross", format!("SELECT count(*) FROM {crossed}")),
        ("many", {
            let many: Vec<String> = (0..5_000).map(|one| format!("t1 a{one}")).collect();
            format!("SELECT a4999.c1 FROM {}", many.join(", "))
        }),
    ] {
        let (peak, took, _) = measured(name, &catalog, &text);
        assert!(peak <= 90_000_000, "{name}: {peak} bytes");
        assert!(took < Duration::from_secs(6), "{name}: {took:?}");
    }
}

#[test]
fn comments_cost_little() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    for (name, text) in [
        ("open", format!("{}SELECT 1", "/*".repeat(24_000))),
        ("nested", format!("{}{} SELECT 1", "/*".repeat(12_000), "*/".repeat(12_000))),
        ("nested within", format!("SELECT {}{} 1", "/* ".repeat(10_000), "*/".repeat(10_000))),
        ("side by side", format!("{} SELECT 1", "/**/".repeat(12_000))),
        ("lines", format!("{}SELECT 1", "--\n".repeat(16_000))),
        ("long", format!("{}SELECT 1", "/*".repeat(500_000))),
        ("many", format!("SELECT 1{}", "/* a *//* b */".repeat(60_000))),
    ] {
        let (_, took, _) = measured(name, &catalog, &text);
        assert!(took < Duration::from_secs(2), "{name}: {took:?}");
    }
}

/// A target that unfolds them nests as deep as they stand on each other, in whatever order they
/// are written. Nothing but the depth tells these rounds apart: all columns are one number.
#[test]
fn common_table_expressions_stand_on_each_other_a_hundred_times() {
    let catalog = sql_shop::catalog();
    let chain = |count: usize, is_backward: bool, recursive: &str| {
        let body = |one: usize| match one {
            0 => "c0 AS (SELECT 1 AS n)".to_owned(),
            _ => format!("c{one} AS (SELECT 1 AS n FROM c{})", one - 1),
        };
        let mut bodies: Vec<_> = (0..count).map(body).collect();
        if is_backward {
            bodies.reverse();
        }
        format!("WITH {recursive} {} SELECT n FROM c{}", bodies.join(", "), count - 1)
    };
    for (recursive, is_backward) in [("", false), ("RECURSIVE", false), ("RECURSIVE", true)] {
        for (count, code) in [(100, None), (101, Some("54001")), (300, Some("54001"))] {
            let name = format!("{recursive} {is_backward} {count}");
            let found = measured(&name, &catalog, &chain(count, is_backward, recursive)).2;
            assert_eq!(found, code, "{name}");
        }
    }
    let itself = "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 9) \
                  SELECT n FROM t";
    assert_eq!(measured("itself", &catalog, itself).2, None);
}

/// Nested, each of which is written for both columns of the one around it.
fn nested_assignments(depth: usize) -> String {
    let mut inner = "SELECT 1, 2".to_owned();
    for _ in 0..depth {
        inner = format!("WITH x AS (UPDATE t SET (a, b) = ({inner})) SELECT 1, 2");
    }
    format!("UPDATE t SET (a, b) = ({inner})")
}

/// `(a, a, …) = (SELECT 1, 1, …)` in each place where assignments stand.
fn wide_assignment(place: &str, columns: usize) -> String {
    let (names, ones) = (vec!["a"; columns].join(","), vec!["1"; columns].join(","));
    place.replace("$", &format!("({names}) = (SELECT {ones})"))
}

/// What the parser hands over for these would take gigabytes, long before anything is analyzed.
#[test]
fn shared_assignments_are_counted_before_they_are_copied() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    let many = |place: &str| wide_assignment(place, 1_500);
    for (name, text) in [
        ("update", many("UPDATE t SET $")),
        ("comments", many("UPDATE t SET/**/$").replace(") = (", ")/* */ = --\n (")),
        ("second", many("UPDATE t SET x = 1, $")),
        ("after a row", many("UPDATE t SET (x, y) = ROW (1, 2), $")),
        ("named like a keyword", many("UPDATE t SET $").replace("(SELECT", "t.where + (SELECT")),
        (
            "of a case",
            many("UPDATE t SET $").replace("(SELECT", "CASE WHEN a THEN (SELECT") + " END",
        ),
        ("distinct", many("UPDATE t SET $").replace("(SELECT", "a IS DISTINCT FROM (SELECT")),
        ("conflict", many("INSERT INTO t SELECT 1 ON CONFLICT (a) DO UPDATE SET $")),
        ("merge", many("MERGE INTO t USING u ON true WHEN MATCHED THEN UPDATE SET $")),
        ("prepared", many("PREPARE p AS UPDATE t SET $")),
        ("nested 19", nested_assignments(19)),
        ("nested 90", nested_assignments(90)),
    ] {
        let (peak, took, code) = measured(name, &catalog, &text);
        assert_eq!(code, Some("54001"), "{name}");
        assert!(peak <= 20_000_000, "{name}: {peak} bytes");
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
    }
}

#[test]
fn honest_assignments_to_several_columns_are_read() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    let excluded: Vec<String> = (0..100).map(|one| format!("excluded.c{one}")).collect();
    let names: Vec<String> = (0..100).map(|one| format!("c{one}")).collect();
    let (names, excluded) = (names.join(", "), excluded.join(", "));
    let ids = vec!["1"; 20_000].join(", ");
    for (name, text) in [
        (
            "upsert",
            format!(
                "INSERT INTO t ({names}) SELECT 1 ON CONFLICT (c0) DO UPDATE SET ({names}) = ROW ({excluded})"
            ),
        ),
        ("select", format!("UPDATE t SET ({names}) = (SELECT {names} FROM u WHERE u.id = t.id)")),
        ("where", format!("UPDATE t SET (a, b, c) = (1, 2, 3) WHERE id IN ({ids})")),
        ("from", format!("UPDATE t SET (a, b, c) = (x, 2, 3) FROM unnest(ARRAY[{ids}]) x")),
        (
            "rows compared",
            format!("UPDATE t SET a = 1 WHERE {}", vec!["(a, b) = (1, 2)"; 500].join(" OR ")),
        ),
        (
            "one after the other",
            format!("UPDATE t SET {}", vec!["(a, b) = (1, 2)"; 500].join(", ")),
        ),
        (
            "merge",
            format!(
                "MERGE INTO t USING u ON true {}",
                "WHEN MATCHED THEN UPDATE SET (a, b, c) = (1, 2, 3) ".repeat(20)
            ),
        ),
        ("statements", "UPDATE t SET (a, b, c) = (SELECT 1, 2, 3);".repeat(500)),
        ("nested", nested_assignments(3)),
    ] {
        let (_, took, code) = measured(name, &catalog, &text);
        assert_ne!(code, Some("54001"), "{name}");
        assert_ne!(code, Some("42601"), "{name}");
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
    }
}

/// Each is a product of two things that a text has many of.
#[test]
fn products_of_parts_are_counted() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    let times = |count: usize, part: &str, between: &str| vec![part; count].join(between);
    let numbered = |count: usize, part: &dyn Fn(usize) -> String, between: &str| {
        (0..count).map(part).collect::<Vec<_>>().join(between)
    };
    let upsert = |rows: usize, value: &str, assigned: usize| {
        format!(
            "INSERT INTO customers(email) VALUES {} ON CONFLICT (id) DO UPDATE SET {}",
            times(rows, &format!("({value})"), ","),
            times(assigned, "email = excluded.email", ","),
        )
    };
    let sources = |count: usize| numbered(count, &|one| format!("(SELECT 1) a{one}"), ",");
    for (name, text) in [
        ("rows and assignments", upsert(8_000, "'a'", 8_000)),
        ("rows of defaults and assignments", upsert(8_000, "DEFAULT", 8_000)),
        ("sources and alternatives", {
            let alternatives = times(6_000, "c.id = 1", " OR ");
            format!("DELETE FROM customers c USING {} WHERE {alternatives}", sources(2_000))
        }),
        ("sources and bare names", {
            let all = numbered(2_000, &|one| format!("customers a{one}"), ",");
            format!("DELETE FROM orders USING {all} WHERE {}", times(20_000, "id = 1", " AND "))
        }),
        ("links", {
            let links = numbered(2_000, &|one| format!("a{one}.x = a{}.x", one + 1), " AND ");
            let sources =
                numbered(2_001, &|one| format!("(SELECT id AS x FROM orders) a{one}"), ",");
            format!("DELETE FROM customers USING {sources} WHERE {links} AND a2000.x = 1")
        }),
        ("nested alternatives", {
            let mut nested = times(2_000, "id = 1", " OR ");
            for _ in 0..20 {
                nested = format!("(({nested}) AND x = 1) OR id < 1");
            }
            format!("DELETE FROM customers WHERE {nested}")
        }),
        ("common table expressions", {
            let ctes = numbered(15_000, &|one| format!("c{one} AS (SELECT 1 AS a)"), ",");
            format!("WITH {ctes} DELETE FROM customers WHERE id = 1")
        }),
        ("columns of an insert", {
            let names = times(100_000, "id", ",");
            format!("INSERT INTO customers({names}) VALUES ({})", times(100_000, "1", ","))
        }),
        ("using", {
            let using = times(50_000, "id", ",");
            format!("SELECT 1 FROM customers JOIN orders USING ({using})")
        }),
        ("locks", {
            let read = times(5_000, "orders", ",");
            format!("SELECT 1 FROM {read} FOR UPDATE OF {}", times(50_000, "x", ","))
        }),
        ("clauses of a merge", {
            let when = times(10_000, "WHEN MATCHED THEN DELETE", " ");
            format!("MERGE INTO customers c USING orders o ON true {when}")
        }),
        ("sub-queries for two reasons", {
            let mut nested = "SELECT id FROM orders".to_owned();
            for _ in 0..9 {
                nested =
                    format!("SELECT x.id FROM (SELECT id FROM orders WHERE id IN ({nested})) x");
            }
            format!("DELETE FROM customers WHERE id IN ({nested})")
        }),
    ] {
        let (peak, took, _) = measured(name, &catalog, &text);
        assert!(took < Duration::from_secs(6), "{name}: {took:?}");
        assert!(peak <= 500_000_000, "{name}: {peak} bytes");
    }
}

#[test]
fn what_takes_too_long_is_refused() {
    use portreeve_decide::sql::{Grammar as _, Postgres};
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    let text = "SELECT id FROM customers; DELETE FROM orders WHERE id = 1";
    let late = Postgres.analyze(&catalog, text, &|| true).unwrap();
    let codes = late.iter().map(|one| one.unknown.as_ref().map(|why| why.sqlstate));
    assert_eq!(codes.collect::<Vec<_>>(), [Some("54001"), Some("54001")]);
    let in_time = Postgres.analyze(&catalog, text, &|| false).unwrap();
    assert!(in_time.iter().all(|one| one.unknown.is_none()));
}

/// Honest statements of many parts.
#[test]
fn many_parts_are_read() {
    let _one = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let catalog = sql_shop::catalog();
    let rows = vec!["(1, 'a', 'b')"; 10_000].join(",");
    let ids: Vec<String> = (0..10_000).map(|id| format!("id = {id}")).collect();
    for (name, text) in [
        (
            "upsert",
            format!(
                "INSERT INTO customers (id, email, country) VALUES {rows} ON CONFLICT (id) DO UPDATE SET email = excluded.email, country = excluded.country"
            ),
        ),
        ("alternatives", format!("DELETE FROM customers WHERE {}", ids.join(" OR "))),
        ("list", format!("DELETE FROM customers WHERE id IN ({})", vec!["1"; 50_000].join(","))),
    ] {
        let (_, took, code) = measured(name, &catalog, &text);
        assert_eq!(code, None, "{name}");
        assert!(took < Duration::from_secs(6), "{name}: {took:?}");
    }
}
