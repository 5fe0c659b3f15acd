"""Migrations and tenants: what a developer may do passes, in one transaction or many."""

import psycopg
import pytest
from harness.cases import each, missing
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import Wire
from harness.world import CLASSIFIED, World
from security.scene import REFUSING, decide, review_of

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "migrated"
MADE = """\
create extension pgcrypto;
create table goods (id integer primary key, price numeric, name text, tenant text);
insert into goods values (1, 10, 'a', '7'), (2, 20, 'b', '8');
create function add_tax(n numeric) returns numeric language sql immutable as $$ select n * 1.2 $$;
create function price_with_tax(n numeric) returns numeric language plpgsql stable as
    $$ begin return n * 1.2; end $$;
alter table goods enable row level security;
create policy of_tenant on goods using (tenant = current_setting('app.tenant', true));
"""


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    rules = """\
@id("reviewed-reads") @review("reviewers")
forbid (principal in Group::"analysts", action == Action::"read",
        resource == Table::"shop/public.v2");
"""
    return honest_gateway(world, DATABASE, MADE, rules)


@pytest.fixture(scope="module")
def dev(gateway: Gateway) -> Target:
    return gateway.target("dev")


# Each is run in one session; a transaction is rolled back at its end.
SCRIPTS = {
    "create-and-index": (
        "begin",
        "create table a1 (id serial primary key, v text)",
        "create index on a1 (v)",
        "insert into a1 (v) values ('x')",
        "select v from a1",
        "commit",
        "drop table a1",
    ),
    "create-without-a-transaction": (
        "create table a2 (id integer)",
        "insert into a2 values (1)",
        "drop table a2",
    ),
    "several-at-once": (
        "create table a3 (id integer); create index on a3 (id); insert into a3 values (1)",
        "drop table a3",
    ),
    "temporary": (
        "begin",
        "create temp table t1 (id integer) on commit drop",
        "insert into t1 values (1)",
        "select * from t1",
        "commit",
    ),
    "temporary-of-the-session": (
        "create temp table t2 as select id from orders",
        "select count(*) from t2",
        "drop table t2",
    ),
    "view": (
        "begin",
        "create view w1 as select id from orders",
        "select count(*) from w1",
        "rollback",
    ),
    "references": (
        "begin",
        "create table p1 (id integer primary key)",
        "create table c1 (id integer references p1)",
        "alter table c1 add constraint u unique (id)",
        "rollback",
    ),
    "type-in-use": (
        "begin",
        "create type colour as enum ('red', 'green')",
        "create table e1 (c colour not null default 'red')",
        "insert into e1 default values",
        "select c::text from e1",
        "rollback",
    ),
    "schema": (
        "begin",
        "create schema s1",
        "create table s1.t (id integer)",
        "insert into s1.t values (1)",
        "rollback",
    ),
    "sequence": ("begin", "create sequence q1", "select nextval('q1')", "rollback"),
    "rename": (
        "begin",
        "create table r1 (id integer)",
        "alter table r1 rename to r2",
        "alter table r2 rename column id to number",
        "select number from r2",
        "rollback",
    ),
    "add-column-and-fill": (
        "begin",
        "alter table goods add column note text",
        "update goods set note = name where id = 1",
        "alter table goods alter column note set default 'n'",
        "rollback",
    ),
    "savepoints": (
        "begin",
        "savepoint s",
        "create table v1 (id integer)",
        "rollback to s",
        "create table v1 (id text)",
        "insert into v1 values ('x')",
        "rollback",
    ),
    "dropped-and-made-again": (
        "begin",
        "create table d1 (id integer)",
        "drop table d1",
        "create table d1 (name text)",
        "select name from d1",
        "rollback",
    ),
    "select-into": ("begin", "select id into i1 from orders", "select id from i1", "rollback"),
    "partitions": (
        "begin",
        "create table pt (id integer, at date) partition by range (at)",
        "create table pt_1 partition of pt for values from ('2025-01-01') to ('2026-01-01')",
        "insert into pt values (1, '2025-05-05')",
        "select id from pt",
        "rollback",
    ),
    "function-and-trigger": (
        "begin",
        "create table f1 (id integer, at timestamptz)",
        "create function touch() returns trigger language plpgsql as "
        "$$ begin new.at := now(); return new; end $$",
        "create trigger touch before insert on f1 for each row execute function touch()",
        "insert into f1 values (1)",
        "rollback",
    ),
    "type-if-missing": (
        "do $$ begin create type mood as enum ('a'); exception when duplicate_object then null; "
        "end $$",
        "do $$ begin create type mood as enum ('a'); exception when duplicate_object then null; "
        "end $$",
        "drop type mood",
    ),
    "extension": ("create extension if not exists pgcrypto",),
    "advisory-lock": ("select pg_advisory_lock(42)", "select pg_advisory_unlock(42)"),
    "table-lock": ("begin", "lock table goods in share row exclusive mode", "rollback"),
    "comment": ("comment on table goods is 'what is sold'",),
    "grant": ("begin", "grant select on goods to public", "rollback"),
    "concurrently": ("create index concurrently ci on goods (name)", "drop index ci"),
    "refresh": (
        "create materialized view mv as select id from orders",
        "refresh materialized view mv",
        "drop materialized view mv",
    ),
    "two-phase": (
        "begin",
        "create table tp (id integer)",
        "insert into tp values (1)",
        "rollback",
    ),
    "set-path-and-create": (
        "begin",
        "create schema s2",
        "set local search_path = s2",
        "create table inside (id integer)",
        "insert into inside values (1)",
        "select id from inside",
        "rollback",
    ),
}


