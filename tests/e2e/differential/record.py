"""Records what tools of `honest/tools` send."""

from harness.target import Target
from harness.world import World
from honest.test_tools import results_of

from .traffic import FOLDER, Recorder
from .twins import Twins

# Those that send statements as ORMs do, each in its own way: psycopg's and asyncpg's dialects,
# node-postgres.
TOOLS = (
    "sqlalchemy_orm.py", "django_app.py", "alembic_run.py", "knex.mjs", "drizzle.mjs",
    "sequelize.mjs",
)  # fmt: skip


def record(world: World) -> None:
    """In front of a gateway, because it takes plain connections."""
    twins = Twins(world, "recorded")
    try:
        for tool in TOOLS:
            twins.shop()
            recorder = Recorder(twins.gateway.port)
            target = twins.gateway.target("twin")
            tapped = Target(
                "gateway", target.host, recorder.port, target.database, target.user, target.password
            )
            results = results_of(tool, tapped)
            recorder.close()
            failed = {step: how for step, how in results.items() if how}
            print(f"{tool}: {len(recorder.lines)} flights, failed: {failed or 'nothing'}")
            path = FOLDER / f"{tool.split('.')[0]}.jsonl"
            path.write_text("".join(f"{line}\n" for line in recorder.lines))
    finally:
        twins.stop()
