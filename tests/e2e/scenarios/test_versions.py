"""Every version of PostgreSQL that is a target: the same scripts, masks and questions."""

from collections.abc import Iterator

import psycopg
import pytest
from harness.gateway import Gateway
from harness.paths import E2E, older_postgres
from harness.postgres import Postgres
from harness.secrets import found_in
from harness.target import Target
from harness.wire import Wire
from harness.world import World
from honest.scene import ACCOUNTS, RULES
from honest.test_h07_migrations import SCRIPTS
from honest.test_h15_monitoring import QUESTIONS
from security.test_a_inside import RAW, SEEN, code

pytestmark = pytest.mark.gateway
VERSIONS = (13, 14, 16, 17)
MADE = """\
create view innocent as select id, 'x'::text as v from public.customers;
create view others as select id, city as v from public.customers;
create table goods (id integer primary key, price numeric, name text, tenant text);
insert into goods values (1, 10, 'a', '7'), (2, 20, 'b', '8');
"""
# What one version has and another lacks is told by a direct connection.
ROLES = "create role alice login; create role walt login"


class Version:
    def __init__(self, number: int, server: Postgres, gateway: Gateway) -> None:
        self.number, self.server, self.gateway = number, server, gateway
        self.dev: Target = gateway.target("dev")

    def direct(self) -> Target:
        server = self.server
        return Target(
            kind="direct",
            host="localhost",
            port=server.port,
            database="shop",
            user="portreeve",
            password=server.password,
            ca=server.ca,
        )


@pytest.fixture(scope="module", params=VERSIONS)
def version(world: World, request: pytest.FixtureRequest) -> Iterator[Version]:
    number = request.param
    programs = older_postgres(number, world.directory / f"programs-{number}")
    assert programs is not None, "scripts/setup.sh test installs it"
    server = Postgres(world.directory / f"server-{number}", programs=programs)
    try:
        server.admin(f"create role portreeve superuser login password '{server.password}'")
        server.admin(ROLES)
        server.admin("create database shop")
        server.admin("", database="shop", file=E2E / "sql" / "shop.sql")
        server.admin(MADE, database="shop")
        policies = world.directory / f"policies-version-{number}"
        policies.mkdir()
        (policies / "honest.cedar").write_text(RULES)
        name = f"version-{number}"
        gateway = world.gateway(
            name, server=server, policies=policies, accounts=ACCOUNTS, via="gateway"
        )
        yield Version(number, server, gateway)
    finally:
        server.stop()


def first_error(target: Target, statements: tuple[str, ...]) -> tuple[str, str] | None:
    with Wire.open(target) as wire:
        for statement in statements:
            if errors := wire.query(statement).errors:
                return statement, errors[0]["C"]
    return None


@pytest.mark.parametrize("script", SCRIPTS)
def test_migrations_end_as_they_do_directly(version: Version, script: str) -> None:
    statements = SCRIPTS[script]
    assert first_error(version.dev, statements) == first_error(version.direct(), statements)


@pytest.mark.parametrize("question", QUESTIONS)
def test_monitoring_is_answered(version: Version, question: str) -> None:
    sql = QUESTIONS[question]
    with Wire.open(version.direct()) as wire:
        directly = wire.query(sql)
    with Wire.open(version.dev) as wire:
        reply = wire.query(sql)
    told = [error["C"] for error in reply.errors]
    assert told == [error["C"] for error in directly.errors]


@pytest.mark.parametrize("case", SEEN)
def test_what_code_makes_is_masked(version: Version, case: str) -> None:
    change, read, rows = SEEN[case]
    with Wire.open(version.direct()) as wire:
        wire.query("begin")
        if wire.query(code(change)).errors:
            pytest.skip(f"not in PostgreSQL {version.number}")
    with Wire.open(version.dev) as wire:
        wire.query("begin")
        assert not (errors := wire.query(code(change)).errors), errors
        reply = wire.query(read)
        assert not reply.errors and len(reply.rows) >= rows, reply.errors
        assert not found_in(reply.raw)


def test_masks_are_the_same_in_text_and_binary(version: Version) -> None:
    sql = "select full_name, email, dob, phone from customers order by id"
    with psycopg.connect(version.dev.conninfo(), autocommit=True) as connection:
        assert connection.execute(sql).fetchall() == connection.execute(sql, binary=True).fetchall()
        names = f"select id, v from others union all {RAW}"
        assert not found_in(str(connection.execute(names).fetchall()).encode())
