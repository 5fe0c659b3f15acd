"""Two servers with the same past: one is asked directly, the other through a gateway."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.gateway import Account, Gateway
from harness.paths import E2E
from harness.postgres import Postgres
from harness.target import Target
from harness.wire import (
    FLUSH,
    SYNC,
    Closed,
    Reply,
    Wire,
    bind_message,
    describe_message,
    execute_message,
    frame,
    parse_message,
)
from harness.world import World

from .script import COPY_IN

DATABASE = "twin"
# All that policy can permit. Nothing is classified: where something is, what code gives is masked.
RULES = '@id("everything") permit (principal, action, resource);\n'
ACCOUNTS = (Account("twin", "person", ()),)
# As `pg_regress` sets it, but for `datestyle`, of which the gateway has ISO alone.
STARTUP = {"timezone": "PST8PDT", "intervalstyle": "postgres_verbose"}
TOO_LATE_SECONDS = 60.0


@dataclass
class Side:
    """A way to one of the servers, with the connection that is open now."""

    target: Target
    startup: dict[str, str]
    wire: Wire | None = None

    def connect(self) -> Wire:
        self.disconnect()
        self.wire = Wire.open(self.target, **self.startup)
        self.wire.socket.settimeout(TOO_LATE_SECONDS)
        return self.wire

    def disconnect(self) -> None:
        if self.wire:
            self.wire.terminate()
        self.wire = None

    def send(self, messages: bytes, data: Callable[[], bytes] | None = None) -> Reply:
        """Sends messages; gives all that is answered, COPY fed with the data."""
        wire = self.wire or self.connect()
        whole = Reply()
        # Data follow before Sync, which the server would drop with what it does not expect.
        owes_sync = messages.endswith(FLUSH)
        try:
            wire.send(messages)
            while not whole.closed:
                reply = wire.reply(until="ZGE" if owes_sync else "ZG")
                whole.messages += reply.messages
                whole.closed = reply.closed
                last = reply.messages[-1].kind if reply.messages else ""
                if last == "Z":
                    break
                if last == "G":
                    wire.send(frame("d", data() if data else b"") + frame("c"))
                if owes_sync:
                    wire.send(SYNC)
                    owes_sync = False
        except (OSError, Closed):
            whole.closed = True
        if whole.closed:
            self.wire = None
            wire.close()
        return whole


@dataclass
class Pair:
    """One session on each side."""

    direct: Side
    guarded: Side
    control: Side | None = None

    @property
    def unguarded(self) -> list[Side]:
        return [self.direct, *filter(None, [self.control])]

    def disconnect(self) -> None:
        for side in (self.guarded, *self.unguarded):
            side.disconnect()


MODES = ("simple", "text", "binary")


def messages_of(sql: str, mode: str) -> bytes:
    """A statement as clients send it: whole, or in the parts of the extended protocol."""
    if mode == "simple":
        return frame("Q", sql.encode() + b"\0")
    begun = parse_message(sql) + bind_message(result_formats=(int(mode == "binary"),))
    return begun + describe_message() + execute_message() + (FLUSH if COPY_IN.match(sql) else SYNC)


class Twins:
    """`control` is a third server, asked directly: what it answers otherwise is no fault of the
    gateway's."""

    def __init__(self, world: World, name: str, *, control: bool = False, via: str | None = None):
        self.world = world
        self.servers: list[Postgres] = []
        try:
            for place in ("direct", "gateway", "control")[: 2 + control]:
                server = Postgres(world.directory / f"{name}-{place}", connections=30)
                self.servers.append(server)
                self._prepare(server)
            self.gateway = self._gateway(f"{name}-front", via)
        except BaseException:
            self.stop()
            raise
        self.twin = self.gateway.target("twin")

    @staticmethod
    def _prepare(server: Postgres) -> None:
        # What runs by itself moves rows and estimates at other times on one server than on the
        # other.
        server.admin("alter system set autovacuum = off")
        server.admin("select pg_reload_conf()")
        server.admin(f"create role portreeve superuser login password '{server.password}'")
        server.admin(f"create database {DATABASE}")

    def _gateway(self, name: str, via: str | None) -> Gateway:
        policies = self.world.directory / f"policies-{name}"
        policies.mkdir()
        (policies / "everything.cedar").write_text(RULES)
        return self.world.gateway(
            name,
            database=DATABASE,
            policies=policies,
            accounts=ACCOUNTS,
            classified={},
            server=self.servers[1],
            via=via,
        )

    def pair(self, startup: dict[str, str] = STARTUP) -> "Pair":
        """Connections side by side, not open yet."""
        direct, _, *controls = (direct_target(server) for server in self.servers)
        others = [Side(target, startup) for target in (direct, *controls)]
        return Pair(others[0], Side(self.twin, startup), *others[1:])

    def admin(self, sql: str, file: Path | None = None) -> None:
        """Done to all servers, past the gateway."""
        for server in self.servers:
            server.admin(sql, DATABASE, file)

    def reset(self) -> None:
        """Both as they began, but for what belongs to no database."""
        self.admin("drop schema public cascade; create schema public")

    def shop(self) -> None:
        """What the tools of `honest/tools` expect."""
        self.admin("drop schema if exists public, work, attic, other cascade; create schema public")
        self.admin("", file=E2E / "sql" / "shop.sql")

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


def direct_target(server: Postgres) -> Target:
    return Target(
        kind="direct",
        host="localhost",
        port=server.port,
        database=DATABASE,
        user="portreeve",
        password=server.password,
        ca=server.ca,
    )
