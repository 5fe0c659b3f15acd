"""Class A at a hot standby: definitions change on the primary, and snapshots of a standby do not
say which transactions are under way."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.paths import E2E
from harness.postgres import Postgres
from harness.waiting import until
from harness.wire import Wire
from harness.world import World

pytestmark = pytest.mark.gateway
MADE = """\
create table base (id integer, note text, email text);
insert into base select g, 'ok' || g, 'ann' || g || '@leak.example' from generate_series(1, 3) g;
create table passes_by (id integer);
create view shown as select id, note from base;
grant select on all tables in schema public to portreeve;
"""
TO_RAW = "create or replace view shown as select id, email as note from base"
TO_CLEAN = "create or replace view shown as select id, note from base"


@dataclass
class Pair:
    """A primary that somebody works on, and a gateway in front of its standby."""

    primary: Postgres
    standby: Postgres
    gateway: Gateway

    def connect(self) -> psycopg.Connection:
        server = self.primary
        where = f"host={server.directory} port={server.port} user=postgres dbname=shop"
        return psycopg.connect(where)

    def follows(self) -> None:
        """Until the standby has replayed what the primary has written."""
        at = self.primary.admin("select pg_current_wal_flush_lsn()")
        behind = f"select pg_last_wal_replay_lsn() >= '{at}'"
        until("the standby follows", lambda: self.standby.admin(behind) == "t", 15)


@pytest.fixture(scope="module")
def pair(world: World) -> Iterator[Pair]:
    primary = Postgres(world.directory / "primary", can_be_followed=True)
    standby = None
    try:
        # What is committed is written at once: a standby gets what is written.
        primary.admin("alter system set synchronous_commit = on")
        primary.admin("select pg_reload_conf()")
        primary.admin(f"create role portreeve superuser login password '{primary.password}'")
        primary.admin("create database shop")
        primary.admin("", database="shop", file=E2E / "sql" / "shop.sql")
        primary.admin(MADE, database="shop")
        standby = Postgres(world.directory / "standby", primary=primary)
        classified = {"public.base.email": "email"}
        gateway = world.gateway(
            "standby-gateway", server=standby, classified=classified, unclassified='{ clear: "only lineage and the fence are tried" }'
        )
        yield Pair(primary, standby, gateway)
    finally:
        if standby:
            standby.stop()
        primary.stop()


READS = {"view": "select note from shown", "computed": "select note || '' from shown"}


@each(READS)
def test_a_change_between_two_others_is_noticed(pair: Pair, case: str) -> None:
    """The changing transaction is neither the oldest that runs nor the last that has ended."""
    with pair.connect() as oldest, pair.connect() as changing, Wire.open(
        pair.gateway.target("alice")
    ) as wire:
        clean = [[b"ok1"], [b"ok2"], [b"ok3"]]
        until("the definitions are known", lambda: wire.query(case).rows == clean, 15)
        oldest.execute("select pg_current_xact_id()")
        changing.execute(TO_RAW)
        pair.primary.admin("insert into passes_by values (1)", database="shop")
        pair.follows()
        # It is asked for all that is known to be of use.
        assert wire.query("select count(*) from passes_by").rows
        changing.commit()
        pair.follows()
        for _ in range(3):
            reply = wire.query(case)
            assert b"@leak" not in reply.raw, reply.raw
        oldest.rollback()
    pair.primary.admin(TO_CLEAN, database="shop")
    pair.follows()


def test_a_standby_is_read_and_not_written(pair: Pair) -> None:
    """What a standby refuses, it refuses in its own words."""
    with Wire.open(pair.gateway.target("walt")) as wire:
        assert not wire.query("select count(*) from orders").errors
        [error] = wire.query("create table work.made (id integer)").errors
        assert error["C"] == "25006", error
        assert not wire.query("select 1").errors
