"""A connector reaches services over HTTP and servers of MCP: clients notice nothing, and what
opens a service stays with the connector, also where the service says it again."""

import base64
import gzip
import http.client
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.connector import Connector, linked
from harness.evidence import verify
from harness.gateway import Account, Gateway
from harness.service import Reply, Seen, Service
from harness.service2 import Service2
from harness.signatures import is_signed
from harness.through import begun
from harness.waiting import free_port, until
from harness.wiretap import Wiretap
from harness.world import World

from web.conftest import Web

pytestmark = pytest.mark.gateway

POLICY = """\
@id("all") permit(principal, action in [Action::"connect", Action::"read", Action::"write"], resource);
"""

CONFIG = """\
data_dir: $data_dir
listen:
  http: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  bearer:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, token: {{ file: "{directory}/key" }} }}
    classify: {{ "*.*.email": email }}
  key:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, header: {{ name: X-Api-Key, value: {{ file: "{directory}/key" }} }} }}
  basic:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, user: portreeve, password: {{ file: "{directory}/key" }} }}
  oauth:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      oauth: {{ url: "http://127.0.0.1:{service}/token", client_id: portreeve, client_secret: {{ file: "{directory}/key" }} }}
  broken:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      oauth: {{ url: "http://127.0.0.1:{service}/no-token", client_id: x, client_secret: {{ file: "{directory}/key" }} }}
  aws:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, aws: {{ region: eu-central-1, service: execute-api, access_key_id: AKIDEXAMPLE, secret_access_key: {{ file: "{directory}/key" }} }} }}
  store:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, aws: {{ region: eu-central-1, service: s3, access_key_id: AKIDEXAMPLE, secret_access_key: {{ file: "{directory}/key" }}, session_token: {{ file: "{directory}/session" }} }} }}
  shown:
    http: {{ host: 127.0.0.1, port: {asks}, tls: {{ ca: "{directory}/ca.pem", certificate: "{certificate}", key: "{secret}" }} }}
  hidden:
    http: {{ host: 127.0.0.1, port: {asks}, tls: {{ ca: "{directory}/ca.pem" }} }}
  two:
    http: {{ host: 127.0.0.1, port: {two}, tls: {{ ca: "{directory}/ca.pem" }}, token: {{ file: "{directory}/key" }} }}
  gone:
    http: {{ host: 127.0.0.1, port: 9, tls: {{ mode: disable }}, token: {{ file: "{directory}/key" }} }}
policies: [ "{directory}/web.cedar" ]
"""

SECRET = "wJalrXUtnFEMI/K7MDENG+the-\"secret"
SESSION = "a-temporary-session"
TOKEN = "a-token-of-oauth"
OPENED = ("bearer", "key", "basic", "oauth", "aws", "store")


@dataclass
class Through:
    web: Web
    connector: Connector
    asks: Service
    two: Service2
    directory: Path


def told(seen: Seen) -> Reply:
    """Says what it was told, wherever something can be said."""
    body = json.dumps({"fields": seen.fields, "marker": "zq7marker", "body": seen.body.decode()}).encode()
    named = [seen.fields.get(name, "") for name in ("authorization", "x-api-key", "x-amz-security-token")]
    fields = [(f"x-told-{at}", value) for at, value in enumerate(named) if value]
    fields.append(("location", "/?t=" + urllib.parse.quote(named[0] or named[1], safe="")))
    fields.append(("set-cookie", "session=cookie-that-opens-it"))
    cuts = tuple(range(1, len(body), 7)) if "cut" in seen.target else ()
    return Reply(body, fields=tuple(fields), cuts=cuts)


def start(world: World, name: str, config: str, connectors: int, **values: object) -> Gateway:
    directory = world.directory / name
    config = config.format(directory=directory, **values)
    accounts = (Account("alice", "person", ()), Account("otto", "person", ("operators",)))
    return begun(world, directory, config, accounts, connectors, "http", "mcp")


