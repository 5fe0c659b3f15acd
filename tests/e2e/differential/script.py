"""SQL scripts as psql reads them: statements, the data of COPY, variables, a few commands.

What only changes how psql prints (`\\pset`, `\\echo`, `\\d`) is left out.
"""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DOLLAR = re.compile(r"\$([A-Za-z_\x80-\U0010ffff][\w]*)?\$")
WORD = re.compile(r"[A-Za-z_]\w*")
VARIABLE = re.compile(r":(['\"]?)(\w+)\1")
COPY_IN = re.compile(r"^\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
ROUTINE = re.compile(r"^\s*create\b.*\b(function|procedure)\b", re.IGNORECASE | re.DOTALL)
# `-- differs: reason` above a statement, in scripts of our own; `(simple)` where it does so in that
# protocol alone.
DIFFERS = re.compile(r"--\s*differs(?: \((\w+)\))?:\s*([\w-]+)")


@dataclass(frozen=True)
class Step:
    """A text to send, or a command of psql (`then`) without one."""

    sql: str
    line: int
    # The data of a COPY, taken from the script when the server asks for them.
    data: Callable[[], bytes] | None = None
    # Why it may differ, by the mode; "" is for all of them.
    differs: dict[str, str] = field(default_factory=dict)
    then: str = ""


@dataclass
class Script:
    """`variables` may be changed while the steps are taken: `\\gset` does."""

    text: str
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = 0
        self.skipping: list[bool] = []

    def steps(self) -> Iterator[Step]:
        while True:
            step = self._next()
            if step is None:
                return
            if any(self.skipping):
                continue
            if step.then == "quit":
                return
            yield step

    def _next(self) -> Step | None:
        """Scans one statement: to its `;`, or to the command that sends it."""
        out: list[str] = []
        depth = blocks = 0
        begun_at = self.at
        differs: dict[str, str] = {}
        while self.at < len(self.text):
            rest = self.text[self.at]
            if (end := self._opaque_end()) is not None:
                piece = self.text[self.at : end]
                if found := DIFFERS.match(piece):
                    differs[found[1] or ""] = found[2]
                if not piece.startswith("--"):
                    out.append(piece)
                self.at = end
            elif rest == "\\":
                if self.text.startswith("\\;", self.at):
                    out.append(";")
                    self.at += 2
                    continue
                then = self._command()
                if then is None:
                    continue
                sql = "".join(out).strip()
                return Step(sql, self._line(begun_at), differs=differs, then=then)
            elif rest == ";" and depth == 0 and blocks == 0:
                self.at += 1
                return self._ended("".join(out).strip(), begun_at, differs)
            elif rest == ":" and (variable := self._variable()) is not None:
                out.append(variable)
            elif word := WORD.match(self.text, self.at):
                blocks = blocks_after(word[0].lower(), blocks, "".join(out))
                out.append(word[0])
                self.at = word.end()
            else:
                depth = max(0, depth + (rest == "(") - (rest == ")"))
                out.append(rest)
                self.at += 1
        sql = "".join(out).strip()
        return Step(sql, self._line(begun_at), differs=differs) if sql else None

    def _ended(self, sql: str, begun_at: int, differs: dict[str, str]) -> Step:
        data = functools.cache(self._copy_data) if COPY_IN.match(sql) else None
        return Step(sql, self._line(begun_at), data, differs)

    def _line(self, at: int) -> int:
        begun = re.compile(r"\s*").match(self.text, at)
        return self.text.count("\n", 0, begun.end() if begun else at) + 1

    def _opaque_end(self) -> int | None:
        """Where a constant, a quoted name or a comment ends that begins here."""
        text, at = self.text, self.at
        if text.startswith("--", at):
            return line_end(text, at)
        if text.startswith("/*", at):
            return comment_end(text, at)
        if text[at] == "'":
            escaped = bool(re.search(r"(?<!\w)[eE]$", text[max(0, at - 2) : at]))
            return quoted_end(text, at, escaped)
        if text[at] == '"':
            return quoted_end(text, at, escaped=False)
        before = text[at - 1] if at else " "
        if text[at] == "$" and not before.isalnum() and (tag := DOLLAR.match(text, at)):
            end = text.find(tag[0], tag.end())
            return len(text) if end < 0 else end + len(tag[0])
        return None

    def _variable(self) -> str | None:
        if self.text.startswith("::", self.at):
            self.at += 2
            return "::"
        found = VARIABLE.match(self.text, self.at)
        if not found or found[2] not in self.variables:
            return None
        self.at = found.end()
        value = self.variables[found[2]]
        quote = found[1]
        return quote + value.replace(quote, quote * 2) + quote if quote else value

    def _copy_data(self) -> bytes:
        """The lines below, up to `\\.`."""
        self.at = min(line_end(self.text, self.at) + 1, len(self.text))
        lines = []
        while self.at < len(self.text):
            end = line_end(self.text, self.at)
            line = self.text[self.at : end]
            self.at = min(end + 1, len(self.text))
            if line.rstrip() == "\\.":
                break
            lines.append(line + "\n")
        return "".join(lines).encode()

    def _command(self) -> str | None:
        """Takes a command; gives what sends the statement before it, or stands for itself."""
        end = line_end(self.text, self.at)
        line = self.text[self.at + 1 : end]
        self.at = end
        name, *words = line.split() or [""]
        match name:
            case "if":
                self.skipping.append(not self._is_true(" ".join(words)))
            case "elif" | "else":
                if self.skipping:
                    self.skipping[-1] = not self.skipping[-1]
            case "endif":
                if self.skipping:
                    self.skipping.pop()
            case _ if any(self.skipping):
                pass
            case "set" if words:
                self.variables[words[0]] = "".join(self._value(word) for word in words[1:])
            case "unset" if words:
                self.variables.pop(words[0], None)
            case "quit" | "q":
                return "quit"
            case "c" | "connect":
                return "connect"
            case "g" | "gx" | "gset" | "gexec" | "gdesc" | "crosstabview" | "watch":
                return " ".join([name, *words])
        return None

    def _value(self, word: str) -> str:
        found = VARIABLE.fullmatch(word)
        if found:
            return self.variables.get(found[2], "")
        return word[1:-1].replace("''", "'") if word[:1] == "'" == word[-1:] else word

    def _is_true(self, words: str) -> bool:
        value = self._value(words).lower()
        if words.startswith(":{?"):
            return words[3:-1] in self.variables
        return value in ("1", "t", "true", "on", "yes", "y")


def blocks_after(word: str, blocks: int, before: str) -> int:
    """How many blocks of a routine's body in SQL (`begin atomic … end`) are open after a word."""
    if word == "begin" and ROUTINE.match(before):
        return blocks + 1
    if word == "case" and blocks:
        return blocks + 1
    return blocks - 1 if word == "end" and blocks else blocks


def line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def comment_end(text: str, at: int) -> int:
    """Comments stand in comments."""
    depth = 0
    for found in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    return len(text)


def quoted_end(text: str, at: int, escaped: bool) -> int:
    quote = text[at]
    at += 1
    while at < len(text):
        if escaped and text[at] == "\\":
            at += 2
        elif text[at] != quote:
            at += 1
        elif text.startswith(quote, at + 1):
            at += 2
        else:
            return at + 1
    return len(text)
