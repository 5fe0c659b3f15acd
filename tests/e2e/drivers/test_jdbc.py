"""P6: JDBC works unchanged. The client's side is in jdbc/Matrix.java."""

from collections import defaultdict

import pytest
from harness.expect import customers_are_masked, refusal_is_helpful
from harness.java import Program
from harness.target import Target
from harness.world import World

Facts = dict[str, list[list[str]]]


@pytest.fixture(scope="module")
def facts(world: World, reader: Target, writer: Target) -> Facts:
    world.admin("truncate work.items, work.other restart identity")
    program = Program("Matrix", world.directory / "classes")
    facts: Facts = defaultdict(list)
    for name, values in program.lines(reader, writer):
        facts[name].append(values)
    return facts


@pytest.mark.parametrize(
    "name",
    [
        "statement",
        "server-prepared",
        "fetch-size",
        "binary",
        "simple-mode",
        "after-refused",
        "after-rollback",
    ],
)
def test_selects_masked(reader: Target, facts: Facts, name: str) -> None:
    customers_are_masked(reader, [tuple(row) for row in facts[name]])


@pytest.mark.parametrize("name", ["refused", "refused-in-transaction"])
def test_refusal_is_the_ordinary_exception(reader: Target, facts: Facts, name: str) -> None:
    refusal_is_helpful(reader, *facts[name][0])


def test_refusal_leaves_the_transaction_aborted(facts: Facts) -> None:
    assert facts["aborted"][0][0] == "25P02"


def test_metadata(facts: Facts) -> None:
    assert facts["columns"][0][:3] == ["id", "full_name", "email"]
    assert facts["table"] == [["orders"]] and facts["key"] == [["id"]]


def test_batches_keys_and_copy(facts: Facts) -> None:
    assert facts["batch"] == [["300"]] and facts["generated-key"] == [["1"]]
    assert facts["copy-in"] == [["2000"]] and facts["copy-out"] == [["2300"]]


def test_big_result_streams(facts: Facts) -> None:
    assert facts["big"] == [[str(100_000 * 100_001 // 2)]]
