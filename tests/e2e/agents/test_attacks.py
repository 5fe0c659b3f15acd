"""What fresh eyes tried: ids that two clients share, URIs in other spellings, approvals of what
was not seen, answers that carry what may not go out, messages in odd shapes."""

import http.client
import json
import threading
from typing import Any

import pytest

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


def test_a_tool_that_changes_while_its_call_waits_does_not_run(tools: Tools) -> None:
    client = tools.open()
    client.extra["prefer"] = "wait=20"
    client.session = None
    client.open()
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(client.call("pay", {"to": "a", "amount": 7})))
    thread.start()
    reviewer = tools.gateway.token("dana")
    review = ""
    while not review:
        listed = tools.gateway.json("reviews", "ls", "--state", "pending", token=reviewer)
        reviews = listed["reviews"] if isinstance(listed, dict) else listed
        review = next((one["id"] for one in reviews if "pay" in one["statement"]), "")
    tools.script.tools = [{**tool, "description": "Pays twice."} if tool["name"] == "pay" else tool for tool in tools.script.tools]
    tools.open().ask("tools/list")
    tools.gateway.run("reviews", "approve", review, token=reviewer)
    thread.join()
    assert done[0].result()["isError"], done[0]
    assert not any(one.get("params", {}).get("name") == "pay" for one in tools.script.seen if one.get("method") == "tools/call")
    seen = tools.gateway.json("tools", "show", "crm", "pay")
    assert isinstance(seen, dict)
    tools.gateway.run("tools", "approve", "crm", "pay", str(seen["seen_digest"]))
    tools.script.tools = [tool if tool["name"] != "pay" else {**tool, "description": "Pays."} for tool in tools.script.tools]
    tools.open().ask("tools/list")
    seen = tools.gateway.json("tools", "show", "crm", "pay")
    assert isinstance(seen, dict)
    tools.gateway.run("tools", "approve", "crm", "pay", str(seen["seen_digest"]))


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
    [{"_meta": {"note": MARK}}, {"other": {"x": [MARK]}}, {"arguments": {"a": 1}, "context": MARK}],
)
def test_whatever_a_client_says_is_looked_through(tools: Tools, extra: dict[str, Any]) -> None:
    client = tools.open()
    refused = client.ask("tools/call", {"name": "add_note", "arguments": {}, **extra}).result()
    assert refused["_meta"]["portreeve/refusal"]["rule"] == "out"
    assert MARK not in json.dumps(tools.script.seen)


@pytest.mark.parametrize(
    ("said", "raw"),
    [
        ("error with a text as its code", {"error": {"code": MARK, "message": "x"}}),
        ("error that is a text", {"error": MARK}),
        ("picture in an error", {"error": {"code": 1, "message": "x", "data": {"type": "image", "data": PNG}}}),
        ("picture of another type", {"result": {"content": [{"type": "video", "data": PNG}]}}),
        ("picture in a structure", {"result": {"content": [], "structuredContent": {"a": [PNG]}}}),
        ("picture in an address", {"result": {"content": [{"type": "text", "text": f"data:image/png;base64,{PNG}"}]}}),
        ("questions in a list", {"result": {"content": [], "inputRequests": [{"method": "shell/run"}]}}),
        ("questions beside an answer", {"result": {"content": [], "inputRequests": {"a": {"method": "shell/run"}}}}),
    ],
)
def test_odd_shapes_do_not_pass(tools: Tools, said: str, raw: dict[str, Any]) -> None:
    tools.script.raw["find_person"] = json.dumps({"jsonrpc": "2.0", "id": "$id", **raw}).replace('"$id"', "$id")
    got = tools.open().call("find_person")
    body = got.body.decode()
    assert MARK not in body and PNG not in body and "shell/run" not in body, said


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
