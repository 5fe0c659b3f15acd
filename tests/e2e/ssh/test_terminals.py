"""Terminals: a right of their own, masked as they are painted, recorded without passwords, ended at once."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from types import TracebackType

import paramiko
import pytest
from harness.screen import Terminal

from .conftest import Shell
from .test_bypass import CORPUS, EMAIL, IN_GATE, PEOPLE
from .test_closed import last_session

LINES = [
    line
    for line in (CORPUS / "terminals.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


# A signal tells of the size, and what is typed overtakes it.
RESIZED = "until [ \"$(stty size)\" = '{}' ]; do sleep 0.01; done; echo resi''zed\r"


class Sitting:
    """OpenSSH's client in a terminal of its own, with somebody before it."""

    def __init__(self, shell: Shell, *command: str, token: str, options: tuple[str, ...] = ("-tt",)):
        arguments = [*shell.client(*options), *command]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], arguments, shell.environment(token) | {"TERM": "xterm-256color"})
        self.output = b""
        self.resize(80, 24)

    def __enter__(self) -> "Sitting":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def read(self, seconds: float) -> bool:
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def until(self, wanted: str, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        while not re.search(wanted, self.screen()):
            assert time.monotonic() < deadline and self.read(seconds), (wanted, self.output)
        return self.screen()

    def screen(self) -> str:
        terminal = Terminal()
        terminal.feed(self.output.decode(errors="replace"))
        return terminal.picture()

    def end(self) -> int:
        while self.read(30):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_shell_works_as_it_would_without_a_gateway(shell: Shell) -> None:
    with Sitting(shell, token=shell.gateway.token("terry")) as sitting:
        sitting.type("PS1='%'; echo $((6 * 7)) ready\r")
        sitting.until(r"\n42 ready")
        sitting.type("stty size; echo $TERM\r")
        sitting.until(r"\n24 80\n.*xterm-256color")
        sitting.resize(100, 30)
        sitting.type(RESIZED.format("30 100"))
        sitting.until("resized")
        sitting.type("sleep 100\r")
        sitting.until("sleep 100")
        sitting.type("\x03")
        sitting.type("clear; echo again\r")
        sitting.until(r"(?m)^again")
        sitting.type("exit 7\r")
        assert sitting.end() == 7


def test_what_a_terminal_shows_is_masked(shell: Shell) -> None:
    shell.sshd.put("people.csv", PEOPLE)
    with Sitting(shell, token=shell.gateway.token("terry")) as sitting:
        sitting.type(f"cd {shell.sshd.home}; PS1='%'; cat people.csv; echo do''ne\r")
        shown = sitting.until("done")
        assert "[email]" in shown and "example.org" not in sitting.output.decode(), shown
        sitting.type("exit\r")
        assert sitting.end() == 0
    with Sitting(shell, "cat", "people.csv", token=shell.gateway.token("terry")) as sitting:
        assert sitting.end() == 0
        assert b"[email]" in sitting.output and b"example.org" not in sitting.output


@pytest.mark.parametrize("name", ["alice", "rolf"])
def test_a_terminal_is_a_right_of_its_own(shell: Shell, name: str) -> None:
    for command in [(), ("ls",)]:
        with Sitting(shell, *command, token=shell.gateway.token(name)) as sitting:
            assert sitting.end() == 126
            text = sitting.output.decode()
            assert "refused" in text and "hint: " in text, text
            # Each of the gateway's lines begins where a line begins.
            assert re.search(r"\r\n\r?portreeve: refused", text), text


def test_a_password_that_is_typed_is_nowhere(shell: Shell) -> None:
    with Sitting(shell, token=shell.gateway.token("terry")) as sitting:
        sitting.until(r"[#$%]\s*$")
        sitting.type("PS1='%'; stty -echo; printf 'Password: '; read -r word; stty echo; echo; echo ${#word} read\r")
        sitting.until(r"\nPassword:")
        sitting.type("hunter2-and-more\r")
        sitting.until(r"16 read\n%\s*$")
        sitting.type("tail -n 1 /etc/hostname\r")
        sitting.until(r"hostname\n.*\n%\s*$")
        sitting.type("exit\r")
        assert sitting.end() == 0
    session = last_session(shell)
    shown = shell.gateway.run("sessions", "replay", session)
    assert "hunter2" not in shown
    assert "typed: tail -n 1 /etc/hostname" in shown, shown
    assert "terminal 80x24" in shown, shown


def test_a_terminal_is_played_and_exported_with_its_sizes(shell: Shell) -> None:
    with Sitting(shell, token=shell.gateway.token("terry")) as sitting:
        sitting.type("PS1='%'; echo fir''st\r")
        sitting.until("first")
        sitting.resize(90, 20)
        sitting.type(RESIZED.format("20 90"))
        sitting.until("resized")
        sitting.type("printf '\\033]0;owned\\007sec''ond'; exit\r")
        assert sitting.end() == 0
    session = last_session(shell)
    cast = shell.gateway.run("sessions", "export", session, "--as", "asciicast").splitlines()
    header, events = json.loads(cast[0]), [json.loads(line) for line in cast[1:]]
    assert (header["version"], header["width"], header["height"]) == (2, 80, 24)
    assert [event[2] for event in events if event[1] == "r"] == ["90x20"]
    output = "".join(event[2] for event in events if event[1] == "o")
    assert "first" in output and "second" in output and "\x1b]" not in output
    assert all(one[0] <= two[0] for one, two in zip(events, events[1:], strict=False))
    played = shell.gateway.run("sessions", "replay", session, "--terminal")
    assert "first" in played and "second" in played and "\x1b]" not in played


def test_a_person_ends_a_terminal_at_once(shell: Shell) -> None:
    with Sitting(shell, token=shell.gateway.token("terry")) as sitting:
        sitting.type("PS1='%'; printf '\\033[?1049h'; echo fu''ll; sleep 600\r")
        sitting.until("full")
        started = time.monotonic()
        kill = f"/v1/sessions/{last_session(shell)}/kill"
        status, _ = shell.gateway.http("POST", kill, {}, token=shell.gateway.token("otto"))
        assert status == 200
        assert sitting.end() != 0
        assert time.monotonic() - started < 10
        assert b"ended by `otto`" in sitting.output


@pytest.fixture(scope="module")
def transports(shell: Shell):
    put = shell.sshd.put
    put("people.csv", PEOPLE)
    put("names/yrsa.dahl@example.org", "")
    direct = paramiko.Transport(("127.0.0.1", shell.sshd.port))
    direct.connect(username=shell.sshd.user, pkey=paramiko.Ed25519Key(filename=str(shell.sshd.key)))
    through = paramiko.Transport(("127.0.0.1", shell.gateway.port))
    through.connect(username="web", password=shell.gateway.token("terry"))
    yield direct, through
    direct.close()
    through.close()


def typed(transport: paramiko.Transport, home: str) -> tuple[bytes, list[str]]:
    """What comes of the line: the bytes, and every picture that somebody has seen."""
    channel = transport.open_session(timeout=30)
    channel.settimeout(30)
    channel.get_pty("xterm", 80, 24)
    channel.invoke_shell()
    channel.sendall(f"cd {home}; E=$'\\033'; PS1=; clear\r".encode())
    channel.sendall(b". ./line.sh\r")
    channel.sendall(b"echo th''ere; exit\r")
    output = b""
    while data := channel.recv(65536):
        output += data
    channel.close()
    terminal = Terminal()
    # A picture for every few letters: what was on it for a moment was seen.
    text = output.decode(errors="replace")
    sequences = r"\x1b\[[0-9;?]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[()].|\x1b."
    for token in re.findall(sequences + r"|[^\x1b]{1,8}", text, re.S):
        terminal.feed(token)
    return output, terminal.pictures


def tells(output: bytes, pictures: list[str]) -> bool:
    digits = "4111111111111111"
    for picture in pictures:
        for line in [*picture.splitlines(), picture.replace("\n", "")]:
            bare = re.sub(r"\s", "", line)
            if EMAIL.decode() in bare or digits in bare:
                return True
    # Whoever takes the bytes apart reads them without sequences, too.
    bare = re.sub(rb"\x1b\[[0-9;?]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b.|\s", b"", output)
    return EMAIL in bare or digits.encode() in bare


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, id=f"terminals:{at}", marks=() if at % IN_GATE == 0 else pytest.mark.soak)
        for at, line in enumerate(LINES)
    ],
)
def test_tells_on_the_machine_and_not_on_the_gateways_terminal(
    shell: Shell, transports: tuple[paramiko.Transport, paramiko.Transport], line: str
) -> None:
    direct, through = transports
    # What is typed is shown as well: the line comes from a file.
    shell.sshd.put("line.sh", line + "\n")
    seen = typed(direct, str(shell.sshd.home))
    assert tells(*seen), ("it proves nothing", seen[0])
    seen = typed(through, str(shell.sshd.home))
    assert b"th" in seen[0]
    assert not tells(*seen), seen[0]
