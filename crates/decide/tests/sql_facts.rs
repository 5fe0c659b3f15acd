//! What policy may ask about a command as a whole: locks, probes, bounds, changes, guards.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::{Catalog, Statement, analyze};
use portreeve_model::{Action, Change};

fn one(catalog: &Catalog, sql: &str) -> Statement {
    let mut statements = analyze(catalog, sql).unwrap();
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0)
}

fn objects(statement: &Statement, action: Action) -> Vec<String> {
    let needs = statement.command.needs.iter().filter(|need| need.action == action);
    needs.map(|need| need.object.to_string()).collect()
}

#[test]
fn bounds() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, expected: Option<bool>| {
        let statement = one(&catalog, sql);
        assert_eq!(statement.command.unknown, None, "{sql}");
        assert_eq!(statement.command.facts.bounded, expected, "{sql}");
    };
    for sql in [
        "DELETE FROM orders WHERE id = 1",
        "DELETE FROM orders WHERE id = $1",
        "DELETE FROM orders WHERE 1 = id",
        "DELETE FROM orders o WHERE o.id IN (1, 2)",
        "DELETE FROM orders WHERE id = ANY($1)",
        "DELETE FROM orders WHERE id BETWEEN 1 AND 9",
        "DELETE FROM orders WHERE status = 'x' AND true",
        "DELETE FROM orders WHERE id = 1 OR id = 2",
        "DELETE FROM orders WHERE id::text = '1'",
        "DELETE FROM orders WHERE status LIKE 'a%'",
        "DELETE FROM orders WHERE status IS NULL",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE status = 'x')",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders LIMIT 5)",
        "DELETE FROM orders WHERE id IN (VALUES (1), (2))",
        "WITH batch AS (SELECT id FROM orders WHERE status = 'x' LIMIT 9) \
         DELETE FROM orders WHERE id IN (SELECT id FROM batch)",
        "WITH batch AS (SELECT id FROM orders WHERE status = 'x') \
         DELETE FROM orders o USING batch b WHERE o.id = b.id",
        "DELETE FROM orders o USING customers c WHERE o.customer_id = c.id AND c.country = 'DE'",
        "DELETE FROM orders o WHERE EXISTS \
         (SELECT 1 FROM customers c WHERE c.id = o.customer_id AND c.country = 'DE')",
        "UPDATE orders SET status = 'x' WHERE id = 1",
        "UPDATE orders o SET status = v.s FROM (VALUES (1, 'a')) v(i, s) WHERE o.id = v.i",
        "UPDATE orders o SET status = 'x' FROM unnest($1::int[]) AS v(i) WHERE o.id = v.i",
        "UPDATE orders SET status = 'x' WHERE CURRENT OF c",
        "INSERT INTO orders (id) VALUES (1)",
        "INSERT INTO orders (id) SELECT id FROM orders WHERE id = 1",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = 'x'",
        "MERGE INTO orders o USING (VALUES (1)) v(i) ON o.id = v.i WHEN MATCHED THEN DELETE",
        "COPY orders FROM STDIN",
    ] {
        check(sql, Some(true));
    }
    for sql in [
        "DELETE FROM orders",
        "DELETE FROM orders WHERE true",
        "DELETE FROM orders WHERE 1 = 1",
        "DELETE FROM orders WHERE id = id",
        "DELETE FROM orders WHERE orders.id = orders.id",
        "DELETE FROM orders WHERE id = id + 0",
        "DELETE FROM orders WHERE id - id = 0",
        "DELETE FROM orders WHERE 1 = 1 OR id = 1",
        "DELETE FROM orders WHERE id = 1 OR id <> 1",
        "DELETE FROM orders WHERE id <> 0",
        "DELETE FROM orders WHERE NOT (id = 0)",
        "DELETE FROM orders WHERE id IS NOT NULL",
        "DELETE FROM orders WHERE status LIKE '%'",
        "DELETE FROM orders WHERE status LIKE '%_%'",
        "DELETE FROM orders WHERE status ~ ''",
        "DELETE FROM orders WHERE id IS NOT DISTINCT FROM id",
        "DELETE FROM orders WHERE coalesce(id, 1) = id",
        "DELETE FROM orders WHERE (SELECT 1) = 1",
        "DELETE FROM orders WHERE EXISTS (SELECT 1)",
        "DELETE FROM orders WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = 1)",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders)",
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders UNION ALL VALUES (1))",
        "DELETE FROM orders WHERE id IN (SELECT o.id FROM orders o, products p WHERE p.id = 1)",
        "DELETE FROM orders WHERE id IN (SELECT orders.id)",
        "DELETE FROM orders WHERE EXISTS (SELECT 1 FROM orders WHERE orders.id = 1)",
        "DELETE FROM orders WHERE EXISTS (SELECT 1 FROM orders WHERE id = 1)",
        "DELETE FROM orders WHERE EXISTS (SELECT 1 FROM products p WHERE p.name = 'x')",
        "DELETE FROM orders WHERE id IN (SELECT orders.id FROM products WHERE name = 'x')",
        "DELETE FROM orders WHERE customer_id IN (SELECT customer_id FROM products WHERE name = 'x')",
        "DELETE FROM orders WHERE id IN (SELECT products.id FROM products WHERE status = 'x')",
        "WITH batch AS (SELECT id FROM orders LIMIT 9) \
         DELETE FROM orders WHERE customer_id IN (SELECT customer_id FROM batch)",
        "DELETE FROM orders WHERE id IN (VALUES (orders.id))",
        "DELETE FROM orders o USING customers c WHERE o.customer_id = c.id",
        "DELETE FROM orders o USING customers c WHERE c.id = 1",
        "DELETE FROM orders o USING (SELECT 1 AS i) v WHERE v.i = 1",
        "DELETE FROM orders o USING products p LEFT JOIN (VALUES (1)) v(i) ON p.id = v.i \
         WHERE o.id = p.id",
        "UPDATE orders SET status = 'x'",
        "UPDATE orders SET status = 'x' WHERE status = status",
        "INSERT INTO orders (id) SELECT id FROM orders",
        "MERGE INTO orders o USING orders p ON o.id = p.id WHEN MATCHED THEN DELETE",
        "MERGE INTO orders o USING (VALUES (1)) v(i) ON true WHEN MATCHED THEN DELETE",
        "TRUNCATE orders",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT id FROM gone WHERE id = 1",
        "WITH gone AS (DELETE FROM orders RETURNING id) UPDATE products SET name = 'x' WHERE id = 1",
    ] {
        check(sql, Some(false));
    }
    for sql in ["SELECT id FROM orders", "CREATE TABLE t (id int)", "EXPLAIN DELETE FROM orders"] {
        check(sql, None);
    }
}

