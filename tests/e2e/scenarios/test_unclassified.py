"""Personal values in texts that nobody has classified do not reach a client, whatever type they
have and whichever way they take; with `unclassified: clear` every one of them would."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from harness.gateway import Gateway
from harness.world import World
from honest.scene import ACCOUNTS, honest_gateway

pytestmark = pytest.mark.gateway

CLEAR = '{ clear: "every value in it was made up" }'


@dataclass(frozen=True)
class Case:
    """A value of a column that nobody has classified, and what of it is somebody's."""

    name: str
    type: str
    sql: str
    secret: str
    column: str = ""


EMAIL, PHONE, CARD, IBAN = (
    "maja.lindqvist@posteo.example",
    "+49 171 1234567",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
)
LONG = "The parcel was handed over at the counter, and nothing else was said. " * 60

CASES = [
    Case("text-email", "text", f"'please write to {EMAIL} today'", EMAIL),
    Case("text-whole", "text", f"'{EMAIL}'", EMAIL),
    Case("text-phone", "text", f"'call back on {PHONE} after six'", PHONE),
    Case("text-card", "text", f"'paid with {CARD}, twice'", CARD),
    Case("text-iban", "text", f"'refund to {IBAN}'", IBAN),
    Case("text-ssn", "text", "'SSN 514-69-0360 on file'", "514-69-0360"),
    Case("text-name", "text", "'Spoke with Mrs. Annika Sundström about it'", "Sundström"),
    Case("text-health", "text", "'patient was diagnosed with diabetes in May'", "diabetes"),
    Case("text-deep", "text", f"repeat('x ', 2047) || '{EMAIL} and more'", EMAIL),
    Case("text-long", "text", f"'{LONG}' || '{EMAIL}' || '{LONG}'", EMAIL),
    Case("text-lines", "text", f"E'first line\\nmail: {EMAIL}\\nlast line'", EMAIL),
    Case("text-quotes", "text", f"'he said \"{EMAIL}\", and left; it''s done'", EMAIL),
    Case("text-tabs", "text", f"E'a\\tb\\t{EMAIL}\\tc\\\\d'", EMAIL),
    Case("text-base64", "text", "'blob ' || encode('maja.lindqvist@posteo.example', 'base64')",
         "bWFqYS5saW5kcXZpc3RAcG9zdGVv"),
    Case("text-hex", "text", "'raw ' || encode('maja.lindqvist@posteo.example', 'hex')",
         "6d616a612e6c696e647176697374"),
    Case("text-key-value", "text", f"'id=7 email={EMAIL} state=open'", EMAIL),
    Case("text-json", "text", f"'{{\"id\": 7, \"mail\": \"{EMAIL}\"}}'", EMAIL),
    Case("varchar", "varchar(80)", f"'{EMAIL}'", EMAIL),
    Case("bpchar", "char(60)", f"'{EMAIL}'", EMAIL),
    Case("name", "name", f"'{EMAIL}'", EMAIL),
    Case("citext", "citext", f"'{EMAIL}'", EMAIL),
    Case("domain", "leaks.remark", f"'{EMAIL}'", EMAIL),
    Case("json", "json", f"'{{\"a\": {{\"b\": [\"x\", \"{EMAIL}\"]}}}}'", EMAIL),
    Case("jsonb", "jsonb", f"'{{\"a\": {{\"b\": [\"x\", \"{EMAIL}\"]}}}}'", EMAIL),
    Case("jsonb-key", "jsonb", f"'{{\"{EMAIL}\": 1}}'", EMAIL),
    Case("jsonb-name", "jsonb", "'{\"first_name\": \"annika\", \"n\": 1}'", "annika"),
    Case("jsonb-number", "jsonb", "'{\"card_number\": 4111111111111111}'", "4111111111111111"),
    Case("json-in-json", "jsonb", f"jsonb_build_object('p', '{{\"m\": \"{EMAIL}\"}}')", EMAIL),
    Case("xml", "xml", f"'<p a=\"{EMAIL}\"><b>x</b></p>'", EMAIL),
    Case("xml-text", "xml", f"'<p>write to {EMAIL}</p>'", EMAIL),
    Case("array", "text[]", f"array['a, b', null, '{EMAIL}', '\"q\"']", EMAIL),
    Case("array-deep", "text[]", f"array[['a', 'b'], ['c', '{EMAIL}']]", EMAIL),
    Case("array-json", "jsonb[]", f"array['{{\"m\": \"{EMAIL}\"}}'::jsonb, '1']", EMAIL),
    Case("array-domain", "leaks.remark[]", f"array['{EMAIL}']::leaks.remark[]", EMAIL),
    Case("composite", "leaks.pair", f"row(7, 'to \"{EMAIL}\", x')::leaks.pair", EMAIL),
    Case("composite-array", "leaks.pair[]", f"array[row(7, '{EMAIL}')::leaks.pair]", EMAIL),
    Case("hstore", "hstore", f"'\"a\"=>\"x, \\\"{EMAIL}\\\"\", \"b\"=>NULL'", EMAIL),
    Case("hstore-key", "hstore", f"'\"{EMAIL}\"=>\"1\"'", EMAIL),
    Case("bytea", "bytea", f"convert_to('mail {EMAIL}', 'UTF8')", EMAIL),
    Case("tsvector", "tsvector", f"to_tsvector('simple', 'to {EMAIL} now')", EMAIL),
    Case("ltree", "ltree", "'top.people'", ""),
    Case("bigint-card", "bigint", "4111111111111111", "4111111111111111", "card_number"),
    Case("numeric-phone", "numeric", "491711234567", "491711234567", "phone"),
    Case("date-birth", "date", "'1978-05-10'", "1978-05-10", "date_of_birth"),
    Case("inet", "inet", "'203.0.113.77'", "203.0.113.77"),
    Case("first-name", "text", "'annika'", "annika", "first_name"),
]
CASES = [case for case in CASES if case.secret]
CHANNELS = ("text", "binary", "copy", "csv", "copy-binary", "copy-query", "fetch", "function")


