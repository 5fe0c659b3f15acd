"""Events for other systems: every one valid by the schema of its format, real receivers take
them, and none is lost while receivers and gateways come and go."""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psycopg
import pytest
from harness.bucket import ACCESS_KEY, SECRET_KEY, Bucket
from harness.gateway import Gateway
from harness.nats import TOKEN, Nats
from harness.schemas import ocsf_problems
from harness.waiting import free_port, until
from harness.world import World

pytestmark = pytest.mark.gateway

WRITES = """
@id("officers-write")
permit (principal in Group::"officers", action == Action::"write", resource);
"""
FILE = "all: { file: { path: events.log } }"
MORE = "limits: {{ auth_failures_max: 100000 }}\nexports: {{ {} }}"


@pytest.fixture(scope="module")
def policies(world: World) -> Path:
    return world.policies_with("exports", WRITES)


def traffic(gateway: Gateway, rounds: int = 1) -> None:
    for person, actors in (("alice", ()), ("alice", ("planner",)), ("olga", ())):
        with psycopg.connect(gateway.target(person, *actors).conninfo(), autocommit=True) as one:
            for _ in range(rounds):
                one.execute("select id, email from public.customers").fetchall()
                if person == "olga":
                    one.execute("update public.customers set city = city where id = 1")
            with pytest.raises(psycopg.Error):
                one.execute("drop table public.customers")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(gateway.target("alice").conninfo(password="no token"))


def events(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def ids(found: list[dict]) -> list[str]:
    return [event["metadata"]["uid"] for event in found]


def refused_in(path: Path) -> list[dict]:
    found = events(path) if path.exists() else []
    return [event for event in found if event["class_uid"] == 6005 and event["status_id"] == 2]


def caught_up(gateway: Gateway, name: str) -> bool:
    page = gateway.http("GET", "/metrics")[1].decode()
    return f'portreeve_export_lag_records{{export="{name}"}} 0' in page


def test_every_event_is_valid_ocsf(world: World, policies: Path) -> None:
    more = MORE.format(FILE) + "\nanomalies: { refusals_per_hour: 1 }\n"
    gateway = world.gateway("exports-ocsf", more=more, policies=policies)
    traffic(gateway)
    gateway.run("accounts", "disable", "nobody")
    path = gateway.directory / "events.log"
    until("all three are exported", lambda: len(refused_in(path)) == 3, 30)
    until("anomalies, too", lambda: {2005} <= {event["class_uid"] for event in events(path)}, 30)
    found = events(path)
    classes = {event["class_uid"] for event in found}
    assert {2005, 6005, 3002, 3001, 3004, 6002} <= classes, classes
    problems = [(problem, event) for event in found for problem in ocsf_problems(event)]
    assert problems == []
    assert {event["actor"]["user"]["name"] for event in refused_in(path)} == {"alice", "olga"}
    agents = [event for event in found if "ai_agent" in event["unmapped"]]
    assert agents and agents[0]["actor"]["app_name"] == "planner"


def test_none_is_lost_when_gateway_and_file_come_and_go(world: World, policies: Path) -> None:
    gateway = world.gateway("exports-killed", more=MORE.format(FILE), policies=policies)
    path = gateway.directory / "events.log"
    for _ in range(3):
        traffic(gateway)
        gateway.kill()
        gateway.start()
    until("all is exported", lambda: caught_up(gateway, "all"), 30)
    before = ids(events(path))
    assert gateway.stop() == 0
    fresh = gateway.data_dir / "exports" / "all.cursor"
    fresh.unlink()
    shutil.move(path, path.with_suffix(".before"))
    gateway.start()
    until("all is exported again", lambda: path.exists() and caught_up(gateway, "all"), 30)
    again = {event["metadata"]["uid"] for event in events(path)}
    assert set(before) <= again
    # What came since is the stop and the start, and the token by which it was asked.
    extra = [event for event in events(path) if event["metadata"]["uid"] not in set(before)]
    extra = [event for event in extra if event["type_uid"] != 300203]
    assert {event["class_uid"] for event in extra} <= {6002, 3004}, extra


@pytest.mark.skipif(not shutil.which("rsyslogd"), reason="rsyslog is not installed")
def test_rsyslog_takes_them(
    world: World, policies: Path, tmp_path: Path
) -> None:
    port, udp = free_port(), free_port()
    taken, datagrams = tmp_path / "taken.log", tmp_path / "datagrams.log"
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        f"""
global(workDirectory="{tmp_path}")
module(load="imtcp")
module(load="imudp")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="streams")
input(type="imudp" port="{udp}" address="127.0.0.1" ruleset="datagrams")
template(name="raw" type="string" string="%app-name% %msgid% %structured-data% %msg%\\n")
ruleset(name="streams") {{ action(type="omfile" file="{taken}" template="raw") }}
ruleset(name="datagrams") {{ action(type="omfile" file="{datagrams}" template="raw") }}
"""
    )

    def rsyslog() -> subprocess.Popen[bytes]:
        command = ["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("rsyslog listens", lambda: is_open(port), 20)
        return process

    process = rsyslog()
    sinks = (
        f"all: {{ format: cef, syslog: {{ address: '127.0.0.1:{port}', transport: tcp }} }}, "
        f"udp: {{ format: cef, syslog: {{ address: '127.0.0.1:{udp}', transport: udp }} }}"
    )
    gateway = world.gateway("exports-syslog", more=MORE.format(sinks), policies=policies)
    try:
        traffic(gateway)
        until("all is exported", lambda: caught_up(gateway, "all"), 30)
        until("datagrams are written, too", lambda: refusals(datagrams) == 3, 30)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        traffic(gateway)
        until("it shows", lambda: b"the export `all`" in gateway.http("GET", "/healthz")[1], 30)
        process = rsyslog()
        until("all is exported", lambda: caught_up(gateway, "all"), 90)
        until("all is written", lambda: refusals(taken) >= 6, 30)
        line = taken.read_text().splitlines()[0]
        assert line.startswith("portreeve ") and 'id="' in line and "CEF:0|Portreeve|" in line
    finally:
        process.kill()
        process.wait(20)


def refusals(path: Path) -> int:
    lines = path.read_text().splitlines() if path.exists() else []
    # Refused commands: logins that are refused have no verdict.
    refused = [line for line in lines if " act=" in line and "outcome=refused" in line]
    return len({line.split('id="')[1].split('"')[0] for line in refused})


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_receiver_that_is_away_is_in_nobodys_way(world: World, policies: Path) -> None:
    sink = f"away: {{ webhook: {{ url: 'http://127.0.0.1:{free_port()}/' }} }}"
    gateway = world.gateway("exports-away", more=MORE.format(sink), policies=policies)
    traffic(gateway, rounds=20)
    status, health = gateway.http("GET", "/healthz")
    assert status == 200, "evidence is written, clients are served"
    assert gateway.try_run("verify").returncode == 0
    until("it shows", lambda: b"the export `away`" in gateway.http("GET", "/healthz")[1], 30)
    assert os.path.getsize(gateway.data_dir / "evidence" / "log.pub")


def test_a_bucket_gets_every_event_once_it_is_there(
    world: World, policies: Path, tmp_path: Path
) -> None:
    bucket = Bucket(tmp_path, "evidence")
    (tmp_path / "access").write_text(ACCESS_KEY)
    (tmp_path / "secret").write_text("not the secret")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "access").chmod(0o600)
    sink = (
        f"s3: {{ url: '{bucket.url}', bucket: evidence, every: 1s, "
        f"access_key: {{ file: '{tmp_path}/access' }}, "
        f"secret_key: {{ file: '{tmp_path}/secret' }} }}"
    )
    more = MORE.format(f"bucket: {{ {sink} }}, all: {{ file: {{ path: events.log }} }}")
    gateway = world.gateway("exports-s3", more=more, policies=policies)
    traffic(gateway)
    bucket.start()
    try:
        until(
            "a signature by another secret is refused, and said",
            lambda: "SignatureDoesNotMatch" in gateway.log(),
            60,
        )
        assert not bucket.objects()
        (tmp_path / "secret").write_text(SECRET_KEY)

        def in_bucket() -> list[str]:
            objects = bucket.objects()
            lines = [line for name in sorted(objects) for line in objects[name].splitlines()]
            return ids([json.loads(line) for line in lines])

        file = gateway.directory / "events.log"
        until("everything is in the bucket", lambda: set(in_bucket()) == set(ids(events(file))), 90)
        taken = in_bucket()
        assert len(taken) == len(set(taken)), "nothing came twice, as nothing was cut off"
    finally:
        bucket.stop()


