//! What a table demands of its values, and which rows are in a partition, tells what values are:
//! who stores classified ones there, or reads there, needs `filter` on them.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::analyze;
use portreeve_model::Action;
use sql_shop::live::catalog;
use sql_shop::server::Server;

/// Tables that demand something of what is stored in them.
const DEMANDING: &str = "
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE customers_2 (id int, email text);
CREATE TABLE customers_long (id int, email varchar);
CREATE TABLE customers_short (id int, email varchar(3));
CREATE TABLE customers_shorter (id int, email varchar(2));
CREATE TABLE customers_checked (id int, email text CHECK (email < 'm'));
CREATE TABLE customers_checked_2 (id int, email text CHECK (email < 'm'));
CREATE TABLE customers_once (id int, email text UNIQUE);
CREATE TABLE customers_indexed (id int, email text);
CREATE INDEX ON customers_indexed ((email::int));
CREATE TABLE customers_number (id int, email int);
CREATE TABLE customers_made (id int, email text, half int GENERATED ALWAYS AS (email::int) STORED);
CREATE TABLE customers_guarded (id int, email text);
CREATE POLICY p ON customers_guarded WITH CHECK (email < 'm');
CREATE TABLE customers_apart (id int CHECK (id > 1), email text, note text UNIQUE);
CREATE TABLE customers_parted (id int, email text) PARTITION BY RANGE (left(email, 1));
CREATE TABLE customers_part PARTITION OF customers_parted FOR VALUES FROM ('a') TO ('m')
  PARTITION BY LIST (id);
CREATE TABLE customers_part_1 PARTITION OF customers_part DEFAULT;
CREATE TABLE customers_by_id (id int, email text) PARTITION BY LIST (id);
CREATE TABLE customers_by_id_1 PARTITION OF customers_by_id DEFAULT;
";

/// Whether a value can be stored, or which rows are somewhere, tells what it is.
#[test]
fn what_a_table_demands_is_not_told_of_classified_values() {
    let server = Server::start();
    server.psql("postgres", DEMANDING);
    let known = catalog(&server, &[]);
    let filters = |sql: &str| {
        let statements = analyze(&known, sql).unwrap();
        assert!(statements.iter().all(|it| it.command.unknown.is_none()), "{sql}");
        let needs = statements.iter().flat_map(|statement| statement.command.needs.clone());
        let column = |name: &String| name == "email";
        needs
            .filter(|need| need.action == Action::Filter)
            .any(|need| need.object.path.last().is_some_and(column))
    };
    let copy = |from: &str, to: &str| format!("INSERT INTO {to} SELECT id, email FROM {from}");
    for table in ["customers", "customers_number", "customers_short", "customers_apart"] {
        assert!(!filters(&copy(table, table)), "{table}");
    }
    for (from, to) in [
        // Beside values that one has put there oneself, equal ones would tell.
        ("customers", "customers_2"),
        ("customers", "customers_by_id_1"),
        ("customers", "customers_short"),
        ("customers_short", "customers_shorter"),
        ("customers", "customers_checked"),
        ("customers", "customers_once"),
        ("customers_once", "customers_checked"),
        ("customers", "customers_indexed"),
        ("customers", "customers_number"),
        ("customers", "customers_made"),
        ("customers", "customers_guarded"),
        ("customers", "customers_parted"),
        ("customers", "customers_part"),
        ("customers", "customers_part_1"),
    ] {
        assert!(filters(&copy(from, to)), "{from} {to}");
    }
    let parts = ["customers_part", "customers_part_1"];
    for part in parts {
        assert!(filters(&format!("SELECT id FROM {part}")), "{part}");
        assert!(filters(&format!("COPY {part} TO STDOUT")), "{part}");
        assert!(filters(&format!("DELETE FROM {part} WHERE id = 1")), "{part}");
        assert!(!filters(&format!("INSERT INTO {part} VALUES (1, 'abc')")), "{part}");
    }
    for sql in [
        "SELECT id FROM customers_parted",
        "SELECT id, email FROM customers_by_id_1",
        "UPDATE customers_checked SET email = 'abc' WHERE id = 1",
        "SELECT tableoid::regclass FROM customers",
        "SELECT c.tableoid, xmin FROM customers c",
        // What psql asks of partitions: no bound with values is written like that.
        "SELECT pg_catalog.pg_get_expr(c.relpartbound, c.oid) FROM pg_catalog.pg_class c \
           ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.oid",
        "SELECT pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.quote_ident(option_name) || \
           ' ' || pg_catalog.quote_literal(option_value) FROM \
           pg_catalog.pg_options_to_table(srvoptions) ORDER BY option_name), ', ') || ')' \
           FROM pg_catalog.pg_foreign_server",
        "UPDATE customers_once SET email = email WHERE id = 1",
    ] {
        assert!(!filters(sql), "{sql}");
    }
    for sql in [
        "UPDATE customers_checked c SET email = o.email FROM customers o WHERE o.id = c.id",
        "MERGE INTO customers_checked c USING customers o ON o.id = c.id \
           WHEN NOT MATCHED THEN INSERT VALUES (o.id, o.email)",
        "INSERT INTO customers_once AS c SELECT id, email FROM customers ON CONFLICT DO NOTHING",
        "SELECT tableoid FROM customers_parted WHERE tableoid = 1",
        "SELECT 1 FROM pg_class c WHERE pg_get_expr(c.relpartbound, c.oid) = 'FOR VALUES IN (1)'",
        "SELECT 1 FROM pg_class c WHERE pg_get_expr(c.relpartbound, c.oid) > 'DEFAULT'",
        "SELECT 1 FROM pg_class c, (VALUES ('DEFAULT')) v(x) WHERE pg_get_expr(c.relpartbound, c.oid) = x",
        "SELECT 1 FROM pg_foreign_server, pg_options_to_table(srvoptions) WHERE option_value = 'x'",
        "SELECT 1 FROM pg_stat_activity, pg_options_to_table(ARRAY[query])",
        "SELECT repeat(option_value, 9999999) || 'x' FROM pg_foreign_server, \
           pg_options_to_table(srvoptions)",
        "BEGIN; CREATE TABLE customers_new (id int, email text CHECK (email < 'm')); \
           INSERT INTO customers_new SELECT id, email FROM customers",
    ] {
        assert!(filters(sql), "{sql}");
    }
}
