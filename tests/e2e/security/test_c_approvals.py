"""Class C: what runs is what was approved, down to every detail that changes its meaning.

Each case asks for one thing, has it approved, and then sends another that looks the same to a
gateway which binds the approval to less than the whole content.
"""

import itertools
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from harness.cases import each, not_yet
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import (
    SYNC,
    Reply,
    Wire,
    bind_message,
    close_message,
    execute_message,
    frame,
    parse_message,
)
from harness.world import World

from security.scene import REFUSING, decide, knows, own_database, own_policies, review_of

pytestmark = pytest.mark.gateway
DATABASE = "approved"
MADE = """\
create table work.notes (id integer primary key, label text, on_day date, at timestamptz, n float8);
create table work.spare (like work.notes including all);
create table work.children (note integer);
create view work.low as select * from work.notes where id < 3;
create schema later;
create table later.notes (like work.notes including all);
"""
FILL = """\
delete from work.children; delete from work.notes; delete from work.spare; delete from later.notes;
insert into work.notes select n, 'label-' || n, date '2026-01-02' + n, timestamptz '2026-01-02' +
    n * interval '6 hours', n / 10.0 from generate_series(1, 20) n;
insert into work.notes values (825373492, '1234', '2026-01-01', '2026-01-01', 0),
    (100, null, '2027-01-01', '2027-01-01', 7);
insert into later.notes select * from work.notes;
insert into work.spare select * from work.notes;
"""
UNDO = """\
create or replace view work.low as select * from work.notes where id < 3;
alter table work.children drop constraint if exists of_note;
drop trigger if exists more on work.notes;
drop rule if exists more on work.notes;
"""
RULES = """\
@id("later-too")
permit (principal in Group::"writers", action == Action::"write", resource in Schema::"shop/later");
@id("writes-reviewed") @review("reviewers")
forbid (principal in Group::"writers", action == Action::"write", resource);
@id("drops-reviewed") @review("reviewers")
forbid (principal in Group::"writers", action == Action::"define", resource)
when { context.change == "drop" };
"""
STATE = (
    "select md5(string_agg(x, ',' order by x)) from (select 'w' || t::text as x from work.notes t "
    "union all select 's' || t::text from work.spare t union all select 'l' || t::text "
    "from later.notes t union all select 'c' || t::text from work.children t) s"
)
ONE = "delete from work.notes where id = 1"
ALL = "delete from work.notes"


def says(sql: str) -> bytes:
    return frame("Q", sql.encode() + b"\0")


def runs(
    sql: str, *values: bytes, types: tuple[int, ...] = (), formats: tuple[int, ...] = ()
) -> bytes:
    """Parse, Bind, Execute, Sync."""
    bound = bind_message(values, value_formats=formats)
    return parse_message(sql, types=types) + bound + execute_message() + SYNC


def names(sql: str) -> bytes:
    """Parse under the name `p`, in place of what had it."""
    return close_message("S", "p") + parse_message(sql, name="p") + SYNC


@dataclass(frozen=True)
class Swap:
    """Batches of messages; the last of each is what is asked for, then what is sent instead."""

    approved: tuple[bytes, ...]
    sent: tuple[bytes, ...]
    outside: str = ""


def same(sql: str, setting: str) -> Swap:
    """The same text, after a setting that changes its meaning."""
    return Swap((says(sql),), (says(setting), says(sql)))


def around(sql: str, outside: str) -> Swap:
    """The same text, after an administrator changed what it means."""
    return Swap((says(sql),), (says(sql),), outside)


