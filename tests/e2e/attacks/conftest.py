"""Every attack is watched by an innocent session, which must not notice anything."""

import struct
from collections.abc import Iterator

import pytest
from harness.secrets import found_in
from harness.target import Target
from harness.wire import Wire


@pytest.fixture(autouse=True)
def bystander(reader: Target) -> Iterator[Wire]:
    """A session from before the attack, still in order after it; and a new one gets in."""
    wire = Wire.open(reader)
    yield wire
    assert wire.query("select 40 + 2").rows == [[b"42"]], "the bystander was disturbed"
    wire.terminate()
    with Wire.open(reader) as late:
        assert late.query("select 1").rows == [[b"1"]], "nobody gets in any more"


class Outcome:
    """What came back until the connection ended, or until nothing more came."""

    def __init__(self, wire: Wire, already: int, seconds: float = 5.0):
        wire.socket.settimeout(seconds)
        try:
            while wire.read_some():
                pass
            self.closed = True
        except TimeoutError:
            self.closed = False
        except OSError:
            self.closed = True
        self.bytes = bytes(wire.received[already:])
        self.kinds, self.errors, self.rest = split(self.bytes)


def split(data: bytes) -> tuple[str, list[dict[str, str]], bytes]:
    """Whole messages of a stream: their kinds, the errors, and what is left over."""
    kinds, errors, at = "", [], 0
    while at + 5 <= len(data):
        (length,) = struct.unpack_from(">i", data, at + 1)
        if length < 4 or at + 1 + length > len(data):
            break
        kinds += chr(data[at])
        if data[at : at + 1] == b"E":
            parts = data[at + 5 : at + 1 + length].rstrip(b"\0").split(b"\0")
            errors.append(
                {chr(part[0]): part[1:].decode(errors="replace") for part in parts if part}
            )
        at += 1 + length
    return kinds, errors, data[at:]


def ends_cleanly(wire: Wire, already: int = 0, seconds: float = 10.0) -> Outcome:
    """The connection is closed, after nothing or after a readable error."""
    outcome = Outcome(wire, already, seconds)
    wire.close()
    assert outcome.closed, f"still open after {seconds} s: {outcome.bytes[:200]!r}"
    assert not outcome.rest, f"not a message: {outcome.rest[:100]!r}"
    assert not found_in(outcome.bytes)
    return outcome
