"""Class E: a bound on how many rows a write changes holds before the change stays."""

import signal
import threading
from collections.abc import Callable

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.target import Target
from harness.waiting import until
from harness.wire import (
    SYNC,
    Reply,
    Wire,
    bind_message,
    execute_message,
    frame,
    parse_message,
)
from harness.world import World

from security.scene import (
    REFUSING,
    dba,
    decide,
    held,
    knows,
    own_database,
    own_policies,
    review_of,
    waits_for_a_lock,
)

pytestmark = pytest.mark.gateway
DATABASE = "changing"
MADE = """\
create table parent (id integer primary key);
create table child (id integer primary key,
    parent integer references parent deferrable initially deferred);
create table small (id integer primary key, label text unique);
create table decoy (id integer);
create table spare (id integer);
create table unbounded (id integer);
"""
FILL = """\
truncate small, child, parent;
insert into small select n, 'label-' || n from generate_series(1, 20) n;
insert into parent values (1), (2), (3);
"""
RULES = """\
@id("writers-write-here")
permit (
    principal in Group::"writers",
    action in [Action::"write", Action::"probe", Action::"filter", Action::"define"],
    resource
);
@id("parents-are-asked-about") @review("reviewers")
forbid (principal, action == Action::"write", resource == Table::"shop/public.parent");
@id("few-changes") @advice("at most five rows at once")
forbid (principal, action == Action::"write", resource)
when { context.changes > 5 && !(resource in Table::"shop/public.unbounded") };
@id("three-are-asked-about") @advice("more than three rows are looked at") @review("reviewers")
forbid (principal, action == Action::"write", resource)
when {
    context.changes > 3 && context.changes <= 5
    && !(resource in Table::"shop/public.unbounded")
};
"""
STATE = "select coalesce(string_agg(s::text, ',' order by id), '') from small s"


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    own_database(world, DATABASE, MADE)
    policies = own_policies(world, DATABASE, RULES)
    more = "limits: { auth_failures_max: 100000, held_bytes_max: 64KiB }"
    return world.gateway(DATABASE, database=DATABASE, policies=policies, more=more)


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return gateway.target("walt")


@pytest.fixture(scope="module")
def dana(gateway: Gateway) -> str:
    return gateway.token("dana")


@pytest.fixture(autouse=True)
def filled(world: World) -> None:
    world.admin(FILL, database=DATABASE)


def state(world: World) -> str:
    return world.admin(STATE, database=DATABASE)


def flushed(wire: Wire, sql: str) -> Reply:
    """What follows is sent before the answer is there."""
    select = parse_message("select 1") + bind_message() + execute_message()
    wire.send(parse_message(sql) + bind_message() + execute_message() + select + SYNC)
    return wire.reply()


WAYS: dict[str, Callable[[Wire, str], Reply]] = {
    "simple": Wire.query,
    "extended": Wire.undescribed,
    "pipelined": flushed,
}
TOO_MUCH = {
    "delete": "delete from small where id > 0",
    "update": "update small set label = label || 'x' where id between 1 and 6",
    "update-returning": "update small set label = 'x' || id where id < 19 returning id",
    "insert-values": "insert into small values " + ", ".join(f"({n})" for n in range(100, 106)),
    "insert-select": "insert into small select n from generate_series(100, 105) n",
    "on-conflict": "insert into small select n from generate_series(15, 25) n "
    "on conflict (id) do update set label = 'y' || excluded.id",
    "merge": "merge into small s using generate_series(1, 6) n on s.id = n "
    "when matched then delete",
    "in-a-cte": "with x as (delete from small where id > 0 returning 1) select count(*) from x",
    "cte-and-outside": "with x as (delete from small where id > 9 returning id) "
    "update small set label = 'z' where id = 1",
    "copied-out": "copy (with x as (delete from small where id > 0 returning id) "
    "select count(*) from x) to stdout",
    "explain-analyze": "explain analyze delete from small where id > 0",
    "truncate": "truncate small",
}


@pytest.mark.parametrize("way", WAYS)
@each(TOO_MUCH)
def test_more_changes_than_a_bound_do_not_stay(
    world: World, target: Target, case: str, way: str
) -> None:
    """Beyond the bound nothing stays, whatever the write and however it is sent."""
    before = state(world)
    with Wire.open(target) as wire:
        reply = WAYS[way](wire, case)
        assert reply.errors and reply.sqlstate == "42501", (reply.kinds, reply.tags)
        assert reply.status == "I"
        assert state(world) == before
        assert wire.query("select 1").rows == [[b"1"]], "the connection is usable"
    assert state(world) == before