def column(case: Case) -> str:
    return case.column or "v_" + case.name.replace("-", "_")


def schema() -> str:
    columns = ", ".join(f"{column(case)} {case.type}" for case in CASES)
    values = ", ".join(case.sql for case in CASES)
    return f"""
        create extension if not exists citext; create extension if not exists hstore;
        create schema leaks;
        create domain leaks.remark as text check (length(value) < 10000);
        create type leaks.pair as (n integer, t text);
        create table leaks.cells ({columns}); insert into leaks.cells values ({values});
        create table leaks.queue (id integer primary key, note text unique);
        insert into leaks.queue values (1, '{EMAIL}');
        create view leaks.seen as select note as remark, id from leaks.queue;
        create view leaks.made as select id from leaks.queue where note <> '{EMAIL}';
        grant usage on schema leaks to public;
    """


@pytest.fixture(scope="module")
def guarded(world: World) -> Gateway:
    return honest_gateway(world, "unclassified", schema())


@pytest.fixture(scope="module")
def clear(world: World, guarded: Gateway) -> Gateway:
    return world.gateway(
        "unclassified-clear",
        database="unclassified",
        policies=world.directory / "policies-unclassified",
        accounts=ACCOUNTS,
        unclassified=CLEAR,
    )


@pytest.fixture(scope="module")
def connections(guarded: Gateway, clear: Gateway) -> Iterator[list[psycopg.Connection]]:
    opened = [
        psycopg.connect(gateway.target("dev").conninfo(), autocommit=True)
        for gateway in (guarded, clear)
    ]
    yield opened
    for connection in opened:
        connection.close()


