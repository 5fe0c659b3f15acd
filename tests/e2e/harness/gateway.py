"""A gateway for one test run: its own folder, free ports, accounts in its local issuer."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from string import Template

from .paths import portreeve
from .target import Target
from .waiting import free_port, until


@dataclass(frozen=True)
class Account:
    name: str
    kind: str
    groups: tuple[str, ...]


class Failed(RuntimeError):
    """A command of the binary ended with an error."""


class Gateway:
    """`config` is the text of its configuration, with $data_dir, $port and $api_port in it."""

    def __init__(self, directory: Path, config: str, accounts: tuple[Account, ...] = ()):
        self.directory = directory
        self.port = free_port()
        self.api_port = free_port()
        self.data_dir = directory / "data"
        self.config = directory / "portreeve.yaml"
        directory.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            Template(config).substitute(
                data_dir=self.data_dir, port=self.port, api_port=self.api_port
            )
        )
        self.log_path = directory / "gateway.log"
        self.environment = os.environ | {"PORTREEVE_CONFIG": str(self.config)}
        self.environment.pop("PORTREEVE_TOKEN", None)
        self.process: subprocess.Popen[bytes] | None = None
        self.was_ended = True
        self.never_ready = True
        # The end of its log may be missing.
        self.was_killed = False
        # Why its log does not hold: a word of the tests that damage it themselves.
        self.spoiled: str | None = None
        # How a connector of it is configured, where one reaches its targets.
        self.connector_config: str | None = None
        self.status_token: str | None = None
        # It serves more than one file of tests.
        self.stays = False
        # It was ended, and what it left was looked at.
        self.is_done = False
        for account in accounts:
            groups = [part for group in account.groups for part in ("--group", group)]
            self.run("accounts", "add", account.name, "--kind", account.kind, *groups)
        # One key for all people of a test: whoever holds it logs in as themselves.
        self.login_key = directory / "login.key"
        self.people = {account.name for account in accounts if account.kind == "person"}
        if self.people:
            public = self.run("login", "--public-key", "--key", str(self.login_key))
            for name in sorted(self.people):
                self.run("accounts", "enrol", name, public)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def pid(self) -> int:
        assert self.process, "the gateway is not started"
        return self.process.pid

    def start(self, *arguments: str, prefix: tuple[str, ...] = (), **environment: str) -> "Gateway":
        log = self.log_path.open("ab")
        self.process = subprocess.Popen(
            [*prefix, str(portreeve()), "gateway", "--config", str(self.config), *arguments],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=self.environment | environment,
            # Python ignores SIGXFSZ; the gateway inherits that, so that tests can make its
            # writes fail (EFBIG) without ending it.
            restore_signals=False,
        )
        log.close()
        self.was_ended = False
        until(f"gateway ready (see {self.log_path})", self._ready, 30)
        self.never_ready = False
        return self

    def _ready(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            self.was_ended = True
            raise Failed(f"the gateway ended with {self.process.returncode}:\n{self.log()}")
        return self.http("GET", "/readyz")[0] == 200

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-8000:]

    def kept(self) -> bytes:
        """Every byte of its data."""
        return b"".join(path.read_bytes() for path in self.data_dir.rglob("*") if path.is_file())

    def kill(self) -> None:
        """As a power cut would: no handler runs."""
        assert self.process
        self.was_ended = self.was_killed = True
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """As an operator would; returns the exit status."""
        if not self.process or self.was_ended:
            return self.process.returncode if self.process else 0
        self.was_ended = True
        if self.process.poll() is not None:
            raise Failed(f"the gateway ended by itself: {self.process.returncode}\n{self.log()}")
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def try_run(
        self, *arguments: str, token: str | None = None, seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        environment = dict(self.environment) | {"PORTREEVE_API": self.api}
        if token:
            environment["PORTREEVE_TOKEN"] = token
        return subprocess.run(
            [str(portreeve()), *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=seconds,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *arguments: str, token: str | None = None) -> str:
        return self._printed(arguments, self.try_run(*arguments, token=token))

    @staticmethod
    def _printed(arguments: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> str:
        if done.returncode != 0:
            words = " ".join(arguments)
            raise Failed(f"portreeve {words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def json(self, *arguments: str, token: str | None = None) -> object:
        return json.loads(self.run(*arguments, "--format", "json", token=token))

    def token(
        self,
        name: str,
        *actors: str,
        purpose: str | None = None,
        ttl: str = "30m",
        may_act: str | None = None,
    ) -> str:
        """Their own, where they act for themselves; else what an operator makes."""
        if name in self.people and not (actors or purpose or may_act or self.was_ended):
            words = ("login", name, "--key", str(self.login_key), "--ttl", ttl)
            done = self.try_run(*words)
            if "connection closed before message completed" in done.stderr:
                # A busy machine was too late for the API's deadline.
                return self.run(*words)
            return self._printed(words, done)
        chain = [part for actor in actors for part in ("--act", actor)]
        why = ["--purpose", purpose] if purpose else []
        successor = ["--may-act", may_act] if may_act else []
        return self.run("token", "issue", name, *chain, *why, *successor, "--ttl", ttl)

    def target(self, name: str, *actors: str, ca: Path | None = None, **more: str) -> Target:
        return Target(
            kind="gateway",
            host="localhost" if ca else "127.0.0.1",
            port=self.port,
            database=more.pop("database", "shop"),
            user=actors[-1] if actors else name,
            password=self.token(name, *actors, **more),
            ca=ca,
        )

    def http(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"} if body is not None else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def memory(self) -> dict[str, int]:
        """VmHWM, VmRSS and RssAnon in KiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        pairs = (line.split() for line in lines if line.startswith(("Vm", "Rss")))
        return {name.rstrip(":"): int(value) for name, value, *_ in pairs}

    def cpu_seconds(self) -> float:
        """What it has worked so far: a busy machine makes answers late, and not this more."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
