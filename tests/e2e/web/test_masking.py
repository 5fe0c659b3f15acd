"""Nothing personal leaves unmasked, in whatever way an answer is written."""

import json

import pytest
from harness.service import Reply

from .conftest import Web

EMAIL = "ann.lovelace@example.org"
IBAN = "DE89370400440532013000"
PERSON = {"id": 7, "email": EMAIL, "full_name": "Ann Lovelace", "nickname": "annie", "salary": 4200}


def answer(web: Web, reply: Reply, path: str = "/people") -> bytes:
    web.service.replies[path] = reply
    got = web.get(f"/crm{path}")
    assert got.status == 200, got.body
    return got.body


def test_classified_fields_are_masked_at_any_depth(web: Web) -> None:
    document = {"data": [{"person": PERSON}, {"person": PERSON}], "next": None}
    got = json.loads(answer(web, Reply(json.dumps(document).encode())))
    for item in got["data"]:
        person = item["person"]
        assert person["email"] == "a***@example.org"
        assert person["full_name"] == "[name]" and person["salary"] == "[income]"
        assert (person["id"], person["nickname"]) == (7, "annie")
    assert got["next"] is None


def test_what_is_not_masked_is_byte_for_byte(web: Web) -> None:
    body = b'{ "a" : [1, 2.50, -0e1, true,null ],\n\t"caf\\u00e9": "x\\/y \\u00e9", "": {} }\r\n'
    assert answer(web, Reply(body), "/plain") == body


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_pieces_of_any_size_are_masked_alike(web: Web, step: int) -> None:
    body = json.dumps({"email": EMAIL, "text": f"mail {EMAIL}, bank {IBAN}"}).encode()
    cuts = tuple(range(step, len(body), step))
    got = answer(web, Reply(body, cuts=cuts))
    assert json.loads(got)["email"] == "a***@example.org"
    assert EMAIL.encode() not in got and IBAN.encode() not in got


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", json.dumps({"note": f"write to {EMAIL}"})),
        ("application/json", '{"note": "write to ann.lovelace\\u0040example.org"}'),
        ("application/json", json.dumps({EMAIL: 1})),
        ("application/json", json.dumps([IBAN])),
        ("application/json", json.dumps({"contact": {"deep": ["anything", {"x": EMAIL}]}})),
        ("application/problem+json; charset=utf-8", json.dumps({"detail": f"no {EMAIL}"})),
        ("application/x-ndjson", f'{{"email": "{EMAIL}"}}\n{{"iban": "{IBAN}"}}\n'),
        ("text/event-stream", f'event: x\ndata: {{"email": "{EMAIL}"}}\n\ndata: to {EMAIL}\n\n'),
        ("text/plain", f"Dear {EMAIL}, your account {IBAN}"),
        ("text/html; charset=UTF-8", f"<p>Dear <a href='mailto:{EMAIL}'>{IBAN}</a></p>"),
        ("text/plain", json.dumps({"salary": "anything"})),
        ("text/html", json.dumps({"salary": "anything"})),
        ("text/event-stream", 'data: {"salary":\ndata: "anything"}\n\n'),
        ("text/event-stream", f"data: mail\ndata: {EMAIL}\n\n"),
    ],
)
def test_personal_values_do_not_pass(web: Web, kind: str, body: str) -> None:
    got = answer(web, Reply(body.encode(), kind=kind), "/mixed").decode()
    for value in (EMAIL, "ann.lovelace", IBAN, "\\u0040", "anything"):
        assert value not in got, got


def test_fields_of_the_head_are_looked_through(web: Web) -> None:
    fields = (("X-User", EMAIL), ("X-Note", f"for {EMAIL}"), ("Set-Cookie", "sid=1"), ("ETag", "x"))
    web.service.replies["/head"] = Reply(b"{}", fields=fields)
    got = web.get("/crm/head")
    assert got.fields["x-user"] == "a***@example.org"
    assert EMAIL not in got.fields["x-note"]
    assert not {"set-cookie", "etag"} & set(got.fields)


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("http://TARGET/people/7", "/crm/people/7"),
        ("HTTP://TARGET/people/7", "/crm/people/7"),
        ("//TARGET?a=1", "/crm/?a=1"),
        ("https://TARGET", "/crm/"),
        ("/people/7", "/crm/people/7"),
        ("http://TARGET0/people/7", "http://TARGET0/people/7"),
        ("/go?to=//TARGET/x", "/crm/go?to=//TARGET/x"),
    ],
)
def test_a_redirect_leads_through_the_gateway(web: Web, to: str, shown: str) -> None:
    to, shown = (text.replace("TARGET", f"127.0.0.1:{web.service.port}") for text in (to, shown))
    web.service.replies["/old"] = Reply(b"", kind=None, status=302, fields=(("Location", to),))
    got = web.get("/crm/old")
    assert got.status == 302
    if shown.startswith("/"):
        assert got.fields["location"] == shown
    else:
        assert not got.fields["location"].startswith("/crm")


