-- Values that reach the client changed, hidden or in parts.
-- Each case says what keeps it from leaking: refused, a need, or marked output columns.

-- case: alias
-- expect: masked 1
select ssn as x from customers

-- case: expr
-- expect: masked 1
select ssn||'' from customers

-- case: row_to_json
-- expect: masked 1
select row_to_json(c) from customers c

-- case: split
-- expect: masked 1; masked 2
select split_part(email,'@',1), split_part(email,'@',2) from customers

-- case: encode
-- expect: masked 1; need filter
select encode(email::bytea,'hex') from customers

-- case: copy-out
-- expect: masked 1; masked 2
copy (select email,ssn from customers) to stdout

-- case: cast-error
-- expect: need filter public.customers.ssn
select ssn::int from customers

-- case: cast-error-function
-- expect: need filter public.customers.ssn
select int4(ssn) from customers

-- case: cast-error-in-where
-- expect: need filter public.customers.ssn
select id from customers where ssn::int > 0

-- case: raise-notice
-- expect: need execute the resource
do $$ begin raise notice '%', (select ssn||' '||email from customers limit 1); end $$

-- case: parameter-status
-- expect: refused
select set_config('application_name',(select email||' '||ssn from customers limit 1),false)

-- case: notify
-- expect: refused
select pg_notify('c',(select email||' '||ssn from customers limit 1))

-- case: query_to_xml
-- expect: need execute; masked 1
select query_to_xml('select email from customers',true,true,'')

-- case: table_to_xml
-- expect: need execute; masked 1
select table_to_xml('customers',true,true,'')

-- case: schema_to_xml
-- expect: need execute; masked 1
select schema_to_xml('public',true,true,'')

-- case: cursor_to_xml
-- expect: need execute; masked 1
select cursor_to_xml('c',10,true,true,'')

-- case: ts_stat
-- expect: need execute; unproven or masked 1
select * from ts_stat('select to_tsvector(email) from customers')

-- case: ts_rewrite
-- expect: need execute
select ts_rewrite('a'::tsquery, 'select to_tsquery(email), to_tsquery(email) from customers')

-- case: whole-row
-- expect: masked 1
select c from customers c

-- case: whole-row-text
-- expect: masked 1
select c::text from customers c

-- case: whole-row-table-name
-- expect: masked 1
select customers::text from customers

-- case: whole-row-view
-- expect: masked 1
select v from v_customers v

-- case: whole-row-sub-select
-- expect: masked 1
select x from (select email from customers) x

-- case: whole-row-star
-- expect: masked 1
select array_agg(c.*) from customers c

-- case: row-constructor
-- expect: masked 1
select row(c.*) from customers c

-- case: row-field
-- expect: masked 1
select (row(1, email)).f2 from customers

-- case: row-field-through-sub-select
-- expect: masked 1
select (x.r).f2 from (select row(1, email) as r from customers) x

-- case: functional-notation
-- expect: masked 1
select email(c) from customers c

-- case: functional-notation-dot
-- expect: masked 1
select c.row_to_json from customers c

-- case: functional-notation-made
-- expect: need execute; masked 1
select c.find_mail from customers c

-- case: sub-select-row
-- expect: masked 1
select (select c from customers c limit 1)

-- case: sub-select-row-field
-- expect: masked 1
select ((select c from customers c limit 1)).email

-- case: array-of-rows
-- expect: masked 1
select ((array_agg(c))[1]).email from customers c

-- case: array
-- expect: masked 1
select array(select email from customers)

-- case: array-slice
-- expect: masked 1
select (array_agg(email))[1:2] from customers

-- case: json-object
-- expect: masked 1
select json_object('a': email) from customers

-- case: json-object-key
-- expect: masked 1
select json_object(email: 1) from customers

-- case: json-array-query
-- expect: masked 1
select json_array(select email from customers)

-- case: json-arrayagg
-- expect: masked 1
select json_arrayagg(email order by id) from customers

-- case: json-value
-- expect: masked 1; need filter
select json_value(to_jsonb(c), '$.email') from customers c

-- case: json-table
-- expect: masked 1; need filter
select t.e from customers c, json_table(to_jsonb(c), '$' columns (e text path '$.email')) t

-- case: json-populate
-- expect: masked 1
select (jsonb_populate_record(null::orders, to_jsonb(c))).id from customers c

-- case: json-operator
-- expect: masked 1
select to_jsonb(c) -> 'email' from customers c

