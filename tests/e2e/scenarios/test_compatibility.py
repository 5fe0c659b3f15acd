"""`docs/compatibility.md` says what is tried, and the newest PostgreSQL works as a target."""

import asyncio
import json
import re
from collections.abc import Iterator

import asyncpg
import psycopg
import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.paths import E2E, ROOT, newest_postgres
from harness.postgres import Postgres
from harness.target import Target
from harness.wire import Wire
from harness.world import World

PAGE = (ROOT / "docs" / "compatibility.md").read_text()
TESTS = re.compile(r"`((?:drivers|honest|scenarios)/\w+\.py)`")
ROW = re.compile(r"^\| ([\w., -]+) \| ([\d., ]+) \|", re.MULTILINE)


def test_the_page_names_tests_that_there_are() -> None:
    """Every row that says that something works names who runs it."""
    works = PAGE.split("## What works")[1].split("## What does not")[0]
    rows = [line for line in works.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        named = TESTS.findall(row)
        assert named, f"no test: {row}"
        for path in named:
            assert (E2E / path).exists(), path


def installed() -> dict[str, str]:
    """Versions by name, as the tests install them."""
    lines = (E2E / "requirements.txt").read_text().splitlines()
    pinned = dict(re.split(r"(?:\[\w+\])?==", line) for line in lines if "==" in line)
    return pinned | json.loads((E2E / "node" / "package.json").read_text())["dependencies"]


def test_the_page_names_the_versions_that_are_run() -> None:
    """A version that has moved on is a row to look at again."""
    names = {"node-postgres": "pg", "pgboss": "pg-boss"}
    pinned = installed()
    seen = 0
    for name, version in ROW.findall(PAGE):
        package = names.get(name.lower(), name.lower())
        if package in pinned:
            seen += 1
            assert pinned[package] == version.strip(), name
    assert seen >= 9, seen


@pytest.fixture(scope="module")
def newest(world: World) -> Iterator[Gateway]:
    """A gateway in front of the newest PostgreSQL."""
    programs = newest_postgres(world.directory / "newest-programs")
    if programs is None:
        pytest.skip("PostgreSQL 18 is not installed")
    server = Postgres(world.directory / "newest", programs=programs)
    try:
        server.admin(f"create role portreeve superuser login password '{server.password}'")
        server.admin("create database shop")
        server.admin("", database="shop", file=E2E / "sql" / "shop.sql")
        yield world.gateway("newest-gateway", server=server)
    finally:
        server.stop()


READS = {
    "version": ("select current_setting('server_version_num')::int / 10000", b"18"),
    "clear": ("select count(*) from orders", None),
    "masked": ("select email from customers order by id limit 1", None),
    "view-of-the-catalog": ("select count(*) from pg_stat_io", None),
    "uuid": ("select uuid_extract_version(uuidv7())", b"7"),
}


@pytest.mark.gateway
@each(READS)
def test_reads_of_the_newest_server(newest: Gateway, case: tuple[str, bytes | None]) -> None:
    """Statements and functions of the newest version pass, masked like everywhere."""
    sql, expected = case
    with Wire.open(newest.target("walt")) as wire:
        reply = wire.query(sql)
        assert not reply.errors, reply.errors
        [[value]] = reply.rows
        assert expected is None or value == expected
        assert b"@leak" not in reply.raw


@pytest.mark.gateway
def test_drivers_against_the_newest_server(newest: Gateway) -> None:
    """Prepared statements, types, COPY and transactions through real drivers."""
    walt: Target = newest.target("walt")
    with psycopg.connect(walt.conninfo()) as connection:
        connection.execute("create table work.made (id int, at timestamptz default now())")
        with connection.cursor().copy("copy work.made (id) from stdin") as copy:
            copy.write("1\n2\n")
        rows = connection.execute("select id from work.made where id > %s", (1,)).fetchall()
        assert rows == [(2,)]
        connection.rollback()
        assert connection.execute("select to_regclass('work.made')").fetchone() == (None,)

    async def fetched() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(
            host=walt.host,
            port=walt.port,
            user=walt.user,
            password=walt.password,
            database=walt.database,
            ssl=False,
        )
        try:
            return await connection.fetch("select id, email from customers order by id limit 2")
        finally:
            await connection.close()

    assert all("leak" not in str(row["email"]) for row in asyncio.run(fetched()))


@pytest.mark.gateway
def test_a_change_of_definitions_at_the_newest_server(newest: Gateway) -> None:
    """The questions of the fence and of the catalog are understood there."""
    with Wire.open(newest.target("walt")) as wire:
        for statement in (
            "create table work.turn (a text, b integer)",
            "insert into work.turn values ('x', 1)",
            "alter table work.turn rename column a to c",
        ):
            assert not (errors := wire.query(statement).errors), errors
        assert wire.query("select c from work.turn").rows == [[b"x"]]
        assert wire.query("select a from work.turn").sqlstate == "42703"
