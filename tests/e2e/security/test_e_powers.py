"""Class E: powers that nobody granted: to make others wait, to undo guards, to destroy in bulk."""

from collections.abc import Iterator

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import Refused, Reply, Wire
from harness.world import World

from security.scene import own_database, own_policies

pytestmark = pytest.mark.gateway
DATABASE = "powers"
RULES = """\
@id("bounded-writes") @advice("say which rows")
forbid (principal, action == Action::"write", resource) unless { context.bounded };
"""
DROP_RULES = """\
@id("nothing-is-dropped") @advice("ask the database team")
forbid (principal, action == Action::"define", resource) when { context.change == "drop" };
"""
GUARDS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "10min",
}


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    database = own_database(world, DATABASE, "create view order_view as select * from orders")
    world.admin(
        f"create role guarded superuser login password '{world.postgres.password}';"
        + ";".join(f"alter role guarded set {name} = '{value}'" for name, value in GUARDS.items())
    )
    return world.gateway("powers", database=database)


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return gateway.target("alice", "planner", "sql-agent")


LOCKS = {
    "in-a-subquery": "select count(*) from (select 1 from orders for update) x",
    "for-update": "select id from orders for update",
    "for-no-key-update": "select id from orders for no key update",
    "for-share": "select id from orders for share",
    "for-key-share": "select id from orders for key share",
    "no-wait": "select id from orders for update nowait",
    "skip-locked": "select id from orders for update skip locked",
    "of-one-table": "select o.id from orders o, victim v for update of o",
    "in-a-cte": "with x as (select id from orders for update) select count(*) from x",
    "in-a-materialized-cte": (
        "with x as materialized (select id from orders for share) select count(*) from x"
    ),
    "in-a-scalar": "select (select id from orders limit 1 for update)",
    "in-exists": "select exists (select 1 from orders for update)",
    "in-lateral": "select 1 from victim v, lateral (select 1 from orders limit 1 for update) x",
    "in-a-union": "select * from (select id from orders for update) a union all select 1",
    "through-a-view": "select id from order_view for update",
    "in-a-cursor": "declare c cursor for select id from orders for update",
    "in-copy": "copy (select id from orders for update) to stdout",
    "prepared": "prepare q as select id from orders for update; execute q",
    "in-explain-analyze": "explain analyze select id from orders for update",
    "lock-table": "lock table orders",
    "lock-share": "lock table orders in share mode",
    "lock-nowait": "lock table orders in exclusive mode nowait",
    "lock-several": "lock orders, victim in row exclusive mode",
    "lock-view": "lock table order_view",
    "advisory": "select pg_advisory_lock(1)",
    "advisory-shared": "select pg_advisory_lock_shared(1)",
    "advisory-xact": "select pg_advisory_xact_lock(1)",
    "advisory-try": "select pg_try_advisory_lock(1)",
    "advisory-try-xact-shared": "select pg_try_advisory_xact_lock_shared(1)",
    "advisory-two-keys": "select pg_advisory_lock(1, 2)",
    "advisory-qualified": "select pg_catalog.pg_advisory_lock(1)",
    "advisory-in-where": "select id from orders where pg_try_advisory_lock(id)",
    "advisory-in-from": "select * from pg_advisory_lock(1)",
    "advisory-of-a-column": "select pg_advisory_lock(id) from orders",
}


def until_refused(wire: Wire, script: str) -> Reply:
    """The reply to the first statement that is refused: PREPARE may be, as well as EXECUTE."""
    for statement in script.split("; "):
        reply = wire.query(statement)
        if reply.sqlstate == "42501":
            break
    return reply


@each(LOCKS)
def test_who_may_only_read_makes_nobody_wait(world: World, target: Target, case: str) -> None:
    """Row, table and advisory locks that a plain read does not take need `lock`."""
    with Wire.open(target) as wire:
        wire.query("begin")
        reply = until_refused(wire, case)
        locks = world.admin(
            "select count(*) from pg_locks l where (locktype = 'advisory' or (locktype = 'relation'"
            " and mode <> 'AccessShareLock')) and database = (select oid from pg_database"
            f" where datname = '{DATABASE}')"
        )
        assert reply.sqlstate in ("42501", "25P02"), f"{reply.tags}, {locks} locks"
        assert locks == "0"


