"""What the tests expect of a masked value and of a refusal, the same for every driver."""

from .secrets import found_in
from .target import Target

EMAILS = ["zq7marker@leak-q7.example", "zq8marker@leak-q8.example", "zq9marker@leak-q9.example"]
READ = "select id, email, city from customers order by id"
CITIES = ["Lille", "Gent", "Porto"]
FORBIDDEN = "drop table orders"
REFUSED = "42501"


def customers_are_masked(target: Target, rows: list[tuple[object, ...]]) -> None:
    """Checks the rows of READ: on a direct connection they are clear, to prove the test."""
    ids, emails, cities = (list(column) for column in zip(*rows, strict=True))
    assert [int(str(value)) for value in ids] == [1, 2, 3]
    assert cities == CITIES
    if target.guarded:
        assert not found_in(repr(rows).encode()), rows
        assert not set(emails) & set(EMAILS)
    else:
        assert emails == EMAILS


def refusal_is_helpful(target: Target, sqlstate: str, detail: str | None, hint: str | None) -> None:
    """An ordinary error of the protocol, which says why and what to do next."""
    assert sqlstate == REFUSED
    if target.guarded:
        assert detail and "rule: " in detail and "request: " in detail, detail
        assert hint, "no hint"


def notified(_: Target) -> str:
    """What arrives of `notify …, 'hello'`: payloads are looked through, and nobody is in it."""
    return "hello"
