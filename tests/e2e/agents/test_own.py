"""What the gateway itself offers as a server: databases for agents without a driver."""

import json
import re
import socket
from typing import Any

import pytest
from harness.waiting import until
from harness.world import World

from .conftest import Client, Tools


@pytest.fixture
def own(tools: Tools) -> Client:
    client = tools.client(resource="")
    client.resource = ""
    return client


def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    got = client.request("POST", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}).encode())
    result = got.result()
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    return {**result["structuredContent"], "isError": result["isError"]}


def test_a_client_shakes_hands_and_finds_tools(own: Client) -> None:
    info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    got = own.ask("initialize", info)
    assert got.result()["protocolVersion"] == "2025-06-18" and "mcp-session-id" not in got.fields
    assert own.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status == 202
    names = {one["name"] for one in own.ask("tools/list").result()["tools"]}
    assert names == {"whoami", "list_resources", "describe", "query", "dry_run", "check_review"}
    assert own.ask("resources/list").error()["code"] == -32601


def test_it_says_who_asks_and_what_there_is(own: Client) -> None:
    assert ask(own, "whoami")["principal"] == "alice"
    found = {one["name"]: one["query"] for one in ask(own, "list_resources")["resources"]}
    assert found["shop"] is True and found["crm"] is False
    columns = ask(own, "describe", resource="shop")
    assert ["public", "customers", "email", "text", "NO"] in columns["rows"] or any(row[:3] == ["public", "customers", "email"] for row in columns["rows"])
    own.token = "nonsense"
    assert own.ask("tools/list").status == 401


def test_a_query_is_decided_masked_and_recorded(own: Client, tools: Tools) -> None:
    found = ask(own, "query", resource="shop", sql="select id, email, city from customers order by id", rows_max=2)
    assert found["columns"] == ["id", "email", "city"] and found["cut_off"] is True
    assert len(found["rows"]) == 2 and all("***" in row[1] or "[" in row[1] for row in found["rows"])
    assert '"shop"' in tools.gateway.run("sessions", "ls", "--format", "json")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("delete from customers", "42501"),
        ("select nothing from customers", "42703"),
        ("selec 1", "42601"),
        ("select 1; delete from public.customers", "42501"),
    ],
)
def test_refusals_and_mistakes_have_the_databases_codes(own: Client, sql: str, code: str) -> None:
    refused = ask(own, "query", resource="shop", sql=sql)
    assert refused["isError"] and refused["code"] == code, refused


def test_a_held_statement_runs_once_it_is_approved(own: Client, tools: Tools) -> None:
    statement = {"resource": "shop", "sql": "select count(*) from orders"}
    held = ask(own, "query", **statement)
    assert held["isError"]
    review = re.search(r"rv-\w+", held["hint"])
    assert review, held
    assert ask(own, "check_review", review=review.group())["state"] == "pending"
    tools.gateway.run("reviews", "approve", review.group(), token=tools.gateway.token("dana"))
    assert ask(own, "check_review", review=review.group())["state"] == "approved"
    assert not ask(own, "query", **statement)["isError"]
    assert ask(own, "check_review", review="made-up")["isError"]


def test_a_dry_run_runs_nothing(own: Client) -> None:
    def count() -> str:
        return str(ask(own, "query", resource="shop", sql="select count(*) from customers")["rows"][0][0])

    before = count()
    good = ask(own, "dry_run", resource="shop", sql="select email from customers where id = 1")
    assert good["columns"] == ["email"] and good["estimate"]
    assert ask(own, "dry_run", resource="shop", sql="delete from customers")["verdict"] == "refused"
    for sql in ("analyze delete from customers where id = 1", "select 1; delete from customers where id = 1", "(analyze) delete from customers where id = 1"):
        ask(own, "dry_run", resource="shop", sql=sql)
    assert count() == before


def test_a_dry_run_asks_nobody(own: Client, tools: Tools) -> None:
    def reviews() -> str:
        return json.dumps(tools.gateway.json("reviews", "ls", token=tools.gateway.token("dana")))

    before = reviews()
    held = ask(own, "dry_run", resource="shop", sql="select count(*), 7 from orders")
    assert held["verdict"] == "held for approval" and "reviewers" in held["error"], held
    assert reviews() == before
    # What was approved is not used up by it.
    statement = {"resource": "shop", "sql": "select count(*), 8 from orders"}
    review = re.search(r"rv-\w+", ask(own, "query", **statement)["hint"])
    assert review
    tools.gateway.run("reviews", "approve", review.group(), token=tools.gateway.token("dana"))
    assert ask(own, "dry_run", **statement)["verdict"] == "held for approval"
    assert not ask(own, "query", **statement)["isError"]


def test_results_of_several_statements_are_not_mixed(own: Client) -> None:
    for sql in ("select 1; commit; select city from customers where id = 1", "select 1; select 2"):
        refused = ask(own, "query", resource="shop", sql=sql)
        assert refused["isError"] and refused["code"] == "42601" and "one statement" in refused["hint"], refused
    copied = ask(own, "query", resource="shop", sql="copy (select city from customers) to stdout")
    assert copied["isError"] and copied["code"] == "0A000" and "`SELECT`" in copied["hint"], copied


def test_a_write_of_more_rows_than_are_shown_comes_to_its_end(own: Client, tools: Tools, world: World) -> None:
    """What is told to be done is done: the rest of its rows is counted and dropped."""
    own.token = tools.gateway.token("wanda")
    sql = "insert into work.other select n, repeat('x', 2000) from generate_series(500001, 503000) n returning id, name"
    try:
        done = ask(own, "query", resource="shop", sql=sql, rows_max=50)
        assert not done["isError"] and done["cut_off"] is True and done["count"] == 3000, done
        assert world.admin("select count(*) from work.other where id > 500000") == "3000"
    finally:
        world.admin("delete from work.other where id > 500000")


def test_a_statement_ends_with_the_call_that_asked_for_it(own: Client, world: World) -> None:
    sql = "select pg_sleep(600), 'nobody waits'"
    params = {"name": "query", "arguments": {"resource": "shop", "sql": sql}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {own.token}\r\n"
        f"accept: application/json, text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    running = "select count(*) from pg_stat_activity where state = 'active' and query like '%nobody waits%' and pid <> pg_backend_pid()"
    with socket.create_connection(("127.0.0.1", own.port)) as connection:
        connection.sendall(head.encode() + body)
        until("it runs", lambda: world.admin(running) == "1", 15)
    until("it was cancelled", lambda: world.admin(running) == "0", 15)


def test_what_is_asked_wrongly_is_told(own: Client) -> None:
    for arguments in ({}, {"resource": "shop"}, {"resource": "crm", "sql": "select 1"}, {"resource": "nowhere", "sql": "select 1"}, {"resource": "shop", "sql": "select 1", "rows_max": 0}, {"resource": "shop", "sql": 7}):
        assert ask(own, "query", **arguments)["isError"], arguments
    assert ask(own, "rm")["isError"]
