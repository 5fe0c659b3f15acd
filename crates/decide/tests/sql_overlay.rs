//! The catalog as a transaction sees it that makes and changes tables.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Catalog, Output, analyze};
use portreeve_model::Category;

fn classify(_: &str, _: &str, column: &str) -> Option<Category> {
    (column == "email").then(|| Category::from("email"))
}

fn here() -> Catalog {
    sql_shop::catalog()
        .with_search_path(vec!["public".into(), "archive".into()])
        .with_classification(std::sync::Arc::new(classify))
}

/// The catalog after these statements, one after another.
fn after(statements: &[&str]) -> Option<Catalog> {
    statements.iter().try_fold(here(), |catalog, sql| {
        let known = analyze(&catalog, sql).unwrap();
        assert_eq!(known[0].command.unknown, None, "{sql}");
        catalog.after(sql, &[0])
    })
}

fn is_known(catalog: &Catalog, sql: &str) -> bool {
    analyze(catalog, sql).unwrap()[0].unknown.is_none()
}

#[test]
fn a_transaction_uses_what_it_has_made() {
    let catalog = after(&[
        "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL, nick varchar(9) DEFAULT 'x')",
        "CREATE INDEX ON users (nick)",
        "CREATE TABLE nodes (id int PRIMARY KEY, above int REFERENCES nodes)",
        "CREATE TEMP TABLE batch AS SELECT id, email AS mail FROM users",
        "ALTER TABLE users ADD COLUMN age int CHECK (age > 0)",
        "ALTER TABLE users RENAME COLUMN nick TO nickname",
        "CREATE VIEW grown AS SELECT id, email FROM users WHERE age > 17",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0)",
        "ALTER TABLE orders DROP COLUMN status",
        "DROP TABLE products",
    ])
    .unwrap();
    for sql in [
        "INSERT INTO users (email, nickname, age) VALUES ('a', 'b', 18)",
        "SELECT id, age, nickname FROM public.users",
        "SELECT mail FROM batch",
        "SELECT mail FROM pg_temp.batch",
        "SELECT id FROM grown",
        "SELECT amount FROM orders",
        "DROP TABLE users",
    ] {
        assert!(is_known(&catalog, sql), "{sql}");
        assert!(
            !sql.contains("FROM") || sql.contains("orders") || !is_known(&here(), sql),
            "{sql}"
        );
    }
    for sql in ["SELECT nick FROM users", "SELECT status FROM orders", "SELECT id FROM products"] {
        assert!(!is_known(&catalog, sql), "{sql}");
    }
}

#[test]
fn what_is_classified_stays_so() {
    let masked = |catalog: &Catalog, sql: &str| {
        let statement = &analyze(catalog, sql).unwrap()[0];
        assert_eq!(statement.command.unknown, None, "{sql}");
        let Output::Columns(columns) = &statement.output else { panic!("{sql}") };
        columns.iter().all(|column| !column.sources.is_empty())
    };
    let catalog = after(&[
        "CREATE TABLE users (id int, email text)",
        "CREATE TABLE copied AS SELECT email AS note, ssn AS other FROM customers",
        "ALTER TABLE customers RENAME COLUMN phone TO telephone",
        "ALTER TABLE people RENAME TO persons",
        "CREATE VIEW seen AS SELECT lower(email) AS x FROM users",
    ])
    .unwrap();
    for sql in [
        "SELECT email FROM users",
        "SELECT * FROM copied",
        "SELECT telephone FROM customers",
        "SELECT tax_id FROM persons",
        "SELECT x FROM seen",
    ] {
        assert!(masked(&catalog, sql), "{sql}");
    }
    assert_eq!(catalog.classified().len(), here().classified().len() + 1);
}

