"""Class D: what is told is counted, in the unit in which it is told.

The gateway here runs the shipped policy sets, as they are, over a table of 2,000 members with a
classified birth date. Without budgets for probes, values and days each case reads all of it
through answers that look small.
"""

import datetime
import itertools
import shutil
from dataclasses import dataclass

import pytest
from harness.cases import each, not_yet
from harness.gateway import Account, Gateway
from harness.paths import ROOT
from harness.secrets import found_in
from harness.target import Target
from harness.wire import Wire
from harness.world import World

from security.scene import REFUSING, own_database

pytestmark = pytest.mark.gateway
DATABASE = "counted"
DAYS = 512
MEMBERS = 2000
ROWS = 20_000
MADE = f"""\
create table members (id integer primary key, dob date not null, email text not null, city text);
insert into members select n, date '1950-01-01' + (n * 37) % {DAYS}, 'zqcrowd' || n ||
    '@leak-crowd.example', 'Lille' from generate_series(1, {MEMBERS}) n;
create table parcels (id integer primary key, article text, price integer);
insert into parcels select n, 'article-' || n % 7, n % 90 from generate_series(1, {ROWS}) n;
create function guarded() returns text language sql as $$ select 'zq7marker' $$;
create table secretive (id integer default length('zq8marker'), v text);
create function fires() returns trigger language plpgsql as
    $$ begin if new.v = 'zq9marker' then return null; end if; return new; end $$;
create trigger fires before insert on secretive for each row execute function fires();
create extension postgres_fdw;
create server far foreign data wrapper postgres_fdw options (host 'zq7marker');
create user mapping for alice server far options (user 'x', password 'zq8marker');
alter role alice set app.key = 'zq7marker';
alter database counted set app.other = 'zq8marker';
create subscription sub connection 'host=127.0.0.1 password=zq9marker' publication p
    with (connect = false);
analyze;
"""
ACCOUNTS = (Account("planner", "actor", ("agents",)),)


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    own_database(world, DATABASE)
    for statement in MADE.split(";\n"):
        # CREATE SUBSCRIPTION and ALTER DATABASE want to be alone.
        world.admin(statement, database=DATABASE)
    folder = world.directory / "policies-shipped"
    folder.mkdir()
    for name in ("gdpr-default", "read-mostly-agent"):
        shutil.copy(ROOT / "policies" / f"{name}.cedar", folder)
    classified = {"public.members.dob": "birth-date", "public.members.email": "email"}
    return world.gateway(
        "counted",
        database=DATABASE,
        policies=folder,
        classified=classified,
        accounts=ACCOUNTS,
    )


_readers = itertools.count(1)


@pytest.fixture
def reader(gateway: Gateway) -> str:
    """A person who has used nothing today: what another test used is not what refuses."""
    name = f"reader-{next(_readers)}"
    gateway.run("accounts", "add", name, "--kind", "person", "--group", "analysts")
    return name


@pytest.fixture
def target(gateway: Gateway, reader: str) -> Target:
    return gateway.target(reader, "planner", purpose="support")


@pytest.fixture
def person(gateway: Gateway, reader: str) -> Target:
    """Themselves, without an agent."""
    return gateway.target(reader, purpose="support")


def halves() -> list[list[str]]:
    """For each bit of a day's number: the days that have it."""
    first = datetime.date(1950, 1, 1)
    bits = (DAYS - 1).bit_length()
    return [
        [str(first + datetime.timedelta(n)) for n in range(DAYS) if n >> bit & 1]
        for bit in range(bits)
    ]


def in_list(days: list[str]) -> str:
    return ", ".join(f"'{day}'" for day in days)


def in_rows(days: list[str]) -> str:
    return ", ".join(f"('{day}'::date)" for day in days)


