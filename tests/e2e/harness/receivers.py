"""Receivers of exported events that answer over HTTP: OpenTelemetry, Splunk, Elasticsearch.

Each is as strict as the real one, remembers every event by its id, and answers the next requests
as a test says: `receiver.next("busy", "busy")`.
"""

import json
import socket
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from .waiting import free_port

Answer = tuple[int, Any]


class Receiver:
    """Starts when it is told; between `stop` and `start` nobody listens at its port."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.port = free_port()
        self.taken: dict[str, Any] = {}
        # What no real receiver would take.
        self.problems: list[str] = []
        self.answered: list[int] = []
        self.plan: deque[str] = deque()
        self.server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def next(self, *words: str) -> None:
        self.plan.extend(words)

    def planned(self) -> bool:
        return bool(self.plan)

    def answer(self, path: str, fields: dict[str, str], body: bytes, word: str) -> Answer:
        raise NotImplementedError

    def refuses(self, what: str) -> Answer:
        self.problems.append(what)
        return 400, {"error": what}

    def start(self) -> "Receiver":
        receiver = self
        open_ones: set[socket.socket] = set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                open_ones.add(self.connection)

            def finish(self) -> None:
                open_ones.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                fields = {name.lower(): value for name, value in self.headers.items()}
                word = receiver.plan.popleft() if receiver.plan else "take"
                status, said = receiver.answer(self.path, fields, body, word)
                if word == "hang up":
                    self.close_connection = True
                    return
                if word == "page":
                    status, said = 200, "<html>Sign in to the network</html>"
                data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                receiver.answered.append(status)
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                # A gateway that is ended in the middle of a request is a part of the tests.
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.open_ones = open_ones
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        if not self.server:
            return
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.open_ones):
            connection.close() if connection.fileno() < 0 else connection.shutdown(socket.SHUT_RDWR)
        self.server = None


class Otlp(Receiver):
    """<https://opentelemetry.io/docs/specs/otlp/#otlphttp>, JSON, by the official messages."""

    def answer(self, path: str, fields: dict[str, str], body: bytes, word: str) -> Answer:
        if path != "/v1/logs" or fields.get("content-type") != "application/json":
            return self.refuses(f"{path} of {fields.get('content-type')}")
        if fields.get("authorization") != f"Bearer {self.token}":
            return 401, {"code": 16, "message": "unauthenticated"}
        if word == "busy":
            return 503, {"code": 14, "message": "unavailable"}
        if word == "page":
            return 200, ""
        request = ExportLogsServiceRequest()
        try:
            json_format.Parse(body, request, ignore_unknown_fields=False)
        except json_format.ParseError as error:
            return self.refuses(str(error))
        records = [
            record
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        rejected = 1 if word == "partly" else 0
        for record in records[rejected:]:
            attributes = {pair.key: pair.value.string_value for pair in record.attributes}
            if not (record.time_unix_nano and record.severity_number and record.body.string_value):
                return self.refuses(f"a record without time, severity or body: {record}")
            self.taken[attributes["event.id"]] = record.body.string_value
        names = {
            pair.key: pair.value.string_value
            for resource in request.resource_logs
            for pair in resource.resource.attributes
        }
        if names.get("service.name") != "portreeve":
            return self.refuses(f"a resource without a service: {names}")
        if not rejected:
            return 200, {}
        # 64 bits in JSON of Protocol Buffers are a string.
        return 200, {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "full"}}


class Hec(Receiver):
    """Splunk's HTTP Event Collector: events one after the other, a code in the answer."""

    KEYS = {"time", "host", "source", "sourcetype", "index", "fields", "event"}

    def answer(self, path: str, fields: dict[str, str], body: bytes, word: str) -> Answer:
        if path != "/services/collector/event":
            return self.refuses(path)
        if fields.get("authorization") != f"Splunk {self.token}":
            return 403, {"text": "Invalid token", "code": 4}
        if word == "busy":
            return 503, {"text": "Server is busy", "code": 9}
        if word == "code":
            return 200, {"text": "Server is busy", "code": 9}
        if word == "page":
            return 200, ""
        decoder, text, at = json.JSONDecoder(), body.decode(), 0
        while at < len(text):
            one, at = decoder.raw_decode(text, at)
            at += len(text[at:]) - len(text[at:].lstrip())
            if problem := self.problem(one):
                return self.refuses(f"{problem}: {one}")
            self.taken[one["fields"]["event_id"]] = one["event"]
        return 200, {"text": "Success", "code": 0}

    def problem(self, one: dict[str, Any]) -> str | None:
        if unknown := set(one) - self.KEYS:
            return f"unknown {unknown}"
        if not one.get("event"):
            return "no event"
        names = ("host", "source", "sourcetype", "index")
        if not all(isinstance(one[name], str) and one[name] for name in names if name in one):
            return "a name is none"
        if one.get("index") != "audit" or "source" not in one or "sourcetype" not in one:
            return "not for this index, or of no source"
        if not 1_700_000_000 < float(one["time"]) < 4_000_000_000:
            return "no time in seconds"
        if not all(isinstance(value, str | int) for value in one["fields"].values()):
            return "indexed fields are flat"
        return None


