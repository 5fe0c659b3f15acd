"""Events of databases, of accounts and of custody in every format, with whatever clients write
into them; and what a level of redaction leaves out."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from harness.exported import check, exported
from harness.gateway import Gateway
from harness.schemas import (
    Event,
    cef_problems,
    ecs_problems,
    ecs_unexpected,
    events,
    ocsf_problems,
    read_cef,
)
from harness.waiting import until
from harness.world import World

pytestmark = pytest.mark.gateway

ODD = 'a|b=c\\d "e" ]f cn1=7'
# A purpose of a token has no ends of lines; the name of a table can.
ENDS = ODD + "\ng\r\th "
WRITES = """
@id("officers-write")
permit (principal in Group::"officers", action == Action::"write", resource);
"""
EXPORTS = """\
limits: { auth_failures_max: 100000 }
anomalies: { refusals_per_hour: 1, learning: 1ms }
exports:
  ocsf: { file: { path: ocsf.log } }
  ecs: { format: ecs, file: { path: ecs.log } }
  cef: { format: cef, file: { path: cef.log } }
  ocsf-people: { redact: people, file: { path: people-ocsf.log } }
  ecs-people: { format: ecs, redact: people, file: { path: people-ecs.log } }
  cef-people: { format: cef, redact: people, file: { path: people-cef.log } }
  ocsf-objects: { redact: objects, file: { path: objects-ocsf.log } }
  ecs-objects: { format: ecs, redact: objects, file: { path: objects-ecs.log } }
  cef-objects: { format: cef, redact: objects, file: { path: objects-cef.log } }
