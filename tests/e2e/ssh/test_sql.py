"""SQL that `psql` is called with is decided by its tables, and what it shows is masked."""

from collections.abc import Iterator

import paramiko
import pytest
from harness.world import World

from .conftest import Shell
from .test_bypass import CORPUS, IN_GATE, PEOPLE, tells_on_the_machine_alone

DATABASE = "behind_ssh"

SETUP = """\
CREATE SCHEMA private;
CREATE SCHEMA sly;
CREATE TABLE public.people (id int, email text, note text);
INSERT INTO public.people VALUES (1, 'yrsa.dahl@example.org', 'none');
CREATE TABLE public.orders (id int, item text);
INSERT INTO public.orders VALUES (1, 'rope'), (2, 'tar');
CREATE TABLE public.notes (note text);
CREATE TABLE public.raw (line bytea);
CREATE TABLE private.keys (id int);
INSERT INTO private.keys VALUES (1904711909);
CREATE FUNCTION sly.keep(text, text) RETURNS text LANGUAGE sql AS 'SELECT reverse($2)';
CREATE AGGREGATE sly.max(text) (SFUNC = sly.keep, STYPE = text);
CREATE FUNCTION sly.differs(text, text) RETURNS text LANGUAGE sql AS 'SELECT reverse($1)';
CREATE OPERATOR sly.<> (FUNCTION = sly.differs, LEFTARG = text, RIGHTARG = text);
"""

LINES = [
    (number, line)
    for number, line in enumerate((CORPUS / "sql.txt").read_text().splitlines(), 1)
    if not line.startswith("#")
]
CASES = [
    pytest.param(line, id=f"sql:{number}", marks=() if at % IN_GATE == 0 else pytest.mark.soak)
    for at, (number, line) in enumerate(LINES)
]


@pytest.fixture(scope="module")
def at(shell: Shell, world: World) -> str:
    """What tells `psql` on the machine which database is meant."""
    world.admin(f"CREATE DATABASE {DATABASE}", "postgres")
    world.admin(SETUP, DATABASE)
    shell.sshd.put("people.csv", PEOPLE)
    shell.sshd.put("reversed.sql", "SELECT reverse(email) FROM public.people;\n")
    shell.sshd.put("rewriting.psqlrc", "\\o |rev\n")
    return f"-h {world.postgres.directory} -p {world.postgres.port} -U postgres -d {DATABASE}"


@pytest.fixture(scope="module")
def lines(shell: Shell, at: str) -> Iterator[dict[str, paramiko.Transport]]:
    """A connection to the machine, and one through the gateway for each who asks."""
    found = {"direct": paramiko.Transport(("127.0.0.1", shell.sshd.port))}
    key = paramiko.Ed25519Key(filename=str(shell.sshd.key))
    found["direct"].connect(username=shell.sshd.user, pkey=key)
    for name in ("alice", "rolf"):
        found[name] = paramiko.Transport(("127.0.0.1", shell.gateway.port))
        found[name].connect(username="web", password=shell.gateway.token(name))
    yield found
    for line in found.values():
        line.close()


@pytest.mark.parametrize("command", CASES)
def test_tells_on_the_machine_and_not_through_the_gateway(
    shell: Shell, at: str, lines: dict[str, paramiko.Transport], command: str
) -> None:
    command = command.replace("$AT", at).replace("$HERE", str(shell.sshd.home))
    tells_on_the_machine_alone(shell, lines, command)


def test_rows_are_shown_as_psql_shows_them_and_masked(shell: Shell, at: str) -> None:
    for more in ["", "-At", "-x", "--csv", "-A -F ';'"]:
        command = f"psql -X {more} {at} -c 'SELECT id, item FROM public.orders WHERE id IN (1, 2)'"
        direct, done = shell.sshd.direct(command), shell.run(command)
        assert direct.returncode == 0
        assert (done.returncode, done.stdout, done.stderr) == (0, direct.stdout, direct.stderr)
        done = shell.run(f"psql -X {more} {at} -c 'TABLE public.people'")
        assert done.returncode == 0 and b"[email]" in done.stdout, done
        assert b"dahl" not in done.stdout
    done = shell.run(f"psql -X {at} -At <<'E'\nSELECT count(*) FROM public.orders;\nE\n")
    assert (done.returncode, done.stdout) == (0, b"2\n"), done
    done = shell.run(f"psql -X {at} -Atc 'SELECT nothing FROM public.orders'")
    assert done.returncode == 1 and b"does not exist" in done.stderr


def test_tables_are_what_policy_is_asked_about(shell: Shell, world: World, at: str) -> None:
    def run(sql: str) -> tuple[int, str]:
        done = shell.run(f'psql -X {at} -Atqc "{sql}"')
        return done.returncode, (done.stdout + done.stderr).decode()

    code, said = run("SELECT id FROM private.keys")
    assert code == 126 and "rule: private" in said and "1904711909" not in said
    code, said = run("SELECT 1 FROM public.orders WHERE id IN (SELECT id FROM private.keys)")
    assert code == 126 and "rule: private" in said
    for sql in [
        "INSERT INTO public.orders VALUES (3, 'x')",
        "DROP TABLE public.orders",
        "TRUNCATE public.notes",
        "GRANT ALL ON public.orders TO public",
        "SELECT 1; DELETE FROM public.orders WHERE id = 1",
    ]:
        assert run(sql)[0] == 126, sql
    assert run("INSERT INTO public.notes VALUES ('kept')") == (0, "")
    assert run("UPDATE public.notes SET note = 'new' WHERE note = 'kept'") == (0, "")
    assert run("DELETE FROM public.notes")[0] == 126
    assert world.admin("SELECT count(*) FROM public.orders, public.notes", DATABASE) == "2"


def test_who_is_refused_learns_what_to_write(shell: Shell, at: str) -> None:
    done = shell.run(f"psql {at} -c 'TABLE public.orders'")
    assert done.returncode == 126 and b"leave that out with `-X`" in done.stderr, done
    done = shell.run(f"psql -X {at} -c 'TABLE orders'")
    assert done.returncode == 126 and b"write `SCHEMA.orders`" in done.stderr, done
    done = shell.run(f"psql -X {at} -c 'SELECT upper(item) FROM public.orders'")
    assert done.returncode == 126 and b"the function `upper`" in done.stderr, done
