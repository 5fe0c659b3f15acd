"""Who saw whose data: the index of data subjects, whatever way the rows took."""

from pathlib import Path

import psycopg
import pytest
from harness.gateway import Gateway
from harness.wire import Wire
from harness.world import World

pytestmark = pytest.mark.gateway

ZQ7 = "zq7marker@leak-q7.example"
ZQ8 = "zq8marker@leak-q8.example"

PROBE = """
@id("analysts-ask")
permit (principal in Group::"analysts", action == Action::"probe", resource);
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return world.gateway("subjects")


@pytest.fixture(scope="module")
def asking(world: World) -> Gateway:
    """Where analysts may ask for a person by address."""
    return world.gateway("subjects-asking", policies=world.policies_with("asking", PROBE))


def run(gateway: Gateway, name: str, person: str, *statements: str, binary: bool = False) -> None:
    target = gateway.target(person)
    with psycopg.connect(target.conninfo(application_name=name), autocommit=True) as connection:
        for statement in statements:
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(statement, prepare=binary)
                if cursor.description:
                    cursor.fetchall()


def session(gateway: Gateway, name: str) -> str:
    found = gateway.json("sessions", "ls", "--limit", "1000")["sessions"]
    [one] = [entry["id"] for entry in found if entry.get("application") == name]
    return one


def subject(gateway: Gateway, email: str, *options: str) -> dict:
    return gateway.json("evidence", "subject", f"email={email}", *options)


def affected(gateway: Gateway, *options: str) -> dict:
    return gateway.json("evidence", "affected", *options)


NAMED = {
    "plain": "select id, email from customers where id = 1",
    "star": "select * from customers where id = 1",
    "alias": "select c.email as x from customers c where id = 1",
    "view": "select contact from customer_contacts where id = 1",
    "join": "select o.id, c.email from orders o join customers c on c.id = o.customer_id "
    "where c.id = 1",
    "subselect": "select s.e from (select email as e from customers where id = 1) s",
    "with": "with t as (select email, id from customers) select email from t where id = 1",
    "copy-text": "copy (select email, city from customers where id = 1) to stdout",
    "copy-csv": "copy (select email, city from customers where id = 1) to stdout (format csv)",
    "copy-binary": "copy (select email from customers where id = 1) to stdout (format binary)",
}


@pytest.mark.parametrize("person", ["alice", "olga"], ids=["masked", "revealed"])
@pytest.mark.parametrize("name", NAMED)
def test_every_way_of_seeing_a_person_is_found(gateway: Gateway, name: str, person: str) -> None:
    """Masked or clear: the client has seen that person's row."""
    statement = NAMED[name]
    application = f"named-{name}-{person}"
    with Wire.open(gateway.target(person), application_name=application) as wire:
        wire.query(statement)
    with psycopg.connect(
        gateway.target(person).conninfo(application_name=f"{application}-x"), autocommit=True
    ) as connection:
        if not statement.startswith("copy"):
            connection.execute(statement, binary=True).fetchall()
        else:
            with connection.cursor().copy(statement) as copy:
                list(copy)
    for used in (application, application + "-x"):
        only = ("--session", session(gateway, used))
        [access] = subject(gateway, ZQ7, *only)["accesses"]
        assert access["tables"] == ["public.customers"]
        assert access["chain"]["principal"]["subject"] == person
        assert bool(access["revealed"]) == (person == "olga"), "what was clear is said"
        assert subject(gateway, ZQ8, *only)["accesses"] == []
        count = affected(gateway, *only)
        assert count["people"] == {"email": 1}
        assert count["unknown"]["rows_unresolved"] == 0


def test_who_was_shown_before_an_error_is_found(gateway: Gateway) -> None:
    rows = "select email, id from customers order by id limit 2"
    statement = f"select email, 1 / (id - 2) from ({rows}) c"
    with Wire.open(gateway.target("alice"), application_name="before-an-error") as wire:
        reply = wire.query(statement)
        assert len(reply.rows) == 1 and reply.sqlstate == "22012"
    only = ("--session", session(gateway, "before-an-error"))
    [access] = subject(gateway, ZQ7, *only)["accesses"]
    assert access["tables"] == ["public.customers"]


UNNAMED = {
    "other-column": "select id, phone from customers",
    "digest": "select md5(email) from customers",
    "mixed": "select email || phone from customers",
    "from-json": "select row_to_json(c)->>'email' from customers c",
    "whole-row": "select customers from customers",
    "union": "select email from customers union all select email from attic.customers",
    "aggregate": "select string_agg(phone, ',') from customers",
}


