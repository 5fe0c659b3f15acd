"""A fresh copy of the shop for each case on the direct connection; one through the gateway."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.target import Target
from harness.wire import Reply, Wire
from harness.world import World

from bypass.case import Case

ROLE = "portreeve"  # superuser on purpose: nothing may rest on the server's own rights
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def files(world: World) -> Path:
    """A folder that the server can write to and that cases aim at."""
    folder = world.directory / "files"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "in").write_text("66\tx\n")
    return folder


@pytest.fixture
def fresh(world: World) -> Iterator[Callable[[], Target]]:
    """Makes databases that are like the shop; removed at the end."""
    made = []

    def make() -> Target:
        name = f"case_{next(_numbers)}"
        world.admin(f"create database {name} template shop_template", database="postgres")
        made.append(name)
        return world.direct(ROLE, name)

    yield make
    for name in made:
        world.admin(f"drop database if exists {name} with (force)", database="postgres")


def run(target: Target, case: Case, files: Path, mode: str = "simple") -> tuple[Reply, Wire]:
    """Runs the case in a session of its own. The wire is left open.

    Raises Refused where the startup options are the case, and are not accepted.
    """
    wire = Wire.open(target, **case.options)
    for statement in case.setup:
        wire.query(statement.replace("{dir}", str(files)))
    sql = case.sql.replace("{dir}", str(files))
    if mode == "simple":
        return wire.query(sql), wire
    return wire.extended(sql, result_format=1 if mode == "binary" else 0), wire