#[test]
fn changes() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, expected: Option<Change>| {
        assert_eq!(one(&catalog, sql).command.facts.change, expected, "{sql}");
    };
    check("CREATE TABLE t (id int)", Some(Change::Create));
    check("CREATE TABLE t AS SELECT 1 AS x", Some(Change::Create));
    check("SELECT 1 AS x INTO t", Some(Change::Create));
    check("CREATE INDEX i ON orders (id)", Some(Change::Create));
    check("CREATE VIEW v AS SELECT 1 AS x", Some(Change::Create));
    check("CREATE OR REPLACE VIEW v AS SELECT 1 AS x", Some(Change::Change));
    check("CREATE ROLE r", Some(Change::Create));
    check("ALTER TABLE orders ADD COLUMN x int", Some(Change::Change));
    check("ALTER TABLE orders RENAME COLUMN status TO state", Some(Change::Change));
    check("ALTER TABLE orders DROP COLUMN status", Some(Change::Drop));
    check("ALTER TABLE orders ADD COLUMN x int, DROP COLUMN status", Some(Change::Drop));
    check("DROP TABLE orders", Some(Change::Drop));
    check("DROP ROLE r", Some(Change::Drop));
    check("TRUNCATE orders", None);
    check("SELECT id FROM orders", None);
}