def prepared(world: World, name: str) -> Path:
    directory = world.directory / name
    directory.mkdir(parents=True)
    (directory / "key").write_text(SECRET)
    (directory / "session").write_text(SESSION)
    (directory / "web.cedar").write_text(POLICY)
    return directory


@pytest.fixture(scope="module")
def through(world: World) -> Iterator[Through]:
    directory = prepared(world, "through-web")
    authority = Authority(directory)
    certificate, secret = authority.issue("connector")
    service, asks = Service(), Service(tls=authority.server(asks=True))
    two = Service2(authority.server(protocols=("h2", "http/1.1")))
    gateway = start(
        world, "through-web", CONFIG, free_port(), service=service.port, asks=asks.port, two=two.port,
        certificate=certificate, secret=secret,
    )  # fmt: skip
    connector = world.connector(gateway, "eu").enroll().start()
    service.replies["/token"] = Reply(json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}).encode())
    service.replies["/no-token"] = Reply(b'{"error": "invalid_client"}', status=401)
    service.makes["/told"] = told
    try:
        yield Through(Web(service, gateway, gateway.token("alice")), connector, asks, two, directory)
    finally:
        for one in (service, asks, two):
            one.stop()


@pytest.mark.parametrize("resource", OPENED)
def test_a_service_is_opened_at_the_connector(through: Through, resource: str) -> None:
    web = through.web
    got = web.ask("POST", f"/{resource}/told?a=%2F&b", b'{"x": 1.50}', Content_Type="application/json", X_Api_Key="mine")
    assert got.status == 200, got.body
    seen = web.service.seen[-1]
    assert (seen.method, seen.target, seen.body) == ("POST", "/told?a=%2F&b", b'{"x": 1.50}')
    assert not [name for name in seen.fields if name.startswith("portreeve")], seen
    opened = {
        "bearer": lambda: seen.fields["authorization"] == f"Bearer {SECRET}",
        "key": lambda: seen.fields["x-api-key"] == SECRET and "authorization" not in seen.fields,
        "basic": lambda: base64.b64decode(seen.fields["authorization"].split()[1]).decode() == f"portreeve:{SECRET}",
        "oauth": lambda: seen.fields["authorization"] == f"Bearer {TOKEN}",
        "aws": lambda: is_signed(seen, "AKIDEXAMPLE", SECRET, "execute-api"),
        "store": lambda: is_signed(seen, "AKIDEXAMPLE", SECRET, "s3"),
    }
    assert opened[resource](), seen
    # What it was told comes back without what opens it, in a body of the same length.
    said = got.json()
    assert isinstance(said, dict) and said["marker"] == "zq7marker"
    for secret in (SECRET, TOKEN, SESSION, "AKIDEXAMPLE", seen.fields.get("authorization", SECRET)[-64:]):
        assert secret not in json.dumps(said) + json.dumps(got.fields)
    assert "****" in json.dumps(got.fields), got


@pytest.mark.parametrize("resource", ["aws", "store"])
def test_the_signature_of_an_earlier_request_is_not_shown_either(through: Through, resource: str) -> None:
    web = through.web
    assert web.get(f"/{resource}/told").status == 200
    earlier = web.service.seen[-1].fields["authorization"]
    web.service.replies["/earlier"] = Reply(json.dumps({"x": earlier}).encode(), fields=(("x-earlier", earlier),))
    got = web.get(f"/{resource}/earlier")
    assert got.status == 200 and earlier[-64:] not in str(got) and "Signature=" + "*" * 64 in str(got), got


def test_a_certificate_is_shown_by_the_connector(through: Through) -> None:
    through.asks.replies["/items"] = Reply(b'{"ok": true}')
    assert through.web.get("/shown/items").json() == {"ok": True}
    got = through.web.get("/hidden/items")
    assert got.status == 502, got.body