-- case: json-minus
-- expect: masked 1
select to_jsonb(c) - 'id' from customers c

-- case: xml-forest
-- expect: masked 1
select xmlforest(email) from customers

-- case: xml-element
-- expect: masked 1
select xmlelement(name a, xmlattributes(email as b)) from customers

-- case: xml-table
-- expect: masked 1
select x.v from customers c, xmltable('/a' passing xmlelement(name a, c.email) columns v text path '.') x

-- case: union-second
-- expect: masked 1
select 'x' union all select email from customers

-- case: union-third
-- expect: masked 1
select 'x' union all (select 'y' union all select email from customers)

-- case: intersect
-- expect: need filter public.customers.email
select 'a@b.c' intersect select email from customers

-- case: values-sub-select
-- expect: masked 1
values ((select email from customers limit 1))

-- case: case
-- expect: masked 1
select case when true then email end from customers

-- case: coalesce
-- expect: masked 1
select coalesce(null, email) from customers

-- case: nullif
-- expect: masked 1; need filter
select nullif(email, '') from customers

-- case: greatest
-- expect: masked 1; need filter
select greatest(email, '') from customers

-- case: min
-- expect: masked 1; need filter
select min(email) from customers

-- case: mode
-- expect: masked 1; need filter
select mode() within group (order by email) from customers

-- case: string-agg
-- expect: masked 1
select string_agg(email, ',') from customers

-- case: window-lag
-- expect: masked 1
select lag(email, 0) over (order by id) from customers

-- case: window-first
-- expect: masked 1
select first_value(c) over () from customers c

-- case: filter-aggregate
-- expect: masked 1
select max(email) filter (where id = 1) from customers

-- case: translate
-- expect: masked 1
select translate(email, 'abc', 'bcd') from customers

-- case: overlay
-- expect: masked 1
select overlay(email placing '' from 1 for 0) from customers

-- case: trim
-- expect: masked 1
select trim(both ' ' from email) from customers

-- case: format
-- expect: masked 1
select format('%s', email) from customers

-- case: ascii
-- expect: masked 1
select ascii(email) from customers

-- case: length
-- expect: masked 1
select length(email) from customers

-- case: regexp-match
-- expect: masked 1; need filter
select (regexp_match(email, '(.)'))[1] from customers

-- case: unnest
-- expect: masked 1; need filter
select unnest(string_to_array(email, null)) from customers

-- case: generate-series
-- expect: masked 1; need filter
select generate_series(1, ascii(email)) from customers

-- case: rows-from
-- expect: need filter public.customers.email
select 1 from customers c, rows from (generate_series(1, length(c.email))) g

-- case: repeat-count
-- expect: need filter public.customers.email
select count(*) from customers c, generate_series(1, ascii(c.email))

-- case: count-nullif
-- expect: need filter public.customers.email
select count(nullif(left(email, 1), 'a')) from customers

-- case: count-case
-- expect: need filter public.customers.email
select count(case when email like 'a%' then 1 end) from customers

-- case: count-filter
-- expect: need filter public.customers.email
select count(*) filter (where email like 'a%') from customers

-- case: sum-cast
-- expect: need filter public.customers.email
select sum((email like 'a%')::int) from customers

-- case: bool-or
-- expect: need filter public.customers.email
select bool_or(email like 'a%') from customers

-- case: limit-oracle
-- expect: need filter public.customers.email
select id from orders limit (select ascii(email) from customers limit 1)

-- case: offset-oracle
-- expect: need filter public.customers.email
select id from orders offset (select length(email) from customers limit 1)

-- case: tablesample-oracle
-- expect: need filter public.customers.email or refused
select id from orders tablesample system ((select length(email) from customers limit 1))

-- case: window-frame-oracle
-- expect: need filter public.customers.email
select count(*) over (order by id rows length((select email from customers limit 1)) preceding) from orders

-- case: grouping-sets
-- expect: need filter public.customers.email
select count(*) from customers group by grouping sets ((left(email, 1)), ())

-- case: rollup
-- expect: need filter public.customers.email
select count(*) from customers group by rollup (left(email, 1))

-- case: cube
-- expect: need filter public.customers.email
select count(*) from customers group by cube (left(email, 1), id)

-- case: order-by-aggregate
-- expect: need filter public.customers.email
select string_agg(id::text, ',' order by email) from customers

-- case: order-by-using
-- expect: need filter public.customers.email
select id from customers order by email using <

-- case: distinct-on
-- expect: need filter public.customers.email
select distinct on (left(email, 1)) id from customers