# `{list}`: quoted days; `{rows}`: the same as rows; `{array}`: as an array's text.
ORACLES = {
    "in-list": "select json_agg(id) from members where dob in ({list})",
    "any-array": "select json_agg(id) from members where dob = any ('{array}'::date[])",
    "any-array-built": "select json_agg(id) from members where dob = any (array[{list}]::date[])",
    "join-on-values": "select json_agg(id) from members join (values {rows}) v(d) on dob = v.d",
    "in-values": "select json_agg(id) from members where dob in (values {rows})",
    "using-values": "select json_agg(id) from members join (values {rows}) v(dob) using (dob)",
    "unnest": "select json_agg(id) from members, unnest('{array}'::date[]) d where dob = d",
    "exists": (
        "select json_agg(id) from members m where exists "
        "(select 1 from (values {rows}) v(d) where v.d = m.dob)"
    ),
    "case": "select json_agg(case when dob in ({list}) then id end) from members",
    "case-simple": "select json_agg(case dob in ({list}) when true then id end) from members",
    "filter-clause": "select json_agg(id) filter (where dob in ({list})) from members",
    "boolean-column": "select string_agg((dob in ({list}))::int::text, '' order by id) "
    "from members",
    "group-by": "select array_agg(id) from members group by dob in ({list})",
    "order-by": "select id from members order by dob in ({list}), id limit 900",
    "having": "select id from members group by id, dob having dob in ({list}) limit 900",
    "array-agg": "select array_agg(id) from members where dob in ({list})",
    "object-agg": "select jsonb_object_agg(id, 1) from members where dob in ({list})",
    "string-agg": "select string_agg(id::text, ',') from members where dob in ({list})",
    "xml-agg": "select xmlagg(xmlelement(name i, id)) from members where dob in ({list})",
    "intersect": (
        "select json_agg(id) from members m where exists "
        "(select m.dob intersect select * from (values {rows}) v(d))"
    ),
    "not-distinct": (
        "select json_agg(id) from members m, (values {rows}) v(d) where dob is not distinct from d"
    ),
    "row-comparison": "select json_agg(id) from members where (dob, 1) in (select d, 1 from "
    "(values {rows}) v(d))",
    "not-in": "select json_agg(id) from members where dob not in ({list})",
    "nullif": "select json_agg(id) from members where nullif(dob in ({list}), false)",
    "set-bits": "select bit_or((1::bit(2048)) << id) from members where dob in ({list})",
    "two-aggregates": "select sum(id), sum(id * id), count(*) from members where dob in ({list})",
}


def asked(target: Target, oracle: str, sessions: str) -> int:
    """How many of the statements were answered; a new session for each, or one for all."""
    answered = 0
    wire = None
    for days in halves():
        if wire is None or sessions == "many":
            wire = Wire.open(target, **REFUSING)
        array = "{" + ",".join(days) + "}"
        sql = oracle.replace("{list}", in_list(days)).replace("{rows}", in_rows(days))
        reply = wire.query(sql.replace("{array}", array))
        answered += not reply.errors
        if sessions == "many":
            wire.terminate()
    return answered


@each(ORACLES)
def test_a_binary_search_is_stopped(target: Target, case: str) -> None:
    """Nine statements that tell a bit of every birth date each: the budget ends before them."""
    assert asked(target, case, "one") < len(halves())


def test_a_binary_search_over_sessions_is_stopped(target: Target) -> None:
    """A new session for each statement does not begin a new budget."""
    assert asked(target, ORACLES["in-list"], "many") < len(halves())


def test_one_question_about_one_person_passes(person: Target) -> None:
    """A budget leaves room for what people do: one value, compared once, finds its rows."""
    with Wire.open(person, **REFUSING) as wire:
        reply = wire.query("select id, city from members where email = 'nobody@example.org'")
        assert not reply.errors, reply.errors


PACKED = {
    "json-agg": "select json_agg(o) from parcels o",
    "json-agg-columns": "select json_agg(json_build_object('i', id, 'a', article)) from parcels",
    "jsonb-agg": "select jsonb_agg(id) from parcels",
    "array-agg": "select array_agg(id) from parcels",
    "array-subquery": "select array(select article || id from parcels)",
    "string-agg": "select string_agg(id || article, ',') from parcels",
    "object-agg": "select jsonb_object_agg(id, article) from parcels",
    "xml-agg": "select xmlagg(xmlelement(name p, id)) from parcels",
    "row-array": "select array_agg(o) from parcels o",
    "by-group": "select article, array_agg(id) from parcels group by article",
    "window": "select array_agg(id) over () from parcels limit 1",
    "scalar-in-a-row": "select 1, (select json_agg(o) from parcels o)",
    "query-to-xml": "select query_to_xml('select * from parcels', true, true, '')",
    "table-to-xml": "select table_to_xml('parcels', true, true, '')",
    "concatenated": "select a.s || b.s from (select string_agg(id::text, ',') s from parcels where "
    "id < 10000) a, (select string_agg(id::text, ',') s from parcels where id >= 10000) b",
    "copy": "copy (select json_agg(o) from parcels o) to stdout",
    "halves": "select json_agg(o) filter (where id < 10000), json_agg(o) filter (where "
    "id >= 10000) from parcels o",
    "sliced": "select substr(string_agg(id::text, ','), 1, 100000) from parcels",
    "bytes": "select string_agg(id::text::bytea, ',') from parcels",
    "multirange": "select range_agg(int4range(id, id + 1)) from parcels where id % 2 = 0",
}


