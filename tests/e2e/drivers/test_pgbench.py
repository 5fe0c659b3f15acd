"""P6: pgbench works unchanged in all its query modes, pipelines included."""

import os
import subprocess
from pathlib import Path

import pytest
from harness.paths import server_program
from harness.target import Target
from harness.world import World

PIPELINE = """\
\\set aid random(1, 100000)
\\startpipeline
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid + 1;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid + 2;
\\endpipeline
"""


@pytest.fixture(scope="module", autouse=True)
def tables(world: World) -> None:
    environment = os.environ | world.direct("portreeve").environment()
    command = [server_program("pgbench"), "-i", "-q", "-s", "1"]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    world.admin(
        "grant all on pgbench_accounts, pgbench_tellers, pgbench_branches, pgbench_history to walt"
    )


def pgbench(target: Target, *arguments: str) -> str:
    done = subprocess.run(
        [server_program("pgbench"), "-n", "-c", "4", *arguments],
        env=os.environ | target.environment(),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    assert "number of failed transactions: 0 " in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_selects(writer: Target, mode: str) -> None:
    pgbench(writer, "-S", "-M", mode, "-t", "100")


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_transactions(writer: Target, mode: str) -> None:
    pgbench(writer, "-N", "-M", mode, "-t", "25")


@pytest.mark.parametrize("mode", ["extended", "prepared"])
def test_pipelines(writer: Target, tmp_path: Path, mode: str) -> None:
    script = tmp_path / "pipeline.sql"
    script.write_text(PIPELINE)
    pgbench(writer, "-M", mode, "-f", str(script), "-t", "50")


def test_connects_for_each_transaction(writer: Target) -> None:
    pgbench(writer, "-S", "-C", "-t", "10")
