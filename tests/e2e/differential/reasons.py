"""Why a reply through the gateway may be another one: the list of `reasons.json`.

Each reason has a name, `why`, and how its replies are known:

- `refuses`: the gateway's own refusal has a text like this. Nothing has run, so the other side is
  not asked: both stay as they are.
- `differs`: a part of the reply (by its name) that may be another one where the gateway's is like
  `gateway`, or its error says something like `says`; `same` are fields of the error that must be
  alike all the same.
- `long`: only PostgreSQL's own suite meets it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from harness.wire import Reply

from .compare import Difference

PATTERNS = ("refuses", "differs", "gateway", "says")
LIST = Path(__file__).with_name("reasons.json")


@dataclass(frozen=True)
class Reason:
    name: str
    why: str
    refuses: re.Pattern[str] | None = None
    differs: re.Pattern[str] | None = None
    gateway: re.Pattern[str] | None = None
    says: re.Pattern[str] | None = None
    same: str = ""
    is_long: bool = False

    def is_refusal(self, reply: Reply) -> bool:
        """The gateway says so itself: a server's own text never counts."""
        if self.refuses is None or not is_own(reply):
            return False
        return bool(self.refuses.search(reply.errors[-1].get("M", "")))

    def explains(self, difference: Difference, direct: Reply, gateway: Reply) -> bool:
        if self.differs is None or not self.differs.search(difference.what):
            return False
        if self.gateway and not self.gateway.search(difference.gateway):
            return False
        said = gateway.errors[-1].get("M", "") if gateway.errors else ""
        if self.says and not self.says.search(said):
            return False
        # What works directly is never refused by the way.
        if gateway.errors and not direct.errors:
            return False
        if not self.same:
            return True
        if not (direct.errors and gateway.errors):
            return False
        one, other = direct.errors[-1], gateway.errors[-1]
        return all(one.get(code) == other.get(code) for code in self.same)


def is_own(reply: Reply) -> bool:
    return bool(reply.errors) and "request: " in reply.errors[-1].get("D", "")


def reasons() -> dict[str, Reason]:
    found = {}
    for name, entry in json.loads(LIST.read_text()).items():
        patterns = {key: re.compile(entry[key]) for key in PATTERNS if key in entry}
        same, is_long = entry.get("same", ""), entry.get("long", False)
        found[name] = Reason(name, entry["why"], same=same, is_long=is_long, **patterns)
    return found