def all_pass(target: Target, statements: tuple[str, ...]) -> None:
    with Wire.open(target) as wire:
        for statement in statements:
            reply = wire.query(statement)
            assert not reply.errors, f"{statement}: {reply.errors}"


@each(SCRIPTS)
def test_a_migration_passes(dev: Target, case: tuple[str, ...]) -> None:
    """H7, H11: objects that a transaction made are known in it, for who may define."""
    all_pass(dev, case)


ALTERED = {
    "add-column": "alter table customers add column x integer",
    "add-column-default": "alter table customers add column x integer default 0",
    "drop-column": "alter table customers drop column created_at",
    "rename-other": "alter table customers rename column city to town",
    "index-other": "create index on customers (city)",
    "constraint": "alter table customers add constraint c check (id > 0)",
    "set-default": "alter table customers alter column city set default 'x'",
    "not-null": "alter table customers alter column created_at drop not null",
    "type-other": "alter table customers alter column city type varchar(100)",
    "owner": "alter table customers owner to current_user",
    "foreign-key": "create table z (c integer references customers)",
    "trigger-off": "alter table customers disable trigger all",
    "unique": "alter table customers add constraint u unique (id, city)",
    "index-classified": "create index on customers (email)",
    "analyze": "analyze customers",
}


@each(ALTERED)
def test_altering_needs_no_reveal(dev: Target, case: str) -> None:
    """H8: a change of a table is `define`, whatever else stands classified in it."""
    statements = ("begin", case, "rollback") if case != "analyze customers" else (case,)
    all_pass(dev, statements)


TENANTS = {
    "set-config": ("select set_config('app.tenant', '7', true)",),
    "set": ("set app.tenant = '7'", "show app.tenant"),
    "set-local": ("begin", "set local app.tenant = '7'", "commit"),
    "reset": ("set app.tenant = '7'", "reset app.tenant"),
    "current-setting": ("set app.tenant = '7'", "select current_setting('app.tenant')"),
    "missing": ("select current_setting('app.other', true)",),
    "in-where": (
        "set app.tenant = '7'",
        "select id from goods where tenant = current_setting('app.tenant')",
    ),
    "row-security": ("set app.tenant = '7'", "select id from goods"),
    "request-claims": ("select set_config('request.jwt.claims', '{\"role\": \"web\"}', true)",),
}


@each(TENANTS)
def test_settings_of_an_application(dev: Target, case: tuple[str, ...]) -> None:
    """H10: names with a dot are the application's own, to write and to read."""
    all_pass(dev, case)


@missing("a setting that is asked for by a parameter comes masked")
def test_a_tenant_as_a_parameter(dev: Target) -> None:
    """H10: name and value may be parameters, and what is read is what was written."""
    with psycopg.connect(dev.conninfo()) as connection:
        connection.execute("select set_config('app.tenant', %s, true)", ("7",))
        read = connection.execute("select current_setting(%s)", ("app.tenant",)).fetchone()
        assert read == ("7",)
        read = connection.execute("select current_setting('app.tenant')").fetchone()
        assert read == ("7",)


