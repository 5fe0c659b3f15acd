"""What reaches a service: the canonical request that was decided, with the service's own
credential, and nothing else."""

import shutil
import subprocess
from urllib.parse import quote

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
        "Impersonate-User": "root",
        "Impersonate-Group": "admins",
        "X-Hasura-Role": "admin",
        "Sudo": "root",
        "X-WebAuth-User": "root",
        "X-Auth-Request-Email": "root@example.org",
        "X-MS-Client-Principal-Id": "1",
        "X-Goog-Authenticated-User-Email": "root@example.org",
        "X-SSL-Client-CN": "root",
        "SSL-Client-Cert": "x",
        "X-Client-IP": "10.0.0.1",
        "X-Middleware-Subrequest": "middleware",
        "If-Match": '"x"',
        "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Remote-Groups": "admins",
        "X-Pomerium-Claim-Groups": "admins",
        "MSCRMCallerID": "1",
        "X-Amzn-Oidc-Data": "x",
        "SSLClientCertSN": "1",
        "X-Scope-OrgID": "1",
        "X-Vault-Token": "x",
        "X-Api-Key": "x",
        "X-Accel-Mapping": "/a=/b",
        "X-Matched-Path": "/admin",
        "X-Azure-ClientIP": "10.0.0.1",
    }
    stays = {"X-Kept": "yes", "Traceparent": "00-1", "X-Request-Id": "1", "Idempotency-Key": "7", "X-Csrf-Token": "c", "Stripe-Version": "2026"}
    assert web.get("/crm/items", **fields, **stays).status == 200
    seen = web.service.seen[-1].fields
    assert not {name.lower() for name in fields} & set(seen)
    assert all(seen[name.lower()] == value for name, value in stays.items())
    assert seen["accept-encoding"] == "identity"


def test_a_resource_names_fields_that_pass(web: Web) -> None:
    web.service.replies["/items"] = OK
    fields = {"X-User-Id": "7", "X-User-Role": "admin"}
    assert web.get("/tracker/items", **fields).status == 200
    assert web.service.seen[-1].fields["x-user-id"] == "7" and "x-user-role" not in web.service.seen[-1].fields
    assert web.get("/crm/items", **fields).status == 200
    assert not {"x-user-id", "x-user-role"} & set(web.service.seen[-1].fields)


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


def test_a_read_that_names_somebody_is_bounded(web: Web) -> None:
    """What goes out is a write on its field, and changes no row of anybody's."""
    web.service.replies["/lookups"] = Reply(b'{"ok": true}')
    got = web.get("/crm/lookups?ip=203.0.113.7&mail=ann.berg@example.org")
    assert got.status == 200, got.body


def test_a_whole_collection_is_not_bounded(web: Web) -> None:
    web.service.replies["/items"] = web.service.replies["/items/7"] = OK
    got = web.ask("DELETE", "/crm/items")
    assert got.status == 403 and got.json()["hint"] == "delete one at a time"
    for query in ("?x", "?_=1", "?ids=*"):
        assert web.ask("DELETE", f"/crm/items{query}").status == 403
        assert web.ask("PUT", f"/crm/items{query}", b"[]").status == 403
    assert web.ask("DELETE", "/crm/items/7").status == 200


@pytest.mark.parametrize("part", ["*", "%2A", "**", "*.*", "123*", "%25", "-", "~", "%5B%5D", "@all", "1,2,3", "(1,2)", "1%7C2", "1-100", "0..999", "1:9"])
def test_what_could_be_several_things_is_not_bounded(web: Web, part: str) -> None:
    count = len(web.service.seen)
    got = web.ask("DELETE", f"/crm/items/{part}")
    assert got.status in (400, 403), got.body
    assert len(web.service.seen) == count
    if "*" in part or "," in part:
        assert web.ask("DELETE", f"/crm/items/{part}/notes/7").status in (400, 403)


