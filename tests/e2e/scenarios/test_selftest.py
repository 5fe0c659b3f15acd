"""`portreeve selftest` tells a gateway that holds from one with a hole, names the setting that
closes it, shows no value, and leaves nothing behind."""

import json
import signal
import subprocess
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.gateway import Gateway
from harness.paths import portreeve
from harness.secrets import found_in
from harness.waiting import until
from harness.world import World
from security.scene import own_database

pytestmark = pytest.mark.gateway

AS = ("--as", "alice", "--act", "planner")
SCHEMAS = "select count(*) from pg_namespace where nspname like 'portreeve\\_selftest%'"
# Enough of every kind to see that a run works; the whole corpus is one test's.
FEW = ("--only", "*/alias", "--only", "*/reverse", "--only", "*/encode", "--only", "*/like",
       "--only", "*/cast-error", "--only", "*/copy-out", "--only", "*/md5")  # fmt: skip


def gateway_of(world: World, name: str, **more: object) -> Gateway:
    database = own_database(world, name)
    return world.gateway(name, database=database, via="gateway", **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def holding(world: World) -> Iterator[Gateway]:
    """Every column is classified, or known and nobody's; what appears later is closed."""
    yield gateway_of(world, "selftest_holds", adopted=True)


def tried(gateway: Gateway, *arguments: str) -> tuple[int, dict[str, object], str]:
    done = gateway.try_run("selftest", "shop", *AS, *arguments, "--format", "json", seconds=500)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stdout + done.stderr


def leaks(report: dict[str, object]) -> list[dict[str, str]]:
    return [it for it in report["findings"] if it["verdict"] == "leaked"]  # type: ignore[union-attr, index]


def holds(world: World, gateway: Gateway, tmp_path: Path, *only: str) -> dict[str, int]:
    """Nothing leaks, in no way to ask; if a mask, a refusal or the comparison goes, this fails."""
    junit = tmp_path / "selftest.xml"
    status, report, printed = tried(gateway, *only, "--junit", str(junit))
    assert not leaks(report), leaks(report)
    assert status == 0
    assert not found_in(printed.encode())
    assert world.admin(SCHEMAS, database="selftest_holds") == "0"
    counts: dict[str, int] = report["counts"]  # type: ignore[assignment]
    suites = xml.parse(junit).getroot()
    assert {suite.get("failures") for suite in suites} == {"0"}
    assert sum(int(suite.get("tests", "0")) for suite in suites) == sum(counts.values())
    return counts


def test_a_gateway_that_holds_passes_planted_cases(
    world: World, holding: Gateway, tmp_path: Path
) -> None:
    only = ("--only", "planted/text/*", "--only", "planted/values/whole-row*")
    counts = holds(world, holding, tmp_path, *only)
    assert counts["masked"] > 20 and counts["refused"] > 20, counts


@pytest.mark.soak
def test_a_gateway_that_holds_passes_the_whole_corpus(
    world: World, holding: Gateway, tmp_path: Path
) -> None:
    counts = holds(world, holding, tmp_path, "--only", "planted/*")
    assert counts["masked"] > 300 and counts["refused"] > 400, counts


def test_own_columns_are_read_and_nothing_else(world: World, holding: Gateway) -> None:
    only = [f"--only=public.customers.email/values/{part}*" for part in "acjrsw"]
    status, report, printed = tried(holding, *only)
    assert status == 0, leaks(report)
    assert report["counts"]["masked"] > 30, report["counts"]  # type: ignore[index]
    assert not found_in(printed.encode())
    assert world.admin("select count(*) from customers", database="selftest_holds") == "3"


def test_a_run_is_in_the_evidence_and_in_the_report(holding: Gateway) -> None:
    status, report, _ = tried(holding, *FEW)
    assert status == 0, leaks(report)

    def last() -> dict[str, object] | None:
        made = holding.run("report", "masking-coverage", "--as", "json")
        return json.loads(made)["content"]["last_selftest"].get("shop")

    def is_told() -> bool:
        told = last()
        return bool(told) and all(told[key] == count for key, count in report["counts"].items())  # type: ignore[union-attr, index]

    until("the run is in the evidence", is_told, 20)
    assert "alice" in str(last()["subject"])  # type: ignore[index]


def test_a_typo_is_found_and_the_line_that_closes_it_is_told(world: World) -> None:
    """Detectors still mask what they see in plain texts: what is computed passes them."""
    gateway = gateway_of(world, "selftest_typo", classified={"public.custmers.email": "email"})
    status, report, printed = tried(gateway, *FEW)
    assert status == 1
    found = [it for it in leaks(report) if it["place"] == "public.customers.email"]
    assert found, report["counts"]
    assert "`public.customers.email: email`" in found[0]["remedy"]
    assert "`public.custmers.email` of `classify` names nothing" in found[0]["remedy"]
    assert not found_in(printed.encode())


def test_what_is_cleared_shows_and_the_setting_is_told(world: World) -> None:
    gateway = gateway_of(
        world,
        "selftest_clear",
        classified={},
        unclassified='{ clear: "every value in it was made up" }',
    )
    status, report, printed = tried(gateway, "--keep", *FEW)
    assert status == 1
    planted = [it for it in leaks(report) if it["place"] == "planted"]
    assert {it["case"] for it in planted} >= {"values/alias", "values/encode"}
    assert all("`unclassified: { clear: … }`" in it["remedy"] for it in planted)
    shown = gateway.try_run("selftest", "shop", *AS, "--only", "values/alias", seconds=300)
    assert shown.returncode == 1 and "LEAKED at planted" in shown.stdout
    # The people who were planted, as the target has them: none of them is in what was printed.
    schema = world.admin(
        "select nspname from pg_namespace where nspname ~ '^portreeve_selftest_[^_]*_[^_]*$'",
        database="selftest_clear",
    )
    people = world.admin(
        f"select string_agg(concat_ws(chr(10), email, ssn, iban, full_name, phone), chr(10)) "
        f"from {schema}.customers",
        database="selftest_clear",
    )
    values = people.splitlines()
    assert len(values) == 15
    assert not [value for value in values if value in printed]


def test_an_interrupt_leaves_nothing_at_the_target(world: World, holding: Gateway) -> None:
    process = subprocess.Popen(
        [str(portreeve()), "selftest", "shop", *AS],
        env=holding.environment,
        cwd=holding.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    database = "selftest_holds"
    until("it has planted", lambda: world.admin(SCHEMAS, database=database) == "2", 30)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and b"interrupted" in told
    assert world.admin(SCHEMAS, database=database) == "0"


def test_what_an_earlier_run_left_is_removed(world: World, holding: Gateway) -> None:
    database = "selftest_holds"
    old = "portreeve_selftest_0065000000_0badcafe"
    world.admin(f"create schema {old}; create schema {old}_archive", database=database)
    world.admin("create schema portreeve_selftest_of_mine", database=database)
    tried(holding, "--only", "planted/values/alias")
    names = world.admin(
        "select nspname from pg_namespace where nspname like 'portreeve%'", database=database
    )
    assert names == "portreeve_selftest_of_mine"


def test_somebody_has_to_ask_and_something_to_be_asked(holding: Gateway) -> None:
    done = holding.try_run("selftest", "shop")
    assert done.returncode == 1 and "`--as NAME`" in done.stderr
    done = holding.try_run("selftest", "shop", *AS, "--only", "no-such-case")
    assert done.returncode == 1 and "`--list` shows the cases" in done.stderr
    done = holding.try_run("selftest", "chop", *AS)
    assert done.returncode == 1 and "there is no resource `chop`" in done.stderr
    assert "values/alias" in holding.run("selftest", "shop", "--list")
