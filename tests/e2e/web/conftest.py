"""A service that answers HTTP, a gateway in front of it, and somebody who asks."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from harness.exported import EXPORTS
from harness.gateway import Account, Gateway
from harness.service import Service
from harness.through import started
from harness.world import World

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("read") permit(principal, action == Action::"read", resource);
@id("write") permit(principal, action == Action::"write", resource)
unless { principal in Group::"readers" };
@id("filter") permit(principal, action == Action::"filter", resource)
when { resource is Field && resource.name == "city" };
@id("admin") forbid(principal, action, resource)
when { resource is Route && resource.name like "/admin*" };
@id("whole-collections") @advice("delete one at a time")
forbid(principal, action == Action::"write", resource) when { !context.bounded };
@id("held") @review("reviewers") @advice("payouts wait for a person")
forbid(principal, action == Action::"write", resource)
when { resource is Route && resource.name == "/payouts" };
@id("out") @advice("leave the person out")
forbid(principal, action == Action::"write", resource)
when { resource is Field && resource.route == "/tickets" };
@id("many") @advice("ask for a page")
forbid(principal, action == Action::"read", resource) when { context.rows > 100 } unless { principal in Group::"readers" };
@id("files") permit(principal, action == Action::"reveal", resource)
when { resource is Field && resource.route == "/logo" && resource.name == "body" };
@id("shown") permit(principal, action == Action::"reveal", resource)
when { resource is Field && resource.name == "nickname" };
"""

CONFIG = """\
data_dir: $data_dir
listen:
  http: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  crm:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      serve_host: crm.internal
      token: {{ file: "{directory}/token" }}
    classify:
      "*.*.email": email
      "*.*.full_name": name
      "*.*.city": city
      "*.*.nickname": name
      "*.*.salary": income
      "*.*.contact": contact
      "*.*.prénom": name
      "*.*.x-user": email
      '*."/rated/{{id}}".score': income
  tracker:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      outgoing: mask
      pass_fields: "X-User-Id"
      encoded_slash: name
    classify:
      "*.*.salary": income
      "*.*.city": city
masking:
  email: partial
  default: redact
policies: [ "{directory}/web.cedar" ]
""" + EXPORTS

ACCOUNTS = (
    Account("alice", "person", ()),
    Account("rita", "person", ("readers",)),
    Account("dana", "person", ("reviewers",)),
    Account("dora", "person", ("readers",)),
    Account("otto", "person", ("operators",)),
    Account("otis", "person", ("readers",)),
)


@dataclass
class Got:
    status: int
    fields: dict[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Web:
    service: Service
    gateway: Gateway
    token: str
    # Who reaches the service.
    via: str = "gateway"

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        token: str | None = None,
        **fields: str,
    ) -> Got:
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host="Host" in fields, skip_accept_encoding=True)
            connection.putheader("Authorization", f"Bearer {token or self.token}")
            for name, value in fields.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Got(answer.status, names, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **fields: str) -> Got:
        return self.ask("GET", path, **fields)


@pytest.fixture(scope="session")
def web(world: World) -> Iterator[Web]:
    service = Service()
    directory = world.directory / "web"
    directory.mkdir(parents=True)
    (directory / "token").write_text("the-targets-own-token")
    (directory / "web.cedar").write_text(POLICY)
    config = CONFIG.format(service=service.port, directory=directory)
    gateway = started(world, directory, config, ACCOUNTS, "http")
    try:
        yield Web(service, gateway, gateway.token("alice"), world.via)
    finally:
        gateway.stop()
        service.stop()
