"""Names: in which schema, in which database, of a table or of a temporary one in front of it.

What a direct connection finds is found, and masked by what it really is.
"""

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.wire import SYNC, Wire, bind_message, execute_message, parse_message
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "named"
MADE = """\
create schema t1; create schema t2;
create table t1.stuff as select 't1'::text as v; create table t2.stuff as select 't2'::text as v;
create table t1.folk as select email::text as v from public.customers;
create table t2.folk as select 'nobody'::text as v;
create table shadow as select 'permanent'::text as v;
create table events (v text);
create role plain_role; grant usage on schema t2 to plain_role;
grant select on all tables in schema t2 to plain_role;
alter role plain_role set search_path = t2;
create table held (id integer primary key, email text, note text);
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    classified = {"t1.folk.v": "email", "public.customers.email": "email", "*.held.email": "email"}
    return honest_gateway(world, DATABASE, MADE, classified=classified)


@pytest.fixture(scope="module")
def dev(gateway: Gateway) -> Target:
    return gateway.target("dev")


# Statements, and what the last one gives.
FOUND = {
    "set": (("set search_path = t2", "select v from stuff"), b"t2"),
    "set-and-again": (("set search_path = t2", "set search_path = t1", "select v from stuff"), b"t1"),
    "set-config": (("select set_config('search_path', 't2', false)", "select v from stuff"), b"t2"),
    "set-local-and-commit": (
        ("set search_path = t1", "begin", "set local search_path = t2", "commit", "select v from stuff"),
        b"t1",
    ),
    "set-local-inside": (
        ("begin", "set local search_path = t2", "select v from stuff"),
        b"t2",
    ),
    "set-and-rollback": (
        ("set search_path = t1", "begin", "set search_path = t2", "select v from stuff", "rollback",
         "select v from stuff"),
        b"t1",
    ),
    "savepoint": (
        ("set search_path = t1", "begin", "savepoint s", "set search_path = t2", "select v from stuff",
         "rollback to s", "select v from stuff"),
        b"t1",
    ),
    "code": (
        ("do $$ begin perform set_config('search_path', 't2', false); end $$", "select v from stuff"),
        b"t2",
    ),
    "discard-all": (("set search_path = t1", "discard all", "set search_path = t2", "select v from stuff"), b"t2"),
    "first-of-two": (("set search_path = t2, t1", "select v from stuff"), b"t2"),
    "one-that-is-not-there": (("set search_path = nowhere, t2, t1", "select v from stuff"), b"t2"),
    "made-later": (
        ("begin", "set search_path = later, t1, t2", "select v from stuff", "create schema later",
         "create table later.stuff as select 'later'::text as v", "select v from stuff"),
        b"later",
    ),
    "temporary-in-front": (
        ("create temp table shadow as select 'temporary'::text as v", "select v from shadow"),
        b"temporary",
    ),
    "temporary-in-a-transaction": (
        ("begin", "create temp table shadow as select 'temporary'::text as v", "select v from shadow"),
        b"temporary",
    ),
    "temporary-behind": (
        ("set search_path = public, pg_temp", "create temp table shadow as select 'temporary'::text as v",
         "select v from shadow"),
        b"permanent",
    ),
    "temporary-dropped": (
        ("create temp table shadow as select 'temporary'::text as v", "select v from shadow",
         "drop table pg_temp.shadow", "select v from shadow"),
        b"permanent",
    ),
    "temporary-on-commit-drop": (
        ("begin", "create temp table shadow on commit drop as select 'temporary'::text as v",
         "select v from shadow", "commit", "select v from shadow"),
        b"permanent",
    ),
    "made-in-the-first": (
        ("begin", "set local search_path = t2, t1", "create table fresh as select 'fresh'::text as v",
         "select v from t2.fresh"),
        b"fresh",
    ),
    "database-in-front": ((f"select v from {DATABASE}.t2.stuff",), b"t2"),
    "database-in-front-quoted": ((f'select "stuff"."v" from "{DATABASE}"."t2"."stuff"',), b"t2"),
    "role": (("set role plain_role", "set search_path = t1, t2", "select v from stuff"), b"t2"),
}  # fmt: skip


@each(FOUND)
def test_a_name_stands_for_what_it_does_directly(
    world: World, dev: Target, case: tuple[tuple[str, ...], bytes]
) -> None:
    statements, expected = case
    for target in (world.direct("portreeve", DATABASE), dev):
        with Wire.open(target) as wire:
            for statement in statements:
                reply = wire.query(statement)
                assert not reply.errors, (statement, reply.errors)
            assert reply.rows == [[expected]], target
            wire.send(parse_message(statements[-1]) + bind_message() + execute_message() + SYNC)
            assert wire.reply().rows == [[expected]]
            wire.query("rollback")


# What is personal behind a name is masked as what it is.
PERSONAL = {
    "set": ("set search_path = t1",),
    "set-local": ("set search_path = t2", "select v from folk", "begin", "set local search_path = t1"),
    "rolled-back": (
        "set search_path = t1", "begin", "set search_path = t2", "select v from folk", "rollback",
    ),
    "temporary-in-front": (
        "set search_path = t2", "create temp view folk as select email::text as v from public.customers",
    ),
    "temporary-made-behind-code": (
        "set search_path = t2", "select v from folk",
        "do $$ begin create temp view folk as select email::text as v from public.customers; end $$",
    ),
    "moved-behind-code": (
        "set search_path = t2", "select v from folk",
        "do $$ begin perform set_config('search_path', 't1', false); end $$",
    ),
    "another-moves-it": ("set search_path = t2, t1", "select v from folk", "set search_path to default, t1"),
    "schema-in-front": (
        "set search_path = front, t2", "select v from folk", "begin", "create schema front",
        "create view front.folk as select email::text as v from public.customers",
    ),
    "renamed-in-front": (
        "set search_path = front, t2", "select v from folk", "begin", "alter schema t1 rename to front",
    ),
}  # fmt: skip


@each(PERSONAL)
def test_what_is_personal_behind_a_name_is_masked(dev: Target, case: tuple[str, ...]) -> None:
    with Wire.open(dev) as wire:
        for statement in case:
            assert not found_in(wire.query(statement).raw)
        assert not found_in(wire.query("select v from folk").raw)
        wire.send(parse_message("select v from folk") + bind_message() + execute_message() + SYNC)
        assert not found_in(wire.reply().raw)
        wire.query("rollback")


def test_what_was_prepared_follows_the_path(dev: Target) -> None:
    """PostgreSQL plans it anew where names are looked up then."""
    with Wire.open(dev) as wire:
        wire.query("set search_path = t2")
        wire.send(parse_message("select v from folk", name="p") + SYNC)
        wire.reply()
        run = bind_message(name="p") + execute_message() + SYNC
        wire.send(run)
        assert wire.reply().rows == [[b"nobody"]]
        wire.query("set search_path = t1")
        wire.send(run)
        assert not found_in(wire.reply().raw)


ONE_TEXT = {
    "create-and-returning": (
        "create table o1 (id integer); insert into o1 values (1) returning id", [b"1"],
    ),
    "create-and-select": ("create table o2 as select 7 as id; select id from o2", [b"7"]),
    "in-a-transaction": (
        "begin; create table o3 (id integer); insert into o3 values (3); select id from o3; commit",
        [b"3"],
    ),
    "view": ("create view o4 as select 4 as id; select id from o4", [b"4"]),
    "into": ("select 5 as id into o5; select id from o5", [b"5"]),
}  # fmt: skip


@each(ONE_TEXT)
def test_a_text_reads_what_it_makes(dev: Target, case: tuple[str, list[bytes]]) -> None:
    text, expected = case
    with Wire.open(dev) as wire:
        reply = wire.query(text)
        assert not reply.errors and reply.rows[-1] == expected, (reply.errors, reply.rows)


def test_a_function_of_somebody_else_ends_nothing(dev: Target) -> None:
    """What others define is known before the next statement of whoever comes."""
    with Wire.open(dev) as reader, Wire.open(dev) as maker:
        for number in range(5):
            assert not reader.query("select v from t2.stuff").errors
            made = f"create or replace function made_{number}() returns integer language sql as 'select 1'"
            assert not maker.query(made).errors
            reply = reader.query("insert into events values ('x') returning v")
            assert not reply.errors, reply.errors
            assert not maker.query(f"drop function made_{number}()").errors
            assert not reader.query("select v from t2.stuff").errors


MIGRATIONS = {
    "extension-that-is-there": (
        "begin", "create extension if not exists plpgsql", "create table m1 (id integer)",
        "select count(*) from m1", "insert into m1 values (1) returning id", "rollback",
    ),
    "default-of-an-extension": (
        'create extension if not exists "uuid-ossp"',
        "begin", "create table m2 (id uuid default uuid_generate_v4(), v text)",
        "insert into m2 (v) values ('x') returning v", "select v from m2", "rollback",
    ),
    "generated": (
        "begin", "create table m3 (a integer, b integer generated always as (a * 2) stored)",
        "insert into m3 values (2)", "select a from m3", "rollback",
    ),
    "domain": (
        "begin", "create domain food as text", "create table m4 (f food)",
        "insert into m4 values ('x') returning f", "rollback",
    ),
    "role-and-privileges": (
        "begin", "create role m5_role", "create table m5 (id integer)",
        "alter default privileges grant select on tables to m5_role", "select id from m5", "rollback",
    ),
    "schema-set": (
        "begin", "create table m6 (id integer)", "create schema m6s",
        "alter table m6 set schema m6s", "select id from m6s.m6", "rollback",
    ),
    "rule-policy-partition": (
        "begin", "create table m7 (id integer) partition by list (id)", "create table m7_1 (id integer)",
        "alter table m7 attach partition m7_1 for values in (1)", "insert into m7 values (1)",
        "create policy p on m7 using (true)", "select id from m7", "rollback",
    ),
    "exclude": (
        "create extension if not exists btree_gist",
        "create table m8 (room integer, during tsrange, exclude using gist (room with =, during with &&))",
        "insert into m8 values (1, '[2020-01-01, 2020-01-02)')",
        "alter table m8 add constraint other exclude using gist (during with &&)",
        "drop table m8",
    ),
    "index-on-an-expression": (
        "create index on held (lower(email))", "create index on held (note) where email <> ''",
        "alter table held add constraint has_at check (position('@' in email) > 0)",
        "alter table held drop constraint has_at",
    ),
    "types-renamed": (
        "create type mood as enum ('glad')", "alter type mood rename to moods",
        "alter type moods rename value 'glad' to 'happy'", "create domain d1 as text",
        "alter domain d1 rename to d2", "drop domain d2", "drop type moods",
        "create schema sc1", "alter schema sc1 rename to sc2", "drop schema sc2",
    ),
}  # fmt: skip


@each(MIGRATIONS)
def test_migrations_pass(dev: Target, case: tuple[str, ...]) -> None:
    with Wire.open(dev) as wire:
        for statement in case:
            assert not (errors := wire.query(statement).errors), (statement, errors)


def test_what_a_key_is_is_told(world: World, dev: Target) -> None:
    """Clients read the names of columns from DETAIL; values stay out of it."""
    world.admin("insert into held values (1, 'quixmarker@leak-q7.example', 'n')", database=DATABASE)
    with Wire.open(dev) as wire:
        [error] = wire.query("insert into held values (1, 'a@example.org', 'x')").errors
        assert error["C"] == "23505" and error["D"] == "Key (id)=([withheld]) already exists.", error
        [error] = wire.query("insert into held values (null, 'b@example.org', 'x')").errors
        assert error["C"] == "23502" and error["c"] == "id", error


def test_a_hidden_result_names_its_function(dev: Target) -> None:
    """Removed: NULL in the place of a value, and nobody knows why."""
    with Wire.open(dev) as wire:
        wire.query("create function add_one(n integer) returns integer language plpgsql as "
                   "$$ begin return n + 1; end $$")
        reply = wire.query("select add_one(1)")
        told = [message.fields["M"] for message in reply.messages if message.kind == "N"]
        assert any("public.add_one" in text for text in told), told
        reply = wire.query("select 1")
        assert not [message for message in reply.messages if message.kind == "N"]


ADDED = {
    "selected": "select fresh from held",
    "qualified": "select h.fresh from held h where h.fresh is null",
    "compared": "select id from held where fresh = 'x'",
    "in-a-join": "select a.id from held a join held b on a.fresh = b.fresh",
    "set": "update held set note = fresh where id = 0",
    "returning": "insert into held (id) values (0) returning fresh",
    "in-a-subselect": "select (select max(fresh) from held)",
    "copied": "copy held (id, fresh) to stdout",
}


@each(ADDED)
@pytest.mark.parametrize("simple", [True, False], ids=["simple", "extended"])
def test_a_column_that_somebody_else_has_added_is_there(
    world: World, dev: Target, case: str, simple: bool
) -> None:
    """Whoever runs a migration has another connection than whoever uses what it made."""
    if case.startswith("copy") and not simple:
        pytest.skip("copies are simple")
    with Wire.open(dev) as wire:
        wire.query("select id from held")
        world.admin("alter table held add column fresh text", DATABASE)
        try:
            wire.query("begin")
            if simple:
                reply = wire.query(case)
            else:
                wire.send(parse_message(case) + bind_message() + execute_message() + SYNC)
                reply = wire.reply()
            assert not reply.errors
        finally:
            wire.query("rollback")
            world.admin("alter table held drop column fresh", DATABASE)
        # Gone again: at once, or as what changed meanwhile.
        assert wire.query("select fresh from held").sqlstate in ("42703", "40001")
