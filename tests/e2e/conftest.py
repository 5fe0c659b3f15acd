"""Options and the world shared by all end-to-end tests."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.paths import portreeve  # noqa: E402
from harness.target import Target  # noqa: E402
from harness.world import World  # noqa: E402

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController


# How much evidence was verified behind the tests: logs, and records in them. Said at the end, so
# that nobody takes none for all.
VERIFIED = pytest.StashKey[tuple[int, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--target",
        choices=("direct", "gateway"),
        default="gateway",
        help="what the drivers connect to; `direct` proves the harness itself",
    )
    parser.addoption(
        "--via",
        choices=("gateway", "connector"),
        default="gateway",
        help="who reaches targets for the shared gateways and those that do not say so",
    )
    parser.addoption("--soak", action="store_true", help="the long forms too")
    parser.addoption(
        "--kills", type=int, default=3, help="how often a gateway is killed under load (3)"
    )
    parser.addoption(
        "--model-steps",
        type=int,
        default=120,
        help="reads of the model of the fence (120; its long form has 100,000)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes; run by `make soak`")
    config.addinivalue_line("markers", "gateway: makes no sense on a direct connection")


# Of the attacks by class and the honest work, what belongs to the gate. The others are run by
# `make soak` until they have held twice in a row on one tree.
IN_GATE = (
    "test_a_adopted.py",
    "test_a_fence.py",
    "test_a_inside.py",
    "test_a_lifetimes.py",
    "test_a_model.py",
    "test_a_standby.py",
    "test_a_unseen_definitions.py",
    "test_a_writes.py",
    "test_b_built.py",
    "test_b_code.py",
    "test_c_approvals.py",
    "test_c_examples.py",
    "test_e_changes.py",
    "test_h01_hibernate.py",
    "test_h01_masked_values.py",
    "test_h01_orm_statements.py",
    "test_h03_dump.py",
    "test_h04_startup.py",
    "test_h05_messages.py",
    "test_h07_migrations.py",
    "test_h13_every_type.py",
    "test_h15_monitoring.py",
    "test_h21_names.py",
    "test_migration_sql.py",
    "test_tools.py",
)


def is_long(item: pytest.Item) -> bool:
    by_class = item.path.parent.name in ("security", "honest")
    return bool(item.get_closest_marker("soak")) or (by_class and item.path.name not in IN_GATE)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    direct = config.getoption("--target") == "direct"
    dropped = [
        item
        for item in items
        if (is_long(item) and not config.getoption("--soak"))
        or (direct and item.get_closest_marker("gateway"))
    ]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
    if not direct and not portreeve().exists():
        pytest.exit(f"no binary at {portreeve()}; run `cargo build -p portreeve` first", 2)


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(via=request.config.getoption("--via"))
    try:
        yield world
    finally:
        try:
            world.stop()
        finally:
            request.config.stash[VERIFIED] = world.verified


@pytest.fixture(scope="module", autouse=True)
def gateways_of_the_file(world: World) -> Iterator[None]:
    mark = len(world.gateways)
    yield
    world.end_since(mark)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["verified"] = session.config.stash.get(VERIFIED, (0, 0))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: "WorkerController") -> None:
    verified = getattr(node, "workeroutput", {}).get("verified", (0, 0))
    stash = node.config.stash
    logs, records = stash.get(VERIFIED, (0, 0))
    stash[VERIFIED] = (logs + verified[0], records + verified[1])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if VERIFIED in config.stash:
        logs, records = config.stash[VERIFIED]
        terminalreporter.write_line(f"{logs} logs, {records} records verified")


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--target")


@pytest.fixture(scope="session")
def reader(world: World, kind: str) -> Target:
    """alice through her planner and its subagent: reads, masked."""
    return world.target(kind, "alice", "planner", "sql-agent")


@pytest.fixture(scope="session")
def writer(world: World, kind: str) -> Target:
    """walt himself: reads everything masked, writes and defines in schema `work`."""
    return world.target(kind, "walt")
