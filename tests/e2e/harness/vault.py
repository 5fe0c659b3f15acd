"""OpenBao for one test: a store of secrets, asked over its own API."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from .waiting import free_port, until

ROOT = "the-root-token-of-a-test"


class Vault:
    def __init__(self, directory: Path):
        self.port = free_port()
        self.log = directory / "vault.log"
        binary = Path(sys.executable).with_name("bao")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(str(binary), "server", "-dev", "-dev-no-store-token"),
                    *(f"-dev-root-token-id={ROOT}", f"-dev-listen-address=127.0.0.1:{self.port}"),
                ],
                stdout=log,
                stderr=log,
                env=os.environ | {"HOME": str(directory)},
            )
        until(f"the store answers (see {self.log})", self.answers, 60)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            return bool(self.ask("GET", "sys/health")["initialized"])
        except OSError:
            return False

    def ask(self, method: str, path: str, body: object = None, token: str = ROOT) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/v1/{path}", data, method=method)
        request.add_header("X-Vault-Token", token)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def policy(self, name: str, text: str) -> None:
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": text})

    def token(self, policy: str) -> str:
        made = self.ask("POST", "auth/token/create", {"policies": [policy], "no_parent": True})
        return str(made["auth"]["client_token"])  # type: ignore[index]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
