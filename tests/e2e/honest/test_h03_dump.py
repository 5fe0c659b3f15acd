"""H3: who may read everything but personal data dumps it whole, masked, and can restore it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.paths import server_program
from harness.secrets import found_in
from harness.target import Target
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "dumped"


@pytest.fixture(scope="module")
def dev(world: World) -> Target:
    gateway: Gateway = honest_gateway(world, DATABASE)
    return gateway.target("dev")


def run(target: Target, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [server_program(program), *arguments],
        capture_output=True,
        env=os.environ | target.environment(),
        timeout=50,
    )


FORMS = {
    "plain": ("-Fp",),
    "inserts": ("-Fp", "--inserts"),
    "column-inserts": ("-Fp", "--column-inserts", "--rows-per-insert=2"),
    "custom": ("-Fc",),
    "tar": ("-Ft",),
    "directory": ("-Fd",),
    "parallel": ("-Fd", "-j", "2"),
    "schema-only": ("-Fp", "--schema-only"),
    "data-only": ("-Fc", "--data-only", "--disable-triggers"),
    "one-table": ("-Fc", "-t", "orders"),
    "serializable": ("-Fc", "--serializable-deferrable"),
    "no-owner": ("-Fc", "--no-owner", "--no-privileges"),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "dump"


@each(FORMS)
def test_dumps(dev: Target, place: Path, case: tuple[str, ...]) -> None:
    """pg_dump ends well in every format, and nothing raw is in what it writes."""
    done = run(dev, "pg_dump", *case, "-f", str(place))
    assert done.returncode == 0, done.stderr.decode()[:600]
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for file in files:
        assert not found_in(file.read_bytes()), file.name


RESTORES: dict[str, Callable[[Target, Path], list[str]]] = {
    "plain": lambda target, place: ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(place)],
    "custom": lambda target, place: [
        server_program("pg_restore"),
        "-e",
        "-d",
        target.database,
        str(place),
    ],
}


@each({"plain": "-Fp", "custom": "-Fc"})
def test_a_dump_restores(world: World, dev: Target, place: Path, case: str) -> None:
    """The dump is complete: it restores without an error, with every row."""
    done = run(dev, "pg_dump", case, "--no-owner", "-f", str(place))
    assert done.returncode == 0, done.stderr.decode()[:600]
    name = f"restored_{case.strip('-').lower()}"
    world.admin(f"create database {name}", database="postgres")
    direct = world.direct("portreeve", name)
    command = RESTORES["plain" if case == "-Fp" else "custom"](direct, place)
    restored = subprocess.run(
        command, capture_output=True, env=os.environ | direct.environment(), timeout=50
    )
    assert restored.returncode == 0, restored.stderr.decode()[:600]
    for table in ("customers", "orders", "crowd", "work.items"):
        sql = f"select count(*) from {table}"
        assert world.admin(sql, database=name) == world.admin(sql, database=DATABASE), table


STATEMENTS = {
    "row-security-off": "set row_security = off",
    "search-path-empty": "select pg_catalog.set_config('search_path', '', false)",
    "settings-reset": "select set_config(name, 'view, foreign-table', false) from pg_settings "
    "where name = 'restrict_nonsystem_relation_kind'",
    "subscriptions": "select s.tableoid, s.oid, s.subname from pg_subscription s",
    "snapshot": "select pg_catalog.pg_export_snapshot()",
    "isolation": "begin isolation level repeatable read, read only",
    "timeouts": "set statement_timeout = 0",
    "synchronize": "set synchronize_seqscans to off",
    "collation": "select datcollate, datctype from pg_database where datname = current_database()",
    "comments": "select description, classoid, objoid, objsubid from pg_description limit 3",
    "roles": "select oid, rolname from pg_roles order by 2",
    "large-objects": "select oid from pg_largeobject_metadata",
}


@each(STATEMENTS)
def test_what_dumps_ask(dev: Target, case: str) -> None:
    """The statements by which pg_dump prepares itself pass, one by one."""
    done = run(dev, "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", case)
    assert done.returncode == 0, done.stderr.decode()[:400]
    assert b"[personal]" not in done.stdout, "a snapshot, a name or a setting is masked"