#[test]
fn locks() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, expected: &[&str]| {
        assert_eq!(objects(&one(&catalog, sql), Action::Lock), expected, "{sql}");
    };
    let orders: &[&str] = &["public.orders"];
    check("SELECT id FROM orders FOR UPDATE", orders);
    check("SELECT id FROM orders FOR NO KEY UPDATE", orders);
    check("SELECT id FROM orders FOR SHARE SKIP LOCKED", orders);
    check("SELECT id FROM orders FOR KEY SHARE", orders);
    check("SELECT count(*) FROM (SELECT 1 FROM orders FOR UPDATE) x", orders);
    check("SELECT count(*) FROM (SELECT 1 FROM orders) x FOR UPDATE", orders);
    check("WITH x AS (SELECT id FROM orders FOR UPDATE) SELECT id FROM x", orders);
    check("SELECT 1 WHERE EXISTS (SELECT 1 FROM orders FOR UPDATE)", orders);
    check("SELECT o.id FROM orders o JOIN products p ON p.id = o.id FOR UPDATE OF o", orders);
    check(
        "SELECT o.id FROM orders o JOIN products p ON p.id = o.id FOR UPDATE",
        &["public.orders", "public.products"],
    );
    check("SELECT id FROM v_totals, orders FOR UPDATE OF orders", orders);
    check("DECLARE c CURSOR FOR SELECT id FROM orders FOR UPDATE", orders);
    check("LOCK TABLE orders", orders);
    check("LOCK TABLE orders IN ROW SHARE MODE", orders);
    check("LOCK TABLE orders IN ACCESS SHARE MODE", &[]);
    check("SELECT id FROM orders", &[]);
    for function in [
        "pg_advisory_lock(1)",
        "pg_advisory_lock_shared(1)",
        "pg_advisory_xact_lock(1, 2)",
        "pg_try_advisory_lock(1)",
        "pg_try_advisory_xact_lock_shared(1)",
    ] {
        check(&format!("SELECT {function}"), &["the resource"]);
        check(&format!("SELECT id FROM orders WHERE {function} IS NULL"), &["the resource"]);
    }
    // Pools give back what a session has taken, whatever it may take.
    check("SELECT pg_advisory_unlock_all()", &[]);
    check("SELECT pg_advisory_unlock(1)", &[]);
}

#[test]
fn probes() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, expected: u64| {
        let statement = one(&catalog, sql);
        assert_eq!(statement.command.unknown, None, "{sql}");
        let facts = statement.command.facts;
        assert_eq!(facts.probes, expected, "{sql}");
        let probed = objects(&statement, Action::Probe);
        assert_eq!(expected > 0, !probed.is_empty(), "{sql}: {probed:?}");
    };
    let at_least = |sql: &str, least: u64| {
        let probes = one(&catalog, sql).command.facts.probes;
        assert!(probes >= least, "{sql}: {probes}");
    };
    check("SELECT id FROM customers WHERE email = 'a'", 1);
    check("SELECT id FROM customers WHERE email = $1", 1);
    check("SELECT id FROM customers WHERE email <> 'a'", 1);
    check("SELECT id FROM customers WHERE email IN ('a', 'b', $1)", 3);
    check("SELECT id FROM customers WHERE email NOT IN ('a', 'b')", 2);
    check("SELECT id FROM customers WHERE email = ANY(ARRAY['a', 'b'])", 2);
    check("SELECT id FROM customers WHERE email = ANY('{a,b,c}')", 3);
    check("SELECT id FROM customers WHERE email = ANY($1)", 1);
    for list in [
        "xpath('//a/text()', $1::xml)::text[]",
        "string_to_array($1, ',')",
        "array_append($1, 'a')",
        "('{' || $1 || '}')::text[]",
        "ARRAY[$1]",
        "parse_ident($1)",
    ] {
        at_least(&format!("SELECT id FROM customers WHERE email = ANY({list})"), 1_000);
    }
    for rows in ["unnest($1::text[])", "json_array_elements_text($1)", "string_to_table($1, ',')"] {
        at_least(&format!("SELECT c.id FROM customers c, {rows} t(x) WHERE email = x"), 1_000);
        at_least(&format!("SELECT id FROM customers WHERE email IN (SELECT {rows})"), 1_000);
    }
    let listed = |sql: &str| one(&catalog, sql).listed;
    assert_eq!(listed("SELECT id FROM customers WHERE email = ANY($2::text[])"), [2]);
    assert_eq!(listed("EXPLAIN ANALYZE SELECT id FROM customers WHERE email <> ALL($1)"), [1]);
    check("SELECT id FROM customers WHERE $1 = ANY(ARRAY[email])", 1);
    check("SELECT id FROM customers WHERE email IS NOT DISTINCT FROM 'a'", 1);
    check("SELECT id FROM customers WHERE email LIKE 'a'", 1);
    check("SELECT id FROM customers WHERE email LIKE $1", 1);
    check("SELECT id FROM customers WHERE email LIKE 'a%'", 0);
    check("SELECT id FROM customers WHERE dob BETWEEN 'a' AND 'b'", 0);
    check("SELECT id FROM customers WHERE dob < 'a'", 0);
    check("SELECT id FROM customers WHERE country = 'DE'", 0);
    check("SELECT CASE email WHEN 'a' THEN 1 WHEN 'b' THEN 2 END FROM customers", 2);
    check("SELECT CASE WHEN email = 'a' THEN 1 END FROM customers", 1);
    check("SELECT nullif(email, 'a') IS NULL FROM customers", 1);
    check("SELECT count(*) FILTER (WHERE email = 'a') FROM customers", 1);
    check("SELECT max(email) = 'a' FROM customers", 1);
    check("SELECT id FROM customers ORDER BY email = 'a'", 1);
    check("SELECT id FROM customers WHERE lower(email) = 'a'", 1);
    check("SELECT id FROM customers WHERE email || '' IN ('a', 'b')", 2);
    check("SELECT c.id FROM customers c JOIN (VALUES ('a'), ('b')) v(x) ON c.email = v.x", 2);
    check("SELECT c.id FROM customers c JOIN (VALUES ('a'), ('b')) v(email) USING (email)", 2);
    check("SELECT id FROM customers WHERE email IN (VALUES ('a'), ('b'))", 2);
    check("SELECT id FROM customers WHERE email IN (SELECT unnest(ARRAY['a', 'b']))", 2);
    check("SELECT email FROM customers INTERSECT VALUES ('a'), ('b')", 2);
    check("SELECT c.id FROM customers c, generate_series(1, 500) n WHERE c.ssn = n::text", 500);
    // What is not there is NULL, and the mask leaves NULL visible.
    check("SELECT to_jsonb(email) -> 'a' FROM customers", 1);
    check("SELECT to_jsonb(email) ->> $1 FROM customers", 1);
    check("SELECT to_jsonb(email) -> 'a' -> 'b' FROM customers", 2);
    check("SELECT to_jsonb(email) #>> '{a,b,c}' FROM customers", 3);
    check("SELECT to_jsonb(email) #> ARRAY['a', 'b'] FROM customers", 2);
    check("SELECT (to_jsonb(email))['a'] FROM customers", 1);
    check("SELECT (ARRAY[email])[2] FROM customers", 1);
    check("SELECT (ARRAY[email])[2:3] FROM customers", 2);
    check("SELECT to_jsonb(country) -> 'a' FROM customers", 0);
    check("SELECT row_to_json(c) ->> 'email' FROM customers c", 0);
    check("SELECT to_jsonb(c) -> 'email' -> 'a' FROM customers c", 1);
    check("SELECT to_jsonb(c) #> '{email,a}' FROM customers c", 2);
    at_least(
        "SELECT id FROM customers WHERE dob IN \
        (SELECT generate_series('1900-01-01'::date, '2000-01-01', '1 day')::text)",
        36_500,
    );
    at_least("SELECT c.id FROM customers c, string_to_table('a,b,c', ',') t(x) WHERE email = x", 3);
    at_least(
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9999) \
         SELECT c.id FROM customers c, n WHERE c.ssn = n.i::text",
        9_999,
    );
    at_least(
        "SELECT c.id FROM customers c, (VALUES ('a'), ('b')) x(a), (VALUES ('c'), ('d')) y(b) \
         WHERE c.email = x.a || y.b",
        4,
    );
}

