"""A PostgreSQL client that is built to misbehave, and records every byte that it gets.

It speaks protocol 3.x by hand, so that tests can send what no driver would. It is not a
driver: nothing is escaped, nothing is retried, nothing is hidden.
"""

import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from .target import Target

PROTOCOL_3_0 = 196608
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102


class Closed(Exception):
    """The other side closed the connection."""


class Refused(Exception):
    """The server answered the startup with an error."""

    def __init__(self, fields: dict[str, str]):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.fields = fields


@dataclass(frozen=True)
class Message:
    kind: str
    body: bytes

    @property
    def raw(self) -> bytes:
        return frame(self.kind, self.body)

    @property
    def fields(self) -> dict[str, str]:
        """Of an error or a notice."""
        parts = self.body.rstrip(b"\0").split(b"\0")
        return {chr(part[0]): part[1:].decode(errors="replace") for part in parts if part}

    @property
    def cells(self) -> list[bytes | None]:
        """Of a DataRow."""
        (count,) = struct.unpack_from(">H", self.body)
        cells, at = [], 2
        for _ in range(count):
            (length,) = struct.unpack_from(">i", self.body, at)
            at += 4
            cells.append(None if length < 0 else self.body[at : at + length])
            at += max(length, 0)
        return cells


@dataclass
class Reply:
    """All messages up to ReadyForQuery, or up to the end of the connection."""

    messages: list[Message] = field(default_factory=list)
    closed: bool = False

    @property
    def rows(self) -> list[list[bytes | None]]:
        return [message.cells for message in self.messages if message.kind == "D"]

    @property
    def copied(self) -> bytes:
        return b"".join(message.body for message in self.messages if message.kind == "d")

    @property
    def errors(self) -> list[dict[str, str]]:
        return [message.fields for message in self.messages if message.kind == "E"]

    @property
    def sqlstate(self) -> str | None:
        return self.errors[0]["C"] if self.errors else None

    @property
    def tags(self) -> list[str]:
        done = (message for message in self.messages if message.kind == "C")
        return [message.body.rstrip(b"\0").decode() for message in done]

    @property
    def status(self) -> str | None:
        """The transaction state of the last ReadyForQuery: I, T or E."""
        ready = [message for message in self.messages if message.kind == "Z"]
        return ready[-1].body.decode() if ready else None

    @property
    def kinds(self) -> str:
        return "".join(message.kind for message in self.messages)

    @property
    def raw(self) -> bytes:
        return b"".join(message.raw for message in self.messages)