def test_a_lock_that_a_read_takes_anyway_passes(target: Target) -> None:
    """ACCESS SHARE is what SELECT takes: who dumps may take it beforehand."""
    with Wire.open(target) as wire:
        wire.query("begin")
        assert not (errors := wire.query("lock table orders in access share mode").errors), errors


@pytest.fixture(scope="module")
def guarded(world: World, gateway: Gateway) -> Target:
    behind = world.gateway("guarded", database=DATABASE, role="guarded")
    return behind.target("alice", "planner", "sql-agent")


UNGUARDING = {
    "read-only-off": ("set default_transaction_read_only = off",),
    "read-only-session": ("set session default_transaction_read_only to false",),
    "read-only-local": ("begin", "set local transaction_read_only = off"),
    "read-only-transaction": ("begin", "set transaction read write"),
    "read-only-begin": ("begin read write",),
    "read-only-start": ("start transaction read write",),
    "read-only-characteristics": ("set session characteristics as transaction read write",),
    "read-only-set-config": ("select set_config('default_transaction_read_only', 'off', false)",),
    "read-only-mixed-case": ("set Default_Transaction_Read_Only = off",),
    "read-only-quoted": ('set "default_transaction_read_only" = off',),
    "read-only-default": ("set default_transaction_read_only to default",),
    "read-only-of-the-role": (
        "alter role guarded set default_transaction_read_only = off",
        "set default_transaction_read_only to default",
    ),
    "timeout-off": ("set statement_timeout = 0",),
    "timeout-longer": ("set statement_timeout = '9h'",),
    "timeout-local": ("begin", "set local statement_timeout = 0"),
    "timeout-set-config": ("select set_config('statement_timeout', '0', false)",),
    "timeout-in-a-query": ("select id, set_config('statement_timeout', '0', false) from orders",),
    "lock-timeout": ("set lock_timeout = 0",),
    "idle-timeout": ("set idle_in_transaction_session_timeout = 0",),
    "update-of-settings": (
        "update pg_settings set setting = '0' where name = 'statement_timeout'",
    ),
    "prepared-set-config": (
        "prepare q as select set_config('statement_timeout', $1, false)",
        "execute q('0')",
    ),
}


def guards_stand(wire: Wire) -> None:
    for name, value in GUARDS.items():
        reply = wire.query(f"show {name}")
        assert reply.rows == [[value.encode()]], f"{name}: {reply.rows} {reply.errors}"
    reply = wire.query("show transaction_read_only")
    assert reply.rows == [[b"on"]], f"transaction_read_only: {reply.rows}"


@pytest.fixture
def role_restored(world: World) -> Iterator[None]:
    yield
    world.admin("alter role guarded set default_transaction_read_only = on")


@each(UNGUARDING)
def test_guards_of_the_role_stay(
    guarded: Target, role_restored: None, case: tuple[str, ...]
) -> None:
    """What the administrator of the target set as a guard is not the client's to undo."""
    with Wire.open(guarded) as wire:
        for statement in case:
            reply = wire.query(statement)
        if reply.status == "E":
            wire.query("rollback")
        guards_stand(wire)


STARTUPS = {
    "options": {"options": "-c default_transaction_read_only=off"},
    "options-timeout": {"options": "-c statement_timeout=0"},
    "options-dashes": {"options": "--statement-timeout=0"},
    "options-two": {"options": "-c work_mem=4MB -c lock_timeout=0"},
    "parameter": {"default_transaction_read_only": "off"},
    "parameter-timeout": {"statement_timeout": "0"},
    "parameter-case": {"Statement_Timeout": "0"},
    "parameter-idle": {"idle_in_transaction_session_timeout": "0"},
}


@each(STARTUPS)
def test_guards_of_the_role_stay_at_startup(guarded: Target, case: dict[str, str]) -> None:
    """The same for what a client says when it connects."""
    try:
        wire = Wire.open(guarded, **case)
    except Refused:
        return
    guards_stand(wire)
    wire.terminate()


@pytest.fixture(scope="module")
def bounded(world: World, gateway: Gateway) -> Target:
    policies = own_policies(world, "bounded", RULES)
    other = world.gateway("bounded", database=DATABASE, policies=policies)
    return other.target("walt")


@pytest.fixture
def filled(world: World) -> None:
    world.admin(
        "truncate work.items, work.other restart identity; insert into work.items (name, qty) "
        "select 'item', n from generate_series(1, 20) n; insert into work.other select n, 'x' from "
        "generate_series(1, 20) n",
        database=DATABASE,
    )


