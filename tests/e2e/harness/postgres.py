"""A private PostgreSQL server for one test run."""

import os
import subprocess
from pathlib import Path

from .paths import ROOT

SCRIPT = ROOT / "scripts" / "private-postgres.sh"
PSQL_QUIET = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-At"]


class Postgres:
    """Started on construction; `stop` removes every trace."""

    def __init__(
        self,
        directory: Path,
        connections: int = 100,
        log_statement: str = "none",
        programs: Path | None = None,
        primary: "Postgres | None" = None,
        can_be_followed: bool = False,
    ):
        """A hot standby, where there is a primary."""
        self.directory = directory
        self.environment = os.environ | {
            "POSTGRES_CONNECTIONS": str(connections),
            "POSTGRES_LOG_STATEMENT": log_statement,
        }
        if programs:
            self.environment |= {
                "POSTGRES_BIN": str(programs / "bin"),
                "LD_LIBRARY_PATH": str(programs / "lib"),
            }
        if can_be_followed:
            self.environment["POSTGRES_EXTRA_HBA"] = "local replication all trust"
        start = ["follow", directory, primary.directory] if primary else ["start", directory]
        subprocess.run([SCRIPT, *start], check=True, env=self.environment)
        self.port = int((directory / "port").read_text())
        self.password = (directory / "password").read_text().strip()
        self.ca = directory / "ca.pem"

    def stop(self) -> None:
        subprocess.run([SCRIPT, "stop", self.directory], check=True, env=self.environment)

    def admin(self, sql: str, database: str = "postgres", file: Path | None = None) -> str:
        """Runs SQL as the superuser over the server's own socket; returns bare rows."""
        command = [*PSQL_QUIET, "-h", str(self.directory), "-p", str(self.port)]
        command += ["-U", "postgres", "-d", database]
        command += ["-f", str(file)] if file else ["-c", sql]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{sql or file}: {done.stderr}")
        return done.stdout.rstrip("\n")

    def server_log(self) -> str:
        return (self.directory / "server.log").read_text(errors="replace")
