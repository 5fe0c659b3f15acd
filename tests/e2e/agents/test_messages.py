"""What reaches a server: the message that was decided, with the server's own credential."""

import json

import pytest

from .conftest import Tools
from .server import PERSON


def test_a_tool_is_called_and_its_answer_masked(tools: Tools) -> None:
    got = tools.open().call("find_person", {"id": 7})
    result = got.result()
    assert got.fields["content-type"] == "application/json"
    shown = result["structuredContent"]
    assert shown["email"] != PERSON["email"] and shown["full_name"] == "[name]" and shown["id"] == 7
    # One value, one mask, wherever it stands: here as JSON in a text.
    assert json.loads(result["content"][0]["text"]) == shown


def test_the_callers_token_stays_and_the_servers_goes(tools: Tools) -> None:
    client = tools.open()
    client.call("find_person")
    head = tools.script.heads[-1]
    assert head["authorization"] == "Bearer the-servers-own-token"
    assert head["mcp-session-id"] == "the-servers-own" and client.session != "the-servers-own"
    assert client.token not in json.dumps([tools.script.seen, tools.script.heads])


def test_a_program_is_a_server_too(tools: Tools) -> None:
    client = tools.open(resource="notes")
    assert client.call("find_person").result()["structuredContent"]["full_name"] == "[name]"
    said = client.call("add_note", {"text": "x"}).result()["content"][0]["text"]
    assert "the-servers-own-token" not in said and "[credential]" in said
    assert "PORTREEVE" not in said, "a program gets nothing of the gateway's environment"


def test_lists_hold_what_the_caller_may_use(tools: Tools) -> None:
    def names(who: str) -> set[str]:
        return {tool["name"] for tool in tools.open(who).ask("tools/list").result()["tools"]}

    assert names("wanda") == {"find_person", "add_note", "drop_person", "pay", "by_region"}
    assert names("alice") == names("wanda") - {"drop_person"}
    assert names("rita") == {"find_person", "by_region"}
    uris = [one["uri"] for one in tools.open().ask("resources/list").result()["resources"]]
    assert uris == ["file:///open/a"]


@pytest.mark.parametrize(
    ("tool", "rule"), [("admin_reset", "admin"), ("drop_person", "destroys"), ("Admin_reset", "not-understood"), ("nothing", "not-understood")]
)
def test_what_may_not_be_called_is_refused_in_words_for_a_model(tools: Tools, tool: str, rule: str) -> None:
    client = tools.open()
    count = len(tools.script.seen)
    result = client.call(tool).result()
    assert result["isError"] is True and "Refused by the gateway" in result["content"][0]["text"]
    assert result["_meta"]["portreeve/refusal"]["rule"] == rule
    assert all(one.get("method") != "tools/call" for one in tools.script.seen[count:])


def test_a_secret_resource_is_not_read(tools: Tools) -> None:
    client = tools.open()
    assert client.ask("resources/read", {"uri": "file:///secret/b"}).error()["code"] == 403
    text = client.ask("resources/read", {"uri": "file:///open/a"}).result()["contents"][0]["text"]
    assert "erika@example.org" not in text


def test_arguments_are_what_a_caller_writes(tools: Tools) -> None:
    client = tools.open()
    assert not client.call("add_note", {"text": "all is well"}).result().get("isError")
    for arguments in (
        {"text": "call erika@example.org"},
        {"email": "x"},
        {"a": {"b": ["x", {"text": "mail to erika@example.org"}]}},
        {"text": json.dumps({"email": "x"})},
    ):
        refused = client.call("add_note", arguments).result()
        assert refused["_meta"]["portreeve/refusal"]["rule"] == "out", arguments


def test_a_payment_waits_for_a_person(tools: Tools) -> None:
    client = tools.open()
    refusal = client.call("pay", {"to": "shop", "amount": 5}).result()["_meta"]["portreeve/refusal"]
    assert refusal["review"]
    tools.gateway.run("reviews", "approve", refusal["review"], token=tools.gateway.token("dana"))
    # Another amount is another payment.
    other = client.call("pay", {"to": "shop", "amount": 50}).result()
    assert other["isError"]
    count = len(tools.script.seen)
    assert not client.call("pay", {"to": "shop", "amount": 5}).result().get("isError")
    assert [one["params"]["name"] for one in tools.script.seen[count:] if one.get("method") == "tools/call"] == ["pay"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find_person","name":"admin_reset"}}',
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_message_is_told_so(tools: Tools, body: bytes) -> None:
    client = tools.open()
    count = len(tools.script.seen)
    got = client.request("POST", body)
    assert got.status == 400 and got.error()["code"] in (-32700, -32600)
    assert len(tools.script.seen) == count
    assert client.ask("ping").status == 200


def test_sessions_are_their_callers(tools: Tools) -> None:
    client, other = tools.open(), tools.client("rita")
    other.session = client.session
    assert other.ask("tools/list").status == 404
    stranger = tools.client()
    assert stranger.ask("tools/list").status == 400
    stranger.session = "made-up"
    assert stranger.ask("tools/list").status == 404
    assert client.request("DELETE").status == 204
    assert client.ask("tools/list").status == 404
    assert {"method": "DELETE", "session": "the-servers-own"} in tools.script.seen


def test_clients_learn_where_tokens_come_from(tools: Tools) -> None:
    client = tools.client()
    client.token = "nonsense"
    got = client.ask("ping")
    assert got.status == 401
    url = f"http://127.0.0.1:{tools.gateway.port}/.well-known/oauth-protected-resource/crm/mcp"
    assert f'resource_metadata="{url}"' in got.fields["www-authenticate"]
    import urllib.request

    with urllib.request.urlopen(url) as answer:
        assert json.load(answer)["resource"] == f"http://127.0.0.1:{tools.gateway.port}/crm/mcp"


def test_pages_of_others_are_refused(tools: Tools) -> None:
    client = tools.client()
    assert client.ask("ping", origin="https://evil.example").status == 403
    client.open()
    assert client.ask("ping", origin=f"http://127.0.0.1:{tools.gateway.port}").status == 200


def test_a_server_that_is_gone_is_told_so(tools: Tools) -> None:
    got = tools.client(resource="gone").ask("initialize", {"protocolVersion": "2025-11-25"})
    assert "cannot be reached" in got.error()["message"]


def test_unknown_methods_are_refused(tools: Tools) -> None:
    client = tools.open()
    assert client.ask("tasks/list").error()["code"] == -32601
    assert client.ask("x/y").error()["code"] == -32601
    assert all(one.get("method") not in ("tasks/list", "x/y") for one in tools.script.seen)
