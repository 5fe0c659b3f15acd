"""Everything that a statement can leave behind in a database, as one text."""

from pathlib import Path

from harness.target import Target
from harness.wire import Wire

_TABLES = (
    "victim",
    "v2",
    "customers",
    "orders",
    "attic.customers",
    "people",
    "work.items",
    "work.other",
)
_CONTENT = [
    f"select '{table} ' || count(*) || ' ' || "
    f"coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {table} t"
    for table in _TABLES
]
_CATALOGS = {
    "pg_class": "oid, relname, relnamespace, relkind, relacl, relowner, relpersistence, "
    "relhasrules, relhastriggers, relispopulated, relnatts, relchecks, reloptions",
    "pg_proc": "oid, proname, prosrc, proacl, proowner",
    "pg_type": "oid, typname",
    "pg_operator": "oid, oprname",
    "pg_cast": "oid",
    "pg_extension": "oid, extname",
    "pg_policy": "oid",
    "pg_trigger": "oid",
    "pg_rewrite": "oid, ev_action::text",
    "pg_constraint": "oid",
    "pg_default_acl": "oid",
    "pg_namespace": "oid, nspname, nspacl",
    "pg_foreign_data_wrapper": "oid",
    "pg_largeobject_metadata": "oid",
    "pg_description": "objoid, description",
    "pg_shdescription": "objoid, description",
    "pg_authid": "rolname, rolsuper, rolpassword",
    "pg_auth_members": "roleid, member",
    "pg_db_role_setting": "setdatabase, setrole, setconfig",
    "pg_file_settings": "name, setting",
    "pg_replication_slots": "slot_name",
}
_TEMPORARY = (
    "(select oid from pg_namespace "
    "where nspname like 'pg\\_%temp\\_%' or nspname like 'pg\\_toast%')"
)
_OWN = {
    "pg_class": f"relnamespace not in {_TEMPORARY} and oid >= 16384",
    "pg_type": f"typnamespace not in {_TEMPORARY} and oid >= 16384",
    "pg_proc": f"pronamespace not in {_TEMPORARY}",
    "pg_namespace": "nspname not like 'pg\\_%temp\\_%'",
    "pg_rewrite": "oid >= 16384",
    "pg_constraint": f"connamespace not in {_TEMPORARY}",
    "pg_trigger": "true",
}


def _catalog(name: str, columns: str) -> str:
    row = f"row({columns})::text"
    return (
        f"select '{name} ' || count(*) || ' ' || "
        f"coalesce(md5(string_agg({row}, ',' order by {row})), '') from {name} where {_OWN.get(name, 'true')}"
    )


_SQL = " union all ".join(
    [
        *_CONTENT,
        "select 'counter ' || last_value || is_called from counter",
        *(_catalog(name, columns) for name, columns in _CATALOGS.items()),
    ]
)


class Fingerprint:
    """Watches one database from a connection of its own."""

    def __init__(self, admin: Target, files: Path):
        self.wire = Wire.open(admin)
        self.files = files

    def take(self) -> list[str]:
        reply = self.wire.query(_SQL)
        lines = [cell.decode() for (cell,) in reply.rows if cell]
        if reply.errors:
            lines.append(f"cannot look: {reply.errors[0]['M']}")
        return [*lines, *sorted(path.name for path in self.files.iterdir())]

    def close(self) -> None:
        self.wire.terminate()


def difference(before: list[str], after: list[str]) -> list[str]:
    return [line for line in after if line not in before] + [
        f"gone: {line}" for line in before if line not in after
    ]
