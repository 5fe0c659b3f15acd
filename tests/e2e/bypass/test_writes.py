"""P1: nothing that changes anything passes for somebody who may only read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.target import Target
from harness.wire import Refused
from harness.world import World

from bypass.case import Case
from bypass.conftest import ROLE, run
from bypass.fingerprint import Fingerprint, difference
from bypass.writes import WRITES

IDS = [case.id for case in WRITES]


def remove_files(files: Path) -> None:
    for path in files.iterdir():
        if path.name != "in":
            path.unlink()


def test_ids_are_unique() -> None:
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize("case", WRITES, ids=IDS)
def test_changes_something_on_a_direct_connection(
    world: World, fresh: Callable[[], Target], files: Path, case: Case
) -> None:
    """If this fails, the case proves nothing."""
    target = fresh()
    watch = Fingerprint(target, files)
    before = watch.take()
    reply, wire = run(target, case, files)
    wire.query("COMMIT")
    after = watch.take()
    wire.close()
    watch.close()
    remove_files(files)
    if case.cleanup:
        world.admin(case.cleanup.format(password=world.postgres.password))
    assert difference(before, after), f"nothing changed: {reply.errors}"


@pytest.fixture(scope="module")
def watch(world: World, files: Path) -> Iterator[Fingerprint]:
    watch = Fingerprint(world.direct(ROLE), files)
    yield watch
    watch.close()


@pytest.mark.gateway
@pytest.mark.parametrize("mode", ["simple", "extended"])
@pytest.mark.parametrize("case", WRITES, ids=IDS)
def test_changes_nothing_through_the_gateway(
    reader: Target, watch: Fingerprint, files: Path, case: Case, mode: str
) -> None:
    if mode == "extended" and case.simple_only:
        mode = "simple"
    before = watch.take()
    try:
        reply, wire = run(reader, case, files, mode)
    except Refused:
        assert case.options and watch.take() == before
        return
    if not reply.closed:
        wire.query("COMMIT")
    changed = difference(before, watch.take())
    remove_files(files)
    assert not changed, f"changed: {changed}; reply {reply.kinds} {reply.errors}"
    if case.id.startswith("oversize"):
        return
    assert not reply.closed, f"the connection was closed: {reply.errors}"
    alive = wire.query("SELECT 41 + 1")
    wire.terminate()
    assert alive.rows == [[b"42"]] and alive.status == "I", f"unusable: {alive.errors}"
