"""Runs steps on both sides, in step with each other, and counts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.wire import Reply, frame

from .compare import Comparison, Difference
from .reasons import Reason, is_own, reasons
from .script import Script, Step
from .traffic import encoded, flights, startup_of, told
from .twins import Pair, Twins, messages_of

FAILING = frame("Q", b"select 1/0\0")
SETTLING_MAX = 10
# What two direct connections answer differently says nothing about the gateway.
BY_ITSELF = "by-itself"


@dataclass
class Outcome:
    """One statement: `reason` is why it may differ; no `difference` means alike."""

    place: str
    sql: str
    difference: Difference | None = None
    reason: str | None = None
    expected: str | None = None
    # Statements of our own say what they want; some tools take rows as they lie.
    is_ordered: bool = True
    # The error of the gateway's side, if it has one.
    said: str = ""

    @property
    def is_as_expected(self) -> bool:
        if self.difference is None:
            return self.expected is None
        return self.reason is not None

    def __str__(self) -> str:
        told = " ".join(self.sql.split())[:300]
        if self.difference is None:
            return f"{self.place}: `{self.expected}` no longer holds: {told}"
        said = f" ({self.said})" if self.said else ""
        return f"{self.place}: {told}\n    {self.difference}{said}"


@dataclass
class Counts:
    statements: int = 0
    alike: int = 0
    explained: Counter[str] = field(default_factory=Counter)
    surprises: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.statements += 1
        if not outcome.is_as_expected:
            self.surprises.append(outcome)
        elif outcome.difference is None:
            self.alike += 1
        else:
            self.explained[outcome.reason or ""] += 1

    def merge(self, other: "Counts") -> None:
        self.statements += other.statements
        self.alike += other.alike
        self.explained += other.explained
        self.surprises += other.surprises

    def __str__(self) -> str:
        explained = sum(self.explained.values())
        lines = [
            f"{self.statements} statements: {self.alike} alike, {explained} explained, "
            f"{len(self.surprises)} not"
        ]
        lines += [f"  {count:6} {name}" for name, count in self.explained.most_common()]
        return "\n".join(lines)


@dataclass
class Run:
    """`is_told`: scripts say of each statement whether it differs; else any reason will do."""

    twins: Twins
    is_told: bool
    counts: Counts = field(default_factory=Counts)
    # Which steps are taken, and what becomes of them before they are sent.
    keep: Callable[[Step], bool] = lambda step: True  # noqa: E731
    change: Callable[[Step], Step] = lambda step: step  # noqa: E731

    def __post_init__(self) -> None:
        self.reasons: dict[str, Reason] = reasons()
        self.comparison = Comparison()
        self.control = Comparison()

    def script(self, name: str, script: Script, mode: str = "simple") -> None:
        """In a session of its own."""
        pair = self.twins.pair()
        try:
            settle(pair)
            for step in script.steps():
                if step.then == "connect":
                    pair.disconnect()
                elif step.sql and self.keep(step):
                    self._step(pair, name, script, step, mode)
        finally:
            pair.disconnect()

    def traffic(self, name: str, path: Path, expected: dict[str, str]) -> None:
        """A recording; `expected` says by its lines which flights differ."""
        pairs: dict[int, Pair] = {}
        try:
            for line, (connection, messages) in enumerate(flights(path), 1):
                if (startup := startup_of(messages)) is not None:
                    pairs[connection] = self.twins.pair(startup)
                    continue
                why = expected.get(str(line)) if self.is_told else None
                text = told(messages)
                is_ordered = "order by" in text.lower()
                outcome = Outcome(f"{name}:{line}", text, expected=why, is_ordered=is_ordered)
                self.flight(pairs[connection], outcome, encoded(messages))
        finally:
            for pair in pairs.values():
                pair.disconnect()

    def _step(self, pair: Pair, name: str, script: Script, step: Step, mode: str) -> None:
        place = f"{name}:{step.line} ({mode})"
        direct = self._text(pair, place, step, mode)
        then, *words = step.then.split() or [""]
        if then == "gset" and direct:
            script.variables |= told_variables(direct, words[0] if words else "")
        elif then == "gexec" and direct:
            for cell in [cell for row in direct.rows for cell in row if cell]:
                self._text(pair, place, Step(cell.decode(), step.line), mode)

    def _text(self, pair: Pair, place: str, step: Step, mode: str) -> Reply | None:
        """Gives what is answered directly, where that was asked."""
        step = self.change(step)
        why = step.differs.get(mode, step.differs.get("")) if self.is_told else None
        outcome = Outcome(place, step.sql, expected=why)
        return self.flight(pair, outcome, messages_of(step.sql, mode), step.data)

    def flight(
        self, pair: Pair, outcome: Outcome, messages: bytes, data: Callable[[], bytes] | None = None
    ) -> Reply | None:
        """Messages that are sent together, up to the end of their reply."""
        direct = self._compare(pair, outcome, messages, data)
        self.counts.add(outcome)
        return direct

    def _compare(
        self, pair: Pair, outcome: Outcome, messages: bytes, data: Callable[[], bytes] | None
    ) -> Reply | None:
        gateway = pair.guarded.send(messages, data)
        outcome.said = "; ".join(f"{error.get('C')} {error.get('M')}" for error in gateway.errors)
        allowed = self._allowed(outcome)
        if reason := next((one for one in allowed if one.is_refusal(gateway)), None):
            outcome.difference = Difference("refusal", "not asked", gateway.errors[-1]["M"])
            outcome.reason = reason.name
            if gateway.status == "E":
                fail(pair)
            return None
        direct = pair.direct.send(messages, data)
        control = pair.control.send(messages, data) if pair.control else None
        difference = self.comparison.difference(direct, gateway, is_ordered=outcome.is_ordered)
        outcome.difference = difference
        is_same = control is None or self.control.difference(direct, control) is None
        if difference and not is_same:
            outcome.reason = BY_ITSELF
        elif difference:
            explaining = (one for one in allowed if one.explains(difference, direct, gateway))
            outcome.reason = next((one.name for one in explaining), None)
        level(pair, direct, gateway)
        return direct

    def _allowed(self, outcome: Outcome) -> list[Reason]:
        if not self.is_told:
            return list(self.reasons.values())
        return [self.reasons[outcome.expected]] if outcome.expected else []


def settle(pair: Pair) -> None:
    """What was made past the gateway is known to it before anything is compared."""
    for _ in range(SETTLING_MAX):
        if not pair.guarded.send(messages_of("select array[1]", "simple")).errors:
            return
    raise AssertionError("the gateway does not learn what was made")


def level(pair: Pair, direct: Reply, gateway: Reply) -> None:
    """What one side has lost, the other gives up as well."""
    if is_own(gateway) and gateway.status == "E" and direct.status == "T":
        fail(pair)
    elif direct.closed or gateway.closed or direct.status != gateway.status:
        pair.disconnect()


def fail(pair: Pair) -> None:
    """A transaction that the gateway has failed fails at the others as well."""
    for side in pair.unguarded:
        side.send(FAILING)


def told_variables(reply: Reply, prefix: str) -> dict[str, str]:
    """What `\\gset` takes from the one row."""
    described = [message for message in reply.messages if message.kind == "T"]
    if not described or len(reply.rows) != 1:
        return {}
    names, at = [], 2
    body = described[-1].body
    while at < len(body):
        end = body.index(b"\0", at)
        names.append(body[at:end].decode())
        at = end + 19
    cells = zip(names, reply.rows[0], strict=True)
    return {prefix + name: cell.decode() for name, cell in cells if cell is not None}