@pytest.mark.parametrize("person", ["alice", "olga"], ids=["masked", "revealed"])
@pytest.mark.parametrize("name", UNNAMED)
def test_rows_that_name_nobody_are_counted(gateway: Gateway, name: str, person: str) -> None:
    """Also where the client saw them in the clear."""
    application = f"unnamed-{name}-{person}"
    run(gateway, application, person, UNNAMED[name])
    only = ("--session", session(gateway, application))
    assert affected(gateway, *only)["people"] == {}
    assert affected(gateway, *only)["unknown"]["rows_unresolved"] >= 1
    assert subject(gateway, ZQ7, *only)["accesses"] == []


DERIVED = {
    "concatenated": "select email || '' from customers where id = 1",
    "lower": "select lower(email) from customers where id = 1",
    "either": "select coalesce(email, 'x') from customers where id = 1",
    "copy": "copy (select upper(email) from customers where id = 1) to stdout",
}


@pytest.mark.parametrize("person", ["alice", "olga"], ids=["masked", "revealed"])
@pytest.mark.parametrize("name", DERIVED)
def test_what_is_computed_from_a_name_is_found_as_derived(
    gateway: Gateway, name: str, person: str
) -> None:
    """And still counted among the rows of which nobody is certain."""
    application = f"derived-{name}-{person}"
    with Wire.open(gateway.target(person), application_name=application) as wire:
        wire.query(DERIVED[name])
    only = ("--session", session(gateway, application))
    [access] = subject(gateway, ZQ7, *only)["accesses"]
    assert access["certainty"] == "derived"
    assert access["tables"] == ["public.customers"]
    assert subject(gateway, ZQ8, *only)["accesses"] == []
    count = affected(gateway, *only)
    assert (count["people"], count["derived"]) == ({}, {"email": 1})
    assert count["unknown"]["rows_unresolved"] == 1


LOOKED_FOR = {
    "literal": ("select id, city from customers where email = %s", [ZQ7]),
    "in": ("select city from customers where email in (%s, 'nobody@leak.example')", [ZQ7]),
    "aggregate": ("select count(*) from customers where email = %s", [ZQ7]),
    "cast": ("select city from customers where email = %s::text", [ZQ7]),
}


@pytest.mark.parametrize("how", ["simple", "text", "binary"])
@pytest.mark.parametrize("name", LOOKED_FOR)
def test_an_answer_about_whom_the_client_looked_for_is_found_as_derived(
    asking: Gateway, name: str, how: str
) -> None:
    """The rows hold nothing of the person; that they came says something about them."""
    application = f"looked-for-{name}-{how}"
    statement, parameters = LOOKED_FOR[name]
    target = asking.target("alice")
    factory = psycopg.ClientCursor if how == "simple" else psycopg.Cursor
    with psycopg.connect(
        target.conninfo(application_name=application), autocommit=True, cursor_factory=factory
    ) as connection:
        given = parameters if how != "binary" else [parameters[0]]
        text = statement.replace("%s", "%b") if how == "binary" else statement
        cursor = connection.cursor(binary=True) if how == "binary" else connection.cursor()
        cursor.execute(text, given)
        assert cursor.fetchall()
        # Another value of the same shape is another person.
        cursor.execute(text, [ZQ8])
        cursor.execute(text, ["none@leak.example"])
    only = ("--session", session(asking, application))
    [access] = subject(asking, ZQ7, *only)["accesses"]
    assert access["certainty"] == "derived"
    [other] = subject(asking, ZQ8, *only)["accesses"]
    assert other["exchange"] != access["exchange"]
    assert affected(asking, *only)["people"] == {}


def test_who_was_looked_for_and_not_there_is_no_access(asking: Gateway) -> None:
    run(asking, "not-there", "alice", f"select city from customers where email = '{ZQ7}x'")
    only = ("--session", session(asking, "not-there"))
    assert subject(asking, ZQ7 + "x", *only)["accesses"] == []


def test_a_cursor_tells_of_whom_it_was_opened_for(asking: Gateway) -> None:
    run(
        asking,
        "cursor-for",
        "alice",
        "begin",
        f"declare c cursor for select city from customers where email = '{ZQ7}'",
        "fetch all from c",
        "commit",
    )
    only = ("--session", session(asking, "cursor-for"))
    [access] = subject(asking, ZQ7, *only)["accesses"]
    assert access["certainty"] == "derived"


def test_an_operand_that_nobody_can_read_is_counted(asking: Gateway) -> None:
    run(asking, "unread", "alice", f"select city from customers where email = lower('{ZQ7}')")
    only = ("--session", session(asking, "unread"))
    assert subject(asking, ZQ7, *only)["accesses"] == []
    assert affected(asking, *only)["unknown"]["rows_unresolved"] == 1


