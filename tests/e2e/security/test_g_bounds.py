"""Class G: what one client can use has a bound, and the others do not notice.

Every attack has a gateway of its own, whose end under it is a failure like any other.
"""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from harness.cases import each
from harness.evidence import checked
from harness.gateway import Gateway
from harness.target import Target
from harness.waiting import until
from harness.wire import (
    SYNC,
    Closed,
    Refused,
    Wire,
    bind_message,
    execute_message,
    frame,
    parse_message,
)
from harness.world import World

from security.scene import own_database, own_policies

pytestmark = pytest.mark.gateway
MIB = 1024  # in KiB
GROWTH_MAX_MIB = 48
KEPT_MAX_MIB = 32
ADDRESS_SPACE_MAX = 2 << 30
ANSWER_MAX_SECONDS = 4.0
# Enough for a few sessions, and less than an attacker opens.
DESCRIPTORS = 448
NEWCOMERS = 512


@pytest.fixture
def attacked(world: World) -> Iterator[Callable[..., Gateway]]:
    """Makes a gateway that the test may ruin; it is ended without questions."""
    made: list[Gateway] = []

    def make(name: str, *limits: str, **more: object) -> Gateway:
        gateway = world.gateway(f"bounds-{name}", start=False, **more)
        # So that an attack that works takes no memory from the machine.
        prefix = ("prlimit", f"--as={ADDRESS_SPACE_MAX}", *limits)
        gateway.start(prefix=prefix, MALLOC_ARENA_MAX="2")
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.kill()


def serves(gateway: Gateway, target: Target) -> None:
    """It is up, healthy, and lets somebody in."""
    assert gateway.process.poll() is None, f"it ended: {gateway.log()[-500:]}"
    assert gateway.http("GET", "/healthz")[0] == 200
    with Wire.open(target) as wire:
        assert wire.query("select 42").rows == [[b"42"]]


IDLE = {
    "silent": b"",
    "half-a-length": b"\0\0",
    "half-a-startup": b"\0\0\0\x40\0\x03\0\0user\0",
    "tls-begun": b"\0\0\0\x08\x04\xd2\x16\x2f",
}


@each(IDLE)
def test_connections_without_a_login_never_seal(
    attacked: Callable[..., Gateway], case: bytes
) -> None:
    """Running out of file descriptors refuses newcomers, and is no damage to the log."""
    name = f"descriptors-{list(IDLE.values()).index(case)}"
    gateway = attacked(name, f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
    target = gateway.target("walt")
    with Wire.open(target) as inside, contextlib.ExitStack() as stack:
        assert inside.query("select 42").rows == [[b"42"]]
        for _ in range(NEWCOMERS):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 5))
            with contextlib.suppress(OSError):
                idle.sendall(case)
        for _ in range(20):
            # Each leaves a record, and makes the log ask for what it needs.
            assert inside.query("select id from orders limit 1").rows, "the session is disturbed"
    until("newcomers get in again", lambda: gets_in(target), 20)
    serves(gateway, target)


