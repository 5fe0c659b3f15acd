"""A service for the HTTP tests: answers what a test says, and remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass(frozen=True)
class Reply:
    body: bytes = b""
    kind: str | None = "application/json"
    status: int = 200
    fields: tuple[tuple[str, str], ...] = ()
    # The body in these pieces, each a chunk of its own.
    cuts: tuple[int, ...] = ()
    # Waited for before the last piece.
    gate: threading.Event | None = None


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    fields: dict[str, str]
    body: bytes


@dataclass
class Service:
    replies: dict[str, Reply] = field(default_factory=dict)
    # Answers that are made of what was asked, by path.
    makes: dict[str, Callable[[Seen], Reply]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    # Connections so far.
    connections: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                service.connections += 1
                super().setup()

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                fields = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, fields, body)
                service.seen.append(seen)
                path = unquote(self.path.split("?")[0])
                reply = service.replies.get(path, Reply(b'{"nothing": true}', status=404))
                if path in service.makes:
                    reply = service.makes[path](seen)
                self.send_response(reply.status)
                if reply.kind:
                    self.send_header("content-type", reply.kind)
                for name, value in reply.fields:
                    self.send_header(name, value)
                cuts = [0, *reply.cuts, len(reply.body)]
                if reply.cuts:
                    self.send_header("transfer-encoding", "chunked")
                    self.end_headers()
                    for start, end in zip(cuts, cuts[1:], strict=False):
                        if reply.gate and end == cuts[-1]:
                            reply.gate.wait(30)
                        piece = reply.body[start:end]
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")
                    return
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                # Whoever does not want the rest of an answer is a part of the tests.
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
