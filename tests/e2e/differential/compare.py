"""What of two replies must be the same, and what cannot be.

Compared are all messages in their order: descriptions, rows, tags, notices, errors with every
field but where in the server's source they were raised, states, bulk data. Left out of the
comparison is what two servers cannot have in common: numbers of processes and sessions, and the
numbers of objects that people made, where each stands for the same one all the time.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.wire import Message, Reply

# File, line, routine.
SOURCE = "FLR"
# PostgreSQL numbers what people make from here on; no test makes that much.
FIRST_MADE = 16384
LAST_MADE = 1 << 20
NUMBER = re.compile(rb"\d+")
# A session's own schema has its number.
TEMPORARY = re.compile(rb"(pg_(?:toast_)?temp_)\d+")


@dataclass(frozen=True)
class Difference:
    """`what` names a part of the reply; `direct` and `gateway` are that part."""

    what: str
    direct: str
    gateway: str

    def __str__(self) -> str:
        return f"{self.what}: direct {self.direct!r}, gateway {self.gateway!r}"


Part = tuple[str, bytes]


def parts(reply: Reply) -> list[Part]:
    """A reply in comparable parts, each with its name."""
    found: list[Part] = []
    told: list[Part] = []
    for message in reply.messages:
        # What other sessions or settings tell comes between, wherever there is room.
        into = told if message.kind in "AS" else found
        into.extend(parts_of(message))
    if reply.closed:
        found.append(("end", b"the connection is closed"))
    return found + told


def parts_of(message: Message) -> Iterator[Part]:
    body = message.body
    match message.kind:
        case "T":
            yield from columns(body)
        case "D":
            for index, cell in enumerate(message.cells):
                yield f"value {index + 1}", b"NULL" if cell is None else b"=" + cell
        case "E" | "N":
            kind = "error" if message.kind == "E" else "notice"
            for code, text in sorted(message.fields.items()):
                if code not in SOURCE:
                    yield f"{kind} {code}", text.encode()
        case "A":
            yield "notification", body[4:]
        case "t":
            (count,) = struct.unpack_from(">H", body)
            for index, code in enumerate(struct.unpack_from(f">{count}I", body, 2)):
                yield f"parameter {index + 1}", b"%d" % code
        case kind:
            yield NAMES.get(kind, f"message {kind}"), body


NAMES = {"C": "tag", "Z": "state", "S": "setting", "d": "bulk data", "G": "copy", "H": "copy"}


def columns(body: bytes) -> Iterator[Part]:
    (count,) = struct.unpack_from(">H", body)
    at = 2
    for index in range(count):
        end = body.index(b"\0", at)
        name, at = body[at:end], end + 1
        table, attribute, code, size, modifier, form = struct.unpack_from(">IhIhih", body, at)
        at += 18
        yield f"column {index + 1} name", name
        yield f"column {index + 1} table", b"%d" % table
        yield f"column {index + 1} type", b"%d" % code
        yield f"column {index + 1} shape", b"%d %d %d %d" % (attribute, size, modifier, form)


@dataclass
class Comparison:
    """Remembers which numbers of objects stand for each other."""

    same: dict[int, int] = field(default_factory=dict)

    def difference(
        self, direct: Reply, gateway: Reply, *, is_ordered: bool = True
    ) -> Difference | None:
        """The first one; none where the replies are alike."""
        one, other = (
            parts(reply if is_ordered else in_order(reply)) for reply in (direct, gateway)
        )
        for left, right in zip(one, other, strict=False):
            if left[0] != right[0]:
                return Difference("order", told(left), told(right))
            if left[1] != right[1] and not self._is_renumbered(left[1], right[1]):
                return Difference(left[0], told(left), told(right))
        if len(one) != len(other):
            at = min(len(one), len(other))
            rest = [told(side[at]) if at < len(side) else "nothing" for side in (one, other)]
            return Difference("order", *rest)
        return None

    def _is_renumbered(self, one: bytes, other: bytes) -> bool:
        """Whether only numbers of objects differ, and each pair of them has been one before."""
        one, other = TEMPORARY.sub(rb"\1", one), TEMPORARY.sub(rb"\1", other)
        if NUMBER.sub(b"", one) == NUMBER.sub(b"", other):
            numbers = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
            if self._are_same([(int(left), int(right)) for left, right in numbers]):
                return True
        return len(one) == len(other) and self._are_same(packed(one, other))

    def _are_same(self, numbers: list[tuple[int, int]]) -> bool:
        pairs = [(left, right) for left, right in numbers if left != right]
        made = all(FIRST_MADE <= number < LAST_MADE for pair in pairs for number in pair)
        if not made or any(self.same.get(left, right) != right for left, right in pairs):
            return False
        self.same.update(pairs)
        return True


def in_order(reply: Reply) -> Reply:
    """Rows that come as they lie, in an order of their values."""
    kinds = [message.kind for message in reply.messages]
    rows = [message for message in reply.messages if message.kind == "D"]
    rows.sort(key=lambda row: (NUMBER.sub(b"", row.body), row.body))
    first = kinds.index("D") if rows else len(kinds)
    rest = [message for message in reply.messages if message.kind != "D"]
    return Reply(rest[:first] + rows + rest[first:], reply.closed)


def packed(one: bytes, other: bytes) -> list[tuple[int, int]]:
    """The numbers of four bytes that differ."""
    found, at = [], 0
    while at < len(one):
        if one[at] == other[at]:
            at += 1
            continue
        # Of those that are made here, the first byte that is not zero is the third.
        begin = max(0, at - 2 if one[at - 1 : at] == b"\0" else at - 3)
        pair = (one[begin : begin + 4], other[begin : begin + 4])
        found.append((int.from_bytes(pair[0]), int.from_bytes(pair[1])))
        at = begin + 4
    return found


def told(part: Part) -> str:
    name, value = part
    text = value[:400].decode(errors="backslashreplace")
    return f"{name} {text}"
