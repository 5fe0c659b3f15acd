"""Examples of the rows that a held write would touch: a reviewer sees them as somebody to whom
nothing is revealed, whatever the one who asks may see, and none where that is not certain."""

import json

import pytest
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import SYNC, Wire, bind_message, execute_message, parse_message
from harness.world import World

from security.scene import REFUSING, decide, own_database, own_policies, review_of

pytestmark = pytest.mark.gateway
DATABASE = "rows_shown"
SECRET = "qqfirst"  # nothing that a detector knows
MADE = f"""\
alter table public.customers add column nick text;
update public.customers set nick = '{SECRET}' || id;
create view contacts as select id, nick || '!' as handle, full_name from public.customers;
create table work.notes (id integer primary key, label text, said text);
insert into work.notes select n, 'label-' || n, 'write to yrsa.dahl' || n || '@example.org'
    from generate_series(1, 20) n;
create table work.big (id integer primary key, doc text);
insert into work.big select n, repeat('x', 600000) from generate_series(1, 3) n;
create function work.slow(integer) returns boolean language sql as 'select true';
"""
RULES = """\
@id("writers-everything")
permit (principal in Group::"writers", action in [Action::"write", Action::"filter", Action::"probe",
    Action::"reveal", Action::"read", Action::"execute", Action::"define"], resource);
@id("writes-reviewed") @review("reviewers")
forbid (principal in Group::"writers", action == Action::"write", resource);
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    database = own_database(world, DATABASE, MADE)
    policies = own_policies(world, DATABASE, RULES)
    classified = {"public.customers.nick": "name"}
    return world.gateway(DATABASE, database=database, policies=policies, classified=classified)


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    gateway.run("accounts", "add", "wren", "--kind", "person", "--group", "writers")
    return gateway.target("wren")


def shown(gateway: Gateway, review: str) -> dict | None:
    found: dict = gateway.json("reviews", "show", review, token=gateway.token("dana"))
    return found.get("examples")


def asked(gateway: Gateway, target: Target, *texts: str) -> dict | None:
    """The examples of the last text's review."""
    with Wire.open(target, **REFUSING) as wire:
        for text in texts[:-1]:
            assert not (reply := wire.query(text)).errors, reply.errors
        return shown(gateway, review_of(wire.query(texts[-1])))


def test_a_reviewer_sees_some_of_the_rows(gateway: Gateway, target: Target) -> None:
    examples = asked(gateway, target, "delete from work.notes where id between 4 and 17")
    assert examples is not None
    assert examples["columns"] == ["id", "label", "said"]
    assert [row[:2] for row in examples["rows"]] == [[str(n), f"label-{n}"] for n in (4, 5, 6)]
    # What a detector finds is masked; who asks may see it.
    assert all(row[2].startswith("write to ") for row in examples["rows"])
    assert "yrsa.dahl" not in json.dumps(examples)


CLASSIFIED = {
    "its-own": ("update public.customers set phone = '1' where id < 4",),
    "by-a-condition-on-it": (f"update public.customers set phone = '1' where nick = '{SECRET}2'",),
    "an-alias": ('update only public.customers as "Odd ""x" set phone = null where id = 1',),
    "met-by-others": (
        "delete from work.notes using public.customers c where c.id = work.notes.id",
        "update public.customers c set phone = n.label from work.notes n where n.id = c.id",
    ),
    "through-a-view": ("update public.contacts set full_name = 'x' where id < 3",),
    "by-a-path": ("set search_path = public", "update customers set phone = '2' where id < 3"),
    "with": (
        "with w as (select 1 as id) update public.customers c set phone = '1' from w "
        "where w.id = c.id",
    ),
}


@pytest.mark.parametrize("texts", CLASSIFIED.values(), ids=CLASSIFIED)
def test_nothing_is_revealed_to_reviewers(
    world: World, gateway: Gateway, target: Target, texts: tuple[str, ...]
) -> None:
    """Who asks may see the column; a reviewer need not."""
    with Wire.open(target, **REFUSING) as wire:
        assert SECRET.encode() in wire.query("select nick from public.customers").raw
        for text in texts[:-1]:
            wire.query(text)
        review = review_of(wire.query(texts[-1]))
    examples = shown(gateway, review)
    assert examples is not None and examples["rows"]
    assert SECRET not in json.dumps(examples), examples
    listed = json.dumps(gateway.json("reviews", "ls", token=gateway.token("dana")))
    assert "examples" not in listed


def test_what_stands_behind_a_name_is_what_others_see(gateway: Gateway, target: Target) -> None:
    """A temporary table of the same name is the session's own; its rows nobody else can see, and
    those of the table behind it are no examples that pass by its plan."""
    examples = asked(
        gateway,
        target,
        "create temporary table customers (id integer, nick text)",
        "update customers set id = 3 where id < 3",
    )
    assert SECRET not in json.dumps(examples), examples


def test_parameters_are_those_of_the_write(gateway: Gateway, target: Target) -> None:
    with Wire.open(target, **REFUSING) as wire:
        sql = "update work.notes set label = $1 where id > $2 and label <> $3"
        wire.send(
            parse_message(sql, types=(25, 23, 25))
            + bind_message((b"new", b"18", b"label-19"))
            + execute_message()
            + SYNC
        )
        examples = shown(gateway, review_of(wire.reply()))
    assert examples is not None
    assert [row[0] for row in examples["rows"]] == ["20"]
    assert examples["rows"][0][1] == "label-20", "as it is before the write"


def test_long_values_are_cut_and_long_rows_are_none(gateway: Gateway, target: Target) -> None:
    one = asked(gateway, target, "delete from work.big where id = 1")
    assert one is not None
    assert one["rows"][0][1] == "x" * 200 + "…"
    assert asked(gateway, target, "delete from work.big where id < 4") is None


NONE = {
    "no-rows": "delete from work.notes where id > 1000",
    "an-insert": "insert into work.notes values (77, 'x')",
    "code": "delete from work.notes where work.slow(id)",
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_where_there_are_none(gateway: Gateway, target: Target, text: str) -> None:
    assert asked(gateway, target, text) is None


def test_an_approval_is_not_bound_to_them(world: World, gateway: Gateway, target: Target) -> None:
    """Their number is; what else is in them may have changed."""
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(wire.query("delete from work.notes where id = 20"))
        world.admin("update work.notes set label = 'other' where id = 20", database=DATABASE)
        assert decide(gateway, "approve", review, gateway.token("dana")) == 0
        assert wire.query("delete from work.notes where id = 20").tags == ["DELETE 1"]


def test_people_read_them_in_columns(gateway: Gateway, target: Target) -> None:
    with Wire.open(target, **REFUSING) as wire:
        review = review_of(wire.query("delete from work.notes where id = 7"))
    text = gateway.run("reviews", "show", review, token=gateway.token("dana"))
    assert "WOULD TOUCH" in text and "ROW 1, MASKED" in text and "label-7" in text
