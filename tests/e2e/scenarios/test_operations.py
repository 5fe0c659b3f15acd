"""What an operator does: look at its health, change policies, end sessions, stop it."""

import json
import re
import shutil
import signal
from pathlib import Path

import psycopg
import pytest
from harness.gateway import Failed, Gateway
from harness.paths import E2E
from harness.secrets import found_in
from harness.waiting import until
from harness.wire import SYNC, Wire, bind_message, execute_message, parse_message
from harness.world import World

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def policies(world: World) -> Path:
    """A copy that the tests change."""
    copy = world.directory / "changing-policies"
    shutil.copytree(E2E / "policies", copy)
    return copy


@pytest.fixture(scope="module")
def gateway(world: World, policies: Path) -> Gateway:
    return world.gateway("operations", policies=policies)


def test_health_readiness_and_metrics(gateway: Gateway) -> None:
    assert gateway.http("GET", "/healthz")[0] == 200
    assert gateway.http("GET", "/readyz")[0] == 200
    with Wire.open(gateway.target("walt")) as wire:
        assert wire.query("select email from customers").rows
        assert wire.query("drop table orders").sqlstate == "42501"
    status, body = gateway.http("GET", "/metrics")
    text = body.decode()
    assert status == 200
    assert re.search(r"^# TYPE portreeve_\w+ counter$", text, re.M), text[:500]
    assert re.search(r"^portreeve_\w+\{[^}]*\} [1-9]", text, re.M)
    for secret in ("walt", "leak-q7", "customers"):
        assert secret not in text, f"{secret} in the metrics"


def test_status_and_whoami(gateway: Gateway) -> None:
    assert gateway.json("status")["ready"] is True
    answer = gateway.json("whoami", token=gateway.token("alice", "planner"))
    assert answer["chain"]["principal"]["subject"] == "alice"


def test_nothing_of_the_api_without_a_token(gateway: Gateway) -> None:
    for method, path in (
        ("GET", "/v1/whoami"),
        ("GET", "/v1/reviews"),
        ("GET", "/v1/sessions"),
        ("POST", "/v1/token/exchange"),
        ("POST", "/v1/reviews/rv-00000000/approve"),
    ):
        body = {} if method == "POST" else None
        assert gateway.http(method, path, body)[0] == 401, path
        assert gateway.http(method, path, body, token="bad")[0] == 401, path


def test_policies_are_read_again_for_running_sessions(gateway: Gateway, policies: Path) -> None:
    wire = Wire.open(gateway.target("walt"))
    assert wire.query("select count(*) from orders").rows == [[b"60"]]
    wire.query("prepare p as select count(*) from orders")
    rule = policies / "stop.cedar"
    rule.write_text(
        '@id("stop-orders") @advice("orders are closed today")\n'
        'forbid (principal, action == Action::"read", resource in Table::"shop/public.orders");\n'
    )
    gateway.process.send_signal(signal.SIGHUP)

    def refused() -> bool:
        reply = wire.query("select count(*) from orders")
        return reply.sqlstate == "42501" and "orders are closed" in reply.errors[0].get("H", "")

    until("the new rule holds", refused, 15)
    assert wire.query("execute p").sqlstate == "42501", "prepared before the change"
    assert wire.query("select count(*) from victim").rows == [[b"5"]]
    rule.write_text("this is no policy")
    gateway.process.send_signal(signal.SIGHUP)
    until("the mistake is logged", lambda: "stay as they were" in gateway.log(), 15)
    assert wire.query("select count(*) from orders").sqlstate == "42501"
    rule.unlink()
    gateway.process.send_signal(signal.SIGHUP)
    until("the rule is gone", lambda: not wire.query("select count(*) from orders").errors, 15)
    assert wire.query("execute p").rows == [[b"60"]]
    wire.close()


def test_a_reveal_that_ends_ends_for_open_cursors_too(gateway: Gateway, policies: Path) -> None:
    """A cursor goes on after the change, masked from there on; so does a suspended portal."""
    with psycopg.connect(gateway.target("olga").conninfo()) as connection:
        cursor = connection.execute("declare c cursor for select email from customers order by id")
        assert "@leak-q7.example" in cursor.execute("fetch 1 from c").fetchone()[0]
        wire = Wire.open(gateway.target("olga"))
        # A portal lives as long as its transaction.
        wire.query("begin")
        sql = "select email from customers order by id"
        wire.send(parse_message(sql) + bind_message(portal="p") + execute_message("p", 1) + SYNC)
        assert b"@leak-q7.example" in wire.reply().rows[0][0]
        rule = policies / "no-reveal.cedar"
        rule.write_text('@id("no-reveal") forbid (principal, action == Action::"reveal", resource);')
        gateway.process.send_signal(signal.SIGHUP)
        try:
            with Wire.open(gateway.target("olga")) as other:
                one = "select email from customers where id = 1"
                until("the rule holds", lambda: b"leak" not in other.query(one).rows[0][0], 15)
            fetched = cursor.execute("fetch 1 from c").fetchone()[0]
            wire.send(execute_message("p", 1) + SYNC)
            executed = wire.reply().rows[0][0]
        finally:
            rule.unlink()
            gateway.process.send_signal(signal.SIGHUP)
        assert "leak-q8" not in fetched and b"leak-q8" not in executed
        assert fetched == executed.decode() == "[email]"
        wire.close()


