"""A: what an open transaction sees of definitions that code has changed in it.

The gateway asks inside of the transaction and plans by what it is told: reads are masked by it, or
refused where the answer could be of another moment. A refusal everywhere would pass none of these.
"""

import psycopg
import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.waiting import until
from harness.wire import SYNC, Wire, bind_message, execute_message, parse_message
from harness.world import World
from honest.scene import honest_gateway

from security.scene import dba

pytestmark = pytest.mark.gateway
DATABASE = "inside"
MADE = """\
create view innocent as select id, 'x'::text as v from public.customers;
create view others as select id, city as v from public.customers;
create table plain (id integer, v text);
insert into plain values (1, 'seen');
create schema near; create schema far;
create table near.thing as select 1 as id, 'near'::text as v;
create table far.thing as select id, email::text as v from public.customers;
"""
RAW = "select id, email::text as v from public.customers"


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return honest_gateway(world, DATABASE, MADE)


@pytest.fixture(scope="module")
def dev(gateway: Gateway) -> Target:
    return gateway.target("dev")


def code(change: str) -> str:
    return f"do $code$ begin {change}; end $code$"


# What code does, what is read then, and how many rows that gives: masked, and not refused.
SEEN = {
    "view-replaced": (f"create or replace view innocent as {RAW}", "select v from innocent", 2),
    "view-made": (f"create view made as {RAW}", "select v from made", 2),
    "view-of-a-view": (
        f"create view below as {RAW}; create view above as select v || '' as v from below",
        "select v from above",
        2,
    ),
    "view-made-again": (f"drop view innocent; create view innocent as {RAW}", "select v from innocent", 2),
    "column-renamed": (
        "alter table customers rename email to harmless",
        "select harmless from public.customers",
        2,
    ),
    "table-renamed": ("alter table customers rename to folk", "select email from folk", 2),
    "table-and-column-renamed": (
        "alter table customers rename email to x; alter table customers rename to folk; "
        "create view customers as select x || '' as email from folk",
        "select email from public.customers",
        2,
    ),
    "schema-moved": (
        f"create schema moved; create view moved.innocent as {RAW}; drop view innocent; "
        "alter view moved.innocent set schema public",
        "select v from innocent",
        2,
    ),
    "partition-made": (
        "create table parts (id integer, email text) partition by list (id); "
        "create table part_1 partition of parts for values in (1); "
        "insert into parts select 1, email from customers where id = 1",
        "select email from parts",
        1,
    ),
    "child-made": (
        "create table kin () inherits (customers); insert into kin select * from customers",
        "select email from kin",
        2,
    ),
    "type-changed": (
        "create table typed as select id, email from customers; "
        "alter table typed alter column email type varchar(200)",
        "select email from typed",
        2,
    ),
    "materialized": (f"create materialized view stored as {RAW}", "select v from stored", 2),
    "rule-on-a-table": (
        "create table ruled (id integer, v text); create rule \"_RETURN\" as on select to ruled do "
        f"instead {RAW}",
        "select v from ruled",
        2,
    ),
    "generated-by-another": (
        "create table gen (id integer, email text, note text generated always as (email) stored); "
        "insert into gen select id, email from customers",
        "select note from gen",
        2,
    ),
}


@each(SEEN)
def test_reads_are_masked_by_what_the_transaction_sees(
    dev: Target, case: tuple[str, str, int]
) -> None:
    change, read, rows = case
    with Wire.open(dev) as wire:
        if "ruled" in change and "_RETURN" in change and int(server_version(dev)) >= 160000:
            pytest.skip("since 16 no table becomes a view")
        wire.query("begin")
        assert not (errors := wire.query(code(change)).errors), errors
        reply = wire.query(read)
        assert not reply.errors and len(reply.rows) >= rows, (reply.errors, reply.rows)
        assert not found_in(reply.raw), reply.rows[:2]
        # Prepared, bound and in binary, as drivers do.
        wire.send(
            parse_message(read) + bind_message(result_formats=[1]) + execute_message() + SYNC
        )
        reply = wire.reply()
        assert not found_in(reply.raw) and not reply.errors, (reply.errors, reply.rows[:2])
        wire.query("rollback")
        assert len(wire.query("select v from innocent").rows) > 0


