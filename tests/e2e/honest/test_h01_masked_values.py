"""Masks do not do harm: they never flow back, are one for one value, and fit where they stand."""

import json
from collections.abc import Callable

import psycopg
import pytest
from harness.cases import each, not_yet
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import SYNC, Wire, bind_message, execute_message, frame, parse_message
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "masked"
MADE = """\
create extension citext;
create domain mail_required as text not null;
create type mood as enum ('glad', 'sad');
create table members (id integer primary key, name text not null, mail text, phone text);
create table clients (id integer primary key, name text not null, mail citext not null,
    born date, seen timestamp, phone text unique, ref uuid, score bigint, at timestamptz,
    tags text[], doc jsonb, state mood not null, code varchar(8) not null, span daterange,
    address mail_required, initials varchar(3));
insert into clients values
    (1, 'Ada Quixmarker', 'zq7marker@leak-q7.example', '1960-05-06', '1960-05-06 07:08:09',
     '+49 30 90917711', '11111111-1111-4111-8111-111111111111', 917711, '1960-05-06 07:08:09+00',
     '{zq7alias,zq7other}', '{"nick": "zq7nick"}', 'glad', 'zq7', '[1960-01-01,1961-01-01)', 'x',
     'aq'),
    (2, 'Bo Quixmarker', 'zq8marker@leak-q8.example', '1961-07-08', '1961-07-08 09:10:11',
     '+49 30 90917722', '22222222-2222-4222-8222-222222222222', 917722, '1961-07-08 09:10:11+00',
     '{zq8alias}', '{"nick": "zq8nick"}', 'sad', 'zq8', '[1961-01-01,1962-01-01)', 'y',
     'bq');
"""
FILLED = (
    "delete from members; insert into members values (1, 'Ada Quixmarker', "
    "'zq7marker@leak-q7.example', '+49 30 90917711'), (2, 'Bo', 'b@leak-q8.example', '2')"
)
CATEGORIES = {
    "name": "name",
    "mail": "e-mail",
    "born": "date",
    "seen": "date",
    "phone": "phone",
    "ref": "national-id",
    "score": "national-id",
    "at": "date",
    "tags": "name",
    "doc": "contact",
    "state": "health",
    "code": "secret",
    "span": "birth-date",
    "address": "contact",
    "initials": "name",
}


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    classified = {f"public.clients.{name}": category for name, category in CATEGORIES.items()}
    for name in ("name", "mail", "phone"):
        classified[f"public.members.{name}"] = CATEGORIES[name]
    gateway = honest_gateway(world, DATABASE, MADE, classified=classified, start=False)
    text = gateway.config.read_text()
    text = text.replace(
        "  default: redact",
        "  date: partial\n  e-mail: partial\n  default: redact",
    )
    gateway.config.write_text(text)
    return gateway.start()


@pytest.fixture(scope="module")
def dev(gateway: Gateway) -> Target:
    return gateway.target("dev")


def stored(world: World) -> str:
    return world.admin("select * from members order by id", database=DATABASE)


def whole_row(columns: str, values: str) -> Callable[[psycopg.Connection, tuple], None]:
    return lambda connection, row: connection.execute(
        f"update members set ({columns}) = row({values}) where id = 1", row
    )


def each_column(connection: psycopg.Connection, row: tuple) -> None:
    connection.execute("update members set name = %s, mail = %s, phone = %s where id = 1", row)


def upsert(connection: psycopg.Connection, row: tuple) -> None:
    connection.execute(
        "insert into members values (1, %s, %s, %s) on conflict (id) do update set "
        "name = excluded.name, mail = excluded.mail, phone = excluded.phone",
        row,
    )


def merged(connection: psycopg.Connection, row: tuple) -> None:
    connection.execute(
        "merge into members c using (values (1, %s, %s, %s)) s(id, n, m, p) on c.id = s.id "
        "when matched then update set name = s.n, mail = s.m, phone = s.p",
        row,
    )


def copied(connection: psycopg.Connection, row: tuple) -> None:
    with connection.cursor().copy("copy members from stdin") as copy:
        copy.write_row((3, *row))


def as_literals(connection: psycopg.Connection, row: tuple) -> None:
    name, mail, phone = row
    connection.execute(
        f"update members set name = '{name}', mail = '{mail}', phone = '{phone}' where id = 1"
    )


