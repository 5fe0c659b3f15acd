"""Masks of every type are values that columns of that type accept, in text and packed alike."""

import psycopg
import pytest
from harness.gateway import Gateway
from harness.world import World

from honest.scene import honest_gateway

pytestmark = pytest.mark.gateway
COLUMNS = (
    "b boolean, y bytea, n name, i8 bigint, i2 smallint, i4 integer, o oid, t text, j json, "
    "p point, l lseg, pa path, bx box, po polygon, li line, ci cidr, r4 real, "
    "r8 double precision, ce circle, m8 macaddr8, m macaddr, ip inet, ch char(5), v varchar(6), "
    "d date, ti time, ts timestamp, tz timestamptz, iv interval, tt timetz, bi bit(9), vb varbit, "
    "nu numeric, u uuid, ls pg_lsn, tv tsvector, tq tsquery, jb jsonb, ia integer[], ta text[], "
    "ma mood[], ir int4range, mr int4multirange, mo mood, cx citext, dm required, co pair"
)
VALUES = (
    "true, 'zq7', 'zq7', 917711, 917, 917711, 917711, 'zq7', '7', "
    "'(917,711)', '[(9,1),(7,1)]', '((9,1),(7,1))', '(9,1),(7,1)', '((9,1),(7,1))', '{9,1,7}', "
    "'9.17.7.11', 917, 917, '<(9,1),7>', '09:01:07:07:01:01:09:09', '09:01:07:07:01:01', "
    "'9.17.7.11', 'zq7', 'zq7', '1960-05-06', '09:17', '1960-05-06 09:17', "
    "'1960-05-06 09:17+00', '917 days', '09:17+07', '100101111', '1001', 917.711, "
    "'11111111-1111-4111-8111-111111111111', '9/17', 'zq7', 'zq7', '{\"zq7\": 1}', '{917}', "
    "'{zq7}', '{sad}', '[917,918)', '{[917,918)}', 'sad', 'zq7', 'zq7', '(917,zq7)'"
)
NAMES = [column.split()[0] for column in COLUMNS.split(", ")]
REQUIRED = ", ".join(f"{column} not null" for column in COLUMNS.split(", "))
MADE = f"""\
create extension citext;
create domain required as varchar(7) not null;
create type mood as enum ('glad', 'sad');
create type pair as (number integer, word text);
create table everything ({REQUIRED});
insert into everything values ({VALUES});
"""
METHODS = ("redact", "pseudonym", "partial", "null")


@pytest.fixture(scope="module", params=METHODS)
def masked(world: World, request: pytest.FixtureRequest) -> tuple[Gateway, str]:
    """A gateway, and the database behind it."""
    classified = {f"public.everything.{name}": "birth-date" for name in NAMES}
    name = f"every-type-{request.param}"
    gateway = honest_gateway(world, name, MADE, classified=classified, start=False)
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace("default: redact", f"default: {request.param}"))
    return gateway.start(), name.replace("-", "_")


def test_every_mask_is_accepted_by_its_own_column(
    world: World, masked: tuple[Gateway, str]
) -> None:
    """H13: a masked dump restores. H2: it is the same dump in text and packed."""
    gateway, database = masked
    restored = []
    for form in ("text", "csv", "binary"):
        with (
            psycopg.connect(gateway.target("dev").conninfo(), autocommit=True) as connection,
            connection.cursor().copy(f"copy everything to stdout (format {form})") as copy,
        ):
            data = b"".join(bytes(part) for part in copy)
        with psycopg.connect(world.direct("portreeve", database).conninfo()) as direct:
            direct.execute("create temp table restored (like everything including all)")
            with direct.cursor().copy(f"copy restored from stdin (format {form})") as copy:
                copy.write(data)
            row = direct.execute("select r::text from restored r").fetchone()
            restored.append(row[0])
            raw = direct.execute("select r::text from everything r").fetchone()
            assert row != raw
            assert "917711" not in row[0] and "1960-05" not in row[0], row[0]
    assert restored[0] == restored[1] == restored[2]