def test_rows_without_personal_columns_are_not_in_the_index(gateway: Gateway) -> None:
    run(gateway, "impersonal", "alice", "select id, city from customers", "select 1")
    only = ("--session", session(gateway, "impersonal"))
    assert affected(gateway, *only)["unknown"]["rows_unresolved"] == 0
    assert affected(gateway, *only)["sessions"] == 0


def test_cursors_and_fetch_sizes_count_each_person_once(gateway: Gateway) -> None:
    target = gateway.target("alice")
    with (
        psycopg.connect(target.conninfo(application_name="cursor")) as connection,
        connection.cursor(name="c") as cursor,
    ):
        cursor.itersize = 7
        cursor.execute("select email from crowd where id <= 300")
        assert len(list(cursor)) == 300
    run(gateway, "again", "alice", "select email from crowd where id between 200 and 400")
    assert affected(gateway, "--session", session(gateway, "cursor"))["people"] == {"email": 300}
    both = affected(gateway, "--principal", "alice")
    assert both["tables"]["public.crowd"] == 400, "exact over sessions"
    [access] = subject(
        gateway, "ZQcrowd399@leak-crowd.example", "--session", session(gateway, "again")
    )["accesses"]
    assert [command["verb"] for command in access["commands"]] == ["SELECT"]


def test_a_refused_export_has_affected_nobody(gateway: Gateway) -> None:
    """Rows that were kept back and never released are not in the index."""
    target = gateway.target("alice")
    with psycopg.connect(
        target.conninfo(application_name="kept-back", options="-c portreeve.review=refuse"),
        autocommit=True,
    ) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select email from crowd").fetchall()
    assert affected(gateway, "--session", session(gateway, "kept-back"))["people"] == {}


def test_no_value_lies_in_the_evidence_and_a_destroyed_month_is_unreadable(
    world: World, tmp_path: Path
) -> None:
    gateway = world.gateway("subjects-month")
    run(gateway, "seen", "alice", "select email from customers")
    evidence = gateway.data_dir / "evidence"
    for path in evidence.rglob("*"):
        if path.is_file():
            assert b"zq7marker" not in path.read_bytes(), path
    assert affected(gateway)["people"] == {"email": 3}
    [month] = (evidence / "keyring").glob("subjects-*")
    month.write_bytes(bytes(month.stat().st_size))
    after = affected(gateway)
    assert after["people"] == {}
    assert after["unknown"]["people_unreadable"] == 3
    assert gateway.try_run("sessions", "replay", session(gateway, "seen")).returncode == 0
    assert gateway.try_run("verify").returncode == 0


def test_errors_say_what_to_do(gateway: Gateway, tmp_path: Path) -> None:
    assert "KIND=IDENTIFIER" in gateway.try_run("evidence", "subject", "ann").stderr
    done = gateway.try_run("evidence", "subject", "iban=DE89")
    assert "no resource has the kind `iban`" in done.stderr
    done = gateway.try_run("evidence", "affected", "--key", str(tmp_path / "none"))
    assert done.returncode != 0 and "--key" in done.stderr
    done = gateway.try_run(
        "evidence", "affected", "--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"
    )
    assert "not before" in done.stderr


def test_a_person_is_erased_from_recordings_and_index(world: World) -> None:
    """Every recording in which their data passed, and no other."""
    gateway = world.gateway(
        "subjects-erased",
        more="limits: { auth_failures_max: 100000 }\nevidence: { custodians: [officers] }",
    )
    run(gateway, "about-7", "alice", "select email from customers where id = 1")
    run(gateway, "about-8", "alice", "select email from customers where id = 2")
    run(gateway, "about-both", "alice", "select email from customers where id < 3")
    arguments = ("evidence", "shred", "--subject", f"email={ZQ7}", "--why", "request", "--yes")
    refused = gateway.try_run(*arguments, token=gateway.token("alice"))
    assert refused.returncode == 1 and "2 of 2 recordings were not destroyed" in refused.stderr
    done = gateway.json(*arguments, token=gateway.token("olga"))
    assert len(done["recordings"]) == 2
    for name, is_there in (("about-7", False), ("about-8", True), ("about-both", False)):
        replay = gateway.try_run("sessions", "replay", session(gateway, name))
        assert (replay.returncode == 0) == is_there, name
    after = subject(gateway, ZQ7)
    assert after["accesses"] == [] and after["unknown"]["lists_unreadable"] == 2
    assert len(subject(gateway, ZQ8)["accesses"]) == 1
    again = gateway.try_run(*arguments, token=gateway.token("olga"))
    assert again.returncode == 1 and "no readable recording" in again.stderr
    gateway.stop()
    assert gateway.try_run("verify").returncode == 0
