"""What a statement builds of classified values tells them by more than what it shows: what is not
found is NULL, what is too long fails, what a lock is called stands in a catalog, what a list holds
is guessed at once. None of it needs more than to be asked for."""

import re

import pytest
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import SYNC, Wire, bind_message, execute_message, frame, parse_message
from harness.world import World

from security.scene import REFUSING, decide, own_database, own_policies, review_of

pytestmark = pytest.mark.gateway
DATABASE = "built"
MADE = """\
create table secrets (id integer primary key, secret text, doc jsonb, pin integer, tags text[]);
insert into secrets select n, 'qq' || chr(96 + n) || 'secret', jsonb_build_object('k' || n, n),
    1000 + n, array_fill('t'::text, array[n]) from generate_series(1, 3) n;
create table work.plain (id integer primary key, n integer);
insert into work.plain select n, n from generate_series(1, 50) n;
create sequence told;
create function says(text) returns boolean language plpgsql as $$
begin
    perform nextval('told');
    raise notice 'pin %', (select max(pin) from secrets);
    raise exception 'syntax error at or near "system_user" %', (select min(secret) from secrets);
end $$;
create domain told_text as text check (says(value));
"""
RULES = """\
@id("readers-read")
permit (principal in Group::"built-readers", action == Action::"read", resource);
@id("probers")
permit (principal in Group::"built-probers", action in [Action::"read", Action::"probe"], resource);
@id("few-probes")
forbid (principal in Group::"built-probers", action in [Action::"read", Action::"probe"], resource)
when { context.probes > 5 };
@id("keepers")
permit (principal in Group::"built-keepers", action in [Action::"read", Action::"filter",
    Action::"probe", Action::"lock"], resource);
@id("changers")
permit (principal in Group::"built-changers", action in [Action::"read", Action::"write",
    Action::"define"], resource);
@id("changes-reviewed") @review("reviewers")
forbid (principal in Group::"built-changers", action == Action::"write", resource);
@id("ten-rows")
forbid (principal in Group::"built-cursors", action == Action::"read", resource)
when { context.rows > 10 };
@id("cursors-read")
permit (principal in Group::"built-cursors", action == Action::"read", resource);
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    database = own_database(world, DATABASE, MADE)
    policies = own_policies(world, DATABASE, RULES)
    columns = ("secret", "doc", "pin", "tags")
    classified = {f"public.secrets.{name}": "secret" for name in columns}
    gateway = world.gateway(DATABASE, database=database, policies=policies, classified=classified)
    for group in ("readers", "probers", "keepers", "changers", "cursors", "strangers"):
        gateway.run("accounts", "add", group, "--kind", "person", "--group", f"built-{group}")
    return gateway


def target(gateway: Gateway, who: str) -> Target:
    return gateway.target(who)


TELLING = {
    "a-key": "select id, jsonb_build_object(substr(secret, 3, 1), 1) -> 'a' from secrets",
    "a-key-of-json": "select id, json_build_object(secret, 1) ->> 'qqasecret' from secrets",
    "a-key-by-path": "select id, jsonb_build_object(secret, 1) #>> '{qqasecret}' from secrets",
    "a-key-by-subscript": "select id, (jsonb_build_object(secret, 1))['qqasecret'] from secrets",
    "an-inner-key": "select jsonb_build_object('a', jsonb_build_object(secret, 1)) -> 'a' -> 'x' "
    "from secrets",
    "a-key-of-an-aggregate": "select jsonb_object_agg(secret, 1) -> 'qqasecret' from secrets",
    "a-key-of-a-window": "select jsonb_object_agg(secret, 1) over () -> 'qqasecret' from secrets",
    "keys-of-a-list": "select json_build_object(variadic tags) from secrets",
    "a-null-key": "select jsonb_build_object(doc -> 'k1', 1) from secrets",
    "too-long": "select replace(replace(secret, 'qqa', repeat('~', 40000)), '~', "
    "repeat('x', 40000)) from secrets",
    "too-long-by-constants": "select replace(replace(secret, 'a', '~~~~~~~~~~'), '~', "
    "'~~~~~~~~~~') || repeat('x', 1073741700) from secrets",
    "too-long-behind": "select secret || repeat('x', 1073741798) from secrets",
    "too-long-by-a-name": "with r as (select repeat('x', 1073741798) as x) "
    "select concat(secret, x) from secrets, r",
    "how-many": "select format('%2$s', variadic tags) from secrets",
}


@pytest.mark.parametrize("sql", TELLING.values(), ids=TELLING)
def test_who_may_read_does_not_learn_by_it(gateway: Gateway, sql: str) -> None:
    with Wire.open(target(gateway, "readers")) as wire:
        reply = wire.query(sql)
        assert reply.sqlstate == "42501", reply.errors or reply.raw


HONEST = {
    "values-behind-keys": "select jsonb_build_object('id', id, 'secret', secret) from secrets",
    "the-row": "select to_jsonb(s) ->> 'secret' from secrets s",
    "a-shorter-text": "select replace(secret, 'qq', '') from secrets",
    "padded": "select lpad(secret, 20, '.') || '!' from secrets",
    "all-of-them": "select '[' || string_agg(secret, ',') || ']' from secrets",
    "repeated": "select secret || repeat('-', 3) from secrets",
}


@pytest.mark.parametrize("sql", HONEST.values(), ids=HONEST)
def test_what_tells_nothing_is_read_masked(gateway: Gateway, sql: str) -> None:
    with Wire.open(target(gateway, "readers")) as wire:
        reply = wire.query(sql)
        assert not reply.errors, reply.errors
        assert b"secret" not in reply.raw.replace(b"[secret]", b"")


LISTS = {
    "an-array": ("select id from secrets where secret = any($1)", b"{%b}"),
    "an-array-of-a-type": ("select id from secrets where secret = any($1::text[])", b"{%b}"),
    "rows": ("select id from secrets, unnest($1::text[]) g where secret = g", b"{%b}"),
    "a-text": ("select id from secrets where secret = any(string_to_array($1, ','))", b"%b"),
    "a-document": (
        "select id from secrets where secret in (select json_array_elements_text($1::json))",
        b'["%b"]',
    ),
    "glued": ("select id from secrets where secret = any(('{' || $1 || '}')::text[])", b"%b"),
}


@pytest.mark.parametrize("case", LISTS.values(), ids=LISTS)
def test_each_value_of_a_list_is_a_guess(gateway: Gateway, case: tuple[str, bytes]) -> None:
    sql, form = case
    guesses = b",".join(b"guess-%d" % n for n in range(200))
    with Wire.open(target(gateway, "probers")) as wire:
        wire.send(parse_message(sql) + bind_message((form % guesses,)) + execute_message() + SYNC)
        reply = wire.reply()
        assert reply.sqlstate == "42501", reply.errors or reply.tags


@pytest.mark.parametrize("count", [1, 5, 6])
def test_a_short_list_is_as_many_guesses_as_it_has_values(gateway: Gateway, count: int) -> None:
    """What drivers write for `IN` is counted, in the binary form as well."""
    values = [b"guess-%d" % n for n in range(count)]
    binary = b"\0\0\0\1\0\0\0\0\0\0\0\x19" + len(values).to_bytes(4) + b"\0\0\0\1"
    binary += b"".join(len(value).to_bytes(4) + value for value in values)
    sql = "select id from secrets where secret = any($1)"
    with Wire.open(target(gateway, "probers")) as wire:
        for value, form in ((b"{" + b",".join(values) + b"}", 0), (binary, 1)):
            bound = bind_message((value,), value_formats=(form,))
            wire.send(parse_message(sql, types=(1009,)) + bound + execute_message() + SYNC)
            reply = wire.reply()
            assert reply.sqlstate == ("42501" if count > 5 else None), reply.errors


UNREADABLE = {
    "of-an-older-grammar": "select '{x}'::told_text[] from (select 1) system_user",
    "nested-too-deep": "select '{x}'::told_text[], " + "(select " * 2200 + "1" + ")" * 2200,
    "denied-too-deep": "select '{x}'::told_text[] where " + "not " * 7000 + "true",
    "with-a-comment": "select '{x}'::told_text[] from (select 1) system_user --",
    "a-name-that-is-not-there": "select '{x}'::told_text[], missing",
    "an-error-of-a-text": "select '{x}'::told_text[], nothing_of_it from secrets",
}


@pytest.mark.parametrize("who", ["strangers", "readers"])
@pytest.mark.parametrize("sql", UNREADABLE.values(), ids=UNREADABLE)
def test_what_the_target_reads_to_say_what_is_wrong_runs_nothing(
    world: World, gateway: Gateway, sql: str, who: str
) -> None:
    """Making values of a text's constants runs the checks of domains."""
    count = "select last_value, is_called from told"
    before = world.admin(count, database=DATABASE)
    with Wire.open(target(gateway, who)) as wire:
        for batch in (frame("Q", sql.encode() + b"\0"), parse_message(sql) + SYNC):
            wire.send(batch)
            reply = wire.reply()
            assert reply.errors, reply.tags
            assert b"pin " not in reply.raw and b"secret" not in reply.raw, reply.raw
    assert world.admin(count, database=DATABASE) == before


