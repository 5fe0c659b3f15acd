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
from harness.wire import SYNC, Wire, bind_message, execute_message, frame, parse_message
from harness.world import World
from honest.scene import honest_gateway

from security.scene import dba, waits_for_a_lock

pytestmark = pytest.mark.gateway
DATABASE = "inside"
MADE = """\
create view innocent as select id, 'x'::text as v from public.customers;
create view others as select id, city as v from public.customers;
create table plain (id integer, v text);
create view customers_only as select email from public.customers;
create view only_one as select email from public.customers;
insert into plain values (1, 'seen');
create schema near; create schema far;
create table near.thing as select 1 as id, 'near'::text as v;
create view far.thing as select id, split_part(email::text, '@', 1) as v from public.customers;
"""
# Nothing that detectors would know: what is masked here, the plan has masked.
RAW = "select id, split_part(email::text, '@', 1) as v from public.customers"


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
        "$$ select split_part(email::text, '@', 1) || t from public.customers order by id limit 1 $$"
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
        # The next one can be looked at.
        wire.query("begin")
        wire.query(code("create table own (id integer)"))
        assert wire.query("select v from innocent").rows
        wire.query("rollback")


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


def telling(signature: str, how: str = "create", volatility: str = "stable") -> str:
    """A function that gives what its caller may not see, whatever it is given."""
    return (
        f"{how} function {signature} returns text language sql {volatility} as $$ "
        "select string_agg(split_part(email::text, '@', 1), ',') from public.customers $$"
    )


# Definitions by statements, and a read of no table at all.
WITHOUT_TABLES = {
    "function": (
        telling("public.abs(text)"),
        "select abs('a'::text)",
    ),
    "function-in-values": (
        telling("public.abs(text)"),
        "values (abs('a'::text))",
    ),
    "copied": (
        telling("public.abs(text)"),
        "copy (select abs('a'::text)) to stdout",
    ),
    "in-the-catalog": (
        telling("pg_catalog.abs(text)"),
        "select abs('a'::text)",
    ),
    "in-the-place-of-one": (
        telling("pg_catalog.lpad(text, integer)", "create or replace", "immutable"),
        "select lpad('a', 3)",
    ),
}
LOSES = {
    "nothing": (),
    "a-rename": ("create type lost as enum ('a')", "alter type lost rename to lost_2"),
    "cascade": ("drop table if exists lost_3 cascade",),
}


@pytest.mark.parametrize("before", LOSES)
@each(WITHOUT_TABLES)
def test_what_names_no_table_is_looked_at_too(
    dev: Target, case: tuple[str, str], before: str
) -> None:
    change, read = case
    with Wire.open(dev) as wire:
        wire.query("begin")
        for statement in (*LOSES[before], change):
            wire.query(statement)
        assert not found_in(wire.query(read).raw)
        wire.query("rollback")
    with Wire.open(dev) as wire:
        assert not found_in(wire.query("; ".join(("begin", *LOSES[before], change, read))).raw)
        wire.query("rollback")


WAITS = "select pg_advisory_lock(4711)"


def meanwhile(world: World, dev: Target, path: str, text: str, theirs: str, undone: str) -> None:
    """Others change something while a text waits, and it shows nothing of what that gives."""
    with Wire.open(dev) as wire, dba(world, DATABASE) as other:
        other.execute(WAITS)
        other.commit()
        wire.query(path)
        wire.send(frame("Q", text.encode() + b"\0"))
        waits_for_a_lock(world, DATABASE)
        other.execute(theirs)
        other.commit()
        other.execute("select pg_advisory_unlock(4711)")
        other.commit()
        assert not found_in(wire.reply().raw)
        other.execute(undone)
        other.commit()


def test_others_make_what_is_called(world: World, dev: Target) -> None:
    """Removed: what reads no table is shown whatever its functions have become."""
    text = f"{WAITS}; select quote_ident(7)"
    made = telling("public.quote_ident(integer)")
    meanwhile(world, dev, "select 1", text, made, "drop function public.quote_ident(integer)")


def test_what_was_prepared_is_not_what_stands_in_front_now(dev: Target) -> None:
    """Removed: the server goes on with what it has planned, and the mask is that of another."""
    with Wire.open(dev) as wire:
        wire.query("create temp table d ()")
        wire.query("prepare p as select split_part(email::text, '@', 1) from customers_only")
        wire.query("create temp table customers_only as select 'x'::text as email")
        assert not found_in(wire.query("execute p").raw)
    with Wire.open(dev) as wire:
        wire.query("create temp table d ()")
        sql = "select split_part(email::text, '@', 1) from only_one"
        wire.query("create view pg_temp.unrelated as select 1")
        wire.send(parse_message(sql, name="q") + SYNC)
        wire.reply()
        wire.query("create temp table only_one as select 'x'::text as email")
        wire.send(bind_message(name="q") + execute_message() + SYNC)
        reply = wire.reply()
        assert not found_in(reply.raw)
        assert reply.errors and reply.errors[0]["C"] == "26000", reply.errors


def test_a_told_path_is_doubted_when_others_change_schemas(world: World, dev: Target) -> None:
    with Wire.open(dev) as wire, dba(world, DATABASE) as other:
        wire.query("set search_path = appears, near, far")
        assert wire.query("select v from thing").rows == [[b"near"]]
        other.execute("create schema appears")
        other.execute(f"create view appears.thing as {RAW}")
        other.commit()

        def is_new() -> bool:
            reply = wire.query("select v || '' from thing")
            assert not found_in(reply.raw)
            return len(reply.rows) > 1

        until("the new one is read", is_new, 15)
        other.execute("drop schema appears cascade")
        other.commit()


