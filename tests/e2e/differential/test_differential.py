"""Honest work passes, and errors tell the truth: who may do everything with unclassified data gets
what a direct connection gives, message by message. What is different all the same has a reason."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.paths import ROOT
from harness.world import World

from .reasons import reasons
from .run import Counts, Run
from .script import DIFFERS, Script
from .traffic import FOLDER
from .twins import MODES, Twins

pytestmark = pytest.mark.gateway
SCRIPTS = Path(__file__).with_name("sql")
SURPRISES_SHOWN_MAX = 20


@pytest.fixture(scope="module")
def twins(world: World) -> Iterator[Twins]:
    twins = Twins(world, "differential")
    try:
        yield twins
    finally:
        twins.stop()


@pytest.fixture(scope="module")
def total(request: pytest.FixtureRequest) -> Iterator[Counts]:
    """Shown whether anything fails or not."""
    total = Counts()
    yield total
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\ndifferential run: {total}")


def as_expected(run: Run, total: Counts) -> None:
    counts = run.counts
    total.merge(counts)
    shown = "\n".join(str(one) for one in counts.surprises[:SURPRISES_SHOWN_MAX])
    assert not counts.surprises, f"{len(counts.surprises)} surprises:\n{shown}"
    assert counts.alike, "nothing was compared"


def test_the_page_tells_every_reason() -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text()
    told = re.findall(r"^\| `([\w-]+)` \|", page.split("## Different on purpose")[1], re.MULTILINE)
    assert sorted(told) == sorted(reasons())


def test_every_reason_is_met() -> None:
    """A reason that nothing needs any more goes; the suite's own are met by the long form."""
    scripts = " ".join(path.read_text() for path in SCRIPTS.glob("*.sql"))
    met = {reason for _, reason in DIFFERS.findall(scripts)}
    for flights in json.loads((FOLDER / "differs.json").read_text()).values():
        met |= set(flights.values())
    assert met == {name for name, reason in reasons().items() if not reason.is_long}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", sorted(path.stem for path in SCRIPTS.glob("*.sql")))
def test_statements(twins: Twins, total: Counts, name: str, mode: str) -> None:
    twins.reset()
    run = Run(twins, is_told=True)
    run.script(name, Script((SCRIPTS / f"{name}.sql").read_text()), mode)
    as_expected(run, total)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.jsonl")))
def test_traffic_of_tools(twins: Twins, total: Counts, name: str) -> None:
    twins.shop()
    run = Run(twins, is_told=True)
    expected = json.loads((FOLDER / "differs.json").read_text()).get(name, {})
    run.traffic(name, FOLDER / f"{name}.jsonl", expected)
    as_expected(run, total)
