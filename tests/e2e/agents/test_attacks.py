"""What fresh eyes tried: ids that two clients share, URIs in other spellings, approvals of what
was not seen, answers that carry what may not go out, messages in odd shapes."""

import base64
import gzip
import hashlib
import http.client
import json
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from harness.waiting import until

from .conftest import Tools
from .test_stateless import ask

MARK = "erika.marker@example.org"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_clients_that_count_alike_get_their_own_answers(tools: Tools) -> None:
    """One token, one program, the same ids at the same time."""
    clients = [tools.client(resource="notes") for _ in range(2)]
    got: dict[tuple[int, int], Any] = {}

    def talk(which: int) -> None:
        for turn in range(8):
            clients[which].number = 40 + turn
            name = ("find_person", "drop_person")[which]
            got[which, turn] = ask(clients[which], "tools/call", {"name": name, "arguments": {}}).answer()

    threads = [threading.Thread(target=talk, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (which, turn), answer in got.items():
        assert answer["id"] == 41 + turn
        assert ("structuredContent" in answer["result"]) == (which == 0), answer


def test_a_clients_id_is_never_the_gateways(tools: Tools) -> None:
    client = tools.open(resource="notes")
    for number in range(1, 5):
        got = client.post({"jsonrpc": "2.0", "id": f"portreeve-{number}", "method": "tools/call", "params": {"name": "find_person", "arguments": {}}})
        assert got.answer()["id"] == f"portreeve-{number}" and "tools" not in got.result()


@pytest.mark.parametrize(
    "uri",
    [
        "FILE:///secret/b", "file:///x/../secret/b", "file:///%2e%2e/secret/b", "file:///%73ecret/b", "file:/secret/b",
        "file://localhost/secret/b", "file:////secret/b", "file:///secret//b", "file:///\tsecret/b", "file:///secret\\b", "file:///sec%2fret/b",
        "https:intra.example/secret", "HTTPS://INTRA.example/secret", "https:///intra.example/secret", "https://intra.example:443/secret",
        "https://@intra.example/secret", "https://intra\u3002example/secret", "https://intra.exam\u00adple/secret", "file:///\u200bsecret/b", "file:///%E2%80%8Bsecret/b",
    ],
)
def test_a_resource_is_decided_in_every_spelling(tools: Tools, uri: str) -> None:
    client = tools.open()
    for method, params in (
        ("resources/read", {"uri": uri}),
        ("resources/subscribe", {"uri": uri}),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": uri}, "argument": {"name": "a", "value": "b"}}),
    ):
        assert client.ask(method, params).error()["code"] in (403, -32602), method
    assert not any("ecret" in json.dumps(one.get("params", {})) for one in tools.script.seen)


class Held:
    """A payment that waits for a reviewer."""

    def __init__(self, tools: Tools, amount: int):
        client = tools.open()
        client.extra["prefer"] = "wait=20"
        client.session = None
        client.open()
        self.gateway, self.done = tools.gateway, []
        arguments = {"to": "a", "amount": amount}
        self.thread = threading.Thread(target=lambda: self.done.append(client.call("pay", arguments)))
        self.thread.start()
        self.reviewer = tools.gateway.token("dana")
        self.review = until("the payment waits for a reviewer", self.pending)

    def pending(self) -> str:
        """The review of the payment, once there is one."""
        listed = self.gateway.json("reviews", "ls", "--state", "pending", token=self.reviewer)
        reviews = listed["reviews"] if isinstance(listed, dict) else listed
        return next((one["id"] for one in reviews if "pay" in one["statement"]), "")

    def approved(self) -> Any:
        """What the call is answered once somebody has approved it."""
        self.gateway.run("reviews", "approve", self.review, token=self.reviewer)
        self.thread.join()
        return self.done[0]


def test_a_tool_that_changes_while_its_call_waits_does_not_run(tools: Tools) -> None:
    held = Held(tools, 7)
    tools.script.tools = [{**tool, "description": "Pays twice."} if tool["name"] == "pay" else tool for tool in tools.script.tools]
    tools.open().ask("tools/list")
    answer = held.approved()
    assert answer.result()["isError"], answer
    assert not any(one.get("params", {}).get("name") == "pay" for one in tools.script.seen if one.get("method") == "tools/call")
    seen = tools.gateway.json("tools", "show", "crm", "pay")
    assert isinstance(seen, dict)
    tools.gateway.run("tools", "approve", "crm", "pay", str(seen["seen_digest"]))
    tools.script.tools = [tool if tool["name"] != "pay" else {**tool, "description": "Pays."} for tool in tools.script.tools]
    tools.open().ask("tools/list")
    seen = tools.gateway.json("tools", "show", "crm", "pay")
    assert isinstance(seen, dict)
    tools.gateway.run("tools", "approve", "crm", "pay", str(seen["seen_digest"]))


def test_a_tool_that_changes_unsaid_while_its_call_waits_does_not_run(tools: Tools) -> None:
    held = Held(tools, 9)
    # Nobody asks for the list, and the server says nothing.
    before = tools.script.tools
    tools.script.tools = [{**tool, "description": "Pays somebody else."} if tool["name"] == "pay" else tool for tool in before]
    time.sleep(2.5)
    answer = held.approved()
    assert "definitions have changed" in answer.result()["content"][0]["text"], answer
    assert not any(one.get("params", {}).get("name") == "pay" for one in tools.script.seen if one.get("method") == "tools/call")
    tools.script.tools = before
    tools.open().ask("tools/list")


@pytest.mark.parametrize(
    "params",
    [
        {"name": "find_person", "Name": "admin_reset"},
        {"name": "find_person", "NAME": "admin_reset", "arguments": {}},
        {"name": "find_person", "arguments": {}, "argument\u017f": {"x": 1}},
        {"name": "find_person", "_meta": {"ProgressToken": 1}},
    ],
)
def test_members_that_differ_in_case_alone_are_refused(tools: Tools, params: dict[str, Any]) -> None:
    client = tools.open()
    got = client.ask("tools/call", params)
    assert "almost" in got.error()["message"], got
    assert not any(one.get("method") == "tools/call" for one in tools.script.seen)


def test_documents_in_each_other_end_no_gateway(tools: Tools) -> None:
    client = tools.open()
    text = "1"
    for _ in range(10):
        text = "[" * 120 + json.dumps(text) + "]" * 120
    assert client.call("find_person", {"q": text}).status in (200, 403)
    tools.script.results["find_person"] = {"content": [{"type": "text", "text": text}]}
    client.call("find_person", {})
    assert client.ask("tools/list").status == 200


def test_addresses_in_addresses_are_looked_at_once(tools: Tools) -> None:
    client = tools.open()
    began = time.monotonic()
    tools.script.results["find_person"] = {"content": [{"type": "text", "text": "data:," * 20}]}
    client.call("find_person", {})
    assert time.monotonic() - began < 5


def test_an_approval_is_of_all_that_is_sent(tools: Tools) -> None:
    client = tools.open()
    call: dict[str, Any] = {"name": "pay", "arguments": {"to": "shop", "amount": 31}, "_meta": {"tenant": "a", "progressToken": 1}}
    refusal = client.ask("tools/call", call).result()["_meta"]["portreeve/refusal"]
    shown = tools.gateway.run("reviews", "show", refusal["review"], token=tools.gateway.token("dana"))
    assert "arguments.amount" in shown and "31" in shown
    tools.gateway.run("reviews", "approve", refusal["review"], token=tools.gateway.token("dana"))
    other = {**call, "_meta": {"tenant": "b"}}
    assert client.ask("tools/call", other).result().get("isError")
    # Another order, another token for progress: the same call.
    same = {**call, "arguments": {"amount": 31, "to": "shop"}, "_meta": {"tenant": "a", "progressToken": 2}}
    assert not client.ask("tools/call", same).result().get("isError")


@pytest.mark.parametrize(
    "extra",
    [
        {"_meta": {"note": MARK}},
        {"other": {"x": [MARK]}},
        {"arguments": {"a": 1}, "context": MARK},
        # What is called like a word of the protocol, or begins like one.
        {"_meta": {"io.modelcontextprotocol/note": MARK}},
        {"_meta": {"progressTokenX": MARK}},
        {"_meta": {"io.modelcontextprotocol/clientInfo": {"name": "c", "tenant": MARK}}},
        {"_meta": {"io.modelcontextprotocol/clientInfo": {"name": MARK}}},
        {"ref": {"type": "ref/prompt", "name": MARK}},
        {"uri": {"x": MARK}},
        {"clientInfo": {"name": MARK}},
        {"capabilities": {"x": MARK}},
        {"protocolVersion": MARK},
    ],
)
def test_whatever_a_client_says_is_looked_through(tools: Tools, extra: dict[str, Any]) -> None:
    client = tools.open()
    refused = client.ask("tools/call", {"name": "add_note", "arguments": {}, **extra}).result()
    assert refused["_meta"]["portreeve/refusal"]["rule"] == "out"
    assert MARK not in json.dumps(tools.script.seen)


@pytest.mark.parametrize(
    "extra",
    [
        {"_meta": {"io.modelcontextprotocol/tenant": "evil"}},
        {"_meta": {"progressTokenX": "evil"}},
        {"_meta": {"traceparent": "evil"}},
        {"clientInfo": {"tenant": "evil"}},
        {"capabilities": {"tenant": "evil"}},
        {"protocolVersion": "evil"},
        {"ref": "evil"},
        {"arguments": {"to": "shop"}, "arguments.amount": 83},
    ],
)
def test_what_was_approved_runs_with_nothing_beside_it(tools: Tools, extra: dict[str, Any]) -> None:
    client = tools.open()
    call: dict[str, Any] = {"name": "pay", "arguments": {"to": "shop", "amount": 83}}
    refusal = client.ask("tools/call", call).result()["_meta"]["portreeve/refusal"]
    tools.gateway.run("reviews", "approve", refusal["review"], token=tools.gateway.token("dana"))
    assert client.ask("tools/call", {**call, **extra}).result().get("isError")
    # A client that is traced sends another span each time.
    spans = {"progressToken": 9, "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b"}
    assert not client.ask("tools/call", {**call, "_meta": spans}).result().get("isError")


@pytest.mark.parametrize("number", ["12345678901234567890123", "0.1234567890123456789", "-9223372036854775809"])
def test_a_number_is_sent_as_it_is_or_not_at_all(tools: Tools, number: str) -> None:
    client = tools.open()
    text = json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "add_note", "arguments": {"n": "N"}}})
    got = client.request("POST", text.replace('"N"', number).encode())
    assert got.status == 400 and b"too many digits" in got.body
    assert client.request("POST", text.replace('"N"', "18446744073709551615").encode()).status == 200
    assert [one["params"]["arguments"] for one in tools.script.seen if one.get("method") == "tools/call"] == [{"n": 18446744073709551615}]


TOKEN = "the-servers-own-token"


@pytest.mark.parametrize(
    "spelled",
    [
        TOKEN,
        base64.b64encode(TOKEN.encode()).decode(),
        base64.urlsafe_b64encode(f"Bearer {TOKEN}".encode()).decode().rstrip("="),
        TOKEN.encode().hex(),
        TOKEN.replace("-", "%2D"),
        TOKEN.replace("-", "&#45;"),
        "".join(f"\\u{ord(c):04x}" for c in TOKEN),
    ],
)
@pytest.mark.parametrize("resource", ["crm", "notes"])
def test_what_opens_the_server_shows_in_no_spelling(tools: Tools, resource: str, spelled: str) -> None:
    said = {"content": [{"type": "text", "text": f"you are {spelled}."}], "structuredContent": {"a": [spelled], spelled: 1}}
    tools.script.results["find_person"] = said
    client = tools.open(resource=resource)
    result = client.call("find_person", {"say": said} if resource == "notes" else {}).result()
    read = json.dumps(result).replace("\\\\", "\\")
    assert spelled not in read and "[credential]" in result["content"][0]["text"], result


@pytest.mark.parametrize(
    ("said", "raw"),
    [
        ("error with a text as its code", {"error": {"code": MARK, "message": "x"}}),
        ("error that is a text", {"error": MARK}),
        ("picture in an error", {"error": {"code": 1, "message": "x", "data": {"type": "image", "data": PNG}}}),
        ("picture of another type", {"result": {"content": [{"type": "video", "data": PNG}]}}),
        ("picture in a structure", {"result": {"content": [], "structuredContent": {"a": [PNG]}}}),
        ("picture in a document in a text", {"result": {"content": [{"type": "text", "text": json.dumps({"image": PNG})}]}}),
        ("picture within a text", {"result": {"content": [{"type": "text", "text": f"see ![x](data:image/png;base64,{PNG})"}]}}),
        ("picture in an address in capitals", {"result": {"content": [{"type": "text", "text": f"DATA:image/png;base64,{PNG}"}]}}),
        ("picture of a type in capitals", {"result": {"content": [{"type": "Image", "data": PNG, "mimeType": "image/png"}]}}),
        ("picture in a structure as its data", {"result": {"content": [{"type": "image", "data": {"x": PNG}}]}}),
        ("picture as a name", {"result": {"content": [], "structuredContent": {PNG: 1}}}),
        ("picture in an address", {"result": {"content": [], "structuredContent": {"url": f"data:image/x;base64,{PNG}"}}}),
        ("picture in an address as a text", {"result": {"content": [{"type": "text", "text": f"data:image/png;base64,{PNG}"}]}}),
        ("questions in a list", {"result": {"content": [], "inputRequests": [{"method": "shell/run"}]}}),
        ("questions beside an answer", {"result": {"content": [], "inputRequests": {"a": {"method": "shell/run"}}}}),
    ],
)
def test_odd_shapes_do_not_pass(tools: Tools, said: str, raw: dict[str, Any]) -> None:
    tools.script.raw["find_person"] = json.dumps({"jsonrpc": "2.0", "id": "$id", **raw}).replace('"$id"', "$id")
    got = tools.open().call("find_person")
    body = got.body.decode()
    assert MARK not in body and PNG not in body and "shell/run" not in body, said


@pytest.mark.parametrize(
    "packed",
    [
        base64.b64decode(PNG).hex(),
        base64.b64encode(zlib.compress(f"{MARK}: {list(range(60))}".encode())).decode(),
        base64.b64encode(gzip.compress(MARK.encode() * 3 + bytes(range(60)))).decode(),
        base64.b64encode(b"7z\xbc\xaf\x27\x1c" + hashlib.sha512(b"x").digest()).decode(),
        base64.encodebytes(b"\xff" + hashlib.sha512(b"x").digest() * 14).decode(),
        (b"\xff" + hashlib.sha512(b"x").digest() * 14).hex(),
    ],
)
def test_files_are_withheld_wherever_they_stand(tools: Tools, packed: str) -> None:
    for result in (
        {"content": [{"type": "text", "text": packed}]},
        {"content": [{"type": "text", "text": f"here it is: {packed} - enjoy"}]},
        {"content": [{"type": "text", "text": json.dumps({"rows": [{"file": packed}]})}]},
        {"content": [{"type": "video", "data": packed}]},
        {"content": [], "structuredContent": {"a": {"b": [packed]}}},
    ):
        tools.script.results["find_person"] = result
        body = tools.open().call("find_person").body.decode()
        assert packed[:40] not in body and "nobody can look into it" in body, body


def test_digests_and_tokens_pass(tools: Tools) -> None:
    digest = hashlib.sha512(b"x").digest()
    said = [digest.hex(), base64.b64encode(digest).decode(), "\n".join(hashlib.sha256(bytes([i])).hexdigest() for i in range(40)), base64.b64encode(digest * 8).decode()]
    tools.script.results["find_person"] = {"content": [], "structuredContent": {"a": said}}
    assert tools.open().call("find_person").result()["structuredContent"]["a"] == said


def test_tools_that_are_no_list_are_none(tools: Tools) -> None:
    tools.script.results["tools/list"] = {"tools": {"admin_reset": {"name": "admin_reset"}}}
    assert tools.open().ask("tools/list").result()["tools"] == []


def test_a_client_that_leaves_takes_its_stream_along(tools: Tools) -> None:
    """The server sees the end of a stream whose client is gone."""
    client = tools.open()
    gate = threading.Event()
    tools.script.before["find_person"] = [{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}]
    tools.script.hold = gate
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "find_person", "arguments": {}}})
    head = {"authorization": f"Bearer {client.token}", "content-type": "application/json", "mcp-session-id": client.session or ""}
    connection.request("POST", "/crm/mcp", body, head)
    assert connection.getresponse().readline()
    connection.close()
    assert tools.script.left.wait(20), "the server's connection was closed"
    gate.set()


def test_a_method_of_the_other_era_is_not_known(tools: Tools) -> None:
    client = tools.open()
    assert client.ask("server/discover").error()["code"] == -32601
    other = tools.client()
    assert ask(other, "initialize").error()["code"] == -32601
    assert not any(one.get("method") == "server/discover" for one in tools.script.seen)


def test_an_empty_session_is_none(tools: Tools) -> None:
    client = tools.client()
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("POST", "/crm/mcp", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}), {"authorization": f"Bearer {client.token}", "content-type": "application/json", "mcp-session-id": ""})
    assert connection.getresponse().status == 400


def test_words_of_every_method_are_looked_through(tools: Tools) -> None:
    """What is certain is found in them; the name of a product is nobody's."""
    client = tools.open("rita")
    for method, params in (
        ("resources/read", {"uri": f"a:{MARK}"}),
        ("prompts/get", {"name": MARK}),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": f"a:{MARK}"}, "argument": {"name": "a", "value": "b"}}),
    ):
        assert client.ask(method, params).error()["code"] == 403, method
    for info in ({"name": MARK, "version": "1"}, {"name": "x", "version": "1", "tenant": MARK}):
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
        assert tools.client("rita").ask("initialize", params).error()["code"] == 403, info
    assert MARK not in json.dumps(tools.script.seen)
    for name in ("Claude Desktop", "Cursor"):
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": name, "version": "1"}}
        assert "result" in tools.client("rita").ask("initialize", params).answer(), name


def test_a_program_ends_with_all_that_it_has_started(tools: Tools) -> None:
    client = tools.open(resource="family")
    assert client.call("find_person").result()["structuredContent"]
    assert sleepers(), "it runs beside the server"
    client.request("DELETE")
    until("its family ends with it", lambda: not sleepers())


def test_a_program_that_ends_ends_its_calls(tools: Tools) -> None:
    """Although a child of it still holds its output open."""
    began = time.monotonic()
    error = tools.client(resource="orphans").ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}).error()
    assert "not answered" in error["message"] or "ended" in error["message"], error
    assert time.monotonic() - began < 20
    until("what it has left ends, too", lambda: not sleepers())


def sleepers() -> list[str]:
    """Commands of processes that the programs of this test start."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] in ([b"sleep", b"4321"], [b"sleep", b"4322"]):
            found.append(words[1].decode())
    return found
