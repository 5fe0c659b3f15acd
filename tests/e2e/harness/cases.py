"""Tables of cases: what is tried, and what is known not to hold yet."""

import pytest


def missing(what: str) -> pytest.MarkDecorator:
    """Says what the product lacks for a test.

    Where it passes after all, `make soak` fails, so that the mark goes. The gate does not:
    some of the attacks are races, which a slow machine can lose.
    """
    return pytest.mark.xfail(reason=what)


def each(cases: dict[str, object], lacking: dict[str, str] | None = None) -> pytest.MarkDecorator:
    """A test for each case, as its argument `case`; `lacking` says why some do not hold."""
    lacking = lacking or {}
    unknown = set(lacking) - set(cases)
    assert not unknown, f"no such cases: {sorted(unknown)}"
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=name, marks=[missing(lacking[name])] if name in lacking else [])
            for name, case in cases.items()
        ],
    )


def not_yet(what: str, *names: str) -> dict[str, str]:
    """For `each`: the cases, parted by blanks, that do not hold for one reason."""
    return {name: what for line in names for name in line.split()}