def test_a_service_that_speaks_http_2_is_asked_so(through: Through) -> None:
    got = through.web.ask("POST", "/two/a?q=1", b'{"x": 1}', Content_Type="application/json")
    assert got.status == 200, got.body
    head = through.two.seen[-1]
    assert head[":authority"] == f"127.0.0.1:{through.two.port}" and head["authorization"] == f"Bearer {SECRET}"


def test_the_service_is_asked_what_the_gateway_would_ask_itself(world: World, through: Through) -> None:
    """The same request through a gateway that reaches the service itself."""
    directory = prepared(world, "itself")
    service = through.web.service
    config = CONFIG[: CONFIG.index("  key:")] + CONFIG[CONFIG.index("policies:") :]
    gateway = Gateway(directory, config.format(service=service.port, directory=directory), (Account("alice", "person", ()),))
    world.gateways.append(gateway)
    gateway.start()
    itself = Web(service, gateway, gateway.token("alice"))
    service.replies["/echo"] = Reply(b"{}")
    asked = []
    for web in (itself, through.web):
        for method, body in (("GET", None), ("POST", b'{"n": 1}'), ("PUT", b""), ("DELETE", None), ("PATCH", b"x" * 300_000)):
            more = {"Content_Type": "application/json" if body == b'{"n": 1}' else "text/plain"} if body else {}
            got = web.ask(method, "/bearer/echo?q=%C3%A9&r", body, X_Many="a", Accept="*/*", Accept_Language="de", **more)
            assert got.status == 200, (method, got.body)
            asked.append(service.seen[-1])
    half = len(asked) // 2
    assert asked[:half] == asked[half:]


def test_events_come_as_they_are_said(through: Through) -> None:
    gate = threading.Event()
    first, second = b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n'
    through.web.service.replies["/events"] = Reply(first + second, kind="text/event-stream", cuts=(len(first),), gate=gate)
    connection = http.client.HTTPConnection("127.0.0.1", through.web.gateway.port, timeout=30)
    try:
        connection.request("GET", "/bearer/events", headers={"authorization": f"Bearer {through.web.token}"})
        answer = connection.getresponse()
        # The service says the second one only after the first was heard.
        assert answer.read1().rstrip() == first.rstrip()
        gate.set()
        assert answer.read().strip() == second.strip()
    finally:
        gate.set()
        connection.close()


def test_large_bodies_pass_both_ways(through: Through) -> None:
    rows = [{"id": number, "email": f"p{number}@example.org", "text": "x" * 100} for number in range(20_000)]
    through.web.service.replies["/large"] = Reply(json.dumps(rows).encode())
    got = through.web.get("/bearer/large")
    assert got.status == 200, got.body[:300]
    found = got.json()
    assert isinstance(found, list) and len(found) == 20_000 and found[7]["email"] != rows[7]["email"]
    body = b"y" * (8 << 20)
    assert through.web.ask("POST", "/bearer/large", body, Content_Type="text/plain").status == 200
    assert through.web.service.seen[-1].body == body


def test_a_service_that_closes_its_connections_is_asked_over_fresh_ones(through: Through) -> None:
    service = through.web.service
    service.replies["/closes"] = Reply(b"{}", fields=(("connection", "close"),))
    service.replies["/stays"] = Reply(b"{}")
    for _ in range(5):
        assert through.web.get("/bearer/closes").status == 200
    before = service.connections
    assert all(through.web.get("/bearer/stays").status == 200 for _ in range(6))
    assert service.connections <= before + 1


def test_what_fails_says_why_and_what_to_do(through: Through) -> None:
    web, log = through.web, through.web.gateway.log
    got = web.get("/gone/items")
    assert got.status == 502 and "cannot be reached" in got.json()["detail"], got.body  # type: ignore[index]
    got = web.get("/broken/items")
    assert got.status == 502, got.body
    until("the gateway's log has the cause", lambda: "no authorization server gives a token" in log())
    web.service.replies["/packed"] = Reply(b"{}", fields=(("content-encoding", "compress"),))
    got = web.get("/bearer/packed")
    assert got.status == 502 and "connector" in got.json()["detail"], got.body  # type: ignore[index]
    until("the hint is there", lambda: "accept-encoding: identity" in log())
    # What can be read is, wherever a service packs without being asked to.
    for resource, service in (("bearer", web.service), ("shown", through.asks)):
        said = json.dumps({"x": f"Bearer {SECRET}", "n": "p" * 5000}).encode()
        service.replies["/packed"] = Reply(gzip.compress(said), fields=(("content-encoding", "gzip"),), cuts=(1, 9))
        found = web.get(f"/{resource}/packed").json()
        assert isinstance(found, dict) and found["n"] == "p" * 5000 and SECRET not in found["x"]
    web.service.replies["/refuses"] = Reply(b"{}", status=401)
    assert web.get("/bearer/refuses").status == 502
    assert SECRET not in log() and SECRET not in through.connector.log()


def test_the_credential_does_not_cross_the_link(world: World, through: Through) -> None:
    """Every byte of the link is looked at, decrypted with its own keys."""
    directory = prepared(world, "tapped-web")
    service, port = through.web.service, free_port()
    config = CONFIG[: CONFIG.index("  broken:")] + CONFIG[CONFIG.index("  aws:") : CONFIG.index("  shown:")] + CONFIG[CONFIG.index("policies:") :]
    gateway = start(world, "tapped-web", config, port, service=service.port)
    connector = world.connector(gateway, "eu").enroll()
    secrets = {SECRET, SESSION, TOKEN, "AKIDEXAMPLE", "cookie-that-opens-it"}
    with Wiretap(port, gateway.data_dir, connector.state) as tap:
        connector.config.write_text(connector.config.read_text().replace(f"127.0.0.1:{port}", f"127.0.0.1:{tap.port}"))
        connector.start()
        web = Web(service, gateway, gateway.token("alice"))
        for resource in OPENED:
            for path in ("told", "told?cut"):
                got = web.ask("POST", f"/{resource}/{path}", b'{"x": "zq7asked"}', Content_Type="application/json")
                assert got.status == 200, got.body
                said = service.seen[-1].fields.get("authorization", "")
                secrets |= {said.rsplit("Signature=", 1)[-1]} if "Signature=" in said else set()
        seen = bytes(tap.seen)
        connector.stop()
    # What it looks for could be seen.
    assert seen.count(b"zq7marker") >= len(OPENED) and b"zq7asked" in seen
    for secret in secrets:
        text = secret.encode()
        spelled = {
            text, base64.b64encode(text), text.hex().encode(), json.dumps(secret)[1:-1].encode(),
            json.dumps(secret)[1:-1].replace("/", "\\/").encode(), urllib.parse.quote(secret, safe="").encode(),
            base64.b64encode(b"portreeve:" + text),
        }  # fmt: skip
        for spelling in spelled:
            assert spelling not in seen, spelling
    assert SECRET.encode() not in gateway.kept() + gateway.config.read_bytes()


def test_a_changed_credential_is_used_for_the_next_login(through: Through) -> None:
    web, kept = through.web, through.directory / "key"
    web.service.replies["/items"] = Reply(b"{}")
    try:
        kept.write_text("another-key-1")
        fresh = Web(web.service, web.gateway, web.gateway.token("alice"))
        assert fresh.get("/bearer/items").status == 200
        assert web.service.seen[-1].fields["authorization"] == "Bearer another-key-1"
    finally:
        kept.write_text(SECRET)


