"""Class A for writes: what a command changes is what policy was asked about, whatever its names
have come to stand for since it was planned."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.wire import Reply, Wire
from harness.world import World

from security.scene import dba, own_database, own_policies, waits_for_a_lock

pytestmark = pytest.mark.gateway
DATABASE = "written"
MADE = """\
create table ran (at timestamptz default now());
create function runs() returns trigger language plpgsql as
$$ begin insert into ran default values; return new; end $$;
create table scratch (id integer, note text);
create table payroll (id integer, note text);
insert into scratch values (1, 'scratch'), (2, 'scratch');
insert into payroll values (1, 'payroll'), (2, 'payroll');
create table plain (id integer, note text);
create table source (id integer, note text, ssn text);
insert into source values (1, 'harmless', '917-66-4421');
create table copied (id integer, note text);
create view seen as select id, note from source;
create table gate (id integer);
create table kept (id integer, salary numeric);
create table open_to_walt (id integer, salary numeric);
insert into kept values (1, 4711.17);
"""
RULES = """\
@id("writers-write-here")
permit (
    principal in Group::"writers",
    action in [Action::"write", Action::"probe", Action::"filter", Action::"define"],
    resource
);
@id("not-payroll")
forbid (principal, action == Action::"write", resource == Table::"shop/public.payroll");
@id("walt-sees-these")
permit (
    principal in Group::"writers", action == Action::"reveal",
    resource == Column::"shop/public.open_to_walt.salary"
);
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    own_database(world, DATABASE, MADE)
    return world.gateway(
        DATABASE,
        database=DATABASE,
        policies=own_policies(world, DATABASE, RULES),
        classified={"*.*.ssn": "national-id", "*.*.salary": "income"},
    )


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[Wire]:
    with Wire.open(gateway.target("walt")) as wire:
        yield wire


@dataclass(frozen=True)
class Change:
    """What an administrator changes, what a client writes at once, and what must not be so."""

    change: str
    write: str
    check: str
    stands: str
    back: str
    # Policies and classifications go by names: what has another one by now may be written.
    is_refused_anew: bool


SWAP = (
    "alter table scratch rename to swapping; alter table payroll rename to scratch; "
    "alter table swapping rename to payroll"
)
CHANGES = {
    "tables-swapped": Change(
        SWAP,
        "delete from scratch where id = 1",
        "select count(*) from scratch where note = 'payroll'",
        "2",
        SWAP,
        False,
    ),
    "trigger-made": Change(
        "create trigger runs before insert on plain for each row execute function runs()",
        "insert into plain values (1, 'x')",
        "select count(*) from ran",
        "0",
        "drop trigger runs on plain",
        True,
    ),
    "source-renamed": Change(
        "alter table source rename note to other; alter table source rename ssn to note",
        "insert into copied select id, note from source",
        "select count(*) from copied where note like '917%'",
        "0",
        "alter table source rename note to ssn; alter table source rename other to note",
        False,
    ),
    "view-replaced": Change(
        "create or replace view seen as select id, ssn as note from source",
        "insert into copied select id, note from seen",
        "select count(*) from copied where note like '917%'",
        "0",
        "create or replace view seen as select id, note from source",
        True,
    ),
}


@each(CHANGES)
def test_a_write_does_not_run_by_old_definitions(world: World, wire: Wire, case: Change) -> None:
    """It says that it did not run, and may be sent again: then it is decided anew."""
    assert not wire.query("select id from plain; select id from gate").errors
    try:
        world.admin(f"begin; {case.change}; commit", database=DATABASE)
        [error] = wire.query(case.write).errors
        assert error["C"] in ("40001", "42501"), error
        assert world.admin(case.check, database=DATABASE) == case.stands
        if case.is_refused_anew:
            [error] = wire.query(case.write).errors
            assert error["C"] == "42501", error
    finally:
        world.admin(f"begin; {case.back}; commit", database=DATABASE)


def test_a_write_that_did_not_run_fails_its_transaction(world: World, wire: Wire) -> None:
    """And nobody is told that it has run."""
    assert not wire.query("begin").errors
    change = CHANGES["trigger-made"]
    try:
        world.admin(change.change, database=DATABASE)
        [error] = wire.query(change.write).errors
        # The definitions may have been read anew by then: `execute` is not granted.
        assert error["C"] == "42501" or "did not run" in error["M"], error
        assert wire.query("select 1").errors[0]["C"] == "25P02"
        assert not wire.query("rollback").errors
    finally:
        world.admin(change.back, database=DATABASE)
    assert world.admin(change.check, database=DATABASE) == "0"


def test_a_write_that_waited_says_that_it_happened(world: World, wire: Wire) -> None:
    """The target looked its names up again once the lock was free: no driver sends it again."""
    sql = "with held as (select id from gate) delete from scratch where id = 2"
    assert not wire.query("explain " + sql).errors
    replies: list[Reply] = []
    with dba(world, DATABASE) as changing:
        changing.execute("lock table scratch in access exclusive mode")
        asking = threading.Thread(target=lambda: replies.append(wire.query(sql)))
        asking.start()
        waits_for_a_lock(world, DATABASE)
        changing.execute(SWAP)
    asking.join()
    world.admin(f"begin; {SWAP}; commit", database=DATABASE)
    [error] = replies[0].errors
    assert error["C"] == "55000" and "do not send it again" in error["H"], error


HONEST = {
    "own-definition": "alter table plain add column if not exists more text; update plain set id = 1",
    "own-table": "create temp table mine (id integer); insert into mine values (1); drop table mine",
    "own-transaction": "begin; alter table plain add extra text; insert into plain values (2, 'y'); "
    "commit; alter table plain drop extra",
    "truncated-and-filled": "truncate copied; insert into copied values (1, 'z')",
    "indexed-and-filled": "create index on copied (id); insert into copied values (2, 'z')",
}


@each(HONEST)
def test_what_a_session_changes_itself_is_no_surprise(
    world: World, wire: Wire, case: str
) -> None:
    """In one text, and one statement after the other."""
    for texts in ([case], case.split("; ")):
        for text in texts:
            assert not (errors := wire.query(text).errors), (text, errors)


def test_a_value_does_not_move_to_where_it_shows(world: World, wire: Wire) -> None:
    """A copy into a column of the same category is free, unless this chain is shown that one."""
    [error] = wire.query("insert into open_to_walt select id, salary from kept").errors
    assert error["C"] == "42501" and "reveal" in str(error), error
    assert not wire.query("insert into kept select id + 1, salary from kept where id = 1").errors
    assert not wire.query("insert into kept select id + 9, salary from open_to_walt").errors
    assert b"4711" not in wire.received
    assert world.admin("select count(*) from open_to_walt", database=DATABASE) == "0"