"""
KINDS = ("ocsf", "ecs", "cef")
LONG_ID = "externalId has more than 40 characters"


def fails(why: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(reason=why, strict=True, raises=AssertionError)


def work(gateway: Gateway) -> None:
    with psycopg.connect(gateway.target("olga").conninfo(), autocommit=True) as olga:
        olga.execute("select id, email from public.customers").fetchall()
        olga.execute("update public.customers set city = city where id = 1")
        with pytest.raises(psycopg.Error):
            olga.execute("select 1/0")
    alice = gateway.target("alice", "planner", "sql-agent", purpose=ODD)
    with psycopg.connect(alice.conninfo(), autocommit=True) as one:
        for column in ("email", "phone"):
            one.execute(f"select {column} from public.customers").fetchall()
        for statement in (f"delete from {psycopg.sql.Identifier(ENDS).as_string(None)}", "selec 1"):
            with pytest.raises(psycopg.Error):
                one.execute(statement)
    reviewed(gateway)
    for more in ({"password": "no token"}, {"dbname": ODD}):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(gateway.target("alice").conninfo(**more))


def reviewed(gateway: Gateway) -> None:
    target, dana = gateway.target("alice"), gateway.token("dana")

    def ask() -> int:
        with psycopg.connect(target.conninfo(), autocommit=True) as one:
            return len(one.execute("select id, city from crowd").fetchall())

    def pending() -> list[dict]:
        found = gateway.json("reviews", "ls", "--state", "pending", token=dana)
        return found["reviews"]

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        (review,) = until("it is held", pending, 30)
        gateway.run("reviews", "approve", review["id"], token=dana)
        assert asking.result(30) == 5000


def administer(gateway: Gateway) -> None:
    gateway.run("accounts", "groups", "bert", "--group", "analysts")
    for word in ("disable", "enable"):
        gateway.run("accounts", word, "bert")
    gateway.run("token", "revoke", "--subject", "bert")
    assert gateway.stop() == 0
    here = ("--why", f"{ODD} for Zebulon", "--dir", str(gateway.data_dir))
    hold = gateway.run("evidence", "hold", "add", "--principal", "alice", *here)
    name = re.search(r"hold-\w+", hold)
    assert name, hold
    gateway.run("evidence", "hold", "release", name[0], *here)
    gateway.run("evidence", "shred", "--session", "last", "--yes", *here)
    gateway.run("accounts", "rm", "bert")
    gateway.start()


@pytest.fixture(scope="module")
def all_of_it(world: World) -> Iterator[tuple[Gateway, list[Event]]]:
    policies = world.policies_with("formats", WRITES)
    gateway = world.gateway("exports-formats", more=EXPORTS, policies=policies)
    work(gateway)
    administer(gateway)

    def complete(found: list[Event]) -> bool:
        # The last act of administration, and what is found beside the log.
        return {300106, 200501} <= {event["type_uid"] for event in found}

    found = exported(gateway, "all of it is exported", complete)
    count = len(found)
    for level in ("people-", "objects-"):
        for kind in KINDS:
            path = gateway.directory / f"{level}{kind}.log"
            until(f"{path.name} is whole", lambda p=path: len(p.read_text().splitlines()) >= count)
    yield gateway, found


def test_every_event_is_valid_in_every_format(all_of_it: tuple[Gateway, list[Event]]) -> None:
    gateway, found = all_of_it
    classes = check(gateway, found, {LONG_ID})
    assert set(classes) == {2005, 3001, 3002, 3004, 6002, 6005}, classes
    activities = {event["type_uid"] for event in found}
    # Let in, gone, a token; an account from its beginning to its end; custody; start and stop.
    assert activities >= {300201, 300202, 300203, 300101, 300102, 300105, 300106, 300107}
    assert activities >= {300403, 300404, 300410, 600203, 600204, 600502, 600504, 600507}
    ended = [event["unmapped"]["exchange"] for event in found if event["class_uid"] == 6005]
    assert {"approved"} in [set(exchange["reviews"]) for exchange in ended]
    assert any(exchange["revealed"] for exchange in ended)


def by_id(gateway: Gateway) -> dict[str, dict[str, str]]:
    lines = (gateway.directory / "cef.log").read_text().splitlines()
    return {pairs["externalId"]: pairs for _, pairs in map(read_cef, lines)}


def without_controls(text: str | None) -> str:
    return "".join(c for c in text or "" if c in "\r\n" or not (ord(c) < 32 or 127 <= ord(c) < 160))


def test_what_clients_write_comes_back_out_of_cef(all_of_it: tuple[Gateway, list[Event]]) -> None:
    """The same event in OCSF, which JSON escapes for itself, says what it has to be."""
    gateway, found = all_of_it
    pairs = by_id(gateway)
    assert len(pairs) >= len(found)
    odd: set[str] = set()
    for event in found:
        mine, unmapped = pairs[event["metadata"]["uid"]], event["unmapped"]
        told = {"msg": event["message"]}
        if "correlation_uid" in event["metadata"]:
            told["suser"] = event["actor"]["user"]["name"]
            told["cs3"] = unmapped["purpose"]["signed"]
            told["cs1"] = event["metadata"]["correlation_uid"]
        if exchange := unmapped.get("exchange"):
            told["request"] = ",".join(sorted(one["name"] for one in exchange["objects"]))
            told["reason"] = exchange["rule"]
        for key, text in told.items():
            assert mine[key] == without_controls(text), (key, mine)
            odd |= {key} if ODD in mine[key] else set()
    assert odd >= {"msg", "cs3", "request"}, odd
    assert "\n" in "".join(mine.get("request", "") for mine in pairs.values())


@fails("ids of anomalies, `LOG/INDEX-RULE`, are longer than `externalId` may be")
def test_ids_fit_into_cef(all_of_it: tuple[Gateway, list[Event]]) -> None:
    gateway, _ = all_of_it
    lines = (gateway.directory / "cef.log").read_text().splitlines()
    assert not [line for line in lines if LONG_ID in cef_problems(line)]


def test_cef_tells_of_a_refused_login_from_where(all_of_it: tuple[Gateway, list[Event]]) -> None:
    gateway, found = all_of_it
    pairs = by_id(gateway)
    refused = [e for e in found if e["class_uid"] == 3002 and e["status_id"] == 2]
    assert refused
    for event in refused:
        mine = pairs[event["metadata"]["uid"]]
        assert mine.get("src") == event["src_endpoint"]["ip"], mine


@fails("`denied` is no type of any category that is written")
def test_ecs_types_are_those_of_their_category(all_of_it: tuple[Gateway, list[Event]]) -> None:
    gateway, _ = all_of_it
    wrong = [ecs_unexpected(event) for event in events(gateway.directory / "ecs.log")]
    assert set().union(*wrong) == set()


PEOPLE = ("alice", "bert", "dana", "olga", "Zebulon", "127.0.0.1")
OBJECTS = (*PEOPLE, "customers", "crowd", "default-deny", "a|b")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("level", "left_out"), [("people", PEOPLE), ("objects", OBJECTS)])
def test_what_a_level_leaves_out_is_nowhere(
    all_of_it: tuple[Gateway, list[Event]], kind: str, level: str, left_out: tuple[str, ...]
) -> None:
    gateway, _ = all_of_it
    text = (gateway.directory / f"{level}-{kind}.log").read_text()
    plain = (gateway.directory / f"{kind}.log").read_text()
    told = {word: [line for line in text.splitlines() if word in line] for word in left_out}
    assert {word: lines[0] for word, lines in told.items() if lines} == {}
    assert "alice" in plain and "redacted" in text
    assert "planner" in text, "agents stay"


PROBLEMS = {
    "ocsf": lambda line: ocsf_problems(json.loads(line)),
    "ecs": lambda line: ecs_problems(json.loads(line)),
    "cef": cef_problems,
}


@pytest.mark.parametrize("level", ["people", "objects"])
@pytest.mark.parametrize("kind", ["ocsf", "ecs", "cef"])
def test_what_is_left_of_an_event_is_valid(
    all_of_it: tuple[Gateway, list[Event]], kind: str, level: str
) -> None:
    gateway, _ = all_of_it
    lines = (gateway.directory / f"{level}-{kind}.log").read_text().splitlines()
    assert lines and set().union(*map(PROBLEMS[kind], lines)) <= {LONG_ID}