BY_TYPE = "delete from work.notes where label = $1"
SWAPS = {
    "sql-prepared": Swap(
        (says(f"prepare p as {ONE}"), says("execute p")),
        (says("deallocate p"), says(f"prepare p as {ALL}"), says("execute p")),
    ),
    "parsed-then-executed": Swap((names(ONE), says("execute p")), (names(ALL), says("execute p"))),
    "prepared-with-arguments": Swap(
        (says(f"prepare p(int) as {ALL} where id = $1"), says("execute p(1)")),
        (
            says("deallocate p"),
            says(f"prepare p(int) as {ALL} where id >= $1"),
            says("execute p(1)"),
        ),
    ),
    "prepared-with-other-types": Swap(
        (says(f"prepare p(int) as {ALL} where id::text > $1::text"), says("execute p('10')")),
        (
            says("deallocate p"),
            says(f"prepare p(text) as {ALL} where id::text > $1::text"),
            says("execute p('10')"),
        ),
    ),
    "prepared-in-explain": Swap(
        (says(f"prepare p as {ONE}"), says("explain analyze execute p")),
        (says("deallocate p"), says(f"prepare p as {ALL}"), says("explain analyze execute p")),
    ),
    "prepared-behind-discard": Swap(
        (says(f"prepare p as {ONE}"), says("execute p")),
        (says("discard all"), says(f"prepare p as {ALL}"), says("execute p")),
    ),
    "text-then-binary": Swap(
        (runs("delete from work.notes where id = $1", b"1234", types=(23,)),),
        (runs("delete from work.notes where id = $1", b"1234", types=(23,), formats=(1,)),),
    ),
    "binary-then-text": Swap(
        (runs("delete from work.notes where id = $1", b"1234", types=(23,), formats=(1,)),),
        (runs("delete from work.notes where label = $1", b"1234", types=(25,)),),
    ),
    "type-text-then-char": Swap(
        (runs(BY_TYPE, b"label-1", types=(25,)),), (runs(BY_TYPE, b"label-1", types=(1042,)),)
    ),
    "type-unsaid-then-said": Swap(
        (runs("delete from work.notes where id::text > $1::text", b"10"),),
        (runs("delete from work.notes where id::text > $1::text", b"10", types=(1043,)),),
    ),
    "null-then-empty": Swap(
        (runs("delete from work.notes where coalesce(label, '') = $1", b"x"),),
        (runs("delete from work.notes where coalesce(label, '') = $1", b""),),
    ),
    "date-style": same(f"{ALL} where on_day < '05/01/2026'", "set datestyle = 'ISO, DMY'"),
    "time-zone": same(f"{ALL} where at < '2026-01-03 00:00'", "set timezone = 'Asia/Tokyo'"),
    "time-zone-local": Swap(
        (says(f"{ALL} where at < '2026-01-03 00:00'"),),
        (
            says("begin"),
            says("set local timezone = 'Asia/Tokyo'"),
            says(f"{ALL} where at < '2026-01-03 00:00'"),
        ),
    ),
    "interval-style": same(
        f"{ALL} where at < timestamptz '2026-01-06' + interval '-1 23:00'",
        "set intervalstyle = 'sql_standard'",
    ),
    "null-equals": same(f"{ALL} where label = null", "set transform_null_equals = on"),
    "float-digits": same(f"{ALL} where (n / 3)::text = '2'", "set extra_float_digits = -15"),
    "text-search": same(
        f"{ALL} where not to_tsvector(coalesce(label, 'the')) @@ to_tsquery('the')",
        "set default_text_search_config = 'english'",
    ),
    "strings": same(f"{ALL} where label <> 'a\\\\b'", "set standard_conforming_strings = off"),
    "search-path": Swap(
        (says("set search_path = work"), says("delete from notes where id = 1")),
        (says("set search_path = later"), says("delete from notes where id = 1")),
    ),
    "view-widened": around(
        "delete from work.low", "create or replace view work.low as select * from work.notes"
    ),
    "view-redirected": around(
        "delete from work.low", "create or replace view work.low as select * from work.spare"
    ),
    "tables-swapped": around(
        "delete from work.notes where id < 3",
        "alter table work.notes rename to x; alter table work.spare rename to notes;"
        "alter table work.x rename to spare",
    ),
    "rule-added": around(
        "delete from work.notes where id = 1",
        "create rule more as on delete to work.notes do also delete from work.spare",
    ),
    "trigger-added": around(
        "delete from work.notes where id = 1",
        "create or replace function work.more() returns trigger language plpgsql as "
        "$$ begin delete from work.spare; return old; end $$; create trigger more before delete "
        "on work.notes for each row execute function work.more()",
    ),
    "cascade-added": around(
        "delete from work.notes where id = 1",
        "insert into work.children select 1 from generate_series(1, 50); alter table work.children "
        "add constraint of_note foreign key (note) references work.notes on delete cascade",
    ),
    "more-rows-by-now": around(
        "delete from work.notes where id < 3",
        "insert into work.notes select -n from generate_series(1, 50) n",
    ),
}


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    database = own_database(world, DATABASE, MADE)
    policies = own_policies(world, "approved", RULES)
    return world.gateway("approved", database=database, policies=policies)


