"""A place that clients connect to: PostgreSQL itself, or the gateway in front of it."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Target:
    """Everything that an unmodified client needs."""

    kind: str  # "direct" or "gateway"
    host: str
    port: int
    database: str
    user: str
    password: str
    ca: Path | None = None  # verified TLS where set

    @property
    def guarded(self) -> bool:
        return self.kind == "gateway"

    def environment(self) -> dict[str, str]:
        """For everything that is built on libpq."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.database,
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGCONNECT_TIMEOUT": "15",
        }
        if self.ca:
            values |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self.ca)}
        return values

    def url(self, scheme: str = "postgresql") -> str:
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"{scheme}://{user}:{password}@{self.host}:{self.port}/{self.database}"

    def conninfo(self, **more: str) -> str:
        parts = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
        }
        if self.ca:
            parts |= {"sslmode": "verify-full", "sslrootcert": self.ca}
        quoted = (f"{key}='{_escaped(str(value))}'" for key, value in (parts | more).items())
        return " ".join(quoted)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