def test_events_keep_apart_whatever_ends_their_lines(web: Web) -> None:
    events = b'event: a\r\ndata: {"salary": 1}\r\n\r\ndata: two\r\n\r\n'
    web.service.replies["/events"] = Reply(events, kind="text/event-stream", cuts=(20, 40))
    assert web.get("/crm/events").body == b'event: a\ndata: {"salary": "[income]"}\n\ndata: two\n\n'


@pytest.mark.parametrize(
    "reply",
    [
        Reply(EMAIL.encode(), kind="application/octet-stream"),
        Reply(EMAIL.encode(), kind="application/pdf"),
        Reply(EMAIL.encode(), kind=None),
        Reply(b"id,salary\n1,4200\n", kind="text/csv"),
        Reply(b"<r><salary>4200</salary></r>", kind="application/xml"),
        Reply(b"salary: 4200", kind="application/yaml"),
        Reply(b"{}", fields=(("Content-Type", "text/plain"),)),
        Reply(EMAIL.encode(), kind="text/plain; charset=utf-16"),
        Reply(EMAIL.encode(), kind="application/json"),
        Reply(b'{"a": 1} {"email": "' + EMAIL.encode() + b'"}'),
        Reply(b'{"a": "' + EMAIL.encode()),
        Reply(b"{}", fields=(("Content-Encoding", "gzip"),)),
        Reply(b'{"a": "\xff"}'),
        Reply(b"[" * 1000 + b"]" * 1000),
        Reply(b'{"a": 01}'),
    ],
)
def test_what_nobody_can_look_into_is_withheld(web: Web, reply: Reply) -> None:
    web.service.replies["/opaque"] = reply
    got = web.get("/crm/opaque")
    assert got.status == 502 and EMAIL.encode() not in got.body
    assert got.json()["detail"].startswith("the answer is withheld")
    # The caller's session goes on.
    web.service.replies["/items"] = Reply(b'{"ok": true}')
    assert web.get("/crm/items").status == 200


def test_a_policy_lets_opaque_bodies_pass_by_name(web: Web) -> None:
    body = bytes(range(256))
    assert answer(web, Reply(body, kind="image/png"), "/logo") == body


def test_a_limit_counts_items_before_any_is_shown(web: Web) -> None:
    web.service.replies["/many"] = Reply(json.dumps([{"id": n} for n in range(101)]).encode())
    got = web.get("/crm/many")
    assert got.status == 403 and got.json()["rule"] == "many"
    web.service.replies["/many"] = Reply(json.dumps([{"id": n} for n in range(100)]).encode())
    assert len(web.get("/crm/many").json()) == 100


def test_lines_are_counted_too(web: Web) -> None:
    web.service.replies["/many"] = Reply(b"{}\n" * 101, kind="application/x-ndjson")
    assert web.get("/crm/many").status == 403


def test_what_opens_the_target_is_never_shown(web: Web) -> None:
    secret = "the-targets-own-token"
    web.service.replies["/echo"] = Reply(
        json.dumps({"authorization": f"Bearer {secret}"}).encode(), fields=(("X-Debug", secret),)
    )
    got = web.get("/crm/echo")
    assert got.status == 200 and secret not in str(got)
    web.service.replies["/echo"] = Reply(f"<p>{secret}</p>".encode(), kind="text/html")
    assert web.get("/crm/echo").body == b"<p>[credential]</p>"


def test_every_spelling_of_one_thing_is_one_route(web: Web) -> None:
    for one in ("42", "+42", "42.json", "4_2", "0x2a"):
        web.service.replies[f"/rated/{one}"] = Reply(b'{"score": 731}')
        assert json.loads(web.get(f"/crm/rated/{one}").body) == {"score": "[income]"}, one


def test_ordinary_answers_stay_as_they_are(web: Web) -> None:
    order = {
        "id": "INV-2026-000123",
        "created_at": "2026-11-28T20:00:00Z",
        "url": "https://shop.example/orders/123",
        "country": "DE",
        "item": "lamp",
        "colour": "Rose",
        "price": 19.99,
        "tags": ["new", "sale"],
    }
    fields = (("Link", f'<http://127.0.0.1:{web.service.port}/orders?page=2>; rel="next"'),)
    web.service.replies["/orders"] = Reply(json.dumps(order).encode(), fields=fields)
    got = web.get("/crm/orders")
    assert got.json() == order
    assert got.fields["link"] == '</crm/orders?page=2>; rel="next"'


def test_a_head_alone_tells_no_length(web: Web) -> None:
    web.service.replies["/people"] = Reply(json.dumps(PERSON).encode())
    got = web.ask("HEAD", "/crm/people")
    assert got.status == 200 and got.body == b"" and "content-length" not in got.fields


def test_a_target_that_is_gone_is_told_as_such(web: Web) -> None:
    web.service.replies["/denied"] = Reply(b'{"who": "are you"}', status=401)
    assert web.get("/crm/denied").status == 502
