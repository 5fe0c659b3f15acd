-- What a session remembers: prepared statements, cursors, transactions, settings, listening, COPY.
create table kept (id integer primary key, v text);
prepare ins (integer, text) as insert into kept values ($1, $2) returning *;
execute ins(1, 'one');
execute ins(1, 'again');
execute ins(2);
execute ins('x', 'y');
prepare q as select v from kept where id = $1 or v = $2;
execute q(1, 'none');
prepare q as select 1;
-- differs: answered-here
prepare bad as select no_such from kept;
prepare bad (no_such_type) as select $1;
prepare def as create table x (y integer);
-- differs: answered-here
execute nothing;
-- differs: closed-catalogs
select name, parameter_types::text[], from_sql from pg_prepared_statements order by name;
-- differs: by-name
explain (costs off) execute q(1, 'a');
-- differs: by-name
create table by_name as execute q(1, 'a');
deallocate q;
deallocate q;
deallocate all;
-- differs: answered-here
execute ins(3, 'three');
select $1;
insert into kept select n, 'v' || n from generate_series(2, 10) n;
declare c cursor for select * from kept;
begin;
declare c scroll cursor for select id, v from kept order by id;
fetch c;
fetch 3 from c;
fetch backward 2 from c;
fetch absolute 5 from c;
fetch relative -1 from c;
move 2 in c;
fetch first c;
fetch last c;
fetch prior c;
fetch all c;
fetch 0 c;
move backward all c;
declare c cursor for select 1;
rollback;
-- differs: answered-here
fetch c;
begin;
declare h no scroll cursor with hold for select id from kept order by id;
commit;
fetch 2 h;
fetch backward h;
close h;
close h;
close all;
begin;
declare u cursor for select id, v from kept where id < 4 for update;
fetch u;
update kept set v = 'current' where current of u;
delete from kept where current of nothing;
rollback;
begin;
declare u cursor for select id, v from kept where id < 4 order by id for update;
fetch u;
update kept set v = 'current' where current of u returning *;
delete from kept where current of u;
fetch u;
commit;
begin;
declare after_code scroll cursor for select id, v from kept order by id;
do $$ begin perform 1; end $$;
fetch 2 after_code;
end;
begin;
declare b binary cursor for select id from kept order by id;
fetch 2 b;
end;
begin;
begin;
savepoint a;
insert into kept values (100, 'a');
savepoint b;
insert into kept values (100, 'b');
select 1;
rollback to b;
insert into kept values (101, 'c');
release a;
rollback to b;
rollback;
select count(*) from kept where id >= 100;
savepoint outside;
commit;
rollback;
rollback to nothing;
begin isolation level serializable read only deferrable;
show transaction_isolation;
insert into kept values (102, 'd');
rollback;
start transaction isolation level repeatable read;
select count(*) > 0 from kept;
set transaction isolation level serializable;
commit and chain;
show transaction_isolation;
commit;
begin read only;
create table nope (x integer);
rollback;
set transaction read only;
begin;
select 1 / 0;
select 1;
commit;
begin;
set local work_mem = '2MB';
show work_mem;
commit;
show work_mem;
set work_mem = '3MB';
show work_mem;
select current_setting('work_mem'), set_config('work_mem', '4MB', false), current_setting('no.such', true);
reset work_mem;
set work_mem = 'lots';
set no_such_setting = 1;
show no_such_setting;
select current_setting('no_such_setting');
set my.own = 'mine';
show my.own;
select current_setting('my.own');
reset my.own;
show my.own;
set timezone = 'Europe/Berlin';
select timestamptz '2024-07-01 00:00+00';
set time zone interval '-3' hour to minute;
show timezone;
set timezone = 'Mars/Base';
reset timezone;
set datestyle = 'iso, dmy';
select '01/02/2024'::date;
-- differs: only-iso-dates
set datestyle = 'German';
reset datestyle;
set application_name = 'differential';
show application_name;
set client_min_messages = 'warning';
drop table if exists nothing_here;
reset client_min_messages;
set enable_seqscan = off;
explain (costs off) select * from kept where id = 3;
reset enable_seqscan;
set statement_timeout = '5ms';
select pg_sleep(1);
reset statement_timeout;
set extra_float_digits = 0;
select 0.1::float8 + 0.2;
reset all;
show server_encoding;
show client_encoding;
show standard_conforming_strings;
set client_encoding = 'UTF8';
-- differs: pinned-setting
set standard_conforming_strings = off;
set role nobody_there;
set session authorization default;
reset role;
show is_superuser;
listen news;
notify news, 'hello';
notify news;
select pg_notify('news', 'from a function');
select pg_listening_channels();
begin;
notify news, 'kept';
notify news, 'kept';
rollback;
unlisten news;
notify news, 'nobody';
unlisten *;
copy kept (id, v) to stdout;
copy (select id, v, null from kept where id < 5 order by id) to stdout with (format csv, header, null 'NULL', quote '''', force_quote *);
copy kept from stdin;
200	two hundred
201	\N
\.
copy kept (id) from stdin (format csv, header);
id
202
\.
copy kept from stdin;
203	a	b
\.
copy kept from stdin;
x	not a number
\.
copy kept from stdin;
200	twice
\.
copy kept from stdin with (format csv, delimiter ';', null '-');
204;"semi;colon"
205;-
\.
copy kept from stdin where id > 206;
206	left out
207	kept
\.
-- differs: answered-here
copy no_such_table from stdin;
-- differs: answered-here
copy no_such_table to stdout;
-- differs: copy-options
copy kept to stdout (header wrong_choice);
-- differs: answered-here
copy kept (nothing) to stdout;
-- differs: copy-options
copy kept to stdout (format nothing);
-- differs: copy-options
copy kept to stdout (no_such_option);
copy (update kept set v = 'w' where id = 207 returning id, v) to stdout;
-- differs: copy-options
copy kept to stdout (delimiter 'ab');
-- differs: files
copy kept to '/nowhere/kept';
-- differs: files
copy kept from program 'true';
select * from kept where id >= 200 order by id;
do $$ begin raise notice 'in a block'; end $$;
do $$ begin raise exception 'from a block %', 1 using errcode = '22012', detail = 'the detail', hint = 'the hint'; end $$;
do $$ declare n integer; begin select count(*) into n from kept; if n > 0 then raise info 'there are some'; end if; perform 1 / (n - n); end $$;
do $$ begin insert into kept values (300, 'do'); update kept set v = 'done' where id = 300; end $$;
select v from kept where id = 300;
do $$ begin execute 'create table from_do (x integer)'; end $$;
insert into from_do values (1) returning *;
do $$ begin syntax error here; end $$;
do language nothing $$ x $$;
create temp table mine (x integer) on commit delete rows;
insert into mine values (1);
select * from mine;
begin;
insert into mine values (2);
select * from mine;
commit;
select count(*) from mine;
create temp table kept as select 7 as id;
select * from kept;
select count(*) from public.kept;
drop table kept;
select count(*) from kept;
create temp view seen as select * from mine;
drop view seen;
discard temp;
select * from mine;
discard plans;
discard sequences;
discard all;
lock table kept in share mode;
begin;
lock table kept in access exclusive mode nowait;
-- differs: answered-here
lock table no_such_table;
rollback;
select pg_advisory_lock(7), pg_try_advisory_lock(7), pg_advisory_unlock(7), pg_advisory_unlock(7), pg_advisory_unlock_all();
select pg_advisory_unlock(8);
begin;
select pg_advisory_xact_lock(1, 2);
commit;
begin;
prepare transaction 'diff';
select 1; select 2; select 'three' as t;
select 1\; select 1 / 0\; select 3;
-- differs (simple): whole-text
insert into kept values (400, 'x')\; select count(*) from kept where id = 400\; select no_such;
select count(*) from kept where id = 400;
;
select version() like 'PostgreSQL%', pg_backend_pid() > 0, now() = transaction_timestamp(), pg_postmaster_start_time() < now(), txid_current() > 0, inet_server_port() > 0;
select pg_is_in_recovery(), pg_current_wal_lsn() > '0/0', current_setting('server_version_num')::int >= 130000;
select count(*) > 0 from pg_stat_activity where pid = pg_backend_pid();
select pg_cancel_backend(0);
select pg_table_size('kept') > 0, pg_relation_size('kept') > 0, pg_total_relation_size('kept') > 0;
checkpoint;
load 'no_such_library';
drop table kept, from_do;
