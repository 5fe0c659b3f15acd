"""Receivers of syslog: RFC 5425 (TLS, octet counting) and RFC 5426 (UDP), with RFC 5424 inside."""

import contextlib
import re
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime

from .waiting import free_port

# RFC 5424, section 6.
HEADER = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<time>\S+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) "
    r"(?P<process>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    r'\[(?P<name>[^\s=\]"]{1,32})(?P<parameters>(?: [^\s=\]"]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] '
    "\ufeff(?P<text>.*)",
    re.DOTALL,
)
PARAMETER = re.compile(r' ([^\s=\]"]+)="((?:[^"\\\]]|\\["\\\]])*)"')


@dataclass(frozen=True)
class Message:
    priority: int
    kind: str
    id: str
    text: str


def read(data: bytes) -> Message:
    found = HEADER.fullmatch(data.decode())
    assert found, data[:300]
    assert int(found["priority"]) <= 191 and found["app"] == "portreeve"
    datetime.fromisoformat(found["time"])
    parameters = {
        name: re.sub(r"\\(.)", r"\1", value)
        for name, value in PARAMETER.findall(found["parameters"])
    }
    return Message(int(found["priority"]), found["id"], parameters["id"], found["text"])


class Receiver:
    """Takes what comes; `problems` is what RFC 5424 does not know."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[Message] = []
        self.problems: list[str] = []

    @property
    def ids(self) -> set[str]:
        return {message.id for message in self.messages}

    def take(self, data: bytes) -> None:
        try:
            self.messages.append(read(data))
        except (AssertionError, UnicodeDecodeError, ValueError) as problem:
            self.problems.append(str(problem))


class Udp(Receiver):
    def start(self) -> "Udp":
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = self.socket.recv(65536)
                if not data:
                    return
                self.take(data)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Tls(Receiver):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self.context = context
        self.handshakes_failed = 0
        self.connections: list[socket.socket] = []

    def start(self) -> "Tls":
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def serve(self, plain: socket.socket) -> None:
        try:
            stream = self.context.wrap_socket(plain, server_side=True)
            self.connections.append(stream)
            frames = stream.makefile("rb")
            while length := self.length(frames):
                data = frames.read(length)
                if len(data) < length:
                    return
                self.take(data)
        except (OSError, ValueError):
            # Whoever does not trust this certificate says so, and goes.
            self.handshakes_failed += 1
        finally:
            plain.close()

    def length(self, frames: object) -> int:
        """`MSG-LEN SP`, without zeros before it; 0 at the end."""
        digits = b""
        while (byte := frames.read(1)) and byte != b" ":  # type: ignore[attr-defined]
            digits += byte
            if not re.fullmatch(rb"[1-9]\d{0,6}", digits):
                self.problems.append(f"no length: {digits!r}")
                return 0
        return int(digits or b"0")

    def stop(self) -> None:
        for one in (self.listener, *self.connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.connections.clear()
