//! The catalog as a transaction sees it that makes and changes tables.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Catalog, Output, analyze};
use portreeve_model::Category;

fn classify(_: &str, _: &str, column: &str) -> Option<Category> {
    (column == "email").then(|| Category::from("email"))
}

fn here() -> Catalog {
    sql_shop::catalog().with_search_path(vec!["public".into(), "archive".into()])
}

/// The catalog after these statements, one after another.
fn after(statements: &[&str]) -> Option<Catalog> {
    statements.iter().try_fold(here(), |catalog, sql| {
        let known = analyze(&catalog, sql).unwrap();
        assert_eq!(known[0].command.unknown, None, "{sql}");
        catalog.after(sql, &classify)
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
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION on_audit()",
        "CREATE TABLE child () INHERITS (orders)",
        "CREATE TABLE made (id int DEFAULT next_number())",
        "CREATE TABLE made AS SELECT next_number() AS x",
        "DROP TABLE orders CASCADE",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        "CREATE DOMAIN d AS text",
        "DO $$ BEGIN END $$",
    ] {
        assert!(here().after(sql, &classify).is_none(), "{sql}");
    }
    // Nobody knows where it would be made.
    assert!(sql_shop::catalog().after("CREATE TABLE users (id int)", &classify).is_none());
}