_writers = itertools.count(1)


@pytest.fixture
def target(gateway: Gateway) -> Target:
    """A writer who has no approval from another test."""
    name = f"writer-{next(_writers)}"
    gateway.run("accounts", "add", name, "--kind", "person", "--group", "writers")
    return gateway.target(name)


@pytest.fixture(scope="module")
def dana(gateway: Gateway) -> str:
    return gateway.token("dana")


_markers = itertools.count(1)


def seen(world: World, target: Target) -> None:
    """Until the gateway has read definitions as they are now."""
    name = f"work.seen_{next(_markers)}"
    world.admin(f"create table {name} (x integer)", database=DATABASE)
    knows(target, f"select x from {name}")


@pytest.fixture(autouse=True)
def filled(world: World, target: Target, request: pytest.FixtureRequest) -> Iterator[None]:
    world.admin(FILL, database=DATABASE)
    yield
    case = getattr(request.node, "callspec", None)
    if case and getattr(case.params.get("case"), "outside", ""):
        world.admin(UNDO, database=DATABASE)
        # Only this makes the server forget that the table had a rule.
        world.admin("vacuum work.notes", database=DATABASE)
        seen(world, target)


def state(world: World) -> str:
    return world.admin(STATE, database=DATABASE)


def sent(wire: Wire, batches: tuple[bytes, ...]) -> Reply:
    """The reply to the last one."""
    for batch in batches:
        wire.send(batch)
        reply = wire.reply()
    return reply


def asked(gateway: Gateway, wire: Wire, batches: tuple[bytes, ...], dana: str) -> str:
    """The review of the last batch; what is held on the way there is approved and sent again."""
    for batch in batches[:-1]:
        if (reply := sent(wire, (batch,))).errors:
            assert decide(gateway, "approve", review_of(reply), dana) == 0
            assert not (errors := sent(wire, (batch,)).errors), errors
    return review_of(sent(wire, batches[-1:]))


@each(
    SWAPS,
    not_yet(
        "EXPLAIN of EXECUTE is not understood",
        "prepared-in-explain",
    ),
)
def test_approve_a_run_b(
    world: World, gateway: Gateway, target: Target, dana: str, case: Swap
) -> None:
    """An approval lets run what the reviewer saw, and nothing that means something else."""
    with Wire.open(target, **REFUSING) as wire:
        review = asked(gateway, wire, case.approved, dana)
        assert decide(gateway, "approve", review, dana) == 0
        if case.outside:
            world.admin(case.outside, database=DATABASE)
            seen(world, target)
        before = state(world)
        *prepared, last = case.sent
        replies = [sent(wire, (batch,)) for batch in prepared]
        reply = sent(wire, (last,))
        wire.query("commit")
        if replies and all(other.sqlstate == "42501" for other in replies):
            # A setting that was refused changes nothing of what was approved.
            return
        assert state(world) == before, f"it ran: {reply.tags}"
        if not any(other.errors for other in replies):
            # 0A000: what a rule does to a write is not known.
            assert reply.sqlstate in ("42501", "40001", "0A000"), reply.errors or reply.tags


PLAIN = {
    "simple": (says(ONE),),
    "sql-prepared": (says(f"prepare p as {ONE}"), says("execute p")),
    "parameter": (runs("delete from work.notes where id = $1", b"1", types=(23,)),),
    "binary-parameter": (
        runs(
            "delete from work.notes where id = $1", struct.pack(">i", 1), types=(23,), formats=(1,)
        ),
    ),
}


@each(PLAIN)
def test_what_was_approved_runs_once(
    world: World, gateway: Gateway, target: Target, dana: str, case: tuple[bytes, ...]
) -> None:
    """The same content again is what the approval is for."""
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(sent(wire, case))
        assert decide(gateway, "approve", review, dana) == 0
        reply = sent(wire, case[-1:])
        assert reply.tags == ["DELETE 1"], reply.errors
        world.admin(FILL, database=DATABASE)
        assert sent(wire, case[-1:]).sqlstate == "42501"