-- case: rank
-- expect: need filter public.customers.email
select id, rank() over (order by email) from customers

-- case: partition-by
-- expect: need filter public.customers.email
select id, count(*) over (partition by left(email, 1)) from customers

-- case: named-window
-- expect: need filter public.customers.email
select id, rank() over w from customers window w as (order by email)

-- case: window-inherits
-- expect: need filter public.customers.email
select id, rank() over (w rows current row) from customers window w as (order by email)

-- case: like
-- expect: need filter public.customers.email
select id from customers where email like 'a%'

-- case: less
-- expect: need filter public.customers.email
select id from customers where email < 'b'

-- case: regexp
-- expect: need filter public.customers.email
select id from customers where email ~ '^a'

-- case: between
-- expect: need filter public.customers.email
select id from customers where email between 'a' and 'b'

-- case: starts-with
-- expect: need filter public.customers.email
select id from customers where starts_with(email, 'a')

-- case: starts-with-operator
-- expect: need filter public.customers.email
select id from customers where email ^@ 'a'

-- case: position
-- expect: need filter public.customers.email
select id from customers where position('a' in email) = 1

-- case: substr-equals
-- expect: need filter public.customers.email
select id from customers where substr(email, 1, 1) = 'a'

-- case: distinct-from
-- expect: need filter public.customers.email
select id from customers where email is distinct from 'a'

-- case: row-compare
-- expect: need filter public.customers.email
select id from customers where (email, id) > ('a', 1)

-- case: row-equal
-- expect: need filter public.customers.email
select id from customers where row(email) = row('a')

-- case: whole-row-equal
-- expect: need filter public.customers.email
select id from customers c where c = row(1,'','','','',null,'','','')

-- case: whole-row-in
-- expect: need filter public.customers.email
select id from customers c where c::text like '%a%'

-- case: any-array-like
-- expect: need filter public.customers.email
select id from customers where email like any (array['a%'])

-- case: all-operator
-- expect: need filter public.customers.email
select id from customers where email <> all ($1)

-- case: in-sub-select
-- expect: need filter public.customers.email
select id from customers where email in (select name from products)

-- case: equals-other-column
-- expect: need filter public.customers.email
select c.id from customers c, products p where c.email = p.name

-- case: equals-values
-- expect: need filter public.customers.email
select c.id from customers c join (values ('a')) v(x) on c.email = v.x

-- case: equals-outer
-- expect: need filter public.customers.email
select (select count(*) from customers where email = p.name) from products p

-- case: join-using
-- expect: need filter public.customers.email
select count(*) from customers join contacts using (email)

-- case: having
-- expect: need filter public.customers.email
select country from customers group by country having min(email) < 'b'

-- case: coalesce-equals
-- expect: need filter public.customers.email
select id from customers where coalesce(email, '') = 'a'

-- case: is-true
-- expect: need filter public.customers.email
select id from customers where (email like 'a%') is true

-- case: boolean-cast
-- expect: need filter public.customers.email
select id from customers where (email = 'a')::text = 'true'

-- case: case-division
-- expect: need filter public.customers.email
select 1 / (case when email like 'a%' then 0 else 1 end) from customers

-- case: sub-select-compare
-- expect: need filter public.customers.email
select 1 where (select email from customers where id = 1) < 'm'

-- case: sub-select-any
-- expect: need filter public.customers.email
select 1 where 'm' > any (select email from customers)

-- case: exists-like
-- expect: need filter public.customers.email
select exists (select 1 from customers where email like 'a%')

-- case: explain-estimate
-- expect: need filter public.customers.email
explain select 1 from customers where email < 'b'

-- case: view-predicate
-- expect: need filter public.customers.email
select id from v_customers where email like 'a%'

-- case: view-derived-equals
-- expect: need filter public.customers.email
select id from v_mail where mail = 'a'

-- case: update-predicate
-- expect: need filter public.customers.email
update customers set notes = 'x' where email like 'a%'

-- case: delete-predicate
-- expect: need filter public.customers.email
delete from customers where email > 'a'

-- case: merge-on
-- expect: need filter public.customers.email
merge into products p using customers c on c.email = p.name when matched then do nothing

-- case: merge-when
-- expect: need filter public.customers.email
merge into products p using customers c on c.id = p.id when matched and c.email like 'a%' then delete

-- case: conflict-where
-- expect: need filter public.customers.email
insert into customers (id) values (1) on conflict (id) do update set notes = '' where customers.email like 'a%'