@pytest.mark.parametrize("part", ["7", "0191d0a4-0000-7000-8000-000000000001", "2024-11-30", "ord-1234", "a.b@example.net"])
def test_one_thing_is_bounded(web: Web, part: str) -> None:
    web.service.replies[f"/items/{part}"] = OK
    got = web.ask("DELETE", f"/crm/items/{part}")
    assert got.status == 200 or "delete one at a time" not in str(got.body), got.body


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
        ("text/plain", b'{"a": 1, "salary": 4711'),
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
    honest = b'{"text": "it is broken", "send_email": true, "query": "who answers email of customers", "n": -5}'
    plain = web.ask("POST", "/crm/tickets", honest, Content_Type="text/json")
    assert plain.status == 200, plain.body


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/items", "application/x-www-form-urlencoded", b"_method=DELETE"),
        ("/items", "application/x-www-form-urlencoded", b"x=1&X-HTTP-Method-Override=DELETE"),
        ("/items", "application/json", b'{"_method": "DELETE"}'),
        ("/items", "text/plain", b'{"_method": "DELETE"}'),
        ("/items", "multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--x--'),
        ("/items", "text/plain", b"%5fmethod=DELETE"),
        ("/items", "", b"%5fmethod=DELETE"),
        ("/items", "application/x-www-form-urlencoded", b"a=1;_method=DELETE"),
        ("/items", "application/x-ndjson", b'{"a": 1}\n{"_method": "DELETE"}\n'),
        ("/items", "text/plain", b'//c\n{"_method": "DELETE"}'),
        ("/items", "multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="\\_method"\r\n\r\nDELETE\r\n--x--'),
        ("/items", "multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="_%6dethod"\r\n\r\nDELETE\r\n--x--'),
        ("/items", "application/x-www-form-urlencoded", b".method=DELETE"),
        ("/items", "application/x-www-form-urlencoded", b"_method%00x=DELETE"),
        ("/items", "application/x-www-form-urlencoded", b"[_method]=DELETE"),
        ("/items", "multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name=".method"\r\n\r\nDELETE\r\n--x--'),
        ("/items?.method=DELETE", "application/json", b"{}"),
        ("/items?_method%00x=DELETE", "application/json", b"{}"),
        ("/items?a%00b=1", "application/json", b"{}"),
        ("/items?_method[]=DELETE", "application/json", b"{}"),
        ("/items?x-http-method-override=DELETE", "application/json", b"{}"),
        ("/items?httpMethod=DELETE", "application/json", b"{}"),
        ("/items?method=DELETE", "application/json", b"{}"),
    ],
)
def test_a_method_stands_in_the_first_line_only(web: Web, path: str, kind: str, body: bytes) -> None:
    web.service.replies["/items"] = OK
    count = len(web.service.seen)
    got = web.ask("POST", f"/crm{path}", body, Content_Type=kind)
    assert got.status == 400 and "another request" in got.json()["detail"], got.body
    assert len(web.service.seen) == count
    fields = {"X-Method": "DELETE", "X-HTTP-Verb": "DELETE", "X-REST-Method": "DELETE", "Method": "DELETE"}
    assert web.ask("POST", "/crm/items", b'{"method": "x"}', **fields).status == 200
    assert not {name.lower() for name in fields} & set(web.service.seen[-1].fields)


def test_what_php_reads_as_a_method_is_refused(web: Web) -> None:
    """Names are compared with a reader that many services have, not with a list of ours."""
    php = shutil.which("php")
    if php is None:
        pytest.skip("there is no php")
    signs = [chr(code) for code in range(128)]
    quoted = [quote(sign, safe="") for sign in signs]
    names = [f"{one}{two}method{end}" for one in ("", *quoted) for two in ("_", ".", "[", "%20") for end in ("", "%00", "%00x", "]")]
    names += [f"{two}{one}method{end}" for one in quoted for two in ("_", ".", "[") for end in ("", "[x")]
    names += [f"_method{one}" for one in quoted] + [f"x{name}" for name in names[:50]]
    code = 'foreach (file("php://stdin") as $l) { $a = []; parse_str(rtrim($l, "\n")."=DELETE", $a); echo isset($a["_method"]) ? 1 : 0; }'
    read = subprocess.run([php, "-r", code], input="\n".join(names), capture_output=True, text=True, check=True)
    methods = [name for name, one in zip(names, read.stdout, strict=True) if one == "1"]
    assert len(methods) > 10
    web.service.replies["/items"] = OK
    count = len(web.service.seen)
    for name in methods:
        body = f"{name}=DELETE".encode()
        assert web.ask("POST", "/crm/items", body, Content_Type="application/x-www-form-urlencoded").status == 400, name
        assert web.ask("POST", f"/crm/items?{name}=DELETE", b"x=1", Content_Type="text/plain").status == 400, name
    assert len(web.service.seen) == count


@pytest.mark.parametrize("body", [b'{"http_method": "GET", "name": "probe"}', b'{"httpMethod": "POST"}', b'\xef\xbb\xbf{"a": 1}', b'{"method": "PUT"}'])
def test_documents_about_methods_pass(web: Web, body: bytes) -> None:
    web.service.replies["/items"] = OK
    assert web.ask("POST", "/crm/items", body, Content_Type="application/json").status == 200
    assert web.service.seen[-1].body == body.removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "path",
    ["/payouts()", "/payouts(42)", "/payouts,", "/payouts!", "/payouts$", "/payouts@x", "/payouts%20x", "/payouts%7C", "/payouts:go", "/(S(abc))/payouts"],
)
def test_a_sign_in_a_path_hides_no_route(web: Web, path: str) -> None:
    web.service.replies[path] = OK
    count = len(web.service.seen)
    got = web.ask("POST", f"/crm{path}", b'{"amount": 1}', Content_Type="application/json")
    assert (got.status, len(web.service.seen)) == (202, count), got.body
    admin = web.get("/crm" + path.replace("payouts", "admin"))
    assert admin.status == 403 and len(web.service.seen) == count


def test_a_slash_is_a_letter_where_a_resource_says_so(web: Web) -> None:
    path = "/projects/group%2Fproject"
    web.service.replies["/projects/group/project"] = OK
    assert web.get(f"/crm{path}").status == 400
    assert web.get(f"/tracker{path}").status == 200
    assert web.service.seen[-1].target == path
    # Whoever decodes it finds no way out of its part, and no route hidden in it.
    assert web.get("/tracker/projects/x%2F..%2F..%2Fadmin").status == 400
    assert web.get("/tracker/admin%2Fx").status == 403


@pytest.mark.parametrize("path", ["/people()", "/people,", "/people!"])
def test_a_key_of_nothing_is_no_bound(web: Web, path: str) -> None:
    count = len(web.service.seen)
    got = web.ask("DELETE", f"/crm{path}")
    assert got.status == 403 and got.json()["hint"] == "delete one at a time"
    assert web.ask("GET", "/crm" + "/.php" * 7).status == 400
    assert len(web.service.seen) == count


UNREADABLE = (
    b'{"x": NaN, "salary": 4711, "_method": "DELETE"}',
    b'{"x": "\\ud800", "salary": 4711, "_method": "DELETE"}',
    b'{"x": ' + b"[" * 130 + b"]" * 130 + b', "salary": 4711, "_method": "DELETE"}',
    b'//c\n{"salary": 4711}',
    b'/**/{"_method": "DELETE"}',
    b'{"_method": "DELETE",}',
    b'{"salary": 4711',
)


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_document_that_is_not_read_is_refused(web: Web, body: bytes) -> None:
    web.service.replies["/items"] = OK
    count = len(web.service.seen)
    for kind in ("application/json", "application/vnd.api+json; charset=utf-8", "text/json"):
        got = web.ask("POST", "/crm/items", body, Content_Type=kind)
        assert got.status == 400 and "says that it is JSON" in got.json()["detail"], got.body
        assert "RFC 8259" in got.json()["hint"]
    for kind in ("text/plain", "application/x-own"):
        got = web.ask("POST", "/crm/tickets", body, Content_Type=kind)
        assert got.status in (400, 403), got.body
    assert len(web.service.seen) == count
    assert web.ask("POST", "/crm/items", b"", Content_Type="application/json").status == 200


def test_words_of_a_question_are_no_methods(web: Web) -> None:
    web.service.replies["/items"] = OK
    for query in ("method=GET", "verb=put", "method=card"):
        assert web.get(f"/crm/items?{query}").status == 200, query
    assert web.ask("POST", "/crm/items", b"payment_method=card", Content_Type="text/plain").status == 200


@pytest.mark.parametrize("ending", [".pdf", ".zip", ".htm", ".rss", ".json.xml", ".foo", ".foo.bar", ".JSON", ".1", ".123", ".abcdefghijk", ".json-x", ".j%21", ".x%20y", ".php/x"])
def test_a_format_at_the_end_makes_no_other_route(web: Web, ending: str) -> None:
    count = len(web.service.seen)
    got = web.ask("POST", f"/crm/payouts{ending}", b'{"amount": 1}')
    assert got.status == 202 and got.json()["rule"] == "held", got.body
    assert len(web.service.seen) == count


def test_a_program_in_a_path_is_asked_for_what_stands_behind_it(web: Web) -> None:
    count = len(web.service.seen)
    for path in ("/index.php/admin", "/index.php/Admin.foo", "/x/app.cgi/admin", "/admin.php/x"):
        got = web.get(f"/crm{path}")
        assert got.status == 403 and got.json()["rule"] == "admin", (path, got.body)
    got = web.ask("POST", "/crm/index.php/payouts", b"{}")
    assert got.status == 202 and got.json()["rule"] == "held", got.body
    assert len(web.service.seen) == count
    # What is known of the other route holds, too.
    web.service.replies["/rated/42.foo"] = web.service.replies["/index.php/rated/42"] = Reply(b'{"score": 731}')
    for path in ("/rated/42.foo", "/index.php/rated/42"):
        assert web.get(f"/crm{path}").json() == {"score": "[income]"}, path


@pytest.mark.parametrize(
    "path", ["/payouts%3Fx", "/payouts%23x", "/payouts%C2%AD", "/payouts%E2%80%8B", "/%EF%BD%90ayouts"]
)
def test_characters_that_stand_for_others_are_refused(web: Web, path: str) -> None:
    count = len(web.service.seen)
    assert web.ask("POST", f"/crm{path}", b"{}").status == 400
    assert len(web.service.seen) == count


@pytest.mark.parametrize(
    "query",
    [
        "sort=-salary", "email_like=x", "email_cont=x", "emailLike=x", "findByEmail=x", "userEmail=x",
        "where={%22s%5Cu0061lary%22:{%22gt%22:4000}}", "s%2561lary=1", "user%26%2391;email%26%2393;=1",
        "sort=salaryDesc", "order=salary_desc", "e-mail=x", "q=e%256dail%3Dx", "fullName=1", "order=full-name",
    ],
)  # fmt: skip
def test_every_writing_of_a_name_asks_for_it(web: Web, query: str) -> None:
    web.service.replies["/people"] = Reply(b"[]")
    got = web.get(f"/crm/people?{query}")
    assert got.status == 403 and "filter" in got.json()["detail"], got.body
    assert web.get("/crm/people?sort=created&q=emailed").status == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"id,salary\n1,4711"),
        ("text/plain", b"salary: 4711"),
        ("text/plain", b"salary=4711"),
        ("text/plain", '\ufeff{"salary": 4711}'.encode()),
        ("application/x-www-form-urlencoded", b'a={"salary":1}'),
        ("application/x-www-form-urlencoded", b"user__salary=4711"),
        ("application/x-www-form-urlencoded", b"user:salary=4711"),
        ("application/x-www-form-urlencoded", b"x=1;salary=4711"),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="salary"\r\n\r\n4711\r\n--x--'),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="f"; filename="a"\r\ncontent-type: application/json\r\n\r\n{"salary": 1}\r\n--x--'),
        ("multipart/form-data; boundary=x", b'--x\r\ncontent-disposition: form-data; name="f"; filename="a.bin"\r\n\r\n\x00\xff\r\n--x--'),
        ("multipart/form-data; boundary=x", b'preamble\r\n--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--'),
        ("application/json", b'{"user[salary]": 4711}'),
        ("application/json", b'{"user/salary": 4711}'),
        ("application/json", b'{"city[salary]": 4711}'),
        ("application/json", b'{"x": {"salary_gt": 4000}}'),
        ("application/json", b'{"userEmail": "x"}'),
        ("application/json", b'{"sort": "-salary"}'),
        ("application/json", b'{"sort": "salary desc"}'),
        ("application/json", b'{"filter": "findBySalary"}'),
        ("application/json", b'{"query": "{ people(filter: {salary_gt: 4000}) { id } }"}'),
        ("application/x-www-form-urlencoded", b"sort=-salary"),
        ("text/plain", b'{"x": NaN, "s\\u0061lary": 4711}'),
        ("text/plain", b"sal%61ry=4711"),
        ("text/plain; charset=utf-7", b"ann.lovelace+AEA-example.org"),
        ("application/json", b'{"n": -4111111111111111}'),
        ("application/json", b'{"$set": {"salary ": 1}}'),
        ("application/json", b'[{"op": "replace", "path": "/salary", "value": 4711}]'),
        ("application/json", b'{"query": "mutation { set(salary: 4711) { id } }"}'),
    ],
)
def test_a_classified_field_does_not_leave_under_another_writing(web: Web, kind: str, body: bytes) -> None:
    web.service.replies["/tickets"] = OK
    count = len(web.service.seen)
    got = web.ask("POST", "/crm/tickets", body, Content_Type=kind)
    assert got.status == 403 and got.json()["rule"] == "out", got.body
    assert len(web.service.seen) == count


