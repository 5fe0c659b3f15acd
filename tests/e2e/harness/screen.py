"""A small terminal, to read what somebody reads who sits before one. It knows what tests write to
it and nothing else; it shares no code with the gateway's."""

import re

TOKEN = re.compile(
    r"\x1b\[(?P<sign>[?>!]?)(?P<numbers>[0-9;]*)(?P<final>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[()].|\x1b(?P<escape>.)"
    r"|(?P<control>[\x00-\x1f\x7f])|(?P<letter>.)",
    re.S,
)


class Terminal:
    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self.clear()
        self.other: list[list[str]] | None = None
        self.row = self.column = 0
        self.saved = (0, 0)
        self.region = (0, rows)
        self.inserts = False
        # Whatever has been on it, a picture whenever something is about to go.
        self.pictures: list[str] = []

    def clear(self) -> None:
        self.lines = [[" "] * self.columns for _ in range(self.rows)]

    def picture(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def keep(self) -> None:
        self.pictures.append(self.picture())

    def feed(self, data: str) -> None:
        for token in TOKEN.finditer(data):
            if token["letter"]:
                self.put(token["letter"])
            elif token["control"]:
                self.control(token["control"])
            elif token["final"]:
                numbers = [int(part or 0) for part in token["numbers"].split(";")]
                self.sequence(token["sign"], numbers, token["final"])
            elif token["escape"] == "7":
                self.saved = (self.row, self.column)
            elif token["escape"] == "8":
                self.row, self.column = self.saved
            elif token["escape"] == "M":
                self.row = max(0, self.row - 1)
        self.keep()

    def put(self, letter: str) -> None:
        if not letter.isprintable():
            return
        if self.column >= self.columns:
            self.column = 0
            self.down()
        line = self.lines[self.row]
        if self.inserts:
            line.insert(self.column, letter)
            line.pop()
        else:
            line[self.column] = letter
        self.column += 1

    def down(self) -> None:
        top, bottom = self.region
        if self.row == bottom - 1:
            self.keep()
            del self.lines[top]
            self.lines.insert(bottom - 1, [" "] * self.columns)
        elif self.row < self.rows - 1:
            self.row += 1

    def control(self, control: str) -> None:
        if control == "\n":
            self.down()
        elif control == "\r":
            self.column = 0
        elif control == "\b":
            self.column = max(0, min(self.column, self.columns - 1) - 1)
        elif control == "\t":
            self.column = min(self.columns - 1, (self.column // 8 + 1) * 8)

    def sequence(self, sign: str, numbers: list[int], final: str) -> None:
        count = max(1, numbers[0])
        line = self.lines[self.row]
        if sign == "?" and final in "hl" and numbers[0] in (47, 1047, 1049):
            self.keep()
            if final == "h":
                self.other, self.saved = self.lines, (self.row, self.column)
                self.clear()
            elif self.other is not None:
                self.lines, self.other = self.other, None
                self.row, self.column = self.saved
        elif sign:
            return
        elif final in "Hf":
            self.row = min(count, self.rows) - 1
            self.column = min(max(1, numbers[1] if len(numbers) > 1 else 1), self.columns) - 1
        elif final == "A":
            self.row = max(0, self.row - count)
        elif final == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif final == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif final == "D":
            self.column = max(0, min(self.column, self.columns - 1) - count)
        elif final == "G":
            self.column = min(self.columns, count) - 1
        elif final == "d":
            self.row = min(self.rows, count) - 1
        elif final == "J":
            self.keep()
            if numbers[0] == 2:
                self.clear()
            elif numbers[0] == 0:
                line[self.column :] = [" "] * (self.columns - self.column)
                for row in range(self.row + 1, self.rows):
                    self.lines[row] = [" "] * self.columns
        elif final == "K":
            self.keep()
            if numbers[0] == 0:
                line[self.column :] = [" "] * (self.columns - self.column)
            elif numbers[0] == 1:
                line[: self.column + 1] = [" "] * (self.column + 1)
            else:
                line[:] = [" "] * self.columns
        elif final == "P":
            line[self.column :] = line[self.column + count :]
            line.extend([" "] * (self.columns - len(line)))
        elif final == "@":
            line[self.column : self.column] = [" "] * count
            del line[self.columns :]
        elif final == "h" and numbers[0] == 4:
            self.inserts = True
        elif final == "l" and numbers[0] == 4:
            self.inserts = False
        elif final == "r":
            bottom = numbers[1] if len(numbers) > 1 and numbers[1] else self.rows
            self.region, self.row, self.column = (count - 1, bottom), 0, 0
        elif final == "S":
            top, bottom = self.region
            self.keep()
            for _ in range(min(count, bottom - top)):
                del self.lines[top]
                self.lines.insert(bottom - 1, [" "] * self.columns)
