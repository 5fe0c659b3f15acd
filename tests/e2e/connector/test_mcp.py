"""A connector reaches a server of MCP: at its endpoint, with what opens it, and nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from agents.conftest import Client
from agents.server import Script, Server
from harness.connector import Connector
from harness.gateway import Account, Gateway
from harness.through import begun
from harness.waiting import free_port, until
from harness.world import World

pytestmark = pytest.mark.gateway

POLICY = """\
@id("all") permit(principal, action in [Action::"connect", Action::"read", Action::"write"], resource);
"""

CONFIG = """\
data_dir: $data_dir
listen:
  mcp: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  crm:
    mcp: {{ host: 127.0.0.1, port: {server}, path: {path}, tls: {{ mode: disable }}, token: {{ file: "{directory}/token" }} }}
    classify: {{ "*.*.email": email }}
policies: [ "{directory}/mcp.cedar" ]
"""

TOKEN = "the-servers-own-token"


@dataclass
class Through:
    server: Server
    gateway: Gateway
    connector: Connector

    def client(self) -> Client:
        return Client(self.gateway.port, self.gateway.token("alice"), "crm")


def started(world: World, name: str, server: Server, path: str) -> Through:
    directory = world.directory / name
    directory.mkdir()
    (directory / "token").write_text(TOKEN)
    (directory / "mcp.cedar").write_text(POLICY)
    config = CONFIG.format(server=server.port, directory=directory, path=path)
    accounts = (Account("alice", "person", ()), Account("otto", "person", ("operators",)))
    gateway = begun(world, directory, config, accounts, free_port(), "mcp")
    return Through(server, gateway, world.connector(gateway, "eu").enroll())


@pytest.fixture(scope="module")
def through(world: World) -> Iterator[Through]:
    server = Server()
    through = started(world, "through-mcp", server, "/mcp")
    through.connector.start()
    try:
        yield through
    finally:
        server.stop()


def test_tools_are_called_and_masked_as_ever(through: Through) -> None:
    through.server.script = Script()
    through.server.script.results["find_person"] = {"content": [{"type": "text", "text": f'{{"email": "erika@example.org", "x": "{TOKEN}"}}'}]}
    client = through.client().open()
    shown = str(client.call("find_person").result())
    assert "erika@example.org" not in shown and TOKEN not in shown and "*" * len(TOKEN) in shown
    assert through.server.script.heads[-1]["authorization"] == f"Bearer {TOKEN}"
    # What comes before an answer comes as events, and a session is ended at the server.
    through.server.script.before["find_person"] = [{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "busy"}}]
    assert client.call("find_person").answer()["id"] == client.number
    assert client.request("DELETE").status in (200, 202, 204)
    until("the server hears of the end", lambda: any(one.get("method") == "DELETE" for one in through.server.script.seen))


def test_another_path_than_the_connectors_is_not_asked(world: World, through: Through) -> None:
    other = started(world, "other-mcp", through.server, "/mcp")
    text = other.connector.config.read_text()
    other.connector.config.write_text(text.replace('"path": "/mcp"', '"path": "/other"'))
    other.connector.start()
    got = other.client().ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})
    assert "result" not in str(got.body), got
    until("the reason is said", lambda: "`path` of `crm` is `/other` at the connector" in other.gateway.log())