def test_what_is_packed_is_unpacked_before_it_is_decided(web: Web) -> None:
    import gzip

    web.service.replies["/tickets"] = OK
    packed = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
    got = web.ask("POST", "/crm/tickets", gzip.compress(b'{"salary": 1}'), **packed)
    assert got.status == 403 and got.json()["rule"] == "out", got.body
    body = b'{"text": "it is broken"}'
    assert web.ask("POST", "/crm/tickets", gzip.compress(body), **packed).status == 200
    seen = web.service.seen[-1]
    assert seen.body == body and "content-encoding" not in seen.fields
    for coding, sent in (("gzip", body), ("x-own", body), ("gzip", gzip.compress(b" " * (40 << 20)))):
        got = web.ask("POST", "/crm/tickets", sent, Content_Encoding=coding)
        assert got.status == 415, got.body


def test_a_field_that_is_no_text_is_refused(web: Web) -> None:
    assert web.ask("POST", "/crm/payouts", b"{}", X_A="\xff").status == 400


def test_pictures_stand_in_paths(web: Web) -> None:
    tag = "/tag/%F0%9F%91%A8%E2%80%8D%F0%9F%92%BB"
    web.service.replies["/tag/\U0001f468\u200d\U0001f4bb"] = OK
    assert web.get(f"/crm{tag}").status == 200 and web.service.seen[-1].target == tag


def test_a_form_of_parts_is_looked_into(web: Web) -> None:
    web.service.replies["/tickets"] = OK
    form = b'--x\r\ncontent-disposition: form-data; name="title"\r\n\r\nit is broken\r\n' + (
        b'--x\r\ncontent-disposition: form-data; name="f"; filename="a.json"\r\ncontent-type: application/json\r\n\r\n{"n": 1}\r\n--x--\r\n'
    )
    got = web.ask("POST", "/crm/tickets", form, Content_Type="multipart/form-data; boundary=x")
    assert got.status == 200 and web.service.seen[-1].body == form, got.body
