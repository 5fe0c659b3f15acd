"""Every limit has a name; hitting one is a clean refusal, never a truncation or a hang."""

import pytest
from attacks.conftest import ends_cleanly
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import (
    SYNC,
    Refused,
    Wire,
    bind_message,
    execute_message,
    frame,
    parse_message,
    startup_packet,
)
from harness.world import World

pytestmark = pytest.mark.gateway

LIMITS = """\
limits:
  auth_failures_max: 100000
  sessions_max: 4
  login_timeout: 1s
  client_idle_timeout: 2s
  postgres: { message_bytes_max: 2MiB, statement_bytes_max: 64KiB }
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return world.gateway("limits", more=LIMITS)


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return gateway.target("walt")


def test_sessions(target: Target) -> None:
    inside = [Wire.open(target) for _ in range(4)]
    with pytest.raises(Refused) as caught:
        Wire.open(target)
    assert caught.value.fields["C"] == "53300"
    inside.pop().terminate()
    for wire in inside:
        assert wire.query("select 42").rows == [[b"42"]]
        wire.terminate()


@pytest.mark.parametrize("said", ["nothing", "half a length", "startup"])
def test_time_to_log_in(target: Target, said: str) -> None:
    wire = Wire(target.host, target.port)
    startup = startup_packet({"user": target.user, "database": target.database})
    wire.send({"nothing": b"", "half a length": b"\0\0", "startup": startup}[said])
    ends_cleanly(wire)


def test_a_login_byte_by_byte_does_not_get_more_time(target: Target) -> None:
    wire = Wire(target.host, target.port)
    wire.socket.settimeout(0.2)
    startup = startup_packet({"user": target.user, "database": target.database, "x": "y" * 200})
    sent = 0
    try:
        for byte in startup:
            wire.send(bytes([byte]))
            sent += 1
            try:
                if not wire.read_some():
                    break
            except TimeoutError:
                continue
    except OSError:
        pass
    wire.close()
    assert sent < 50, "200 ms a byte: the second should have been over long before"


def test_silence(target: Target) -> None:
    wire = Wire.open(target)
    assert wire.query("select 42").rows == [[b"42"]]
    already = len(wire.received)
    outcome = ends_cleanly(wire, already)
    assert outcome.errors and outcome.errors[0]["C"] in ("57P05", "57P01", "08006")


def test_silence_while_a_query_runs_is_not_idle(target: Target) -> None:
    with Wire.open(target) as wire:
        assert wire.query("select pg_sleep(3), 42").rows[0][1] == b"42"


def test_statement(target: Target) -> None:
    with Wire.open(target) as wire:
        assert wire.query("select '" + "x" * 60_000 + "'").rows
        assert wire.query("select '" + "x" * 70_000 + "'").sqlstate in ("54000", "42501")
        assert wire.query("select 42").rows == [[b"42"]]


def test_message(target: Target) -> None:
    with Wire.open(target) as wire:
        fits = wire.extended("select length($1::text)", [b"x" * (1 << 20)])
        assert fits.rows == [[b"1048576"]]
    wire = Wire.open(target)
    already = len(wire.received)
    try:
        wire.send(
            parse_message("select length($1::text)") + bind_message([b"x" * (3 << 20)]) + SYNC
        )
    except OSError:
        pass
    outcome = ends_cleanly(wire, already)
    assert "2" not in outcome.kinds, "the Bind was accepted"


def test_prepared_statements(target: Target) -> None:
    """10,000 names in a session; one more is refused, and the session goes on."""
    with Wire.open(target) as wire:
        refused = None
        for first in range(0, 12_000, 2000):
            batch = (parse_message("select 1", name=f"s{first + n}") for n in range(2000))
            wire.send(b"".join(batch) + SYNC)
            reply = wire.reply()
            if reply.errors or reply.closed:
                refused = reply
                break
        assert refused and not refused.closed and first == 10_000, first
        wire.query("deallocate all")
        wire.send(parse_message("select 1", name="again") + SYNC)
        assert not wire.reply().errors


def test_pipelined_commands(target: Target) -> None:
    """Too many at once: all that were taken are answered, the rest is refused or waited for."""
    with Wire.open(target) as wire:
        one = parse_message("select 42") + bind_message() + execute_message()
        wire.send(one * 500 + SYNC)
        reply = wire.reply()
        assert not reply.closed, reply.errors
        assert len(reply.rows) == 500 or reply.errors
        assert wire.query("select 42").rows == [[b"42"]]


def test_many_queries_without_reading(target: Target) -> None:
    with Wire.open(target) as wire:
        wire.send(frame("Q", b"select 42\0") * 300)
        for _ in range(300):
            reply = wire.reply()
            assert reply.rows == [[b"42"]], reply.errors
