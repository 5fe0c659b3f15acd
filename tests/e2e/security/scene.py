"""What the attacks share: a database, policies and an administrator of their own."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from harness.gateway import Gateway
from harness.paths import E2E
from harness.target import Target
from harness.waiting import until
from harness.wire import Reply, Wire
from harness.world import World

DBA = "portreeve"  # a superuser; what it does happens outside the gateway
REVIEW = re.compile(r"rv-[a-z0-9]+")
REFUSING = {"options": "-c portreeve.review=refuse"}


def own_policies(world: World, name: str, *more: str) -> Path:
    """The people of the shop, and more rules."""
    folder = world.directory / f"policies-{name}"
    folder.mkdir()
    shutil.copy(E2E / "policies" / "people.cedar", folder)
    (folder / "more.cedar").write_text("\n".join(more))
    return folder


def own_database(world: World, name: str, sql: str = "") -> str:
    """A copy of the shop that a file of tests may change."""
    world.admin(f"create database {name} template shop_template", database="postgres")
    if sql:
        world.admin(sql, database=name)
    return name


@contextmanager
def dba(world: World, database: str) -> Iterator[psycopg.Connection]:
    """An administrator, straight at the server, in a transaction of their own."""
    with psycopg.connect(world.direct(DBA, database).conninfo()) as connection:
        yield connection


def waits_for_a_lock(world: World, database: str) -> None:
    """Until the target has a command that waits."""
    sql = (
        "select count(*) from pg_stat_activity "
        f"where datname = '{database}' and wait_event_type = 'Lock'"
    )
    until("the command waits for the lock", lambda: world.admin(sql) != "0", 15)


def knows(target: Target, sql: str) -> None:
    """Until the gateway has read definitions that are new enough for this statement."""

    def known() -> bool:
        with Wire.open(target) as wire:
            return not wire.query(sql).errors

    until(f"the gateway can read `{sql}`", known, 20)


def decide(gateway: Gateway, word: str, review: str, token: str) -> int:
    return gateway.try_run("reviews", word, review, token=token).returncode


def review_of(reply: Reply) -> str:
    """The review that a refusal names."""
    told = " ".join(reply.errors[0].values()) if reply.errors else ""
    found = REVIEW.search(told)
    assert found, f"no review was opened: {reply.errors} {reply.kinds}"
    return found[0]


def held(wire: Wire) -> str:
    """Reads up to the notice with the review's id; nothing may have been released before."""
    while True:
        message = wire.message()
        assert message.kind not in "DdE", f"instead of a review: {message.kind} {message.fields}"
        if message.kind == "N" and (found := REVIEW.search(message.fields["M"])):
            return found[0]
