"""Ways around the gateway: what tells the marker on the machine directly does not through it.

The commands are in `corpus/bypass/ssh`."""

import base64
import binascii
import bz2
import codecs
import gzip
import lzma
import re
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from .conftest import Shell

CORPUS = Path(__file__).parents[3] / "corpus" / "bypass" / "ssh"

EMAIL = b"yrsa.dahl@example.org"
CARD = b"4111111111111111"
PEOPLE = "id,name,email,card\n1,Yrsa Dahl,yrsa.dahl@example.org,4111 1111 1111 1111\n"

# Each logs in on three machines in turn: the gate runs one in six, `--soak` all of them.
IN_GATE = 6

# Those that tests of their own run.
OWN = ("terminals", "undecided", "sql")

LINES = [
    (f"{file.stem}:{number}", line)
    for file in sorted(CORPUS.glob("*.txt"))
    if file.stem not in OWN
    for number, line in enumerate(file.read_text().splitlines(), 1)
    if line.strip() and not line.startswith("#")
]
CASES = [
    pytest.param(line, id=name, marks=() if at % IN_GATE == 0 else pytest.mark.soak)
    for at, (name, line) in enumerate(LINES)
]

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b.|.\x08")


def readings(output: bytes) -> Iterator[bytes]:
    """An output as somebody would read it who wants to know."""
    yield output
    clean = ESCAPES.sub(b"", output)
    yield clean
    yield re.sub(rb"\s", b"", clean)
    yield re.sub(rb"\s|\$|\^I|\\|\"|'", b"", clean)
    yield re.sub(rb"[\s\0]", b"", clean)[::-1]
    yield b"".join(line[::-1] for line in clean.splitlines())
    yield codecs.encode(clean.decode("latin-1"), "rot13").encode("latin-1")
    yield re.sub(rb" at |#", b"@", clean)
    yield clean.replace(b"dahlexample", b"dahl@example")
    yield re.sub(rb"^[0-9a-f]{6,8}:?", b"", clean, flags=re.M)
    for hexadecimal in (
        re.sub(rb"^[0-9a-f]{7,8}:? |  .*$", b"", clean, flags=re.M),
        re.sub(rb"^[0-9a-f]{8}  | +\|.*$", b"", clean, flags=re.M),
        clean,
        clean.replace(b"\\x", b""),
    ):
        try:
            yield binascii.unhexlify(re.sub(rb"\s", b"", hexadecimal))
        except binascii.Error:
            pass
    yield re.sub(rb"\\n|\s|^[0-7]{7}", b"", clean, flags=re.M)


def unpacked(output: bytes) -> Iterator[bytes]:
    for reading in readings(output):
        yield reading
        bare = re.sub(rb"\s", b"", reading)
        for decode in (base64.b64decode, base64.b32decode):
            try:
                yield decode(bare)
            except (binascii.Error, ValueError):
                pass


def tells(output: bytes) -> bool:
    for reading in unpacked(output):
        again = [reading]
        for unpack in (gzip.decompress, bz2.decompress, lzma.decompress, base64.b64decode):
            try:
                again.append(unpack(reading))
            except Exception:  # It is none of that.
                pass
        for text in again:
            bare = re.sub(rb"[\s,]", b"", text.replace(b"\0", b""))
            if EMAIL in text or EMAIL in bare or CARD in bare or b"yrsa.dahl" in bare and b"example.org" in bare:
                return True
    return False


