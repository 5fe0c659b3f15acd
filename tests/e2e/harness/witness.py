"""A witness for one test: its own folder, a free port, keys of its own."""

import json
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .gateway import Failed, Gateway
from .paths import portreeve
from .waiting import free_port


class Witness:
    """`portreeve witness` as an operator of another department runs it."""

    def __init__(self, directory: Path, name: str, certificate: Path | None = None):
        """With a certificate (its key beside it, `.key`) it speaks TLS."""
        self.certificate = certificate
        self.directory = directory / name
        self.name = f"{name}.example/w1"
        self.port = free_port()
        self.log_path = directory / f"{name}.log"
        self.process: subprocess.Popen[str] | None = None
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.certificate else self.bound

    @property
    def bound(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def start(self, *logs: Path | str) -> "Witness":
        known = [part for log in logs for part in ("--log", str(log))]
        if self.certificate:
            key = self.certificate.with_suffix(".key")
            known += ["--certificate", str(self.certificate), "--key", str(key)]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(str(portreeve()), "witness", "--dir", str(self.directory)),
                    *("--name", self.name, "--listen", f"127.0.0.1:{self.port}"),
                    *("--format", "json", *known),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the witness ended:\n{self.log_path.read_text()}")
        said = json.loads(line)
        assert said["url"] == self.bound
        self.keys = said["keys"]
        return self

    def stop(self) -> int:
        if not self.process:
            return 0
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(15)
        self.process.stdout.close()
        self.process = None
        return status

    def __enter__(self) -> "Witness":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str, str]:
        """Status, type and text of an answer."""
        request = urllib.request.Request(f"{self.url}/{path}", body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.status, answer.headers.get_content_type(), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get_content_type(), error.read().decode()


def asks(
    gateway: Gateway,
    witnesses: list[tuple[str, str, str]],
    ca: Path | None = None,
    **settings: object,
) -> None:
    """Names witnesses (name, key, address) in a gateway's configuration."""
    trust = {"ca": str(ca)} if ca else {}
    entries = [{"name": name, "key": key, "url": url} | trust for name, key, url in witnesses]
    section = {"witnesses": entries, **settings}
    text = gateway.config.read_text().split("\nevidence: ")[0]
    # JSON is YAML.
    gateway.config.write_text(f"{text}\nevidence: {json.dumps(section)}\n")
