"""`corpus/bypass/mcp.json`: each way of saying a value, in each place of a message, one of them
plain. Raw at the server, not to be found at the client."""

import json
from typing import Any

import pytest
from harness.corpus import corpus, shows, tried, written

from .conftest import Client, Tools

PLACES = corpus("mcp")["places"]


def filled(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return value.replace("$", text)
    if isinstance(value, list):
        return [filled(item, text) for item in value]
    if isinstance(value, dict):
        return {filled(key, text): filled(item, text) for key, item in value.items()}
    return value


def cases() -> list[Any]:
    few = ("text", "structured value", "log")
    return [pytest.param(place, text, id=f"{place}: {name}: {text[:20]!r}") for place, name, text in tried(PLACES, few)]


@pytest.fixture(scope="module")
def client(served: Tools) -> Client:
    return served.open()


@pytest.mark.parametrize(("place", "text"), cases())
def test_it_is_raw_at_the_server_and_masked_at_the_client(tools: Tools, client: Client, place: str, text: str) -> None:
    said = filled(PLACES[place], written(text))
    raw = json.dumps(said, ensure_ascii=False)
    assert shows(raw), "the case shows nothing to begin with"
    if "result" in said:
        tools.script.results["find_person"] = said["result"]
    elif "error" in said:
        tools.script.raw["find_person"] = json.dumps({"jsonrpc": "2.0", "id": "$id", "error": said["error"]}).replace('"$id"', "$id")
    else:
        tools.script.before["find_person"] = [{"jsonrpc": "2.0", **said["note"]}]
    got = client.ask("tools/call", {"name": "find_person", "_meta": {"progressToken": 7}})
    assert got.status == 200 and got.messages()
    # Escapes of JSON undone, as any client does.
    read = json.dumps([one for one in got.messages()], ensure_ascii=False)
    assert not shows(read), read
