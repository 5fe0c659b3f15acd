"""P6: psycopg 3 works unchanged, in every way it has of talking to a server."""

import io
import threading

import psycopg
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
from harness.waiting import until
from harness.world import World
from psycopg import sql


def connect(target: Target, **more: object) -> psycopg.Connection:
    return psycopg.connect(target.conninfo(), **more)


def check_refusal(target: Target, error: psycopg.Error) -> None:
    refusal_is_helpful(target, error.sqlstate, error.diag.message_detail, error.diag.message_hint)


@pytest.mark.parametrize("binary", [False, True])
def test_selects_masked(reader: Target, binary: bool) -> None:
    with connect(reader) as connection, connection.cursor(binary=binary) as cursor:
        customers_are_masked(reader, cursor.execute(READ).fetchall())


@pytest.mark.parametrize("binary", [False, True])
def test_selects_masked_with_parameters(reader: Target, binary: bool) -> None:
    with connect(reader) as connection:
        rows = connection.execute(
            "select id, email, city from customers where id <= %s and city <> %s order by id",
            (3, "nowhere"),
            binary=binary,
        ).fetchall()
        customers_are_masked(reader, rows)


@pytest.mark.parametrize("binary", [False, True])
def test_every_type_stays_readable(reader: Target, binary: bool) -> None:
    """A masked cell is valid in its own type, in both formats: the driver parses it."""
    with connect(reader) as connection:
        sql = "select * from public.customers order by id"
        rows = connection.execute(sql, binary=binary).fetchall()
        assert [row[0] for row in rows] == [1, 2, 3]
        assert not reader.guarded or not found_in(repr(rows).encode())


def test_select_star_beside_a_namesake(reader: Target) -> None:
    """`attic.customers` is not on the search path: what is not classified stays readable."""
    with connect(reader) as connection:
        rows = connection.execute("select * from customers order by id").fetchall()
        assert [(row[0], row[13]) for row in rows] == [(1, "Lille"), (2, "Gent"), (3, "Porto")]
        assert not reader.guarded or not found_in(repr(rows).encode())


def test_prepared(reader: Target) -> None:
    with connect(reader) as connection:
        for _ in range(4):
            rows = connection.execute(
                "select id, email, city from customers where id <= %s order by id",
                (3,),
                prepare=True,
            ).fetchall()
            customers_are_masked(reader, rows)


def test_prepared_by_threshold_and_deallocated(reader: Target) -> None:
    with connect(reader) as connection:
        connection.prepare_threshold = 1
        connection.prepared_max = 2
        for turn in range(12):
            alias = f"c{turn % 4}"
            row = connection.execute(
                f"select email as {alias} from customers where id = %s", (1,)
            ).fetchone()
            assert not reader.guarded or not found_in(repr(row).encode())


def test_pipeline(reader: Target) -> None:
    with connect(reader) as connection, connection.pipeline():
        cursors = [connection.execute(READ) for _ in range(20)]
        for cursor in cursors:
            customers_are_masked(reader, cursor.fetchall())


def test_refusal_in_a_pipeline(reader: Target) -> None:
    with connect(reader, autocommit=True) as connection:
        first, refused, after = connection.cursor(), connection.cursor(), connection.cursor()
        with pytest.raises(psycopg.Error) as caught, connection.pipeline():
            first.execute("select 1")
            refused.execute(FORBIDDEN)
            after.execute("select 2")
            refused.fetchall()
        check_refusal(reader, caught.value)
        assert first.fetchone() == (1,)
        customers_are_masked(reader, connection.execute(READ).fetchall())


def test_server_side_cursor(reader: Target) -> None:
    with connect(reader) as connection, connection.cursor("portion") as cursor:
        cursor.itersize = 1
        cursor.execute(READ)
        customers_are_masked(reader, list(cursor))


def test_scrollable_cursor(reader: Target) -> None:
    with connect(reader) as connection, connection.cursor("s", scrollable=True) as cursor:
        cursor.execute(READ)
        cursor.fetchall()
        cursor.scroll(0, mode="absolute")
        customers_are_masked(reader, cursor.fetchall())