def test_a_stream_of_nats_gets_every_event_once(
    world: World, policies: Path, tmp_path: Path
) -> None:
    nats = Nats(tmp_path)
    token = tmp_path / "token"
    token.write_text("not the token")
    token.chmod(0o600)
    sink = f"nats: {{ url: 'nats://127.0.0.1:{nats.port}', token: {{ file: '{token}' }} }}"
    more = MORE.format(f"stream: {{ {sink} }}, all: {{ file: {{ path: events.log }} }}")
    gateway = world.gateway("exports-nats", more=more, policies=policies)
    traffic(gateway)
    nats.start()
    try:
        until("a wrong token is said", lambda: "authorization violation" in gateway.log(), 60)
        token.write_text(TOKEN)
        why = "no stream of JetStream takes the subject `portreeve.events`"
        until("a subject that nobody takes is said", lambda: why in gateway.log(), 90)
        nats.create("portreeve.>")
        until("everything is in the stream", lambda: caught_up(gateway, "stream"), 90)
        # The server goes away and comes back with its files.
        nats.stop()
        traffic(gateway)
        until("it shows", lambda: not caught_up(gateway, "stream"), 60)
        nats.start()
        file = gateway.directory / "events.log"
        until("what came meanwhile, too", lambda: set(ids(nats.messages())) == set(ids(events(file))), 90)
        taken = ids(nats.messages())
        assert len(taken) == len(set(taken)), "what is sent again is known by its id"
    finally:
        nats.stop()
