-- Writes that look like something else.
-- Each case says what keeps it from leaking: refused, a need, or marked output columns.

-- case: cte-materialized
-- expect: need write public.orders
WITH x AS MATERIALIZED (DELETE FROM orders RETURNING *) SELECT count(*) FROM x

-- case: cte-not-materialized
-- expect: need write public.orders
WITH x AS NOT MATERIALIZED (DELETE FROM orders RETURNING *) SELECT count(*) FROM x

-- case: cte-unused
-- expect: need write public.orders
WITH x AS (DELETE FROM orders) SELECT 1

-- case: cte-in-insert
-- expect: need write public.orders; need write public.products
WITH x AS (UPDATE orders SET amount = 0 RETURNING id) INSERT INTO products (id) SELECT id FROM x

-- case: explain-quoted-analyze
-- expect: need write public.orders
EXPLAIN ("analyze") DELETE FROM orders

-- case: explain-analyze-number
-- expect: need write public.orders
EXPLAIN (ANALYZE 1, COSTS off) DELETE FROM orders

-- case: explain-analyze-cte
-- expect: need write public.orders
EXPLAIN ANALYZE WITH x AS (DELETE FROM orders RETURNING 1) SELECT * FROM x

-- case: explain-analyze-into
-- expect: need define ?.t
EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1

-- case: explain-execute
-- expect: refused
EXPLAIN ANALYZE EXECUTE p

-- case: select-into
-- expect: need define ?.t_new
SELECT 1 INTO t_new

-- case: select-into-in-union
-- expect: need define ?.t_new or refused
SELECT 1 INTO t_new UNION SELECT 2

-- case: select-into-leak
-- expect: need reveal public.customers.email
SELECT email AS x INTO t_new FROM customers

-- case: copy-to-program
-- expect: refused
-- outside: starts a program on the server
COPY (SELECT 1) TO PROGRAM 'true'

-- case: copy-to-file
-- expect: refused
-- outside: writes a file of the server
COPY orders TO '/tmp/x'

-- case: copy-from-file
-- expect: refused
-- outside: reads a file of the server
COPY orders FROM '/etc/passwd'

-- case: copy-writes
-- expect: need write public.orders
COPY (DELETE FROM orders RETURNING id) TO STDOUT

-- case: lo-write
-- expect: need execute; need write
SELECT lo_from_bytea(0,'abc')

-- case: lo-import
-- expect: need administer; need execute
-- outside: reads a file of the server
SELECT lo_import('/etc/passwd')

-- case: pg_read_file
-- expect: need administer; need execute; masked 1
-- outside: reads a file of the server
SELECT pg_read_file('PG_VERSION')

-- case: pg_read_file-qualified
-- expect: need administer
-- outside: reads a file of the server
SELECT pg_catalog.pg_read_file('PG_VERSION')

-- case: pg_read_file-in-from
-- expect: need administer
-- outside: reads a file of the server
SELECT * FROM pg_read_file('PG_VERSION')

-- case: pg_ls_dir
-- expect: need administer
-- outside: lists files of the server
SELECT pg_ls_dir('.')

-- case: nextval
-- expect: need write public.order_numbers
SELECT nextval('order_numbers')

-- case: setval-computed
-- expect: need write
SELECT setval(('order_' || 'numbers')::regclass, 1)

-- case: role-by-config
-- expect: need administer
SELECT set_config('role', 'postgres', false)

-- case: role-computed
-- expect: refused
SELECT set_config('ro' || 'le', 'postgres', false)

-- case: prepare-hides
-- expect: need write public.orders
PREPARE p AS DELETE FROM orders

-- case: declare-hides
-- expect: masked 0 or need filter
DECLARE c CURSOR FOR SELECT id FROM customers ORDER BY email

-- case: merge-deletes
-- expect: need write public.orders
MERGE INTO orders o USING products p ON o.id = p.id WHEN MATCHED THEN DELETE

-- case: do
-- expect: need execute the resource
DO $$ BEGIN DELETE FROM orders; END $$

-- case: call
-- expect: need execute
CALL tidy_up()

-- case: insert-through-view
-- expect: need write public.v_customers
INSERT INTO v_customers (id) VALUES (1)

-- case: replica-role
-- expect: refused
SET session_replication_role TO 'replica'

-- case: prepared-transaction
-- expect: need administer
-- outside: ends a transaction of somebody else
COMMIT PREPARED 'x'

-- case: lock
-- expect: need lock public.orders
LOCK orders

-- case: for-update-writes-nothing-but-reads
-- expect: need read public.orders
SELECT id FROM orders FOR UPDATE SKIP LOCKED

-- case: column-default-runs
-- expect: need execute
ALTER TABLE products ADD COLUMN x text DEFAULT query_to_xml('select 1', true, true, '')::text

-- case: check-runs
-- expect: need execute
CREATE TABLE t (a int CHECK (next_number(a) > 0))

-- case: index-runs
-- expect: need execute
CREATE INDEX ON products (next_number(id))

-- case: partition-key-runs
-- expect: need execute
CREATE TABLE t (a int) PARTITION BY RANGE ((next_number(a)))

-- case: trigger
-- expect: need administer; need reveal
CREATE TRIGGER t BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION on_audit()

-- case: rule
-- expect: need administer
CREATE RULE r AS ON SELECT TO products DO INSTEAD SELECT * FROM customers

-- case: rename-declassifies
-- expect: need reveal public.customers.email
ALTER TABLE customers RENAME email TO harmless

-- case: rename-view-column
-- expect: need reveal public.customers.email
ALTER VIEW v_customers RENAME COLUMN email TO harmless

-- case: move-declassifies
-- expect: need reveal public.customers.email
ALTER TABLE customers SET SCHEMA archive

-- case: schema-rename-declassifies
-- expect: need reveal public.customers.email
ALTER SCHEMA public RENAME TO other

-- case: attach-partition
-- expect: need reveal public.events.customer_email
ALTER TABLE events ATTACH PARTITION products DEFAULT

-- case: inherit
-- expect: need reveal public.people.tax_id
ALTER TABLE products INHERIT people

-- case: alter-type-using
-- expect: need reveal public.customers.email
ALTER TABLE customers ALTER COLUMN notes TYPE text USING email


-- case: drop-through-alter
-- expect: need define public.customers
alter table customers drop column email

-- case: rename-classified
-- expect: need reveal public.customers.email
alter table customers rename column email to note

-- case: type-of-classified
-- expect: need filter public.customers.email
alter table customers alter column email type varchar(99)

-- case: lock-in-subquery
-- expect: need lock public.orders
select count(*) from (select 1 from orders for update) x

-- case: advisory-lock
-- expect: need lock the resource
select pg_advisory_xact_lock(1)

-- case: set-config-by-expression
-- expect: refused
select set_config('client_' || 'encoding', 'latin1', false)

-- case: set-config-by-parameter
-- expect: refused
select set_config($1, $2, false)

-- case: custom-setting-holds-classified
-- expect: refused
select set_config('app.x', email, false) from customers
