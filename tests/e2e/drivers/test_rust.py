"""P6: tokio-postgres and sqlx work unchanged. The client's side is in rust/src/main.rs."""

import json
import subprocess

import pytest
from harness.expect import customers_are_masked, refusal_is_helpful
from harness.paths import E2E, ROOT, TEST_ENV
from harness.target import Target

DRIVERS = ["tokioPostgres", "sqlx"]


@pytest.fixture(scope="module")
def results(reader: Target) -> dict[str, dict]:
    folder = TEST_ENV / "rust-drivers"
    build = [ROOT / "scripts" / "cargo.sh", "build", "--quiet", "--locked", "--offline"]
    where = ["--manifest-path", E2E / "rust" / "Cargo.toml", "--target-dir", folder]
    subprocess.run([*build, *where], check=True, timeout=900)
    done = subprocess.run(
        [folder / "debug" / "rust-drivers", reader.url()],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("driver", DRIVERS)
def test_selects_masked(reader: Target, results: dict[str, dict], driver: str) -> None:
    customers_are_masked(reader, [tuple(row) for row in results[driver]["binary"]])


def test_requests_in_flight_together(reader: Target, results: dict[str, dict]) -> None:
    one, two = results["tokioPostgres"]["pipelined"]
    customers_are_masked(reader, [tuple(row) for row in one])
    assert two == one[1:]


@pytest.mark.parametrize("how", ["text", "copied"])
def test_no_marker_in_text_or_copy(reader: Target, results: dict[str, dict], how: str) -> None:
    seen = json.dumps(results["tokioPostgres"][how])
    assert ("marker@leak" in seen) == (not reader.guarded)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("where", ["refused", "inside"])
def test_refusal(reader: Target, results: dict[str, dict], driver: str, where: str) -> None:
    error = results[driver][where]
    refusal_is_helpful(reader, error["sqlstate"], error.get("detail"), error.get("hint"))


def test_state_after_refusals(results: dict[str, dict]) -> None:
    assert results["tokioPostgres"]["after"]["sqlstate"] == "25P02"
    assert results["tokioPostgres"]["cancelled"]["sqlstate"] == "57014"
    assert results["sqlx"]["usable"] == 5


@pytest.mark.parametrize("driver", DRIVERS)
def test_big_result_streams(results: dict[str, dict], driver: str) -> None:
    assert results[driver]["sum"] == 100_000 * 100_001 // 2