SHOWN = {
    "statement-behind-execute": (
        (says(f"prepare p as {ONE}"), says("execute p")),
        ("delete from work.notes where id = 1",),
    ),
    "parameters-decoded": (
        (runs("delete from work.notes where id = $1", b"1234", types=(23,), formats=(1,)),),
        ("825373492", "integer"),
    ),
    "settings-that-matter": (
        (says("set datestyle = 'ISO, DMY'"), says(f"{ALL} where on_day < '05/01/2026'")),
        ("DMY",),
    ),
    "how-many-rows": ((says(f"{ALL} where id <= 17"),), ("17",)),
}


@each(SHOWN)
def test_the_reviewer_sees(
    gateway: Gateway, target: Target, dana: str, case: tuple[tuple[bytes, ...], tuple[str, ...]]
) -> None:
    """A reviewer sees everything that gives the command its meaning."""
    batches, words = case
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(sent(wire, batches))
    shown = gateway.json("reviews", "show", review, token=dana)
    if words == ("17",):
        shown["statement"] = ""
    numbers = ("content", "id", "session", "chain", "exchange")
    told = {key: value for key, value in shown.items() if key not in numbers and "_us" not in key}
    for word in words:
        assert re.search(rf"\b{re.escape(word)}\b", json.dumps(told)), told