@each(
    PACKED,
    not_yet(
        "values inside bytea are not counted",
        "bytes",
    ),
)
def test_many_rows_in_one_are_many(target: Target, case: str) -> None:
    """20,000 rows packed into one answer are past `review above 1,000 rows`."""
    with Wire.open(target, **REFUSING) as wire:
        reply = wire.query(case)
        size = sum(len(cell or b"") for row in reply.rows for cell in row) + len(reply.copied)
        assert reply.errors, f"{size} bytes came"
        assert reply.sqlstate == "42501" and size < 20_000


COUNTED = {
    "count": "select count(*), sum(price), avg(price) from parcels",
    "group": "select article, count(*), sum(price) from parcels group by article",
    "small-json": "select json_agg(o) from (select * from parcels order by id limit 20) o",
}


@each(COUNTED)
def test_aggregates_that_tell_little_pass(person: Target, case: str) -> None:
    """Sums and counts over all rows are one answer, not 20,000."""
    with Wire.open(person, **REFUSING) as wire:
        assert not (errors := wire.query(case).errors), errors


@dataclass(frozen=True)
class Paging:
    page: str
    pages: int


PAGES = {
    "keyset": Paging("select * from parcels where id > {} order by id limit 900", 900),
    "offset": Paging("select * from parcels order by id offset {} limit 900", 900),
    "cursor": Paging("select * from parcels where id > {} limit 900", 900),
    "modulo": Paging("select * from parcels where id % 23 = {} % 23", 1),
    "copied": Paging(
        "copy (select * from parcels where id > {} order by id limit 900) to stdout", 900
    ),
}


@each(PAGES)
def test_pages_of_many_sessions_add_up(target: Target, case: Paging) -> None:
    """All rows of a table through a new session for each page are past the day's budget."""
    got = 0
    for page in range(23):
        with Wire.open(target, **REFUSING) as wire:
            reply = wire.query(case.page.format(page * case.pages))
            got += len(reply.rows) + reply.copied.count(b"\n")
            if reply.errors:
                assert reply.sqlstate == "42501"
                break
    assert got < ROWS, "the whole table came, page by page"


CLOSED = {
    "role-settings": "select setconfig from pg_db_role_setting",
    "role-settings-unnested": "select unnest(setconfig) from pg_db_role_setting",
    "role-config": "select rolconfig from pg_roles",
    "user-config": "select useconfig from pg_user",
    "source": "select prosrc from pg_proc where proname = 'guarded'",
    "source-body": "select pg_get_functiondef('guarded()'::regprocedure)",
    "source-sql-body": "select pg_get_function_sqlbody(oid), prosrc from pg_proc where proname = "
    "'guarded'",
    "source-standard": "select routine_definition from information_schema.routines where "
    "routine_name = 'guarded'",
    "source-whole-row": "select p from pg_proc p where proname = 'guarded'",
    "source-as-json": "select to_json(p) from pg_proc p where proname = 'guarded'",
    "source-compared": "select count(*) from pg_proc where prosrc like '%zq7marker%'",
    "trigger-source": "select prosrc from pg_proc where proname = 'fires'",
    "user-mapping": "select umoptions from pg_user_mappings",
    "user-mapping-table": "select umoptions from pg_user_mapping",
    "user-mapping-standard": "select option_value from information_schema.user_mapping_options",
    "server-options": "select srvoptions from pg_foreign_server",
    "subscription": "select subconninfo from pg_subscription",
    "statistics": "select most_common_vals, histogram_bounds from pg_stats "
    "where tablename = 'members'",
    "statistics-table": "select stavalues1 from pg_statistic",
    "activity": "select query from pg_stat_activity",
    "activity-function": "select query from pg_stat_get_activity(null)",
    "settings": "select current_setting('app.key', true), current_setting('app.other', true)",
    "settings-table": "select setting, reset_val from pg_settings where name like 'app.%'",
    "settings-function": "select * from pg_show_all_settings() where name like 'app.%'",
    "settings-file": "select * from pg_file_settings",
    "show": "show app.other",
    "show-all": "show all",
    "access-rules": "select options from pg_hba_file_rules",
}


@each(
    CLOSED,
)
def test_catalogs_that_hold_settings_code_or_data(target: Target, case: str) -> None:
    """What masks hide elsewhere is not readable in a catalog, and not searchable either."""
    with Wire.open(target, **REFUSING) as wire:
        reply = wire.query(case)
        assert not found_in(reply.raw), reply.rows[:2]
        assert b"1950-" not in reply.raw and b"1951-" not in reply.raw, reply.rows[:2]
        if "count(*)" in case:
            assert reply.rows != [[b"1"]]
