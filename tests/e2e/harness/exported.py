"""What a gateway that serves one protocol exports: the section, and what must hold of it."""

import json
from collections import Counter
from collections.abc import Callable

from .gateway import Gateway
from .schemas import Event, cef_problems, ecs_problems, events, ocsf_problems
from .waiting import until

EXPORTS = """\
anomalies: {{ refusals_per_hour: 1 }}
exports:
  ocsf: {{ file: {{ path: ocsf.log }} }}
  ecs: {{ format: ecs, file: {{ path: ecs.log }} }}
  cef: {{ format: cef, file: {{ path: cef.log }} }}
"""


def exported(gateway: Gateway, what: str, wanted: Callable[[list[Event]], bool]) -> list[Event]:
    """All events of this gateway, once those that are wanted are in every file."""
    directory = gateway.directory
    found = until(what, lambda: (all := events(directory / "ocsf.log")) and wanted(all) and all, 60)
    last = max(event["metadata"]["sequence"] for event in found)
    for name in ("ecs", "cef"):
        cursor = gateway.data_dir / "exports" / f"{name}.cursor"
        until(f"{name} is as far", lambda c=cursor: json.loads(c.read_text())["taken"] > last, 30)
    return found


def check(gateway: Gateway, found: list[Event], known: set[str] = frozenset()) -> Counter[int]:
    """Every event in every format; `known` are problems with a test of their own. How many of
    each class there were."""
    problems: Counter[str] = Counter()
    for event in found:
        problems.update(ocsf_problems(event))
    for event in events(gateway.directory / "ecs.log"):
        problems.update(ecs_problems(event))
    for line in (gateway.directory / "cef.log").read_text().splitlines():
        problems.update(cef_problems(line))
    new = {what: count for what, count in problems.items() if what not in known}
    assert not new, new
    return Counter(event["class_uid"] for event in found)