def test_idle_connections_to_the_api_never_seal(attacked: Callable[..., Gateway]) -> None:
    """The same through the other listener."""
    gateway = attacked("api", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")
    target = gateway.target("walt")
    with Wire.open(target) as inside, contextlib.ExitStack() as stack:
        for _ in range(NEWCOMERS):
            with contextlib.suppress(OSError):
                address = ("127.0.0.1", gateway.api_port)
                stack.enter_context(socket.create_connection(address, 5))
        for _ in range(20):
            assert inside.query("select id from orders limit 1").rows, "the session is disturbed"
    until("newcomers get in again", lambda: gets_in(target), 20)
    serves(gateway, target)


def gets_in(target: Target) -> bool:
    try:
        Wire.open(target).terminate()
    except (Refused, Closed, OSError, AssertionError):
        return False
    return True


def doubling(levels: int, first: str, step: str) -> str:
    parts = [f"c0 as ({first})"]
    parts += [f"c{n} as ({step.replace('{p}', f'c{n - 1}')})" for n in range(1, levels)]
    return f"with {', '.join(parts)} select count(*) from c{levels - 1}"


WIDE_ROW = "select id, full_name, email, phone, ssn, city from customers"
BOMBS = {
    "joined-with-itself": doubling(18, WIDE_ROW, "select * from {p} a, {p} b"),
    "star-twice": doubling(18, WIDE_ROW, "select *, * from {p}"),
    "concatenated": doubling(26, "select email as e from customers", "select e || e as e from {p}"),
    "rows": doubling(
        18, "select c as r from customers c", "select row(a.r, b.r) as r from {p} a, {p} b"
    ),
    "many-columns": "select " + ", ".join(["email"] * 9000) + " from customers",
    "deep-case": "select "
    + "case when id = 1 then email else " * 400
    + "city"
    + " end" * 400
    + " from customers",
}


@each(BOMBS)
def test_short_statements_take_little_memory(attacked: Callable[..., Gateway], case: str) -> None:
    """What a statement expands to is bounded before memory is used."""
    gateway = attacked(f"bomb-{list(BOMBS.values()).index(case)}")
    target = gateway.target("walt")
    with Wire.open(target) as wire:
        wire.query(WIDE_ROW)
        before = gateway.memory()["VmHWM"]
        worked = gateway.cpu_seconds()
        with contextlib.suppress(TimeoutError, Closed):
            # Parsed only: what it would cost the target is not what is measured.
            wire.send(parse_message(case) + SYNC)
            wire.reply()
        took = gateway.cpu_seconds() - worked
    assert gateway.process.poll() is None, "the gateway ended"
    grown = (gateway.memory()["VmHWM"] - before) / MIB
    assert grown < GROWTH_MAX_MIB, f"{grown:.0f} MiB, {took:.1f} s"
    assert took < ANSWER_MAX_SECONDS, f"{took:.1f} s"
    serves(gateway, target)


def disturbed(gateway: Gateway, target: Target, attack: Callable[[], None]) -> float:
    """The longest that health or another session took to answer during the attack, in seconds."""
    thread = threading.Thread(target=attack, daemon=True)
    longest = 0.0
    with Wire.open(target) as other:
        other.socket.settimeout(8)
        thread.start()
        deadline = time.monotonic() + 8
        while thread.is_alive() and time.monotonic() < deadline:
            started = time.monotonic()
            with contextlib.suppress(TimeoutError, Closed):
                other.query("select 42")
            gateway.http("GET", "/readyz")
            longest = max(longest, time.monotonic() - started)
    return longest


def floods(target: Target, sql: str, sessions: int) -> Callable[[], None]:
    """The same statement in several sessions at once, until answered or for six seconds."""

    def one() -> None:
        with contextlib.suppress(OSError, Refused, Closed), Wire.open(target) as wire:
            wire.socket.settimeout(6)
            wire.send(parse_message(sql) + SYNC)
            wire.reply()

    def all_of_them() -> None:
        threads = [threading.Thread(target=one, daemon=True) for _ in range(sessions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(6)

    return all_of_them


COMMENT = "/*" * 12_000 + "*/" * 12_000
SLOW = {
    "nested-comments": f"select 1 {COMMENT}",
    "deep-not": "select " + "not " * 12_000 + "true",
    "in-list": "select id from customers where email in (" + "'a'," * 12_000 + "'a')",
    "unions": " union all ".join(["select email from customers"] * 1_500),
    "joins": "select 1 from customers c0"
    + "".join(f" join customers c{n} on c{n}.email = c{n - 1}.email" for n in range(1, 300)),
}


@each(SLOW)
def test_analysis_of_one_disturbs_nobody_else(attacked: Callable[..., Gateway], case: str) -> None:
    """Statements that are slow to read have a deadline, off the threads that serve the others."""
    gateway = attacked(f"slow-{list(SLOW.values()).index(case)}")
    attack = floods(gateway.target("alice"), case, 4)
    longest = disturbed(gateway, gateway.target("walt"), attack)
    assert longest < ANSWER_MAX_SECONDS, f"others waited for {longest:.1f} s"
    assert gateway.process.poll() is None, "the gateway ended"


@pytest.fixture(scope="module")
def wide(world: World) -> str:
    """9,000 classified columns."""
    columns = ", ".join(f"c{n} text" for n in range(100))
    tables = ";".join(f"create table wide{n} ({columns})" for n in range(90))
    return own_database(world, "wide", tables)


def test_unknown_calls_over_many_columns(
    world: World, wide: str, attacked: Callable[..., Gateway]
) -> None:
    """A statement of unknown calls is judged at once, however many columns are classified."""
    policies = own_policies(world, "connect-only")
    gateway = attacked(
        "wide", database=wide, classified={"public.wide*.*": "name"}, policies=policies
    )
    sql = "select " + ", ".join(["x()"] * 1500)
    attack = floods(gateway.target("nobody"), sql, 1)
    worked = gateway.cpu_seconds()
    longest = disturbed(gateway, gateway.target("walt"), attack)
    took = gateway.cpu_seconds() - worked
    grown = gateway.memory()["VmHWM"] / MIB
    assert took < ANSWER_MAX_SECONDS, f"{took:.1f} s, others waited for {longest:.1f} s"
    assert grown < 400, f"{grown:.0f} MiB in all"


@dataclass(frozen=True)
class Piles:
    """Messages that are small, and what each keeps may not be."""

    first: bytes
    each: Callable[[int], bytes]
    times: int = 500


LONG = "select 1 /* " + "x" * (1 << 20) + " */"
PILES = {
    "portals-of-a-long-text": Piles(
        parse_message(LONG[:-40_000] + "*/", name="p"),
        lambda n: bind_message(name="p", portal=f"c{n}"),
    ),
    "prepared-by-sql": Piles(
        b"", lambda n: frame("Q", f"prepare p{n} as {LONG[:200_000]}*/\0".encode()), 300
    ),
    "parsed-long-texts": Piles(
        b"", lambda n: parse_message(LONG[:200_000] + "*/", name=f"s{n}"), 400
    ),
    "long-parameters": Piles(
        parse_message("select length($1)", name="p"),
        lambda n: bind_message([b"x" * 200_000], name="p", portal=f"c{n}"),
        400,
    ),
    "declared-cursors": Piles(
        frame("Q", b"begin\0"),
        lambda n: frame("Q", f"declare c{n} cursor for {LONG[:200_000]}*/\0".encode()),
        300,
    ),
}


@each(PILES)
def test_what_a_connection_keeps_is_bounded_in_all(
    attacked: Callable[..., Gateway], case: Piles
) -> None:
    """Prepared texts, portals and parameters of one connection share one bound."""
    gateway = attacked(f"piles-{list(PILES.values()).index(case)}")
    target = gateway.target("walt")
    with Wire.open(target) as wire:
        if case.first[:1] == b"Q":
            wire.send(case.first)
        else:
            wire.send(case.first + SYNC)
        wire.reply()
        wire.send(parse_message("select 1") + bind_message() + execute_message() + SYNC)
        wire.reply()
        before = gateway.memory()["RssAnon"]
        for number in range(case.times):
            message = case.each(number)
            wire.send(message if message[:1] == b"Q" else message + frame("H"))
            reply = wire.reply(until="Z" if message[:1] == b"Q" else "12E")
            if reply.errors or reply.closed:
                break
        grown = (gateway.memory()["RssAnon"] - before) / MIB
    assert grown < KEPT_MAX_MIB, f"{grown:.0f} MiB for one connection"
    serves(gateway, target)


def test_one_principal_does_not_take_all_connections(
    world: World, attacked: Callable[..., Gateway]
) -> None:
    """Target connections and sessions are bounded by principal before they are by resource."""
    gateway = attacked("crowd", more="limits: { auth_failures_max: 100000, sessions_max: 24 }")
    hungry, other = gateway.target("alice"), gateway.target("walt")
    with contextlib.ExitStack() as stack:
        refused = False
        for _ in range(30):
            try:
                stack.enter_context(Wire.open(hungry))
            except Refused as refusal:
                assert refusal.fields["C"] == "53300"
                refused = True
                break
        assert refused
        with Wire.open(other) as wire:
            assert wire.query("select 42").rows == [[b"42"]]


def test_a_full_disk_refuses_and_does_not_seal(
    world: World, attacked: Callable[..., Gateway]
) -> None:
    """Before the evidence disk is full the heaviest principal is refused, and nothing is sealed."""
    place = world.directory / "bounds-disk" / "data"
    gateway = world.gateway("bounds-disk", start=False)
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(mode=0o700)
    options = ["-t", "tmpfs", "-o", "size=48m,mode=700", "portreeve-bounds", str(place)]
    if subprocess.run(["mount", *options], capture_output=True).returncode != 0:
        pytest.skip("no right to mount a small file system")
    try:
        public = gateway.run("login", "--public-key", "--key", str(gateway.login_key))
        for account in ("alice", "walt"):
            group = {"alice": "analysts", "walt": "writers"}[account]
            gateway.run("accounts", "add", account, "--kind", "person", "--group", group)
            gateway.run("accounts", "enrol", account, public)
        gateway.start()
        fills_the_disk(gateway)
    finally:
        # The log goes with the file system that it is on.
        world.gateways.remove(gateway)
        gateway.kill()
        found = checked(gateway)
        subprocess.run(["umount", "-l", str(place)], check=True)
        assert found and not found.problems, found


def fills_the_disk(gateway: Gateway) -> None:
    sql = "select string_agg(md5(random()::text), '') from generate_series(1, 30000)"
    refused = False
    with contextlib.suppress(OSError), Wire.open(gateway.target("alice")) as wire:
        for _ in range(80):
            reply = wire.query(sql)
            if reply.errors or reply.closed:
                refused = True
                break
    assert refused, "nothing bounds what one principal has recorded"
    assert b"sealed" not in gateway.http("GET", "/healthz")[1]
    with Wire.open(gateway.target("walt")) as wire:
        assert wire.query("select 42").rows == [[b"42"]], "others are out"


READS = (
    "select tup_returned + tup_fetched from pg_stat_database where datname = '{}'",
    "select count(*) from pg_class",
)


def test_unknown_names_do_not_read_the_catalog_anew(
    world: World, wide: str, attacked: Callable[..., Gateway]
) -> None:
    """A name that is not there costs the target a look-up, not a reading of every definition."""
    gateway = attacked("names", database=wide)

    def rows_read() -> int:
        world.admin("select pg_stat_force_next_flush()", database=wide)
        return int(world.admin(READS[0].format(wide), database="postgres"))

    with Wire.open(gateway.target("walt")) as wire:
        wire.query("select count(*) from wide1")
        before = rows_read()
        for number in range(20):
            assert wire.query(f"select x from no_such_{number}").errors
    # Statistics of the gateway's sessions arrive when those end or pause.
    gateway.process.terminate()
    gateway.process.wait(30)
    each_read = (rows_read() - before) / 20
    assert each_read < 2_000, f"{each_read:.0f} rows of catalogs for each unknown name"
