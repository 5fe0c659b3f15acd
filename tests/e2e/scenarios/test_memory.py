"""P7: any bulk read stays below 64 MiB above an idle gateway."""

import threading

import psycopg
import pytest
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import Wire, frame
from harness.world import World

pytestmark = pytest.mark.gateway
ROWS = 1_000_000
MIB_MAX = 64
# Ten columns and about 300 bytes a row, masked values among them.
WIDE = (
    "select g as id, c.email, c.full_name, c.ssn, c.dob, c.city, md5(g::text) as a, "
    "md5((g + 1)::text) as b, repeat('x', 100) as filler, g * 1.5 as amount "
    "from customers c, generate_series(1, 333334) g limit 1000000"
)


@pytest.fixture
def gateway(world: World) -> Gateway:
    gateway = world.gateway(f"memory-{len(world.gateways)}")
    with Wire.open(gateway.target("walt")) as wire:
        assert wire.query("select * from customers").rows
    return gateway


def reset_peak(gateway: Gateway) -> int:
    """Sets VmHWM to what is used now, and gives it in KiB."""
    with open(f"/proc/{gateway.pid}/clear_refs", "w") as file:
        file.write("5")
    return gateway.memory()["VmHWM"]


def check(gateway: Gateway, idle: int) -> None:
    grown = (gateway.memory()["VmHWM"] - idle) / 1024
    print(f"{grown:.1f} MiB above idle ({idle / 1024:.1f} MiB)")
    gateway.stop()
    assert grown < MIB_MAX, f"{grown:.1f} MiB above idle"


def read_rows(target: Target, message: bytes) -> int:
    """Counts what a reply has, keeping nothing."""
    wire = Wire.open(target)
    wire.socket.settimeout(300)
    wire.send(message)
    count = 0
    while True:
        message = wire.message()
        wire.received.clear()
        count += message.kind in "Dd"
        assert message.kind != "E", message.fields
        if message.kind == "Z":
            wire.terminate()
            return count


def test_select_of_a_million_rows(gateway: Gateway) -> None:
    target = gateway.target("walt")
    idle = reset_peak(gateway)
    assert read_rows(target, frame("Q", WIDE.encode() + b"\0")) == ROWS
    check(gateway, idle)


@pytest.mark.soak
def test_copy_of_a_million_rows(gateway: Gateway) -> None:
    target = gateway.target("walt")
    idle = reset_peak(gateway)
    assert read_rows(target, frame("Q", f"copy ({WIDE}) to stdout\0".encode())) == ROWS
    check(gateway, idle)


@pytest.mark.soak
def test_copy_in_of_a_million_rows(world: World, gateway: Gateway) -> None:
    target = gateway.target("walt")
    idle = reset_peak(gateway)
    with psycopg.connect(target.conninfo()) as connection, connection.cursor() as cursor:
        with cursor.copy("copy work.items (name, qty) from stdin") as copy:
            part = b"".join(b"name of some length %d\t%d\n" % (n, n) for n in range(1000))
            for _ in range(1000):
                copy.write(part)
        cursor.execute("select count(*) from work.items")
        assert cursor.fetchone() == (ROWS,)
        connection.rollback()
    check(gateway, idle)


@pytest.mark.soak
def test_four_at_once(gateway: Gateway) -> None:
    target = gateway.target("walt")
    idle = reset_peak(gateway)
    counts: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: counts.append(read_rows(target, frame("Q", WIDE.encode() + b"\0")))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [ROWS] * 4
    check(gateway, idle)


def test_idle_connections_cost_little(gateway: Gateway) -> None:
    target = gateway.target("walt")
    before = gateway.memory()["RssAnon"]
    wires = [Wire.open(target) for _ in range(100)]
    for wire in wires:
        assert wire.query("select 1").rows == [[b"1"]]
    each = (gateway.memory()["RssAnon"] - before) / 100
    for wire in wires:
        wire.close()
    gateway.stop()
    print(f"{each:.0f} KiB for an idle connection")
    assert each < 256, f"{each:.0f} KiB for an idle connection"
