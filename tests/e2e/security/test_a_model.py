"""Class A as a model: random changes of definitions, random reads, one oracle.

Two administrators change what names stand for, with pauses inside their transactions so that
reads wait for locks; readers ask in every way there is. No detector helps (`clear`), so that only
lineage and the fence stand between a raw value and the client. Without the fence about one read
in a hundred shows one.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest
from harness.gateway import Gateway
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

from security.scene import DBA, own_database, own_policies

pytestmark = pytest.mark.gateway
DATABASE = "model"
RAW = b"RAW"
READERS = 4
MADE = """\
create schema anon;
create table base (id integer, note text, secret text);
insert into base select g, 'note' || g, 'RAW' || g from generate_series(1, 3) g;
create table turned (note text, secret text);
create table other (secret text, note text);
insert into turned values ('ok', 'RAW'); insert into other values ('RAW', 'ok');
create view shown as select id, note from base;
create view outer_shown as select note || '' as note from shown;
create view pathed as select note from base;
create table parent (note text, secret text);
create table heir (secret text, note text);
insert into parent values ('ok', 'RAW'); insert into heir values ('RAW', 'ok');
"""
CHANGES = (
    ("create or replace view shown as select id, secret as note from base",),
    ("create or replace view shown as select id, note from base",),
    (
        "alter table turned rename to swapping",
        "alter table other rename to turned",
        "alter table swapping rename to other",
    ),
    (
        "alter table base rename note to swapping",
        "alter table base rename secret to note",
        "alter table base rename swapping to secret",
        "update base set note = secret, secret = note",
    ),
    ("create view anon.pathed as select secret as note from public.base",),
    ("drop view if exists anon.pathed",),
    (
        "drop view if exists stored_over",
        "drop materialized view if exists stored",
        "create materialized view stored as select note from shown",
        "create view stored_over as select note from stored",
    ),
    ("alter table heir inherit parent",),
    ("alter table heir no inherit parent",),
)
READS = (
    "select note from shown",
    "select note from outer_shown",
    "select t.* from turned t",
    "select note from pathed",
    "select note || '' from pathed",
    "select b.note from base b",
    "select note from stored",
    "select note from stored_over",
    "select note from parent",
    "select to_json(s)::text from shown s",
)


def changes(world: World, seed: int, stop: threading.Event, made: Counter[str]) -> None:
    """An administrator who never comes to an end."""
    chosen = random.Random(seed)
    while not stop.is_set():
        try:
            with psycopg.connect(world.direct(DBA, DATABASE).conninfo()) as connection:
                connection.execute("set lock_timeout = '200ms'")
                for statement in chosen.choice(CHANGES):
                    connection.execute(statement)
                    # Whoever reads meanwhile waits, and runs after the change.
                    stop.wait(chosen.random() * 0.01)
            made["changes"] += 1
        except psycopg.Error:
            made["refused changes"] += 1
        stop.wait(chosen.random() * 0.1)


def asked_by_name(wire: Wire, sql: str) -> Reply:
    """Parsed once for the whole session, run ever again."""
    name = f"p{READS.index(sql)}"
    wire.send(parse_message(sql, name=name) + SYNC)
    wire.reply()
    wire.send(bind_message(name=name) + execute_message() + SYNC)
    return wire.reply()


def asked_by_cursor(wire: Wire, sql: str) -> Reply:
    for statement in ("begin", f"declare c cursor for {sql}"):
        wire.query(statement)
    reply = wire.query("fetch all from c")
    wire.query("rollback")
    return reply


def asked_in_a_snapshot(wire: Wire, sql: str) -> Reply:
    """The server sees rows and catalogs of two moments."""
    wire.query("begin isolation level repeatable read")
    wire.query("select 1")
    reply = wire.query(sql)
    wire.query("commit")
    return reply


def copied_out(wire: Wire, sql: str) -> Reply:
    wire.send(frame("Q", f"copy ({sql}) to stdout\0".encode()))
    return wire.reply()


WAYS: tuple[Callable[[Wire, str], Reply], ...] = (
    Wire.query,
    Wire.undescribed,
    asked_by_name,
    asked_by_cursor,
    asked_in_a_snapshot,
    copied_out,
)


def reads(
    gateway: Gateway, seed: int, steps: int, stop: threading.Event, seen: Counter[str]
) -> None:
    chosen = random.Random(seed)
    target = gateway.target("alice", "planner", "sql-agent")
    options = {"options": "-c search_path=anon,public"}
    wire = Wire.open(target, **options)
    try:
        for _ in range(steps):
            if stop.is_set():
                return
            sql, way = chosen.choice(READS), chosen.choice(WAYS)
            reply = way(wire, sql)
            if RAW in wire.received:
                seen[f"RAW: {way.__name__} {sql}"] += 1
                stop.set()
            kind = reply.errors[0]["C"] if reply.errors else "released"
            seen[kind] += 1
            wire.received = type(wire.received)()
    finally:
        wire.close()


def test_no_order_of_changes_and_reads_shows_a_raw_value(
    world: World, pytestconfig: pytest.Config
) -> None:
    """Whatever changes while a command is on its way, it shows nothing that was not planned."""
    steps = pytestconfig.getoption("--model-steps")
    own_database(world, DATABASE, MADE)
    gateway = world.gateway(
        DATABASE,
        database=DATABASE,
        policies=own_policies(world, DATABASE),
        classified={"*.*.secret": "name"},
        # A materialized view that is made while nobody looks is unknown.
        adopted=True,
        unclassified='{ clear: "only lineage and the fence are tried" }',
    )
    stop, made, seen = threading.Event(), Counter(), Counter()
    administrators = [
        threading.Thread(target=changes, args=(world, seed, stop, made)) for seed in (1, 2)
    ]
    readers = [
        threading.Thread(target=reads, args=(gateway, seed, steps // READERS, stop, seen))
        for seed in range(READERS)
    ]
    began = time.monotonic()
    for thread in (*administrators, *readers):
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    for thread in administrators:
        thread.join()
    took = time.monotonic() - began
    told = f"{dict(made)} {dict(seen)} in {took:.0f} s"
    print(told)
    assert not [kind for kind in seen if kind.startswith("RAW")], told
    # Otherwise nothing was tried.
    assert made["changes"] > steps / 100, told
    assert seen["released"] > steps / 5 and seen["40001"] > 0, told