def test_client_cursor(reader: Target) -> None:
    with psycopg.connect(reader.conninfo(), cursor_factory=psycopg.ClientCursor) as connection:
        rows = connection.execute(
            "select id, email, city from customers where id <= %s order by id", (3,)
        ).fetchall()
        customers_are_masked(reader, rows)


def test_big_result_streams(writer: Target) -> None:
    with connect(writer) as connection:
        total = 0
        for row in connection.cursor().stream("select id, payload from work.big"):
            total += row[0]
        assert total == 100_000 * 100_001 // 2


@pytest.mark.parametrize("form", ["", "(format csv)", "(format binary)"])
def test_copy_out(reader: Target, form: str) -> None:
    with connect(reader) as connection, connection.cursor() as cursor:
        with cursor.copy(
            f"copy (select id, email, city from customers order by id) to stdout {form}"
        ) as copy:
            if form == "(format csv)":
                lines = b"".join(copy).decode().splitlines()
                rows = [tuple(line.split(",")) for line in lines]
            else:
                copy.set_types(["int4", "text", "text"])
                rows = list(copy.rows())
        customers_are_masked(reader, rows)


@pytest.mark.parametrize("form", ["", "(format binary)"])
def test_copy_in(world: World, writer: Target, form: str) -> None:
    with connect(writer) as connection, connection.cursor() as cursor:
        with cursor.copy(f"copy work.items (name, qty) from stdin {form}") as copy:
            copy.set_types(["text", "int4"])
            for number in range(5000):
                copy.write_row((f"row-{number}", number))
    assert world.admin("select count(*), sum(qty) from work.items") == "5000|12497500"


def test_copy_in_that_the_client_gives_up(world: World, writer: Target) -> None:
    with connect(writer, autocommit=True) as connection:
        with pytest.raises(ZeroDivisionError):
            with connection.cursor().copy("copy work.items (name) from stdin") as copy:
                copy.write_row(("half",))
                raise ZeroDivisionError
        assert connection.execute("select 1").fetchone() == (1,)
    assert world.admin("select count(*) from work.items") == "0"


def test_executemany_and_returning(world: World, writer: Target) -> None:
    with connect(writer) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into work.items (name, qty) values (%s, %s) returning id",
            [(f"many-{n}", n) for n in range(100)],
            returning=True,
        )
        ids = []
        while True:
            ids.append(cursor.fetchone()[0])
            if not cursor.nextset():
                break
    assert len(set(ids)) == 100
    assert world.admin("select count(*) from work.items") == "100"


def test_types_round_trip(writer: Target) -> None:
    import datetime
    import decimal

    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC)
    values = ("näme ☃", 7, decimal.Decimal("12.3400"), at, b"\0\1\xff", ["a", None, 'q"uote'])
    for binary in (False, True):
        with connect(writer) as connection:
            connection.execute("set timezone = 'UTC'")
            row = connection.execute(
                "insert into work.items (name, qty, price, at, blob, tags) values "
                "(%b, %b, %b, %b, %b, %b) returning name, qty, price, at, blob, tags"
                if binary
                else "insert into work.items (name, qty, price, at, blob, tags) values "
                "(%s, %s, %s, %s, %s, %s) returning name, qty, price, at, blob, tags",
                values,
                binary=binary,
            ).fetchone()
            assert row == values


