"""The world of the tests: one server with the shop, one gateway in front, some people."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from .connector import Connector
from .evidence import Checked, checked
from .gateway import Account, Failed, Gateway
from .paths import E2E
from .postgres import Postgres
from .target import Target
from .waiting import free_port

ACCOUNTS = (
    Account("alice", "person", ("analysts",)),
    Account("bert", "person", ("analysts", "reviewers")),
    Account("dana", "person", ("reviewers",)),
    Account("walt", "person", ("writers",)),
    Account("olga", "person", ("officers",)),
    Account("nobody", "person", ()),
    Account("planner", "actor", ("agents",)),
    Account("sql-agent", "actor", ("agents",)),
    Account("rogue-agent", "actor", ()),
)

CLASSIFIED = {
    "public.customers.full_name": "name",
    "*.customers.email": "email",
    "public.customers.phone": "phone",
    "*.*.ssn": "national-id",
    "public.customers.iban": "iban",
    "public.customers.dob": "birth-date",
    "public.customers.salary": "income",
    "public.customers.pin": "secret",
    "public.customers.notes": "health",
    "public.customers.photo": "biometric",
    "public.customers.aliases": "name",
    "public.customers.profile": "contact",
    "public.crowd.email": "email",
    "public.people*.email": "email",
    "public.base_people.email": "email",
    "public.child_people.*": "email",
    'public."Odd Names"."E-Mail"': "email",
}

# Whom rows are about, where the columns above are classified.
SUBJECTS = {"public.customers.email": "email", "public.crowd.email": "email"}

CONFIG = """\
data_dir: $data_dir
listen:
  postgres:
    address: "127.0.0.1:$port"
    tls: { certificate: "@directory/gateway.pem", key: "@directory/gateway.key" }
  api: { address: "127.0.0.1:$api_port" }
@connectors
issuers:
  - local: {}
@issuers
resources:
  shop:
    via: @via
    postgres:
      host: localhost
      port: @server_port
      database: @database
      user: @role
@credential
    classify:
@classify
    unclassified: @unclassified
@known
    subjects: @subjects
masking:
  phone: partial
  iban: partial
  name: pseudonym
  national-id: pseudonym
  birth-date: "null"
  default: redact
policies: [ "@policies/*.cedar" ]
reviews: @reviews
@more
"""


# What opens the target: the gateway has it, or the connector that reaches the target.
CREDENTIAL = """\
      tls: { mode: verify-full, ca: "@ca" }
      password: { file: "@directory/role-password" }"""

CONNECTOR = """\
state_dir: "@directory/connector-@name"
gateways: [ "127.0.0.1:@connector_port" ]
resources:
  shop:
    postgres:
      host: localhost
      port: @server_port
      database: @database
      user: @role