def frame(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack(">i", len(body) + 4) + body


def text(*values: str) -> bytes:
    return b"".join(value.encode() + b"\0" for value in values)


def common_length(one: bytes, other: bytes) -> int:
    """How many bytes are the same from the start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def startup_packet(parameters: dict[str, str], protocol: int = PROTOCOL_3_0) -> bytes:
    body = struct.pack(">i", protocol)
    body += b"".join(text(key, value) for key, value in parameters.items()) + b"\0"
    return struct.pack(">i", len(body) + 4) + body


def parse_message(sql: str, name: str = "", types: Iterable[int] = ()) -> bytes:
    types = list(types)
    return frame("P", text(name, sql) + struct.pack(f">H{len(types)}i", len(types), *types))


def bind_message(
    values: Iterable[bytes | None] = (),
    portal: str = "",
    name: str = "",
    value_formats: Iterable[int] = (),
    result_formats: Iterable[int] = (0,),
) -> bytes:
    values, value_formats, result_formats = list(values), list(value_formats), list(result_formats)
    body = text(portal, name)
    body += struct.pack(f">H{len(value_formats)}h", len(value_formats), *value_formats)
    body += struct.pack(">H", len(values))
    for value in values:
        body += struct.pack(">i", -1 if value is None else len(value)) + (value or b"")
    body += struct.pack(f">H{len(result_formats)}h", len(result_formats), *result_formats)
    return frame("B", body)


def describe_message(what: str = "P", name: str = "") -> bytes:
    return frame("D", what.encode() + text(name))


def execute_message(portal: str = "", rows_max: int = 0) -> bytes:
    return frame("E", text(portal) + struct.pack(">i", rows_max))


def close_message(what: str, name: str) -> bytes:
    return frame("C", what.encode() + text(name))


SYNC = frame("S")
FLUSH = frame("H")
TERMINATE = frame("X")


class Wire:
    """One connection."""

    def __init__(self, host: str, port: int, seconds: float = 30.0):
        self.socket: socket.socket = socket.create_connection((host, port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.buffer = bytearray()
        self.parameters: dict[str, str] = {}
        self.key: bytes = b""

    @classmethod
    def open(cls, target: Target, *, password: str | None = None, **parameters: str) -> "Wire":
        """Connects and authenticates like any driver."""
        wire = cls(target.host, target.port)
        try:
            if target.ca:
                wire.encrypt(target.ca)
            named = {"user": target.user, "database": target.database}
            wire.send(startup_packet(named | parameters))
            wire.authenticate(target.user, target.password if password is None else password)
        except BaseException:
            wire.close()
            raise
        return wire

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def terminate(self) -> None:
        try:
            self.send(TERMINATE)
        finally:
            self.close()

    def encrypt(self, ca: object) -> None:
        self.send(struct.pack(">ii", 8, SSL_REQUEST))
        answer = self.socket.recv(1)
        if answer != b"S":
            raise AssertionError(f"no TLS offered: {answer!r}")
        context = ssl.create_default_context(cafile=str(ca))
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_some(self) -> bool:
        """Takes what is there; false at the end of the connection."""
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return False
        self.received += data
        self.buffer += data
        return bool(data)

    def message(self) -> Message:
        while len(self.buffer) < 5:
            if not self.read_some():
                raise Closed
        (length,) = struct.unpack_from(">i", self.buffer, 1)
        while len(self.buffer) < length + 1:
            if not self.read_some():
                raise Closed
        message = Message(chr(self.buffer[0]), bytes(self.buffer[5 : length + 1]))
        del self.buffer[: length + 1]
        if message.kind == "S":
            key, value = (
                message.body.rstrip(b"\0").split(b"\0", 1)
                if b"\0" in message.body.rstrip(b"\0")
                else (message.body.rstrip(b"\0"), b"")
            )
            self.parameters[key.decode()] = value.decode(errors="replace")
        elif message.kind == "K":
            self.key = message.body
        return message

    def reply(self, until: str = "Z") -> Reply:
        """Everything up to ReadyForQuery (or a message of another given kind)."""
        reply = Reply()
        while True:
            try:
                message = self.message()
            except Closed:
                reply.closed = True
                return reply
            reply.messages.append(message)
            if message.kind in until:
                return reply

    def drain(self) -> bytes:
        """Reads to the end of the connection."""
        while self.read_some():
            pass
        return bytes(self.received)

    def query(self, sql: str | bytes) -> Reply:
        self.send(frame("Q", (sql.encode() if isinstance(sql, str) else sql) + b"\0"))
        return self.reply()

    def extended(
        self,
        sql: str,
        values: Iterable[bytes | None] = (),
        result_format: int = 0,
        rows_max: int = 0,
    ) -> Reply:
        """Parse, Bind, Describe, Execute, Sync in one write, as most drivers do."""
        self.send(
            parse_message(sql)
            + bind_message(values, result_formats=(result_format,))
            + describe_message()
            + execute_message(rows_max=rows_max)
            + SYNC
        )
        return self.reply()

    def undescribed(self, sql: str) -> Reply:
        """Parse, Bind, Execute, Sync: nothing says what the columns are."""
        self.send(parse_message(sql) + bind_message() + execute_message() + SYNC)
        return self.reply()

    def authenticate(self, user: str, password: str) -> None:
        while True:
            message = self.message()
            if message.kind == "E":
                raise Refused(message.fields)
            if message.kind == "Z":
                return
            if message.kind == "R":
                self._answer(message.body, password)

    def _answer(self, body: bytes, password: str) -> None:
        (method,) = struct.unpack_from(">i", body)
        if method == 3:
            self.send(frame("p", text(password)))
        elif method == 10:
            self._scram(password)
        elif method not in (0, 12):
            raise AssertionError(f"unexpected authentication request {method}")

    def _scram(self, password: str) -> None:
        nonce = base64.b64encode(os.urandom(18)).decode()
        bare = f"n=,r={nonce}"
        first = ("n,," + bare).encode()
        self.send(frame("p", text("SCRAM-SHA-256") + struct.pack(">i", len(first)) + first))
        message = self.message()
        if message.kind == "E":
            raise Refused(message.fields)
        server = message.body[4:].decode()
        values = dict(part.split("=", 1) for part in server.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", password.encode(), base64.b64decode(values["s"]), int(values["i"])
        )
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={values['r']}"
        proof_over = f"{bare},{server},{final}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), proof_over, "sha256")
        proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        self.send(frame("p", f"{final},p={base64.b64encode(proof).decode()}".encode()))