def inserted(connection: psycopg.Connection, row: tuple) -> None:
    connection.execute("insert into members values (4, %s, %s, %s)", row)


def in_many(connection: psycopg.Connection, row: tuple) -> None:
    connection.cursor().executemany(
        "update members set name = %s, mail = %s, phone = %s where id = 1", [row]
    )


def from_an_array(connection: psycopg.Connection, row: tuple) -> None:
    connection.execute(
        "update members set name = v.n from unnest(%s::text[]) v(n) where id = 1", ([row[0]],)
    )


def inside_json(connection: psycopg.Connection, row: tuple) -> None:
    connection.execute(
        "update members set name = j.n from jsonb_to_record(%s) j(n text) where id = 1",
        (psycopg.types.json.Jsonb({"n": row[0]}),),
    )


SAVES = {
    "each-column": each_column,
    "upsert": upsert,
    "merge": merged,
    "copy": copied,
    "literals": as_literals,
    "insert": inserted,
    "many": in_many,
    "row": whole_row("name, mail, phone", "%s, %s, %s"),
    "array": from_an_array,
    "json": inside_json,
}


@each(SAVES)
def test_a_masked_value_never_flows_back(
    world: World, dev: Target, case: Callable[[psycopg.Connection, tuple], None]
) -> None:
    """H1: who saves what was read does not overwrite personal data with its mask."""
    world.admin(FILLED, database=DATABASE)
    before = stored(world)
    refused = None
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        row = connection.execute("select name, mail, phone from members where id = 1").fetchone()
        try:
            case(connection, row)
        except psycopg.Error as error:
            refused = error
    assert stored(world) == before, "the mask is what is stored now"
    if refused:
        told = " ".join(filter(None, (str(refused), refused.diag.message_hint)))
        assert "changed" in told, f"no advice: {told}"


def test_what_did_not_come_from_a_mask_is_saved(world: World, dev: Target) -> None:
    """H1: values of the user's own pass into the same columns."""
    with psycopg.connect(dev.conninfo()) as connection:
        connection.execute("update members set name = %s, mail = %s where id = 1", ("Cy", "c@d.e"))
        connection.rollback()


# What no form tells: that it is a mask is known because it was shown.
WITHOUT_A_FORM = ("born", "seen", "at", "score", "ref")


def saved_in_text(wire: Wire, column: str, value: bytes) -> None:
    wire.send(
        parse_message(f"update clients set {column} = $1 where id = 1")
        + bind_message([value])
        + execute_message()
        + SYNC
    )


def saved_in_binary(wire: Wire, column: str, value: bytes) -> None:
    run = bind_message([value], value_formats=[1]) + execute_message() + SYNC
    wire.send(parse_message(f"update clients set {column} = $1 where id = 1") + run)


def saved_as_literal(wire: Wire, column: str, value: bytes) -> None:
    sql = f"update clients set score = score, {column} = '{value.decode()}' where id = 1"
    wire.send(frame("Q", sql.encode() + b"\0"))


def saved_by_upsert(wire: Wire, column: str, value: bytes) -> None:
    sql = (
        f"insert into clients (id, name, mail, state, code, {column}) "
        f"values (1, 'n', 'm@x.example', 'glad', 'c', '{value.decode()}') "
        f"on conflict (id) do update set {column} = excluded.{column}"
    )
    wire.send(frame("Q", sql.encode() + b"\0"))


def saved_by_row(wire: Wire, column: str, value: bytes) -> None:
    sql = f"update clients set (score, {column}) = (score, '{value.decode()}') where id = 1"
    if column == "score":
        sql = f"update clients set (state, score) = row('glad', '{value.decode()}') where id = 1"
    wire.send(frame("Q", sql.encode() + b"\0"))


def saved_by_upserted_row(wire: Wire, column: str, value: bytes) -> None:
    sql = (
        f"insert into clients (id, name, mail, state, code, {column}) "
        f"values (1, 'n', 'm@x.example', 'glad', 'c', '{value.decode()}') "
        f"on conflict (id) do update set (code, {column}) = (excluded.code, excluded.{column})"
    )
    wire.send(frame("Q", sql.encode() + b"\0"))


