"""Statements that change something, dressed as statements that do not.

On a direct connection each changes a table, a file, a setting of others, or makes an object.
`{dir}` is a folder that the server may write to.
"""

from .case import Case, case

SIMPLE = {"simple_only": True}

WRITES: tuple[Case, ...] = (
    # What an open relay of this field let through.
    case(
        "cr-ends-comment", "SELECT 1 --\r; DELETE FROM victim", note="-- ends at \\r too", **SIMPLE
    ),
    case("ident-dollar", "SELECT 1 AS a$$; DELETE FROM victim; SELECT 2 AS b$$", **SIMPLE),
    case("dollar-tag-digit", "SELECT $a1$ ' $a1$; DELETE FROM victim --'", **SIMPLE),
    case("estring-continuation", "SELECT E'a'\n'b\\''; DELETE FROM victim --'", **SIMPLE),
    case(
        "scs-off-set",
        "SELECT 'a\\''; DELETE FROM victim --'",
        "SET standard_conforming_strings=off",
        **SIMPLE,
    ),
    case(
        "scs-off-startup",
        "SELECT 'a\\''; DELETE FROM victim --'",
        options={"options": "-c standard_conforming_strings=off"},
        **SIMPLE,
    ),
    case(
        "scs-off-startup-parameter",
        "SELECT 'a\\''; DELETE FROM victim --'",
        options={"standard_conforming_strings": "off"},
        **SIMPLE,
    ),
    case(
        "scs-off-set-config",
        "SELECT 'a\\''; DELETE FROM victim --'",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
        **SIMPLE,
    ),
    case(
        "cte-materialized",
        "WITH x AS MATERIALIZED (DELETE FROM victim RETURNING *) SELECT count(*) FROM x",
    ),
    case(
        "cte-not-materialized",
        "WITH x AS NOT MATERIALIZED (DELETE FROM victim RETURNING *) SELECT count(*) FROM x",
    ),
    case("explain-quoted-analyze", 'EXPLAIN ("analyze") DELETE FROM v2'),
    case("oversize-8MiB", "DELETE FROM victim --" + "x" * (9 << 20), **SIMPLE),
    case("select-into", "select 1 as a into t_new"),
    case("copy-to-program", "COPY (SELECT 1) TO PROGRAM 'touch {dir}/mark'"),
    case("lo-write", "select lo_from_bytea(0,'abc')"),
    # Plain, and in every place where a statement fits.
    case("plain", "DELETE FROM victim"),
    case("second-statement", "SELECT 1; DELETE FROM victim", **SIMPLE),
    case("after-many", "SELECT 1;" * 300 + "DELETE FROM victim", **SIMPLE),
    case("after-empty", ";;; ;DELETE FROM victim", **SIMPLE),
    case("behind-comment", "/* SELECT */ DELETE FROM victim"),
    case("nested-comment", "/* /* */ SELECT 1; -- */ DELETE FROM victim"),
    case("nested-comment-2", "SELECT 1 /* /* */ ; */; DELETE FROM victim /* */", **SIMPLE),
    case("bom-spaces", "\t\n\f\r DELETE FROM victim"),
    case("unicode-identifier", 'DELETE FROM U&"v\\0069ctim"'),
    case("unicode-uescape", "DELETE FROM U&\"v!0069ctim\" UESCAPE '!'"),
    case("quoted-qualified", 'DELETE FROM "public"."victim"'),
    case("only-parens", "DELETE FROM ONLY (victim)"),
    case("mixed-case", "dElEtE fRoM VICTIM"),
    case("update-from", "UPDATE victim SET v = 'x' FROM v2 WHERE victim.id = v2.id"),
    case("delete-using", "DELETE FROM victim USING v2 WHERE victim.id = v2.id"),
    case("truncate", "TRUNCATE victim CASCADE"),
    case("truncate-two", "TRUNCATE TABLE ONLY victim, v2"),
    case("insert-returning", "INSERT INTO victim VALUES (99, 'x') RETURNING id"),
    case("insert-select", "INSERT INTO victim SELECT id + 50, v FROM v2"),
    case(
        "insert-on-conflict",
        "INSERT INTO victim VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET v = 'x'",
    ),
    case("merge", "MERGE INTO victim USING v2 ON victim.id = v2.id WHEN MATCHED THEN DELETE"),
    case(
        "cte-chain", "WITH b AS (DELETE FROM victim RETURNING 1), a AS (SELECT * FROM b) SELECT 1"
    ),
    case("cte-unused", "WITH x AS (DELETE FROM victim) SELECT 1"),
    case(
        "cte-in-insert-select",
        "WITH x AS (UPDATE victim SET v='x' RETURNING id) SELECT * FROM orders LIMIT 1",
    ),
    case(
        "cte-copy", "COPY (WITH x AS (DELETE FROM victim RETURNING id) SELECT * FROM x) TO STDOUT"
    ),
    case("copy-returning", "COPY (DELETE FROM victim RETURNING id) TO STDOUT"),
    case("explain-analyze", "EXPLAIN ANALYZE DELETE FROM victim"),
    case("explain-analyze-options", "EXPLAIN (COSTS off, ANALYZE 1) DELETE FROM victim"),
    case("explain-analyze-on", "EXPLAIN (analyze on, format json) DELETE FROM victim"),
    case("explain-analyze-cte", "EXPLAIN ANALYZE WITH x AS (DELETE FROM victim) SELECT 1"),
    case("explain-ctas", "EXPLAIN ANALYZE CREATE TABLE t_new AS SELECT 1"),
    case("explain-execute", "EXPLAIN ANALYZE EXECUTE p", "PREPARE p AS DELETE FROM victim"),
    case("prepare-execute", "EXECUTE p", "PREPARE p AS DELETE FROM victim"),
    case("prepare-execute-one-message", "PREPARE p AS DELETE FROM victim; EXECUTE p", **SIMPLE),
    case("prepare-quoted", 'EXECUTE "P p"', 'PREPARE "P p" AS DELETE FROM victim'),
    case("prepare-shadow", "EXECUTE q(1)", "PREPARE q(int) AS DELETE FROM victim WHERE id >= $1"),
    case("ctas-execute", "CREATE TABLE t_new AS EXECUTE p", "PREPARE p AS SELECT 1 AS a"),
    case("do-block", "DO $x$ BEGIN DELETE FROM victim; END $x$"),
    case("do-dynamic", "DO $x$ BEGIN EXECUTE 'DEL' || 'ETE FROM victim'; END $x$"),
    case("do-language-first", "DO LANGUAGE plpgsql 'BEGIN DELETE FROM victim; END'"),
    case("function-plpgsql", "SELECT wipe_victim()"),
    case("function-sql", "SELECT wipe_victim_sql()"),
    case("function-in-from", "SELECT * FROM wipe_victim()"),
    case("function-in-where", "SELECT 1 FROM orders WHERE wipe_victim() = 1 LIMIT 1"),
    case("function-in-values", "VALUES (wipe_victim())"),
    case("function-in-limit", "SELECT 1 LIMIT wipe_victim()"),
    case("function-in-lateral", "SELECT * FROM orders o, LATERAL wipe_victim() w LIMIT 1"),
    case("function-in-default", "SELECT coalesce(NULL, wipe_victim())"),
    case("function-as-column", "SELECT v2.wipe_row FROM v2 LIMIT 1"),
    case("call-procedure", "CALL wipe()"),
    case("function-in-order-by", "SELECT id FROM orders ORDER BY wipe_victim() LIMIT 1"),
    case("function-in-case", "SELECT CASE WHEN wipe_victim() > 0 THEN 1 END"),
    case("function-in-explain", "EXPLAIN ANALYZE SELECT wipe_victim()"),
    case("function-in-execute-argument", "EXECUTE p(wipe_victim())", "PREPARE p(int) AS SELECT $1"),
    case(
        "cursor-function", "FETCH ALL FROM c", "BEGIN", "DECLARE c CURSOR FOR SELECT wipe_victim()"
    ),
    case("cursor-hold", "COMMIT", "BEGIN", "DECLARE c CURSOR WITH HOLD FOR SELECT wipe_victim()"),
    case("new-function", "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'select 1'"),
    case(
        "new-function-pg-temp",
        "SELECT pg_temp.f()",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE plpgsql AS "
        "$$BEGIN DELETE FROM victim; RETURN 1; END$$",
    ),
    case("query-to-xml", "SELECT query_to_xml('select wipe_victim()', true, true, '')"),
    case(
        "query-to-xmlschema",
        "SELECT query_to_xml_and_xmlschema('select wipe_victim()', true, true, '')",
    ),
    case("ts-stat", "SELECT * FROM ts_stat('select to_tsvector(''a'') from wipe_victim()')"),
    case(
        "ts-rewrite",
        "SELECT ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery from wipe_victim()')",
    ),
    case("nextval", "SELECT nextval('counter')"),
    case("setval", "SELECT setval('counter', 500)"),
    case("ddl-drop", "DROP TABLE work.other"),
    case("ddl-drop-cascade", "DROP TABLE IF EXISTS nothing, v2 CASCADE"),
    case("ddl-drop-owned", "DROP SCHEMA attic CASCADE"),
    case("ddl-alter", "ALTER TABLE victim ADD COLUMN extra int"),
    case("ddl-rename", "ALTER TABLE victim RENAME TO harmless"),
    case("ddl-create", "CREATE TABLE t_new (a int)"),
    case("ddl-ctas", "CREATE TABLE t_new AS SELECT * FROM customers"),
    case("ddl-ctas-if", "CREATE TABLE IF NOT EXISTS t_new AS SELECT * FROM customers WITH NO DATA"),
    case("ddl-select-into-unlogged", "SELECT * INTO UNLOGGED t_new FROM customers"),
    case("ddl-select-into-union", "SELECT 1 AS a INTO t_new UNION SELECT 2"),
    case("ddl-view", "CREATE OR REPLACE VIEW t_view AS SELECT * FROM customers"),
    case("ddl-matview", "CREATE MATERIALIZED VIEW t_mat AS SELECT * FROM customers"),
    case("ddl-refresh", "REFRESH MATERIALIZED VIEW contacts_stored WITH NO DATA"),
    case("ddl-index", "CREATE INDEX t_index ON customers (email)"),
    case("ddl-rule", "CREATE RULE r AS ON INSERT TO v2 DO INSTEAD DELETE FROM victim"),
    case(
        "ddl-trigger",
        "CREATE TRIGGER t BEFORE UPDATE ON v2 FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    case("ddl-policy", "CREATE POLICY p ON victim USING (true)"),
    case("ddl-schema-elements", "CREATE SCHEMA t_schema CREATE TABLE a (b int)"),
    case("ddl-type", "CREATE TYPE t_type AS ENUM ('a')"),
    case("ddl-domain", "CREATE DOMAIN t_domain AS text CHECK (true)"),
    case(
        "ddl-operator", "CREATE OPERATOR #### (leftarg = text, rightarg = text, function = texteq)"
    ),
    case("ddl-cast", "CREATE CAST (contact AS text) WITH INOUT AS IMPLICIT"),
    case("ddl-extension", "CREATE EXTENSION IF NOT EXISTS dblink"),
    case("ddl-server", "CREATE FOREIGN DATA WRAPPER w"),
    case("ddl-comment", "COMMENT ON TABLE victim IS 'owned'"),
    case("ddl-aggregate", "CREATE AGGREGATE t_agg (text) (sfunc = textcat, stype = text)"),
    case(
        "ddl-replace-function",
        "CREATE OR REPLACE FUNCTION first_email() RETURNS text LANGUAGE sql AS 'select ''x''::text'",
    ),
    case("ddl-alter-default", "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC"),
    case("ddl-reassign", "ALTER TABLE victim OWNER TO alice"),
    case("ddl-unlogged", "ALTER TABLE v2 SET UNLOGGED"),
    case("grant", "GRANT ALL ON victim TO PUBLIC"),
    case(
        "grant-role",
        "GRANT pg_read_all_data TO alice",
        cleanup="REVOKE pg_read_all_data FROM alice",
    ),
    case("revoke", "REVOKE ALL ON victim FROM alice"),
    case("role", "CREATE ROLE intruder SUPERUSER LOGIN", cleanup="DROP ROLE intruder"),
    case(
        "role-alter", "ALTER ROLE alice SET work_mem = '1MB'", cleanup="ALTER ROLE alice RESET ALL"
    ),
    case(
        "role-password",
        "ALTER USER alice PASSWORD NULL",
        cleanup="ALTER USER alice PASSWORD '{password}'",
    ),
    case(
        "database-setting",
        "ALTER DATABASE template1 SET work_mem = '1MB'",
        cleanup="ALTER DATABASE template1 RESET ALL",
    ),
    case(
        "alter-system",
        "ALTER SYSTEM SET log_min_messages = 'error'",
        cleanup="ALTER SYSTEM RESET ALL",
    ),
    case(
        "tablespace-comment",
        "COMMENT ON TABLESPACE pg_default IS 'owned'",
        cleanup="COMMENT ON TABLESPACE pg_default IS NULL",
    ),
    case("lo-create", "SELECT lo_create(0)"),
    case("lo-creat", "SELECT lo_creat(-1)"),
    case("lo-import", "SELECT lo_import('/etc/hostname')"),
    case("lo-put", "SELECT lo_put(lo_create(0), 0, 'x')"),
    case(
        "lo-export", "SELECT lo_export(424242, '{dir}/mark')", "SELECT lo_from_bytea(424242, 'x')"
    ),
    case("copy-to-file", "COPY victim TO '{dir}/mark'"),
    case("copy-query-to-file", "COPY (SELECT 1) TO '{dir}/mark' WITH (FORMAT csv)"),
    case("copy-from-program", "COPY victim FROM PROGRAM 'printf \"77\\tx\\n\"'"),
    case("copy-from-file", "COPY victim (id, v) FROM '{dir}/in'"),
    case("nextval-nested", "SELECT count(*) FROM orders WHERE id < nextval('counter')"),
    case("nextval-quoted", "SELECT \"nextval\"('public.counter'::regclass)"),
    case("nextval-unicode", "SELECT U&\"n\\0065xtval\"('counter')"),
    case("set-role", "DELETE FROM victim", "SET ROLE portreeve"),
    case("set-session-auth", "DELETE FROM victim", "SET SESSION AUTHORIZATION portreeve"),
    case("read-only-off", "DELETE FROM victim", "BEGIN READ ONLY", "SET TRANSACTION READ WRITE"),
    case("search-path", "DELETE FROM victim", "SET search_path = pg_catalog, public"),
    case("temp-view", "DELETE FROM t1", "CREATE TEMP VIEW t1 AS SELECT * FROM victim"),
    case(
        "temp-rule",
        "INSERT INTO pg_temp.bait VALUES (1)",
        "CREATE TEMP TABLE bait (a int)",
        "CREATE RULE r AS ON INSERT TO pg_temp.bait DO ALSO DELETE FROM victim",
    ),
    case("updatable-view", "DELETE FROM victim_view WHERE v LIKE 'keep%'"),
    case("update-set-subselect", "UPDATE v2 SET v = (SELECT v FROM victim LIMIT 1)"),
    case("lock-table", "INSERT INTO v2 VALUES (77, 'x')", "BEGIN", "LOCK TABLE victim"),
    case(
        "writable-materialized",
        "WITH a AS MATERIALIZED (INSERT INTO victim VALUES (88, 'x') RETURNING *), "
        "b AS (SELECT * FROM a) SELECT count(*) FROM b",
    ),
    case("values-cte", "WITH d AS (DELETE FROM v2 RETURNING id) VALUES (1)"),
    case("table-cte", "WITH d AS (DELETE FROM v2 RETURNING id) TABLE d"),
    case(
        "declare-cursor-where-current",
        "DELETE FROM victim WHERE CURRENT OF c",
        "BEGIN",
        "DECLARE c CURSOR FOR SELECT * FROM victim FOR UPDATE",
        "FETCH 1 FROM c",
    ),
    case("begin-chain", "BEGIN; DELETE FROM victim; COMMIT AND CHAIN; ROLLBACK", **SIMPLE),
    case("rollback-then", "ROLLBACK; DELETE FROM victim", **SIMPLE),
    case("savepoint", "DELETE FROM victim", "BEGIN", "SAVEPOINT a", "RELEASE a"),
)
