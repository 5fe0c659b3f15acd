"""P3: a power cut at any moment, compared with what the clients and the target know.

Three make a round in the gate; `--kills N` makes a campaign of it.
"""

import random
import re
import threading
from collections.abc import Iterator

import pytest
from harness import evidence
from harness.gateway import Gateway
from harness.target import Target
from harness.waiting import until
from harness.wire import Wire, common_length
from harness.world import World

pytestmark = pytest.mark.gateway

# Each carries a mark that no other has. The third is refused, the fourth changes something,
# the last fails.
STATEMENTS = (
    "select '{}', * from customers order by id",
    "select '{}', id, payload, amount from work.big where id <= 500",
    "drop table orders /* {} */",
    "insert into work.other values (1, '{}')",
    "copy (select '{}', id, city from crowd where id < 200) to stdout",
    "select '{}', 1/0",
)
REFUSED = 2
CHANGES = 3
MARK = re.compile(rb"k\d+-\d+-\d+")
CLIENTS = 8
# How many power cuts one log lives through.
KILLS_OF_ONE_LOG = 15
ROLE = "logged"


class Client(threading.Thread):
    """Asks without pause; keeps every byte that it gets, and which answers were whole."""

    def __init__(self, target: Target, name: str):
        super().__init__(name=name)
        self.answered: set[bytes] = set()
        self.refused: set[bytes] = set()
        self.wire = Wire.open(target, application_name=name)

    def run(self) -> None:
        turn = random.randrange(len(STATEMENTS))
        try:
            while True:
                mark = f"{self.name}-{turn}"
                kind = turn % len(STATEMENTS)
                ask = self.wire.query if turn % 2 else self.wire.extended
                if kind == REFUSED:
                    self.refused.add(mark.encode())
                if ask(STATEMENTS[kind].format(mark)).closed:
                    return
                self.answered.add(mark.encode())
                turn += 1
        except OSError:
            return

    def received(self) -> bytes:
        """From AuthenticationOk on: before it there is no session, only a question."""
        received = bytes(self.wire.received)
        return received[received.index(b"R\0\0\0\x08\0\0\0\0") :]


@pytest.fixture(scope="module")
def logged(world: World) -> Iterator[World]:
    """The target writes down every command of the gateway's role before it runs."""
    world.admin(f"create role {ROLE} superuser login password '{world.postgres.password}'")
    world.admin(f"alter role {ROLE} set log_statement = 'all'")
    yield world


def target_saw(world: World) -> set[bytes]:
    """The marks in the target's own log, once its sessions have ended."""
    count = f"select count(*) from pg_stat_activity where usename = '{ROLE}'"
    until("the target's sessions end", lambda: world.admin(count) == "0", 60)
    return set(MARK.findall(world.postgres.server_log().encode()))


def compare(world: World, gateway: Gateway, clients: list[Client]) -> int:
    """Everything that a client or the target knows is in the evidence."""
    status, report = evidence.verify(gateway)
    assert status == 0, report
    committed: set[bytes] = set()
    sessions = {entry["application"]: entry["id"] for entry in evidence.sessions(gateway)}
    for client in clients:
        moments = evidence.passed_both(gateway, sessions[client.name])
        asked, recorded = moments["from-client"], moments["to-client"]
        received = client.received()
        assert recorded.startswith(received), (
            f"{client.name} received {len(received)} bytes, {len(recorded)} are recorded; "
            f"they differ at {common_length(received, recorded)}"
        )
        marks = set(MARK.findall(asked))
        assert client.answered <= marks, client.answered - marks
        committed |= marks
    names = {client.name.encode() for client in clients}
    seen = {mark for mark in target_saw(world) if mark.rsplit(b"-", 1)[0] in names}
    # A read may have been asked in vain: its record becomes durable with its answer's, and
    # nobody got any of that.
    lost = seen - committed
    changed = {mark for mark in lost if int(mark.rsplit(b"-", 1)[1]) % len(STATEMENTS) == CHANGES}
    assert not changed, f"the target changed what is not recorded: {changed}"
    for client in clients:
        assert not lost & set(MARK.findall(client.received())), "a client got what is not recorded"
    refused = set().union(*(client.refused for client in clients))
    assert not seen & refused, f"the target saw what was refused: {seen & refused}"
    return len(seen)


def test_killed_in_mid_load(logged: World, request: pytest.FixtureRequest) -> None:
    """Every byte that a client received is recorded, and so is every command that the target saw
    but for reads that nobody has learnt anything from.
    """
    kills = request.config.getoption("--kills")
    chance = random.Random(20261122)
    commands = received = 0
    gateway = None
    for kill in range(kills):
        if gateway is None:
            gateway = logged.gateway(f"killed-{kill}", role=ROLE)
        else:
            gateway.start()
        target = gateway.target("walt")
        clients = [Client(target, f"k{kill}-{number}") for number in range(CLIENTS)]
        for client in clients:
            client.start()
        enough = chance.randrange(1 << 21)
        until("load", lambda c=clients, e=enough: sum(len(one.wire.received) for one in c) > e, 60)
        gateway.kill()
        for client in clients:
            client.join(30)
            assert not client.is_alive()
        commands += compare(logged, gateway, clients)
        received += sum(len(client.received()) for client in clients)
        if kill % KILLS_OF_ONE_LOG == KILLS_OF_ONE_LOG - 1 or kill == kills - 1:
            goes_on(gateway)
            gateway = None
    assert commands > kills
    print(f"{kills} kills, {commands} commands at the target, {received} bytes at the clients")


def goes_on(gateway: Gateway) -> None:
    """After all that the log is whole, and takes more."""
    gateway.start()
    with Wire.open(gateway.target("walt")) as wire:
        assert wire.query("select 42").rows == [[b"42"]]
    gateway.stop()
    assert evidence.verify(gateway)[0] == 0
