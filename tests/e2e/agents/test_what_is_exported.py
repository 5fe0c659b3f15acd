"""What is exported of MCP: every event as its format wants it."""

from harness.exported import check, exported

from .conftest import Tools


def test_every_event_of_mcp_is_valid(tools: Tools) -> None:
    gateway = tools.gateway
    client = tools.open()
    assert client.ask("tools/list").result()["tools"]
    assert not client.call("find_person", {"id": 7}).result().get("isError")
    assert client.call("admin_reset").result().get("isError")
    client.ask("resources/read", {"uri": "file:///secret/b"})
    call = {"name": "pay", "arguments": {"to": "shop", "amount": 5503}}
    refusal = client.ask("tools/call", call).result()["_meta"]["portreeve/refusal"]
    gateway.run("reviews", "approve", refusal["review"], token=gateway.token("dana"))
    assert not client.ask("tools/call", call).result().get("isError")
    stranger = tools.client()
    stranger.token = "no token"
    assert stranger.ask("tools/list").status == 401
    found = exported(
        gateway,
        "all of it is exported",
        lambda all: {2005, 3002, 6003} <= {event["class_uid"] for event in all}
        and {1, 2} <= {event["status_id"] for event in all if event["class_uid"] == 6003},
    )
    classes = check(gateway, found)
    assert {2005, 3002, 6002, 6003} <= set(classes), classes
