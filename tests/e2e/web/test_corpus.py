"""`corpus/bypass/http.json`: each way of saying a value, in each place of an answer, one of them
plain. Raw at the service, not to be found at the client."""

import http.client
import json
import unicodedata
from typing import Any
from urllib.parse import quote, unquote

import pytest
from harness.paths import ROOT
from harness.service import Reply

from .conftest import Web

WORDS = json.loads((ROOT / "corpus" / "bypass" / "mcp.json").read_text())
PLACES = json.loads((ROOT / "corpus" / "bypass" / "http.json").read_text())["places"]


def filled(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return value.replace("$", text).replace("%", json.dumps(text))
    if isinstance(value, list):
        return [filled(item, text) for item in value]
    if isinstance(value, dict):
        return {filled(key, text): filled(item, text) for key, item in value.items()}
    return value


def written(text: str) -> str:
    for name, value in WORDS["values"].items():
        text = text.replace(f"${name}", value)
    return text


def plain(text: str) -> str:
    while True:
        once = unicodedata.normalize("NFKC", unquote(text)).replace("\u200b", "").replace("\\u200b", "").lower()
        once = "".join(c for c in once if c not in " -\\")
        if once == text:
            return once
        text = once


def shows(text: str) -> list[str]:
    read = plain(text)
    return [secret for secret in WORDS["secrets"] if plain(secret) in read]


def cases() -> list[Any]:
    writings = WORDS["writings"]
    found = [(place, "plain", text) for place in PLACES for text in writings["plain"]]
    for name, texts in writings.items():
        found += [(place, name, text) for text in texts for place in ("JSON value", "text") if name != "plain"]
    return [pytest.param(place, text, id=f"{place}: {name}: {text[:20]!r}") for place, name, text in found]


@pytest.mark.parametrize(("place", "text"), cases())
def test_it_is_raw_at_the_service_and_masked_at_the_client(web: Web, place: str, text: str) -> None:
    said = PLACES[place]
    value = written(text)
    body = json.dumps(filled(said["json"], value)) if "json" in said else filled(said["text"], value)
    fields = tuple((name, said_.replace("$", quote(value, safe="@+"))) for name, said_ in said.get("fields", {}).items())
    web.service.replies["/said"] = Reply(body.encode(), kind=said["kind"], status=said.get("status", 200), fields=fields)
    raw = http.client.HTTPConnection("127.0.0.1", web.service.port)
    raw.request("GET", "/said")
    answer = raw.getresponse()
    direct = str(answer.getheaders()) + answer.read().decode("unicode_escape" if "json" in said else "utf-8", "replace")
    raw.close()
    assert shows(direct), "the case shows nothing to begin with"
    got = web.get("/crm/said")
    read = str(got.fields) + got.body.decode()
    assert not shows(read) and not shows(read.encode().decode("unicode_escape", "replace")), read