-- case: copy-where
-- expect: need filter public.customers.email
copy customers from stdin where email like 'a%'

-- case: insert-select
-- expect: need reveal public.customers.email
insert into products (id, name) select id, email from customers

-- case: insert-select-derived
-- expect: need reveal public.customers.email
insert into products (id, name) select id, md5(email) from customers

-- case: update-moves
-- expect: need reveal public.customers.email
update customers set notes = email

-- case: update-from-moves
-- expect: need reveal public.customers.email
update products p set name = c.email from customers c

-- case: update-multi
-- expect: need reveal public.customers.email
update products set (id, name) = (select id, email from customers limit 1)

-- case: merge-insert
-- expect: need reveal public.customers.email
merge into products p using customers c on c.id = p.id when not matched then insert (id, name) values (c.id, c.email)

-- case: view-moves
-- expect: need reveal public.customers.email
create view v as select email as x from customers

-- case: temp-table
-- expect: need reveal public.customers.email
create temp table t as select email as x from customers

-- case: matview-moves
-- expect: need reveal public.customers.email
create materialized view m as select email as x from customers

-- case: function-argument
-- expect: need reveal public.customers.email
select next_number(length(email)) from customers

-- case: made-operator
-- expect: need execute
select email <%> 'x' from customers

-- case: operator-schema
-- expect: refused
select email operator(public.=) 'x' from customers

-- case: sequence-keeps
-- expect: need reveal public.customers.email
select setval('order_numbers', ascii(email)) from customers

-- case: custom-setting
-- expect: masked 1
select current_setting('app.secret')

-- case: setting-computed
-- expect: masked 1
select current_setting('app.' || 'secret')

-- case: show-custom
-- expect: unproven
show app.secret

-- case: statistics
-- expect: refused
select most_common_vals from pg_stats where tablename = 'customers'

-- case: statistics-table
-- expect: refused
select stavalues1 from pg_catalog.pg_statistic

-- case: statistics-extended
-- expect: refused
select * from pg_stats_ext

-- case: statistics-function
-- expect: need execute; unproven or masked 1
select * from pg_mcv_list_items(null)

-- case: activity
-- expect: masked 1
select query from pg_stat_activity

-- case: activity-searched
-- expect: need filter
select pid from pg_stat_activity where query like '%a%'

-- case: subscription
-- expect: masked 1
select subconninfo from pg_subscription

-- case: source-of-a-row
-- expect: masked 1 or unproven
select p from pg_proc p

-- case: settings-of-another-name
-- expect: masked 1
with pg_settings as (select prosrc as setting, proname as name from pg_proc)
select setting from pg_settings where name = 'work_mem'

-- case: settings-beside-an-alternative
-- expect: masked 1
select setting from pg_settings where name = 'work_mem' or true

-- case: secret-by-its-name
-- expect: masked 1
select setting from pg_settings where name = 'primary_conninfo'

-- case: activity-function
-- expect: need execute
select query from pg_stat_get_activity(null)

-- case: prepared
-- expect: refused
select statement from pg_prepared_statements

-- case: cursors
-- expect: refused
select statement from pg_cursors

-- case: large-object
-- expect: refused
select data from pg_largeobject

-- case: passwords
-- expect: refused
select rolpassword from pg_authid

-- case: toast
-- expect: refused
select chunk_data from pg_toast.pg_toast_16384

-- case: mappings
-- expect: refused
select umoptions from pg_user_mappings

-- case: dblink
-- expect: need execute; masked 1
-- outside: opens a connection of its own
select * from dblink('dbname=shop', 'select email from customers') as t(e text)

-- case: made-aggregate
-- expect: need execute; masked 1
select avg(price) from products

-- case: dblink-exec
-- expect: need execute
-- outside: opens a connection of its own
select dblink('dbname=shop', 'delete from orders')

-- case: lo_get
-- expect: need execute
select lo_get(1)

-- case: xpath
-- expect: masked 1; need filter
select xpath('/a', xmlelement(name a, email)) from customers

-- case: pg_column_size
-- expect: masked 1; need filter
select pg_column_size(email) from customers

-- case: hash
-- expect: masked 1; need filter
select hashtext(email) from customers

-- case: md5
-- expect: masked 1
select md5(email) from customers

-- case: collate
-- expect: masked 1
select email collate "C" from customers

-- case: domain-cast
-- expect: masked 1; need filter
select email::short_text from customers

-- case: enum-cast-error
-- expect: need filter public.customers.email
select email::order_status from customers