def server_version(target: Target) -> str:
    with psycopg.connect(target.conninfo()) as connection:
        return str(connection.info.server_version)


def test_a_name_whose_holder_code_has_dropped_is_another(dev: Target) -> None:
    with Wire.open(dev) as wire:
        wire.query("set search_path = near, far")
        wire.query("begin")
        assert wire.query("select v from near.thing").rows
        wire.query(code("drop table near.thing"))
        assert not found_in(wire.query("select v from thing").raw)
        wire.query("rollback")


def test_prepared_before_and_read_after(dev: Target) -> None:
    """Removed: a plan from before the change is good for what the target plans anew."""
    with Wire.open(dev) as wire:
        wire.send(parse_message("select v from innocent", name="p") + SYNC)
        wire.reply()
        wire.query("begin")
        wire.query(code(f"create or replace view innocent as {RAW}"))
        wire.send(bind_message(name="p") + execute_message() + SYNC)
        reply = wire.reply()
        assert not found_in(reply.raw), reply.rows[:2]


def test_a_harmless_function_that_code_replaces(world: World) -> None:
    """Removed: what was declared harmless is run whatever it has become, which locks nothing."""
    sql = "create function shout(t text) returns text language sql immutable as $$ select upper(t) $$"
    gateway = honest_gateway(world, "inside-harmless", sql, start=False)
    defined = "select encode(sha256(convert_to(pg_get_functiondef('shout'::regproc), 'UTF8')), 'hex')"
    digest = world.admin(defined, database="inside_harmless")
    section = f'    harmless_functions:\n      "public.shout(t text)": "{digest}"\n    classify:\n'
    text = gateway.config.read_text().replace("    classify:\n", section, 1)
    gateway.config.write_text(text)
    gateway.start()
    change = code(
        "create or replace function shout(t text) returns text language sql stable as "
        "$$ select email || t from public.customers order by id limit 1 $$"
    )
    with Wire.open(gateway.target("dev")) as wire:
        assert wire.query("select shout('a')").rows == [[b"A"]]
        wire.query("begin")
        wire.query(change)
        assert not found_in(wire.query("select shout('a')").raw)
        wire.query("rollback")
        # In one run of messages nobody can ask.
        wire.query("begin")
        run = [parse_message(it) + bind_message() + execute_message() for it in (change, "select shout('b')")]
        wire.send(b"".join(run) + SYNC)
        assert not found_in(wire.reply().raw)


def test_a_savepoint_takes_back_what_code_did(dev: Target) -> None:
    """Removed: what was seen behind a savepoint is good in front of it."""
    with Wire.open(dev) as wire:
        wire.query("begin")
        wire.query("savepoint a")
        wire.query(code("create or replace view innocent as select id, 'y'::text as v from plain"))
        assert wire.query("select v from innocent").rows == [[b"y"]]
        wire.query("rollback to a")
        wire.query(code(f"create or replace view innocent as {RAW}"))
        assert not found_in(wire.query("select v from innocent").raw)
        wire.query("savepoint b")
        wire.query(code("create or replace view innocent as select id, 'z'::text as v from plain"))
        assert wire.query("select v from innocent").rows == [[b"z"]]
        wire.query("rollback to b")
        reply = wire.query("select v from innocent")
        assert not found_in(reply.raw) and len(reply.rows) > 1, reply.rows
        wire.query("rollback")


