"""Cancel keys: ours only, never guessed, never those of the server behind."""

import struct
from collections.abc import Callable, Iterator

import pytest
from harness.target import Target
from harness.waiting import until
from harness.wire import CANCEL_REQUEST, Wire, frame
from harness.world import World

SLOW = "select count(*) from generate_series(1, 4000000) a, generate_series(1, 1000000) b"
RUNNING = (
    "select pid from pg_stat_activity where state = 'active' "
    "and query like 'select count(*) from generate_series(1, 4000000)%'"
)


def cancel(target: Target, key: bytes) -> None:
    """Sends it in clear and waits for the end of that connection.

    A well-formed request gets no answer, whether it hit or not; a malformed one may be told.
    """
    wire = Wire(target.host, target.port)
    wire.send(struct.pack(">ii", 8 + len(key), CANCEL_REQUEST) + key)
    wire.drain()
    assert not wire.received or (len(key) < 8 and b"08P01" in wire.received), wire.received
    wire.close()


Start = Callable[[], tuple[Wire, int]]


@pytest.fixture
def start(world: World, reader: Target) -> Iterator[Start]:
    """Starts a slow query; gives its wire and the server's process. Ends with the test."""
    wires = []

    def start() -> tuple[Wire, int]:
        wire = Wire.open(reader)
        wires.append(wire)
        wire.send(frame("Q", SLOW.encode() + b"\0"))
        return wire, int(until("the query runs", lambda: world.admin(RUNNING)))

    yield start
    for wire in wires:
        wire.close()
    world.admin(f"select pg_terminate_backend(pid) from ({RUNNING}) x")
    until("the query is gone", lambda: not world.admin(RUNNING))


def test_own_key_cancels(start: Start, reader: Target) -> None:
    wire, _ = start()
    cancel(reader, wire.key)
    reply = wire.reply()
    assert reply.sqlstate == "57014" and reply.status == "I"
    assert wire.query("select 42").rows == [[b"42"]]
    wire.close()


@pytest.mark.gateway
def test_keys_of_others_do_nothing(world: World, start: Start, reader: Target) -> None:
    wire, server_pid = start()
    other = Wire.open(reader)
    key = wire.key
    assert struct.unpack_from(">i", key)[0] != server_pid, "the server's own process id is shown"
    guesses = [
        other.key,
        key[:4] + other.key[4:],
        other.key[:4] + key[4:],
        key[:4] + bytes(len(key) - 4),
        key[:-1] + bytes([key[-1] ^ 1]),
        key[:-1],
        key + b"\0",
        key[:4],
        b"",
        struct.pack(">ii", server_pid, 0),
        key[:4] + b"\0" * 256,
    ]
    for guess in guesses:
        cancel(reader, guess)
    assert world.admin(RUNNING) == str(server_pid), "a guessed key stopped the query"
    cancel(reader, key)
    assert wire.reply().sqlstate == "57014"
    wire.close()
    assert other.query("select 42").rows == [[b"42"]]
    other.close()


@pytest.mark.gateway
def test_key_of_an_ended_session_does_nothing(world: World, start: Start, reader: Target) -> None:
    old = Wire.open(reader)
    key = old.key
    old.terminate()
    wire, server_pid = start()
    cancel(reader, key)
    assert world.admin(RUNNING) == str(server_pid)
    cancel(reader, wire.key)
    assert wire.reply().sqlstate == "57014"
    wire.close()


def test_a_client_that_goes_away_ends_its_query(world: World, start: Start, reader: Target) -> None:
    """The target must not go on working for nobody."""
    if not reader.guarded:
        pytest.skip("the server itself notices when it next sends")
    wire, _ = start()
    wire.close()
    until("the query is gone", lambda: not world.admin(RUNNING), 15)