KEPT = {
    "a-lock": "select pg_advisory_lock(pin) from secrets",
    "a-lock-of-letters": "select pg_try_advisory_lock(ascii(substr(secret, 3)), id) from secrets",
    "a-lock-given-back": "select pg_advisory_unlock(pin) from secrets",
    "chance": "select setseed((pin % 1000) / 1000.0) from secrets",
}


@pytest.mark.parametrize("sql", KEPT.values(), ids=KEPT)
def test_what_stands_elsewhere_then_needs_to_be_seen(gateway: Gateway, sql: str) -> None:
    with Wire.open(target(gateway, "keepers")) as wire:
        reply = wire.query(sql)
        assert reply.sqlstate == "42501", reply.errors or reply.tags
        assert "reveal" in reply.errors[0]["M"]
        assert not wire.query("select pg_advisory_lock(1), pg_advisory_unlock(1)").errors


def test_an_approval_is_for_the_table_that_was_meant(world: World, gateway: Gateway) -> None:
    """A temporary table of the same name comes and goes, with the same text and search path."""
    dana = gateway.token("dana")
    sql = "update plain set n = 0 where id = 30"
    path = {"options": REFUSING["options"] + " -c search_path=work"}
    made = "create temporary table plain (id integer, n integer)"
    with Wire.open(target(gateway, "changers"), **path) as wire:
        assert not wire.query(made).errors
        review = review_of(wire.query(sql))
        shown = gateway.json("reviews", "show", review, token=dana)
        assert re.search(r"write on pg_temp_\d+\.plain", str(shown["fields"]))
        assert "examples" not in shown
        assert decide(gateway, "approve", review, dana) == 0
        assert not wire.query("drop table pg_temp.plain").errors
        assert wire.query(sql).sqlstate == "42501", "it would be another table"
        other = "update plain set n = 0 where id = 31"
        assert decide(gateway, "approve", review_of(wire.query(other)), dana) == 0
        assert not wire.query(made).errors
        assert wire.query(other).sqlstate == "42501", "it would be another table"
    untouched = "select count(*) from work.plain where n = id"
    assert world.admin(untouched, database=DATABASE) == "50"