UNBOUNDED = {
    "delete": "delete from work.items",
    "true": "delete from work.items where true",
    "itself": "delete from work.items where id = id",
    "constants": "delete from work.items where 1 = 1",
    "or-true": "delete from work.items where id = 1 or true",
    "either-way": "delete from work.items where id is null or id is not null",
    "not-false": "delete from work.items where not false",
    "opposites": "delete from work.items where id < 5 or id >= 5",
    "coalesced": "delete from work.items where coalesce(true, id = 1)",
    "case-true": "delete from work.items where case when true then true else id = 1 end",
    "exists-constant": "delete from work.items where exists (select 1)",
    "in-itself": "delete from work.items where id in (select id from work.items)",
    "using-itself": "delete from work.items a using work.items b where a.id = b.id",
    "using-other": "delete from work.items using work.other",
    "any-itself": "delete from work.items where id = any (array(select id from work.items))",
    "above-the-least": "delete from work.items where id >= (select min(id) from work.items)",
    "like-all": "delete from work.items where name like '%'",
    "not-null": "delete from work.items where id is not null",
    "null-safe": "delete from work.items where (id = 1) is not unknown",
    "update": "update work.items set qty = 0",
    "update-true": "update work.items set qty = 0 where true",
    "update-from": "update work.items set qty = 0 from work.other",
    "truncate": "truncate work.items",
    "truncate-cascade": "truncate table only work.items restart identity",
    "merge": "merge into work.items t using (values (1)) s(x) on true when matched then delete",
    "merge-not": "merge into work.items t using work.other s on t.id = s.id when matched then "
    "update set qty = 0",
    "in-a-cte": "with x as (delete from work.items returning id) select count(*) from x",
    "in-a-cte-beside": "with x as (delete from work.items returning id) "
    "delete from work.other where id = 1",
    "cursor": "declare c cursor for select id from work.items; delete from work.items where true",
    "prepared": "prepare q as delete from work.items where $1; execute q(true)",
}


def count(world: World) -> str:
    sql = "select count(*) filter (where qty > 0) from work.items"
    return world.admin(sql, database=DATABASE)


@each(UNBOUNDED)
def test_an_unbounded_write_can_be_told(
    world: World, bounded: Target, filled: None, case: str
) -> None:
    """A write without a predicate that limits it is refused where policy says so."""
    with Wire.open(bounded) as wire:
        reply = until_refused(wire, case)
        assert reply.sqlstate == "42501", reply.tags
    assert count(world) == "20"


BOUNDED = {
    "by-key": "delete from work.items where id = 1",
    "by-range": "delete from work.items where id between 1 and 3",
    "by-list": "delete from work.items where id in (1, 2)",
    "update": "update work.items set qty = 0 where id = 1 and name = 'item'",
    "join": "delete from work.items a using work.other b where a.id = b.id and b.id = 3",
    "subquery": "delete from work.items where id in (select id from work.other where id = 2)",
    "insert": "insert into work.other values (99, 'x')",
    "merge": "merge into work.items t using (values (1)) s(x) on t.id = s.x "
    "when matched then delete",
}


@each(BOUNDED)
def test_a_bounded_write_passes(bounded: Target, filled: None, case: str) -> None:
    """The same policy is not in the way of a write that says which rows."""
    with Wire.open(bounded) as wire:
        assert not (errors := wire.query(case).errors), errors


DROPS = {
    "table": "drop table work.other",
    "column": "alter table work.items drop column doc",
    "if-exists": "drop table if exists work.other cascade",
    "schema": "drop schema work cascade",
    "sequence": "drop sequence work.items_id_seq cascade",
    "constraint": "alter table work.items drop constraint items_pkey",
}


@pytest.fixture(scope="module")
def lasting(world: World, gateway: Gateway) -> Target:
    policies = own_policies(world, "lasting", DROP_RULES)
    return world.gateway("lasting", database=DATABASE, policies=policies).target("walt")


@each(DROPS)
def test_dropping_can_be_told_from_creating(lasting: Target, case: str) -> None:
    """A policy that lets create and not drop does just that."""
    with Wire.open(lasting) as wire:
        wire.query("begin")
        made = wire.query("create table work.made (x integer)")
        assert not made.errors, made.errors
        assert wire.query(case).sqlstate == "42501"
        wire.query("rollback")
