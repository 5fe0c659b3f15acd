"""What the drivers share."""

import pytest
from harness.target import Target
from harness.world import World


@pytest.fixture(scope="session")
def verified_reader(world: World, kind: str) -> Target:
    """alice's agents over TLS with the certificate checked."""
    if kind == "direct":
        return world.direct("alice")
    return world.shared.target("alice", "planner", "sql-agent", ca=world.postgres.ca)


@pytest.fixture(autouse=True)
def clean_work(world: World) -> None:
    world.admin("truncate work.items, work.other restart identity")
