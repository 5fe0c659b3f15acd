"""Alembic: two revisions up, a comparison with the models, and down again."""

import io
import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine
from steps import SETTINGS, run

URL = str(SETTINGS["url"])
ENVIRONMENT = """\
from alembic import context
from sqlalchemy import create_engine
with create_engine(context.config.attributes["url"]).connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
"""
FIRST = """\
import sqlalchemy as sa
from alembic import op
revision, down_revision = "one", None
def upgrade():
    op.create_table("al_author", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("name", sa.String(50), nullable=False),
                    sa.Column("mood", sa.Enum("glad", "sad", name="al_mood")))
    op.create_index("al_by_name", "al_author", ["name"], unique=True)
    op.bulk_insert(sa.table("al_author", sa.column("name")), [{"name": "a"}, {"name": "b"}])
def downgrade():
    op.drop_table("al_author")
    op.execute("drop type al_mood")
"""
SECOND = """\
import sqlalchemy as sa
from alembic import op
revision, down_revision = "two", "one"
def upgrade():
    op.create_table("al_book", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("author", sa.Integer, sa.ForeignKey("al_author.id")))
    op.add_column("al_author", sa.Column("born", sa.Date))
    op.execute("update al_author set born = '1970-01-01'")
    op.alter_column("al_author", "born", nullable=False)
def downgrade():
    op.drop_column("al_author", "born")
    op.drop_table("al_book")
"""

place = Path(tempfile.mkdtemp(prefix="portreeve-alembic-"))
(place / "versions").mkdir()
(place / "env.py").write_text(ENVIRONMENT)
(place / "versions" / "one.py").write_text(FIRST)
(place / "versions" / "two.py").write_text(SECOND)
config = Config(stdout=io.StringIO())
config.set_main_option("script_location", str(place))
config.attributes["url"] = URL


def compare() -> None:
    with create_engine(URL).connect() as connection:
        compare_metadata(MigrationContext.configure(connection), MetaData())


run(
    {
        "upgrade-one": lambda: command.upgrade(config, "one"),
        "upgrade-head": lambda: command.upgrade(config, "head"),
        "current": lambda: command.current(config),
        "compare": compare,
        "downgrade": lambda: command.downgrade(config, "base"),
    }
)