SHOWN_SAVES = {
    "text": (saved_in_text, 0),
    "binary": (saved_in_binary, 1),
    "literal": (saved_as_literal, 0),
    "upsert": (saved_by_upsert, 0),
    "row": (saved_by_row, 0),
    "upserted-row": (saved_by_upserted_row, 0),
}


@pytest.mark.parametrize("column", WITHOUT_A_FORM)
@each(SHOWN_SAVES)
def test_a_mask_that_looks_like_any_value_does_not_flow_back(
    world: World, gateway: Gateway, case: tuple[Callable, int], column: str
) -> None:
    """H1: dates, numbers and identifiers are known as what was shown, whatever session it was."""
    save, read_as = case
    target = gateway.target("dev")
    before = world.admin(f"select {column} from clients where id = 1", database=DATABASE)
    with Wire.open(target) as reader, Wire.open(target) as writer:
        reader.send(
            parse_message(f"select {column} from clients where id = 1")
            + bind_message(result_formats=[read_as])
            + execute_message()
            + SYNC
        )
        [[mask]] = reader.reply().rows
        assert mask is not None
        save(writer, column, mask)
        [error] = writer.reply().errors
        assert error["C"] == "42501" and "changed" in error["M"], error
    assert world.admin(f"select {column} from clients where id = 1", database=DATABASE) == before


def test_what_detectors_have_masked_does_not_flow_back(world: World, gateway: Gateway) -> None:
    """H1: whole rows of a table that nobody has classified."""
    world.admin(
        "create table notes (id integer primary key, body text, template text); insert into notes "
        "values (1, 'call anna.berg@example.org', 'Dear [name]')",
        database=DATABASE,
    )
    with psycopg.connect(gateway.target("dev").conninfo(), autocommit=True) as connection:
        body, template = connection.execute("select body, template from notes").fetchone()
        assert body == "call [email]" and template == "Dear [name]", (body, template)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="changed"):
            connection.execute(
                "update notes set body = %s, template = %s where id = 1", (body, template)
            )
        connection.execute("update notes set template = %s where id = 1", ("Hello [email]",))
        connection.execute("update notes set body = %s where id = 1", ("call [email] again",))


OF_OTHER_TYPES = {
    "array": "tags",
    "range": "span",
    "enum": "state",
    "domain": "address",
    "json": "doc",
    "filled": "code",
    "short": "initials",
}
ONE_OF_FEW = "what stands for a label is one of few that people write, and is not remembered"


@each(
    OF_OTHER_TYPES,
    not_yet(ONE_OF_FEW, "enum"),
)
def test_a_mask_of_any_type_does_not_flow_back(world: World, dev: Target, case: str) -> None:
    """H1: what stands in place of a value is not stored in its place."""
    saved = f"select {case} from clients where id = 2"
    before = world.admin(saved, database=DATABASE)
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        [mask] = connection.execute(saved).fetchone()
        if case == "doc":
            mask = psycopg.types.json.Jsonb(mask)
        try:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="changed"):
                connection.execute(f"update clients set {case} = %s where id = 2", (mask,))
        finally:
            stands = world.admin(saved, database=DATABASE)
            world.admin(f"update clients set {case} = '{before}' where id = 2", database=DATABASE)
    assert stands == before


def test_what_was_shown_as_null_can_be_cleared(world: World, dev: Target) -> None:
    """The advice helps: DEFAULT is nothing that was read."""
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        connection.execute("select tags from clients").fetchall()
        for null in ("null", "%s"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="DEFAULT"):
                values = (None,) if null == "%s" else ()
                connection.execute(f"update clients set tags = {null} where id = 3", values)
        connection.execute("update clients set code = 'c', tags = default where id = 3")


