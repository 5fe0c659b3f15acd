"""An OpenSSH server of a test's own: its keys, its port, one user, and files that tests put there."""

import getpass
import os
import socket
import subprocess
from pathlib import Path

from .waiting import free_port, until

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
AcceptEnv LANG LC_* TERM EVIL
AllowTcpForwarding yes
MaxSessions 200
MaxStartups 300:30:600
Subsystem sftp internal-sftp
LogLevel ERROR
"""


def keygen(path: Path) -> str:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True
    )
    return path.with_suffix(".pub").read_text().strip()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Authority:
    """A key that signs certificates, as `ssh-keygen` does."""

    def __init__(self, key: Path):
        self.key = key
        self.public = keygen(key)

    def sign(self, public: Path, *options: str) -> Path:
        """Writes the certificate beside the key, as `…-cert.pub`."""
        command = ["ssh-keygen", "-q", "-s", str(self.key), *options, str(public)]
        subprocess.run(command, check=True, capture_output=True)
        return public.with_name(public.stem + "-cert.pub")


class Sshd:
    """`more` are lines of its configuration, of which the first for a keyword counts."""

    def __init__(self, directory: Path, more: str = "", host_ca: Authority | None = None):
        directory.mkdir(parents=True)
        self.directory = directory
        self.home = directory / "home"
        self.home.mkdir()
        self.user = getpass.getuser()
        self.port = free_port()
        self.host_key = keygen(directory / "host_key")
        self.key = directory / "key"
        (directory / "authorized_keys").write_text(keygen(self.key) + "\n")
        # Where root's server leaves privileges, on machines that do not start it themselves.
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        if host_ca:
            certificate = host_ca.sign(
                directory / "host_key.pub", "-h", "-I", "a host", "-n", "127.0.0.1"
            )
            more += f"HostCertificate {certificate}\n"
        config = directory / "sshd_config"
        config.write_text(more + CONFIG.format(port=self.port, directory=directory))
        log = (directory / "sshd.log").open("ab")
        self.process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stdout=log, stderr=log
        )
        log.close()
        until("sshd listens", lambda: listens(self.port), 30)

    def log(self) -> str:
        return (self.directory / "sshd.log").read_text(errors="replace")

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def direct(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """The same without a gateway."""
        return subprocess.run(
            [
                "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
                "-o", "UserKnownHostsFile=/dev/null", "-i", str(self.key), "-p", str(self.port),
                f"{self.user}@127.0.0.1", f"cd {self.home} && {{ {command}\n}}",
            ],
            input=stdin,
            capture_output=True,
            timeout=60,
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
