"""Class A: names, paths, stored rows and folded constants that outlive what was analysed."""

import json
from collections.abc import Iterator

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.waiting import until
from harness.wire import (
    SYNC,
    Refused,
    Wire,
    bind_message,
    describe_message,
    execute_message,
    frame,
    parse_message,
)
from harness.world import CLASSIFIED, World

from security.scene import decide, held, knows, own_database, own_policies

pytestmark = pytest.mark.gateway
DATABASE = "lifetimes"
RULES = """\
@id("cursor-openers-run")
permit (principal in Group::"analysts", action == Action::"execute",
        resource == Function::"shop/public.open_c");
@id("agents-run-it")
permit (principal in Group::"agents", action == Action::"execute",
        resource == Function::"shop/public.open_c");
@id("snapshots-are-lent")
permit (principal, action == Action::"execute",
        resource == Function::"shop/pg_catalog.pg_export_snapshot");
@id("vault-reviewed") @review("reviewers")
forbid (principal, action == Action::"read", resource == Table::"shop/public.vault");
"""
MADE = """\
create function open_c() returns integer language plpgsql as $$
    declare c refcursor := 'c';
    begin open c for select email || '' from customers; return 1; end $$;
create view vault as select id, city as note from customers;
create view redacted_later as select id, email as note from customers;
create materialized view stored as select note from redacted_later;
create function folded() returns text language plpgsql immutable as $$
    begin return (select email from customers order by id limit 1); end $$;
create view constant as select folded() as x, id from orders;
create index by_article on orders (article);
create schema anon;
create view anon.path_shown as select id, city as note from customers;
create view path_shown as select id, email || '' as note from attic.customers;
create table amounts (id integer, total integer); insert into amounts values (1, 1);
create table path_later as select 'x' as note;
create table renamed_later (id integer, email text);
insert into renamed_later select id, email from customers;
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    own_database(world, DATABASE, MADE)
    return world.gateway(
        "lifetimes",
        database=DATABASE,
        policies=own_policies(world, "lifetimes", RULES),
        classified=CLASSIFIED | {"public.renamed_later.email": "email"},
        adopted=True,
    )


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return gateway.target("alice", "planner", "sql-agent")


def read_again(world: World, target: Target, name: str) -> None:
    """Until the gateway has read every definition anew."""
    world.admin(f"create table seen_{name} (x integer)", database=DATABASE)
    knows(target, f"select x from seen_{name}")


def test_changed_while_a_reviewer_looks(world: World, gateway: Gateway, target: Target) -> None:
    """What was approved is shown under the definition that was approved, or not at all."""
    with Wire.open(target) as wire:
        wire.send(frame("Q", b"select note from vault\0"))
        review = held(wire)
        sql = "create or replace view vault as select id, email as note from customers"
        world.admin(sql, database=DATABASE)
        decide(gateway, "approve", review, gateway.token("dana"))
        reply = wire.reply()
        assert not found_in(wire.received), reply.rows[:1]


PATHS = {
    "role": "alter role portreeve in database lifetimes set search_path = anon, public",
    "database": "alter database lifetimes set search_path = anon, public",
    "role-everywhere": "alter role portreeve set search_path = anon, public",
}
UNDO = (
    "alter role portreeve in database lifetimes reset search_path;"
    "alter database lifetimes reset search_path; alter role portreeve reset search_path"
)


@pytest.fixture
def paths_undone(world: World) -> Iterator[None]:
    yield
    world.admin(UNDO)


@each(PATHS)
def test_the_path_of_new_sessions_is_not_that_of_old_ones(
    world: World, target: Target, paths_undone: None, case: str
) -> None:
    """A session is analysed by the search path that it runs on, whatever new ones get."""
    with Wire.open(target) as wire:
        assert not found_in(wire.query("select note || '' from path_shown").raw)
        world.admin(case)
        read_again(world, target, f"path_{list(PATHS.values()).index(case)}")
        reply = wire.query("select note || '' from path_shown")
        assert not found_in(reply.raw), reply.rows[:1]


MOMENTS = {
    "repeatable-read": ("begin isolation level repeatable read", "select 1"),
    "serializable": ("begin isolation level serializable read only", "select count(*) from orders"),
    "by-a-setting": (
        "set default_transaction_isolation = 'repeatable read'",
        "begin",
        "select 1",
    ),
    "set-inside": ("begin", "set transaction isolation level repeatable read", "select 1"),
}
TURN = """\
begin; alter table aged rename note to kept; alter table aged rename email to note;
alter table aged rename kept to email; update aged set note = email, email = note; commit
"""


def not_turned_yet(world: World, target: Target, name: str) -> str:
    """Makes a table, and asks for what will have been something else."""
    made = f"create table {name} as select id, city as note, email from customers"
    world.admin(made, database=DATABASE)
    sql = f"select note || '' from {name}"
    knows(target, sql)
    return sql


@each(MOMENTS)
def test_rows_of_an_older_moment_than_their_definitions(
    world: World, target: Target, case: tuple[str, ...]
) -> None:
    """A transaction sees rows as they were when it began, under names that are newer."""
    name = f"aged_{list(MOMENTS.values()).index(case)}"
    sql = not_turned_yet(world, target, name)
    with Wire.open(target) as wire:
        for statement in case:
            assert not (errors := wire.query(statement).errors), errors
        world.admin(TURN.replace("aged", name), database=DATABASE)
        reply = wire.query(sql)
        assert not found_in(reply.raw), reply.rows[:1]
        assert reply.sqlstate == "40001" or reply.rows[0][0].startswith(b"["), reply.errors
        wire.query("rollback")
        read_again(world, target, name)
        assert not wire.query(f"select id from {name}").errors, "the next one begins anew"


BEGIN = "begin isolation level repeatable read"
LENT = {
    "step-by-step": (BEGIN, "set transaction snapshot '{}'", "{sql}"),
    "in-one-text": (BEGIN + "; set transaction snapshot '{}'; {sql}",),
    "in-two": (BEGIN + "; set transaction snapshot '{}'", "{sql}"),
}


@each(LENT)
@pytest.mark.parametrize("by", ["gateway", "direct"])
def test_a_snapshot_that_another_session_lends(
    world: World, target: Target, case: tuple[str, ...], by: str
) -> None:
    """Who sees what somebody else saw before sees it under definitions that are newer."""
    name = f"lent_{by}_{list(LENT.values()).index(case)}"
    sql = not_turned_yet(world, target, name)
    lender = target if by == "gateway" else world.direct("portreeve", DATABASE)
    with Wire.open(lender) as lending, Wire.open(target) as wire:
        lending.query(BEGIN)
        snapshot = lending.query("select pg_export_snapshot()").rows[0][0].decode()
        steps = [step.replace("{}", snapshot).replace("{sql}", sql) for step in case]
        before = [wire.query(step) for step in steps][-1]
        if by == "gateway" and len(steps) > 1:
            assert not before.errors and before.rows, "nothing has changed yet"
        wire.query("rollback")
        world.admin(TURN.replace("aged", name), database=DATABASE)
        read_again(world, target, name)
        reply = [wire.query(step) for step in steps][-1]
        assert not found_in(reply.raw), reply.rows[:1]
        assert reply.errors, "its rows are of before"
        wire.query("rollback")
        assert not wire.query(f"select id from {name}").errors


def test_a_schema_of_the_path_that_comes_later(world: World, target: Target) -> None:
    """`"$user"` is in most search paths, and often there is no such schema yet."""
    sql = "select note || '' from path_later"
    with Wire.open(target) as wire:
        assert wire.query(sql).rows == [[b"x"]]
        world.admin(
            "create schema portreeve; create view portreeve.path_later as "
            "select email as note from customers",
            database=DATABASE,
        )
        try:
            for name in ("path_later_new", "path_later_newer"):
                assert not found_in(wire.query(sql).raw)
                read_again(world, target, name)
        finally:
            world.admin("drop schema portreeve cascade", database=DATABASE)


CURSORS = {
    "declared-in-a-transaction-that-ended": ("begin", "declare c cursor for {clean}", "commit"),
    "declared-in-a-transaction-rolled-back": ("begin", "declare c cursor for {clean}", "rollback"),
    "declared-after-a-savepoint-rolled-back": (
        "begin",
        "savepoint s",
        "declare c cursor for {clean}",
        "rollback to s",
    ),
    "held-then-closed": ("declare c cursor with hold for {clean}", "close c"),
    "held-then-all-closed": ("declare c cursor with hold for {clean}", "close all"),
    "held-then-discarded": ("declare c cursor with hold for {clean}", "discard all"),
    "held-in-a-transaction-rolled-back": (
        "begin",
        "declare c cursor with hold for {clean}",
        "rollback",
    ),
}


@each(CURSORS)
def test_a_cursor_that_is_gone_lends_its_name(target: Target, case: tuple[str, ...]) -> None:
    """What FETCH returns is judged by the cursor that the server has under that name."""
    clean = "select city || '' from customers"
    with Wire.open(target) as wire:
        for statement in case:
            wire.query(statement.format(clean=clean))
        if "begin" not in case or case[-1] in ("commit", "rollback"):
            wire.query("begin")
        opened = wire.query("select open_c()")
        assert not opened.errors, opened.errors
        reply = wire.query("fetch all from c")
        assert not found_in(wire.received), reply.rows[:1]


def test_rows_stored_before_a_view_was_redacted(world: World, target: Target) -> None:
    """A materialized view carries what it was ever made of, until it is made again."""
    with Wire.open(target) as wire:
        assert not found_in(wire.query("select note from stored").raw)
    sql = "create or replace view redacted_later as select id, city as note from customers"
    world.admin(sql, database=DATABASE)
    read_again(world, target, "stored")
    with Wire.open(target) as wire:
        reply = wire.query("select note from stored")
        assert not found_in(reply.raw), reply.rows[:1]


def test_rows_stored_before_the_gateway_started(world: World) -> None:
    """Nobody knows what an old materialized view was made of: its texts are looked through."""
    database = own_database(
        world,
        "stored_before",
        "create view v as select id, email as note from customers;"
        "create materialized view m as select note from v;"
        "create or replace view v as select id, city as note from customers",
    )
    gateway = world.gateway("stored-before", database=database)
    with Wire.open(gateway.target("alice")) as wire:
        reply = wire.query("select note from m")
        assert not found_in(reply.raw), reply.rows[:1]


PLANS = {
    "verbose": "explain verbose select x from constant",
    "json": "explain (verbose, format json) select x from constant",
    "yaml": "explain (verbose, format yaml) select x from constant",
    "xml": "explain (verbose, format xml) select x from constant",
    "analyze": "explain (analyze, verbose, timing off) select x from constant limit 1",
    "filter": "explain select id from orders where article = (select x from constant limit 1)",
    "filter-folded": "explain select o.id from orders o, constant c where o.article = c.x",
    "index-condition": "explain select o.article from orders o join constant c on o.article = c.x",
    "sort-key": "explain verbose select id from constant order by x || id::text",
    "settings": "explain (verbose, settings) select x from constant",
    "in-a-cte": "explain verbose with w as materialized (select x from constant) select * from w",
    "union": "explain verbose select x from constant union all select 'a'",
    "prepared": "prepare q as select x from constant; explain verbose execute q",
    "create-table-as": "explain verbose create temp table t as select x from constant",
}


@each(PLANS)
def test_plans_show_no_folded_values(target: Target, case: str) -> None:
    """Constants that the planner computed are values, wherever EXPLAIN prints them."""
    with Wire.open(target) as wire:
        for statement in case.split("; "):
            reply = wire.query(statement)
        assert not found_in(wire.received), reply.rows[:3]


UNSEEN = {
    "column-renamed": (
        "alter table renamed_later rename email to mail",
        "select mail from renamed_later",
    ),
    "table-copied": (
        "create table customers_backup as select * from customers",
        "select email, full_name, ssn, notes from customers_backup",
    ),
    "column-added": (
        "alter table orders add column contact text;"
        "update orders set contact = (select email from customers limit 1)",
        "select contact from orders",
    ),
    "table-renamed": (
        "create table crew as select id, email from customers",
        "select email from crew",
    ),
    "moved-to-another-schema": (
        "create schema archive; create table archive.old as select full_name as label, iban as "
        "reference from customers",
        "select label, reference from archive.old",
    ),
    "view-of-a-copy": (
        "create table copied as select phone as p from customers;"
        "create view of_copied as select p from copied",
        "select p from of_copied",
    ),
    "type-changed": (
        "alter table amounts alter column total type text;"
        "update amounts set total = (select full_name from customers limit 1)",
        "select total from amounts",
    ),
    "child-with-more": (
        "create table amounts_more (who text) inherits (amounts);"
        "insert into amounts_more select 1, null, full_name from customers",
        "select who from amounts_more",
    ),
    "materialized-copy": (
        "create materialized view kept as select full_name as label from customers",
        "select label || '' from kept",
    ),
    "copied-out": (
        "create table exported as select full_name as label from customers",
        "copy exported to stdout",
    ),
    "returned": (
        "create table returned as select id, full_name as label from customers",
        "select to_jsonb(r) from returned r",
    ),
}


@each(UNSEEN)
def test_what_nobody_has_classified_is_not_shown_raw(
    world: World, target: Target, case: tuple[str, str]
) -> None:
    """A column that appears after the last look is masked until somebody decides."""
    change, sql = case
    world.admin(change, database=DATABASE)
    knows(target, sql)
    with Wire.open(target) as wire:
        reply = wire.query(sql)
        assert not found_in(reply.raw), reply.rows[:1]


def test_a_pattern_that_matches_nothing_is_told(world: World) -> None:
    """A typo in `classify` is a warning of health, because nothing else would tell."""
    classified = CLASSIFIED | {"public.customers.emial": "email"}
    gateway = world.gateway("typo", classified=classified)

    def told() -> bool:
        health = json.loads(gateway.http("GET", "/healthz")[1])
        return "emial" in json.dumps(health.get("warning", ""))

    until("health names the pattern", told, 5)


def test_definitions_that_cannot_be_asked_for_stop_releases(world: World) -> None:
    """Without connections of its own for the check, nothing is released and health turns red."""
    database = own_database(
        world,
        "slots",
        f"create role thrifty login connection limit 5 password '{world.postgres.password}';"
        "grant select on all tables in schema public to thrifty;"
        "create view shown as select id, city as note from customers;"
        "grant select on shown to thrifty",
    )
    gateway = world.gateway("slots", database=database, role="thrifty")
    wire = Wire.open(gateway.target("alice"))
    assert not found_in(wire.query("select note from shown").raw)
    taken = []
    with pytest.raises(Refused):
        while True:
            taken.append(Wire.open(world.direct("thrifty", database)))
    sql = "create or replace view shown as select id, email as note from customers"
    world.admin(sql, database=database)

    def red() -> bool:
        wire.query("select note from shown")
        assert not found_in(wire.received), "raw"
        status, body = gateway.http("GET", "/healthz")
        return status != 200 or "warning" in json.loads(body)

    try:
        until("health is red", red, 20)
    finally:
        for other in taken:
            other.close()
        wire.close()


CITY = "select city from customers"
RAW = "select email || '' from customers"
AGAIN = {
    "prepared-by-sql": (
        frame("Q", f"prepare p as {RAW}\0".encode()),
        frame("Q", b"set search_path = public\0"),
        bind_message(name="p") + execute_message() + SYNC,
    ),
    "prepared-twice": (
        frame("Q", f"prepare p as {CITY}; deallocate p; prepare p as {RAW}\0".encode()),
        frame("Q", b"set search_path = public\0"),
        frame("Q", b"execute p\0"),
    ),
    "rest-of-a-fetch": (
        frame("Q", f"begin; declare c cursor for {RAW}\0".encode()),
        parse_message("fetch all from c") + bind_message(portal="p") + execute_message("p", 1) + SYNC,
        frame("Q", b"close c; declare c cursor for select relname::text from pg_class\0"),
        execute_message("p") + SYNC,
    ),
    "rest-of-an-execute": (
        frame("Q", f"begin; prepare q as {RAW}\0".encode()),
        parse_message("execute q") + bind_message(portal="p") + execute_message("p", 1) + SYNC,
        frame("Q", b"deallocate q; prepare q as select relname::text from pg_class\0"),
        execute_message("p") + SYNC,
    ),
    "described-before": (
        frame("Q", b"begin; declare c cursor for select id from customers\0"),
        parse_message("fetch all from c", "s") + describe_message("S", "s") + SYNC,
        frame("Q", f"close c; declare c cursor for {RAW}\0".encode()),
        bind_message(name="s") + execute_message() + SYNC,
    ),
}


@each(AGAIN)
def test_what_a_name_stood_for_when_it_began(target: Target, case: tuple[bytes, ...]) -> None:
    """Planned again, or run on, a name is masked by what it stands for at the server."""
    with Wire.open(target) as wire:
        for message in case:
            wire.send(message)
            reply = wire.reply()
        assert not found_in(wire.received), reply.rows[:1]
        assert wire.query("rollback").status == "I"


def test_a_constant_that_decides_is_not_a_shape(target: Target) -> None:
    """Which setting is shown is told by a constant: the next one may be another."""
    with Wire.open(target) as wire:
        sql = "select setting from pg_settings where name = '{}'"
        assert not wire.query(sql.format("work_mem")).errors
        reply = wire.query(sql.format("archive_command"))
        assert reply.errors or reply.rows in ([], [[b"[personal]"]], [[None]]), reply.rows
        path = "select set_config(name, 'attic', false) from pg_settings where name = '{}'"
        wire.query(path.format("work_mem"))
        wire.query(path.format("search_path"))
        assert not found_in(wire.query("select email || '' from customers").raw)
        pinned = "select set_config(name, 'on', false) from pg_settings where name = '{}'"
        wire.query(pinned.format("work_mem"))
        assert wire.query(pinned.format("transform_null_equals")).errors