def test_a_setting_of_the_start_is_part_of_what_is_approved(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """Another connection that begins with a setting which changes the meaning runs nothing."""
    sql = f"{ALL} where at < timestamptz '2026-01-06' + interval '-1 23:00'"
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(sent(wire, (says(sql),)))
    assert decide(gateway, "approve", review, dana) == 0
    before = state(world)
    options = REFUSING["options"] + " -c intervalstyle=sql_standard"
    with Wire.open(target, options=options) as wire:
        assert sent(wire, (says(sql),)).sqlstate == "42501"
    assert state(world) == before


def test_a_review_says_how_many_rows_at_most(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """A write is counted by its own condition, under the settings of its own session."""
    with Wire.open(target, **REFUSING) as wire:
        assert not wire.query("set search_path = work").errors
        review = review_of(wire.query("delete from only spare s where id <= 7"))
        fields = gateway.json("reviews", "show", review, token=dana)["fields"]
        assert {"cap.changes": "7"}.items() <= {it["name"]: it["value"] for it in fields}.items()
        assert decide(gateway, "approve", review, dana) == 0
        world.admin("delete from work.spare where id = 3", database=DATABASE)
        reply = wire.query("delete from only spare s where id <= 7")
        assert reply.sqlstate == "42501", "it is another number"


def test_the_refusal_says_what_differs(gateway: Gateway, target: Target, dana: str) -> None:
    """Who sends something else than was approved learns what differs."""
    sql = "delete from work.notes where id = $1"
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(sent(wire, (runs(sql, b"1234", types=(23,)),)))
        assert decide(gateway, "approve", review, dana) == 0
        reply = sent(wire, (runs(sql, b"1234", types=(23,), formats=(1,)),))
        told = " ".join(reply.errors[0].values()) if reply.errors else ""
        assert "$1" in told and "binary" in told, told or reply.tags


def upload(wire: Wire, body: bytes) -> Reply:
    """COPY FROM STDIN, with the data wherever the other side asks for it."""
    wire.send(says("copy work.spare (id, label) from stdin"))
    reply = wire.reply(until="GZ")
    if "G" in reply.kinds:
        wire.send(frame("d", body) + frame("c"))
        reply = wire.reply()
    return reply


UPLOADS = {
    "other-rows": (b"900\tasked\n", b"901\tother\n"),
    "more-rows": (b"900\tasked\n", b"900\tasked\n901\tother\n"),
    "null-for-text": (b"900\tasked\n", b"900\t\\N\n"),
    "much-more": (b"900\tasked\n", b"".join(b"%d\tother\n" % n for n in range(1000, 3000))),
    "nothing-then-something": (b"", b"901\tother\n"),
}


@each(UPLOADS)
def test_an_upload_is_approved_with_its_data(
    world: World, gateway: Gateway, target: Target, dana: str, case: tuple[bytes, bytes]
) -> None:
    """What a reviewer approves of a COPY is its data too, not any data."""
    asked, other = case
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(upload(wire, asked))
        assert decide(gateway, "approve", review, dana) == 0
        before = state(world)
        reply = upload(wire, other)
        assert state(world) == before, f"other data was written: {reply.tags}"


def test_the_data_that_were_approved_are_written_once(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """The same data again are what the approval is for, and it is for one time."""
    body = b"".join(b"%d\trow %d\n" % (n, n) for n in range(1000, 60_000))
    count = "select count(*) from work.spare where id >= 1000 and id < 60000"
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(upload(wire, body))
        assert decide(gateway, "approve", review, dana) == 0
        reply = upload(wire, body)
        assert reply.tags == ["COPY 59000"], reply.errors
        assert world.admin(count, database=DATABASE) == "59000"
        assert wire.query("select 1").rows == [[b"1"]], "the connection is usable"
        world.admin(FILL, database=DATABASE)
        assert upload(wire, body).sqlstate == "42501", "an approval is used once"
        assert world.admin(count, database=DATABASE) == "0"


def test_an_upload_that_is_given_up_asks_nobody(target: Target) -> None:
    """CopyFail ends it like on a direct connection; the session goes on."""
    with Wire.open(target, **REFUSING) as wire:
        wire.send(says("copy work.spare (id, label) from stdin"))
        wire.reply(until="GZ")
        wire.send(frame("d", b"900\tx\n") + frame("f", b"never mind\0"))
        reply = wire.reply()
        assert reply.sqlstate == "57014", reply.errors
        assert wire.query("select 1").rows == [[b"1"]]


def test_an_upload_that_nobody_can_look_at_first_is_refused(
    world: World, target: Target
) -> None:
    """Among other messages its data come too late to be approved: refused with advice."""
    before = state(world)
    with Wire.open(target, **REFUSING) as wire:
        wire.send(runs("copy work.spare (id, label) from stdin"))
        reply = wire.reply()
        assert reply.sqlstate == "42501", reply.errors or reply.kinds
        assert "of its own" in " ".join(reply.errors[0].values())
        assert wire.query("select 1").rows == [[b"1"]]
    assert state(world) == before


CURSOR = "declare c cursor with hold for select id, city from crowd where id {}"


def test_fetch_is_bound_to_the_cursor_behind_the_name(gateway: Gateway, dana: str) -> None:
    """FETCH of a name is approved for the statement that had the name."""
    target = gateway.target("alice", "planner", "sql-agent")
    with Wire.open(target, **REFUSING) as wire:
        assert not wire.query(CURSOR.format("> 0")).errors
        review = review_of(wire.query("fetch all from c"))
        assert decide(gateway, "approve", review, dana) == 0
        wire.query("close c")
        assert not wire.query(CURSOR.format("< 4000")).errors
        reply = wire.query("fetch all from c")
        assert reply.sqlstate == "42501" and len(reply.rows) <= 1000, len(reply.rows)


TENANT = "delete from work.notes where label = 'label-' || current_setting('app.tenant')"
LONG = "/* " + "x" * 600 + " */ "
UNDER = {
    "said-at-length": (f"set {LONG} app.tenant = '2'",),
    "long-ago": ("set app.tenant = '2'", *["set application_name = 'x'"] * 70),
    "in-a-parameter": (bind_message([b"2"]),),
    "taken-back": ("begin", "set app.tenant = '1'", "rollback"),
    "local": ("begin", "set local app.tenant = '1'", "commit"),
    "saved": ("begin", "savepoint a", "set app.tenant = '1'", "rollback to a"),
    "behind-a-name": ("prepare t as select set_config('app.tenant', $1, false)", "execute t ('2')"),
    "behind-a-cursor": (
        "begin",
        "declare c cursor with hold for select set_config('app.tenant', '2', false)",
        "fetch all from c",
        "commit",
    ),
    "discarded": ("set app.tenant = '1'", "discard all", "set app.tenant = '2'"),
}


@each(UNDER)
def test_an_approval_is_for_the_settings_that_hold(
    world: World, gateway: Gateway, target: Target, dana: str, case: tuple[str | bytes, ...]
) -> None:
    """However the session came to have them: not by the words, by the values."""
    with Wire.open(target, **REFUSING) as wire:
        assert not wire.query("set app.tenant = '1'").errors
        review = review_of(wire.query(TENANT))
    assert decide(gateway, "approve", review, dana) == 0
    before = state(world)
    with Wire.open(target, **REFUSING) as wire:
        wire.query("set app.tenant = '2'")
        for statement in case:
            if isinstance(statement, bytes):
                message = parse_message("select set_config('app.tenant', $1, false)")
                wire.send(message + statement + execute_message() + SYNC)
                assert not wire.reply().errors
            else:
                assert not (errors := wire.query(statement).errors), errors
        assert wire.query(TENANT).errors
        assert state(world) == before
        wire.query("rollback")
    with Wire.open(target, **REFUSING) as wire:
        assert not wire.query("set app.tenant = '9'; set app.tenant = '1'").errors
        assert not wire.query(TENANT).errors, "the same values are what was approved"


def test_declared_types_behind_a_name_are_part_of_it(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """As numbers or as texts, another row is the greater one."""
    sql = "delete from work.notes where $1 > '10'"
    with Wire.open(target, **REFUSING) as wire:
        wire.send(parse_message(sql, "d", types=(23,)) + SYNC)
        assert not wire.reply().errors
        review = review_of(wire.query("execute d (9)"))
    assert decide(gateway, "approve", review, dana) == 0
    before = state(world)
    with Wire.open(target, **REFUSING) as wire:
        wire.send(parse_message(sql, "d", types=(25,)) + SYNC)
        assert not wire.reply().errors
        assert wire.query("execute d ('9')").errors
    assert state(world) == before


def test_what_is_taken_back_in_the_same_text_is_not_approved(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """Which settings hold behind a ROLLBACK nobody can tell before it."""
    text = f"rollback; {TENANT}"
    with Wire.open(target, **REFUSING) as wire:
        for sql in ("set app.tenant = '1'", "begin", "set local app.tenant = '1'"):
            assert not wire.query(sql).errors
        review = review_of(wire.query(text))
    assert decide(gateway, "approve", review, dana) == 0
    before = state(world)
    with Wire.open(target, **REFUSING) as wire:
        for sql in ("set app.tenant = '2'", "begin", "set local app.tenant = '1'"):
            assert not wire.query(sql).errors
        assert wire.query(text).errors
    assert state(world) == before


def test_settings_of_the_start_can_go(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """RESET and DISCARD go back, and what holds then is what is bound."""
    begun = {"options": REFUSING["options"] + " -c app.tenant=1"}
    with Wire.open(target, **begun) as wire:
        review = review_of(wire.query(TENANT))
    assert decide(gateway, "approve", review, dana) == 0
    with Wire.open(target, **begun) as wire:
        assert not wire.query("set app.tenant = '2'").errors
        assert wire.query(TENANT).errors
        assert not wire.query("reset app.tenant").errors
        wire.query(TENANT)
        shown = world.admin("select count(*) from work.notes where label = 'label-2'", DATABASE)
        assert shown == "1"


def test_a_definition_is_approved_of_what_its_names_stand_for(
    world: World, gateway: Gateway, target: Target, dana: str
) -> None:
    """What is dropped is the table that the reviewer has read of."""
    made = "create table work.scratch (id integer); create table work.ledger (id integer)"
    turned = (
        "alter table work.scratch rename to s2; alter table work.ledger rename to scratch"
    )
    world.admin(made, database=DATABASE)
    try:
        with Wire.open(target, **REFUSING) as wire:
            review = review_of(wire.query("drop table work.scratch"))
            assert decide(gateway, "approve", review, dana) == 0
            world.admin(turned, database=DATABASE)
            assert wire.query("drop table work.scratch").errors
        assert world.admin("select to_regclass('work.scratch') is null", DATABASE) == "f"
    finally:
        world.admin("drop table if exists work.scratch, work.s2, work.ledger", database=DATABASE)


@pytest.mark.parametrize("made", [ALL, f"select 1; deallocate p; prepare p as {ALL}"])
def test_a_write_that_sql_prepared_is_held_however_it_is_run(
    world: World, target: Target, made: str
) -> None:
    """Planned again, what was prepared is the write, and not the PREPARE or one before it."""
    before = state(world)
    with Wire.open(target, **REFUSING) as wire:
        for sql in (f"prepare p as {made}", "set search_path = work"):
            assert not wire.query(sql).errors
        wire.send(bind_message(name="p") + execute_message() + SYNC)
        assert wire.reply().errors
        assert wire.query("execute p").errors
    assert state(world) == before
