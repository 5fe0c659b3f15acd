"""P6: SQLAlchemy on psycopg: its greeting, its reflection, its pool."""

from harness.expect import READ, customers_are_masked
from harness.target import Target
from sqlalchemy import create_engine, inspect, text


def test_reads_and_reflects(reader: Target) -> None:
    engine = create_engine(reader.url("postgresql+psycopg"), pool_pre_ping=True)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text(READ))]
        customers_are_masked(reader, rows)
    names = [column["name"] for column in inspect(engine).get_columns("customers")]
    assert names[:3] == ["id", "full_name", "email"]
    assert "orders" in inspect(engine).get_table_names()
    assert inspect(engine).get_pk_constraint("orders")["constrained_columns"] == ["id"]
    assert inspect(engine).get_foreign_keys("orders")[0]["referred_table"] == "customers"
    engine.dispose()
