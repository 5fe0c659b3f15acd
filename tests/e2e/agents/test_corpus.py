"""`corpus/bypass/mcp.json`: each way of saying a value, in each place of a message, one of them
plain. Raw at the server, not to be found at the client."""

import json
import unicodedata
from typing import Any
from urllib.parse import unquote

import pytest
from harness.paths import ROOT

from .conftest import Client, Tools

CORPUS = json.loads((ROOT / "corpus" / "bypass" / "mcp.json").read_text())


def filled(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return value.replace("$", text)
    if isinstance(value, list):
        return [filled(item, text) for item in value]
    if isinstance(value, dict):
        return {filled(key, text): filled(item, text) for key, item in value.items()}
    return value


def written(text: str) -> str:
    for name, value in CORPUS["values"].items():
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
    return [secret for secret in CORPUS["secrets"] if plain(secret) in read]


def cases() -> list[Any]:
    places, writings = CORPUS["places"], CORPUS["writings"]
    found = [(place, "plain", text) for place in places for text in writings["plain"]]
    for name, texts in writings.items():
        found += [(place, name, text) for text in texts for place in ("text", "structured value", "log") if name != "plain"]
    return [pytest.param(place, text, id=f"{place}: {name}: {text[:20]!r}") for place, name, text in found]


@pytest.fixture(scope="module")
def client(served: Tools) -> Client:
    return served.open()


@pytest.mark.parametrize(("place", "text"), cases())
def test_it_is_raw_at_the_server_and_masked_at_the_client(tools: Tools, client: Client, place: str, text: str) -> None:
    said = filled(CORPUS["places"][place], written(text))
    raw = json.dumps(said, ensure_ascii=False)
    assert shows(raw), "the case shows nothing to begin with"
    if "result" in said:
        tools.script.results["find_person"] = said["result"]
    elif "error" in said:
        tools.script.raw["find_person"] = json.dumps({"jsonrpc": "2.0", "id": "$id", "error": said["error"]}).replace('"$id"', "$id")
    else:
        tools.script.before["find_person"] = [{"jsonrpc": "2.0", **said["note"]}]
    got = client.call("find_person")
    assert got.status == 200 and got.messages()
    # Escapes of JSON undone, as any client does.
    read = json.dumps([one for one in got.messages()], ensure_ascii=False)
    assert not shows(read), read