#[test]
fn how_many_rows_a_write_changes_is_told_by_its_own_answer_only() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, untold: bool| {
        assert_eq!(one(&catalog, sql).command.facts.untold, untold, "{sql}");
    };
    for sql in [
        "SELECT id FROM orders",
        "UPDATE orders SET status = 'x' WHERE id = 1",
        "DELETE FROM orders",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = 'x'",
        "WITH x AS (SELECT 1 AS id) DELETE FROM orders USING x WHERE orders.id = x.id",
        "MERGE INTO orders o USING (SELECT 1 AS id) x ON o.id = x.id WHEN MATCHED THEN DELETE",
        "COPY orders (id) FROM STDIN",
        "EXPLAIN DELETE FROM orders",
        "BEGIN",
    ] {
        check(sql, false);
    }
    for sql in [
        "TRUNCATE orders",
        "WITH x AS (DELETE FROM orders RETURNING id) SELECT id FROM x",
        "WITH x AS (DELETE FROM orders RETURNING id) INSERT INTO orders (id) SELECT id FROM x",
        "EXPLAIN ANALYZE DELETE FROM orders",
        "CREATE TABLE made AS WITH x AS (DELETE FROM orders RETURNING id) SELECT id FROM x",
        "COPY (DELETE FROM orders RETURNING id) TO STDOUT",
    ] {
        check(sql, true);
    }
}

