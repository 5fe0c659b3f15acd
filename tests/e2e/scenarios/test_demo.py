"""`make demo` tells a true story: every step of demo/run.sh checks what it shows."""

import os
import subprocess
from pathlib import Path

import pytest
from harness.paths import ROOT, portreeve

pytestmark = pytest.mark.gateway


def run_demo(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "demo" / "run.sh"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PORTREEVE_BIN": str(portreeve())} | environment,
        timeout=120,
    )


def test_the_story(tmp_path: Path) -> None:
    done = run_demo()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "\x1b" not in done.stdout, "colours only on a terminal"
    assert "Done; everything is stopped and removed." in done.stdout
    assert not list(Path("/tmp").glob("portreeve-demo.*/gateway.pid"))


def test_kept_and_stopped() -> None:
    done = run_demo(KEEP="1")
    stop = [ROOT / "demo" / "run.sh", "stop"]
    try:
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        lines = [line.strip() for line in done.stdout.splitlines()]
        psql = next(line for line in lines if line.startswith("PGPASSWORD=") and " psql " in line)
        python = next(line for line in lines if "planner.py" in line)
        review = next(line for line in lines if "reviews ls" in line)
        for command, expected in (
            (psql + " -At -c 'select 40 + 2'", "42"),
            (python, "planner: done"),
            (review, "no reviews"),
        ):
            pasted = subprocess.run(
                ["bash", "-c", command], capture_output=True, text=True, timeout=60
            )
            assert expected in pasted.stdout, pasted.stdout + pasted.stderr
    finally:
        stopped = subprocess.run(stop, capture_output=True, text=True, timeout=60)
    assert stopped.returncode == 0 and "nothing is left" in stopped.stdout