@pytest.fixture(scope="module")
def files(shell: Shell) -> None:
    put = shell.sshd.put
    put("people.csv", PEOPLE)
    put("empty", "")
    put("names.txt", "people.csv\n")
    put("card.txt", CARD + b"\n")
    put("script.sh", "#!/bin/sh\ncat people.csv\n").chmod(0o755)
    put("cards.txt", b"one\n" + CARD + b"\n")
    put("d2/here", CARD + b"\n")
    put("cards/4111111111111111", "")
    put("people.json", '{"email": "yrsa.dahl@example.org"}\n')
    put("people.sql", "INSERT INTO p VALUES ('yrsa.dahl@example.org');\n")
    put("people.xml", "<p><email>yrsa.dahl@example.org</email></p>\n")
    put("coloured.txt", "to yrsa.\x1b[1;31mdahl@exa\x1b[0mmple.org\n")
    put("overstruck.txt", "to " + "".join(f"{letter}\b{letter}" for letter in EMAIL.decode()) + "\n")
    put("titled.txt", "to yrsa.dahl@\x1b]0;a title\x07example.org\n")
    put("returns.txt", "to x\ryrsa.dahl@example.org\r\n")
    put("cursor.txt", "to yrsa.dahl@\x1b[1Cexample.org\n")
    put("long.txt", "x" * 5000 + " yrsa.dahl@example.org " + "y" * 100_000 + "\n")
    put("wide.txt", "word " * 20_000 + "yrsa.dahl@example.org\n")
    put("key.txt", "nothing\n")
    put("d/here", "")
    put("names/yrsa.dahl@example.org", "")
    link = shell.sshd.home / "link.csv"
    if not link.exists():
        link.symlink_to("people.csv")
    (shell.sshd.home / "out").mkdir(exist_ok=True)


@pytest.fixture(scope="module")
def lines(shell: Shell, files: None) -> Iterator[dict[str, paramiko.Transport]]:
    """A connection to the machine, and one through the gateway for each who asks."""
    found = {}
    direct = paramiko.Transport(("127.0.0.1", shell.sshd.port))
    direct.connect(username=shell.sshd.user, pkey=paramiko.Ed25519Key(filename=str(shell.sshd.key)))
    found["direct"] = direct
    for name in ("alice", "rolf"):
        line = paramiko.Transport(("127.0.0.1", shell.gateway.port))
        line.connect(username="web", password=shell.gateway.token(name))
        found[name] = line
    yield found
    for line in found.values():
        line.close()


def told(line: paramiko.Transport, command: str) -> tuple[bool, bytes, bytes]:
    channel = line.open_session(timeout=30)
    channel.settimeout(30)
    channel.exec_command(command)
    channel.shutdown_write()
    output = channel.makefile("rb").read()
    errors = channel.makefile_stderr("rb").read()
    channel.close()
    errors = errors.replace(command.encode(), b"")
    return tells(output) or tells(errors), output, errors


def cleared(shell: Shell) -> None:
    for file in (shell.sshd.home / "out").iterdir():
        if not file.is_dir():
            file.unlink()


def tells_on_the_machine_alone(
    shell: Shell, lines: dict[str, paramiko.Transport], command: str
) -> None:
    cleared(shell)
    direct = told(lines["direct"], f"cd {shell.sshd.home} && {{ {command}\n}}")
    assert direct[0], ("it proves nothing", direct)
    for name in ("alice", "rolf"):
        cleared(shell)
        seen = told(lines[name], command)
        assert not seen[0], (name, seen)


@pytest.mark.parametrize("command", CASES)
def test_tells_on_the_machine_and_not_through_the_gateway(
    shell: Shell, lines: dict[str, paramiko.Transport], command: str
) -> None:
    tells_on_the_machine_alone(shell, lines, command)


KEY = b"the vault stands open"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(line, id=f"undecided:{number}")
        for number, line in enumerate((CORPUS / "undecided.txt").read_text().splitlines(), 1)
        if not line.startswith("#")
    ],
)
def test_what_is_forbidden_is_not_read_by_another_reading(
    shell: Shell, lines: dict[str, paramiko.Transport], command: str
) -> None:
    shell.sshd.put("vault/key", KEY + b"\n")
    shell.sshd.put("vault/-", KEY + b"\n")
    shell.sshd.put("shelf/one/file", "")
    shell.sshd.put("odd/-e1ecd ..;cd vault;cat key", "")
    shell.sshd.put("odd/here", "nothing\n")
    _, *direct = told(lines["direct"], f"cd {shell.sshd.home} && {{ {command}\n}}")
    assert KEY in b"".join(direct), ("it proves nothing", direct)
    _, *seen = told(lines["alice"], command)
    assert KEY not in b"".join(seen), seen
