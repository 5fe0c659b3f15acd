"""A server of tools for the tests: says what a test wants it to, over HTTP or, run as a program,
over its standard input and output. Remembers what it was asked."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Message = dict[str, Any]

TOOLS: list[Message] = [
    {"name": "find_person", "description": "Finds a person.", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
    {"name": "add_note", "description": "Adds a note.", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": False}},
    {"name": "drop_person", "description": "Forgets a person.", "inputSchema": {"type": "object"}},
    {"name": "admin_reset", "description": "Resets all.", "inputSchema": {"type": "object"}},
    {"name": "pay", "description": "Pays.", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": False}},
    {
        "name": "by_region",
        "description": "Counts.",
        "inputSchema": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
        "annotations": {"readOnlyHint": True},
    },
]

PERSON = {"id": 7, "full_name": "Erika Mustermann", "email": "erika@example.org", "city": "Essen"}


def text(value: str) -> Message:
    return {"content": [{"type": "text", "text": value}]}


@dataclass
class Script:
    """What the server says: a result by method, or by the name of a tool."""

    results: dict[str, Message] = field(default_factory=dict)
    # Messages before the result, by the same names.
    before: dict[str, list[Message]] = field(default_factory=dict)
    tools: list[Message] = field(default_factory=lambda: [dict(tool) for tool in TOOLS])
    seen: list[Message] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    answers: list[Message] = field(default_factory=list)
    answered: threading.Event = field(default_factory=threading.Event)
    # Waited for before the answer; `left` says that the gateway went away meanwhile.
    hold: threading.Event | None = None
    left: threading.Event = field(default_factory=threading.Event)
    # Raw text instead of the message, by the same names.
    raw: dict[str, str] = field(default_factory=dict)

    def name_of(self, message: Message) -> str:
        if message.get("method") == "tools/call":
            return str(message["params"]["name"])
        return str(message.get("method"))

    def result(self, message: Message) -> Message:
        name = self.name_of(message)
        if name in self.results:
            return self.results[name]
        stateless = "io.modelcontextprotocol/protocolVersion" in message.get("params", {}).get("_meta", {})
        extra: Message = {"resultType": "complete"} if stateless else {}
        match name:
            case "initialize":
                return {
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {}, "resources": {}, "tasks": {}, "experimental": {"x": {}}},
                    "serverInfo": {"name": "test", "version": "1"},
                }
            case "tools/list":
                return {"tools": self.tools, **({"cacheScope": "public", "ttlMs": 1, **extra} if stateless else {})}
            case "find_person":
                return {**text(json.dumps(PERSON)), "structuredContent": PERSON, **extra}
            case "resources/list":
                return {"resources": [{"uri": "file:///open/a", "name": "a"}, {"uri": "file:///secret/b", "name": "b"}], **extra}
            case "resources/read":
                return {"contents": [{"uri": message["params"]["uri"], "text": "call erika@example.org"}], **extra}
            case _:
                return {**text("done"), **extra}

    def say(self, message: Message, send: Callable[[str], None]) -> None:
        """Answers one message of a client."""
        self.seen.append(message)
        if "method" not in message:
            self.answers.append(message)
            self.answered.set()
            return
        if "id" not in message:
            return
        name = self.name_of(message)
        token = json.dumps(message.get("params", {}).get("_meta", {}).get("progressToken"))
        for before in self.before.get(name, []):
            self.answered.clear()
            send(json.dumps(before).replace('"TOKEN"', token))
            if "id" in before:
                self.answered.wait(30)
        if name in self.raw:
            send(self.raw[name].replace("$id", json.dumps(message["id"])))
            return
        send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": self.result(message)}))


class Server:
    """The script over HTTP."""

    def __init__(self) -> None:
        self.script = Script()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                message = json.loads(body)
                script = server.script
                script.heads.append({name.lower(): value for name, value in self.headers.items()})
                if "id" not in message or "method" not in message:
                    script.say(message, lambda _: None)
                    self.send_response(202)
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                if script.before.get(script.name_of(message)):
                    self.send_response(200)
                    self.send_header("content-type", "text/event-stream")
                    self.send_header("connection", "close")
                    self.end_headers()

                    def event(line: str) -> None:
                        self.wfile.write(f"event: message\ndata: {line}\n\n".encode())
                        self.wfile.flush()

                    if script.hold:
                        for before in script.before[script.name_of(message)]:
                            event(json.dumps(before))
                        # The other end says nothing more: what can be read is its end.
                        self.connection.settimeout(30)
                        if self.connection.recv(1) == b"":
                            script.left.set()
                        self.close_connection = True
                        return
                    script.say(message, event)
                    self.close_connection = True
                    return
                said: list[str] = []
                script.say(message, said.append)
                data = said[0].encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                if message["method"] == "initialize":
                    self.send_header("mcp-session-id", "the-servers-own")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_DELETE(self) -> None:
                server.script.seen.append({"method": "DELETE", "session": self.headers["mcp-session-id"]})
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                said = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "erika@example.org"}}
                self.wfile.write(f"data: {json.dumps(said)}\n\n".encode())
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()


def main() -> None:
    import os

    script = Script()

    def send(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    script.results["add_note"] = text(f"token {os.environ.get('NOTES_TOKEN')} path {sorted(os.environ)}")
    for line in sys.stdin:
        message = json.loads(line)
        # A program says what it is asked to say.
        said = message.get("params", {}).get("arguments", {}).get("say")
        if said:
            script.results["find_person"] = said
        script.say(message, send)


if __name__ == "__main__":
    main()