@pytest.mark.parametrize("way", WAYS)
def test_in_a_transaction_it_fails_with_all_before_it(
    world: World, target: Target, way: str
) -> None:
    """In the client's own transaction the refusal is an error like the server's."""
    before = state(world)
    with Wire.open(target) as wire:
        assert not wire.query("begin").errors
        assert not wire.query("delete from small where id = 1").errors
        reply = WAYS[way](wire, "delete from small where id > 0")
        assert reply.sqlstate == "42501" and reply.status == "E", reply.kinds
        assert wire.query("select 1").sqlstate == "25P02"
        wire.query("commit")
    assert state(world) == before


FEW = {
    "delete": ("delete from small where id <= 3", "DELETE 3"),
    "update": ("update small set label = label || 'x' where id = 5", "UPDATE 1"),
    "insert": ("insert into small values (100), (101)", "INSERT 0 2"),
    "nothing": ("delete from small where id > 100", "DELETE 0"),
    "with": (
        "with x as (select 7 as id) delete from small using x where small.id = x.id",
        "DELETE 1",
    ),
}


@pytest.mark.parametrize("way", WAYS)
@each(FEW)
def test_few_changes_stay(world: World, target: Target, case: tuple[str, str], way: str) -> None:
    """Below the bound a write is what it is on a direct connection."""
    sql, tag = case
    before = state(world)
    with Wire.open(target) as wire:
        reply = WAYS[way](wire, sql)
        assert not reply.errors and reply.tags[0] == tag and reply.status == "I"
        assert "BEGIN" not in reply.tags and "COMMIT" not in reply.tags
        assert (state(world) == before) == (tag == "DELETE 0"), "it is there for others at once"


def test_the_answer_is_the_same_as_without_a_bound(world: World, target: Target) -> None:
    """Message for message, errors and rows included."""
    direct = world.direct("portreeve", DATABASE)
    for sql in (
        "insert into small values (100, 'a') returning id, label",
        "insert into small values (100, 'b')",
        "insert into small values (101, 'a'); select 1; delete from small where id = 100",
        "insert into small values (102, 'c'); select 1 / 0",
        "update small set label = 'label-2' where id = 1",
        "copy small from stdin; ",
        "select 1",
        "",
    ):
        seen = []
        for side in (direct, target):
            world.admin("delete from small where id > 99", database=DATABASE)
            with Wire.open(side) as wire:
                wire.send(frame("Q", sql.encode() + b"\0"))
                reply = wire.reply(until="GZ")
                if "G" in reply.kinds:
                    wire.send(frame("d", b"103\tx\n") + frame("c"))
                    reply = wire.reply()
                seen.append((reply.kinds, reply.tags, reply.rows, reply.sqlstate, reply.status))
        assert seen[0] == seen[1], sql


def test_a_copy_is_counted(world: World, target: Target) -> None:
    """Rows that are loaded are changes, too."""
    before = state(world)
    with Wire.open(target) as wire:
        wire.send(frame("Q", b"copy small (id) from stdin\0"))
        assert "G" in wire.reply(until="GZ").kinds
        wire.send(frame("d", b"".join(b"%d\n" % n for n in range(100, 106))) + frame("c"))
        reply = wire.reply()
        assert reply.sqlstate == "42501" and reply.status == "I", reply.kinds
    assert state(world) == before


TOGETHER = {
    "committed-in-the-text": "begin; delete from small where id > 0; commit",
    "committed-at-its-end": "delete from small where id > 0; commit",
    "behind-a-setting": "set lock_timeout = 0; delete from small where id > 0",
    "in-portions": "delete from small where id < 4; delete from small where id between 4 and 7; "
    "delete from small where id > 7",
    "prepared": "prepare d as delete from small where id > 0; execute d",
    "and-a-select": "delete from small where id > 0; select 1",
    "after-a-select": "select 1; delete from small where id > 0",
}