@credential
"""


@dataclass
class World:
    """Everything a test may use; ended by `stop`."""

    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="portreeve-e2e-")))
    connections: int = 300
    # Who reaches the targets of gateways that do not say so: `gateway` or `connector`.
    via: str = "gateway"

    def __post_init__(self) -> None:
        self.directory.chmod(0o755)
        self.postgres = Postgres(self.directory / "postgres", self.connections)
        self.gateways: list[Gateway] = []
        self.logs: list[Checked] = []
        self.connectors: list[Connector] = []
        self._shared: Gateway | None = None
        admin = self.postgres.admin
        secret = self.postgres.password
        admin(f"create role portreeve superuser login password '{secret}'")
        for reader in ("alice", "walt"):
            admin(f"create role {reader} login password '{secret}'")
        admin("create database shop_template")
        admin("", database="shop_template", file=E2E / "sql" / "shop.sql")
        for grant in GRANTS:
            admin(grant, database="shop_template")
        admin("alter database shop_template is_template true")
        admin("create database shop template shop_template")
        admin("", database="shop", file=E2E / "sql" / "big.sql")

    def end_since(self, mark: int) -> None:
        """Ends the gateways that came behind a mark, and nobody else needs: idle ones, too, look
        at their targets every second. Says what was wrong."""
        ending = [gateway for gateway in self.gateways[mark:] if not gateway.stays]
        for connector in self.connectors:
            if connector.gateway in ending:
                connector.kill()
        problems = [f"{gateway.directory.name}: {what}" for gateway in ending for what in self.ended(gateway)]
        assert not problems, "\n".join(problems)

    def stop(self) -> None:
        """Ends every server, whatever goes wrong on the way, and then says what did."""
        problems: list[str] = []
        try:
            for gateway in self.gateways:
                problems += [f"{gateway.directory.name}: {what}" for what in self.ended(gateway)]
        finally:
            # An interrupt leaves the loop early: no gateway outlives the world.
            for gateway in self.gateways:
                if not gateway.was_ended:
                    gateway.kill()
            for connector in self.connectors:
                connector.kill()
            self.postgres.stop()
            if os.environ.get("KEEP"):
                print(f"kept: {self.directory}")
            else:
                shutil.rmtree(self.directory, ignore_errors=True)
        assert not problems, "\n".join(problems)

    def ended(self, gateway: Gateway) -> list[str]:
        """Ends it; gives what was wrong with its end, and with the log that it left. Once."""
        if gateway.is_done:
            return []
        gateway.is_done = True
        problems = []
        try:
            gateway.stop()
        except (Failed, subprocess.TimeoutExpired) as problem:
            problems.append(str(problem))
        try:
            log = checked(gateway)
        except subprocess.TimeoutExpired as problem:
            return [*problems, f"its evidence could not be verified in time: {problem}"]
        if log:
            self.logs.append(log)
            problems += log.problems
        return problems

    @property
    def verified(self) -> tuple[int, int]:
        """Logs, and records in them."""
        return len(self.logs), sum(log.records for log in self.logs)

    def policies_with(self, name: str, text: str) -> Path:
        """The policies of all tests, and more."""
        folder = self.directory / f"policies-{name}"
        shutil.copytree(E2E / "policies", folder)
        (folder / f"{name}.cedar").write_text(text)
        return folder

    def gateway(
        self,
        name: str,
        *,
        role: str = "portreeve",
        database: str = "shop",
        issuers: str = "",
        more: str = "limits: { auth_failures_max: 100000 }",
        reviews: str = "{ timeout: 2m }",
        policies: Path = E2E / "policies",
        classified: dict[str, str] | None = None,
        unclassified: str = "detect",
        adopted: bool = False,
        server: Postgres | None = None,
        via: str | None = None,
        accounts: tuple[Account, ...] = ACCOUNTS,
        start: bool = True,
    ) -> Gateway:
        """A gateway of a test's own; `adopted`: what its target has now is known to somebody."""
        directory = self.directory / name
        directory.mkdir()
        server = server or self.postgres
        for part in ("pem", "key"):
            shutil.copy(server.directory / f"server.{part}", directory / f"gateway.{part}")
        (directory / "role-password").write_text(server.password + "\n")
        (directory / "role-password").chmod(0o600)
        subjects = SUBJECTS if classified is None else {}
        classified = CLASSIFIED if classified is None else classified
        through = (via or ("gateway" if adopted else self.via)) == "connector"
        config, connector = CONFIG, CONNECTOR
        connector_port = free_port()
        for key, value in {
            "@via": "connector" if through else "gateway",
            "@connectors": f'  connectors: {{ address: "127.0.0.1:{connector_port}" }}'
            if through
            else "",
            "@connector_port": str(connector_port),
            "@credential": CREDENTIAL,
            "@directory": str(directory),
            "@issuers": issuers,
            "@server_port": str(server.port),
            "@ca": str(server.ca),
            "@role": role,
            "@classify": "\n".join(f"      '{k}': {v}" for k, v in classified.items()),
            "@subjects": json.dumps(subjects),
            "@unclassified": unclassified,
            "@known": "    known_columns: known.json" if adopted else "",
            "@policies": str(policies),
            "@database": database,
            "@reviews": reviews,
            "@more": more,
        }.items():
            hidden = through and key == "@credential"
            config = config.replace(key, "" if hidden else value)
            connector = connector.replace(key, value)
        gateway = Gateway(directory, config, accounts)
        gateway.connector_config = connector if through else None
        self.gateways.append(gateway)
        if adopted:
            gateway.run("discover", "shop", "--rows", "0", "--adopt")
        if not start:
            return gateway
        gateway.start()
        if through:
            self.connector(gateway, "eu").enroll().start()
        return gateway

    def connector(self, gateway: Gateway, name: str) -> Connector:
        """One that can serve what the gateway reaches through connectors."""
        assert gateway.connector_config
        connector = Connector(gateway, name, gateway.connector_config.replace("@name", name))
        self.connectors.append(connector)
        return connector

    @property
    def shared(self) -> Gateway:
        """The gateway that most tests go through."""
        if self._shared is None:
            self._shared = self.gateway("gateway")
            self._shared.stays = True
        return self._shared

    def direct(self, user: str, database: str = "shop") -> Target:
        """PostgreSQL itself, over verified TLS."""
        return Target(
            kind="direct",
            host="localhost",
            port=self.postgres.port,
            database=database,
            user=user,
            password=self.postgres.password,
            ca=self.postgres.ca,
        )

    def target(self, kind: str, person: str, *actors: str) -> Target:
        """The same person, with or without the gateway."""
        if kind == "direct":
            return self.direct(person)
        return self.shared.target(person, *actors)

    def admin(self, sql: str, database: str = "shop") -> str:
        return self.postgres.admin(sql, database)

    def psql(
        self, target: Target, *arguments: str, stdin: str = "", seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """psql as a person runs it, without a start-up file."""
        return subprocess.run(
            ["psql", "-X", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=os.environ | target.environment(),
            timeout=seconds,
            cwd=self.directory,
        )


GRANTS = (
    "grant select on all tables in schema public, attic, work to alice, walt",
    "grant all on schema work to walt",
    "grant all on all tables in schema work to walt",
    "grant all on all sequences in schema work to walt",
)
