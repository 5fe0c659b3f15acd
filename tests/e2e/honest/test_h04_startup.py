"""What a client says when it connects: errors are its own, and settings are as by SET."""

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.oidc import Forger
from harness.target import Target
from harness.waiting import free_port
from harness.wire import Refused, Wire
from harness.world import World

from honest.scene import ACCOUNTS, honest_gateway

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def forger() -> Iterator[Forger]:
    forger = Forger()
    yield forger
    forger.stop()


@pytest.fixture(scope="module")
def gateway(world: World, forger: Forger) -> Gateway:
    issuers = f'  - oidc: {{ issuer: "{forger.issuer}", audience: portreeve }}'
    return honest_gateway(world, "startup", issuers=issuers)


@pytest.fixture(scope="module")
def dev(gateway: Gateway) -> Target:
    return gateway.target("dev")


BAD_SETTINGS = {
    "time-zone": {"TimeZone": "Mars/Base"},
    "unit": {"options": "-c lock_timeout=5parsecs"},
    "unknown": {"options": "-c no_such_setting=1"},
    "unknown-parameter": {"no_such_setting": "1"},
    "encoding": {"client_encoding": "KLINGON"},
    "date-style": {"datestyle": "backwards"},
    "number": {"options": "-c work_mem=lots"},
    "later-version": {"options": "-c io_method=worker"},
    "out-of-range": {"options": "-c extra_float_digits=99"},
    "enum": {"options": "-c default_transaction_isolation=perfect"},
}


def refusal(target: Target, **parameters: str) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        Wire.open(target, **parameters)
    return caught.value.fields


@each(BAD_SETTINGS)
def test_a_bad_setting_at_startup_is_the_clients_error(
    world: World, dev: Target, case: dict[str, str]
) -> None:
    """H4: the same code and text as a direct connection gives."""
    plain = refusal(world.direct("portreeve", "startup"), **case)
    guarded = refusal(dev, **case)
    assert (guarded["C"], guarded["M"]) == (plain["C"], plain["M"])


GOOD_SETTINGS = {
    "plan-cache": ("plan_cache_mode", "force_generic_plan"),
    "no-sequential-scan": ("enable_seqscan", "off"),
    "no-nested-loop": ("enable_nestloop", "off"),
    "page-cost": ("random_page_cost", "1.5"),
    "parallel": ("max_parallel_workers_per_gather", "0"),
    "jit": ("jit", "off"),
    "join-limit": ("join_collapse_limit", "4"),
    "work-memory": ("work_mem", "8MB"),
    "geqo": ("geqo", "off"),
    "cursor-fraction": ("cursor_tuple_fraction", "0.5"),
}


@each(GOOD_SETTINGS)
def test_a_planner_setting_at_startup_is_as_by_set(dev: Target, case: tuple[str, str]) -> None:
    """H16: what SET may do, `options=-c` may do."""
    name, value = case
    with Wire.open(dev) as wire:
        assert not wire.query(f"set {name} = '{value}'").errors
    with Wire.open(dev, options=f"-c {name}={value}") as wire:
        assert wire.query(f"show {name}").rows == [[value.encode()]]


def place(gateway: Gateway, token: str) -> Target:
    return Target("gateway", "127.0.0.1", gateway.port, "shop", "anyone", token)


@pytest.fixture
def gated(world: World, forger: Forger, gateway: Gateway) -> Gateway:
    """A gateway that has refused nobody yet, with the limits that it has by default."""
    return world.gateway(
        f"gated-{len(world.gateways)}",
        issuers=f'  - oidc: {{ issuer: "{forger.issuer}", audience: portreeve }}',
        database="startup",
        policies=world.directory / "policies-startup",
        accounts=ACCOUNTS,
        more="",
    )


def test_a_pool_with_an_expired_token_shuts_nobody_out(gated: Gateway, forger: Forger) -> None:
    """H14: ten logins with a genuine token of yesterday leave the address as it was."""
    expired = forger.token(exp=int(time.time()) - 3600)
    for _ in range(12):
        assert refusal(place(gated, expired))["C"] in ("28P01", "28000")
    Wire.open(gated.target("dev")).terminate()


