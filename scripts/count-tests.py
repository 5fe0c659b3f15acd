"""Adds up the closing lines of test runners in a log: prints `PASSED FAILED`."""

import re
import sys
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# nextest: `Summary [ 1.2s] 10 tests run: 9 passed (1 slow), 1 failed, 2 skipped`
NEXTEST = re.compile(r"^\s*Summary \[.*?\] .*tests? run: (?P<rest>.*)$")
# cargo test, doctests: `test result: ok. 5 passed; 0 failed; 0 ignored; …`
CARGO = re.compile(r"^test result: .*? (\d+) passed; (\d+) failed;")
# pytest: `3 failed, 10 passed, 2 deselected, 1 error in 4.20s`
PYTEST = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")


def number(text: str, *words: str) -> int:
    return sum(int(found) for word in words for found in re.findall(rf"(\d+) {word}\b", text))


def main() -> None:
    passed = failed = 0
    for line in Path(sys.argv[1]).read_text(errors="replace").splitlines():
        line = ESCAPES.sub("", line)
        if found := NEXTEST.match(line):
            passed += number(found["rest"], "passed")
            failed += number(found["rest"], "failed", "timed out", "exec failed")
        elif found := CARGO.match(line):
            passed += int(found[1])
            failed += int(found[2])
        elif found := PYTEST.match(line):
            passed += number(found[1], "passed", "xpassed")
            failed += number(found[1], "failed", "errors?")
    print(passed, failed)


if __name__ == "__main__":
    main()
