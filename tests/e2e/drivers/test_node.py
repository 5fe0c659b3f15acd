"""P6: node-postgres works unchanged. The client's side is in node/matrix.mjs."""

import json
import subprocess

import pytest
from harness.expect import REFUSED, customers_are_masked, notified, refusal_is_helpful
from harness.paths import E2E, NODE_MODULES, node
from harness.target import Target
from harness.world import World


def settings(target: Target) -> dict[str, object]:
    return {
        "host": target.host,
        "port": target.port,
        "user": target.user,
        "password": target.password,
        "database": target.database,
        "ca": str(target.ca) if target.ca else None,
    }


@pytest.fixture(scope="module")
def results(world: World, reader: Target, writer: Target) -> dict[str, object]:
    world.admin("truncate work.items, work.other restart identity")
    given = {"modules": str(NODE_MODULES), "reader": settings(reader), "writer": settings(writer)}
    done = subprocess.run(
        [node(), str(E2E / "node" / "matrix.mjs")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "name", ["simple", "parameters", "named", "binary", "cursor", "severalResults", "pool"]
)
def test_selects_masked(reader: Target, results: dict[str, object], name: str) -> None:
    customers_are_masked(reader, [tuple(row) for row in results[name]])


@pytest.mark.parametrize("name", ["refused", "refusedPrepared", "refusedInTransaction"])
def test_refusal(reader: Target, results: dict[str, object], name: str) -> None:
    result = results[name]
    error = result["error"]
    refusal_is_helpful(reader, error["sqlstate"], error.get("detail"), error.get("hint"))
    if name == "refusedInTransaction":
        assert result["aborted"]["sqlstate"] == "25P02"
    customers_are_masked(reader, [tuple(row) for row in result["after"]])
    assert REFUSED == error["sqlstate"]


def test_big_result_streams(results: dict[str, object]) -> None:
    assert results["big"] == 100_000 * 100_001 // 2


def test_writes(results: dict[str, object]) -> None:
    assert results["write"] == [[1, "a"], [2, "b"]]


def test_notifications(writer: Target, results: dict[str, object]) -> None:
    assert results["notify"] == notified(writer)
