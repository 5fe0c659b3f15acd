"""A NATS server with JetStream for one test, read back by its own protocol."""

import base64
import json
import socket
import subprocess
from pathlib import Path

from .waiting import free_port, until

TOKEN = "a secret of the stream"
STREAM = "EVENTS"


class Nats:
    def __init__(self, directory: Path):
        self.directory = directory / "nats"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Nats":
        self.directory.mkdir(exist_ok=True)
        config = self.directory / "nats.conf"
        config.write_text(
            f'host: "127.0.0.1"\nport: {self.port}\n'
            f'authorization {{ token: "{TOKEN}" }}\n'
            f'jetstream {{ store_dir: "{self.directory}", max_file: 64MB }}\n'
        )
        with (self.directory / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["nats-server", "-c", str(config)], stdout=log, stderr=log
            )
        until("JetStream answers", self.answers, 30)
        return self

    def answers(self) -> bool:
        try:
            return "error" not in self.ask("$JS.API.INFO")
        except (OSError, ValueError):
            return False

    def stop(self) -> None:
        if self.process:
            # Killed, it forgets what it has acknowledged last: that lies in its memory.
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def create(self, subject: str) -> None:
        """The stream that takes a subject."""
        wanted = {"name": STREAM, "subjects": [subject], "storage": "file"}
        answer = self.ask(f"$JS.API.STREAM.CREATE.{STREAM}", wanted)
        assert "error" not in answer, answer

    def messages(self) -> list[dict]:
        """The events in the stream, in order."""
        state = self.ask(f"$JS.API.STREAM.INFO.{STREAM}")["state"]
        numbers = range(state["first_seq"], state["last_seq"] + 1)
        found = [self.ask(f"$JS.API.STREAM.MSG.GET.{STREAM}", {"seq": n}) for n in numbers]
        return [json.loads(base64.b64decode(one["message"]["data"])) for one in found]

    def ask(self, subject: str, question: dict | None = None) -> dict:
        """One question of JetStream's API over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as server:
            lines = server.makefile("rb")
            assert lines.readline().startswith(b"INFO ")
            body = json.dumps(question or {}).encode()
            connect = json.dumps({"verbose": False, "auth_token": TOKEN}).encode()
            publish = f"PUB {subject} inbox.1 {len(body)}\r\n".encode()
            server.sendall(b"CONNECT %b\r\nSUB inbox.1 1\r\n%b%b\r\n" % (connect, publish, body))
            while line := lines.readline():
                if line.startswith(b"MSG "):
                    return json.loads(lines.read(int(line.split()[-1])))
                if line.startswith((b"HMSG ", b"-ERR")):
                    raise ValueError(line)
        raise OSError("the server hung up")
