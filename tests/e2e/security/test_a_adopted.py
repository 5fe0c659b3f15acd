"""Class A, closed by default: what appears after somebody looked is masked until they decide."""

import json
import os
import signal

import pytest
from harness.cases import each
from harness.gateway import Failed, Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.waiting import until
from harness.wire import Wire
from harness.world import CLASSIFIED, World

from security.scene import knows, own_database, own_policies

pytestmark = pytest.mark.gateway
DATABASE = "adopted"
MADE = """\
create table events (id integer, kind text, at date) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
insert into events values (1, 'opened', '2026-05-06');
"""
RULES = """\
@id("own-temporary-tables")
permit (principal in Group::"analysts", action in [Action::"write", Action::"define"],
        resource in Schema::"shop/pg_temp");
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    own_database(world, DATABASE, MADE)
    policies = own_policies(world, DATABASE, RULES)
    return world.gateway(DATABASE, database=DATABASE, policies=policies, adopted=True)


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return gateway.target("alice")


KNOWN = {
    "known-column": ("", "select article from orders limit 1"),
    "partition-made-later": (
        "create table events_2027 partition of events for values from ('2027-01-01') to "
        "('2028-01-01'); insert into events values (2, 'closed', '2027-05-06')",
        "select kind from events_2027",
    ),
    "parent-of-a-partition-made-later": ("", "select max(kind) from events where id = 2"),
    "view-made-later": (
        "create view later_view as select id, article from orders",
        "select article from later_view limit 1",
    ),
    "temporary-table": ("", "create temp table t as select 'mine' as x; select x from t"),
}


@each(KNOWN)
def test_what_somebody_has_looked_at_passes(
    world: World, target: Target, case: tuple[str, str]
) -> None:
    """New partitions, views and temporary tables hold nothing that nobody has looked at."""
    change, sql = case
    if change:
        world.admin(change, database=DATABASE)
        knows(target, sql)
    with Wire.open(target) as wire:
        for statement in sql.split("; "):
            reply = wire.query(statement)
        assert not reply.errors, reply.errors
        [[value]] = reply.rows
        assert value and not value.startswith(b"["), value


def test_what_is_new_is_told_and_passes_once_it_is_adopted(
    world: World, gateway: Gateway, target: Target
) -> None:
    """Masked, named by health, by the API and by `discover`; adopted, it passes as it is."""
    sql = "select flavour from orders limit 1"
    world.admin(
        "alter table orders add column flavour text default 'sweet'", database=DATABASE
    )
    knows(target, sql)
    with Wire.open(target) as wire:
        assert wire.query(sql).rows == [[b"[unknown]"]]
    name = "public.orders.flavour"
    health = json.loads(gateway.http("GET", "/healthz")[1])
    assert health["unknown_columns"]["shop"] >= 1 and name in health["warning"]
    token = gateway.token("alice")
    proposals = json.loads(gateway.http("GET", "/v1/proposals", token=token)[1])
    assert name in proposals["unknown_columns"]["shop"]
    assert f"# new since somebody looked: {name}" in gateway.run("discover", "shop")
    checked = gateway.try_run("check", "--targets")
    assert "appeared after somebody looked" in checked.stderr, checked.stderr

    gateway.run("discover", "shop", "--adopt")
    assert "flavour" in (gateway.directory / "known.json").read_text()
    os.kill(gateway.pid, signal.SIGHUP)

    def passes() -> bool:
        with Wire.open(target) as wire:
            return wire.query(sql).rows == [[b"sweet"]]

    until("what was adopted passes", passes, 20)
    assert "unknown_columns" not in json.loads(gateway.http("GET", "/healthz")[1])


def test_discover_says_what_a_column_is_and_why(gateway: Gateway) -> None:
    """Columns that are classified already are not proposed; the others with reasons."""
    found = gateway.json("discover", "shop")
    columns = {(it["table"], it["column"]): it for it in found["columns"]}
    assert columns["customers", "email"]["said"] == {"category": "email"}
    assert columns["customers", "email"]["proposed"]["category"] == "email"
    assert columns["orders", "article"]["proposed"] is None
    assert not found_in(json.dumps(found).encode()), "values are shown"
    text = gateway.run("discover", "shop")
    assert "public.customers.email:" not in text
    assert "%: " in text or "Nothing else looks like personal data" in text


def test_what_the_target_lacks_fails_the_check(world: World) -> None:
    """A slip of the pen in `classify` is an error of `check`, with the pattern."""
    classified = {"public.customers.email": "email", "public.custmers.ssn": "national-id"}
    gateway = world.gateway("adopted-slip", classified=classified, start=False)
    checked = gateway.try_run("check", "--targets")
    assert checked.returncode == 1 and "`public.custmers.ssn`" in checked.stderr
    assert gateway.try_run("check").returncode == 0


def test_nothing_starts_without_the_file_that_it_names(world: World) -> None:
    """A baseline that is gone does not mean that everything is known."""
    gateway = world.gateway("adopted-gone", adopted=True, start=False, classified=CLASSIFIED)
    (gateway.directory / "known.json").unlink()
    with pytest.raises(Failed, match="discover"):
        gateway.start()
    checked = gateway.try_run("check")
    assert checked.returncode == 1 and "known_columns" in checked.stderr, checked.stderr
