"""Class B: code that runs unseen is code.

Each case makes the target run a function that the statement does not name. All of them leave a
trace in a sequence, which no rollback takes back. Without the resolution of implicit calls the
function runs for somebody who may not `execute` anything.
"""

from dataclasses import dataclass

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.wire import SYNC, Wire, bind_message, execute_message, frame, parse_message
from harness.world import World

from security.scene import own_database

pytestmark = pytest.mark.gateway
DATABASE = "unseen"

MADE = """\
create sequence trace;
create function leave(text) returns text language plpgsql immutable as $$
    begin perform nextval('trace'); return (select email from customers order by id limit 1);
    end $$;
create function leave2(text, text) returns text language sql immutable as $$ select leave($1) $$;
create function says(text) returns boolean language plpgsql immutable as $$
    begin perform nextval('trace'); return true; end $$;
create function says2(text, text) returns boolean language sql immutable as $$ select says($1) $$;
create function counts(text) returns integer language plpgsql immutable as $$
    begin perform nextval('trace'); return 1; end $$;
create function fires() returns trigger language plpgsql as $$
    begin perform nextval('trace'); return new; end $$;
create function carries(victim) returns text language sql stable as $$ select leave($1.v) $$;
create operator -> (leftarg = text, rightarg = text, procedure = leave2);
create operator !!! (rightarg = text, procedure = leave);
create operator ~~~ (leftarg = text, rightarg = text, procedure = says2);
create type boxed as (v text);
create function box(integer) returns boxed language sql immutable as
    $$ select row(leave('x'))::boxed $$;
create cast (integer as boxed) with function box(integer);
create function unbox(boxed) returns text language sql immutable as $$ select leave('x') $$;
create cast (boxed as text) with function unbox(boxed) as assignment;
create domain checked as text check (says(value));
create domain checked_deep as checked;
create type holder as (v checked, n integer);
create type spanned as range (subtype = text);
create function gather(text, text) returns text language sql immutable as $$ select leave($2) $$;
create aggregate own_sum(text) (sfunc = gather, stype = text, initcond = '');
create function ends(text) returns text language sql immutable as $$ select leave($1) $$;
create aggregate own_end(text) (sfunc = textcat, stype = text, finalfunc = ends, initcond = '');
create table work.defaulted (id integer, v text default leave('x'));
create table work.generated (id integer, s text, v text generated always as (leave(s)) stored);
create table work.indexed (id integer, v text);
create index by_leave on work.indexed (leave(v));
create table work.partial_index (id integer, v text);
create index by_says on work.partial_index (id) where says(v);
create table work.parted (id integer, v text) partition by list (counts(v));
create table work.parted_1 partition of work.parted default;
create table work.parted_7 partition of work.parted for values in (7);
create table work.constrained (id integer, v text check (says(v)));
create table work.triggered (id integer, v text);
create trigger t before insert or update on work.triggered for each row execute function fires();
create table work.ruled (id integer, v text);
create rule r as on insert to work.ruled do also select leave(new.v);
create table work.domained (id integer, v checked);
create table parts (id integer, a checked[], h holder);
create table work.boxed_column (id integer, v boxed);
create table work.text_column (id integer, v text);
create table work.watched (id integer, v text);
insert into work.watched values (1, 'x');
alter table work.watched enable row level security;
create policy p on work.watched using (says(v));
create view calls as select id, leave(v) as v from victim;
create view calls_by_operator as select id, v -> v as v from victim;
create view filters as select id from victim where v ~~~ v;
create materialized view work.calls_stored as select id, leave(v) as v from victim with no data;
create function most() returns integer language plpgsql immutable as $$
    begin perform nextval('trace'); return 9; end $$;
create function below(integer) returns boolean language sql immutable as
    $$ select $1 < public.most() $$;
create table work.planned_check (id integer check (id < most()));
create table work.planned_index (id integer);
create index by_most on work.planned_index (id) where id < most();
create table work.planned_key (id integer);
create index by_key on work.planned_key ((id + counts('x')));
create table work.planned_statistics (id integer, n integer);
create statistics work.planned_of on (id + most()), n from work.planned_statistics;
create table work.unfolded (id integer check (below(id)));
insert into work.planned_index values (1);
create table work.honest (id integer, v text check (says(v)));
create index on work.honest (leave(v));
create function later() returns event_trigger language plpgsql as $$
    begin perform nextval('trace'); end $$;
create role clerk login password '@password';
grant usage on schema public, work to clerk;
grant all on all tables in schema public, work to clerk;
grant all on all sequences in schema public, work to clerk;
alter sequence trace restart;
"""


@dataclass(frozen=True)
class Hidden:
    sql: str
    setup: tuple[str, ...] = ()


def hidden(sql: str, *setup: str) -> Hidden:
    return Hidden(sql, setup)


