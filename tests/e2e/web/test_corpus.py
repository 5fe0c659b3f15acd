"""`corpus/bypass/http.json`: each way of saying a value, in each place of an answer, one of them
plain. Raw at the service, not to be found at the client."""

import http.client
import json
from typing import Any
from urllib.parse import quote

import pytest
from harness.corpus import corpus, shows, tried, written
from harness.service import Reply

from .conftest import Web

PLACES = corpus("http")["places"]


def filled(value: Any, text: str) -> Any:
    if isinstance(value, str):
        return value.replace("$", text).replace("%", json.dumps(text))
    if isinstance(value, list):
        return [filled(item, text) for item in value]
    if isinstance(value, dict):
        return {filled(key, text): filled(item, text) for key, item in value.items()}
    return value


def cases() -> list[Any]:
    few = ("JSON value", "text")
    return [pytest.param(place, text, id=f"{place}: {name}: {text[:20]!r}") for place, name, text in tried(PLACES, few)]


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
