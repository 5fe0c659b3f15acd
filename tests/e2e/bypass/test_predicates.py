"""P2: nobody learns a classified value by asking questions about it."""

import pytest
from harness.target import Target
from harness.wire import Reply, Wire
from harness.world import World

from bypass.conftest import ROLE
from bypass.predicates import PAIRS, Pair

IDS = [pair.id for pair in PAIRS]


def seen(reply: Reply) -> tuple[object, ...]:
    """What a client can tell two answers apart by; error texts have request ids in them."""
    return (reply.rows, reply.tags, reply.sqlstate, reply.copied)


def both(target: Target, pair: Pair, extended: bool) -> tuple[Reply, Reply]:
    with Wire.open(target) as wire:
        if extended:
            return wire.extended(pair.true), wire.extended(pair.false)
        return wire.query(pair.true), wire.query(pair.false)


def test_ids_are_unique() -> None:
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize("pair", PAIRS, ids=IDS)
def test_tells_on_a_direct_connection(world: World, pair: Pair) -> None:
    """If this fails, the pair proves nothing."""
    true, false = both(world.direct(ROLE), pair, extended=False)
    assert seen(true) != seen(false), f"{true.errors} {false.errors}"


@pytest.mark.gateway
@pytest.mark.parametrize("pair", PAIRS, ids=IDS)
def test_tells_nothing_through_the_gateway(writer: Target, pair: Pair) -> None:
    for extended in (False, True):
        true, false = both(writer, pair, extended)
        assert seen(true) == seen(false), f"{seen(true)} {seen(false)}"