def test_new_columns_of_the_target_are_masked(world: World, gateway: Gateway) -> None:
    """A table that is made behind the gateway's back is known before it is read."""
    with Wire.open(gateway.target("walt")) as wire:
        assert wire.query("select 1").rows
        world.admin("create table late (id int, ssn text)")
        world.admin("insert into late values (1, '917-66-4421')")
        try:
            reply = wire.query("select ssn from late")
            assert b"917-66-4421" not in wire.received, reply.rows
            reply = wire.query("select ssn || '' from late")
            assert b"917-66-4421" not in wire.received, reply.rows
        finally:
            world.admin("drop table late")


def test_a_table_that_changes_its_columns(world: World, gateway: Gateway) -> None:
    """Two columns swap their names: what is masked follows the name that is classified."""
    world.admin("create table moving (id int, a text, ssn text)")
    world.admin("insert into moving values (1, 'was-clear', '917-66-4421')")
    try:
        with Wire.open(gateway.target("walt")) as wire:
            until("the table is known", lambda: not wire.query("table moving").errors, 3)
            wire.query("prepare m as select a, ssn from moving")
            before = wire.query("execute m")
            assert not before.errors, before.errors
            assert before.rows[0][0] == b"was-clear"
            world.admin(
                "alter table moving rename column a to b; "
                "alter table moving rename column ssn to a; "
                "alter table moving rename column b to ssn"
            )
            for statement in ("select ssn from moving", "select ssn, id from moving", "execute m"):
                rows = wire.query(statement).rows
                assert not any(b"was-clear" in row for row in rows), f"{statement}: {rows}"
    finally:
        world.admin("drop table moving")


def test_definitions_that_change_behind_the_gateway(world: World, gateway: Gateway) -> None:
    """An ordinary migration adds a classified column, and a view shows another one.

    The gateway notices within a second (docs/THREATS.md); from then on nothing leaks.
    """
    world.admin("create table growing (id int); insert into growing values (1)")
    world.admin("create view shifting as select id, city as x from customers")
    asked = (
        "select row_to_json(g) from growing g",
        "select g from growing g",
        "select * from growing",
        "copy growing to stdout",
        "select x from shifting",
        "select x || '' from shifting",
    )

    def leaking() -> list[str]:
        return [sql for sql in asked if found_in(wire.query(sql).raw)]

    try:
        with Wire.open(gateway.target("walt")) as wire:
            for statement in asked:
                until("it is known", lambda sql=statement: not wire.query(sql).errors, 3)
            world.admin("alter table growing add column ssn text default '917-66-4421'")
            world.admin("create or replace view shifting as select id, email as x from customers")
            until("the change is noticed", lambda: not leaking(), 2)
            for _ in range(20):
                assert not leaking()
    finally:
        world.admin("drop view shifting; drop table growing")


def test_an_operator_ends_a_session(world: World, gateway: Gateway) -> None:
    gateway.run("accounts", "add", "otto", "--kind", "person", "--group", "operators")
    operator = gateway.token("otto")
    gateway.run("accounts", "add", "ended", "--kind", "person", "--group", "writers")
    wire = Wire.open(gateway.target("ended"))
    status, body = gateway.http("GET", "/v1/sessions", token=operator)
    assert status == 200
    session = next(
        entry
        for entry in json.loads(body)["sessions"]
        if entry["chain"]["principal"]["subject"] == "ended"
    )
    assert gateway.http(
        "POST", f"/v1/sessions/{session['id']}/kill", {}, token=gateway.token("alice")
    )[0] in (403, 404)
    assert wire.query("select 1").rows
    assert gateway.http("POST", f"/v1/sessions/{session['id']}/kill", {}, token=operator)[0] == 200
    wire.socket.settimeout(10)
    reply = wire.reply()
    assert reply.closed and not reply.rows
    wire.close()


def test_check_explains_a_mistake(gateway: Gateway) -> None:
    assert gateway.try_run("check").returncode == 0
    wrong = gateway.directory / "wrong.yaml"
    wrong.write_text(gateway.config.read_text().replace("masking:", "maskin:"))
    done = gateway.try_run("check", "--config", str(wrong))
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert "maskin" in told and "did you mean" in told and "masking" in told
    with pytest.raises(Failed):
        Gateway(gateway.directory, wrong.read_text().replace("$", "$$")).start()


def test_stops_in_order(world: World) -> None:
    gateway = world.gateway("stopping")
    wire = Wire.open(gateway.target("walt"))
    assert wire.query("select 1").rows
    assert gateway.stop() == 0
    wire.socket.settimeout(10)
    reply = wire.reply()
    assert reply.closed and [error["C"] for error in reply.errors] in ([], ["57P01"])
    wire.close()
    done = gateway.try_run("verify")
    assert done.returncode == 0, done.stdout
