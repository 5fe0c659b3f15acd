"""What the Python tools share: settings from stdin, steps one by one, results as JSON.

A step's result is null, or how it failed: SQLSTATE, message and, where the tool tells, the
statement. A failed step does not end the run.
"""

import json
import sys
from collections.abc import Callable

SETTINGS: dict[str, object] = json.loads(sys.stdin.read()) if not sys.stdin.isatty() else {}


def failure(error: BaseException) -> dict[str, str | None]:
    """Digs for the database's own error."""
    statement = getattr(error, "statement", None)
    while error is not None and getattr(error, "sqlstate", None) is None:
        inner = getattr(error, "orig", None) or error.__cause__
        if inner is None:
            break
        error = inner
        statement = statement or getattr(error, "statement", None)
    return {
        "sqlstate": getattr(error, "sqlstate", None),
        "message": f"{type(error).__name__}: {error}",
        "statement": statement,
    }


def run(steps: dict[str, Callable[[], None]], last: Callable[[], str | None] | None = None) -> None:
    """Runs all; `last` gives the last statement that was sent."""
    results: dict[str, object] = {}
    for name, step in steps.items():
        try:
            step()
            results[name] = None
        except Exception as error:  # any failure of a tool is a result
            results[name] = failure(error)
            if last and not results[name]["statement"]:
                results[name]["statement"] = last()
    print()
    json.dump(results, sys.stdout)
