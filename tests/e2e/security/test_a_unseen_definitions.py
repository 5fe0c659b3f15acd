"""A: definitions that code changes inside a transaction, where no statement shows it."""

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.wire import SYNC, Wire, bind_message, execute_message, parse_message
from harness.world import World
from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
MADE = """\
create view innocent as select id, 'x'::text as v from public.customers;
create function does(sql text) returns integer language plpgsql as
    $$ begin execute sql; return 1; end $$;
create table plain (id integer, v text);
insert into plain values (1, 'seen');
create function touch() returns trigger language plpgsql as
    $$ begin new.v := coalesce(new.v, '-'); return new; end $$;
create trigger touch before insert on plain for each row execute function touch();
"""
RAW = "select id, email::text as v from public.customers"
CHANGES = {
    "view-replaced": f"create or replace view innocent as {RAW}",
    "view-made-again": f"drop view innocent; create view innocent as {RAW}",
    "temporary-in-front": f"create temp view innocent as {RAW}",
    "renamed": f"alter view innocent rename to other; create view innocent as {RAW}",
    "schema-moved": f"create schema moved; create view moved.innocent as {RAW}; "
    "drop view innocent; alter view moved.innocent set schema public",
}
READ = "select v from innocent"


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return honest_gateway(world, "unseen-definitions", MADE)


@pytest.fixture(scope="module")
def dev(gateway: Gateway) -> Target:
    return gateway.target("dev")


def does(change: str) -> str:
    return f"select does('{change.replace(chr(39), chr(39) * 2)}')"


@each(CHANGES)
def test_code_in_a_transaction(dev: Target, case: str) -> None:
    """Removed: what a function has made of a view is read as what the view was before."""
    with Wire.open(dev) as wire:
        wire.query("begin")
        assert not (errors := wire.query(does(case)).errors), errors
        reply = wire.query(READ)
        assert not found_in(reply.raw), reply.rows[:2]
        wire.query("rollback")
        assert len(wire.query(READ).rows) > 0, "the session is of no use afterwards"


@each(CHANGES)
def test_code_in_front_of_a_read_in_one_text(dev: Target, case: str) -> None:
    """The same in one simple query, whether it is a transaction of its own or not."""
    for text in (f"{does(case)}; {READ}; rollback", f"begin; {does(case)}; {READ}; rollback"):
        with Wire.open(dev) as wire:
            assert not found_in(wire.query(text).raw)
            wire.query("rollback")


@each(CHANGES)
def test_code_in_front_of_a_read_in_one_batch(dev: Target, case: str) -> None:
    """The same in one run of extended messages."""
    with Wire.open(dev) as wire:
        wire.query("begin")
        run = [parse_message(sql) + bind_message() + execute_message() for sql in (does(case), READ)]
        wire.send(b"".join(run) + SYNC)
        assert not found_in(wire.reply().raw)


@each(CHANGES)
def test_code_behind_definitions_that_are_followed(dev: Target, case: str) -> None:
    with Wire.open(dev) as wire:
        wire.query("begin")
        wire.query("create table followed (id integer)")
        wire.query(does(case))
        assert not found_in(wire.query(READ).raw)


HONEST = {
    "function-then-read": ("select does('select 1')", "select v from plain"),
    "trigger-then-read": ("insert into plain (id) values (2)", "select v from plain"),
    "trigger-and-returning": (
        "insert into plain (id) values (3) returning id",
        "insert into plain (id) values (4) returning id, v",
    ),
}


@each(HONEST)
def test_code_that_changes_no_definition_is_not_in_the_way(
    dev: Target, case: tuple[str, ...]
) -> None:
    with Wire.open(dev) as wire:
        for statement in ("begin", *case, "rollback"):
            assert not (errors := wire.query(statement).errors), (statement, errors)
        run = [parse_message(sql) + bind_message() + execute_message() for sql in case]
        wire.send(b"".join(run) + SYNC)
        assert not (errors := wire.reply().errors), errors


TAKEN_BACK = {
    "rollback": ("begin", "create or replace view innocent as select id, 'y'::text as v from work.items", "rollback"),
    "savepoint": (
        "begin",
        "savepoint s",
        "create temp view innocent as select 1 as id, 'y'::text as v",
        "rollback to s",
    ),
    "renamed-away": (
        "begin",
        "alter table customers rename to c2",
        "create view customers as select 1 as id, 'clean' as email",
        "rollback",
    ),
}


@each(TAKEN_BACK)
def test_what_was_taken_back_is_not_there(dev: Target, case: tuple[str, ...]) -> None:
    """Removed: a read after ROLLBACK goes by definitions that are gone."""
    for together in (False, True):
        with Wire.open(dev) as wire:
            statements = ("; ".join(case) + "; select email from public.customers",) if together else case
            for statement in statements:
                reply = wire.query(statement)
                assert not found_in(reply.raw)
            assert not found_in(wire.query("select email from public.customers").raw)