@each(TOGETHER)
def test_a_text_of_several_statements(world: World, target: Target, case: str) -> None:
    """However a text goes on behind a write, beyond the bound nothing of it stays."""
    before = state(world)
    with Wire.open(target) as wire:
        assert wire.query(case).errors
        assert state(world) == before
    assert state(world) == before


def test_a_prepared_write_is_counted(world: World, target: Target) -> None:
    before = state(world)
    with Wire.open(target) as wire:
        assert not wire.query("prepare d as delete from small where id > $1").errors
        assert wire.query("execute d (0)").sqlstate == "42501"
        assert state(world) == before
        assert wire.query("execute d (18)").tags == ["DELETE 2"]


def test_what_only_shows_at_the_commit_is_told(target: Target) -> None:
    """A deferred constraint speaks when the gateway commits: the client is told."""
    with Wire.open(target) as wire:
        reply = wire.query("insert into child values (1, 99)")
        assert reply.sqlstate == "23503" and reply.status == "I", reply.kinds
        assert wire.query("select count(*) from child").rows == [[b"0"]]


@pytest.mark.parametrize("word", ["approve", "deny"])
def test_a_held_change_stays_only_if_it_is_approved(
    world: World, gateway: Gateway, target: Target, dana: str, word: str
) -> None:
    """Nobody else sees it while a person looks at it."""
    before = state(world)
    with Wire.open(target) as wire:
        wire.send(frame("Q", b"delete from small where id <= 4\0"))
        review = held(wire)
        assert state(world) == before
        assert decide(gateway, word, review, dana) == 0
        reply = wire.reply()
        assert reply.status == "I"
        assert (state(world) != before) == (word == "approve"), reply.kinds
        assert bool(reply.errors) == (word == "deny")


