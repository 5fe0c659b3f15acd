"""SeaweedFS for one test: a service of S3 that checks signatures, read back by another door."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from .waiting import free_port, until

ACCESS_KEY = "gateway"
SECRET_KEY = "a secret of the bucket"


class Bucket:
    def __init__(self, directory: Path, name: str):
        self.directory = directory / "bucket"
        self.name = name
        self.port = free_port()
        self.filer = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Bucket":
        self.directory.mkdir(exist_ok=True)
        credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identity = {"name": "gateway", "credentials": credentials, "actions": ["Admin"]}
        config = self.directory / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        ports = [
            option
            for name in ("master.port", "volume.port")
            for option in (f"-{name}={free_port()}", f"-{name}.grpc={free_port()}")
        ]
        with (self.directory / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(str(Path(sys.executable).with_name("weed")), "server", "-s3", "-filer"),
                    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.directory}"),
                    *(f"-filer.port={self.filer}", f"-filer.port.grpc={free_port()}"),
                    *(f"-s3.port={self.port}", f"-s3.port.grpc={free_port()}"),
                    *("-volume.max=2", "-master.volumeSizeLimitMB=64", f"-s3.config={config}"),
                    *ports,
                ],
                stdout=log,
                stderr=log,
            )
        until("the bucket's service answers", self.answers, 60)
        return self

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url, timeout=2).read()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def stop(self) -> None:
        if self.process:
            # Nothing is kept, and an orderly end takes it half a minute.
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def objects(self, folder: str = "") -> dict[str, bytes]:
        """Every object of the bucket by its name."""
        base = f"http://127.0.0.1:{self.filer}/buckets/{self.name}{folder}"
        ask = urllib.request.Request(f"{base}/", headers={"Accept": "application/json"})
        try:
            listing = json.load(urllib.request.urlopen(ask, timeout=10))
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            return {}
        found: dict[str, bytes] = {}
        for entry in listing["Entries"] or []:
            name = f"{folder}/{Path(entry['FullPath']).name}"
            if entry["Mode"] & (1 << 31):
                found |= self.objects(name)
            else:
                address = f"http://127.0.0.1:{self.filer}{entry['FullPath']}"
                found[name] = urllib.request.urlopen(address, timeout=10).read()
        return found