CALLS = {
    "in-values": ("insert into goods values (3, add_tax(3), 'c', '7')", None),
    "crypt": ("insert into goods values (4, 1, crypt('pw', gen_salt('bf', 4)), '7')", None),
    "aggregate": ("select sum(add_tax(price)) from goods", [b"36.0"]),
    "alone": ("select price_with_tax(100)", [b"120.0"]),
    "of-a-column": ("select price_with_tax(price) from goods where id = 1", [b"12.0"]),
    "in-where": ("select id from goods where add_tax(price) > 20", [b"2"]),
    "digest": ("select encode(digest('a', 'md5'), 'hex')", [b"0cc175b9c0f1b6a831c399e269772661"]),
    "uuid": ("select gen_random_uuid() is not null", [b"t"]),
}


def declaring(world: World, name: str, digests: dict[str, str]) -> Gateway:
    """A gateway whose operator calls some functions harmless."""
    gateway = honest_gateway(world, name, MADE, start=False)
    lines = "".join(f'      "{function}": "{digest}"\n' for function, digest in digests.items())
    text = gateway.config.read_text()
    section = f"    harmless_functions:\n{lines}    classify:\n"
    gateway.config.write_text(text.replace("    classify:\n", section, 1))
    return gateway.start()


SIGNATURES = ("public.add_tax(n numeric)", "public.price_with_tax(n numeric)")
DEFINED = "select encode(sha256(convert_to(pg_get_functiondef('{}'::regprocedure), 'UTF8')), 'hex')"


@pytest.fixture(scope="module")
def declared(world: World, gateway: Gateway) -> Gateway:
    """`gateway` has made the functions that are looked at here."""
    digests = {
        signature: world.admin(
            DEFINED.format(signature.replace("n numeric", "numeric")), database=DATABASE
        )
        for signature in SIGNATURES
    }
    return declaring(world, "declared", digests)


@each(CALLS)
def test_functions_of_ones_own(declared: Gateway, case: tuple[str, list[bytes] | None]) -> None:
    """H12: who may execute what was declared harmless gets the value, not a silent NULL."""
    sql, expected = case
    with Wire.open(declared.target("dev")) as wire:
        wire.query("begin")
        reply = wire.query(sql)
        assert not reply.errors, reply.errors
        if expected is not None:
            assert reply.rows == [expected], reply.rows


def test_a_declared_function_needs_no_permit(declared: Gateway) -> None:
    with Wire.open(declared.target("anna")) as wire:
        assert wire.query("select add_tax(price) from goods where id = 1").rows == [[b"12.0"]]


def test_another_definition_is_not_the_declared_one(world: World) -> None:
    """Removed: whoever replaces a harmless function has all values of its arguments."""
    gateway = declaring(world, "declared-wrongly", {SIGNATURES[0]: "0" * 64})
    with Wire.open(gateway.target("anna")) as wire:
        assert wire.query("select add_tax(1)").sqlstate == "42501"
    assert "is not the one that was declared harmless" in gateway.log()


NAMED = {
    "in-where": "select id from victim where price_with_tax(id) > 2",
    "alone": "select price_with_tax(100)",
    "aggregate": "select sum(price_with_tax(price)) from goods",
}


@each(NAMED)
def test_a_refusal_names_the_function(world: World, gateway: Gateway, case: str) -> None:
    """H12: who may not execute learns which function it was, not of tables elsewhere."""
    with Wire.open(gateway.target("anna")) as wire:
        reply = wire.query(case)
        assert reply.sqlstate == "42501", reply.rows
        told = " ".join(reply.errors[0].values())
        assert "price_with_tax" in told and "customers" not in told, told


def test_prepare_then_execute_is_one_review(gateway: Gateway) -> None:
    """H20: a reviewer is asked about what runs, not about its name before."""
    dana = gateway.token("rita")
    with Wire.open(gateway.target("anna"), **REFUSING) as wire:
        assert not (errors := wire.query("prepare q as select v from v2").errors), errors
        review = review_of(wire.query("execute q"))
        assert decide(gateway, "approve", review, dana) == 0
        assert len(wire.query("execute q").rows) == 5