def shown(connection: psycopg.Connection, name: str, channel: str) -> bytes:
    """What a client gets of a column by a channel."""
    table = "leaks.cells"
    copies = {
        "copy": f"copy {table} ({name}) to stdout",
        "csv": f"copy {table} ({name}) to stdout (format csv, header)",
        "copy-binary": f"copy {table} ({name}) to stdout (format binary)",
        "copy-query": f"copy (select {name} as x from {table}) to stdout",
    }
    with connection.cursor() as cursor:
        if channel in copies:
            with cursor.copy(copies[channel]) as copy:
                return b"".join(bytes(part) for part in copy)
        if channel == "fetch":
            with connection.transaction():
                cursor.execute(f"declare c cursor for select {name} from {table}")
                return raw(cursor.execute("fetch all from c"))
        if channel == "function":
            return raw(cursor.execute(f"select coalesce({name}, {name}) from {table}"))
        binary = channel == "binary"
        return raw(cursor.execute(f"select {name} from {table}", binary=binary))


def raw(cursor: psycopg.Cursor) -> bytes:
    result = cursor.pgresult
    assert result and result.ntuples == 1
    return result.get_value(0, 0) or b""


def holds(got: bytes, case: Case) -> bool:
    forms = [case.secret.encode()]
    if case.type == "bytea":
        forms.append(case.secret.encode().hex().encode())
    if case.type == "bigint":
        forms.append(int(case.secret).to_bytes(8, "big"))
    if case.type == "numeric":
        forms.append(b"".join(n.to_bytes(2, "big") for n in (4917, 1123, 4567)))
    if case.type == "date":
        forms.append((-7906).to_bytes(4, "big", signed=True))
    if case.type == "inet":
        forms.append(bytes([203, 0, 113, 77]))
    return any(form in got for form in forms)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_value_passes(
    connections: list[psycopg.Connection], case: Case, channel: str
) -> None:
    guarded, clear = connections
    assert not holds(shown(guarded, column(case), channel), case)
    assert holds(shown(clear, column(case), channel), case), "the case shows nothing"


def said(connection: psycopg.Connection, act) -> str:
    """Everything that a connection says while something is done with it, errors included."""
    texts: list[str] = []

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        texts.extend(filter(None, (diagnostic.message_primary, diagnostic.message_detail)))

    connection.add_notice_handler(hear)
    try:
        texts.append(repr(act(connection)))
    except psycopg.Error as error:
        diagnostic = error.diag
        texts.extend(
            filter(None, (diagnostic.message_primary, diagnostic.message_detail, diagnostic.context))
        )
    finally:
        connection.remove_notice_handler(hear)
    return "\n".join(texts)


def run(statement: str, *parameters: object):
    def act(connection: psycopg.Connection) -> list[tuple]:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []

    return act


def listening(connection: psycopg.Connection) -> list[str]:
    connection.execute("listen parcels")
    connection.execute(f"notify parcels, 'sent to {EMAIL}'")
    return [one.payload for one in connection.notifies(timeout=10, stop_after=1)]


