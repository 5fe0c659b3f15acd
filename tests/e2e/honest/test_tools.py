"""Migrations and ORMs as people use them, for a developer who may do all but see personal data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.gateway import Gateway
from harness.paths import NODE_MODULES, node
from harness.target import Target
from harness.world import CLASSIFIED, World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
TOOLS = Path(__file__).parent / "tools"
CLASSIFIES = CLASSIFIED | {
    "*.auth_user.email": "email",
    "*.sa_reader.email": "email",
    "*.sa_reader.full_name": "name",
    "*.sq_people.email": "email",
    "*.sq_people.full_name": "name",
}

STEPS = {
    "django_app.py": (
        "migrate", "migrate-again", "show-migrations", "create", "save-some", "save-whole", "lock",
        "queries", "nested", "inspect", "flush", "migrate-back",
    ),
    "alembic_run.py": ("upgrade-one", "upgrade-head", "current", "compare", "downgrade"),
    "sqlalchemy_orm.py": (
        "create-all", "create-all-again", "add", "change", "merge-whole", "upsert", "ask",
        "advisory-lock", "reflect", "drop-all",
    ),
    "knex.mjs": (
        "latest", "current-version", "has-table", "column-info", "insert", "upsert", "transaction",
        "lock", "rollback",
    ),
    "drizzle.mjs": (
        "migrate", "migrate-again", "insert", "select", "transaction", "raw", "orders",
    ),
    "pg_boss.mjs": ("start", "create-queue", "send", "fetch", "size", "maintain"),
    "sequelize.mjs": (
        "authenticate", "sync", "sync-alter", "create", "save-some", "include", "transaction",
        "describe", "schemas",
    ),
}  # fmt: skip
TOOL_SECONDS_MAX = 300
# Steps that save personal data's mask back are refused with advice; the rest must pass.
REFUSED = {("django_app.py", "save-whole"), ("sqlalchemy_orm.py", "merge-whole")}


def results_of(tool: str, target: Target) -> dict[str, dict[str, str] | None]:
    """By step: null, or how it failed."""
    settings = {
        "host": target.host,
        "port": target.port,
        "user": target.user,
        "password": target.password,
        "database": target.database,
        "url": target.url("postgresql+psycopg"),
        "modules": str(NODE_MODULES),
    }
    program = [sys.executable] if tool.endswith(".py") else [node()]
    mode = {".py": "require", ".mjs": "no-verify"}[Path(tool).suffix] if target.ca else "disable"
    done = subprocess.run(
        [*program, str(TOOLS / tool)],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        timeout=TOOL_SECONDS_MAX,
        env=os.environ | {"PGSSLMODE": mode},
    )
    assert done.returncode == 0 and done.stdout, done.stderr[-3000:]
    # Tools may print what they like before.
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return honest_gateway(world, "tooled", classified=CLASSIFIES)


@pytest.fixture(scope="module")
def results(gateway: Gateway) -> dict[str, dict[str, dict[str, str] | None]]:
    return {}


@pytest.mark.parametrize("tool", STEPS)
def test_the_tool_itself(world: World, tool: str) -> None:
    """On a direct connection every step passes: if this fails, the rest proves nothing."""
    name = f"tool_{tool.split('.')[0]}"
    world.admin(f"create database {name} template shop_template", database="postgres")
    results = results_of(tool, world.direct("portreeve", name))
    failed = {step: how for step, how in results.items() if how}
    assert not failed, failed


def every_step() -> list[object]:
    return [
        pytest.param(tool, step, id=f"{tool.split('.')[0]}-{step}")
        for tool, steps in STEPS.items()
        for step in steps
    ]


@pytest.mark.parametrize(("tool", "step"), every_step())
def test_a_tool_works(
    gateway: Gateway, results: dict[str, dict[str, object]], tool: str, step: str
) -> None:
    """A standard tool works unchanged, step by step."""
    if tool not in results:
        results[tool] = {}
        results[tool] = results_of(tool, gateway.target("dev"))
    assert step in results[tool], "the tool did not come to an end"
    how = results[tool][step]
    if (tool, step) in REFUSED:
        assert how and "changed" in how["message"], f"it must not save the mask: {how}"
    else:
        assert how is None, how
