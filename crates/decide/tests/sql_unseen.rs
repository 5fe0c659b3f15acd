//! Code that runs unseen, as a real PostgreSQL tells of it: whatever a statement sets off beside
//! what its text says needs `execute` on the function behind it. Each case would pass as a plain
//! read or write if its line in the questions to the target went.
#![allow(missing_docs, clippy::unwrap_used)]

mod sql_shop;

use portreeve_decide::sql::postgres::questions::{self, Answers};
use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, FunctionInput, Output, RelationInput, RelationKind,
    Volatility, analyze,
};
use portreeve_model::Action;
use sql_shop::live::{catalog, rows, text};
use sql_shop::server::Server;
use std::fmt::Write as _;

const SCHEMA: &str = "
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE notes (id int, note text);
CREATE FUNCTION leak(text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN RETURN (SELECT min(email) FROM customers); END $$;
CREATE FUNCTION leak2(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION fixed(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION is_fine(text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN true; END $$;
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION folded() RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT min(email) FROM customers $$;
CREATE OPERATOR -> (FUNCTION = leak2, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR === (FUNCTION = leak2, LEFTARG = text, RIGHTARG = text);
CREATE TYPE boxed AS (value text);
CREATE FUNCTION box(int) RETURNS boxed LANGUAGE plpgsql AS $$ BEGIN RETURN ROW('x'); END $$;
CREATE FUNCTION unbox(boxed) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION boxes_equal(boxed, boxed) RETURNS bool LANGUAGE plpgsql AS
  $$ BEGIN RETURN true; END $$;
CREATE CAST (int AS boxed) WITH FUNCTION box(int);
CREATE CAST (boxed AS int) WITH FUNCTION unbox(boxed) AS IMPLICIT;
CREATE OPERATOR = (FUNCTION = boxes_equal, LEFTARG = boxed, RIGHTARG = boxed);
CREATE DOMAIN checked AS text CHECK (is_fine(VALUE));
CREATE DOMAIN plain AS text CHECK (VALUE <> '');
CREATE DOMAIN twice AS checked;
CREATE TYPE pair AS (a checked, b int);
CREATE TABLE of_domain (id int, value checked);
CREATE TABLE of_plain (id int, value plain);
CREATE TABLE of_box (id int, value boxed);
CREATE TYPE span AS RANGE (subtype = checked);
CREATE DOMAIN list AS checked[];
CREATE TABLE of_list (id int, a checked[], h pair, l list, s span, r of_domain,
  rs of_domain[], ss span[]);
INSERT INTO of_list VALUES (1, '{x}', '(x,1)', '{x}', '[a,b)', '(1,x)', '{\"(1,x)\"}', NULL);
INSERT INTO of_domain VALUES (1, 'x');
INSERT INTO notes VALUES (1, 'x');
CREATE VIEW over_list AS SELECT id, a AS list, h FROM of_list;
CREATE FUNCTION compared(text, text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN bttextcmp($1, $2); END $$;
CREATE OPERATOR CLASS told FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =,
  OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compared(text, text);
CREATE TYPE told_range AS RANGE (subtype = text, subtype_opclass = told);
CREATE TABLE of_told (id int, value told_range);
CREATE TYPE timerange AS RANGE (subtype = time);
CREATE TABLE of_time (id int, during timerange);
CREATE TABLE keyed (id int, value checked) PARTITION BY LIST (value);
CREATE TABLE keyed_list (id int, a checked[]) PARTITION BY LIST (a);
CREATE TABLE keyed_span (id int, s span) PARTITION BY RANGE (s);
CREATE TABLE keyed_told (id int, note text) PARTITION BY RANGE (note told);
CREATE TABLE unkeyed (id int, value checked) PARTITION BY LIST (id);
CREATE TABLE ready (id int, note text);
INSERT INTO ready VALUES (1, 'abc'), (2, 'abd');
CREATE TABLE many (id int, note text, t told_range);
INSERT INTO many VALUES (1, 'a', '[a,b)'), (2, 'b', '[b,c)'), (3, 'c', '[c,d)');
CREATE TABLE with_default (id int, note text DEFAULT leak('x'));
CREATE TABLE with_generated (id int, half int GENERATED ALWAYS AS (fixed(id)) STORED);
CREATE TABLE with_check (id int, note text CHECK (is_fine(note)));
CREATE TABLE with_index (id int);
CREATE INDEX ON with_index (fixed(id));
CREATE TABLE with_predicate (id int);
CREATE INDEX ON with_predicate (id) WHERE fixed(id) > 0;
CREATE TABLE parted (id int) PARTITION BY RANGE (fixed(id));
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9) PARTITION BY LIST (id);
CREATE TABLE parted_2 PARTITION OF parted_1 DEFAULT;
CREATE TABLE whole (id int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10);
CREATE TRIGGER part_watch BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION watch();
CREATE FUNCTION highest() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN 9; END $$;
CREATE FUNCTION inlined(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 < public.highest()';
CREATE TABLE folded_check (id int CHECK (id < highest()));
CREATE TABLE folded_child () INHERITS (folded_check);
CREATE TABLE over_folded_child (id int);
ALTER TABLE folded_check INHERIT over_folded_child;
CREATE TABLE folded_deep (id int CHECK (id < fixed(abs(-5)) + 1));
CREATE TABLE folded_index (id int);
CREATE INDEX ON folded_index (id) WHERE id < highest();
CREATE TABLE folded_key (id int);
CREATE INDEX ON folded_key ((id + fixed(5)));
CREATE TABLE folded_operator (id int CHECK (('a'::text === 'b'::text) <> ''));
CREATE TABLE folded_part (id int) PARTITION BY RANGE ((id + highest()));
CREATE TABLE folded_statistics (id int, more int);
CREATE STATISTICS folded_of ON (id + highest()), more FROM folded_statistics;
CREATE TABLE inlined_check (id int CHECK (inlined(id)));
CREATE VIEW over_folded_index AS SELECT id FROM folded_index;
CREATE TABLE guarded (id int, note text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (is_fine(note));
CREATE TABLE watched (id int);
CREATE TRIGGER watched_insert AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TABLE conditional (id int);
CREATE TRIGGER conditional_insert AFTER INSERT ON conditional FOR EACH ROW
  WHEN (is_fine(NEW.id::text)) EXECUTE FUNCTION watch();
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE);
CREATE TRIGGER child_delete AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION watch();
CREATE TABLE builtin_check (id int,
  CHECK (query_to_xml('SELECT email FROM customers', true, true, '') IS NOT NULL));
CREATE VIEW over_leak AS SELECT leak(note) AS note FROM notes;
CREATE VIEW over_view AS SELECT note FROM over_leak;
CREATE VIEW over_operator AS SELECT note -> 'x' AS note FROM notes;
CREATE VIEW over_hidden AS SELECT value + 1 AS more FROM of_box;
CREATE VIEW over_folded AS SELECT folded() AS x;
CREATE VIEW over_guarded AS SELECT id FROM guarded;
CREATE SEQUENCE counter;
CREATE VIEW over_sequence AS SELECT id, nextval('counter') AS next FROM notes;
CREATE VIEW over_setting AS SELECT set_config('app.x', note, false) AS x FROM notes;
CREATE VIEW over_lock AS SELECT pg_advisory_xact_lock(1) IS NULL AS x FROM notes;
CREATE VIEW over_unlock AS SELECT pg_advisory_unlock_all() IS NULL AS x FROM notes;
CREATE VIEW over_notify AS SELECT pg_notify('x', 'y') IS NULL AS x FROM notes;
CREATE VIEW over_those AS SELECT x FROM over_setting;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM notes;
CREATE TABLE counted (id int);
ALTER TABLE counted ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON counted USING (nextval('counter') > 0);
CREATE TABLE over_counted (id int) INHERITS (notes);
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER wrapper;
CREATE FOREIGN TABLE far (id int) SERVER elsewhere;
CREATE VIEW over_far AS SELECT id FROM far;
CREATE TABLE split (id int) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE split_far PARTITION OF split FOR VALUES FROM (0) TO (9) SERVER elsewhere;
CREATE TABLE clean (id int DEFAULT 1, at timestamptz DEFAULT now(), note text CHECK (note <> ''));
";

/// Statement, and the functions that must be asked about; none: it must pass as it is.
const CASES: &[(&str, &[&str])] = &[
    ("SELECT note -> 'x' FROM notes", &["leak2"]),
    ("SELECT 'a'::text === 'b'", &["leak2"]),
    ("SELECT 'a' OPERATOR(public.===) 'b'", &["leak2"]),
    ("SELECT note FROM over_operator", &["leak2"]),
    ("SELECT 1::boxed", &["box"]),
    ("SELECT CAST(1 AS public.boxed)", &["box"]),
    ("SELECT boxed(1)", &["box"]),
    ("SELECT value FROM of_box", &["unbox", "boxes_equal"]),
    ("SELECT 1 + value FROM of_box", &["unbox"]),
    ("SELECT more FROM over_hidden", &["unbox"]),
    ("INSERT INTO of_box VALUES (1, NULL)", &["box"]),
    ("SELECT 'x'::checked", &["is_fine"]),
    ("SELECT 'x'::twice", &["is_fine"]),
    ("SELECT ARRAY['x']::checked[]", &["is_fine"]),
    ("SELECT '(x,1)'::pair", &["is_fine"]),
    ("SELECT checked 'x'", &["is_fine"]),
    ("SELECT NULL::of_domain", &["is_fine"]),
    ("SELECT * FROM jsonb_to_recordset('[]') AS r(a checked)", &["is_fine"]),
    ("SELECT * FROM jsonb_populate_record(NULL::pair, '{}')", &["is_fine"]),
    ("SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS a checked)", &["is_fine"]),
    ("PREPARE p (checked) AS SELECT 1", &["is_fine"]),
    ("INSERT INTO of_domain VALUES (1, 'x')", &["is_fine"]),
    ("UPDATE of_domain SET value = 'x' WHERE id = 1", &["is_fine"]),
    ("COPY of_domain FROM STDIN", &["is_fine"]),
    ("CREATE TABLE fresh AS SELECT 'x'::checked AS c", &["is_fine"]),
    ("INSERT INTO with_default (id) VALUES (1)", &["leak"]),
    ("INSERT INTO with_generated VALUES (1)", &["fixed"]),
    ("UPDATE with_generated SET id = 2 WHERE id = 1", &["fixed"]),
    ("INSERT INTO with_check VALUES (1, 'x')", &["is_fine"]),
    // What the planner works out, whatever is read.
    ("SELECT id FROM folded_check", &["highest"]),
    ("SELECT id FROM folded_child", &["highest"]),
    ("SELECT id FROM over_folded_child WHERE id = 1", &["highest"]),
    ("SELECT id FROM folded_deep", &["fixed"]),
    ("SELECT id FROM folded_index", &["highest"]),
    ("SELECT id FROM over_folded_index", &["highest"]),
    ("SELECT 1 FROM notes UNION ALL SELECT id FROM folded_index", &["highest"]),
    ("DELETE FROM folded_index WHERE id = 1", &["highest"]),
    ("EXPLAIN SELECT id FROM folded_index", &["highest"]),
    ("SELECT id FROM folded_key", &["fixed"]),
    ("SELECT id FROM folded_operator", &["leak2"]),
    ("SELECT id FROM folded_part", &["highest"]),
    ("SELECT id FROM folded_statistics", &["highest"]),
    ("SELECT id FROM inlined_check", &["inlined"]),
    // What needs a row's value is not worked out without one.
    ("SELECT id FROM with_check WHERE note = 'x'", &[]),
    ("SELECT id FROM with_index WHERE id = 1", &[]),
    ("SELECT id FROM with_predicate", &[]),
    ("SELECT id FROM parted", &[]),
    ("INSERT INTO with_index VALUES (1)", &["fixed"]),
    ("INSERT INTO with_predicate VALUES (1)", &["fixed"]),
    ("INSERT INTO parted VALUES (1)", &["fixed"]),
    ("INSERT INTO parted_1 VALUES (1)", &["fixed"]),
    ("INSERT INTO parted_2 VALUES (1)", &["fixed"]),
    ("UPDATE parted_2 SET id = 2 WHERE id = 1", &["fixed"]),
    ("INSERT INTO whole VALUES (1)", &["watch"]),
    ("SELECT id FROM guarded", &["is_fine"]),
    ("SELECT id FROM over_guarded", &["is_fine"]),
    ("DELETE FROM guarded WHERE id = 1", &["is_fine"]),
    ("INSERT INTO watched VALUES (1)", &["watch"]),
    ("INSERT INTO conditional VALUES (1)", &["watch", "is_fine"]),
    ("DELETE FROM parent WHERE id = 1", &["watch"]),
    ("WITH x AS (DELETE FROM parent WHERE id = 1) SELECT 1", &["watch"]),
    (
        "MERGE INTO watched USING (VALUES (1)) v(i) ON id = i \
         WHEN NOT MATCHED THEN INSERT VALUES (1)",
        &["watch"],
    ),
    ("INSERT INTO builtin_check VALUES (1)", &["query_to_xml"]),
    ("SELECT note FROM over_leak", &["leak"]),
    ("SELECT note FROM over_view", &["leak"]),
    ("EXPLAIN VERBOSE SELECT x FROM over_folded", &["folded"]),
    ("SELECT '{\"a\": 1}'::jsonb -> 'a'", &[]),
    ("SELECT id FROM of_domain", &[]),
    ("SELECT '[a,b)'::told_range", &["compared"]),
    ("SELECT value FROM of_told", &["compared"]),
    ("SELECT coalesce(value, '[a,b)') FROM of_told", &["compared"]),
    ("SELECT during FROM of_time WHERE during && '[10:00,11:00)'", &[]),
    ("INSERT INTO of_time VALUES (1, '[10:00,11:00)'::timerange)", &[]),
    ("SELECT value FROM of_plain", &[]),
    ("INSERT INTO of_plain VALUES (1, 'x')", &[]),
    ("SELECT 'x'::plain", &[]),
    ("SELECT id FROM with_default", &[]),
    ("SELECT id FROM watched WHERE id = 1", &[]),
    ("DELETE FROM watched WHERE id = 1", &[]),
    ("UPDATE notes SET note = 'x' WHERE id = 1", &[]),
    ("INSERT INTO clean (note) VALUES ('x') RETURNING id", &[]),
    ("SELECT id FROM notes WHERE id = 1 AND note = 'x'", &[]),
    ("EXPLAIN SELECT id FROM notes", &[]),
];

/// A constant, or what a column has, becomes a value of an array, a row or a range because of what
/// stands beside it: the domain inside of it is checked.
const BESIDE: &[&str] = &[
    "SELECT a = '{y}' FROM of_list",
    "SELECT id FROM of_list WHERE a = '{y}'",
    "SELECT id FROM of_list WHERE '{y}' = a",
    "SELECT id FROM of_list WHERE a IN ('{y}', '{z}')",
    "SELECT id FROM of_list WHERE a BETWEEN '{y}' AND '{z}'",
    "SELECT id FROM of_list WHERE a IS DISTINCT FROM '{y}'",
    "SELECT id FROM of_list WHERE (id, a) = (1, '{y}')",
    "SELECT id FROM of_list WHERE '{y}' IN (SELECT a FROM of_list)",
    "SELECT id FROM of_list WHERE '[x,y)' = ANY (ss)",
    "SELECT nullif(a, '{y}') FROM of_list",
    "SELECT a || '{y}' FROM of_list",
    "SELECT l || '{y}' FROM of_list",
    "SELECT array_cat(a, '{y}') FROM of_list",
    "SELECT coalesce(a, '{y}') FROM of_list",
    "SELECT coalesce(h, '(y,1)') FROM of_list",
    "SELECT coalesce(l, '{y}') FROM of_list",
    "SELECT coalesce(s, '[x,y)') FROM of_list",
    "SELECT coalesce(r, '(1,y)') FROM of_list",
    "SELECT coalesce(rs, '{\"(1,y)\"}') FROM of_list",
    "SELECT greatest(a, '{y}') FROM of_list",
    "SELECT CASE WHEN id = 1 THEN '{y}' ELSE a END FROM of_list",
    "SELECT CASE a WHEN '{y}' THEN 1 END FROM of_list",
    "SELECT ARRAY[h, '(y,1)'] FROM of_list",
    "SELECT lag(h, 1, '(y,1)') OVER () FROM of_list",
    "SELECT a FROM of_list UNION SELECT '{y}'",
    "SELECT x FROM (VALUES ('{y}')) v(x) UNION ALL SELECT a::text FROM of_list UNION ALL \
     SELECT array_to_string(array_cat(a, '{z}'), '') FROM of_list",
    "SELECT x FROM (SELECT a AS x FROM of_list) t WHERE x = '{y}'",
    "WITH t AS (SELECT h FROM of_list) SELECT coalesce(h, '(y,1)') FROM t",
    "SELECT coalesce(d, '(1,y)') FROM of_domain d",
    "SELECT list = '{y}' FROM over_list",
    "SELECT '{\"(1,y)\"}'::of_domain[]",
    "SELECT '{\"(1,y)\"}'::_of_domain",
    "SELECT id FROM of_list ORDER BY a = '{y}'",
    "SELECT id FROM of_list GROUP BY id, a HAVING a = '{y}'",
    "SELECT jsonb_populate_record(h, '{\"a\": \"y\"}') FROM of_list",
    // Built of a domain's values.
    "SELECT ARRAY[value] = '{y}' FROM of_domain",
    "SELECT coalesce(ARRAY[value], '{y}') FROM of_domain",
    "SELECT array_agg(value) || '{y}' FROM of_domain",
    "SELECT ARRAY(SELECT value FROM of_domain) = '{y}'",
    "SELECT array_append(ARRAY[value], 'y') FROM of_domain",
    "SELECT lag(value, 1, 'y') OVER () FROM of_domain",
    "SELECT lead(value, 1, 'y') OVER () FROM of_domain",
    "SELECT ARRAY[value] FROM of_domain UNION SELECT '{y}'",
    "SELECT id FROM of_domain GROUP BY id HAVING array_agg(value) = '{y}'",
    "SELECT x FROM (SELECT ARRAY[value] AS x FROM of_domain) t WHERE x = '{y}'",
    "SELECT jsonb_populate_record(ROW(value), '{\"f1\": \"y\"}') FROM of_domain",
    "SELECT jsonb_populate_record(x, '{\"value\": \"y\"}') FROM (SELECT value FROM of_domain) x",
    "SELECT jsonb_populate_record(h, jsonb_build_object('a', note)) FROM of_list, notes",
    "SELECT array_append(a, 'y') FROM of_list",
    "SELECT array_remove(a, 'y') FROM of_list",
    "SELECT btarraycmp(a, '{y}') FROM of_list",
    "SELECT rank('{y}') WITHIN GROUP (ORDER BY a) FROM of_list",
    "SELECT dense_rank(1, '{y}') WITHIN GROUP (ORDER BY id, a) FROM of_list",
    "SELECT percent_rank('(y,1)') WITHIN GROUP (ORDER BY h) FROM of_list",
    "SELECT cume_dist('[x,y)') WITHIN GROUP (ORDER BY s) FROM of_list",
    "SELECT rank('(1,y)') WITHIN GROUP (ORDER BY d) FROM of_domain d",
    "SELECT rank('{y}') WITHIN GROUP (ORDER BY ARRAY[value]) FROM of_domain",
];

/// Definitions, and what runs as soon as they are made.
const DEFINED: &[(&str, &str)] = &[
    ("CREATE TABLE p PARTITION OF keyed FOR VALUES IN ('y')", "is_fine"),
    ("CREATE TABLE p PARTITION OF keyed FOR VALUES IN (upper('y'))", "is_fine"),
    ("CREATE TABLE p PARTITION OF keyed_list FOR VALUES IN ('{y}')", "is_fine"),
    ("CREATE TABLE p PARTITION OF keyed_span FOR VALUES FROM ('[a,b)') TO ('[c,d)')", "is_fine"),
    ("CREATE TABLE p PARTITION OF keyed_told FOR VALUES FROM ('a') TO ('b')", "compared"),
    ("ALTER TABLE keyed_told ATTACH PARTITION ready FOR VALUES FROM ('a') TO ('b')", "compared"),
    ("CREATE TABLE p PARTITION OF keyed_list (a DEFAULT '{y}') DEFAULT", "is_fine"),
    ("ALTER TABLE of_list ALTER COLUMN a SET DEFAULT '{y}'", "is_fine"),
    ("ALTER TABLE of_list ALTER h SET DEFAULT '(y,1)', ALTER id SET DEFAULT 1", "is_fine"),
    ("CREATE TABLE p (LIKE of_list, CHECK (a = '{y}'))", "is_fine"),
    ("CREATE TABLE p (CHECK (a = '{y}')) INHERITS (of_list)", "is_fine"),
    ("CREATE INDEX ON many (note told)", "compared"),
    ("CREATE INDEX ON many (lower(note) public.told DESC, id)", "compared"),
    ("CREATE UNIQUE INDEX ON many (t)", "compared"),
    ("CREATE INDEX ON many ((coalesce(t, t)))", "compared"),
    ("ALTER TABLE many ADD UNIQUE (t)", "compared"),
    ("ALTER TABLE many ADD PRIMARY KEY (t)", "compared"),
    ("ALTER TABLE many ADD EXCLUDE USING btree (note told WITH =)", "compared"),
];

/// Definitions by which nothing runs.
const DEFINED_QUIETLY: &[&str] = &[
    "CREATE TABLE p PARTITION OF unkeyed FOR VALUES IN (1)",
    "CREATE TABLE p PARTITION OF keyed_list DEFAULT",
    "ALTER TABLE of_list ALTER COLUMN a DROP DEFAULT, ALTER id SET DEFAULT 1",
    "ALTER TABLE of_domain ALTER value SET DEFAULT 'y'",
    "CREATE TABLE p (LIKE of_list, CHECK (id > 1))",
    "CREATE INDEX ON many (note, id)",
    "CREATE INDEX ON many (note text_pattern_ops) WHERE note = 'x'",
    "CREATE INDEX ON of_domain (value)",
    "CREATE INDEX ON of_list (a, h)",
    "ALTER TABLE many ADD UNIQUE (note)",
    "ALTER TABLE of_domain ADD UNIQUE (value), ADD EXCLUDE USING btree (id WITH =)",
];

/// Nothing becomes a value that is checked.
const APART: &[&str] = &[
    "SELECT a, h, s, r FROM of_list WHERE id = 1",
    "SELECT * FROM of_list WHERE id = $1",
    "SELECT a[1], array_length(a, 1), cardinality(a), array_to_string(a, ',') FROM of_list",
    "SELECT a = a, coalesce(a, NULL) FROM of_list",
    "SELECT CASE WHEN l.id = 9 THEN a ELSE ARRAY[note] END FROM of_list l, notes",
    "SELECT CASE WHEN id = 9 THEN a ELSE (SELECT array_agg(note) FROM notes) END FROM of_list",
    "SELECT a || note, array_append(a, note), array_cat(a, ARRAY[note]) FROM of_list, notes",
    "SELECT x.id FROM of_list x JOIN of_list y ON x.a = y.a WHERE x.id = 1 AND y.h = x.h",
    "SELECT value, coalesce(value, 'y'), value || 'y' FROM of_domain WHERE value = 'y'",
    "SELECT value FROM of_domain WHERE value IN ('x', $1) ORDER BY value",
    "SELECT max(value), array_agg(value), ARRAY[value, 'y'] FROM of_domain GROUP BY value",
    "SELECT lag(value) OVER (), nullif(value, 'y') FROM of_domain UNION SELECT 'y', 'z'",
    "SELECT id FROM of_domain GROUP BY id HAVING max(value) = 'y'",
    "SELECT to_jsonb(d), row_to_json(d), to_jsonb(d) || '{\"x\": 1}' FROM of_domain d",
    "SELECT jsonb_build_object('list', a, 'row', h), concat(a, 'x') FROM of_list",
    "SELECT json_agg(d) FROM of_domain d WHERE id = 1",
    "SELECT d FROM of_domain d WHERE d.value = 'x'",
    "SELECT rank('y') WITHIN GROUP (ORDER BY value) FROM of_domain",
    "SELECT rank(ARRAY['y']::text[]) WITHIN GROUP (ORDER BY a::text[]) FROM of_list",
    "SELECT id, CASE WHEN a IS NULL THEN 'none' ELSE 'some' END FROM of_list",
];

fn executes(catalog: &Catalog, sql: &str) -> Vec<String> {
    let statements = analyze(catalog, sql).unwrap();
    let needs = statements.iter().flat_map(|statement| &statement.command.needs);
    needs
        .filter(|need| need.action == Action::Execute)
        .map(|need| need.object.path.last().cloned().unwrap_or_default())
        .collect()
}

#[test]
fn whatever_runs_unseen_is_asked_about() {
    let server = Server::start();
    server.psql("postgres", SCHEMA);
    let known = catalog(&server, &[]);
    let mut wrong = String::new();
    for (sql, expected) in CASES {
        let found = executes(&known, sql);
        let is_right = if expected.is_empty() {
            found.is_empty() && analyze(&known, sql).unwrap()[0].command.unknown.is_none()
        } else {
            expected.iter().all(|name| found.iter().any(|known| known == name))
        };
        if !is_right {
            let shown = sql_shop::render(&known, sql);
            writeln!(wrong, "{sql}: expected {expected:?}, found {found:?}\n{shown}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");

    // What has effects beside its result, or may hold anything, is not called clean.
    for sql in ["SELECT note -> 'x' FROM notes", "SELECT more FROM over_hidden", "SELECT 1::boxed"]
    {
        let Output::Columns(columns) = &analyze(&known, sql).unwrap()[0].output else {
            panic!("{sql}")
        };
        assert!(!columns[0].sources.is_empty(), "{sql}");
    }
    let explained = &analyze(&known, "EXPLAIN SELECT x FROM over_folded").unwrap()[0];
    assert!(matches!(explained.output, Output::Open));

    // Who looks after the gateway can say that a function is harmless.
    let relaxed = catalog(&server, &["is_fine", "leak2"]);
    for sql in ["SELECT 'x'::twice", "SELECT note -> 'x' FROM notes", "SELECT id FROM guarded"] {
        assert_eq!(executes(&relaxed, sql), Vec::<String>::new(), "{sql}");
    }
    let sum = &analyze(&relaxed, "SELECT leak2(note, email) FROM notes, customers").unwrap()[0];
    assert!(sql_shop::render(&relaxed, "SELECT leak2('a', 'b')").contains("column leak2\n"));
    let Output::Columns(columns) = &sum.output else { panic!("{sum:?}") };
    assert_eq!(columns[0].sources.len(), 1);
}

#[test]
fn what_becomes_a_value_of_a_type_beside_it_is_asked_about() {
    let server = Server::start();
    server.psql("postgres", SCHEMA);
    let known = catalog(&server, &[]);
    let is_asked = |sql: &str| executes(&known, sql).contains(&"is_fine".to_owned());
    let unasked: Vec<_> = BESIDE.iter().filter(|sql| !is_asked(sql)).collect();
    let asked = APART.iter().map(|sql| (sql, executes(&known, sql)));
    let needless: Vec<_> = asked.filter(|(_, asked)| !asked.is_empty()).collect();
    assert!(unasked.is_empty(), "{unasked:#?}");
    assert!(needless.is_empty(), "{needless:#?}");

    // The server itself says whether the check runs.
    server.psql("postgres", RAISING);
    let idle: Vec<_> = BESIDE.iter().filter(|sql| !runs(&server, sql)).collect();
    let running: Vec<_> = APART.iter().filter(|sql| runs(&server, sql)).collect();
    assert!(idle.is_empty(), "these run no check: {idle:#?}");
    assert!(running.is_empty(), "these run one: {running:#?}");
}

/// What a domain and an operator class call says that it runs.
const RAISING: &str = "
CREATE OR REPLACE FUNCTION is_fine(text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
CREATE OR REPLACE FUNCTION compared(text, text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
";

/// Whether the server runs one of them for a statement. What the statement has done is taken back.
fn runs(server: &Server, sql: &str) -> bool {
    let sql = sql.replace('\'', "''").replace("$1", "NULL");
    let asked = format!(
        "BEGIN; DO $do$ BEGIN EXECUTE '{sql}'; EXCEPTION WHEN raise_exception THEN \
           RAISE NOTICE 'x'; PERFORM set_config('app.ran', 'yes', true); END $do$; \
         SELECT 'answer ' || coalesce(nullif(current_setting('app.ran', true), ''), 'no'); ROLLBACK"
    );
    let printed = server.psql("postgres", &asked);
    assert!(printed.contains("answer "), "{sql}");
    printed.contains("answer yes")
}

#[test]
fn what_a_definition_runs_is_asked_about() {
    let server = Server::start();
    server.psql("postgres", SCHEMA);
    let known = catalog(&server, &[]);
    let is_asked = |(sql, name): &&(&str, &str)| executes(&known, sql).contains(&name.to_string());
    let unasked: Vec<_> = DEFINED.iter().filter(|case| !is_asked(case)).collect();
    let asked = DEFINED_QUIETLY.iter().map(|sql| (sql, executes(&known, sql)));
    let needless: Vec<_> = asked.filter(|(_, asked)| !asked.is_empty()).collect();
    assert!(unasked.is_empty(), "{unasked:#?}");
    assert!(needless.is_empty(), "{needless:#?}");

    server.psql("postgres", RAISING);
    let idle: Vec<_> = DEFINED.iter().filter(|(sql, _)| !runs(&server, sql)).collect();
    let running: Vec<_> = DEFINED_QUIETLY.iter().filter(|sql| runs(&server, sql)).collect();
    assert!(idle.is_empty(), "these run nothing: {idle:#?}");
    assert!(running.is_empty(), "these run something: {running:#?}");

    // It runs as soon as there is a partition, which the same transaction may make.
    let key = "CREATE TABLE p (id int, b text) PARTITION BY RANGE (b told)";
    assert_eq!(executes(&known, key), ["compared"]);
    let in_turn = "CREATE TABLE p (LIKE of_list) PARTITION BY LIST (a); \
                   CREATE TABLE q PARTITION OF p FOR VALUES IN ('{y}')";
    // Where code runs beside the table that it is like, nobody follows it.
    assert!(analyze(&known, in_turn).unwrap()[1].command.unknown.is_some());
    let in_turn = "CREATE TABLE p (id int, email text) PARTITION BY LIST (email); \
                   CREATE TABLE q PARTITION OF p FOR VALUES IN ('y'); SELECT id FROM q";
    let needs = &analyze(&known, in_turn).unwrap()[2].command.needs;
    assert!(needs.iter().any(|need| need.action == Action::Filter), "{needs:?}");
}

/// Functions of the server that make an argument one of another's type, or give one.
const POLYMORPHIC: &str = "
SELECT DISTINCT p.proname FROM pg_proc p,
  LATERAL (SELECT count(*) FROM unnest(p.proargtypes) a JOIN pg_type t ON t.oid = a
           WHERE t.typname ~ '^any.') given(number),
  LATERAL (SELECT count(*) FROM pg_type t WHERE t.oid = p.prorettype AND t.typname ~ '^any.')
    gives(number)
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND given.number + gives.number > 1
  AND 'internal'::regtype <> ALL (p.proargtypes) ORDER BY 1";

/// A name that the list does not have would let code run where a constant stands beside a value
/// of a domain.
#[test]
fn the_list_of_polymorphic_functions_is_the_servers() {
    let server = Server::start();
    server.psql("postgres", "CREATE TABLE t (a text)");
    let mut builder = CatalogBuilder::new();
    let code = ["t", "20000", "c", "f", "public", "is_fine"].map(|cell| Some(cell.to_owned()));
    let domain = ["20000", "public", "checked", "25"].map(|cell| Some(cell.to_owned()));
    builder.relation(RelationInput {
        oid: 20001,
        schema: "public".into(),
        name: "t".into(),
        kind: RelationKind::Table,
        columns: vec![ColumnInput {
            name: "value".into(),
            attnum: 1,
            type_oid: 20000,
            type_name: String::new(),
            category: None,
            generated: None,
        }],
        definition: None,
        parents: Vec::new(),
        has_triggers: false,
        has_rules: false,
    });
    let (types, code) = ([domain.to_vec()], [code.to_vec()]);
    questions::add(&mut builder, Answers { types: &types, code: &code, ..Answers::default() });
    let known = builder.build();
    let names = rows(&server, POLYMORPHIC);
    assert!(names.len() > 80, "{names:?}");
    let unasked: Vec<String> = names
        .iter()
        .map(|row| text(row, 0))
        .filter(|name| {
            let sql = format!("SELECT \"{name}\"(ARRAY[value], 'x') FROM t");
            executes(&known, &sql).is_empty() && analyze(&known, &sql).unwrap()[0].unknown.is_none()
        })
        .collect();
    assert!(unasked.is_empty(), "{unasked:?}");
}

/// Proven to change nothing.
const READS: &[&str] = &[
    "SELECT 1",
    "SELECT note FROM notes WHERE id = $1",
    "SELECT note FROM notes WHERE id = 1 UNION SELECT email FROM customers ORDER BY 1 LIMIT 5",
    "WITH x AS (SELECT id FROM notes) SELECT count(*) FROM x JOIN customers USING (id)",
    "VALUES (1), (2)",
    "TABLE notes",
    "SELECT now(), random(), gen_random_uuid(), pg_sleep(0), current_setting('app.x')",
    "SELECT relname FROM pg_class",
    "SELECT value FROM of_plain",
    "SELECT 'x'::plain",
    "SELECT last_value FROM counter",
    "SELECT id FROM kept",
    "SELECT id FROM watched",
    "SELECT id FROM with_default",
    "COPY notes TO STDOUT",
    "COPY (SELECT id FROM notes) TO STDOUT",
    "FETCH 10 FROM c",
    "EXECUTE p(1, lower('x'))",
];

/// May change something, whatever else is said of it, or nobody has proven that it does not.
const CHANGES: &[&str] = &[
    "INSERT INTO notes VALUES (1, 'x')",
    "WITH x AS (DELETE FROM notes WHERE id = 1 RETURNING id) SELECT id FROM x",
    "SELECT id INTO fresh FROM notes",
    "SELECT id FROM notes FOR UPDATE",
    "SELECT id FROM notes FOR KEY SHARE",
    "SELECT nextval('counter')",
    "SELECT id FROM notes WHERE setval('counter', id) > 0",
    "SELECT set_config('app.x', 'y', false)",
    "SELECT id FROM notes ORDER BY set_config('app.x', note, true)",
    "SELECT pg_notify('a', 'b')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_advisory_unlock(1)",
    "SELECT pg_advisory_unlock_all()",
    "SELECT lo_creat(1)",
    "SELECT pg_terminate_backend(1)",
    "SELECT pg_export_snapshot()",
    "SELECT leak('x')",
    "SELECT fixed(1)",
    "SELECT note FROM over_leak",
    "SELECT 1 WHERE 'a'::text === 'b'",
    "SELECT 'x'::checked",
    "SELECT id FROM guarded",
    "SELECT next FROM over_sequence",
    "SELECT id FROM over_sequence",
    "SELECT x FROM over_setting",
    "SELECT x FROM over_those",
    "SELECT x FROM over_lock",
    "SELECT x FROM over_unlock",
    "SELECT x FROM over_notify",
    "SELECT id FROM counted",
    "SELECT id FROM far",
    "SELECT id FROM over_far",
    "SELECT id FROM split",
    "SELECT n.id FROM notes n, LATERAL (SELECT f.id FROM far f WHERE f.id = n.id) x",
    "EXECUTE p(nextval('counter'))",
    "EXECUTE p(leak('x'))",
    "SELECT nothing FROM nowhere",
    "EXPLAIN ANALYZE INSERT INTO notes VALUES (1, 'x')",
    "COPY notes FROM STDIN",
    "COPY (DELETE FROM notes WHERE id = 1 RETURNING id) TO STDOUT",
    "COPY (SELECT nextval('counter')) TO STDOUT",
    "REFRESH MATERIALIZED VIEW kept",
    "DECLARE c CURSOR FOR SELECT id FROM notes",
    "PREPARE p AS SELECT 1",
    "SET work_mem = '4MB'",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "LISTEN x",
    "DISCARD ALL",
    "CALL leak('x')",
    "DO 'begin end'",
    "LOCK TABLE notes",
];

fn only_reads(catalog: &Catalog, sql: &str) -> bool {
    analyze(catalog, sql).unwrap().iter().all(|statement| statement.command.only_reads())
}

/// What is proven to read only passes one barrier instead of two: everything else must not be
/// taken for it.
#[test]
fn what_only_reads_is_proven() {
    let server = Server::start();
    server.psql("postgres", SCHEMA);
    let known = catalog(&server, &[]);
    let unproven: Vec<_> = READS.iter().filter(|sql| !only_reads(&known, sql)).collect();
    assert!(unproven.is_empty(), "not proven: {unproven:#?}");
    let wrong: Vec<_> = CHANGES.iter().filter(|sql| only_reads(&known, sql)).collect();
    assert!(wrong.is_empty(), "taken for reads: {wrong:#?}");
    assert!(!only_reads(&known, "SELECT 1; INSERT INTO notes VALUES (1, 'x')"));

    // Somebody's word that a function is harmless is no proof, wherever it runs.
    let relaxed = catalog(&server, &["fixed", "is_fine"]);
    for sql in ["SELECT fixed(1)", "SELECT id FROM guarded", "SELECT id FROM over_guarded"] {
        assert!(executes(&relaxed, sql).is_empty() && !only_reads(&relaxed, sql), "{sql}");
    }

    // A value that may set something off can stand anywhere.
    server.psql("postgres", "CREATE DOMAIN ticking AS int CHECK (nextval('counter') > VALUE);");
    let ticking = catalog(&server, &[]);
    assert!(!only_reads(&ticking, "SELECT 1::ticking"));

    // Without knowing all code, and where the open transaction has changed definitions, nothing
    // is proven.
    assert!(!only_reads(&CatalogBuilder::new().build(), "SELECT 1"));
}

#[test]
fn a_cast_that_nobody_writes_runs_anywhere() {
    let mut builder = CatalogBuilder::new();
    builder.function(FunctionInput {
        schema: "public".into(),
        name: "turned".into(),
        volatility: Volatility::Immutable,
        language: "plpgsql".into(),
    });
    let code = ["*", "0", "o", "f", "public", "turned"].map(|cell| Some(cell.to_owned())).to_vec();
    questions::add(&mut builder, Answers { code: &[code], ..Answers::default() });
    let known = builder.build();
    assert_eq!(executes(&known, "SELECT 1 + 1"), ["turned"]);
    assert_eq!(analyze(&known, "SELECT 1 + 1").unwrap()[0].output, Output::Unproven);
    assert_eq!(executes(&known, "COMMIT"), Vec::<String>::new());
}

#[test]
fn touching_is_told_apart() {
    let server = Server::start();
    server.psql("postgres", SCHEMA);
    let known = catalog(&server, &[]);
    let touches = |sql: &str| analyze(&known, sql).unwrap()[0].touches_classified;
    for sql in [
        "INSERT INTO clean (note) VALUES ('')",
        "INSERT INTO parent VALUES (1)",
        "UPDATE notes SET id = 1",
        "DELETE FROM notes WHERE id = 'x'",
        "COPY notes FROM STDIN",
        "ALTER TABLE notes ADD COLUMN more int",
    ] {
        assert!(!touches(sql), "{sql}");
    }
    for sql in [
        "INSERT INTO customers VALUES (1, 'x')",
        "INSERT INTO watched VALUES (1)",
        "SELECT email FROM customers",
        "DELETE FROM parent WHERE id = 1",
        "CREATE INDEX ON customers (email)",
    ] {
        assert!(touches(sql), "{sql}");
    }
}