READS = {
    "operator": hidden("select v -> 'a' from victim"),
    "operator-prefix": hidden("select !!! v from victim"),
    "operator-qualified": hidden("select v operator(public.->) 'a' from victim"),
    "operator-in-where": hidden("select id from victim where v ~~~ 'a'"),
    "operator-in-any": hidden("select id from victim where v ~~~ any (array['a'])"),
    "operator-in-order": hidden("select id from victim order by v -> 'a'"),
    "operator-in-join": hidden("select a.id from victim a join v2 b on a.v ~~~ b.v"),
    "operator-in-limit": hidden("select id from victim limit (case when 'a' ~~~ 'b' then 1 end)"),
    "operator-in-filter": hidden("select count(*) filter (where v ~~~ 'a') from victim"),
    "cast": hidden("select 1::boxed"),
    "cast-function-form": hidden("select cast(id as boxed) from victim"),
    "cast-out": hidden("select row('x')::boxed::text"),
    "domain": hidden("select 'x'::checked"),
    "domain-of-a-domain": hidden("select 'x'::checked_deep"),
    "domain-in-an-array": hidden("select '{x,y}'::checked[]"),
    "domain-in-a-composite": hidden("select row('x', 1)::holder"),
    "domain-in-a-composite-text": hidden("select '(x,1)'::holder"),
    "domain-in-an-array-of-composites": hidden("select array[row('x', 1)]::holder[]"),
    "domain-from-json": hidden(
        'select * from json_populate_record(null::holder, \'{"v": "x", "n": 1}\')'
    ),
    "domain-from-json-columns": hidden("select * from json_to_record('{\"v\": 1}') r(v checked)"),
    "domain-beside-an-array": hidden("select id from parts where a = '{x}'"),
    "domain-beside-a-row": hidden("select coalesce(h, '(x,1)') from parts"),
    "domain-in-a-call": hidden("select array_append(a, 'x') from parts"),
    "domain-in-a-union": hidden("select a from parts union select '{x}'"),
    "domain-typed-literal": hidden("select checked 'x'"),
    "aggregate": hidden("select own_sum(v) from victim"),
    "aggregate-final": hidden("select own_end(v) from victim"),
    "aggregate-window": hidden("select own_sum(v) over (order by id) from victim"),
    "attribute-notation": hidden("select t.carries from victim t"),
    "attribute-in-parentheses": hidden("select (t).carries from victim t"),
    "view": hidden("select v from calls"),
    "view-by-operator": hidden("select v from calls_by_operator"),
    "view-that-filters": hidden("select id from filters"),
    "row-security": hidden("select id from work.watched"),
    "planner-check": hidden("select id from work.planned_check where id = 3"),
    "planner-check-excluded": hidden(
        "select id from work.planned_check where id = 30", "set constraint_exclusion = on"
    ),
    "planner-index": hidden("select id from work.planned_index"),
    "planner-index-key": hidden("select id from work.planned_key where id = 1"),
    "planner-statistics": hidden("select id from work.planned_statistics where id = 1"),
    "planner-unfolded": hidden("select id from work.unfolded"),
    "planner-union": hidden("select id from victim union all select id from work.planned_index"),
    "planner-explain": hidden("explain select id from work.planned_index where id = 4"),
    "planner-count": hidden("select count(*) from work.planned_index"),
    "in-values": hidden("values ('a'::text -> 'b'::text)"),
    "in-copy": hidden("copy (select v -> 'a' from victim) to stdout"),
    "in-a-cursor": hidden(
        "fetch all from c", "begin", "declare c cursor for select v -> 'a' from victim"
    ),
    "in-explain-analyze": hidden("explain analyze select v -> 'a' from victim"),
    "in-a-prepared-statement": hidden("execute q", "prepare q as select v -> 'a' from victim"),
}

WRITES = {
    "default": hidden("insert into work.defaulted (id) values (1)"),
    "default-word": hidden("insert into work.defaulted values (1, default)"),
    "default-row": hidden("insert into work.defaulted default values"),
    "default-on-update": hidden(
        "update work.defaulted set v = default", "insert into work.defaulted values (1, 'a')"
    ),
    "generated": hidden("insert into work.generated (id, s) values (1, 'a')"),
    "index-expression": hidden("insert into work.indexed values (1, 'a')"),
    "index-predicate": hidden("insert into work.partial_index values (1, 'a')"),
    "partition-key": hidden("insert into work.parted values (1, 'a')"),
    "check": hidden("insert into work.constrained values (1, 'a')"),
    "trigger": hidden("insert into work.triggered values (1, 'a')"),
    "rule": hidden("insert into work.ruled values (1, 'a')"),
    "domain-column": hidden("insert into work.domained values (1, 'a')"),
    "assignment-cast": hidden("insert into work.text_column select 1, row('a')::boxed"),
    "copy-into-default": hidden("copy work.defaulted (id) from stdin"),
    "copy-into-check": hidden("copy work.constrained from stdin"),
    "merge": hidden(
        "merge into work.triggered t using (values (1)) s(id) on t.id = s.id "
        "when not matched then insert values (s.id, 'a')"
    ),
    "partition-itself": hidden("insert into work.parted_1 values (1, 'a')"),
    "row-security-update": hidden("update work.watched set id = 2"),
    "returning-operator": hidden("insert into work.text_column values (1, 'a') returning v -> 'b'"),
    "add-column-default": hidden(
        "alter table work.text_column add column w text default leave('a')"
    ),
    "create-table-check": hidden("create table work.made as select 'x'::checked as v"),
    "refresh": hidden("refresh materialized view work.calls_stored"),
}


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    own_database(world, DATABASE, MADE.replace("@password", world.postgres.password))
    return world.gateway("unseen", database=DATABASE, role="clerk")


