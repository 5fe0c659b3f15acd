"""Programs for the JVM, with the libraries that Debian has."""

import subprocess
from pathlib import Path

from .paths import E2E
from .target import Target

LIBRARIES = Path("/usr/share/java")
SECONDS_MAX = 90
DRIVER = "postgresql"
# Hibernate 3.6 with annotations, and proxies by javassist.
HIBERNATE = (
    "antlr",
    "commons-collections3",
    "dom4j",
    "geronimo-jpa_2.0_spec",
    "geronimo-jta-1.2-spec",
    "hibernate-commons-annotations",
    "hibernate-core",
    "javassist",
    "slf4j-api",
    "slf4j-nop",
)


class Program:
    """A class of `jdbc/`, compiled into a folder."""

    def __init__(self, name: str, classes: Path, libraries: tuple[str, ...] = ()):
        self.name = name
        jars = [str(LIBRARIES / f"{library}.jar") for library in (DRIVER, *libraries)]
        self.path = ":".join([*jars, str(classes)])
        source = str(E2E / "jdbc" / f"{name}.java")
        compiler = ["javac", "-nowarn", "-cp", self.path, "-d", str(classes), source]
        subprocess.run(compiler, check=True, timeout=SECONDS_MAX, stderr=subprocess.PIPE)

    def lines(self, *targets: Target) -> list[tuple[str, list[str]]]:
        """What it prints when it is given these: a name and the values behind it, by tabs."""
        logins = [setting for target in targets for setting in login(target)]
        # These programs are over before the second compiler of the JVM pays.
        done = subprocess.run(
            ["java", "-XX:TieredStopAtLevel=1", "-cp", self.path, self.name, *logins],
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [(name, values) for name, *values in map(cells, done.stdout.splitlines())]


def cells(line: str) -> list[str]:
    return line.split("\t")


def login(target: Target) -> list[str]:
    """Url, user and password, as JDBC wants them."""
    tls = f"?sslmode=verify-full&sslrootcert={target.ca}" if target.ca else ""
    return [
        f"jdbc:postgresql://{target.host}:{target.port}/{target.database}{tls}",
        target.user,
        target.password,
    ]
