"""P6: psql works unchanged."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from harness.expect import FORBIDDEN, READ, REFUSED, customers_are_masked, refusal_is_helpful
from harness.secrets import found_in
from harness.target import Target
from harness.waiting import until
from harness.world import World


def rows(world: World, target: Target, *arguments: str, stdin: str = "") -> list[tuple[str, ...]]:
    done = world.psql(target, "-q", "-At", "-F", "\t", *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def test_selects_masked(world: World, reader: Target) -> None:
    customers_are_masked(reader, rows(world, reader, "-c", READ))


def test_selects_masked_over_verified_tls(world: World, verified_reader: Target) -> None:
    customers_are_masked(verified_reader, rows(world, verified_reader, "-c", READ))
    done = world.psql(verified_reader, "-c", "\\conninfo")
    assert "SSL connection (protocol: TLSv1.3" in done.stdout


def test_refusal_leaves_the_session_usable(world: World, reader: Target) -> None:
    script = f"\\set VERBOSITY verbose\n{FORBIDDEN};\nselect 'still ' || 'here';\n"
    done = world.psql(reader, "-At", stdin=script)
    assert "still here" in done.stdout
    assert f"ERROR:  {REFUSED}:" in done.stderr
    if reader.guarded:
        detail = re.search(r"^DETAIL:  (.*)$", done.stderr, re.M)
        hint = re.search(r"^HINT:  (.*)$", done.stderr, re.M)
        refusal_is_helpful(reader, REFUSED, detail and detail[1], hint and hint[1])


def test_refusal_in_a_transaction(world: World, reader: Target) -> None:
    script = f"begin;\nselect 1;\n{FORBIDDEN};\nselect 2;\nrollback;\nselect 'af' || 'ter';\n"
    done = world.psql(reader, "-At", stdin=script)
    assert done.stdout.split() == ["BEGIN", "1", "ROLLBACK", "after"]
    assert "current transaction is aborted" in done.stderr


def test_refusal_of_one_statement_of_several(world: World, reader: Target) -> None:
    done = world.psql(reader, "-At", "-c", f"select 1; {FORBIDDEN}; select 2")
    assert done.returncode == 1
    assert "2" not in done.stdout.split()


def test_single_transaction_and_exit_status(world: World, reader: Target) -> None:
    done = world.psql(reader, "-1", "-v", "ON_ERROR_STOP=1", "-f", "-", stdin=f"{FORBIDDEN};\n")
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("\\d", "customers"),
        ("\\dt+", "orders"),
        ("\\d customers", "email"),
        ("\\d+ orders", "orders_customer_id_fkey"),
        ("\\d customer_contacts", "contact"),
        ("\\dv", "nested_contacts"),
        ("\\dm", "contacts_stored"),
        ("\\di", "customers_pkey"),
        ("\\ds", "counter"),
        ("\\df first_email", "first_email"),
        ("\\dn", "work"),
        ("\\dT", "contact"),
        ("\\l", "shop"),
        ("\\dp orders", "orders"),
        ("\\du", "alice"),
        ("\\z customers", "customers"),
        ("\\dx", "plpgsql"),
        ("\\encoding", "UTF8"),
    ],
)
def test_describes(world: World, reader: Target, command: str, expected: str) -> None:
    done = world.psql(reader, "-v", "ON_ERROR_STOP=1", "-c", command)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
    assert not reader.guarded or not found_in(done.stdout.encode())


def test_completes_names(world: World, reader: Target) -> None:
    """The query that a TAB sends."""
    sql = (
        "SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class c "
        "WHERE c.relkind IN ('r', 'p') AND substring(pg_catalog.quote_ident(c.relname),1,4)='cust' "
        "AND pg_catalog.pg_table_is_visible(c.oid) LIMIT 1000"
    )
    assert ("customers",) in rows(world, reader, "-c", sql)


def test_copies_out(world: World, reader: Target, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    done = world.psql(reader, "-c", f"\\copy ({READ}) to '{file}' (format csv)")
    assert done.returncode == 0 and done.stdout.strip() == "COPY 3", done.stderr
    customers_are_masked(reader, [tuple(line.split(",")) for line in file.read_text().splitlines()])


def test_copies_a_table_to_stdout(world: World, reader: Target) -> None:
    out = rows(
        world, reader, "-c", "copy (select id, email, city from customers order by id) to stdout"
    )
    customers_are_masked(reader, out)


def test_copies_in(world: World, writer: Target, tmp_path: Path) -> None:
    file = tmp_path / "in.tsv"
    file.write_text("".join(f"copied-{n}\t{n}\n" for n in range(20_000)))
    done = world.psql(writer, "-c", f"\\copy work.items (name, qty) from '{file}'")
    assert done.stdout.strip() == "COPY 20000", done.stderr
    assert world.admin("select count(*), sum(qty) from work.items") == "20000|199990000"


def test_a_failed_copy_in_leaves_the_session_usable(world: World, writer: Target) -> None:
    script = "copy work.items (name, qty) from stdin;\na\tnot a number\n\\.\n"
    script += "select 'still ' || 'here';\n"
    done = world.psql(writer, "-At", stdin="\\set VERBOSITY verbose\n" + script)
    assert "22P02" in done.stderr and "still here" in done.stdout, done.stderr


def test_a_refused_copy_in_leaves_the_session_usable(world: World, reader: Target) -> None:
    """psql sends no row when it is refused, so the next line is the next statement."""
    done = world.psql(reader, "-At", stdin="copy victim from stdin;\nselect 'still ' || 'here';\n")
    assert "still here" in done.stdout, done.stderr
    assert world.admin("select count(*) from victim") == "5"


def test_describes_a_result(world: World, reader: Target) -> None:
    out = rows(world, reader, stdin="select id, email, city from customers \\gdesc\n")
    assert out == [("id", "integer"), ("email", "text"), ("city", "text")]


def test_fetches_in_portions(world: World, writer: Target) -> None:
    script = "\\set FETCH_COUNT 500\nselect id from work.big order by id;\n"
    out = rows(world, writer, stdin=script)
    assert len(out) == 100_000 and out[-1] == ("100000",)


def test_fetches_masked_in_portions(world: World, reader: Target) -> None:
    customers_are_masked(reader, rows(world, reader, stdin=f"\\set FETCH_COUNT 1\n{READ};\n"))


def test_cursors(world: World, reader: Target) -> None:
    script = f"begin;\ndeclare c scroll cursor for {READ};\n"
    script += "fetch 2 from c;\nfetch 1 from c;\nclose c;\ncommit;\n"
    customers_are_masked(reader, rows(world, reader, stdin=script))


def test_gset_gexec_and_variables(world: World, writer: Target) -> None:
    script = "select 40 + 2 as answer \\gset\nselect :answer;\nselect 'select 7' \\gexec\n"
    assert rows(world, writer, stdin=script) == [("42",), ("7",)]


def test_prepared_statements(world: World, reader: Target) -> None:
    script = (
        "prepare p(int) as select id, email, city from customers where id <= $1 order by id;\n"
        "execute p(3);\ndeallocate p;\n"
    )
    customers_are_masked(reader, rows(world, reader, stdin=script))


def test_writes(world: World, writer: Target) -> None:
    script = (
        "begin;\ninsert into work.other values (1, 'a'), (2, 'b');\n"
        "update work.other set name = 'c' where id = 2;\n"
        "delete from work.other where id = 1;\ncommit;\ntable work.other;\n"
    )
    assert rows(world, writer, stdin=script) == [("2", "c")]


def test_notices_arrive(world: World, writer: Target) -> None:
    done = world.psql(writer, "-c", "drop table if exists work.nothing")
    assert done.returncode == 0 and "does not exist, skipping" in done.stderr


def test_errors_of_the_server_arrive(world: World, writer: Target) -> None:
    done = world.psql(
        writer, "-At", stdin="\\set VERBOSITY verbose\nselect 1/0;\nselct;\nselect 5;\n"
    )
    assert "22012" in done.stderr and "42601" in done.stderr and done.stdout.strip() == "5"


def test_interrupt_cancels(world: World, reader: Target) -> None:
    slow = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b"
    process = subprocess.Popen(
        ["psql", "-X", "-At", "-c", slow],
        env=os.environ | reader.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    running = (
        "select count(*) from pg_stat_activity where state = 'active' "
        "and query like 'select count(*) from generate_series(1, 1000000)%'"
    )
    until("the query runs", lambda: world.admin(running) == "1")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert "canceling statement due to user request" in errors
    assert world.admin(running) == "0"