@pytest.fixture(scope="module")
def reads(gateway: Gateway) -> Target:
    return gateway.target("alice", "planner", "sql-agent")


@pytest.fixture(scope="module")
def writes(gateway: Gateway) -> Target:
    return gateway.target("walt")


def calls(world: World) -> int:
    sql = "select case when is_called then last_value else 0 end from trace"
    return int(world.admin(sql, database=DATABASE))


def ran_nothing(world: World, target: Target, case: Hidden) -> None:
    before = calls(world)
    with Wire.open(target) as wire:
        # What runs it may be refused where it is made.
        refused = [reply for sql in case.setup if (reply := wire.query(sql)).errors]
        if refused:
            reply = refused[0]
        elif case.sql.startswith("copy work"):
            wire.send(frame("Q", case.sql.encode() + b"\0"))
            reply = wire.reply(until="GZ")
            if not reply.errors:
                columns = b"7\n" if "(id)" in case.sql else b"7\ta\n"
                wire.send(frame("d", columns) + frame("c"))
                reply = wire.reply()
        else:
            reply = wire.query(case.sql)
        assert not found_in(wire.received), reply.rows[:1]
        assert calls(world) == before, f"it ran: {reply.kinds} {reply.errors}"
        # 0A000: what a rule does to a write is not known.
        assert reply.sqlstate in ("42501", "0A000"), f"not refused: {reply.kinds} {reply.errors}"


@each(READS)
def test_reading_runs_no_code_that_nobody_permitted(
    world: World, reads: Target, case: Hidden
) -> None:
    """A read that calls what is not a listed built-in needs `execute` on it."""
    ran_nothing(world, reads, case)


@each(WRITES)
def test_writing_runs_no_code_that_nobody_permitted(
    world: World, writes: Target, case: Hidden
) -> None:
    """The same for what a write sets off in the table that it writes to."""
    ran_nothing(world, writes, case)


def test_preparing_runs_no_code(world: World, reads: Target) -> None:
    """An immutable call is computed when a statement is planned, before any Execute."""
    before = calls(world)
    with Wire.open(reads) as wire:
        wire.send(parse_message("select 'a'::text -> 'b'::text", name="p") + SYNC)
        wire.reply()
        wire.query("explain select 'a'::text -> 'b'::text")
    assert calls(world) == before


@each({"array": ("a = $1", b"{x}"), "row": ("coalesce($1, h) is null", b"(x,1)")})
def test_parameters_run_no_code(world: World, reads: Target, case: tuple[str, bytes]) -> None:
    """One without a type takes that of what stands beside it, and is read when it is bound."""
    condition, value = case
    before = calls(world)
    with Wire.open(reads) as wire:
        wire.send(parse_message(f"select id from parts where {condition}", name="p") + SYNC)
        wire.reply()
        wire.send(bind_message([value], name="p") + execute_message() + SYNC)
        assert wire.reply().errors
    assert calls(world) == before


def test_a_slip_runs_no_code(world: World, reads: Target) -> None:
    """The target is not asked about a name either where reading the text would run a check."""
    before = calls(world)
    with Wire.open(reads) as wire:
        reply = wire.query("select coalesce(h, '(x,1)'), nosuch from parts")
        assert reply.sqlstate == "42703"
    assert calls(world) == before


BUILT_IN = {
    "operators": "select 1 + 2, 'a' || 'b', '{\"a\": 1}'::jsonb -> 'a'",
    "casts": "select '1'::integer, 1::text, now()::date",
    "aggregates": "select count(*), max(id), string_agg(v, ',') from victim",
    "window": "select row_number() over (order by id) from victim",
    "ranges": "select int4range(1, 5) @> 3",
    "regular-expressions": "select v ~ '^keep' from victim",
}


@each(BUILT_IN)
def test_built_ins_need_no_permission(reads: Target, case: str) -> None:
    """What PostgreSQL itself brings and is listed as harmless goes on passing."""
    with Wire.open(reads) as wire:
        reply = wire.query(case)
        assert reply.rows and not reply.errors, reply.errors


def test_what_needs_a_row_is_not_run_by_a_read(world: World, reads: Target) -> None:
    """A constraint and an index that call functions of a column: tables that people have."""
    before = calls(world)
    with Wire.open(reads) as wire:
        assert not (errors := wire.query("select id from work.honest where id = 1").errors), errors
    assert calls(world) == before
