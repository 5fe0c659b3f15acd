"""Many at once, slow ones, and ones that never say a word."""

import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.target import Target
from harness.waiting import until
from harness.wire import Refused, Wire, frame, startup_packet
from harness.world import World

pytestmark = pytest.mark.gateway
CROWD = 1000


def test_a_thousand_connections_at_once(reader: Target) -> None:
    """Each gets in or gets a clean word; a session from before goes on meanwhile."""
    inside: list[Wire] = []
    refused: list[str] = []
    lock = threading.Lock()
    start = threading.Barrier(50)

    def connect_some(_: int) -> None:
        start.wait(60)
        for _turn in range(CROWD // 50):
            try:
                wire = Wire.open(reader)
            except Refused as error:
                with lock:
                    refused.append(error.fields["C"])
                continue
            with lock:
                inside.append(wire)

    bystander = Wire.open(reader)
    stop = threading.Event()
    slowest = [0.0]

    def go_on() -> None:
        import time

        while not stop.is_set():
            begun = time.monotonic()
            assert bystander.query("select 1").rows == [[b"1"]]
            slowest[0] = max(slowest[0], time.monotonic() - begun)

    watcher = threading.Thread(target=go_on)
    watcher.start()
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(connect_some, range(50)))
    stop.set()
    watcher.join()
    bystander.close()
    assert len(inside) + len(refused) == CROWD
    # The server takes 300; who does not fit is told so in the words of the protocol.
    answers = [wire.query("select 42").rows for wire in (inside[0], inside[-1])]
    for wire in inside:
        wire.close()
    assert set(refused) <= {"53300", "08001"}, set(refused)
    assert len(inside) >= 200 and answers == [[[b"42"]]] * 2
    assert slowest[0] < 20, f"the bystander waited {slowest[0]:.1f} s"


def room(world: World) -> bool:
    return (
        int(world.admin("select count(*) from pg_stat_activity where usename = 'portreeve'")) < 50
    )


def test_after_the_crowd_there_is_room(world: World, reader: Target) -> None:
    until("the sessions of those who left are gone", lambda: room(world), 30)
    with Wire.open(reader) as wire:
        assert wire.query("select 1").rows == [[b"1"]]


def test_silent_connections_hold_nobody_up(reader: Target) -> None:
    silent = [socket.create_connection((reader.host, reader.port)) for _ in range(300)]
    for number, connection in enumerate(silent):
        connection.sendall([b"", b"\0", b"\0\0\0\x08\x04", struct.pack(">i", 60)][number % 4])
    with Wire.open(reader) as wire:
        assert wire.query("select 1").rows == [[b"1"]]
    for connection in silent:
        connection.close()


def test_half_open_after_startup(reader: Target) -> None:
    """Many that stop before the password."""
    waiting = []
    for _ in range(200):
        wire = Wire(reader.host, reader.port)
        wire.send(startup_packet({"user": reader.user, "database": reader.database}))
        waiting.append(wire)
    with Wire.open(reader) as wire:
        assert wire.query("select 1").rows == [[b"1"]]
    for wire in waiting:
        wire.close()


def test_a_slow_reader_costs_little(world: World, writer: Target) -> None:
    """Who does not read is not read ahead for: the target is held back."""
    gateway = world.shared
    before = gateway.memory()["VmRSS"]
    slow = [Wire.open(writer) for _ in range(8)]
    for wire in slow:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.send(
            frame("Q", b"select a.payload, b.payload from work.big a, work.big b limit 20000000\0")
        )
    with Wire.open(writer) as wire:
        for _ in range(200):
            assert wire.query("select 1").rows == [[b"1"]]
    grown = (gateway.memory()["VmRSS"] - before) / 1024
    for wire in slow:
        wire.close()
    assert grown < 64, f"{grown:.0f} MiB for 8 slow readers"


def test_reset_in_the_middle_of_a_result(writer: Target) -> None:
    for _ in range(20):
        wire = Wire.open(writer)
        wire.send(frame("Q", b"select * from work.big\0"))
        wire.read_some()
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()
