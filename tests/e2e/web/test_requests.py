"""What reaches a service: the canonical request that was decided, with the service's own
credential, and nothing else."""

import pytest
from harness.service import Reply

from .conftest import Web

OK = Reply(b'{"ok": true}')


def test_the_callers_token_stays_and_the_targets_goes(web: Web) -> None:
    web.service.replies["/items"] = OK
    got = web.get("/crm/items")
    assert (got.status, got.json()) == (200, {"ok": True})
    seen = web.service.seen[-1]
    assert seen.fields["authorization"] == "Bearer the-targets-own-token"
    assert web.token not in str(seen)


def test_a_resource_is_found_by_host_name_too(web: Web) -> None:
    web.service.replies["/items"] = OK
    assert web.get("/items", Host="crm.internal").status == 200
    assert web.get("/items", Host="CRM.internal:8080").status == 200
    assert web.get("/items", Host="elsewhere").status == 404


def test_without_a_good_token_nothing_is_told(web: Web) -> None:
    count = len(web.service.seen)
    for token in ("", "nonsense", "a.b.c"):
        got = web.ask("GET", "/crm/items", token=token or " ")
        assert got.status == 401 and got.fields["www-authenticate"].startswith("Bearer")
        assert web.ask("GET", "/nowhere", token=token or " ").status == 401
    assert len(web.service.seen) == count


@pytest.mark.parametrize(
    "path",
    ["/admin", "/Admin", "/ADMIN", "/admin.json", "//admin", "/x/../admin", "/%61dmin", "/./admin/", "/x/%2e%2e/admin", "/admin/users"],
)
def test_every_spelling_of_a_path_is_decided_alike(web: Web, path: str) -> None:
    web.service.replies["/admin"] = OK
    count = len(web.service.seen)
    got = web.get(f"/crm{path}")
    assert got.status == 403 and got.json()["rule"] == "admin"
    assert len(web.service.seen) == count


@pytest.mark.parametrize(
    "path",
    ["/a%2fb", "/admin.", "/admin%20", "/%20admin", "/items?_method=DELETE", "/admin;x", "/%252e%252e/admin", "/a%00", "/../..", "/a%5c..%5cadmin"]
)
def test_what_servers_read_in_two_ways_is_refused(web: Web, path: str) -> None:
    count = len(web.service.seen)
    got = web.get(f"/crm{path}")
    assert got.status == 400 and got.fields["content-type"] == "application/problem+json"
    assert len(web.service.seen) == count


def test_exactly_what_was_decided_is_sent(web: Web) -> None:
    web.service.replies["/items/a b"] = OK
    web.get("/crm//items/./x/../a%20b?q=%41+b&z")
    assert web.service.seen[-1].target == "/items/a%20b?q=A%20b&z"


def test_fields_do_not_make_another_request_of_it(web: Web) -> None:
    web.service.replies["/items"] = OK
    fields = {
        "X-HTTP-Method-Override": "DELETE",
        "X-Original-URL": "/admin",
        "X-Rewrite-URL": "/admin",
        "X-Forwarded-For": "10.0.0.1",
        "Cookie": "session=1",
        "Range": "bytes=0-3",
        "X_Original_URL": "/admin",
        "X-Forwarded-Prefix": "/admin",
        "X-Remote-User": "root",
        "X-Kept": "yes",
    }
    assert web.get("/crm/items", **fields).status == 200
    seen = web.service.seen[-1].fields
    gone = {name.lower() for name in fields} - {"x-kept"}
    assert not gone & set(seen) and seen["x-kept"] == "yes"
    assert seen["accept-encoding"] == "identity"


def test_reading_is_no_writing(web: Web) -> None:
    web.service.replies["/items"] = OK
    rita = web.gateway.token("rita")
    assert web.ask("GET", "/crm/items", token=rita).status == 200
    count = len(web.service.seen)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        got = web.ask(method, "/crm/items/7", b"{}", token=rita)
        assert got.status == 403, method
    assert web.ask("TRACE", "/crm/items").status == 400
    assert len(web.service.seen) == count


