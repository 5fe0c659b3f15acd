"""What ORMs send, recorded: flights of messages, each up to the end of its reply.

A line of a recording is a JSON list: the connection's number, then its messages. Recordings are
made in front of a gateway that takes plain connections, and played on both sides.
"""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.wire import (
    FLUSH,
    SYNC,
    bind_message,
    close_message,
    describe_message,
    execute_message,
    frame,
    parse_message,
)

FOLDER = Path(__file__).with_name("traffic")
Flight = tuple[int, list[list[Any]]]
# What a connection says of itself that is not of the twins.
OWN = ("user", "database")


def flights(path: Path) -> Iterator[Flight]:
    for line in path.read_text().splitlines():
        connection, *messages = json.loads(line)
        yield connection, messages


def startup_of(messages: list[list[Any]]) -> dict[str, str] | None:
    [kind, *rest] = messages[0]
    return rest[0] if kind == "startup" else None


def encoded(messages: list[list[Any]]) -> bytes:
    return b"".join(_encoded(*message) for message in messages)


def _encoded(kind: str, *rest: Any) -> bytes:
    match kind:
        case "query":
            return frame("Q", rest[0].encode() + b"\0")
        case "parse":
            name, sql, types = rest
            return parse_message(sql, name, types)
        case "bind":
            portal, name, value_formats, values, result_formats = rest
            raw = [_raw(value) for value in values]
            return bind_message(raw, portal, name, value_formats, result_formats)
        case "describe":
            return describe_message(*rest)
        case "execute":
            return execute_message(*rest)
        case "close":
            return close_message(*rest)
        case "sync":
            return SYNC
        case _:
            return FLUSH


def _raw(value: str | dict[str, str] | None) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else bytes.fromhex(value["hex"])


def told(messages: list[list[Any]]) -> str:
    """The texts of statements in a flight, for people."""
    at = {"query": 1, "parse": 2}
    texts = [message[at[message[0]]] for message in messages if message[0] in at]
    return "; ".join(texts) or " ".join(message[0] for message in messages)


def decoded(kind: str, body: bytes) -> list[Any]:
    """A message of a client as a recording has it."""
    match kind:
        case "Q":
            return ["query", body[:-1].decode()]
        case "P":
            name, sql, rest = body.split(b"\0", 2)
            (count,) = struct.unpack_from(">H", rest)
            types = list(struct.unpack_from(f">{count}i", rest, 2))
            return ["parse", name.decode(), sql.decode(), types]
        case "B":
            return ["bind", *_bound(body)]
        case "D" | "C":
            name = body[1:-1].decode()
            return ["describe" if kind == "D" else "close", chr(body[0]), name]
        case "E":
            name, rest = body.split(b"\0", 1)
            return ["execute", name.decode(), struct.unpack(">i", rest)[0]]
        case "S":
            return ["sync"]
        case "H":
            return ["flush"]
        case _:
            raise ValueError(f"message `{kind}` is not recorded")


def _bound(body: bytes) -> list[Any]:
    portal, name, rest = body.split(b"\0", 2)
    at = 0

    def formats() -> list[int]:
        nonlocal at
        (count,) = struct.unpack_from(">H", rest, at)
        found = list(struct.unpack_from(f">{count}h", rest, at + 2))
        at += 2 + 2 * count
        return found

    value_formats = formats()
    (count,) = struct.unpack_from(">H", rest, at)
    at += 2
    values: list[Any] = []
    for index in range(count):
        (length,) = struct.unpack_from(">i", rest, at)
        at += 4
        value = rest[at : at + max(length, 0)]
        at += len(value)
        # SPEC: no format means text, one is for all.
        each = value_formats if len(value_formats) > 1 else (value_formats or [0]) * count
        readable = value.decode() if each[index] == 0 else {"hex": value.hex()}
        values.append(None if length < 0 else readable)
    return [portal.decode(), name.decode(), value_formats, values, formats()]


class Recorder:
    """Stands in front of a port and keeps what clients send."""

    def __init__(self, behind: int):
        self.behind = behind
        self.lines: list[str] = []
        self._lock = threading.Lock()
        self._count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.behind))
            self._count += 1
            number = self._count
            heard = (number, client, server)
            for target, of in ((self._listen, heard), (_carry, (server, client))):
                threading.Thread(target=target, args=of, daemon=True).start()

    def _listen(self, number: int, client: socket.socket, server: socket.socket) -> None:
        buffer, flight, is_begun = bytearray(), [], False
        try:
            while data := client.recv(1 << 16):
                server.sendall(data)
                buffer += data
                while (taken := _taken(buffer, is_begun)) is not None:
                    kind, body = taken
                    if not is_begun:
                        (code,) = struct.unpack_from(">i", body)
                        if code >> 16 == 3:
                            is_begun = True
                            self._keep(number, [["startup", _parameters(body[4:])]])
                    elif kind not in ("p", "X"):
                        flight.append(decoded(kind, body))
                        if kind in ("Q", "S"):
                            self._keep(number, flight)
                            flight = []
        except OSError:
            pass
        for end in (client, server):
            end.close()

    def _keep(self, number: int, flight: list[list[Any]]) -> None:
        with self._lock:
            self.lines.append(json.dumps([number, *flight], ensure_ascii=False))


def _taken(buffer: bytearray, has_kind: bool) -> tuple[str, bytes] | None:
    """The next whole message; the first one of a connection has no kind."""
    head = 5 if has_kind else 4
    if len(buffer) < head:
        return None
    (length,) = struct.unpack_from(">i", buffer, head - 4)
    if len(buffer) < length + head - 4:
        return None
    kind = chr(buffer[0]) if has_kind else ""
    body = bytes(buffer[head : length + head - 4])
    del buffer[: length + head - 4]
    return kind, body


def _parameters(body: bytes) -> dict[str, str]:
    texts = [text.decode() for text in body.rstrip(b"\0").split(b"\0")]
    pairs = dict(zip(texts[::2], texts[1::2], strict=False))
    return {name: value for name, value in pairs.items() if name not in OWN}


def _carry(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass
