"""What is classified is found however it is written: packed, in other letters, item by item, behind
whatever stands between a name and its value, under a name of several words. Honest answers that
look alike pass."""

import base64
import bz2
import gzip
import json
import lzma
import zlib
from typing import Any

import pytest
from harness.service import Reply

from .conftest import Web
from .test_masking import EMAIL, answer

SAID = b'{"salary": 4711, "title": "Zorblax"}'
RAW = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(SAID),
    "zlib": zlib.compress(SAID),
    "deflate": RAW.compress(SAID) + RAW.flush(),
    "xz": lzma.compress(SAID),
    "bz2": bz2.compress(SAID),
    "utf-16": SAID.decode().encode("utf-16"),
    "utf-16-be": SAID.decode().encode("utf-16-be"),
    "plain": SAID,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(range(60)),
}
LETTERS = {
    "base64": lambda data: base64.b64encode(data).decode(),
    "url": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "hex": lambda data: data.hex(),
    "base32": lambda data: base64.b32encode(data).decode(),
    "data": lambda data: "data:application/octet-stream;base64," + base64.b64encode(data).decode(),
}
CODED = [pytest.param(coded(data), id=f"{kind} in {name}") for kind, data in PACKED.items() for name, coded in LETTERS.items()]
CODED += [
    pytest.param(coded(gzip.compress(SAID)), id=f"gzip in {name}")
    for name, coded in (
        ("base85", lambda data: base64.b85encode(data).decode()),
        ("ascii85", lambda data: base64.a85encode(data).decode()),
    )
]


@pytest.mark.parametrize("coded", CODED)
def test_what_is_written_in_other_letters_is_withheld(web: Web, coded: str) -> None:
    for body, kind in ((json.dumps({"note": f"see {coded}"}), "application/json"), (f"see {coded} there", "text/plain")):
        got = answer(web, Reply(body.encode(), kind=kind), "/coded")
        assert json.dumps(coded)[1:-1].encode() not in got and coded.encode() not in got and b"see " in got, got
        assert b"withheld" in got


@pytest.mark.parametrize("coded", [case for case in CODED if not str(case.id).startswith("plain")])
def test_a_file_passes_where_policy_reveals_the_body(web: Web, coded: str) -> None:
    assert json.loads(answer(web, Reply(json.dumps({"x": coded}).encode()), "/logo")) == {"x": coded}


@pytest.mark.parametrize("said", [SAID.decode(), f"Salary - 4711 and {'x' * 20}", EMAIL])
def test_a_list_that_says_something_item_by_item_is_masked_as_one(web: Web, said: str) -> None:
    for items in (list(said.encode()), list(said)):
        got = answer(web, Reply(json.dumps({"a": 1, "list": items, "b": [1, 2]}).encode(), cuts=(10, 20, 30)), "/listed")
        assert json.loads(got) == {"a": 1, "list": ["[content withheld: nobody can look into it]"], "b": [1, 2]}


def test_digests_tokens_and_numbers_pass(web: Web) -> None:
    plain = {
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bd4a0d8c3c1c7b0f00a08",
        "etag": base64.b64encode(bytes(range(7, 39))).decode(),
        "uuid": "0b8a1c1e-7d54-4a67-9a0b-3f6d2c1b5e4f",
        "ages": [34, 56, 23, 45, 67, 89, 33, 41],
        "histogram": [0, 1, 2, 255, 3, 9, 17, 33, 21],
        "grades": ["A", "B", "C", "A", "B", "D", "A", "C", "B"],
        "url": "https://service.example/assets/main-4f3a9c.js?version=12&theme=dark",
        "nextPageToken": "CAUQAA",
        "token_type": "Bearer",
        "version": "10.4.2.1",
        "cursor": base64.b64encode(b'{"last_id": 7}').decode(),
    }
    body = json.dumps(plain).encode()
    assert answer(web, Reply(body), "/plain") == body
    assert web.get("/crm/plain?pageToken=CAUQAA").status == 200


NAMED = [
    'salary{employee="7"} 4711',
    "id\n7\nsalary\n4711",
    "id salary\n7 4711",
    "Salary - 4711",
    "Salary ..... 4711",
    "salary (4711)",
    "salary\uff1a4711",
    "salary \u2502 4711",
    "salary { v: 4711 }",
    "{:salary 4711}",
    "salary 4711;",
    "id\x1fsalary\x1e7\x1f4711",
    "*4\r\n$6\r\nsalary\r\n$4\r\n4711\r\n",
    "d6:salaryi4711ee",
    "## Salary\n\n4711",
    "**Annual salary**\n4711",
    "- **Salary** 4711",
    "<div>Annual salary</div><div>4711</div>",
    '<input title="Your salary" value="4711">',
    '<input placeholder="Salary" value="4711">',
    '<i data-label="Salary">4711</i>',
    '<i class="col_salary">4711</i>',
    '<i id="user-7-salary">4711</i>',
    "sal<wbr>ary: 4711",
]


