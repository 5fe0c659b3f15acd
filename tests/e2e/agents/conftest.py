"""Servers of tools, a gateway in front of them, and somebody who calls."""

import http.client
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness.exported import EXPORTS
from harness.gateway import Account, Gateway
from harness.through import started
from harness.waiting import free_port
from harness.world import World

from .server import Message, Script, Server

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("read") permit(principal, action == Action::"read", resource);
@id("write") permit(principal, action == Action::"write", resource)
unless { principal in Group::"readers" };
@id("asks") permit(principal, action == Action::"execute", resource)
when { resource is Server && context.verb == "elicitation/create" };
@id("admin") @advice("admin tools are for people") forbid(principal, action, resource)
when { resource is Tool && resource.name like "admin*" };
@id("destroys") @advice("add, do not destroy")
forbid(principal, action == Action::"write", resource) when { !context.bounded }
unless { principal in Group::"writers" };
@id("secret") forbid(principal, action, resource)
when { resource is ServerResource && resource.name like "file:///secret/*" };
@id("pays") @review("reviewers") @advice("payments wait for a person")
forbid(principal, action == Action::"write", resource)
when { resource is Tool && resource.name == "pay" };
@id("orders") @review("reviewers") @advice("orders wait for a person")
forbid(principal, action == Action::"read", resource)
when { resource is Table && resource.name == "orders" };
@id("out") @advice("leave the person out")
forbid(principal, action == Action::"write", resource)
when { resource is Argument && resource.tool == "add_note" };
@id("shown") permit(principal, action == Action::"reveal", resource)
when { resource is Argument && resource.name == "nickname" };
"""

CONFIG = """\
data_dir: $data_dir
listen:
  mcp: {{ address: "127.0.0.1:$port" }}
  postgres: {{ address: "127.0.0.1:{postgres}" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  crm:
    mcp:
      host: 127.0.0.1
      port: {server}
      tls: {{ mode: disable }}
      token: {{ file: "{directory}/token" }}
    classify: &classified
      "*.*.email": email
      "*.*.full_name": name
      "*.*.nickname": name
  notes:
    mcp:
      host: localhost
      command: "{python} '{here}/server.py'"
      token: {{ file: "{directory}/token" }}
      token_variable: NOTES_TOKEN
    classify: *classified
  family:
    mcp:
      host: localhost
      command: "sh -c 'sleep 4321 & exec {python} {here}/server.py'"
  orphans:
    mcp:
      host: localhost
      command: "sh -c 'sleep 4322 & read line; exit 0'"
  shop:
    postgres:
      host: localhost
      port: {server_port}
      database: shop
      tls: {{ mode: verify-full, ca: "{ca}" }}
      user: portreeve
      password: {{ file: "{directory}/role-password" }}
    classify:
      public.customers.email: email
      public.customers.full_name: name
  gone:
    mcp: {{ host: 127.0.0.1, port: 9, tls: {{ mode: disable }} }}
masking:
  email: partial
  default: redact
policies: [ "{directory}/mcp.cedar" ]
""" + EXPORTS

ACCOUNTS = (
    Account("alice", "person", ()),
    Account("wanda", "person", ("writers",)),
    Account("rita", "person", ("readers",)),
    Account("dana", "person", ("reviewers",)),
    Account("otto", "person", ("operators",)),
)

HANDSHAKE = "2025-11-25"
STATELESS = "2026-07-28"


@dataclass
class Got:
    status: int
    fields: dict[str, str]
    body: bytes

    def messages(self) -> list[Message]:
        if self.fields.get("content-type") == "text/event-stream":
            lines = self.body.decode().splitlines()
            return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        return [json.loads(self.body)]

    def answer(self) -> Message:
        return self.messages()[-1]

    def result(self) -> Message:
        answer = self.answer()
        assert "result" in answer, answer
        result: Message = answer["result"]
        return result

    def error(self) -> Message:
        error: Message = self.answer()["error"]
        return error


@dataclass
class Client:
    """One caller at one server."""

    port: int
    token: str
    resource: str
    session: str | None = None
    version: str = HANDSHAKE
    number: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, body: bytes | None = None, **fields: str) -> Got:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {
                "authorization": f"Bearer {self.token}",
                "accept": "application/json, text/event-stream",
                **({"content-type": "application/json"} if body is not None else {}),
                **({"mcp-session-id": self.session} if self.session else {}),
                **self.extra,
                **{name.replace("_", "-"): value for name, value in fields.items()},
            }
            connection.request(method, f"/{self.resource}/mcp".replace("//", "/"), body, {k: v for k, v in headers.items() if v})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Got(answer.status, names, answer.read())
        finally:
            connection.close()

    def post(self, message: Any, **fields: str) -> Got:
        return self.request("POST", json.dumps(message).encode(), **fields)

    def ask(self, method: str, params: Message | None = None, **fields: str) -> Got:
        self.number += 1
        message: Message = {"jsonrpc": "2.0", "id": self.number, "method": method}
        if params is not None:
            message["params"] = params
        return self.post(message, **fields)

    def call(self, tool: str, arguments: Message | None = None, **fields: str) -> Got:
        return self.ask("tools/call", {"name": tool, "arguments": arguments or {}}, **fields)

    def open(self) -> "Client":
        info = {"protocolVersion": self.version, "capabilities": {"elicitation": {}}, "clientInfo": {"name": "t", "version": "1"}}
        got = self.ask("initialize", info)
        assert got.status == 200, got
        self.session = got.fields["mcp-session-id"]
        assert self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status == 202
        return self


@dataclass
class Tools:
    server: Server
    gateway: Gateway
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def script(self) -> Script:
        return self.server.script

    def client(self, who: str = "alice", resource: str = "crm") -> Client:
        if who not in self.tokens:
            self.tokens[who] = self.gateway.token(who)
        return Client(self.gateway.port, self.tokens[who], resource)

    def open(self, who: str = "alice", resource: str = "crm") -> Client:
        return self.client(who, resource).open()


@pytest.fixture(scope="session")
def served(world: World) -> Iterator[Tools]:
    server = Server()
    directory = world.directory / "mcp"
    directory.mkdir(parents=True)
    (directory / "token").write_text("the-servers-own-token")
    (directory / "mcp.cedar").write_text(POLICY)
    here = Path(__file__).parent
    (directory / "role-password").write_text(world.postgres.password)
    config = CONFIG.format(
        server=server.port,
        directory=directory,
        here=here,
        python=sys.executable,
        postgres=free_port(),
        server_port=world.postgres.port,
        ca=world.postgres.ca,
    )
    gateway = started(world, directory, config, ACCOUNTS, "mcp")
    try:
        yield Tools(server, gateway)
    finally:
        gateway.stop()
        server.stop()


@pytest.fixture
def tools(served: Tools) -> Tools:
    served.server.script = Script()
    return served