def test_what_others_put_in_front_of_what_a_text_makes(world: World, dev: Target) -> None:
    text = f"create table far.xx (v text); {WAITS}; select v, 'n' from xx"
    theirs = f"create view near.xx as {RAW.replace(' id,', '')}"
    meanwhile(world, dev, "set search_path = near, far", text, theirs, "drop view near.xx")


SCHEMAS_CHANGE = {
    "schemas-swapped": "alter schema near rename to away; alter schema far rename to near",
    "cast-made": (
        "create function public.money_of(money) returns text language sql as "
        "'select split_part(email::text, ''@'', 1) from public.customers limit 1'; "
        "create cast (money as text) with function public.money_of(money)"
    ),
}


@each(SCHEMAS_CHANGE)
def test_code_that_locks_nothing(dev: Target, case: str) -> None:
    with Wire.open(dev) as wire:
        wire.query("begin")
        wire.query(code(case))
        for read in ("select v || '' from near.thing", "select '1'::money::text from plain"):
            assert not found_in(wire.query(read).raw)
        wire.query("rollback")


def test_one_look_is_enough_for_code_that_changes_nothing(dev: Target) -> None:
    """A transaction that has defined something runs code as fast as another."""
    with Wire.open(dev) as wire:
        wire.query("create or replace function idle() returns integer language plpgsql as 'begin return 1; end'")
        wire.query("begin")
        wire.query("create table slow (id integer)")
        for _ in range(20):
            wire.query("select idle()")
            assert not wire.query("select id from slow").errors
        wire.query("rollback")


def test_a_failed_transaction_says_so(dev: Target) -> None:
    with Wire.open(dev) as wire:
        wire.query("begin")
        wire.query(code("create table own (id integer)"))
        wire.query("select 1/0")
        assert wire.query("select v from plain").errors[0]["C"] == "25P02"
        wire.query("rollback")


def test_names_that_the_information_schema_has_too(dev: Target) -> None:
    with Wire.open(dev) as wire:
        wire.query("create temp table user_mapping_options (option_value text)")
        wire.query("set search_path = information_schema, public, pg_temp")
        reply = wire.query("select option_value || '' from user_mapping_options")
        assert reply.errors, reply.rows


def test_the_gateway_asks_past_names_of_the_client(dev: Target) -> None:
    with Wire.open(dev) as wire:
        wire.query("create temp table xid (i integer); create temp table text (i integer)")
        wire.query("begin")
        wire.query(code("update plain set v = v"))
        assert not wire.query("select v from plain").errors
        wire.query("rollback")


LEAKING = telling("public.lpad(varchar, integer)")


def piped(*statements: str) -> bytes:
    run = [parse_message(sql) + bind_message() + execute_message() for sql in statements]
    return b"".join(run) + SYNC


def test_a_failed_transaction_that_comes_back(dev: Target) -> None:
    """Removed: what runs again behind ROLLBACK TO is planned as if nothing ran."""
    with Wire.open(dev) as wire:
        for sql in ("begin", LEAKING, "savepoint s", "select 1/0"):
            wire.query(sql)
        wire.send(piped("rollback to s", "select lpad('a'::varchar, 3)"))
        assert not found_in(wire.reply().raw)
        wire.query("rollback")
    with Wire.open(dev) as wire:
        for sql in ("begin", "create temp table t1 (i integer)", "select 1/0"):
            wire.query(sql)
        wire.send(piped("rollback", "begin", LEAKING, "select lpad('a'::varchar, 3)"))
        assert not found_in(wire.reply().raw)


def test_a_definition_in_front_does_not_open_the_fence(world: World, dev: Target) -> None:
    text = f"create temp table zz (i integer); {WAITS}; select lpad('a'::varchar, 3)"
    undone = "drop function public.lpad(varchar, integer)"
    meanwhile(world, dev, "select 1", text, LEAKING, undone)


def test_types_of_parameters_bring_code(world: World, gateway: Gateway) -> None:
    """Removed: a domain's check runs for who may run nothing, and says what it likes."""
    sql = (
        "create function public.says(text) returns boolean language plpgsql as $$ begin raise notice "
        "'got %', (select string_agg(split_part(email::text, '@', 1), ',') from public.customers); "
        "return true; end $$; create domain told as text check (says(value)); "
        "select oid from pg_type where typname = 'told'"
    )
    oid = int(world.admin(sql, database=DATABASE).split()[-1])
    with Wire.open(gateway.target("anna")) as wire:
        run = parse_message("select $1", types=[oid]) + bind_message([b"a"]) + execute_message()
        wire.send(run + SYNC)
        reply = wire.reply()
        assert not found_in(reply.raw) and reply.errors, reply.kinds
        reply = wire.query("select xmlserialize(content '<a/>' as told)")
        assert not found_in(reply.raw) and reply.errors
    world.admin("drop domain told; drop function says(text)", database=DATABASE)


def test_a_grant_hides_no_intruder(world: World, gateway: Gateway) -> None:
    world.admin(
        telling("pg_catalog.rpad(text, integer)", "create or replace")
        + "; grant usage on schema information_schema to public",
        database=DATABASE,
    )

    def is_known() -> bool:
        with Wire.open(gateway.target("anna")) as wire:
            return not found_in(wire.query("select rpad('a', 3)").raw)

    until("the intruder is known", is_known, 40)