-- case: regclass-cast-error
-- expect: need filter public.customers.email
select email::regclass from customers

-- case: to-number-error
-- expect: need filter public.customers.ssn
select to_number(ssn, '999') from customers

-- case: to-date-error
-- expect: need filter public.customers.ssn
select to_date(ssn, 'YYYY') from customers

-- case: chr-overflow
-- expect: need filter public.customers.ssn
select chr(length(ssn) - 5) from customers

-- case: substring-error
-- expect: need filter public.customers.ssn
select substr('abc', 1, length(ssn) - 9) from customers

-- case: encode-error
-- expect: need filter public.customers.email
select encode('a', email) from customers

-- case: date-error
-- expect: need filter public.customers.email
select date_trunc(email, now()) from customers

-- case: format-error
-- expect: need filter public.customers.email
select format(email, 1) from customers

-- case: json-parse-error
-- expect: need filter public.customers.email
select json(email) from customers

-- case: json-unique-error
-- expect: need filter public.customers.email
select json_object(email: 1 with unique keys) from customers

-- case: xml-parse-error
-- expect: need filter public.customers.email
select xmlparse(document email) from customers

-- case: subscript-error
-- expect: need filter public.customers.email
select (array[1,2])[length(email)] from customers

-- case: null-test-of-pattern
-- expect: need filter public.customers.email
select count(*) from customers where substring(email from '^a') is null

-- case: count-of-pattern
-- expect: need filter public.customers.email
select count(substring(email from '^a')) from customers

-- case: visible-null-of-pattern
-- expect: need filter public.customers.email
select substring(email from '^a') from customers

-- case: visible-null-of-parameter
-- expect: need filter public.customers.email
select substring(email, $1) from customers

-- case: null-test-of-similar
-- expect: need filter public.customers.email
select substring(email similar 'a#"%#"' escape '#') is null from customers

-- case: num-nulls
-- expect: need filter public.customers.email
select num_nulls(substring(email from '^a')) from customers

-- case: format-width
-- expect: need filter public.customers.ssn
select format('%*s', substr(ssn, 1, 1), 'x') from customers

-- case: format-computed
-- expect: need filter public.customers.ssn
select format('%' || '*s', ssn, 'x') from customers

-- case: null-test-of-json-path
-- expect: need filter public.customers.email
select jsonb_path_query_first(to_jsonb(c), '$.email ? (@ starts with "a")') is null from customers c

-- case: partition-name
-- expect: masked 1
select tableoid from events

-- case: partition-name-cast
-- expect: need filter public.events.customer_email
select tableoid::regclass from events

-- case: category-laundering
-- expect: need reveal public.customers.ssn
insert into contacts (id, email) select id, ssn from customers

-- case: category-laundering-update
-- expect: need reveal public.customers.ssn
update customers set email = ssn

-- case: shifted-under-a-partial-mask
-- expect: need reveal public.customers.email
update customers set email = substr(email, 2)

-- case: concatenated-into-itself
-- expect: need reveal public.customers.ssn
update customers set email = ssn || email

-- case: use-after-definition
-- expect: need execute; need reveal public.customers.phone
create function lower(varchar) returns text language sql as 'select $1'; select lower(phone) from customers

-- case: use-after-rename
-- expect: refused
alter table products rename to p2; select name from products

-- case: truncate-cascade
-- expect: need write the resource
truncate orders cascade

-- case: interval
-- expect: masked 1; need filter
select dob + interval '1 day' from customers


-- case: explain-function
-- expect: unproven; need execute public.find_mail()
explain verbose select find_mail(1)

-- case: probe-by-join
-- expect: need probe public.customers.email
select c.id from customers c join (values ('a'), ('b')) v(x) on c.email = v.x

-- case: probe-by-case
-- expect: need probe public.customers.email
select case email when 'a' then 1 else 0 end from customers

-- case: probe-by-intersect
-- expect: need probe public.customers.email
select email from customers intersect select 'a'

-- case: probe-by-like
-- expect: need probe public.customers.email
select id from customers where email like 'a@b.c'

-- case: probe-by-group
-- expect: need probe public.customers.email
select v from (select email as v from customers union all values ('a')) x group by v having count(*) > 1

-- case: setting-shown
-- expect: masked 1
select current_setting('app.secret')

-- case: source-of-functions
-- expect: masked 1
select prosrc from pg_proc

-- case: settings-of-roles
-- expect: masked 1
select setconfig from pg_db_role_setting
