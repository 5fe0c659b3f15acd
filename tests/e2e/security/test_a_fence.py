"""Class A: a reply is released only under the definitions that executed.

Every change here is made by an administrator, outside the gateway, while the agent's command
waits in the target for another lock: it was analysed before, and runs after. Without the check
between execution and release each of them shows raw values under a harmless name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.wire import SYNC, Reply, Wire, bind_message, execute_message, frame, parse_message
from harness.world import CLASSIFIED, World

from security.scene import dba, knows, own_database, own_policies, waits_for_a_lock

pytestmark = pytest.mark.gateway
DATABASE = "fence"
# What a view calls is permitted, so that only the check after the execution is in the way.
RULES = """\
@id("labels-run")
permit (principal in Group::"analysts", action == Action::"execute", resource is Function)
when { resource.name like "label*" };
@id("agents-run-labels")
permit (principal in Group::"agents", action == Action::"execute", resource is Function)
when { resource.name like "label*" };
"""


@dataclass(frozen=True)
class Change:
    """`{n}` is a number of its own for each way of asking."""

    source: str
    make: str
    change: str
    columns: str = "note"


RAW_VIEW = "select id, email as note from customers"
CLEAN_VIEW = "select id, city as note from customers"

CHANGES = {
    "view-replaced": Change(
        "shown{n}",
        f"create view shown{{n}} as {CLEAN_VIEW}",
        f"create or replace view shown{{n}} as {RAW_VIEW}",
    ),
    "view-under-a-view": Change(
        "outer{n}",
        f"create view inner{{n}} as {CLEAN_VIEW};"
        "create view outer{n} as select note || '' as note from inner{n}",
        f"create or replace view inner{{n}} as {RAW_VIEW}",
    ),
    "tables-swapped": Change(
        "swap_a{n} s",
        "create table swap_a{n} (note text, email text);"
        "create table swap_b{n} (email text, note text);"
        "insert into swap_a{n} select city, email from customers;"
        "insert into swap_b{n} select email, city from customers",
        "alter table swap_a{n} rename to swap_x{n};"
        "alter table swap_b{n} rename to swap_a{n}; alter table swap_x{n} rename to swap_b{n}",
        "s.*",
    ),
    "columns-swapped": Change(
        "swap_c{n}",
        "create table swap_c{n} as select id, city as note, email from customers",
        "alter table swap_c{n} rename note to kept; alter table swap_c{n} rename email to note;"
        "alter table swap_c{n} rename kept to email",
    ),
    "columns-swapped-computed": Change(
        "swap_f{n}",
        "create table swap_f{n} as select id, city as note, email from customers",
        "alter table swap_f{n} rename note to kept; alter table swap_f{n} rename email to note;"
        "alter table swap_f{n} rename kept to email",
        "note || ''",
    ),
    "tables-swapped-by-position": Change(
        "swap_g{n} as s(a, b)",
        "create table swap_g{n} (note text, email text);"
        "create table swap_h{n} (email text, note text);"
        "insert into swap_g{n} select city, email from customers;"
        "insert into swap_h{n} select email, city from customers",
        "alter table swap_g{n} rename to swap_x{n};"
        "alter table swap_h{n} rename to swap_g{n}; alter table swap_x{n} rename to swap_h{n}",
        "a || ''",
    ),
    "view-over-swapped-columns": Change(
        "over_d{n}",
        "create table swap_d{n} as select id, city as note, email from customers;"
        "create view over_d{n} as select note from swap_d{n}",
        "drop view over_d{n}; alter table swap_d{n} rename note to kept;"
        "alter table swap_d{n} rename email to note;"
        "create view over_d{n} as select note from swap_d{n}",
    ),
    "partition-attached": Change(
        "logs{n}",
        "create table logs{n} (id integer, email text) partition by list (id);"
        "create table logs{n}_0 partition of logs{n} for values in (0);"
        "create table people_late{n} (id integer, email text);"
        "insert into people_late{n} select 7, email from customers",
        "alter table logs{n} attach partition people_late{n} for values in (7)",
        "email",
    ),
    "child-added": Change(
        "base_log{n}",
        "create table base_log{n} (id integer, email text);"
        "create table people_child{n} (id integer, email text);"
        "insert into people_child{n} select id, email from customers",
        "alter table people_child{n} inherit base_log{n}",
        "email",
    ),
    "rule-makes-it-a-view": Change(
        "hollow{n}",
        "create table hollow{n} (id integer, note text)",
        f'create rule "_RETURN" as on select to hollow{{n}} do instead {RAW_VIEW}',
    ),
    "table-renamed-away": Change(
        "plain{n}",
        f"create table plain{{n}} as {CLEAN_VIEW}",
        f"alter table plain{{n}} rename to plain_old{{n}}; create view plain{{n}} as {RAW_VIEW}",
    ),
    "earlier-in-the-path": Change(
        "behind{n}",
        f"create view behind{{n}} as {CLEAN_VIEW}",
        f"create view portreeve.behind{{n}} as {RAW_VIEW}",
    ),
    "materialized-again": Change(
        "stored{n}",
        f"create materialized view stored{{n}} as {CLEAN_VIEW}",
        f"drop materialized view stored{{n}}; create materialized view stored{{n}} as {RAW_VIEW}",
    ),
    "function-replaced-under-a-view": Change(
        "labelled{n}",
        "create function label{n}(integer) returns text language sql stable as "
        "$$ select city from customers where id = $1 $$;"
        "create view labelled{n} as select label{n}(id) as note from customers",
        "create or replace function label{n}(integer) returns text language sql stable as "
        "$$ select email from customers where id = $1 $$",
    ),
    "overload-that-fits-better": Change(
        "coded{n}",
        "create table coded{n} (code varchar); insert into coded{n} values ('x')",
        "create function public.reverse(varchar) returns text language sql stable as "
        "$$ select email from customers limit 1 $$",
        "reverse(code)",
    ),
    "operator-that-fits-better": Change(
        "joined{n}",
        "create table joined{n} (code varchar); insert into joined{n} values ('x')",
        "create function glued{n}(varchar, varchar) returns text language sql stable as "
        "$$ select email from customers limit 1 $$; create operator public.|| "
        "(leftarg = varchar, rightarg = varchar, procedure = glued{n})",
        "code || code",
    ),
}
UNDONE = {
    "overload-that-fits-better": "drop function if exists public.reverse(varchar)",
    "operator-that-fits-better": "drop operator if exists public.|| (varchar, varchar)",
}


@dataclass(frozen=True)
class Way:
    """How the agent asks: what it sends before the change, across it, and after it."""

    before: tuple[bytes, ...]
    across: bytes
    after: bytes = b""


def simply(sql: str) -> Way:
    return Way((), frame("Q", sql.encode() + b"\0"))


def prepared(sql: str) -> Way:
    run = bind_message(name="p") + execute_message() + SYNC
    return Way((parse_message(sql, name="p") + SYNC, run), run)


def in_an_old_snapshot(sql: str) -> Way:
    begin = b"begin isolation level repeatable read; select count(*) from orders\0"
    return Way((frame("Q", begin),), frame("Q", sql.encode() + b"\0"))


def through_a_cursor(sql: str) -> Way:
    return Way(
        (frame("Q", b"begin\0"),),
        frame("Q", f"declare c cursor for {sql}\0".encode()),
        frame("Q", b"fetch all from c\0"),
    )


WAYS = (simply, prepared, in_an_old_snapshot, through_a_cursor)
CASES = {
    f"{way.__name__}-{name}": (number, change)
    for number, way in enumerate(WAYS)
    for name, change in CHANGES.items()
}


@pytest.fixture(scope="module")
def target(world: World) -> Target:
    made = ["create table gate (x integer)", "insert into gate values (1)"]
    made.append("create schema portreeve")
    made += [
        change.make.format(n=number) for change in CHANGES.values() for number in range(len(WAYS))
    ]
    own_database(world, DATABASE, ";".join(made))
    classified = CLASSIFIED | {"public.swap_*.email": "email"}
    gateway: Gateway = world.gateway(
        "fence",
        database=DATABASE,
        classified=classified,
        policies=own_policies(world, "fence", RULES),
    )
    return gateway.target("alice", "planner", "sql-agent")


@pytest.fixture
def undone(world: World, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    for name, sql in UNDONE.items():
        if name in request.node.name:
            world.admin(sql, database=DATABASE)


def across_a_change(world: World, wire: Wire, way: Way, change: str) -> Reply:
    """Asks, and changes definitions while the command waits; the reply is the last one."""
    for message in way.before:
        wire.send(message)
        assert not (errors := wire.reply().errors), errors
    with dba(world, DATABASE) as holder:
        holder.execute("lock table gate in access exclusive mode")
        wire.send(way.across)
        waits_for_a_lock(world, DATABASE)
        world.admin(f"begin; {change}; commit", database=DATABASE)
    reply = wire.reply()
    if way.after and not reply.errors:
        wire.send(way.after)
        reply = wire.reply()
    return reply


@each(CASES)
def test_changed_while_it_waited(
    world: World, target: Target, undone: None, case: tuple[int, Change]
) -> None:
    """A definition that changed between analysis and execution shows nothing raw."""
    number, change = case
    source = change.source.format(n=number)
    sql = f"select {change.columns} from gate, {source}"
    way = WAYS[number](sql)
    # What the test before has changed is no reason to say `send it again` to this one.
    knows(target, sql)
    with Wire.open(target) as wire:
        reply = across_a_change(world, wire, way, change.change.format(n=number))
        assert not found_in(wire.received), f"raw: {reply.rows[:2]}"
        if reply.errors:
            # 0A000 is the target's own: a cached plan must not change its result type. What
            # ran code may have had an effect: 55000 says to look, not to send it again.
            # Where it was noticed before it was sent, it ran nothing.
            may_have_run = "label" in change.change and "it did not run" not in str(reply.errors)
            codes = ("55000",) if may_have_run else ("40001", "0A000")
            assert reply.sqlstate in codes, f"not what to do next: {reply.errors}"
        wire.query("rollback")
        assert wire.query("select 42").rows == [[b"42"]]
