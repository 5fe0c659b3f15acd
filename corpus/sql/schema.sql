-- The shop of the cases beside this file. `tests/sql_shop` has the same as a catalog, and the
-- test `sql_server` compares the two on a real server.
CREATE TYPE order_status AS ENUM ('new', 'paid', 'sent');
CREATE TYPE address AS (street text, city text);
CREATE DOMAIN short_text AS text CHECK (length(VALUE) < 100);

CREATE TABLE customers (
    id int PRIMARY KEY, full_name text, email text, phone varchar(32), ssn text, dob date,
    iban text, notes text, country text
);
CREATE TABLE orders (
    id int PRIMARY KEY, customer_id int, amount numeric, status order_status
);
CREATE TABLE products (id int PRIMARY KEY, name text, price numeric, tags text[], spec jsonb);
CREATE TABLE contacts (
    id int PRIMARY KEY, email text, address address, history jsonb, label short_text
);
CREATE TABLE accounts (
    id int PRIMARY KEY, iban text, iban_upper text GENERATED ALWAYS AS (upper(iban)) STORED,
    twice int GENERATED ALWAYS AS (2 + 2) STORED
);
CREATE TABLE events (id int, customer_email text, at date) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE people (name text, tax_id text);
CREATE TABLE employees (salary int) INHERITS (people);
CREATE TABLE audited (id int, note text);

CREATE VIEW v_customers AS SELECT id, full_name, email, country FROM customers;
CREATE VIEW v_mail AS SELECT c.id, lower(c.email) AS mail, c.phone FROM customers c;
CREATE VIEW v_totals AS SELECT customer_id, sum(amount) AS total FROM orders GROUP BY customer_id;
CREATE VIEW v_nested AS SELECT v.email AS address, v.id FROM v_customers v;
CREATE MATERIALIZED VIEW m_customers AS SELECT id, email FROM customers;
CREATE SEQUENCE order_numbers;

CREATE SCHEMA archive;
CREATE TABLE clients (id int, name text);
CREATE TABLE archive.clients (id int, name text);
CREATE TABLE archive.old_orders (id int, amount numeric);

CREATE FUNCTION next_number(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN n + 1; END';
CREATE FUNCTION find_mail(n int) RETURNS text LANGUAGE sql STABLE
    AS 'SELECT email FROM customers WHERE id = n';
CREATE FUNCTION reverse(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION all_mail() RETURNS TABLE (id int, mail text) LANGUAGE sql STABLE
    AS 'SELECT id, email FROM customers';
CREATE PROCEDURE tidy_up() LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION on_audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER audit BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION on_audit();