#[test]
fn aggregation() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, expected: bool| {
        assert_eq!(one(&catalog, sql).command.facts.aggregated, expected, "{sql}");
    };
    for sql in [
        "SELECT count(*) FROM orders",
        "SELECT json_agg(o) FROM orders o",
        "SELECT status, string_agg(id::text, ',') FROM orders GROUP BY status",
        "SELECT (SELECT jsonb_agg(id) FROM orders)",
        "SELECT ARRAY(SELECT id FROM orders)",
        "SELECT x.a FROM (SELECT array_agg(id) AS a FROM orders) x",
        "WITH w AS (SELECT max(id) AS m FROM orders) SELECT m + 1 FROM w",
        "SELECT mode() WITHIN GROUP (ORDER BY status) FROM orders",
        "SELECT status FROM orders GROUP BY status",
    ] {
        check(sql, true);
    }
    for sql in [
        "SELECT id FROM orders",
        "SELECT sum(amount) OVER (ORDER BY id) FROM orders",
        "SELECT lower(status) FROM orders",
        "SELECT DISTINCT status FROM orders",
    ] {
        check(sql, false);
    }
}

#[test]
fn guards() {
    let shop = sql_shop::catalog();
    let guard = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let guarded = shop.with_guards([
        guard("default_transaction_read_only", "on"),
        guard("statement_timeout", "5000"),
    ]);
    let check = |catalog: &Catalog, sql: &str, expected: bool| {
        let found = objects(&one(catalog, sql), Action::Administer);
        assert_eq!(!found.is_empty(), expected, "{sql}");
    };
    for sql in [
        "SET default_transaction_read_only = off",
        "SET transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET TRANSACTION READ WRITE",
        "BEGIN READ WRITE",
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE",
        "SET statement_timeout = 0",
        "SET statement_timeout = '6s'",
        "SET LOCAL statement_timeout TO '1h'",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT set_config('statement_timeout', $1, false)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET statement_timeout = 0 AS 'SELECT 1'",
    ] {
        check(&guarded, sql, true);
        check(&shop, sql, sql.contains("$1"));
    }
    for sql in [
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER ROLE app SET statement_timeout = 0",
        "ALTER DATABASE app SET default_transaction_read_only = off",
        "ALTER SYSTEM SET statement_timeout = 0",
    ] {
        check(&shop, sql, true);
    }
    for sql in [
        "SET statement_timeout = '4s'",
        "SET default_transaction_read_only = on",
        "BEGIN READ ONLY",
        "RESET statement_timeout",
        "SET lock_timeout = 0",
        "SET search_path = archive",
        "SET app.tenant = '7'",
        "SELECT set_config('app.tenant', $1, true)",
        "SELECT current_setting($1)",
        "SET work_mem = '64MB'",
    ] {
        check(&guarded, sql, false);
    }
}

/// Removed: nobody looks at what a client stores, and masks become values.
#[test]
fn the_classified_columns_that_are_written() {
    let catalog = sql_shop::catalog();
    let check = |sql: &str, expect: &[&str]| {
        let statement = one(&catalog, sql);
        assert_eq!(statement.command.unknown, None, "{sql}");
        let writes: Vec<_> = statement.writes.iter().map(|one| one.column.as_str()).collect();
        assert_eq!(writes, expect, "{sql}");
    };
    check("UPDATE people SET tax_id = $1 WHERE name = 'x'", &["tax_id"]);
    check("UPDATE people SET (name, tax_id) = ROW($1, $2)", &["tax_id"]);
    check("UPDATE people SET name = $1 WHERE tax_id = '[national-id]'", &[]);
    check("INSERT INTO people VALUES ($1, $2)", &["tax_id"]);
    check("INSERT INTO people (name) VALUES ($1)", &[]);
    check("INSERT INTO people SELECT a, b FROM (VALUES ($1, $2)) v (a, b)", &["tax_id"]);
    check(
        "INSERT INTO people (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET tax_id = $2",
        &["tax_id"],
    );
    check(
        "MERGE INTO people p USING (VALUES ($1, $2)) v (n, t) ON p.name = v.n \
         WHEN MATCHED THEN UPDATE SET tax_id = v.t WHEN NOT MATCHED THEN INSERT VALUES (v.n, v.t)",
        &["tax_id"],
    );
    check("WITH w AS (UPDATE people SET tax_id = $1 RETURNING 1) SELECT * FROM w", &["tax_id"]);
    check("COPY people FROM STDIN", &["tax_id"]);
    check("COPY people (name) FROM STDIN", &[]);
    check("DELETE FROM people WHERE tax_id = $1", &[]);
}
