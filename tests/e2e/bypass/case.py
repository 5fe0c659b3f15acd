"""What a case is."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One attempt.

    `setup` runs in the same session before it. `options` go into the startup packet.
    `cleanup` is for things that a fresh database does not undo. `note` says why it works
    against a gateway that is not careful.
    """

    id: str
    sql: str
    setup: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    cleanup: str = ""
    note: str = ""
    simple_only: bool = False

    def __str__(self) -> str:
        return self.id


def case(id: str, sql: str, *setup: str, **more: object) -> Case:
    return Case(id, sql, tuple(setup), **more)  # type: ignore[arg-type]