def test_a_second_result_without_a_description_is_masked(gateway: Gateway) -> None:
    """The unnamed portal is another one each time: what was described of the one before does not
    hold for it, and is asked for."""

    def once(sql: str) -> bytes:
        return parse_message(sql) + bind_message(()) + execute_message()

    first, second = once("select id from secrets"), once("select id, secret from secrets")
    with Wire.open(target(gateway, "readers")) as wire:
        wire.send(first + second + SYNC)
        reply = wire.reply()
        assert reply.tags == ["SELECT 3", "SELECT 3"], reply.errors
        assert b"secret" not in reply.raw.replace(b"[secret]", b"")
        assert not wire.query("begin").errors
        for part in (first, second, first):
            wire.send(part + SYNC)
            assert not (reply := wire.reply()).errors, reply.errors
            assert b"secret" not in reply.raw.replace(b"[secret]", b"")


def test_rows_of_a_cursor_count_when_it_is_decided_again(gateway: Gateway) -> None:
    """`verify` decides by what the gateway decided by: the rows that were fetched before."""
    with Wire.open(target(gateway, "cursors")) as wire:
        wire.query("begin")
        assert not wire.query("declare c cursor for select id from crowd").errors
        assert wire.query("fetch 11 from c").sqlstate == "42501"
        assert wire.query("fetch 1 from c").errors
    gateway.stop()
    told = gateway.try_run("verify", str(gateway.data_dir / "evidence"))
    assert told.returncode == 0, told.stdout + told.stderr
