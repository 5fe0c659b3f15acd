"""What an agent sends out without a right to is masked where the resource says so: what is left is
what is decided, recorded and sent."""

import json
from urllib.parse import unquote_plus

import pytest
from harness.service import Reply

from .conftest import Web

EMAIL = "ann.lovelace@example.org"
IBAN = "DE89370400440532013000"
OK = Reply(b'{"ok": true}')


def sent(web: Web, body: bytes, kind: str, path: str = "/tickets", **fields: str) -> bytes:
    web.service.replies["/tickets"] = OK
    got = web.ask("POST", f"/tracker{path}", body, Content_Type=kind, **fields)
    assert got.status == 200, got.body
    return web.service.seen[-1].body


def test_documents_go_out_without_what_may_not(web: Web) -> None:
    document = {
        "title": "it is broken", "n": 1.50, "salary": 4711, "people": [{"note": f"mail {EMAIL}"}],
        EMAIL: 1, "inner": json.dumps({"salary": 4712}), "text": "salary: 4713", "card": 4111111111111111,
    }  # fmt: skip
    body = sent(web, json.dumps(document).encode(), "application/json", Content_Digest="x")
    said = json.loads(body)
    for value in (EMAIL, "4711", "4712", "4713", "4111111111111111"):
        assert value.encode() not in body, body
    assert (said["title"], said["n"], said["salary"]) == ("it is broken", 1.5, "[income]")
    assert said["people"] == [{"note": "mail [email]"}]
    assert "content-digest" not in web.service.seen[-1].fields


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", f"please write to {EMAIL} about {IBAN}"),
        ("application/x-www-form-urlencoded", f"a=b&note={EMAIL}&user[salary]=4711&x=%7B%22salary%22:4711%7D"),
        ("application/x-ndjson", f'{{"a": "{EMAIL}"}}\n{{"salary": 4711}}\n'),
        ("text/plain", '{"salary": 4711}'),
        (
            "multipart/form-data; boundary=x",
            f'--x\r\ncontent-disposition: form-data; name="note"\r\n\r\nto {EMAIL}\r\n'
            '--x\r\ncontent-disposition: form-data; name="salary"\r\n\r\n4711\r\n'
            '--x\r\ncontent-disposition: form-data; name="f"\r\ncontent-type: application/json\r\n\r\n{"salary": 4711}\r\n--x--\r\n',
        ),
        ("text/plain", "id,salary\n1,4711"),
        ("application/json", '{"salary": {"4711": true}}'),
        ("application/json", '{"city[salary]": 4711, "x": {"salary_gt": 4711}}'),
        ("application/json", '{"n": -4111111111111111, "salary": -4711}'),
        ("text/plain", "sal%61ry=4711"),
    ],
)
def test_every_form_that_can_be_masked_is(web: Web, kind: str, body: str) -> None:
    got = unquote_plus(sent(web, body.encode(), kind).decode())
    assert "lovelace" not in got and IBAN not in got and "4711" not in got, got


def test_queries_and_fields_are_masked_too(web: Web) -> None:
    sent(web, b"{}", "application/json", f"/tickets?note={EMAIL}&q=1&z", X_Note=f"for {IBAN}")
    seen = web.service.seen[-1]
    assert seen.target == "/tickets?note=%5Bemail%5D&q=1&z" and seen.fields["x-note"] == "for [iban]"


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/tickets", "application/xml", b"<salary>4711</salary>"),
        ("/tickets", "application/octet-stream", b"\x00\xff"),
        ("/tickets", "multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="f"; filename="a.xml"\r\ncontent-type: text/xml\r\n\r\n<salary>4711</salary>\r\n--x--'),
        ("/tickets", "application/json", b'[{"op": "add", "path": "/salary", "value": 4711}]'),
    ],
)
def test_what_cannot_be_masked_does_not_go(web: Web, path: str, kind: str, body: bytes) -> None:
    count = len(web.service.seen)
    got = web.ask("POST", f"/tracker{path}", body, Content_Type=kind)
    assert got.status == 403 and got.json()["rule"] == "out", got.body
    assert len(web.service.seen) == count


@pytest.mark.parametrize("service", ["tracker", "crm"])
@pytest.mark.parametrize(
    ("query", "body"), [(f"?{EMAIL}=1", ""), (f"?{IBAN}", ""), ("", f"{EMAIL.replace('@', '%40')}=1")]
)
def test_what_stands_in_the_place_of_a_name_does_not_go(
    web: Web, service: str, query: str, body: str
) -> None:
    count = len(web.service.seen)
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    got = web.ask("POST", f"/{service}/tickets{query}", body.encode(), **form)
    assert got.status == 403 and len(web.service.seen) == count, got.body
    # Nor is it kept: records hold no values.
    shown = web.gateway.run("--format", "json", "sessions", "ls")
    for session in json.loads(shown)["sessions"]:
        told = web.gateway.run("sessions", "show", session["id"])
        assert EMAIL not in told and IBAN not in told


CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


@pytest.mark.parametrize("service", ["tracker", "crm"])
@pytest.mark.parametrize(
    "document",
    [
        {"order": "ORD-2024-000123"},
        {"product": "iPhone 15 Pro Max"},
        {"title": "Release 2.10.3.1 breaks login"},
        {"build": "Firmware 10.0.22.4, see Chrome/120.0.0.0"},
    ],
)
def test_what_is_nobodys_goes_out_as_it_came(web: Web, service: str, document: dict) -> None:
    web.service.replies["/tickets"] = OK
    body = json.dumps(document).encode()
    got = web.ask("POST", f"/{service}/tickets", body, Content_Type="application/json", User_Agent=CHROME)
    assert got.status == 200, got.body
    seen = web.service.seen[-1]
    assert seen.body == body and seen.fields["user-agent"] == CHROME


def test_what_may_go_out_goes_as_it_came(web: Web) -> None:
    web.service.replies["/items"] = OK
    body = json.dumps({"salary": 4711, "to": EMAIL}).encode()
    assert web.ask("POST", "/tracker/items", body, Content_Type="application/json").status == 200
    assert web.service.seen[-1].body == body


def test_what_is_recorded_and_approved_is_what_is_sent(web: Web) -> None:
    web.service.replies["/payouts"] = OK
    # Readers write nothing; `out` does not speak of this route, so it goes out as it came.
    send = lambda: web.ask("POST", "/tracker/payouts", b'{"to": 1}', Content_Type="application/json")  # noqa: E731
    assert send().status == 202
    sent(web, json.dumps({"note": EMAIL}).encode(), "application/json")
    otto = web.gateway.token("otto")
    sessions = web.gateway.json("sessions", "ls", token=otto)
    text = json.dumps(sessions)
    assert EMAIL not in text
