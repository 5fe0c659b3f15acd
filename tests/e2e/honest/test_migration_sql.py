"""The statements of tools that are not run here, as they send them, for a developer."""

import pytest
from harness.cases import each
from harness.gateway import Gateway
from harness.target import Target
from harness.wire import Wire
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
DATABASE = "migration_sql"

# Each is one session; what it makes it takes away.
SCRIPTS = {
    "prisma-lock": ("SELECT pg_advisory_lock(72707369)", "SELECT pg_advisory_unlock(72707369)"),
    "prisma-table": (
        "CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64)"
        " NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT, "
        "rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(), "
        "applied_steps_count INTEGER NOT NULL DEFAULT 0)",
        "DROP TABLE _prisma_migrations",
    ),
    "prisma-script": (
        'CREATE TYPE "PrRole" AS ENUM (\'USER\', \'ADMIN\'); CREATE TABLE "PrUser" ("id" SERIAL '
        'NOT NULL, "role" "PrRole" NOT NULL DEFAULT \'USER\', CONSTRAINT "PrUser_pkey" PRIMARY KEY '
        '("id")); CREATE UNIQUE INDEX "PrUser_role_key" ON "PrUser"("role")',
        'INSERT INTO "PrUser" ("role") VALUES (CAST(\'ADMIN\'::text AS "PrRole")) RETURNING "id"',
        'SELECT "public"."PrUser"."id", "public"."PrUser"."role"::text FROM "public"."PrUser" '
        "WHERE 1=1 LIMIT 10 OFFSET 0",
        'DROP TABLE "PrUser"; DROP TYPE "PrRole"',
    ),
    "prisma-version": ("SELECT version()", "SELECT current_setting('server_version_num')::integer"),
    "prisma-namespaces": (
        "SELECT namespace.nspname AS namespace_name FROM pg_namespace AS namespace "
        "WHERE namespace.nspname = ANY (ARRAY['public'])",
    ),
    "prisma-tables": (
        "SELECT tbl.relname AS table_name, namespace.nspname AS namespace, (tbl.relhassubclass AND "
        "tbl.relkind = 'p') AS is_partition, obj_description(tbl.oid, 'pg_class') AS description "
        "FROM pg_class AS tbl INNER JOIN pg_namespace AS namespace ON namespace.oid = "
        "tbl.relnamespace WHERE tbl.relkind IN ('r', 'p') AND namespace.nspname = ANY "
        "(ARRAY['public']) ORDER BY namespace, table_name",
    ),
    "prisma-columns": (
        "SELECT oid.namespace, info.table_name, info.column_name, format_type(att.atttypid, "
        "att.atttypmod) AS formatted_type, info.numeric_precision, info.udt_name, "
        "pg_get_expr(attdef.adbin, attdef.adrelid) AS column_default, info.is_nullable, "
        "info.is_identity FROM information_schema.columns info JOIN pg_attribute att ON "
        "att.attname = info.column_name JOIN (SELECT pg_class.oid, relname, pg_namespace.nspname "
        "AS namespace FROM pg_class JOIN pg_namespace on pg_namespace.oid = pg_class.relnamespace) "
        "AS oid on oid.oid = att.attrelid AND relname = info.table_name AND namespace = "
        "info.table_schema LEFT JOIN pg_attrdef attdef ON attdef.adrelid = att.attrelid AND "
        "attdef.adnum = att.attnum WHERE table_schema = ANY (ARRAY['public']) ORDER BY "
        "namespace, table_name, ordinal_position",
    ),
    "prisma-keys": (
        "SELECT con.oid AS con_id, att2.attname AS child_column, cl.relname AS parent_table, "
        "con.confdeltype, conname FROM (SELECT unnest(con1.conkey) AS parent, unnest(con1.confkey) "
        "AS child, con1.oid, con1.confrelid, con1.conrelid, con1.conname, con1.confdeltype FROM "
        "pg_class cl JOIN pg_constraint con1 ON con1.conrelid = cl.oid WHERE con1.contype = 'f') "
        "con JOIN pg_attribute att2 ON att2.attrelid = con.conrelid AND att2.attnum = con.parent "
        "JOIN pg_class cl ON cl.oid = con.confrelid",
    ),
    "prisma-sequences": (
        "SELECT sequencename AS sequence_name, schemaname, start_value, min_value, max_value, "
        "increment_by, cycle, cache_size FROM pg_sequences WHERE schemaname = 'public'",
    ),
    "prisma-procedures": (
        "SELECT p.proname AS name, n.nspname AS namespace FROM pg_proc p LEFT JOIN pg_namespace n "
        "ON p.pronamespace = n.oid WHERE n.nspname = 'public' AND p.prokind NOT IN ('a', 'w')",
    ),
    "prisma-read": (
        'SELECT "public"."orders"."id", "public"."orders"."article" FROM "public"."orders" WHERE '
        '("public"."orders"."id" = 1 AND 1=1) LIMIT 1 OFFSET 0',
    ),
    "rails-session": (
        "SET client_min_messages TO 'warning'",
        "SET standard_conforming_strings = on",
        "SET intervalstyle = iso_8601",
        "SET SESSION timezone TO 'UTC'",
        "SHOW max_identifier_length",
        "SHOW search_path",
    ),
    "rails-types": (
        "SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, "
        "t.typbasetype FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid WHERE t.typname "
        "IN ('int2', 'int4', 'text', 'bool', 'jsonb')",
    ),
    "rails-migrate": (
        'CREATE TABLE "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY)',
        "SELECT pg_try_advisory_lock(4150331812345)",
        "BEGIN",
        'CREATE TABLE "rl_posts" ("id" bigserial primary key, "title" character varying, '
        '"created_at" timestamp(6) NOT NULL)',
        'CREATE INDEX "index_rl_posts_on_title" ON "rl_posts" ("title")',
        'ALTER TABLE "rl_posts" ADD "views" integer DEFAULT 0 NOT NULL',
        'INSERT INTO "schema_migrations" ("version") VALUES (\'1\') RETURNING "version"',
        "COMMIT",
        "SELECT pg_advisory_unlock(4150331812345)",
        'DROP TABLE "rl_posts", "schema_migrations"',
    ),
    "rails-columns": (
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), "
        "a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) "
        "AS comment, attidentity AS identity, attgenerated as attgenerated FROM pg_attribute a "
        "LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum LEFT JOIN pg_type t "
        "ON a.atttypid = t.oid LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation "
        "<> t.typcollation WHERE a.attrelid = '\"orders\"'::regclass AND a.attnum > 0 AND NOT "
        "a.attisdropped ORDER BY a.attnum",
    ),
    "rails-save": (
        "BEGIN",
        'SELECT "orders".* FROM "orders" WHERE "orders"."id" = 1 LIMIT 1 FOR UPDATE',
        'UPDATE "orders" SET "quantity" = 3 WHERE "orders"."id" = 1',
        "ROLLBACK",
    ),
    "flyway": (
        "SELECT current_user",
        "SET ROLE portreeve",
        "SELECT set_config('search_path', 'public', false)",
        "SELECT pg_try_advisory_lock(77)",
        'CREATE TABLE "public"."flyway_schema_history" ("installed_rank" INT NOT NULL, "version" '
        'VARCHAR(50), "script" VARCHAR(1000) NOT NULL, "installed_by" VARCHAR(100) NOT NULL, '
        '"installed_on" TIMESTAMP NOT NULL DEFAULT now(), "success" BOOLEAN NOT NULL)',
        'ALTER TABLE "public"."flyway_schema_history" ADD CONSTRAINT "flyway_pk" PRIMARY KEY '
        '("installed_rank")',
        'CREATE INDEX "flyway_s_idx" ON "public"."flyway_schema_history" ("success")',
        "SELECT COUNT(*) FROM pg_namespace WHERE nspname = 'public'",
        'DROP TABLE "public"."flyway_schema_history"',
        "SELECT pg_advisory_unlock(77)",
    ),
    "dbmate": (
        "select pg_try_advisory_lock(1)",
        "create table if not exists public.dbmate_migrations (version varchar(128) primary key)",
        "begin",
        "create table dm_users (id serial, name varchar(255))",
        "insert into public.dbmate_migrations (version) values ('1')",
        "commit",
        "drop table dm_users; drop table dbmate_migrations",
    ),
    "goose": (
        "BEGIN",
        "CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "
        "version_id bigint NOT NULL, tstamp timestamp NOT NULL DEFAULT now())",
        "INSERT INTO goose_db_version (version_id) VALUES (0)",
        "COMMIT",
        "DROP TABLE goose_db_version",
    ),
    "hibernate": (
        "create sequence hb_seq start with 1 increment by 50",
        "create table hb_item (id bigint not null, name varchar(255), primary key (id))",
        "select nextval('hb_seq')",
        "insert into hb_item (name,id) values ('a',1)",
        "select i1_0.id,i1_0.name from hb_item i1_0 where i1_0.id=1 for no key update",
        "update hb_item set name='b' where id=1",
        "drop table if exists hb_item cascade; drop sequence if exists hb_seq",
    ),
    "pandas-to-sql": (
        "BEGIN",
        'CREATE TABLE pd_frame ("index" BIGINT, a BIGINT, b TEXT)',
        'CREATE INDEX "ix_pd_frame_index" ON pd_frame ("index")',
        "INSERT INTO pd_frame (\"index\", a, b) VALUES (0, 1, 'x')",
        "COMMIT",
        "DROP TABLE pd_frame",
    ),
    "postgrest": (
        "begin isolation level read committed read only",
        "select set_config('search_path', 'public', true), set_config('request.jwt.claims', "
        "'{\"role\":\"web\"}', true), set_config('request.method', 'GET', true)",
        "with pgrst_source as (select id, article from orders limit 3) select null::bigint as "
        "total_result_set, pg_catalog.count(_postgrest_t) as page_total, "
        "coalesce(json_agg(_postgrest_t), '[]') as body from (select * from pgrst_source) "
        "_postgrest_t",
        "commit",
    ),
    "queue-skip-locked": (
        "begin",
        "with next as (select id from work.items order by id for update skip locked limit 1) "
        "update work.items i set qty = 1 from next where i.id = next.id returning i.id",
        "commit",
    ),
}


@pytest.fixture(scope="module")
def dev(world: World) -> Target:
    gateway: Gateway = honest_gateway(world, DATABASE)
    return gateway.target("dev")


@pytest.fixture(scope="module")
def direct(world: World) -> Target:
    """A database of its own, so that nothing changes behind the gateway."""
    name = "migration_direct"
    world.admin(f"create database {name} template shop_template", database="postgres")
    return world.direct("portreeve", name)


def first_error(target: Target, statements: tuple[str, ...]) -> object:
    with Wire.open(target) as wire:
        for statement in statements:
            reply = wire.query(statement)
            if reply.errors:
                return statement, reply.errors[0]
    return None


@each(SCRIPTS)
def test_a_script_passes(direct: Target, dev: Target, case: tuple[str, ...]) -> None:
    """H7: what passes on a direct connection passes for who may do everything."""
    assert first_error(direct, case) is None
    failed = first_error(dev, case)
    assert failed is None, failed
