"""The evidence as the binary shows it. The only file that knows what its JSON looks like."""

import base64
import json
import subprocess
from pathlib import Path

from .gateway import Gateway

# A busy machine takes long for thousands of sessions.
VERIFY_SECONDS_MAX = 240


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


def differing(gateway: Gateway) -> list[str]:
    """The recorded decisions of all the gateway's sessions that do not reproduce."""
    _, report = verify(gateway)
    findings: list[dict[str, object]] = report.get("findings", [])
    return [str(found) for found in findings if found["severity"] == "unreproduced"]