def test_another_service_than_the_gateways_is_not_asked(world: World, through: Through) -> None:
    directory = prepared(world, "other-web")
    port = free_port()
    config = CONFIG[: CONFIG.index("  key:")] + CONFIG[CONFIG.index("policies:") :]
    gateway = start(world, "other-web", config, port, service=through.web.service.port)
    connector = world.connector(gateway, "eu")
    text = connector.config.read_text()
    connector.config.write_text(text.replace('"host": "127.0.0.1"', '"host": "localhost"'))
    connector.enroll().start()
    assert Web(through.web.service, gateway, gateway.token("alice")).get("/bearer/told").status == 502
    until("it says why", lambda: "`host` of `bearer` is `localhost` at the connector" in gateway.log())
    assert directory.exists()


def test_a_connector_that_goes_takes_its_answers_along(world: World, through: Through) -> None:
    directory = prepared(world, "killed-web")
    service, gate = through.web.service, threading.Event()
    config = CONFIG[: CONFIG.index("  key:")] + CONFIG[CONFIG.index("policies:") :]
    gateway = start(world, "killed-web", config, free_port(), service=service.port)
    first, second = (world.connector(gateway, name).enroll() for name in ("k1", "k2"))
    first.start()
    service.replies["/slow"] = Reply(b'{"n": 1}\n{"n": 2}\n', kind="application/x-ndjson", cuts=(9,), gate=gate)
    service.replies["/quick"] = Reply(b"{}")
    web = Web(service, gateway, gateway.token("alice"))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        connection.request("GET", "/bearer/slow", headers={"authorization": f"Bearer {web.token}"})
        answer = connection.getresponse()
        assert answer.read1() == b'{"n": 1}\n'
        first.kill()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    finally:
        gate.set()
        connection.close()
    second.start()
    assert web.get("/bearer/quick").status == 200
    assert directory.exists()


def test_each_half_has_its_own_settings(through: Through, tmp_path: Path) -> None:
    gateway = json.loads(through.web.gateway.config.read_text())
    gateway["resources"] = {"a": {"via": "connector", "http": {"host": "127.0.0.1", "http2": "never", "token": {"env": "HOME"}}}}
    (tmp_path / "g.yaml").write_text(json.dumps(gateway))
    done = through.web.gateway.try_run("check", "--config", str(tmp_path / "g.yaml"))
    assert done.returncode == 1, done
    for key in ("http2", "token"):
        assert f"× `resources.a.http.{key}` is the connector's" in done.stderr, done.stderr
    half = json.loads(through.connector.config.read_text())
    half["resources"] = {"a": {"http": {"host": "127.0.0.1", "serve_host": "a.b", "outgoing": "mask"}}}
    (tmp_path / "c.yaml").write_text(json.dumps(half))
    done = through.connector.check(config=tmp_path / "c.yaml")
    assert done.returncode == 1, done
    for key in ("serve_host", "outgoing"):
        assert f"× `resources.a.http.{key}` is the gateway's" in done.stderr, done.stderr
    (tmp_path / "short").write_text("abc")
    half["resources"] = {"a": {"http": {"host": "127.0.0.1", "token": {"file": str(tmp_path / "short")}}}}
    (tmp_path / "c.yaml").write_text(json.dumps(half))
    done = through.connector.check(config=tmp_path / "c.yaml")
    assert done.returncode == 1 and "fewer than 4 bytes" in done.stderr and "hint:" in done.stderr, done.stderr


def test_targets_of_a_connector_are_not_asked_by_the_gateway(through: Through) -> None:
    done = through.web.gateway.try_run("check", "--targets")
    assert done.returncode == 0, done.stderr
    assert "`bearer` is reached through a connector, and was not asked" in done.stderr


def test_both_accounts_of_the_streams_agree(through: Through) -> None:
    gateway, log = through.web.gateway, through.connector.state / "streams.jsonl"
    assert linked(gateway) == ["eu"]
    through.connector.stop()
    until("the connector is gone", lambda: linked(gateway) == [])
    status, report = verify(gateway)
    assert status == 0, report
    done = gateway.try_run("verify", "--connector-log", str(log), "--format", "json")
    found = json.loads(done.stdout)["connector"]
    assert found["connector"] == "eu" and not found["contradictions"] and found["agree"] >= 5, found