WAYS = {
    "cast": run("select note::integer from leaks.queue"),
    "unique": run(f"insert into leaks.queue values (2, '{EMAIL}')"),
    "returning": run("update leaks.queue set id = 1 where id = 1 returning note"),
    "view": run("select remark from leaks.seen"),
    "union": run("select 'x' as a union all select note from leaks.queue"),
    "row": run("select q from leaks.queue q"),
    "aggregate": run("select string_agg(note, ', '), array_agg(note), json_agg(q) from leaks.queue q"),
    "part": run("select left(note, 60), upper(note), note || '!' from leaks.queue"),
    "parameter": run("select %s::integer", f"to {EMAIL}"),
    "explain": run(f"explain (costs off) select id from leaks.queue where note = '{EMAIL}'"),
    "explain-view": run("explain (costs off, verbose) select * from leaks.made"),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_value_passes_by_other_ways(
    connections: list[psycopg.Connection], way: str
) -> None:
    guarded, clear = (said(connection, WAYS[way]).lower() for connection in connections)
    assert EMAIL not in guarded, guarded
    assert EMAIL in clear, "the case shows nothing"


def test_notifications_are_looked_through(connections: list[psycopg.Connection]) -> None:
    guarded, _ = connections
    assert listening(guarded) == ["sent to [email]"]


REVEAL = """
@id("officers-read") permit (principal in Group::"officers",
    action in [Action::"connect", Action::"read"], resource);
@id("officers-see-mail") permit (principal in Group::"officers", action == Action::"reveal",
    resource == Column::"shop/leaks.queue.note") when { resource in Category::"email" };
"""


def test_what_is_found_is_revealed_by_category_recorded_and_decided_again(world: World) -> None:
    gateway = honest_gateway(
        world,
        "unclassified-reveal",
        schema() + f"update leaks.queue set note = 'mail {EMAIL} or call {PHONE}';",
        REVEAL,
    )
    gateway.run("accounts", "add", "olga", "--kind", "person", "--group", "officers")
    target = gateway.target("olga")
    with psycopg.connect(target.conninfo(), autocommit=True) as connection:
        note = connection.execute("select note from leaks.queue").fetchone()
        assert note == (f"mail {EMAIL} or call ****4567",)
        computed = connection.execute("select note || '' from leaks.queue").fetchone()
        assert computed == ("mail [email] or call ****4567",), "nobody knows where it is from"
    found = [
        one
        for session in gateway.json("sessions", "ls")["sessions"]
        for exchange in gateway.json("sessions", "show", session["id"])["exchanges"]
        for one in exchange.get("detected", [])
    ]
    assert {(one["category"], one.get("masked", 0), one.get("revealed", 0)) for one in found} == {
        ("email", 0, 1),
        ("phone", 1, 0),
        ("email", 1, 0),
    }
    note = {"kind": "column", "path": ["leaks", "queue", "note"]}
    assert any(one["object"] == note and one["place"] == "note" for one in found)


def test_a_column_that_keeps_being_personal_is_proposed(world: World, guarded: Gateway) -> None:
    world.admin(
        "create table leaks.log as select n, 'mail user' || n || '@example.org' as body "
        "from generate_series(1, 40) n",
        database="unclassified",
    )
    with psycopg.connect(guarded.target("dev").conninfo(), autocommit=True) as connection:
        connection.execute("select body from leaks.log").fetchall()
    status, health = guarded.http("GET", "/healthz")
    assert status == 200 and json.loads(health)["proposed_columns"]["shop"] >= 1
    status, listed = guarded.http("GET", "/v1/proposals", token=guarded.token("rita"))
    lines = [one["line"] for one in json.loads(listed)["proposals"]]
    assert status == 200 and "leaks.log.body: email" in lines
    assert "add `leaks.log.body: email`" in guarded.log()


def test_cleared_columns_and_classified_ones_are_not_looked_through(world: World) -> None:
    classified = {
        "leaks.queue.note": '{ clear: "made up for this test" }',
        "leaks.cells.v_text_phone": "phone",
    }
    gateway = honest_gateway(world, "unclassified-cleared", schema(), classified=classified)
    with psycopg.connect(gateway.target("dev").conninfo(), autocommit=True) as connection:
        for statement in (
            "select note from leaks.queue",
            "select remark from leaks.seen",
            "select x from (select note as x from leaks.queue) y",
        ):
            assert connection.execute(statement).fetchone() == (EMAIL,), statement
        with connection.cursor().copy("copy leaks.queue (note) to stdout") as copy:
            assert EMAIL in b"".join(bytes(part) for part in copy).decode()
        # Computed from it and from something else, it is nobody's word any more.
        mixed = "select note from leaks.queue union select v_text_email from leaks.cells"
        assert EMAIL not in repr(connection.execute(mixed).fetchall())
