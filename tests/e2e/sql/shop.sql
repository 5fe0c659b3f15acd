-- The database that the end-to-end tests attack. Every value of a classified column holds
-- a marker that occurs nowhere else, so that any byte stream can be searched for it.
-- The people are invented.

create table customers (
    id          integer primary key,
    full_name   text not null,
    email       text not null,
    phone       text,
    ssn         text,
    iban        text,
    dob         date,
    salary      numeric(12, 2),
    pin         integer,
    notes       text,
    photo       bytea,
    aliases     text[],
    profile     jsonb,
    city        text not null,
    created_at  timestamptz not null
);

insert into customers values
    (1, 'Zebulon Quixmarker', 'zq7marker@leak-q7.example', '+49 30 90917711', '917-66-4421',
     'DE89370400440532917711', '1917-07-11', 917711.17, 7390441, 'allergic to zq7notes',
     '\x7a713770686f746f', array['zq7alias', 'zq7other'],
     '{"nick": "zq7nick", "tel": "zq7tel"}', 'Lille', '2024-01-01 10:00:00+00'),
    (2, 'Ottoline Quixmarker', 'zq8marker@leak-q8.example', '+49 30 90917722', '917-66-4422',
     'DE89370400440532917722', '1917-08-22', 917722.17, 7390442, 'prefers zq8notes',
     '\x7a713870686f746f', array['zq8alias'],
     '{"nick": "zq8nick", "tel": "zq8tel"}', 'Gent', '2024-01-02 10:00:00+00'),
    (3, 'Peregrin Quixmarker', 'zq9marker@leak-q9.example', null, '917-66-4423',
     'DE89370400440532917733', '1917-09-23', 917733.17, 7390443, null, null, null, null,
     'Porto', '2024-01-03 10:00:00+00');

create table orders (
    id           integer primary key,
    customer_id  integer not null references customers,
    article      text not null,
    quantity     integer not null,
    price        numeric(10, 2) not null,
    ordered_at   timestamptz not null
);
insert into orders
select n, 1 + n % 3, 'article-' || n % 7, n % 5 + 1, (n % 90)::numeric + 0.99,
       timestamptz '2025-01-01' + n * interval '1 hour'
from generate_series(1, 60) n;

create table victim (id integer primary key, v text not null);
insert into victim select n, 'keep-' || n from generate_series(1, 5) n;
create table v2 (id integer primary key, v text not null);
insert into v2 select n, 'keep-' || n from generate_series(1, 5) n;

-- Ways around a column: views, inheritance, partitions, functions, defaults, generated columns.
create view customer_contacts as select id, email as contact, ssn as number from customers;
create view nested_contacts as select id, contact || '' as c from customer_contacts;
create materialized view contacts_stored as select id, email from customers;
create view victim_view as select id, v from victim;
create function first_email() returns text language sql stable
    as $$ select email from customers order by id limit 1 $$;
create function first_email_hidden() returns text language plpgsql stable
    as $$ declare r text; begin execute 'select em' || 'ail from customers order by id limit 1' into r; return r; end $$;
create function wipe_victim() returns integer language plpgsql
    as $$ begin delete from victim; return 1; end $$;
create function wipe_victim_sql() returns void language sql
    as $$ delete from victim $$;
create function wipe_row(r v2) returns integer language plpgsql
    as $$ begin delete from victim; return 1; end $$;
create function noisy(t text) returns boolean language plpgsql cost 0.0000001
    as $$ begin raise notice 'saw %', t; return true; end $$;
create operator === (leftarg = text, rightarg = text, procedure = texteq);
create procedure wipe() language sql as $$ delete from victim $$;
create sequence counter;
create type contact as (email text, ssn text);
create domain mail as text;

create table people (id integer, email text, region text) partition by list (region);
create table people_eu partition of people for values in ('eu');
create table people_us partition of people for values in ('us');
insert into people select id, email, case when id = 1 then 'eu' else 'us' end from customers;

create table base_people (id integer, email text);
create table child_people (extra text) inherits (base_people);
insert into child_people select id, email, ssn from customers;

create table "Odd Names" ("E-Mail" text, "select" integer);
insert into "Odd Names" select email, id from customers;

create schema attic;
create table attic.customers (id integer, email text);
insert into attic.customers select id, email from customers;

-- Where writers may write.
create schema work;
create table work.items (
    id      serial primary key,
    name    text not null,
    qty     integer,
    price   numeric(12, 4),
    at      timestamptz,
    blob    bytea,
    doc     jsonb,
    tags    text[]
);
create table work.other (id integer primary key, name text);

create table crowd (id integer primary key, email text not null, city text not null);
insert into crowd select n, 'zqcrowd' || n || '@leak-crowd.example', 'Lille' from generate_series(1, 5000) n;

grant usage on schema work, attic to public;
analyze;