def test_a_whole_collection_is_not_bounded(web: Web) -> None:
    web.service.replies["/items"] = web.service.replies["/items/7"] = OK
    got = web.ask("DELETE", "/crm/items")
    assert got.status == 403 and got.json()["hint"] == "delete one at a time"
    for query in ("?x", "?_=1", "?ids=*"):
        assert web.ask("DELETE", f"/crm/items{query}").status == 403
        assert web.ask("PUT", f"/crm/items{query}", b"[]").status == 403
    assert web.ask("DELETE", "/crm/items/7").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "email=x",
        "Email=x",
        "email[]=x",
        "user[email]=x",
        "email__contains=x",
        "email.contains=x",
        "sort=salary",
        "where=salary%3E4000",
        "or=(email.eq.x)",
        "%24filter=email%20eq%20x",
    ],
)
def test_asking_by_a_classified_field_needs_a_right(web: Web, query: str) -> None:
    web.service.replies["/people"] = Reply(b"[]")
    got = web.get(f"/crm/people?{query}")
    assert got.status == 403 and "filter" in got.json()["detail"], got.body


def test_a_body_reaches_the_target_as_it_came(web: Web) -> None:
    web.service.replies["/items"] = OK
    body = b'{"name": "x", "n": 1.50}'
    assert web.ask("POST", "/crm/items", body, Content_Type="application/json").status == 200
    seen = web.service.seen[-1]
    assert (seen.method, seen.body) == ("POST", body)
    assert seen.fields["content-type"] == "application/json"


def test_a_held_request_is_approved_once_for_the_same_body(web: Web) -> None:
    web.service.replies["/payouts"] = OK
    count = len(web.service.seen)
    send = lambda body: web.ask("POST", "/crm/payouts", body)  # noqa: E731
    got = send(b'{"amount": 10}')
    assert got.status == 202, got.body
    review = got.json()["review"]
    dana = web.gateway.token("dana")
    shown = web.gateway.json("reviews", "show", review, token=dana)
    assert shown["statement"].startswith("POST /payouts") and '"amount": 10' in str(shown["fields"])
    web.gateway.run("reviews", "approve", review, token=dana)
    other = web.ask("POST", "/crm/Payouts", b'{"amount": 10}', X_Tenant="b")
    assert other.status == 202 and "something else" in other.json()["detail"]
    other = send(b'{"amount": 10000}')
    assert other.status == 202 and "something else" in other.json()["detail"]
    assert len(web.service.seen) == count
    assert send(b'{"amount": 10}').status == 200
    assert send(b'{"amount": 10}').status == 202
    assert [seen.body for seen in web.service.seen[count:]] == [b'{"amount": 10}']


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"email": "nobody"}'),
        ("application/json", b'{"a": [{"text": "call ann.lovelace@example.org"}]}'),
        ("application/json", b'{"ann.lovelace@example.org": 1}'),
        ("application/json", b'{"n": 4111111111111111}'),
        ("application/json", b'{"text": "ann.lovelace\\u0040example.org"}'),
        ("application/json", b'{"a": 1'),
        ("application/json", b'{"note": "ann.lovelace@example.org", "note": "x"}'),
        ("application/json", b'{"a": {"x": "ann.lovelace@example.org"}, "a": {}}'),
        ("application/json", b'{"Salary": 1}'),
        ("text/plain", b'{"salary": 4200}'),
        ("", b'{"salary": 4200}'),
        ("application/xml", b"<salary>4200</salary>"),
        ("text/csv", b"id,salary\\n1,4200"),
        ("application/x-www-form-urlencoded", b"user[salary]=4200"),
        ("application/x-www-form-urlencoded", b"q=ann.lovelace%40example.org"),
        ("application/x-www-form-urlencoded", b"email=x"),
        ("text/plain", b"IBAN DE89370400440532013000"),
        ("application/octet-stream", b"\x00\xff"),
        ("multipart/form-data; boundary=x", b"--x--"),
    ],
)
def test_personal_data_does_not_leave_without_a_right(web: Web, kind: str, body: bytes) -> None:
    web.service.replies["/tickets"] = OK
    count = len(web.service.seen)
    got = web.ask("POST", "/crm/tickets", body, Content_Type=kind)
    assert got.status == 403 and got.json()["rule"] == "out", got.body
    assert len(web.service.seen) == count
    for path in ("/crm/tickets?note=ann.lovelace@example.org", "/crm/tickets?n=4111111111111111"):
        assert web.ask("POST", path, b"").status == 403
    assert web.ask("POST", "/crm/tickets", b"", X_Note="to ann.lovelace@example.org").status == 403
    plain = web.ask("POST", "/crm/tickets", b'{"text": "it is broken"}', Content_Type="text/json")
    assert plain.status == 200, plain.body
