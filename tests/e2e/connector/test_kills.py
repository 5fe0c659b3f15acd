"""Either end of the link is killed at any moment, under load: nothing that was answered is lost,
nothing is done twice, and both accounts of what went through can stand beside each other.

Four make a round in the gate; `--kills N` makes a campaign of it.
"""

import json
import random
import threading

import psycopg
import pytest
from harness.connector import linked
from harness.evidence import verify
from harness.gateway import Gateway
from harness.target import Target
from harness.waiting import until
from harness.world import World

pytestmark = pytest.mark.gateway

CLIENTS = 4


class Writer(threading.Thread):
    """Writes one row after the other, each with a name that no other has."""

    def __init__(self, gateway: Gateway, target: Target, number: int):
        super().__init__(name=f"w{number}")
        self.gateway, self.target = gateway, target
        self.answered: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self.stopped.is_set():
            try:
                with psycopg.connect(self.target.conninfo(), autocommit=True) as connection:
                    while not self.stopped.is_set():
                        turn += 1
                        name = f"{self.name}-{turn}"
                        connection.execute("insert into work.items (name) values (%s)", [name])
                        self.answered.append(name)
            except psycopg.Error:
                # The link, or an end of it, has gone; the next row has another name.
                self.stopped.wait(0.05)


def test_nothing_is_lost_and_nothing_is_done_twice(
    world: World, request: pytest.FixtureRequest
) -> None:
    kills = max(4, request.config.getoption("--kills"))
    world.admin("truncate work.items")
    gateway = world.gateway("killed", via="connector", start=False).start()
    connectors = [world.connector(gateway, name).enroll("shop").start() for name in ("k1", "k2")]
    writers = [Writer(gateway, gateway.target("walt"), number) for number in range(CLIENTS)]
    for writer in writers:
        writer.start()
    try:
        for kill in range(kills):
            before = sum(len(writer.answered) for writer in writers)
            until("rows are written", lambda b=before: answered(writers) > b + 20, 60)
            if kill % 4 == 3:
                gateway.kill()
                gateway.start()
            else:
                victim = random.choice(connectors)
                victim.kill()
                victim.start(wait=False)
            until("both are linked", lambda: linked(gateway) == ["k1", "k2"], 60)
    finally:
        for writer in writers:
            writer.stopped.set()
        for writer in writers:
            writer.join(60)
    names = world.admin("select name from work.items").splitlines()
    assert len(names) == len(set(names)), "a row was written twice"
    lost = {name for writer in writers for name in writer.answered} - set(names)
    assert not lost, f"answered, and not there: {sorted(lost)[:5]}"
    gateway.stop()
    status, report = verify(gateway)
    assert status == 0, report
    for connector in connectors:
        connector.stop()
        log = connector.state / "streams.jsonl"
        done = gateway.try_run("verify", "--connector-log", str(log), "--format", "json")
        found = json.loads(done.stdout)["connector"]
        assert found["connector"] == connector.name and not found["contradictions"], found


def answered(writers: list[Writer]) -> int:
    return sum(len(writer.answered) for writer in writers)