OWN_CODE = """\
create function add_of(n integer) returns integer language plpgsql as $$ begin return n + 1; end $$;
create function near(integer, integer) returns boolean language plpgsql as
    $$ begin return $1 = $2; end $$;
create operator ### (leftarg = integer, rightarg = integer, procedure = near);
"""


@pytest.fixture(scope="module")
def wide(world: World) -> Target:
    columns = ", ".join(f"c{n} text" for n in range(150))
    gateway = honest_gateway(
        world,
        "wide-honest",
        f"create table wide ({columns}, n integer, o jsonb); insert into wide (n) values (1);"
        + OWN_CODE,
        classified=CLASSIFIED | {"public.wide.c*": "name"},
    )
    return gateway.target("dev")


WIDE = {
    "function": "select add_of(n) from wide",
    "own-operator": "select n from wide where n ### 1",
    "operator": "select n from wide where o @> '{}' or n = 1",
    "whole-row": "select w from wide w",
    "star": "select * from wide",
    "count": "select count(*) from wide where n = 1",
    "update": "update wide set n = 2",
    "alter": "alter table wide add column x integer",
}


@each(WIDE)
def test_many_classified_columns_are_judged(wide: Target, case: str) -> None:
    """H19: more than 100 objects in reach are a decision like any other."""
    with Wire.open(wide) as wire:
        wire.query("begin")
        reply = wire.query(case)
        assert not reply.errors, reply.errors


def test_what_others_have_made_a_moment_ago_is_known(world: World, dev: Target) -> None:
    """However short before definitions were read, and in a transaction that began before."""
    with Wire.open(dev) as wire, Wire.open(dev) as other:
        for number in range(8):
            assert wire.query(f"select 1 from not_there_{number}").sqlstate == "42P01"
            world.admin(f"create table fresh_{number} (id integer)", database=DATABASE)
            assert not wire.query(f"select id from fresh_{number}").errors
            assert not other.query("begin").errors
            assert not other.query("select 1 from goods").errors
            world.admin(f"create table later_{number} (id integer)", database=DATABASE)
            assert not other.query(f"select id from later_{number}").errors
            assert not other.query("commit").errors


def test_a_transaction_that_reads_repeatably_is_begun_again(world: World, dev: Target) -> None:
    """Its rows may be older than what its names stand for now."""
    with Wire.open(dev) as wire:
        wire.query("begin isolation level repeatable read")
        assert not wire.query("select 1 from goods").errors
        world.admin("create table after_all (id integer)", database=DATABASE)
        assert wire.query("select id from after_all").sqlstate == "40001"
        wire.query("rollback")
        assert not wire.query("select id from after_all").errors


def test_a_cursor_of_a_query_that_calls_a_function(dev: Target) -> None:
    """What runs code is no write: its rows are fetched like others."""
    with Wire.open(dev) as wire:
        assert not wire.query("begin").errors
        assert not wire.query("declare c cursor for select price_with_tax(price) from goods").errors
        reply = wire.query("fetch all from c")
        assert not reply.errors and len(reply.rows) == 2, reply.errors
        wire.query("rollback")
        assert not wire.query("prepare q as select add_tax($1)").errors
        assert not wire.query("execute q (10)").errors
        assert not wire.query("prepare t as select set_config('app.tenant', $1, false)").errors
        assert not wire.query("execute t ('7')").errors


def test_a_foreign_key_moves_no_search_path(world: World, dev: Target) -> None:
    """What it fires is the server's own: names that two schemas have stand for the first's."""
    made = (
        "create table kept (id integer primary key); insert into kept values (1);"
        "create table kept_child (id integer references kept on delete cascade);"
        "create schema side; create table side.kept (id integer)"
    )
    world.admin(made, database=DATABASE)
    with Wire.open(dev) as wire:
        assert not wire.query("insert into kept_child values (1)").errors
        assert wire.query("select id from kept").rows == [[b"1"]]
        reply = wire.query("insert into kept_child values (1); select id from kept")
        assert not reply.errors and reply.rows == [[b"1"]]
        assert not wire.query("delete from kept where id = 1").errors
