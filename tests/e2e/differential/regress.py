"""PostgreSQL's own regression suite, from somebody's copy of its sources: what of it is harmless.

Its files are PostgreSQL's, so none of them is here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from .run import Run
from .script import Script, Step
from .twins import Side, Twins, direct_target, messages_of

# What needs files, libraries or rights of the machine, ends servers, or is about psql itself.
LEFT_OUT = {
    "create_function_c": "loads a library that is built with the suite",
    "database": "makes databases",
    "infinite_recurse": "exhausts the stack",
    "largeobject": "calls functions by the fast path, and files of the server",
    "psql": "is about what psql prints",
    "psql_crosstab": "is about what psql prints",
    "random": "is different each time",
    "stats": "waits for statistics",
    "tablespace": "makes folders",
    "test_setup": "is run on all sides directly",
    "vacuum_parallel": "is about when things happen",
}
# Each server has numbers of its own for sessions (their temporary schema) and transactions.
OF_ONE_SERVER = re.compile(
    r"reindex_temp_before|\bpg_temp_\d|\bpg_(current_xact|xact_status|snapshot|visible)|\btxid_"
)
# Rows of files are sent as psql's `\\copy` would.
FROM_FILE = re.compile(r"(\bfrom\s+)'([^']+\.data)'", re.IGNORECASE)


def schedule(folder: Path) -> list[str]:
    """The names of the suite's scripts in their order."""
    lines = (folder / "parallel_schedule").read_text().splitlines()
    named = [name for line in lines if line.startswith("test:") for name in line.split()[1:]]
    return [name for name in named if name not in LEFT_OUT]


def script_of(folder: Path, name: str) -> Script:
    text = (folder / "sql" / f"{name}.sql").read_text(errors="replace")
    known = {"abs_srcdir": str(folder), "abs_builddir": str(folder), "libdir": "", "dlsuffix": ""}
    return Script(text, known)


def with_data(step: Step, folder: Path) -> Step:
    """What the server would read from a file of the suite, the client sends."""
    found = FROM_FILE.search(step.sql)
    if not found or not (path := Path(found[2])).is_relative_to(folder) or not path.exists():
        return step
    sql = FROM_FILE.sub(r"\1stdin", step.sql)
    return Step(sql, step.line, path.read_bytes, step.differs, step.then)


def prepare(twins: Twins, folder: Path) -> None:
    """What all other scripts rest on, done on each server past the gateway."""
    for server in twins.servers:
        side = Side(direct_target(server), {})
        for step in script_of(folder, "test_setup").steps():
            if step.sql:
                step = with_data(step, folder)
                side.send(messages_of(step.sql, "simple"), step.data)
        side.disconnect()


def play(run: Run, folder: Path, names: list[str], mode: str) -> Iterator[str]:
    """Runs the scripts one by one; gives the name of each that is over."""
    run.keep = lambda step: not OF_ONE_SERVER.search(step.sql)
    run.change = lambda step: with_data(step, folder)
    for name in names:
        run.script(name, script_of(folder, name), mode)
        yield name
