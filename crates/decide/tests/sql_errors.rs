//! A statement that the target would refuse as well is refused with the code, the text and the
//! position that the target would give, and with what may have been meant.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Unknown, analyze};

fn unknown(sql: &str) -> Unknown {
    let statements = analyze(&sql_shop::catalog(), sql).unwrap();
    statements[0].unknown.clone().unwrap_or_else(|| panic!("{sql} is known"))
}

#[test]
fn names_that_are_not_there() {
    let check = |sql: &str, code: &str, message: &str, position: Option<usize>, near: &[&str]| {
        let found = unknown(sql);
        assert_eq!(found.sqlstate, code, "{sql}");
        assert_eq!(found.message, message, "{sql}");
        assert_eq!(found.position, position, "{sql}");
        let names: Vec<String> = found.candidates.iter().map(ToString::to_string).collect();
        for name in near {
            assert!(names.iter().any(|known| known == name), "{sql}: {names:?}");
        }
    };
    check(
        "SELECT nme FROM people",
        "42703",
        "column \"nme\" does not exist",
        Some(8),
        &["public.people.name"],
    );
    check(
        "SELECT 'é', p.nme FROM people p",
        "42703",
        "column p.nme does not exist",
        Some(13),
        &["public.people.name"],
    );
    check(
        "SELECT id FROM ordrs",
        "42P01",
        "relation \"ordrs\" does not exist",
        Some(16),
        &["public.orders"],
    );
    check(
        "INSERT INTO ordrs VALUES (1)",
        "42P01",
        "relation \"ordrs\" does not exist",
        Some(13),
        &["public.orders"],
    );
    check(
        "SELECT x.id FROM orders",
        "42P01",
        "missing FROM-clause entry for table \"x\"",
        Some(8),
        &[],
    );
    check(
        "SELECT * FROM other.public.orders",
        "0A000",
        "cross-database references are not implemented: \"other.public.orders\"",
        Some(15),
        &[],
    );
    let missing = "column \"nme\" of relation \"people\" does not exist";
    for sql in [
        "ALTER TABLE people DROP COLUMN nme",
        "ALTER TABLE people ALTER nme SET NOT NULL",
        "ALTER TABLE people ALTER nme SET DEFAULT 'x'",
        "ALTER TABLE people ALTER nme TYPE text",
        "ALTER TABLE people RENAME COLUMN nme TO name2",
    ] {
        check(sql, "42703", missing, None, &[]);
    }
    check("CREATE INDEX ON people (nme)", "42703", "column \"nme\" does not exist", None, &[]);
    check(
        "SELECT find_mial(1)",
        "42883",
        "function find_mial with 1 argument does not exist",
        None,
        &["public.find_mail()"],
    );
}

#[test]
fn limits_have_codes_of_their_own() {
    let check = |sql: &str, code: &str| {
        let found = match analyze(&sql_shop::catalog(), sql) {
            Ok(statements) => statements[0].unknown.as_ref().unwrap().sqlstate,
            Err(unreadable) => unreadable.sqlstate,
        };
        assert_eq!(found, code);
    };
    check("selct 1", "42601");
    check("SELECT 1\0", "22021");
    check(&format!("SELECT '{}'", "x".repeat(2 * 1024 * 1024)), "54000");
    check(&"SELECT 1;".repeat(2_000), "54000");
    check(&format!("SELECT {}1", "(".repeat(5_000)), "42601");
    check(&format!("SELECT {}", vec!["1"; 1_665].join(",")), "54011");
    let chain = |count: usize| {
        let links = (1..count).map(|n| format!("c{n} AS (SELECT x FROM c{})", n - 1));
        let all: Vec<String> =
            std::iter::once("c0 AS (SELECT 1 AS x)".into()).chain(links).collect();
        format!("WITH {} SELECT x FROM c{}", all.join(", "), count - 1)
    };
    check(&chain(2_500), "54001");
    check(&chain(101), "54001");
    check(&format!("WITH RECURSIVE {}", &chain(101)["WITH ".len()..]), "54001");
    assert!(analyze(&sql_shop::catalog(), &chain(100)).unwrap()[0].unknown.is_none());
    let beside: Vec<String> = (0..300).map(|n| format!("c{n} AS (SELECT {n})")).collect();
    let beside = format!("WITH {} SELECT * FROM c299", beside.join(", "));
    assert!(analyze(&sql_shop::catalog(), &beside).unwrap()[0].unknown.is_none());
    check("SELECT * FROM pg_authid", "42501");
    check("SET session_replication_role = replica", "42501");
}

#[test]
fn a_syntax_error_has_a_position_where_its_word_is_there_once() {
    let position = |sql: &str| analyze(&sql_shop::catalog(), sql).unwrap_err().position;
    assert_eq!(position("selct 1"), Some(1));
    assert_eq!(position("SELECT 'é' FRM orders WHERE x"), Some(16));
    assert_eq!(position("SELECT id FROM"), Some(15));
}

#[test]
fn an_opaque_result_names_its_function() {
    let statements =
        analyze(&sql_shop::catalog(), "INSERT INTO orders (id) VALUES (next_number())").unwrap();
    let names: Vec<String> = statements[0].opaque.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["public.next_number()"]);
}

#[test]
fn more_than_a_hundred_classified_columns_are_judged() {
    let sql = "SELECT all_mail() || reverse('x')";
    assert_eq!(analyze(&sql_shop::catalog(), sql).unwrap()[0].command.unknown, None);
}
