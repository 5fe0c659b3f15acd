"""Reads of classified values, dressed so that a gateway that looks for names sees nothing.

On a direct connection the answer of each holds a marker (or a row that is made of classified
values and nothing else). Through the gateway no marker may come in any byte of the answer,
and no such row.
"""

from .case import Case, case

SIMPLE = {"simple_only": True}
DO = "do $$ begin {} end $$"

MASKS: tuple[Case, ...] = (
    # What an open relay of this field let through.
    case("plain", "select * from customers"),
    case("alias", "select ssn as x from customers"),
    case("expr", "select ssn||'' from customers"),
    case("row-to-json", "select row_to_json(c) from customers c"),
    case("split", "select split_part(email,'@',1), split_part(email,'@',2) from customers"),
    case("encode", "select encode(email::bytea,'hex') from customers"),
    case("copy-out", "copy (select email,ssn from customers) to stdout"),
    case("cast-error", "select ssn::int from customers"),
    case(
        "raise-notice",
        DO.format("raise notice '%', (select ssn||' '||email from customers limit 1);"),
    ),
    case(
        "parameter-status",
        "select set_config('application_name',(select email||' '||ssn from customers limit 1),false)",
    ),
    case(
        "notify",
        "select pg_notify('c',(select email||' '||ssn from customers limit 1))",
        "listen c",
    ),
    case(
        "cte-shadow-name",
        "select (with customers as (select 1) select 1), email from customers limit 1",
    ),
    case("unicode-table", 'select email from U&"c\\0075stomers" limit 1'),
    case("comma-join", "select c.email from victim v, customers c limit 1"),
    case("comma-join-function", "select c.email from generate_series(1,1) g, customers c limit 1"),
    case("comma-join-subquery", "select c.email from (select 1) a, customers c limit 1"),
    case("only-parens", "select email from only (customers) limit 1"),
    case("query-to-xml", "select query_to_xml('select email from customers limit 1',true,true,'')"),
    case("table-to-xml", "select table_to_xml('customers',true,true,'')"),
    # Names.
    case("quoted", 'select "email" from "public"."customers"'),
    case("table-command", "table customers"),
    case("column-alias-list", "select c.f from customers as c(a,b,e,d,f)"),
    case("cte-alias-list", "with x(a,b) as (select id, ssn from customers) select b from x"),
    case("view", "select contact, number from customer_contacts"),
    case("view-of-view", "select c from nested_contacts"),
    case("materialized-view", "select email from contacts_stored"),
    case("partition", "select email from people_eu"),
    case("partitioned", "select email from people"),
    case("inherited", "select email from base_people"),
    case("odd-names", 'select "E-Mail" from "Odd Names"'),
    case("odd-names-star", 'select * from "Odd Names" o("select", "E-Mail")'),
    case("other-schema", "select email from attic.customers"),
    case("search-path", "select email from customers", "set search_path = attic, public"),
    case(
        "temp-shadow",
        "select * from shadow",
        "create temp view shadow as select email from customers",
    ),
    case(
        "temp-table",
        "select * from pg_temp.t",
        "create temp table t as select email from customers",
    ),
    case("select-into-temp", "select * from t", "select email into temp t from customers"),
    case("prepared", "execute p", "prepare p as select ssn from customers"),
    case("prepared-renamed", 'execute "p"', "prepare p as select email as city from customers"),
    case("system-columns", "select ctid, c from customers c"),
    case("using-join", "select email from customers join orders o(oid, id) using (id)"),
    case("natural-join", "select full_name from customers natural join (select 1 as id) x"),
    # Derived.
    case("concat", "select 'x' || email || 'y' from customers"),
    case("concat-function", "select concat(email, ssn) from customers"),
    case("concat-ws-row", "select concat_ws(',', c.*) from customers c"),
    case("format", "select format('%s', email) from customers"),
    case("substr", "select substr(ssn, 1, 6), substr(ssn, 5) from customers"),
    case("left-right", "select left(email, 9), right(email, 15) from customers"),
    case("reverse", "select reverse(email) from customers"),
    case("upper-lower", "select upper(email), lower(full_name), initcap(full_name) from customers"),
    case("translate", "select translate(ssn, '-', '') from customers"),
    case("replace", "select replace(email, '@', ' at ') from customers"),
    case(
        "regexp",
        "select regexp_replace(email, '(.*)@(.*)', '\\1 \\2'), "
        "(regexp_match(email, '^[^@]+'))[1] from customers",
    ),
    case("regexp-split", "select regexp_split_to_table(email, '@') from customers"),
    case("string-to-array", "select string_to_array(email, '@') from customers"),
    case("unnest", "select unnest(aliases) from customers"),
    case("array-agg", "select array_agg(email) from customers"),
    case("string-agg", "select string_agg(email, ',') from customers"),
    case("json-agg", "select json_agg(c) from customers c"),
    case("jsonb-build", "select jsonb_build_object('a', email) from customers"),
    case("jsonb-path", "select profile->>'nick' from customers"),
    case("jsonb-path-query", "select jsonb_path_query(profile, '$.tel') from customers"),
    case("jsonb-each", "select j.value from customers, jsonb_each_text(profile) j"),
    case("to-json-each", "select j.* from customers c, json_each_text(to_json(c)) j"),
    case("hstore-like-row", "select c::text from customers c"),
    case("row-constructor", "select row(email, ssn) from customers"),
    case("whole-row", "select c from customers c"),
    case("whole-row-star", "select (c).* from (select c from customers c) s"),
    case("whole-row-field", "select (c).email from customers c"),
    case("functional-notation", "select email(c) from customers c"),
    case("case", "select case when id > 0 then email end from customers"),
    case("coalesce", "select coalesce(null, email) from customers"),
    case("nullif", "select nullif(email, 'x') from customers"),
    case("greatest", "select greatest(email, '') from customers"),
    case("min-max", "select min(email), max(ssn) from customers"),
    case("array-index", "select (array[email, ssn])[2] from customers"),
    case("array-subquery", "select array(select email from customers)"),
    case("scalar-subquery", "select (select email from customers where id = 1)"),
    case("union", "select city from customers union all select email from customers"),
    case("union-first", "select 'x' union select ssn from customers"),
    case("intersect", "select email from customers intersect select email from customers"),
    case("except", "select email from customers except select 'x'"),
    case("cte", "with x as (select email as e from customers) select e from x"),
    case(
        "cte-recursive",
        "with recursive r(n, e) as (select 1, ''::text union all "
        "select n + 1, (select email from customers where id = n) from r where n < 4) select e from r",
    ),
    case(
        "lateral",
        "select l.e from orders o, lateral (select email as e from customers c "
        "where c.id = o.customer_id) l limit 3",
    ),
    case("window", "select first_value(email) over (order by id) from customers"),
    case("window-lag", "select lag(ssn) over (order by id) from customers"),
    case("within-group", "select mode() within group (order by email) from customers where id = 1"),
    case("percentile", "select percentile_disc(0.5) within group (order by email) from customers"),
    case("grouping-sets", "select email from customers group by grouping sets ((email), ())"),
    case("distinct-on", "select distinct on (id) email from customers"),
    case("values-subquery", "values ((select email from customers where id = 1))"),
    case(
        "cross-join-values", "select v.x from customers c cross join lateral (values (c.ssn)) v(x)"
    ),
    case("function-reads", "select first_email()"),
    case("function-reads-hidden", "select first_email_hidden()"),
    case("function-as-table", "select * from first_email() f"),
    case("cast-bytea", "select email::bytea from customers"),
    case("cast-name", "select email::name, ssn::varchar(11) from customers"),
    case("cast-domain", "select email::mail from customers"),
    case("cast-composite", "select row(email, ssn)::contact from customers"),
    case("collate", 'select email collate "C" from customers'),
    case("base64", "select encode(email::bytea, 'base64') from customers"),
    case("escape", "select encode(photo, 'escape') from customers"),
    case("convert-to", "select convert_to(email, 'LATIN1') from customers"),
    case(
        "to-char", "select to_char(dob, 'DD.MM.YYYY'), to_char(salary, '999999.99') from customers"
    ),
    case("date-parts", "select dob + 0, dob::timestamp, extract(epoch from dob) from customers"),
    case("numeric-shift", "select salary + 0, pin::text, pin * 1 from customers"),
    case("int-bytes", "select int4send(pin), numeric_send(salary) from customers"),
    case("quote-literal", "select quote_literal(email), quote_ident(full_name) from customers"),
    case("repeat", "select repeat(email, 2) from customers"),
    case("lpad", "select lpad(ssn, 30), rpad(email, 60) from customers"),
    case("overlay", "select overlay(email placing '' from 60) from customers"),
    case("tsvector", "select to_tsvector('simple', full_name) from customers"),
    case("ts-headline", "select ts_headline('simple', full_name, 'x') from customers"),
    case("ts-debug", "select token from customers, ts_debug('simple', full_name)"),
    case("xmlelement", "select xmlelement(name a, email) from customers"),
    case("xmlforest", "select xmlforest(email, ssn) from customers"),
    case("xmlagg", "select xmlagg(xmlelement(name a, full_name)) from customers"),
    case(
        "json-populate",
        "select (json_populate_record(null::customers, row_to_json(c))).email from customers c",
    ),
    case("generate-subscripts", "select aliases[generate_subscripts(aliases, 1)] from customers"),
    case(
        "ascii-sum",
        "select string_agg(ascii(substr(ssn, n, 1))::text, ',' order by n) "
        "from customers, generate_series(1, 11) n where id = 1",
    ),
    case(
        "chr-by-chr",
        "select n, substr(ssn, n, 1) from customers, generate_series(1, 11) n where id = 1",
    ),
    case("md5", "select md5(ssn) from customers", note="a short secret is found from its hash"),
    case("hashtext", "select hashtext(ssn), sha256(ssn::bytea) from customers"),
    case(
        "length", "select length(email), octet_length(full_name), char_length(notes) from customers"
    ),
    case("bit-length", "select bit_length(email), get_byte(email::bytea, 0) from customers"),
    case("pg-column-size", "select pg_column_size(email), pg_column_size(c) from customers c"),
    case("position", "select position('7' in ssn), strpos(ssn, '6') from customers"),
    case("comparison-output", "select ssn > '917-66-4422', ssn like '917%' from customers"),
    case("to-regclass-error", "select email::regclass from customers"),
    case("cast-int-where", "select 1 from customers where email::int = 1"),
    case("cast-date-error", "select full_name::date from customers"),
    case("cast-json-error", "select ('\"' || notes)::json from customers where id = 1"),
    case("cast-enum-error", "select (email || '')::boolean from customers"),
    case("cast-inet-error", "select ssn::inet from customers"),
    case("cast-time-error", "select full_name::timestamptz from customers"),
    case(
        "set-error", "select set_config('work_mem', (select email from customers limit 1), false)"
    ),
    case(
        "chained-error",
        "select query_to_xml('select ' || quote_ident((select email from customers limit 1)), "
        "true, true, '')",
    ),
    case("div-by-zero-context", "select first_email()::int"),
    case(
        "unique-error",
        "insert into pg_temp.u select email from customers",
        "create temp table u (a text unique)",
        "insert into u select email from customers",
    ),
    case("raise-error", DO.format("raise exception '%', (select email from customers limit 1);")),
    case(
        "raise-detail",
        DO.format(
            "raise exception 'x' using detail = (select email from customers limit 1), "
            "hint = (select ssn from customers limit 1);"
        ),
    ),
    case(
        "raise-fields",
        DO.format(
            "raise exception 'x' using column = (select email from customers limit 1), "
            "table = (select ssn from customers limit 1), schema = (select iban from customers limit 1), "
            "constraint = (select phone from customers limit 1), datatype = (select full_name from customers limit 1);"
        ),
    ),
    case(
        "raise-warning",
        DO.format("raise warning '%', (select string_agg(email, ',') from customers);"),
    ),
    case("raise-info", DO.format("raise info '%', (select c from customers c limit 1);")),
    case("assert", DO.format("assert false, (select email from customers limit 1);")),
    case("noisy-function", "select id from customers where noisy(email)"),
    case("noisy-view", "select contact from customer_contacts where noisy(contact)"),
    case(
        "stats-view",
        "select most_common_vals::text, histogram_bounds::text from pg_stats "
        "where tablename in ('customers', 'crowd')",
    ),
    case(
        "statistic-table",
        "select stavalues1::text from pg_statistic s join pg_class c on c.oid = starelid "
        "where relname = 'crowd' and stakind1 > 0",
    ),
    case(
        "stat-activity-other",
        "select query from pg_stat_activity where pid = pg_backend_pid() "
        "and query not like 'zz' union all select email from customers",
    ),
    case(
        "explain-const-fold",
        "explain verbose select pg_temp.fold()",
        "create function pg_temp.fold() returns text immutable language plpgsql as "
        "$$ begin return (select email from customers limit 1); end $$",
    ),
    case(
        "cursor",
        "fetch all from c",
        "begin",
        "declare c cursor for select email, ssn from customers",
    ),
    case(
        "cursor-binary",
        "fetch all from c",
        "begin",
        "declare c binary cursor for select email, dob from customers",
    ),
    case(
        "cursor-backward",
        "fetch backward all from c",
        "begin",
        "declare c scroll cursor for select email from customers",
        "move last in c",
    ),
    case(
        "cursor-hold",
        "fetch 2 from c",
        "begin",
        "declare c cursor with hold for select ssn from customers",
        "commit",
    ),
    case(
        "cursor-quoted",
        'fetch all from "C c"',
        "begin",
        'declare "C c" no scroll cursor for select ssn from customers',
    ),
    case(
        "cursor-redeclared",
        "fetch all from c",
        "begin",
        "declare c cursor for select 1",
        "close c",
        "declare c cursor for select email from customers",
    ),
    case(
        "cursor-savepoint",
        "fetch all from c",
        "begin",
        "savepoint s",
        "declare c cursor for select 1",
        "rollback to s",
        "declare c cursor for select ssn from customers",
    ),
    case(
        "refcursor-function",
        "fetch all from q",
        "begin",
        "create function pg_temp.open_it() returns refcursor language plpgsql as "
        "$$ declare c refcursor := 'q'; begin open c for select email from customers; return c; end $$",
        "select pg_temp.open_it()",
    ),
    case("copy-table", "copy customers to stdout"),
    case("copy-columns", "copy customers (email, ssn) to stdout (format csv, header)"),
    case("copy-binary", "copy customers to stdout (format binary)"),
    case(
        "copy-delimiter",
        "copy (select email || ssn, city from customers) to stdout (delimiter '@')",
    ),
    case("copy-force-quote", "copy customers to stdout (format csv, force_quote *, null 'zz')"),
    case("copy-view", "copy (select * from customer_contacts) to stdout"),
    case("copy-old-syntax", "copy customers to stdout delimiters '|'"),
    case("copy-encoding", "copy customers to stdout (encoding 'LATIN1')"),
    case("client-encoding", "select full_name from customers", "set client_encoding = 'LATIN1'"),
    case(
        "client-encoding-startup",
        "select email from customers",
        options={"client_encoding": "LATIN1"},
    ),
    case("datestyle", "select dob from customers", "set datestyle = 'German'"),
    case("bytea-output", "select photo from customers", "set bytea_output = 'escape'"),
    case(
        "returning",
        "update work.other set name = name returning (select email from customers limit 1)",
        "insert into work.other values (1, 'x')",
    ),
    case(
        "insert-returning",
        "insert into work.items (name) select email from customers returning name",
    ),
    case(
        "insert-then-read",
        "select name from work.items",
        "insert into work.items (name) select email from customers",
        note="a copy of a classified column under a name that nobody classified",
    ),
    case(
        "update-then-read",
        "select name from work.items",
        "insert into work.items (name) values ('x')",
        "update work.items set name = (select email from customers where id = 1)",
    ),
    case(
        "ctas-then-read",
        "select e from work.copied",
        "create table work.copied as select email as e from customers",
    ),
    case(
        "view-then-read",
        "select e from work.v",
        "create view work.v as select email as e from customers",
    ),
    case("two-statements", "select city from customers; select ssn from customers", **SIMPLE),
    case("statement-after-error-free", "select 1; copy customers to stdout", **SIMPLE),
    case(
        "large-object",
        "select lo_get(9999)",
        "select lo_from_bytea(9999, convert_to("
        "(select string_agg(email, ',') from customers), 'UTF8'))",
    ),
    case(
        "xmltable",
        "select * from xmltable('/customers/row' passing table_to_xml('customers', true, false, '') "
        "columns email text)",
    ),
    case("schema-to-xml", "select schema_to_xml('public', true, false, '')"),
    case("database-to-xml", "select database_to_xml(true, false, '')"),
    case(
        "cursor-to-xml",
        "select cursor_to_xml('c', 10, true, false, '')",
        "begin",
        "declare c cursor for select email from customers",
    ),
    case(
        "ts-stat",
        "select word from ts_stat('select to_tsvector(''simple'', full_name) from customers')",
    ),
    case("pg-read-table-file", "select pg_read_binary_file(pg_relation_filepath('customers'))"),
    case(
        "setting-roundtrip",
        "show my.x",
        "select set_config('my.x', (select email from customers limit 1), false)",
    ),
    case(
        "current-setting",
        "select current_setting('my.x')",
        "select set_config('my.x', (select email from customers limit 1), false)",
    ),
    case(
        "application-name",
        "select application_name from pg_stat_activity",
        "select set_config('application_name', (select email from customers limit 1), false)",
    ),
    case(
        "prepare-name-listing",
        "select statement from pg_prepared_statements union all select email from customers",
        "prepare x as select 1",
    ),
    case("tablesample", "select email from customers tablesample system (100)"),
    case("for-update", "select email from customers for share"),
    case(
        "set-operation-order",
        "(select id::text from customers order by 1) union all (select email from customers)",
    ),
    case("nested-array", "select array[array[email]] from customers"),
    case("range", "select daterange(dob, dob + 1) from customers"),
    case("multirange", "select datemultirange(daterange(dob, dob + 1)) from customers"),
    case("age", "select age(timestamp '2000-01-01', dob) from customers"),
    case("date-trunc", "select date_trunc('day', dob::timestamp) from customers"),
    case("interval", "select dob - date '2000-01-01' from customers"),
    case(
        "make-date",
        "select make_date(extract(year from dob)::int, extract(month from dob)::int, "
        "extract(day from dob)::int) from customers",
    ),
    case("bit-string", "select pin::bit(32) from customers"),
    case("to-hex", "select to_hex(pin) from customers"),
    case(
        "generate-series-pin",
        "select max(g) from customers, generate_series(pin, pin) g where id = 1",
    ),
    case(
        "limit-pin",
        "select count(*) from (select generate_series(1, 10000000) limit "
        "(select pin / 1000 from customers where id = 1)) x",
    ),
    case("width-bucket", "select width_bucket(pin, 0, 10000000, 100000) from customers"),
    case("row-number-order", "select id, row_number() over (order by ssn desc) from customers"),
    case("sum-case", "select sum(case when ssn like '917%' then 1 else 0 end) from customers"),
    case("bool-agg", "select bool_or(ssn ~ '^917'), every(email like 'zq%') from customers"),
    case("count-filter", "select count(*) filter (where ssn like '917%') from customers"),
    case("statement-comment", "select/**/email/**/from/**/customers--x"),
)
