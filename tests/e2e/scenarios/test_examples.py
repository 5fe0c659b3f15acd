"""The programs in examples/ do what they say, against a gateway as in the demo."""

import os
import subprocess
import sys

import pytest
from harness.gateway import Account, Gateway
from harness.paths import ROOT
from harness.world import World

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    """The demo's policies and classification over the demo's database."""
    world.admin("create database demo_shop", database="postgres")
    world.postgres.admin("", database="demo_shop", file=ROOT / "demo" / "shop.sql")
    accounts = (
        Account("alice", "person", ("analysts", "reviewers")),
        Account("planner", "actor", ("agents",)),
        Account("sql-agent", "actor", ("agents",)),
    )
    columns = ("full_name", "email", "phone", "national_id", "iban", "dob", "address", "notes")
    return world.gateway(
        "examples",
        policies=ROOT / "demo" / "policies",
        accounts=accounts,
        classified={f"public.customers.{name}": name.replace("_", "-") for name in columns},
        database="demo_shop",
    )


def run_planner(gateway: Gateway, *chain: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PORTREEVE_TOKEN": gateway.token(*chain, may_act="sql-agent"),
        "PORTREEVE_API": gateway.api,
        "PGHOST": "127.0.0.1",
        "PGPORT": str(gateway.port),
        "PGDATABASE": "shop",
    }
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "planner.py"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )


def test_planner_and_subagent(gateway: Gateway) -> None:
    done = run_planner(gateway, "alice", "planner")
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    assert told.count("subagent: refused: ") == 2
    assert "detail: rule: schema-is-fixed, request: " in told and "a migration" in told
    assert "detail: rule: no-guessing, request: " in told and "use other columns" in told
    rows = told.split("5 rows, with personal data masked:")[1]
    assert "@example.com" not in rows and "+49 30" not in rows and "planner: done" in rows


def test_whoever_is_not_a_planner_gets_no_token(gateway: Gateway) -> None:
    """A chain that is already at its subagent cannot name it again."""
    done = run_planner(gateway, "alice", "planner", "sql-agent")
    assert done.returncode != 0 and "the gateway says no" in done.stderr
