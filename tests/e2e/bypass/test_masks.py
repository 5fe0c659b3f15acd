"""P2: no classified value leaves, on any channel, in any format, through any SQL."""

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.secrets import found_in
from harness.target import Target
from harness.wire import Refused, Reply
from harness.world import World

from bypass.case import Case
from bypass.conftest import ROLE, run
from bypass.masks import MASKS

IDS = [case.id for case in MASKS]
CHANGING = ("create", "insert", "update", "lo_from", "into temp")


def telling_rows(reply: Reply) -> set[bytes]:
    """The rows of the last result, without those that hold nothing."""
    rows: list[bytes] = []
    last: list[bytes] = []
    for message in reply.messages:
        if message.kind == "D" and any(cell for cell in message.cells):
            rows.append(message.body)
        elif message.kind == "C":
            last, rows = rows, []
    return set(last or rows)


@pytest.fixture(scope="session")
def known() -> dict[str, tuple[set[bytes], bytes]]:
    """What the direct connection gave, by case."""
    return {}


@pytest.fixture
def direct(
    world: World,
    fresh: Callable[[], Target],
    files: Path,
    case: Case,
    known: dict[str, tuple[set[bytes], bytes]],
) -> tuple[set[bytes], bytes]:
    """The telling rows and all bytes of the case on a direct connection."""
    if case.id not in known:
        changing = any(word in " ".join((*case.setup, case.sql)) for word in CHANGING)
        target = fresh() if changing else world.direct(ROLE)
        reply, wire = run(target, case, files)
        known[case.id] = (telling_rows(reply), bytes(wire.received))
        wire.close()
    return known[case.id]


def test_ids_are_unique() -> None:
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize("case", MASKS, ids=IDS)
def test_leaks_on_a_direct_connection(direct: tuple[set[bytes], bytes], case: Case) -> None:
    """If this fails, the case proves nothing."""
    rows, received = direct
    assert rows or found_in(received)


@pytest.mark.gateway
@pytest.mark.parametrize("case", MASKS, ids=IDS)
def test_leaks_nothing_through_the_gateway(
    writer: Target, direct: tuple[set[bytes], bytes], files: Path, case: Case
) -> None:
    """As somebody who may read, write and define, but see no classified value."""
    leaking, _ = direct
    for mode in ("simple",) if case.simple_only else ("simple", "extended", "binary"):
        try:
            reply, wire = run(writer, case, files, mode)
        except Refused:
            assert case.options
            continue
        wire.query("ROLLBACK")
        received = bytes(wire.received)
        wire.terminate()
        found = found_in(received)
        assert not found, f"{mode}: {found} in {reply.kinds}: {reply.raw[:600]!r}"
        if mode != "binary":
            same = telling_rows(reply) & leaking
            assert not same, f"{mode}: rows as on a direct connection: {sorted(same)[:3]}"
