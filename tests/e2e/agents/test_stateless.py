"""The protocol without a handshake (2026-07-28)."""

import base64
from typing import Any

from .conftest import STATELESS, Client, Got, Tools

META = {
    "io.modelcontextprotocol/protocolVersion": STATELESS,
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def ask(client: Client, method: str, params: dict[str, Any] | None = None, **fields: str) -> Got:
    params = {**(params or {}), "_meta": META}
    named = params.get("name") or (params.get("uri") if method == "resources/read" else None)
    head = {"mcp_protocol_version": STATELESS, "mcp_method": method, **({"mcp_name": named} if named else {})}
    return client.ask(method, params, **{**head, **fields})


def test_a_tool_is_called_without_a_handshake(tools: Tools) -> None:
    client = tools.client()
    result = ask(client, "tools/call", {"name": "find_person", "arguments": {}}).result()
    assert result["structuredContent"]["full_name"] == "[name]"
    head = tools.script.heads[-1]
    assert (head["mcp-method"], head["mcp-name"], head["mcp-protocol-version"]) == ("tools/call", "find_person", STATELESS)
    assert "mcp-session-id" not in head
    listed = ask(client, "tools/list").result()
    assert listed["cacheScope"] == "private"
    assert "admin_reset" not in {one["name"] for one in listed["tools"]}


def test_a_head_that_says_something_else_is_refused(tools: Tools) -> None:
    client = tools.client()
    call: dict[str, Any] = {"name": "find_person", "arguments": {}}
    for fields in (
        {"mcp_method": "tools/list"},
        {"mcp_method": ""},
        {"mcp_name": "add_note"},
        {"mcp_name": ""},
        {"mcp_name": "=?base64?" + base64.b64encode(b"add_note").decode() + "?="},
        {"mcp_name": "=?base64?!!?="},
    ):
        got = ask(client, "tools/call", call, **fields)
        assert (got.status, got.error()["code"]) == (400, -32020), fields
    assert not any(one.get("method") == "tools/call" for one in tools.script.seen)
    encoded = "=?base64?" + base64.b64encode(b"find_person").decode() + "?="
    assert ask(client, "tools/call", call, mcp_name=encoded).status == 200
    assert tools.script.heads[-1]["mcp-name"] == "find_person", "what goes on is made of the message"


def test_arguments_in_the_head_are_those_of_the_message(tools: Tools) -> None:
    client = tools.client()
    call: dict[str, Any] = {"name": "by_region", "arguments": {"region": "eu"}}
    assert ask(client, "tools/call", call).error()["code"] == -32020
    assert ask(client, "tools/call", call, mcp_param_region="us").error()["code"] == -32020
    assert ask(client, "tools/call", call, mcp_param_region="eu", mcp_param_other="x").status == 200
    head = tools.script.heads[-1]
    assert head["mcp-param-region"] == "eu" and "mcp-param-other" not in head


def test_versions_must_agree(tools: Tools) -> None:
    client = tools.client()
    got = client.ask("ping", {"_meta": META}, mcp_protocol_version="2027-01-01")
    assert (got.status, got.error()["code"]) == (400, -32022)
    assert STATELESS in got.error()["data"]["supported"]
    old = {**META, "io.modelcontextprotocol/protocolVersion": "2025-11-25"}
    got = client.ask("ping", {"_meta": old}, mcp_protocol_version=STATELESS, mcp_method="ping")
    assert got.error()["code"] == -32020
    assert client.request("GET", mcp_protocol_version=STATELESS).status == 405


def test_what_a_result_asks_for_is_decided(tools: Tools) -> None:
    client = tools.client()
    call: dict[str, Any] = {"name": "find_person", "arguments": {}}

    def asks(method: str) -> dict[str, Any]:
        return {"resultType": "input_required", "requestState": "s", "inputRequests": {"who": {"method": method, "params": {"message": "is it erika@example.org?"}}}}

    tools.script.results["find_person"] = asks("elicitation/create")
    result = ask(client, "tools/call", call).result()
    assert result["resultType"] == "input_required" and "erika@example.org" not in str(result)
    for method in ("sampling/createMessage", "roots/list", "shell/run"):
        tools.script.results["find_person"] = asks(method)
        refused = ask(client, "tools/call", call).result()
        assert refused.get("isError"), method
