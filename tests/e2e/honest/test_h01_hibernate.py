"""Hibernate saves what was shown masked: whole rows are refused, what has changed is saved.

The client's side is in jdbc/Saves.java, which has rows of its own for each of its steps.
"""

from dataclasses import dataclass, field

import pytest
from harness.gateway import Gateway
from harness.java import HIBERNATE, Program
from harness.secrets import found_in
from harness.target import Target
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "hibernated"
MADE = """\
create table persons (id integer primary key, name varchar(255) not null, mail varchar(255),
    phone varchar(255), note varchar(255), version integer not null default 0);
insert into persons select n, 'Ada Quixmarker', 'zq7marker@leak-q7.example', '+49 30 90917711', 'n'
    from generate_series(1, 50) n;
create table visits (id serial primary key, place varchar(255),
    person_id integer references persons);
insert into visits (place, person_id) values ('hall', 43), ('yard', 43), ('gate', 44);
create table guests (id serial primary key, name varchar(255) not null, note varchar(255));
"""
CLASSIFIED = {
    "public.persons.name": "name",
    "public.persons.mail": "e-mail",
    "public.persons.phone": "phone",
    "public.guests.name": "name",
}
UNTOUCHED = "Ada Quixmarker|zq7marker@leak-q7.example|+49 30 90917711|n"
NOTED = f"{UNTOUCHED} changed"
OWN = "Own|Own@own.example|03"

# By step: the rows that it saves, and what is stored in them when it was not refused.
SAVED = {
    "dynamic-update": ([3], NOTED),
    "lock-dirty": ([5], NOTED),
    "batch-dynamic-update": ([14, 15, 16], NOTED),
    "often": ([17], NOTED + " changed" * 7),
    "merge-dynamic-update": ([22], NOTED),
    "save-or-update-dynamic": ([24], NOTED),
    "select-before-update": ([25], NOTED),
    "merge-own": ([27], f"{OWN}|n changed"),
    "own-partly": ([31], "Ada Quixmarker|new@own.example|+49 30 90917711|n"),
    "own-whole": ([32], f"{OWN}|n"),
    "insert": ([134], f"{OWN}|"),
    "bulk-update": ([45], f"{UNTOUCHED[:-1]}changed"),
}
# Whole rows: what was shown masked would be stored.
REFUSED = {
    "whole": [1],
    "whole-versioned": [2],
    "batch": [11, 12, 13],
    "often-whole": [18],
    "merge": [21],
    "save-or-update": [23],
    # Of a detached object nobody knows what has changed.
    "update-dynamic-update": [28],
    "copy": [26, 126],
    "own-beside-mask": [33],
}
ASKED = (
    "validate", "insert-identity", "insert-sequence", "hql", "criteria", "native", "lazy",
    "lazy-reference", "join-fetch", "for-update", "refresh", "scroll", "delete",
)  # fmt: skip


@dataclass
class Outcome:
    """What the program has told of each step, and what is in the table since."""

    told: dict[str, str] = field(default_factory=dict)
    shown: list[list[str]] = field(default_factory=list)
    stored: dict[int, str] = field(default_factory=dict)

    def of(self, ids: list[int]) -> set[str | None]:
        return {self.stored.get(one) for one in ids}


@pytest.fixture(scope="module")
def program(world: World) -> Program:
    return Program("Saves", world.directory / "hibernate-classes", HIBERNATE)


def outcome(world: World, program: Program, target: Target, database: str) -> Outcome:
    outcome = Outcome()
    for name, values in program.lines(target):
        if name == "shown":
            outcome.shown.append(values)
        else:
            [outcome.told[name]] = values
    rows = world.admin("select id, name, mail, phone, note from persons", database=database)
    for row in rows.splitlines():
        key, person = row.split("|", 1)
        outcome.stored[int(key)] = person
    return outcome


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return honest_gateway(world, DATABASE, MADE, classified=CLASSIFIED)


@pytest.fixture(scope="module")
def guarded(world: World, program: Program, gateway: Gateway) -> Outcome:
    return outcome(world, program, gateway.target("dev"), DATABASE)


def test_the_program_itself(world: World, program: Program) -> None:
    """On a direct connection every step passes: if this fails, the rest proves nothing."""
    name = f"{DATABASE}_direct"
    world.admin(f"create database {name} template shop_template", database="postgres")
    world.admin(MADE, database=name)
    direct = outcome(world, program, world.direct("portreeve", name), name)
    assert set(direct.told) == {*SAVED, *REFUSED, *ASKED, "lock-all"}
    assert not {step: how for step, how in direct.told.items() if how}
    assert direct.shown and all(row[0] == "Ada Quixmarker" for row in direct.shown)
    for ids, what in SAVED.values():
        assert direct.of(ids) == {what}


@pytest.mark.parametrize("step", SAVED)
def test_what_has_changed_is_saved(guarded: Outcome, step: str) -> None:
    """H1: and nothing else of the row is touched."""
    assert guarded.told[step] == ""
    ids, what = SAVED[step]
    assert guarded.of(ids) == {what}


@pytest.mark.parametrize("step", REFUSED)
def test_a_whole_row_that_was_shown_masked_is_not_stored(guarded: Outcome, step: str) -> None:
    """H1: refused with the advice to save what has changed."""
    assert guarded.told[step].startswith("42501") and "changed" in guarded.told[step]
    assert guarded.of(REFUSED[step]) <= {UNTOUCHED, None}


def test_old_values_that_are_masks_find_no_row(guarded: Outcome) -> None:
    """Optimistic locking by all columns compares masks with what is stored: the row is stale."""
    assert "StaleState" in guarded.told["lock-all"]
    assert guarded.of([4]) == {UNTOUCHED}


@pytest.mark.parametrize("step", ASKED)
def test_what_is_asked_comes(guarded: Outcome, step: str) -> None:
    """Queries of every kind, keys of new rows, lazy collections and references."""
    assert guarded.told[step] == ""


def test_what_comes_is_masked(guarded: Outcome) -> None:
    assert len(guarded.shown) >= 9
    for row in guarded.shown:
        assert not found_in("|".join(row).encode()), row
        assert all(row), row
    assert len({tuple(row) for row in guarded.shown}) == 1, "one mask for one value"