class Bulk(Receiver):
    """Elasticsearch's `_bulk`: an answer for each item; with `maps`, as dynamic mapping does it."""

    def __init__(self, token: str, *, maps: bool = False) -> None:
        super().__init__(token)
        self.maps = maps
        self.fields: dict[str, str] = {}
        self.conflicts = 0

    def answer(self, path: str, fields: dict[str, str], body: bytes, word: str) -> Answer:
        if path != "/_bulk" or fields.get("content-type") != "application/x-ndjson":
            return self.refuses(f"{path} of {fields.get('content-type')}")
        if fields.get("authorization") != f"ApiKey {self.token}":
            return 401, {"error": {"type": "security_exception"}, "status": 401}
        if word == "busy":
            return 429, {"error": {"type": "circuit_breaking_exception"}, "status": 429}
        if word == "page":
            return 200, ""
        if not body.endswith(b"\n"):
            return self.refuses("the last line has no end")
        lines = body.decode().splitlines()
        items: list[dict[str, Any]] = []
        for number, (action, source) in enumerate(zip(lines[::2], lines[1::2], strict=True)):
            (kind, about), document = next(iter(json.loads(action).items())), json.loads(source)
            if kind != "create" or about["_index"] != "audit" or len(about["_id"].encode()) > 512:
                return self.refuses(f"no `create` of this index: {action}")
            full = word == "partly" and number % 2 == 0
            status, error = self.item(about["_id"], document, full)
            item = {"_index": "audit", "_id": about["_id"], "status": status}
            items.append({"create": item | ({"error": {"type": error}} if error else {})})
        errors = any("error" in item["create"] for item in items)
        return 200, {"took": 1, "errors": errors, "items": items}

    def item(self, name: str, document: Any, full: bool) -> tuple[int, str | None]:
        if name in self.taken:
            self.conflicts += 1
            return 409, "version_conflict_engine_exception"
        if full:
            return 429, "es_rejected_execution_exception"
        if not isinstance(document, dict):
            self.problems.append(f"a document that is no object: {str(document)[:200]}")
            return 400, "document_parsing_exception"
        if self.maps:
            mapped = dict(self.fields)
            if problem := mapping_problem(document, mapped):
                self.problems.append(problem)
                return 400, "document_parsing_exception"
            self.fields = mapped
        self.taken[name] = document
        return 201, None


# `index.mapping.total_fields.limit`
FIELDS_MAX = 1000


def mapping_problem(value: Any, fields: dict[str, str], path: str = "") -> str | None:
    """Why dynamic mapping refuses a document. A dot in a name is a level, as if it were nested;
    what was a text once is never an object."""
    if isinstance(value, list):
        found = (mapping_problem(one, fields, path) for one in value)
        return next((problem for problem in found if problem), None)
    if value is None:
        return None
    kind = "object" if isinstance(value, dict) else "text" if isinstance(value, str) else "number"
    if path and fields.setdefault(path, kind) != kind and "object" in (kind, fields[path]):
        return f"`{path}` is {fields[path]}, and here {kind}"
    if len(fields) > FIELDS_MAX:
        return f"more than {FIELDS_MAX} fields, the last is `{path}`"
    for name, member in value.items() if isinstance(value, dict) else ():
        parts = name.split(".")
        if not all(part.strip() for part in parts):
            return f"`{name}` in `{path}` begins, ends or goes on with a dot"
        nested = member
        for part in reversed(parts[1:]):
            nested = {part: nested}
        below = f"{path}.{parts[0]}" if path else parts[0]
        if problem := mapping_problem(nested, fields, below):
            return problem
    return None
