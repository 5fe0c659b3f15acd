"""What the honest share: a database and people who may do everything but see personal data."""

from pathlib import Path

from harness.gateway import Account, Gateway
from harness.world import CLASSIFIED, World

ACCOUNTS = (
    Account("dev", "person", ("developers",)),
    Account("rita", "person", ("reviewers",)),
    Account("anna", "person", ("analysts",)),
)
RULES = """\
@id("all-connect") permit (principal, action == Action::"connect", resource);
@id("developers-do-everything")
permit (
    principal in Group::"developers",
    action in [
        Action::"read", Action::"write", Action::"define", Action::"administer",
        Action::"execute", Action::"filter", Action::"lock", Action::"probe"
    ],
    resource
);
@id("analysts-read")
permit (principal in Group::"analysts", action == Action::"read", resource);
"""


def honest_gateway(
    world: World, name: str, sql: str = "", rules: str = "", **more: object
) -> Gateway:
    """A copy of the shop, and a gateway in front of it whose developers may do everything."""
    database = name.replace("-", "_")
    world.admin(f"create database {database} template shop_template", database="postgres")
    if sql:
        world.admin(sql, database=database)
    policies: Path = world.directory / f"policies-{name}"
    policies.mkdir()
    (policies / "honest.cedar").write_text(RULES + rules)
    return world.gateway(
        name,
        database=database,
        policies=policies,
        accounts=ACCOUNTS,
        classified=more.pop("classified", CLASSIFIED),
        **more,
    )