def test_a_document_that_detectors_have_masked_does_not_flow_back(
    world: World, dev: Target
) -> None:
    """H1: ORMs write the whole document when a part of it has changed, or nothing."""
    world.admin(
        "create table settings (id integer primary key, doc jsonb); insert into settings "
        """values (1, '{"write to": "anna.berg@example.org", "theme": "dark"}')""",
        database=DATABASE,
    )
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        [doc] = connection.execute("select doc from settings").fetchone()
        assert doc == {"write to": "[email]", "theme": "dark"}
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="changed"):
            connection.execute("update settings set doc = %s", (psycopg.types.json.Jsonb(doc),))
        doc["theme"] = "light"
        for way in (psycopg.types.json.Jsonb(doc), json.dumps(doc)):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="changed"):
                connection.execute("update settings set doc = %s::jsonb", (way,))
        light = "update settings set doc = doc || %s"
        connection.execute(light, (psycopg.types.json.Jsonb({"theme": "light"}),))
    stands = world.admin("select doc ->> 'write to', doc ->> 'theme' from settings", DATABASE)
    assert stands == "anna.berg@example.org|light"


def test_what_was_not_shown_is_saved(world: World, gateway: Gateway) -> None:
    """A value of the user's own that looks like a mask of somebody else's is none."""
    with Wire.open(gateway.target("dev")) as wire:
        wire.query("select born, score from clients")
        wire.query("begin")
        for sql in (
            "update clients set born = '1944-01-01' where id = 1",
            "update clients set score = 5 where id = 1",
            "update clients set state = 'sad', born = '1944-02-02' where id = 1",
            "insert into clients (id, name, mail, state, code, address, born) "
            "values (8, 'n', 'm@x.example', 'glad', 'c', 'x', '1960-01-01') "
            "on conflict (id) do update set code = excluded.code",
            "insert into clients (id, name, mail, state, code, address, born) "
            "values (9, 'n', 'm@x.example', 'glad', 'c', 'x', '1960-01-01')",
        ):
            assert not (errors := wire.query(sql).errors), (sql, errors)
        wire.query("rollback")


TYPES = {name: name for name in CATEGORIES}


@each(TYPES)
def test_one_mask_for_one_value(dev: Target, case: str) -> None:
    """H2: text and binary of one value are the same mask."""
    sql = f"select {case} from clients order by id"
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        as_text = connection.execute(sql, binary=False).fetchall()
        as_binary = connection.execute(sql, binary=True).fetchall()
    # The driver gives values of types that it does not know as bytes when they come packed.
    plain = [(one.decode() if isinstance(one, bytes) else one,) for (one,) in as_binary]
    assert as_text == plain


def test_one_mask_for_a_date_in_every_way_of_asking(dev: Target) -> None:
    """H2: a driver that turns to binary after five executions sees no difference."""
    sql = "select born from clients where id = $1"
    seen = set()
    with Wire.open(dev) as wire:
        wire.send(parse_message(sql, name="p", types=(23,)) + SYNC)
        wire.reply()
        seen.add(wire.query("select born from clients where id = 1").rows[0][0])
        wire.send(bind_message([b"1"], name="p") + execute_message() + SYNC)
        seen.add(wire.reply().rows[0][0])
        copied = wire.query("copy (select born from clients where id = 1) to stdout").copied
        seen.add(copied.strip())
        wire.send(frame("Q", b"begin; declare c cursor for select born from clients\0"))
        wire.reply()
        seen.add(wire.query("fetch 1 from c").rows[0][0])
    assert len(seen) == 1, seen


NOT_NULL = {
    "citext": "mail",
    "enum": "state",
    "varchar": "code",
    "domain": "address",
    "text": "name",
}


@each(NOT_NULL)
def test_a_mask_fits_a_column_that_refuses_null(dev: Target, case: str) -> None:
    """H13: a NOT NULL column never shows NULL, in no format."""
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        for binary in (False, True):
            rows = connection.execute(f"select {case} from clients", binary=binary).fetchall()
            assert all(row[0] is not None for row in rows), rows


def test_masks_fit_their_types(world: World, dev: Target) -> None:
    """H13: every mask is a value that its own column accepts, and a varchar(8) has room for."""
    with psycopg.connect(dev.conninfo(), autocommit=True) as connection:
        names = ", ".join(CATEGORIES)
        row = list(connection.execute(f"select {names} from clients where id = 1").fetchone())
    at = list(CATEGORIES).index("doc")
    row[at] = psycopg.types.json.Jsonb(row[at])
    with psycopg.connect(world.direct("portreeve", DATABASE).conninfo()) as direct:
        direct.execute("create temp table t (like clients)")
        places = ", ".join(["%s"] * len(row))
        direct.execute(f"insert into t (id, {names}) values (1, {places})", row)

