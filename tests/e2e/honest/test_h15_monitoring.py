"""H15: counters and metadata of the server are there for who may read the resource."""

import pytest
from harness.cases import each
from harness.target import Target
from harness.wire import Wire
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "watched"


@pytest.fixture(scope="module")
def anna(world: World) -> Target:
    return honest_gateway(world, DATABASE).target("anna")


QUESTIONS = {
    "prepared-transactions": "select gid, owner from pg_prepared_xacts",
    "wal": "select wal_records, wal_bytes from pg_stat_wal",
    "bgwriter": "select checkpoints_timed, buffers_alloc from pg_stat_bgwriter",
    "archiver": "select archived_count, failed_count from pg_stat_archiver",
    "ssl": "select pid, ssl, version from pg_stat_ssl",
    "gssapi": "select pid, gss_authenticated from pg_stat_gssapi",
    "slots": "select slot_name, active from pg_replication_slots",
    "replication": "select pid, state, sent_lsn from pg_stat_replication",
    "database": "select datname, numbackends, xact_commit, blks_hit from pg_stat_database",
    "conflicts": "select datname, confl_lock from pg_stat_database_conflicts",
    "tables": "select relname, seq_scan, n_live_tup, last_vacuum from pg_stat_user_tables",
    "indexes": "select indexrelname, idx_scan from pg_stat_user_indexes",
    "io-tables": "select relname, heap_blks_read from pg_statio_user_tables",
    "functions": "select funcname, calls from pg_stat_user_functions",
    "slru": "select name, blks_hit from pg_stat_slru",
    "vacuum-progress": "select pid, phase from pg_stat_progress_vacuum",
    "index-progress": "select pid, phase from pg_stat_progress_create_index",
    "locks": "select locktype, mode, granted, count(*) from pg_locks group by 1, 2, 3",
    "activity-states": "select state, wait_event_type, count(*) from pg_stat_activity "
    "group by 1, 2",
    "activity-ages": "select max(extract(epoch from now() - xact_start)) from pg_stat_activity",
    "sizes": "select pg_database_size(current_database()), pg_total_relation_size('orders')",
    "size-pretty": "select pg_size_pretty(pg_relation_size('orders'))",
    "wal-position": "select pg_current_wal_lsn() is not null",
    "wal-difference": "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') > 0",
    "in-recovery": "select pg_is_in_recovery()",
    "start": "select pg_postmaster_start_time() < now()",
    "transaction-age": "select datname, age(datfrozenxid) from pg_database",
    "settings-numeric": "select name, setting, unit from pg_settings where vartype = 'integer'",
    "settings-bool": "select name, setting from pg_settings where vartype = 'bool'",
    "version": "select version(), current_setting('server_version_num')",
    "extensions": "select extname, extversion from pg_extension",
    "available-extensions": "select name, default_version from pg_available_extensions",
    "columns": "select table_name, column_name, data_type from information_schema.columns "
    "where table_schema = 'public'",
    "keys": "select conname, contype, pg_get_constraintdef(oid) from pg_constraint",
    "indexes-definitions": "select indexname, indexdef from pg_indexes where schemaname = 'public'",
    "views": "select viewname, definition from pg_views where schemaname = 'public'",
    "comments": "select obj_description(oid, 'pg_class') from pg_class where relkind = 'r'",
    "types": "select typname, typtype, typcategory from pg_type where typnamespace = 11",
    "enums": "select enumlabel from pg_enum",
    "roles": "select rolname, rolsuper, rolcanlogin from pg_roles",
    "publications": "select pubname from pg_publication",
    "event-triggers": "select evtname from pg_event_trigger",
    "tablespaces": "select spcname from pg_tablespace",
    "user-mappings-none": "select srvname from pg_foreign_server",
    "backends": "select pg_backend_pid() > 0, inet_server_port() is not null or true",
    "exporter-replication": "select extract(epoch from now() - pg_last_xact_replay_timestamp()) "
    "as lag, pg_is_in_recovery()",
    "exporter-statements-missing": "select 1 from pg_class where relname = 'pg_stat_statements'",
    "estimates": "select reltuples::bigint, relpages from pg_class where relname = 'orders'",
    "has-privilege": "select has_table_privilege('orders', 'select')",
}


@each(QUESTIONS)
def test_counters_are_readable(anna: Target, world: World, case: str) -> None:
    """The question is answered, and its cells are not masked away."""
    plain_cells = empty_cells(world.direct("portreeve", DATABASE), case)
    assert empty_cells(anna, case) == plain_cells, "cells came back as NULL"


def empty_cells(target: Target, sql: str) -> list[bool]:
    """By column: whether all its cells are NULL."""
    with Wire.open(target) as wire:
        reply = wire.query(sql)
        assert not reply.errors, reply.errors
        rows = reply.rows
    assert b"[personal]" not in b" ".join(cell or b"" for row in rows for cell in row)
    return [all(cell is None for cell in column) for column in zip(*rows, strict=True)]