def test_refusal_is_the_ordinary_exception(reader: Target) -> None:
    with connect(reader, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            connection.execute(FORBIDDEN)
        check_refusal(reader, caught.value)
        customers_are_masked(reader, connection.execute(READ).fetchall())


def test_refusal_in_a_transaction(reader: Target) -> None:
    with connect(reader) as connection:
        connection.execute("select 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(FORBIDDEN)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("select 1")
        connection.rollback()
        customers_are_masked(reader, connection.execute(READ).fetchall())


def test_refusal_inside_a_savepoint(reader: Target) -> None:
    with connect(reader) as connection:
        with connection.transaction():
            connection.execute("select 1")
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(FORBIDDEN)
            customers_are_masked(reader, connection.execute(READ).fetchall())


def test_refusal_does_not_commit_what_was_before(world: World, writer: Target) -> None:
    with connect(writer) as connection:
        connection.execute("insert into work.other values (1, 'half')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(FORBIDDEN)
        with pytest.raises(psycopg.Error):
            connection.execute("select 1")
        connection.commit()
    assert world.admin("select count(*) from work.other") == "0"


def test_errors_of_the_server(writer: Target) -> None:
    with connect(writer, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("select 1/0")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into work.other values (1, 'a'), (1, 'b')")
        assert connection.execute("select 1").fetchone() == (1,)


def test_cancel(world: World, reader: Target) -> None:
    with connect(reader, autocommit=True) as connection:
        marker = "select count(*) from generate_series(1, 2000000) a, generate_series(1, 1000000) b"
        running = (
            "select count(*) from pg_stat_activity where state = 'active' "
            "and query like 'select count(*) from generate_series(1, 2000000)%'"
        )

        def stop() -> None:
            until("the query runs", lambda: world.admin(running) == "1")
            connection.cancel_safe(timeout=10)

        thread = threading.Thread(target=stop)
        thread.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(marker)
        thread.join()
        assert connection.execute("select 1").fetchone() == (1,)


def test_listen_and_notify(writer: Target) -> None:
    with connect(writer, autocommit=True) as listener, connect(writer, autocommit=True) as speaker:
        listener.execute("listen parcels")
        speaker.execute("notify parcels, 'hello'")
        heard = next(listener.notifies(timeout=10, stop_after=1))
        assert (heard.channel, heard.payload) == ("parcels", notified(writer))
        listener.execute("unlisten *")


def test_notices(writer: Target) -> None:
    heard: list[str] = []
    with connect(writer, autocommit=True) as connection:
        connection.add_notice_handler(lambda diagnostic: heard.append(diagnostic.message_primary))
        connection.execute("create table if not exists work.other (id int)")
    assert heard and "already exists, skipping" in heard[0]


def test_parameter_status(reader: Target) -> None:
    with connect(reader, autocommit=True) as connection:
        assert connection.info.parameter_status("server_version")
        assert connection.info.parameter_status("client_encoding") == "UTF8"
        connection.execute("set application_name = 'my tool'")
        assert connection.info.parameter_status("application_name") == "my tool"
        connection.execute("set timezone = 'Europe/Lisbon'")
        assert connection.info.parameter_status("TimeZone") == "Europe/Lisbon"


def test_application_name_of_the_startup(reader: Target) -> None:
    with psycopg.connect(reader.conninfo(application_name="planner tool")) as connection:
        assert connection.execute("show application_name").fetchone() == ("planner tool",)


def test_composed_statements(reader: Target) -> None:
    query = sql.SQL("select {} from {} order by 1").format(
        sql.Identifier("id"), sql.Identifier("customers")
    )
    with connect(reader) as connection:
        assert connection.execute(query).fetchall() == [(1,), (2,), (3,)]


def test_protocol_3_2(reader: Target) -> None:
    if psycopg.pq.version() < 180000:
        pytest.skip("libpq is older than 18")
    with psycopg.connect(reader.conninfo(max_protocol_version="3.2")) as connection:
        customers_are_masked(reader, connection.execute(READ).fetchall())
        connection.cancel_safe(timeout=10)


def test_two_results_of_one_message(reader: Target) -> None:
    with connect(reader, autocommit=True) as connection:
        cursor = connection.execute(f"select 1; {READ}; select 2")
        assert cursor.fetchall() == [(1,)]
        assert cursor.nextset()
        customers_are_masked(reader, cursor.fetchall())
        assert cursor.nextset() and cursor.fetchall() == [(2,)]


def test_large_parameters_and_values(writer: Target) -> None:
    big = "x" * (4 << 20)
    with connect(writer) as connection:
        row = connection.execute("select length(%s::text), %s::text", (big, big)).fetchone()
        assert row[0] == 4 << 20 and row[1] == big


def test_copy_of_a_large_file(writer: Target) -> None:
    with connect(writer) as connection, connection.cursor() as cursor:
        out = io.BytesIO()
        with cursor.copy("copy work.big to stdout") as copy:
            for part in copy:
                out.write(part)
        assert out.getvalue().count(b"\n") == 100_000