def test_statements_go_on_from_what_was_seen(dev: Target) -> None:
    """Removed: what statements change on top of it is not followed, or followed from before."""
    with Wire.open(dev) as wire:
        wire.query("begin")
        wire.query("create table one (id integer, v text)")
        wire.query(code("create table two (id integer, v text)"))
        assert not wire.query("insert into two values (1, 'b')").errors
        assert not wire.query("alter table two add column email text").errors
        assert not wire.query("create view both_of as select two.v, one.id from two left join one on true").errors
        assert wire.query("select v from both_of").rows == [[b"b"]]
        assert not wire.query("update two set email = 'eva.muster@example.org'").errors
        assert not found_in(wire.query("select * from two").raw)
        wire.query("rollback")
        assert wire.query("select v from both_of").errors[0]["C"] == "42P01"


def test_one_that_reads_the_past_is_refused(world: World, dev: Target) -> None:
    """Removed: a catalog of the transaction's own moment is taken for what names stand for."""
    for level in ("repeatable read", "serializable"):
        with Wire.open(dev) as wire, dba(world, DATABASE) as other:
            wire.query(f"begin isolation level {level}")
            wire.query("select id from plain")
            other.execute(f"create or replace view others as {RAW}")
            other.commit()
            wire.query(code("create table own (id integer)"))
            reply = wire.query("select v from others")
            assert not found_in(reply.raw) and reply.errors, reply.rows[:2]
            other.execute("create or replace view others as select id, city as v from customers")
            other.commit()


def test_others_change_what_was_seen(world: World, dev: Target) -> None:
    """Removed: what others have changed since it was seen is read by what it was."""
    with Wire.open(dev) as wire, dba(world, DATABASE) as other:
        until("it is read", lambda: bool(wire.query("select v from others").rows), 15)
        wire.query("begin")
        wire.query(code("create table own (id integer)"))
        assert wire.query("select v from innocent").rows
        other.execute(f"create or replace view others as {RAW}")
        other.commit()

        def is_masked() -> bool:
            wire.query("savepoint s")
            reply = wire.query("select v from others")
            assert not found_in(reply.raw), reply.rows[:2]
            wire.query("rollback to s")
            return not reply.errors

        until("the new view is read masked in the same transaction", is_masked, 15)
        wire.query("rollback")
        other.execute("create or replace view others as select id, city as v from customers")
        other.commit()


def test_what_cannot_be_told_is_refused_and_harms_nothing(world: World, dev: Target) -> None:
    """A view that somebody is changing cannot be looked at: the transaction goes on all the same."""
    with Wire.open(dev) as wire, dba(world, DATABASE) as other:
        wire.query("begin")
        wire.query(code("create table own (id integer)"))
        other.execute("alter view others rename to elsewhere")
        reply = wire.query("select v from innocent")
        assert reply.errors[0]["C"] == "55000", reply.errors
        other.rollback()
        wire.query("rollback")
        assert wire.query("select v from innocent").rows


def test_the_session_is_left_as_it_was(dev: Target) -> None:
    """Settings, savepoints, and the unnamed statement are the client's."""
    with Wire.open(dev) as wire:
        wire.query("begin; set local lock_timeout = '7s'; set local statement_timeout = '8s'")
        wire.query("savepoint portreeve_inside")
        wire.query("create table kept (id integer)")
        wire.send(parse_message("select count(*) from kept") + SYNC)
        wire.reply()
        wire.send(
            parse_message(code("create table seen (id integer)"), name="d")
            + bind_message(name="d") + execute_message() + SYNC
        )
        assert not (errors := wire.reply().errors), errors
        wire.send(bind_message() + execute_message() + SYNC)
        reply = wire.reply()
        assert not reply.errors and reply.rows == [[b"0"]], reply.errors
        assert wire.query("show lock_timeout").rows == [[b"7s"]]
        assert wire.query("show statement_timeout").rows == [[b"8s"]]
        assert wire.query("show search_path").rows == [[b'"$user", public']]
        assert not wire.query("rollback to portreeve_inside").errors
        assert wire.query("select count(*) from kept").errors[0]["C"] == "42P01"
        wire.query("rollback")