#[test]
fn what_is_not_followed_says_so() {
    for sql in [
        "CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION on_audit()",
        "CREATE RULE r AS ON INSERT TO orders DO ALSO SELECT 1",
        "CREATE POLICY p ON orders USING (true)",
        "CREATE TABLE made (id int DEFAULT next_number())",
        "CREATE TABLE made AS SELECT next_number() AS x",
        "CREATE TABLE made (id int REFERENCES customers ON DELETE CASCADE, email text)",
        "CREATE TABLE made (id int GENERATED ALWAYS AS (next_number()) STORED)",
        "CREATE INDEX ON orders ((next_number()))",
        "ALTER TABLE orders ALTER COLUMN status TYPE text USING next_number()::text",
        "ALTER TABLE orders ATTACH PARTITION products DEFAULT",
        "ALTER TABLE orders INHERIT customers",
        "DROP TABLE orders CASCADE",
        "CREATE DOMAIN d AS text",
        "DO $$ BEGIN END $$",
    ] {
        assert!(here().after(sql, &[0]).is_none(), "{sql}");
    }
    // Nobody knows where it would be made, and whether it is there.
    let elsewhere = |sql: &str| sql_shop::catalog().after(sql, &[0]);
    assert!(elsewhere("CREATE TABLE IF NOT EXISTS orders (id int)").is_none());
    assert!(elsewhere("CREATE OR REPLACE VIEW orders AS SELECT 1 AS id").is_none());
    let made = elsewhere("CREATE TABLE users (id int)").unwrap();
    assert!(is_known(&made, "SELECT id FROM users") && !is_known(&made, "SELECT id FROM a.users"));
    let twice = elsewhere("CREATE TABLE orders (id int)").unwrap();
    assert!(!is_known(&twice, "SELECT id FROM orders"));
}

/// Removed: a view that takes the place of another shows what nobody looks for in those above it.
#[test]
fn a_view_is_replaced_by_a_clean_one_only() {
    let made = here().after("CREATE VIEW seen AS SELECT 1 AS x", &[0]).unwrap();
    assert!(made.after("CREATE OR REPLACE VIEW seen AS SELECT 2 AS x", &[0]).is_some());
    let classified = "CREATE OR REPLACE VIEW seen AS SELECT length(email) AS x FROM customers";
    assert!(made.after(classified, &[0]).is_none());
}

#[test]
fn a_child_is_what_its_parent_is() {
    let catalog = after(&["CREATE TABLE child (extra text) INHERITS (customers)"]).unwrap();
    let shown = |sql: &str| analyze(&catalog, sql).unwrap()[0].output.clone();
    let Output::Columns(columns) = shown("SELECT phone, extra FROM child") else { panic!() };
    assert!(!columns[0].sources.is_empty() && columns[1].sources.is_empty());
}

/// What is taken back is not there for the statements behind.
#[test]
fn statements_of_one_text_follow_each_other() {
    let is_refused = |sql: &str| {
        let statements = analyze(&here(), sql).unwrap();
        statements.last().unwrap().unknown.is_some()
    };
    for sql in [
        "CREATE TABLE a (id int); CREATE INDEX ON a (id); INSERT INTO a VALUES (1)",
        "CREATE VIEW v AS SELECT id FROM orders; SELECT id FROM v",
        "BEGIN; CREATE TABLE a (id int); COMMIT; SELECT id FROM a",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT f()",
    ] {
        assert!(!is_refused(sql), "{sql}");
    }
    for sql in [
        "BEGIN; CREATE TABLE a (id int); ROLLBACK; SELECT id FROM a",
        "SAVEPOINT s; CREATE VIEW v AS SELECT 1; ROLLBACK TO s; SELECT id FROM orders",
        "CREATE TEMP TABLE orders (id int); DISCARD TEMP; SELECT id FROM orders",
        "DROP TABLE orders CASCADE; SELECT id FROM customers",
        "CREATE TABLE a (id int); SELECT nobody FROM a",
    ] {
        assert!(is_refused(sql), "{sql}");
    }
}
