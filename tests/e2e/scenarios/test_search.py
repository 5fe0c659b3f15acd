"""What people search for in the evidence is what was done, and what they may see of it."""

import json
import urllib.parse

import psycopg
import pytest
from harness.gateway import Gateway
from harness.world import World

pytestmark = pytest.mark.gateway

ZQ7 = "zq7marker@leak-q7.example"
MORE = """
limits: { auth_failures_max: 100000 }
evidence: { custodians: [officers] }
anomalies: { refusals_per_hour: 1 }
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    gateway = world.gateway("search", more=MORE)
    for person, actor in (("alice", "planner"), ("walt", None)):
        target = gateway.target(person, *filter(None, [actor]))
        with psycopg.connect(target.conninfo(), autocommit=True) as connection:
            connection.execute("select city as zq7alias from customers where city = 'zq7constant'")
            if actor:
                connection.execute("select email from customers limit 3").fetchall()
            with pytest.raises(psycopg.Error):
                connection.execute("drop table orders")
    return gateway


def found(gateway: Gateway, *options: str) -> list[tuple[str, list[int]]]:
    listed = gateway.json("sessions", "ls", *options)["sessions"]
    return sorted(
        (session["chain"]["principal"]["subject"], session["matches"]["exchanges"])
        for session in listed
    )


def test_sessions_are_found_by_what_was_done_in_them(gateway: Gateway) -> None:
    both = [("alice", [3]), ("walt", [2])]
    assert found(gateway, "--outcome", "refused") == both
    assert found(gateway, "--verdict", "deny", "--text", "drop table") == both
    assert found(gateway, "--object", "public.orders") == both
    assert found(gateway, "--category", "email") == [("alice", [2])]
    assert found(gateway, "--text", "\"select email from customers\"") == [("alice", [2])]
    assert found(gateway, "--object", "public.customers", "--actor", "planner") == [("alice", [1, 2])]
    # Nothing that only the client knows is a word: neither a constant nor a name of its own.
    assert found(gateway, "--text", '"city from customers where city"') == []
    assert found(gateway, "--text", '"from customers where city"') == [("alice", [1]), ("walt", [1])]
    for word in ("zq7constant", "zq7alias", "zq7*"):
        assert found(gateway, "--text", word) == []
    assert found(gateway, "--object", "public.customers", "--outcome", "refused") == []


def test_everybody_finds_what_is_their_own(gateway: Gateway) -> None:
    def ask(token: str, **query: str) -> tuple[int, dict]:
        path = f"/v1/sessions/search?{urllib.parse.urlencode(query)}"
        status, body = gateway.http("GET", path, token=token)
        return status, json.loads(body)

    def who(token: str, **query: str) -> list[str]:
        answer = ask(token, **query)[1]
        assert answer["behind"] == 0
        return sorted(one["chain"]["principal"]["subject"] for one in answer["sessions"])

    assert who(gateway.token("walt"), outcome="refused") == ["walt"]
    assert who(gateway.token("walt"), principal="alice") == []
    operator = gateway.token("olga")
    seen = who(operator, outcome="refused")
    assert seen in (["alice", "walt"], []), "an officer is an operator or sees her own"
    for query in ({"limit": "0"}, {"limit": "1001"}, {"text": "*"}, {"sinse_us": "1"}):
        assert ask(operator, **query)[0] == 400, query


def test_what_is_unlike_what_was_is_told_with_its_records(gateway: Gateway) -> None:
    findings = gateway.json("anomalies", "ls")["findings"]
    told = sorted((one["principal"], one["rule"], one["found"]) for one in findings)
    assert told == [("alice", "refusals", 1), ("walt", "refusals", 1)]
    ours = next(one for one in findings if one["principal"] == "alice")
    assert ours["actors"] == ["planner"] and len(ours["records"]) == ours["records_count"] == 1
    assert gateway.json("anomalies", "show", ours["id"]) == ours
    refused = gateway.json("sessions", "ls", "--outcome", "refused", "--principal", "alice")
    assert [one["id"] for one in refused["sessions"]] == [ours["session"]]
    assert gateway.json("anomalies", "ls", "--rule", "volume")["findings"] == []
    assert "no finding" in gateway.try_run("anomalies", "show", "1-volume").stderr
    status, _ = gateway.http("GET", "/v1/anomalies", token=gateway.token("walt"))
    assert status == 403
    # Who has the log and not the configuration looks by the rules of the manual.
    other = gateway.json("anomalies", "ls", "--dir", str(gateway.data_dir / "evidence"))
    assert other["findings"] == []


def test_an_index_outlives_what_happens_to_its_gateway(gateway: Gateway) -> None:
    expect = found(gateway, "--outcome", "refused")
    gateway.kill()
    index = gateway.data_dir / "search.sqlite"
    assert index.stat().st_mode & 0o777 == 0o600
    assert b"zq7constant" not in index.read_bytes() and b"zq7alias" not in index.read_bytes()
    assert found(gateway, "--outcome", "refused") == expect
    index.write_bytes(b"broken" * 1000)
    assert found(gateway, "--outcome", "refused") == expect
    gateway.start()
    assert found(gateway, "--outcome", "refused") == expect