def test_no_more_is_changed_than_was_approved(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """Rows that come while the approved write waits for a lock are not among them."""
    sql = "delete from parent where id > 0"
    with Wire.open(target, **REFUSING) as wire:
        assert not wire.query("set application_name = 'the one'").errors
        review = review_of(wire.query(sql))
        assert decide(gateway, "approve", review, dana) == 0
        replies: list[Reply] = []
        with dba(world, DATABASE) as connection:
            connection.execute("lock table parent in share row exclusive mode")
            waiting = threading.Thread(target=lambda: replies.append(wire.query(sql)))
            waiting.start()
            waits_for_a_lock(world, DATABASE)
            connection.execute("insert into parent values (4)")
            connection.commit()
            waiting.join(20)
        assert replies[0].sqlstate == "42501" and "approved" in replies[0].errors[0]["M"]
        assert replies[0].status == "I"
    assert world.admin("select count(*) from parent", database=DATABASE) == "4"


FOUR = (4).to_bytes(4, "big")
COUNTED = {
    "declared": ("delete from parent where id < $1", (23,), [b"4"], ()),
    "binary": ("delete from parent where id < $1", (23,), [FOUR], (1,)),
    "not-declared": ("delete from parent where id < $1", (), [b"4"], ()),
    "of-what-is-set": (
        "update parent set id = id + $1 + 10 where id < $2 and 'x' <> $3",
        (20, 0, 25),
        [b"1", b"4", b"it's"],
        (),
    ),
    "null": ("delete from parent where id < 4 and $1::text is null", (), [None], ()),
}


@each(COUNTED)
def test_a_write_with_parameters_is_counted(
    world: World,
    gateway: Gateway,
    target: Target,
    dana: str,
    case: tuple[str, tuple[int, ...], list[bytes | None], tuple[int, ...]],
) -> None:
    """Drivers send values beside the text: the reviewer reads how many rows it is all the same."""
    sql, types, values, formats = case
    message = parse_message(sql, types=types)
    message += bind_message(values, value_formats=formats) + execute_message() + SYNC

    def sent(wire: Wire) -> Reply:
        wire.send(message)
        return wire.reply()

    with Wire.open(target, **REFUSING) as wire:
        review = review_of(sent(wire))
        fields = gateway.json("reviews", "show", review, token=dana)["fields"]
        assert {"cap.changes": "3"}.items() <= {it["name"]: it["value"] for it in fields}.items()
        assert decide(gateway, "approve", review, dana) == 0
        reply = sent(wire)
        assert not reply.errors and reply.tags[0].endswith(" 3"), reply.errors


def test_what_a_transaction_has_made_itself_is_not_counted(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """Nobody else sees it yet, so the reviewer is told no number that would be wrong."""
    with Wire.open(target) as wire:
        wire.query("begin")
        assert not wire.query("insert into small values (100)").errors
        wire.send(frame("Q", b"delete from parent where id > 0\0"))
        review = held(wire)
        fields = gateway.json("reviews", "show", review, token=dana)["fields"]
        assert "cap.changes" not in {it["name"] for it in fields}
        assert decide(gateway, "approve", review, dana) == 0
        assert wire.reply().tags == ["DELETE 3"]
        assert wire.query("commit").status == "I"


def test_an_approval_of_a_count_is_for_that_count(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """The reviewer sees how many rows it was; another number is another change."""
    sql = "delete from small where id > 16"
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(wire.query(sql))
        fields = gateway.json("reviews", "show", review, token=dana)["fields"]
        assert {"cap.changes": "4"}.items() <= {it["name"]: it["value"] for it in fields}.items()
        assert decide(gateway, "approve", review, dana) == 0
        world.admin("insert into small values (100)", database=DATABASE)
        assert "cap" in str(wire.query(sql).errors)
        world.admin("delete from small where id = 100", database=DATABASE)
        assert wire.query(sql).tags == ["DELETE 4"]


AGAIN = {
    "refused": "set application_name = 'x'; commit; create role evil",
    "refused-write": "set application_name = 'x'; commit; delete from small where id > 0",
    "failed": "set application_name = 'x'; commit; insert into small values (1)",
    "done": "set application_name = 'x'; insert into small values (100)",
    "quoting": "set standard_conforming_strings = off",
}


@each(AGAIN)
def test_counting_runs_nothing_of_the_client(
    world: World, gateway: Gateway, target: Target, dana: str, case: str
) -> None:
    """A reviewer's number is asked for under the session's settings, not by its words."""
    with Wire.open(target, **REFUSING) as wire:
        wire.query(case)
        before = state(world)
        ending = b"\\'); commit; insert into small values (99); --"
        message = parse_message("delete from parent where id > 0 and 'x' <> $1", types=(25,))
        wire.send(message + bind_message([ending]) + execute_message() + SYNC)
        review = review_of(wire.reply())
        fields = gateway.json("reviews", "show", review, token=dana)["fields"]
        assert {"cap.changes": "3"}.items() <= {it["name"]: it["value"] for it in fields}.items()
        assert state(world) == before
        roles = "select count(*) from pg_roles where rolname = 'evil'"
        assert world.admin(roles, database=DATABASE) == "0"


def test_settings_of_an_application_are_those_of_the_count(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """They are asked for by their names: row security often goes by them."""
    with Wire.open(target, **REFUSING) as wire:
        assert not wire.query("set app.most = '2'").errors
        sql = "delete from parent where id <= current_setting('app.most')::integer"
        review = review_of(wire.query(sql))
        fields = gateway.json("reviews", "show", review, token=dana)["fields"]
        told = {field["name"]: field["value"] for field in fields}
        assert told["cap.changes"] == "2" and "app.most = 2" in told.values(), told
        assert decide(gateway, "approve", review, dana) == 0
        assert wire.query(sql).tags == ["DELETE 2"]


def parsed(wire: Wire, **statements: str) -> None:
    for name, sql in statements.items():
        wire.send(parse_message(sql, name) + SYNC)
        assert not (errors := wire.reply().errors), errors


BEHIND = {
    "execute": ({"d": "delete from small where id > 0", "e": "execute d"}, "execute e"),
    "commit": ({"c": "commit"}, "delete from small where id > 0; execute c"),
    "savepoint": ({"s": "savepoint x"}, "begin; delete from small where id > 0; execute s"),
    "begin": ({"b": "begin"}, "delete from small where id = 1; execute b"),
    "copy": ({"c": "copy small (id) from stdin"}, "execute c"),
    "lent": ({"t": "set transaction snapshot '1'"}, "begin; execute t"),
}


@each(BEHIND)
def test_behind_a_name_is_a_query_or_a_write(
    world: World, target: Target, case: tuple[dict[str, str], str]
) -> None:
    """What SQL runs by a name is nothing that names, ends or loads something itself."""
    statements, sql = case
    before = state(world)
    with Wire.open(target) as wire:
        parsed(wire, **statements)
        wire.send(frame("Q", sql.encode() + b"\0"))
        reply = wire.reply(until="GZ")
        assert reply.errors and reply.status in ("I", "E"), reply.kinds
        wire.query("rollback to x")
        wire.query("commit")
    assert state(world) == before


ELSEWHERE = {
    "path": ({"s": "set search_path = public"}, "execute s; delete from parent where id > 0"),
    "set-config": (
        {"s": "select set_config('search_path', 'public', false)"},
        "execute s; delete from parent where id > 0",
    ),
    "view": (
        {"r": "create temp view decoy as select id from public.parent"},
        "execute r; delete from decoy where id > 0",
    ),
    "renamed": (
        {"a": "alter table spare rename to gone", "b": "alter table parent rename to spare"},
        "execute a; execute b; delete from spare where id > 0",
    ),
}


@each(ELSEWHERE)
def test_what_is_behind_a_name_moves_no_other(
    world: World, target: Target, case: tuple[dict[str, str], str]
) -> None:
    """A text is decided by what its names stand for when it runs."""
    statements, sql = case
    made = "create schema portreeve; create table portreeve.parent (id integer)"
    world.admin(made, database=DATABASE)
    try:
        knows(target, "select id from portreeve.parent")
        with Wire.open(target, **REFUSING) as wire:
            for name, text in statements.items():
                wire.send(parse_message(text, name) + SYNC)
                wire.reply()
            assert wire.query(sql).errors
    finally:
        world.admin("drop schema portreeve cascade", database=DATABASE)
    assert world.admin("select count(*) from public.parent", database=DATABASE) == "3"
    knows(target, "select id from public.parent")


MOVES = ("move 1 from p", "move all from p", "fetch 1 from p", "fetch all from p")


@pytest.mark.parametrize("sql", MOVES)
@pytest.mark.parametrize("by", ["text", "name"])
def test_a_portal_that_writes_is_not_fetched_from(
    world: World, target: Target, sql: str, by: str
) -> None:
    """FETCH of a write is the write, and tells another number."""
    before = state(world)
    with Wire.open(target) as wire:
        parsed(wire, w="delete from small where id > 0 returning id", f=sql)
        wire.query("begin")
        wire.send(bind_message(portal="p", name="w") + SYNC)
        assert not wire.reply().errors
        assert wire.query(sql if by == "text" else "execute f").errors
        wire.query("commit")
    assert state(world) == before


def test_a_write_that_is_read_in_portions_is_counted(world: World, target: Target) -> None:
    """It has run to its end before its first row: how many rows it was, nobody has said."""
    before = state(world)
    with Wire.open(target) as wire:
        message = parse_message("delete from small where id > 0 returning id") + bind_message()
        wire.send(message + execute_message(rows_max=1) + SYNC)
        assert wire.reply().errors
    assert state(world) == before


PLAIN = (
    "begin; select id from small limit 1; commit",
    "begin; declare c cursor for select id from small; fetch 3 from c; close c; commit",
    "begin; savepoint a; select 1; release a; commit",
)


@each({sql.split("; ")[1]: sql for sql in PLAIN})
def test_a_transaction_that_changes_nothing_is_one_text(target: Target, case: str) -> None:
    with Wire.open(target) as wire:
        assert not (reply := wire.query(case)).errors, reply.errors
        assert reply.status == "I"


def test_the_row_of_a_cursor_is_not_approved(world: World, target: Target) -> None:
    """Where it stands is not part of what a reviewer reads."""
    with Wire.open(target, **REFUSING) as wire:
        wire.query("begin")
        assert not wire.query("declare c cursor for select id from parent").errors
        assert not wire.query("fetch 1 from c").errors
        assert wire.query("delete from parent where current of c").sqlstate == "0A000"
    assert world.admin("select count(*) from parent", database=DATABASE) == "3"


SAVED = {
    "behind": ("begin", "delete from small where id > 0; savepoint x"),
    "in-one-text": ("begin; delete from small where id > 0; savepoint x",),
    "released": ("begin; savepoint x", "delete from small where id > 0; savepoint y; release y"),
}


@each(SAVED)
def test_a_savepoint_does_not_save_what_is_refused(
    world: World, target: Target, case: tuple[str, ...]
) -> None:
    before = state(world)
    with Wire.open(target) as wire:
        for sql in case:
            last = wire.query(sql)
        assert last.errors
        wire.query("rollback to x")
        wire.query("commit")
    assert state(world) == before


def test_types_are_those_of_the_statement_that_is_there(
    gateway: Gateway, target: Target, dana: str
) -> None:
    """A Parse that the server refuses changes nothing of what a reviewer reads."""
    sql = "delete from parent where id < $1"
    with Wire.open(target, **REFUSING) as wire:
        wire.send(parse_message(sql, "s", types=(23,)) + SYNC)
        assert not wire.reply().errors
        wire.send(parse_message(sql, "s", types=(25,)) + SYNC)
        assert wire.reply().errors
        wire.send(bind_message([FOUR], name="s", value_formats=(1,)) + execute_message() + SYNC)
        shown = gateway.json("reviews", "show", review_of(wire.reply()), token=dana)["fields"]
        told = {field["name"]: field["value"] for field in shown}
        assert told["statement.1.parameter.1.type"].startswith("integer"), told
        assert told["cap.changes"] == "3", told


def test_rows_of_a_write_below_the_bound_pass_however_long(world: World, target: Target) -> None:
    """What is kept back is bounded; rows of a write need not wait for its count."""
    with Wire.open(target) as wire:
        sql = "update small set label = repeat(label, 6000) where id < 4 returning label"
        reply = wire.query(sql)
        assert not reply.errors and len(reply.rows) == 3


def test_what_failed_is_not_counted(world: World, target: Target) -> None:
    """It has changed nothing."""
    with Wire.open(target) as wire:
        for _ in range(4):
            assert wire.query("delete from small where id < 4; select 1 / 0").sqlstate == "22012"
        assert wire.query("delete from small where id < 4").tags == ["DELETE 3"]


def test_nobody_objects_once_it_is_kept(world: World, target: Target, gateway: Gateway) -> None:
    """Policies that come while the commit waits are for what comes then."""
    with Wire.open(target) as wire, dba(world, DATABASE) as other:
        other.execute("delete from parent where id = 1")
        wire.send(frame("Q", b"insert into child values (1, 1)\0"))
        waits_for_a_lock(world, DATABASE)
        rules = gateway.directory.parent / f"policies-{DATABASE}" / "more.cedar"
        before = rules.read_text()
        try:
            rules.write_text(before.replace("context.changes > 5", "context.changes > 0"))
            gateway.process.send_signal(signal.SIGHUP)
            with Wire.open(target) as newer:

                def is_tight() -> bool:
                    return bool(newer.query("update small set label = label where id = 1").errors)

                until("the tighter policy holds", is_tight, 15)
            other.rollback()
            reply = wire.reply()
        finally:
            rules.write_text(before)
            gateway.process.send_signal(signal.SIGHUP)
        assert not reply.errors and reply.tags == ["INSERT 0 1"]
    assert world.admin("select count(*) from child", database=DATABASE) == "1"


def test_a_bound_that_can_never_object_costs_no_transaction(world: World, target: Target) -> None:
    """Policies bound changes, and none of them those of this table: one text may end with COMMIT."""
    whole = "begin; insert into {0} select n from generate_series(100, 110) n; commit"
    with Wire.open(target) as wire:
        reply = wire.query(whole.format("unbounded"))
        assert reply.tags == ["BEGIN", "INSERT 0 11", "COMMIT"], reply.errors
        [error] = wire.query(whole.format("small (id)")).errors
        assert error["C"] == "55000", error
        wire.query("rollback")
    counted = "select (select count(*) from unbounded), (select count(*) from small where id > 99)"
    assert world.admin(counted, database=DATABASE) == "11|0"


def test_a_client_that_leaves_changes_nothing(world: World, target: Target) -> None:
    """Who goes while a person looks takes the change along."""
    before = state(world)
    wire = Wire.open(target)
    wire.send(frame("Q", b"delete from small where id <= 4\0"))
    held(wire)
    wire.close()
    locks = (
        "select count(*) from pg_locks l join pg_database d on d.oid = l.database "
        f"where d.datname = '{DATABASE}' and mode = 'RowExclusiveLock'"
    )
    until("the transaction is gone", lambda: world.admin(locks) == "0", 15)
    assert state(world) == before
