"""A connector for one test run: enrolled with a gateway, and started beside it."""

import json
import os
import signal
import subprocess
from pathlib import Path

from .gateway import Failed, Gateway
from .paths import portreeve
from .waiting import until


class Connector:
    """`config` is the text of its configuration."""

    def __init__(self, gateway: Gateway, name: str, config: str):
        self.gateway = gateway
        self.name = name
        self.config = gateway.directory / f"{name}.yaml"
        self.config.write_text(config)
        self.log_path = gateway.directory / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        return self.gateway.directory / f"connector-{self.name}"

    def invite(self, resources: str, *more: str) -> str:
        found = self.gateway.json(
            "connectors", "invite", self.name, "--resources", resources, *more
        )
        assert isinstance(found, dict)
        return str(found["invite"])

    def try_enroll(self, invite: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(portreeve()), "connector", "enroll", "--config", str(self.config)],
            input=invite,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def enroll(self, resources: str = "*") -> "Connector":
        done = self.try_enroll(self.invite(resources))
        if done.returncode != 0:
            raise Failed(f"connector enroll: {done.returncode}\n{done.stdout}{done.stderr}")
        return self

    def check(
        self, *arguments: str, config: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Has it check its configuration, or another one."""
        config = config or self.config
        return subprocess.run(
            [str(portreeve()), "connector", "check", "--config", str(config), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self, wait: bool = True) -> "Connector":
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [str(portreeve()), "connector", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"NO_COLOR": "1"},
            )
        if wait:
            until(f"`{self.name}` is linked (see {self.log_path})", self.is_linked, 30)
        return self

    def is_linked(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise Failed(f"the connector ended with {self.process.returncode}:\n{self.log()}")
        return self.name in linked(self.gateway)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-8000:]

    def kill(self) -> None:
        """As a power cut would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def linked(gateway: Gateway) -> list[str]:
    """The connectors that the gateway has now."""
    person = sorted(gateway.people)[0]
    gateway.status_token = gateway.status_token or gateway.token(person)
    status, body = gateway.http("GET", "/v1/connectors", token=gateway.status_token)
    return [one["name"] for one in json.loads(body)["connectors"]] if status == 200 else []
