"""Changes one byte of an evidence file, as somebody with something to hide would.

`flip-byte.py FILE` flips one bit in the middle of what is written in FILE.
`flip-byte.py DIRECTORY --pick` names the file with most in it, and changes nothing.
"""

import sys
from pathlib import Path


def written(data: bytes) -> int:
    """Log files are laid out in advance: what is written ends before the zeros."""
    return len(data.rstrip(b"\0"))


def main() -> None:
    path = Path(sys.argv[1])
    if "--pick" in sys.argv:
        files = [file for file in path.rglob("*") if file.is_file()]
        print(max(files, key=lambda file: written(file.read_bytes())))
        return
    data = bytearray(path.read_bytes())
    at = written(data) // 2
    before = data[at]
    data[at] ^= 1
    path.write_bytes(data)
    print(f"{path}: byte {at} was {before:#04x}, is now {data[at]:#04x}")


if __name__ == "__main__":
    main()