def test_an_expired_token_says_so(gateway: Gateway, forger: Forger) -> None:
    """H14: the code is that of a wrong password, and a hint says what to do."""
    fields = refusal(place(gateway, forger.token(exp=int(time.time()) - 3600)))
    assert fields["C"] == "28P01" and "expired" in " ".join(fields.values()), fields
    assert fields.get("H"), "no hint"


def test_prefer_does_not_count_twice(gated: Gateway, forger: Forger) -> None:
    """H14: libpq tries with and without TLS; six logins are six, not twelve."""
    bad = forger.token(aud="elsewhere")
    for _ in range(6):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(place(gated, bad).conninfo(sslmode="prefer"))
    Wire.open(gated.target("dev")).terminate()


@each({"three-hundred": 300, "with-long-names": 200})
def test_many_groups(gateway: Gateway, forger: Forger, case: int) -> None:
    """H17: a token of the documented 16 KiB is accepted, however many groups it names."""
    width = 36 if case == 300 else 55
    groups = [f"group-{n:04}-".ljust(width, "x") for n in range(case)]
    token = forger.token(client_id=None, groups=["developers", *groups])
    assert 13_000 < len(token) < 16 * 1024, len(token)
    with Wire.open(place(gateway, token)) as wire:
        assert wire.query("select 42").rows == [[b"42"]]


def test_too_many_groups_are_told_in_the_log(gateway: Gateway, forger: Forger) -> None:
    """H17: what is refused by a limit says which, to the operator."""
    groups = [f"g{n}" for n in range(1200)]
    fields = refusal(place(gateway, forger.token(client_id=None, groups=groups)))
    assert fields["C"] in ("28000", "28P01"), fields
    assert "groups_max" in gateway.log(), gateway.log()[-600:]


def proxied_v1() -> bytes:
    return b"PROXY TCP4 192.0.2.7 127.0.0.1 50000 5432\r\n"


def proxied_v2() -> bytes:
    addresses = socket.inet_aton("192.0.2.7") + socket.inet_aton("127.0.0.1")
    body = addresses + struct.pack(">HH", 50000, 5432)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", len(body)) + body


class Fronted(Wire):
    """A connection that a balancer passes on."""

    header = b""

    def __init__(self, host: str, port: int, seconds: float = 30.0):
        super().__init__(host, port, seconds)
        self.send(self.header)


@pytest.fixture(scope="module")
def fronted(world: World) -> Target:
    gateway = honest_gateway(world, "fronted", start=False)
    text = gateway.config.read_text()
    address = f'address: "127.0.0.1:{gateway.port}"'
    gateway.config.write_text(
        text.replace(address, f"{address}\n    proxy_protocol_from: [127.0.0.1/32]", 1)
    )
    return gateway.start().target("dev", ca=world.postgres.ca)


@each({"v1": proxied_v1, "v2": proxied_v2})
def test_behind_a_balancer(fronted: Target, case: object) -> None:
    """H18: the PROXY protocol in front names the client's own address."""
    header = case()

    class Balanced(Fronted):
        pass

    Balanced.header = header
    with Balanced.open(fronted) as wire:
        assert wire.query("select 42").rows == [[b"42"]]
    with pytest.raises(Refused, match="TLS is required"):
        # Only from loopback may one do without: the address in front is the one that counts.
        Balanced.open(replace(fronted, ca=None))


def test_several_addresses_for_one_listener(world: World) -> None:
    """H18: a listener may have more than one address."""
    gateway = honest_gateway(world, "addressed", start=False)
    second = free_port()
    text = gateway.config.read_text()
    address = f'address: "127.0.0.1:{gateway.port}"'
    both = f'address: ["127.0.0.1:{gateway.port}", "127.0.0.1:{second}"]'
    gateway.config.write_text(text.replace(address, both, 1))
    target = gateway.start().target("dev")
    for port in (gateway.port, second):
        other = Target("gateway", "127.0.0.1", port, "shop", "dev", target.password)
        with Wire.open(other) as wire:
            assert wire.query("select 42").rows == [[b"42"]]
