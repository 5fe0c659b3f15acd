"""P6: asyncpg works unchanged: prepared by default, binary by default, types looked up."""

import asyncio
import datetime
import io
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from harness.expect import (
    FORBIDDEN,
    READ,
    customers_are_masked,
    notified,
    refusal_is_helpful,
)
from harness.secrets import found_in
from harness.target import Target
from harness.world import World

Work = Callable[[asyncpg.Connection], Awaitable[None]]


def with_connection(target: Target, work: Work) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(
            host=target.host, port=target.port, user=target.user, password=target.password,
            database=target.database, timeout=15, ssl=None if target.guarded else "require",
        )  # fmt: skip
        try:
            await work(connection)
        finally:
            await connection.close(timeout=10)

    asyncio.run(run())


def tuples(records: list[asyncpg.Record]) -> list[tuple[object, ...]]:
    return [tuple(record) for record in records]


def test_fetches_masked(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        customers_are_masked(reader, tuples(await connection.fetch(READ)))
        rows = await connection.fetch(
            "select id, email, city from customers where id <= $1 order by id", 3
        )
        customers_are_masked(reader, tuples(rows))

    with_connection(reader, work)


def test_every_type_stays_readable(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        rows = await connection.fetch("select * from public.customers order by id")
        assert [row["id"] for row in rows] == [1, 2, 3]
        assert not reader.guarded or not found_in(repr(rows).encode())

    with_connection(reader, work)


def test_prepared(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        statement = await connection.prepare(
            "select id, email, city from customers where id <= $1 order by id"
        )
        assert [attribute.name for attribute in statement.get_attributes()] == [
            "id",
            "email",
            "city",
        ]
        for _ in range(3):
            customers_are_masked(reader, tuples(await statement.fetch(3)))

    with_connection(reader, work)


def test_cursor(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            rows = [tuple(record) async for record in connection.cursor(READ, prefetch=1)]
        customers_are_masked(reader, rows)

    with_connection(reader, work)


def test_big_cursor_streams(writer: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            total = 0
            async for record in connection.cursor("select id from work.big", prefetch=5000):
                total += record["id"]
        assert total == 100_000 * 100_001 // 2

    with_connection(writer, work)


def test_copy_from_query(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        out = io.BytesIO()
        await connection.copy_from_query(READ, output=out, format="csv")
        rows = [tuple(line.split(",")) for line in out.getvalue().decode().splitlines()]
        customers_are_masked(reader, rows)

    with_connection(reader, work)


def test_copy_records_to_table(world: World, writer: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        records = [(f"record-{n}", n) for n in range(5000)]
        done = await connection.copy_records_to_table(
            "items", schema_name="work", columns=["name", "qty"], records=records
        )
        assert done == "COPY 5000"

    with_connection(writer, work)
    assert world.admin("select sum(qty) from work.items") == "12497500"


def test_executemany(world: World, writer: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.executemany(
            "insert into work.other (id, name) values ($1, $2)", [(n, f"n{n}") for n in range(500)]
        )

    with_connection(writer, work)
    assert world.admin("select count(*) from work.other") == "500"


def test_types_are_looked_up(writer: Target) -> None:
    """An array of a composite type makes asyncpg ask the catalog."""

    async def work(connection: asyncpg.Connection) -> None:
        value = await connection.fetchval("select array[row('a', 'b')::contact]")
        assert tuple(value[0]) == ("a", "b")
        assert await connection.fetchval("select 'x'::mail") == "x"
        day = await connection.fetchval("select daterange('2026-01-01', '2026-02-01')")
        assert day.lower == datetime.date(2026, 1, 1)

    with_connection(writer, work)


def test_refusal_is_the_ordinary_exception(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
            await connection.execute(FORBIDDEN)
        refusal_is_helpful(reader, caught.value.sqlstate, caught.value.detail, caught.value.hint)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("delete from victim where id = $1 returning id", 1)
        customers_are_masked(reader, tuples(await connection.fetch(READ)))

    with_connection(reader, work)


def test_refusal_in_a_transaction(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        transaction = connection.transaction()
        await transaction.start()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(FORBIDDEN)
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await connection.fetch("select 1")
        await transaction.rollback()
        customers_are_masked(reader, tuples(await connection.fetch(READ)))

    with_connection(reader, work)


def test_cancel_by_timeout(reader: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        slow = "select count(*) from generate_series(1, 3000000) a, generate_series(1, 1000000) b"
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetchval(slow, timeout=0.5)
        assert await connection.fetchval("select 1") == 1

    with_connection(reader, work)


def test_listen(writer: Target) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        await connection.add_listener(
            "async_parcels", lambda _c, _p, _ch, payload: heard.put_nowait(payload)
        )
        await connection.execute("notify async_parcels, 'hello'")
        assert await asyncio.wait_for(heard.get(), 10) == notified(writer)

    with_connection(writer, work)


def test_pool_resets_its_connections(reader: Target) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(
            host=reader.host, port=reader.port, user=reader.user, password=reader.password,
            database=reader.database, min_size=2, max_size=4, timeout=15,
            ssl=None if reader.guarded else "require",
        ) as pool:  # fmt: skip
            for _ in range(6):
                results = await asyncio.gather(*(pool.fetch(READ) for _ in range(4)))
                for rows in results:
                    customers_are_masked(reader, tuples(rows))

    asyncio.run(run())
