"""The evidence as the binary shows it. The only file that knows what its JSON looks like."""

import base64
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .gateway import Gateway

# A busy machine takes long for thousands of sessions.
VERIFY_SECONDS_MAX = 240
# What `verify` ends with when nothing was changed, and something is not there.
INCOMPLETE = 2


def sessions(gateway: Gateway) -> list[dict[str, object]]:
    return gateway.json("sessions", "ls", "--limit", "100000")["sessions"]


def session_of(gateway: Gateway, application: str) -> dict[str, object]:
    """The one session whose client called itself so."""
    found = [entry for entry in sessions(gateway) if entry.get("application") == application]
    assert len(found) == 1, f"{len(found)} sessions of `{application}`"
    return found[0]


def moments(gateway: Gateway, session: str) -> list[dict[str, object]]:
    """Everything that passed, in order."""
    return gateway.json("sessions", "replay", session)["moments"]


def passed(gateway: Gateway, session: str, direction: str) -> bytes:
    """The recorded bytes of one direction: `to-client` or `from-client`."""
    return passed_both(gateway, session)[direction]


def passed_both(gateway: Gateway, session: str) -> dict[str, bytes]:
    """The recorded bytes of both."""
    found = {"to-client": bytearray(), "from-client": bytearray()}
    for moment in moments(gateway, session):
        if "bytes" in moment:
            found[moment["direction"]] += base64.b64decode(moment["bytes"])
    return {direction: bytes(data) for direction, data in found.items()}


def verify(gateway: Gateway, directory: Path | None = None) -> tuple[int, dict[str, object]]:
    """Exit status and report."""
    where = [str(directory)] if directory else []
    done: subprocess.CompletedProcess[str] = gateway.try_run(
        "verify", *where, "--format", "json", seconds=VERIFY_SECONDS_MAX
    )
    try:
        return done.returncode, json.loads(done.stdout)
    except json.JSONDecodeError:
        return done.returncode, {"error": done.stdout + done.stderr}


@dataclass
class Checked:
    """What a gateway's log was found to be when the gateway had ended."""

    records: int = 0
    # Everything for which nobody should believe this log.
    problems: list[str] = field(default_factory=list)


def checked(gateway: Gateway) -> Checked | None:
    """None where there is no log, because the gateway never got as far as that."""
    directory = gateway.data_dir / "evidence"
    if not directory.is_dir():
        return None if gateway.never_ready else Checked(problems=["its evidence is gone"])
    status, report = verify(gateway, gateway.data_dir)
    problems = unsound(gateway, status, report)
    if gateway.spoiled:
        # Who says so has to be right: a log that holds in spite of it was not spoiled.
        problems = [] if problems else [f"it holds, and is said to be spoiled: {gateway.spoiled}"]
    return Checked(report.get("records", 0), problems)


def unsound(gateway: Gateway, status: int, report: dict[str, object]) -> list[str]:
    """What is wrong with the log; its end may be missing where its writer was killed."""
    if "error" in report:
        return [f"verify gives no report, and {status}: {report['error']}"]
    allowed = ("note", "incomplete") if gateway.was_killed else ("note",)
    findings: list[dict[str, object]] = report["findings"]
    problems = [str(found) for found in findings if found["severity"] not in allowed]
    if status not in ((0, INCOMPLETE) if gateway.was_killed else (0,)):
        problems.append(f"verify ends with {status}, its report with `{report['status']}`")
    return problems