@pytest.mark.parametrize("text", NAMED)
def test_a_value_behind_a_name_does_not_show(web: Web, text: str) -> None:
    for body, kind in ((json.dumps({"note": text}).encode(), "application/json"), (text.encode(), "text/html")):
        web.service.replies["/named"] = Reply(body, kind=kind)
        got = web.get("/crm/named")
        assert got.status in (200, 502) and b"4711" not in got.body, got.body
    sent = web.ask("POST", "/crm/tickets", json.dumps({"t": text}).encode(), Content_Type="application/json")
    assert sent.status == 403, sent.body


def test_a_name_of_several_words_is_known_by_them(web: Web) -> None:
    hidden = {
        "annualSalary": 4711,
        "employee_salary": "4711 EUR",
        "base_salary": {"amount": 4711},
        "salary_eur": [4711],
        "salary1": 4711,
        "salaries": [4711, 4711],
        "max_salary": 4711.5,
        "workEmailAddress": EMAIL,
    }
    got = answer(web, Reply(json.dumps(hidden).encode(), fields=(("X-Employee-Salary", "4711"),)), "/worded")
    assert b"4711" not in got and EMAIL.encode() not in got, got
    assert web.get("/crm/worded").fields["x-employee-salary"] == "[income]"
    events = b"event: salary.updated\ndata: 4711\n\n"
    assert b"4711" not in answer(web, Reply(events, kind="text/event-stream"), "/worded-events")
    plain = {"email_sent": True, "salary_count": 12, "email_settings": {"when": "daily"}, "salary_known": None, "city_id": 7}
    body = json.dumps(plain).encode()
    assert answer(web, Reply(body), "/worded-plain") == body


@pytest.mark.parametrize(
    "fields",
    [
        {"X_Note": "salary=4711"},
        {"X_Data": '{"salary": 4711}'},
        {"baggage": "a=1,salary=4711"},
        {"Referer": "https://x.example/?salary=4711"},
        {"X_Employee_Salary": "4711"},
    ],
)
def test_a_name_in_a_head_is_one_that_is_written(web: Web, fields: dict[str, Any]) -> None:
    web.service.replies["/tickets"] = Reply(b"{}")
    assert web.ask("POST", "/crm/tickets", b"{}", Content_Type="application/json", **fields).status == 403
    masked = web.ask("POST", "/tracker/tickets", b"{}", Content_Type="application/json", **fields)
    assert masked.status == 200, masked.body
    assert "4711" not in str(web.service.seen[-1])


def test_a_name_in_a_path_is_one_that_is_written(web: Web) -> None:
    rita = web.gateway.token("rita")
    for path, status in (("/notes/salary=4711", 403), ("/notes/salary:4711", 403), ("/notes/a=1", 200), ("/salary/7", 200)):
        web.service.replies[path] = Reply(b"{}")
        assert web.get(f"/crm{path}", token=rita).status == status, path


def test_a_name_in_the_head_of_a_part_is_one_that_is_written(web: Web) -> None:
    body = b'--x\r\ncontent-disposition: form-data; name="a"\r\nX-Note: salary=4711\r\n\r\n1\r\n--x--'
    sent = web.ask("POST", "/crm/tickets", body, Content_Type="multipart/form-data; boundary=x")
    assert sent.status == 403, sent.body


@pytest.mark.parametrize("coded", CODED[:9])
def test_what_goes_out_in_other_letters_is_looked_into(web: Web, coded: str) -> None:
    web.service.replies["/tickets"] = Reply(b"{}")
    body = json.dumps({"t": f"see {coded}"}).encode()
    assert web.ask("POST", "/crm/tickets", body, Content_Type="application/json").status == 403
    masked = web.ask("POST", "/tracker/tickets", body, Content_Type="application/json")
    assert masked.status == 200, masked.body
    assert coded.encode() not in web.service.seen[-1].body


def test_a_method_in_prose_is_a_word(web: Web) -> None:
    web.service.replies["/items"] = Reply(b"{}")
    prose = b"Rails reads `_method` and X-HTTP-Method-Override.\n_method=DELETE\n"
    for kind in ("text/plain", "text/markdown", "application/yaml", "application/xml"):
        assert web.ask("POST", "/crm/items", prose, Content_Type=kind).status == 200
    said = web.get("/crm/a%2Fb")
    assert said.status == 400 and "encoded_slash" in said.body.decode()
