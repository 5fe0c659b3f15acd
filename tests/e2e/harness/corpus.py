"""`corpus/bypass`: ways of saying a value, and whether a text shows it."""

import json
import unicodedata
from typing import Any
from urllib.parse import unquote

from harness.paths import ROOT


def corpus(name: str) -> Any:
    return json.loads((ROOT / "corpus" / "bypass" / f"{name}.json").read_text())


WORDS = corpus("mcp")


def written(text: str) -> str:
    for name, value in WORDS["values"].items():
        text = text.replace(f"${name}", value)
    return text


def plain(text: str) -> str:
    """What a person who looks for it would read."""
    while True:
        once = unicodedata.normalize("NFKC", unquote(text)).replace("\u200b", "").replace("\\u200b", "").lower()
        once = "".join(c for c in once if c not in " -\\")
        if once == text:
            return once
        text = once


def shows(text: str) -> list[str]:
    read = plain(text)
    return [secret for secret in WORDS["secrets"] if plain(secret) in read]


def tried(places: Any, few: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Place, writing, text: what is plain in every place, and what is not in a few."""
    writings = WORDS["writings"]
    found = [(place, "plain", text) for place in places for text in writings["plain"]]
    for name, texts in writings.items():
        found += [(place, name, text) for text in texts for place in few if name != "plain"]
    return found
