"""P6: pg8000 works unchanged: it describes in one round trip and executes in another."""

import ssl
from collections.abc import Iterator

import pg8000.dbapi
import pg8000.native
import pytest
from harness.expect import FORBIDDEN, READ, customers_are_masked, refusal_is_helpful
from harness.target import Target
from harness.world import World


def arguments(target: Target) -> dict[str, object]:
    context = ssl.create_default_context(cafile=str(target.ca)) if target.ca else None
    return {
        "user": target.user, "password": target.password, "host": target.host,
        "port": target.port, "database": target.database, "ssl_context": context, "timeout": 15,
    }  # fmt: skip


@pytest.fixture
def native(reader: Target) -> Iterator[pg8000.native.Connection]:
    connection = pg8000.native.Connection(**arguments(reader))
    yield connection
    connection.close()


def test_selects_masked(reader: Target, native: pg8000.native.Connection) -> None:
    customers_are_masked(reader, native.run(READ))


def test_selects_masked_with_parameters(reader: Target, native: pg8000.native.Connection) -> None:
    sql = "select id, email, city from customers where id <= :most order by id"
    customers_are_masked(reader, native.run(sql, most=3))


def test_prepared(reader: Target, native: pg8000.native.Connection) -> None:
    statement = native.prepare(
        "select id, email, city from customers where id <= cast(:most as int) order by id"
    )
    for _ in range(3):
        customers_are_masked(reader, statement.run(most=3))
    statement.close()


def test_dbapi_with_transaction(reader: Target) -> None:
    connection = pg8000.dbapi.connect(**arguments(reader))
    cursor = connection.cursor()
    cursor.execute("select id, email, city from customers where id <= %s order by id", (3,))
    customers_are_masked(reader, list(cursor.fetchall()))
    with pytest.raises(pg8000.dbapi.DatabaseError):
        cursor.execute(FORBIDDEN)
    connection.rollback()
    cursor.execute(READ)
    customers_are_masked(reader, list(cursor.fetchall()))
    connection.close()


def test_refusal_is_the_ordinary_exception(
    reader: Target, native: pg8000.native.Connection
) -> None:
    with pytest.raises(pg8000.native.DatabaseError) as caught:
        native.run(FORBIDDEN)
    fields = caught.value.args[0]
    refusal_is_helpful(reader, fields["C"], fields.get("D"), fields.get("H"))
    customers_are_masked(reader, native.run(READ))


def test_copy_in_and_out(world: World, writer: Target) -> None:
    connection = pg8000.native.Connection(**arguments(writer))
    connection.run("copy work.other from stdin", stream=[f"{n}\tn{n}\n" for n in range(100)])
    lines: list[str] = []

    class Sink:
        def write(self, data: bytes) -> None:
            lines.append(data.decode())

    connection.run("copy work.other to stdout", stream=Sink())
    connection.close()
    assert len("".join(lines).splitlines()) == 100


def test_big_result(writer: Target) -> None:
    connection = pg8000.native.Connection(**arguments(writer))
    assert (
        sum(row[0] for row in connection.run("select id from work.big")) == 100_000 * 100_001 // 2
    )
    connection.close()
