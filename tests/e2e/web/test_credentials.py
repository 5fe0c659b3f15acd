"""What opens a service is the gateway's own: put in place of whatever the caller sends, on every
kind of service, and never to be seen."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.certificates import Authority
from harness.gateway import Gateway
from harness.service import Reply, Service
from harness.service2 import Service2
from harness.signatures import is_signed
from harness.world import World

from .conftest import ACCOUNTS, Web

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
  key:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, header: {{ name: X-Api-Key, value: {{ file: "{directory}/key" }} }} }}
  basic:
    http: {{ host: 127.0.0.1, port: {service}, tls: {{ mode: disable }}, user: portreeve, password: {{ file: "{directory}/key" }} }}
  oauth:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      oauth:
        url: "http://127.0.0.1:{service}/token"
        client_id: "portreeve:1"
        client_secret: {{ file: "{directory}/key" }}
        scope: "read write"
        audience: crm
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
    http: {{ host: 127.0.0.1, port: {two}, tls: {{ ca: "{directory}/ca.pem" }} }}
  prior:
    http: {{ host: 127.0.0.1, port: {prior}, tls: {{ mode: disable }}, http2: always }}
policies: [ "{directory}/web.cedar" ]
"""

SECRET = "wJalrXUtnFEMI/K7MDENG+the-secret"
SESSION = "a-temporary-session"
TOKEN = "sk_a.token:of-oauth"


@dataclass
class Opened:
    web: Web
    asks: Service
    two: Service2
    prior: Service2
    directory: Path


@pytest.fixture(scope="module")
def opened(world: World) -> Iterator[Opened]:
    directory = world.directory / "credentials"
    directory.mkdir(parents=True)
    authority = Authority(directory)
    certificate, secret = authority.issue("gateway")
    service = Service()
    asks = Service(tls=authority.server(asks=True))
    two, prior = Service2(authority.server(protocols=("h2", "http/1.1"))), Service2()
    (directory / "key").write_text(SECRET)
    (directory / "session").write_text(SESSION)
    (directory / "web.cedar").write_text(POLICY)
    config = CONFIG.format(
        service=service.port, asks=asks.port, two=two.port, prior=prior.port,
        directory=directory, certificate=certificate, secret=secret,
    )  # fmt: skip
    gateway = Gateway(directory, config, ACCOUNTS)
    world.gateways.append(gateway)
    gateway.start()
    try:
        yield Opened(Web(service, gateway, gateway.token("alice")), asks, two, prior, directory)
    finally:
        gateway.stop()
        for one in (service, asks, two, prior):
            one.stop()


def test_a_field_of_the_services_own_opens_it(opened: Opened) -> None:
    web = opened.web
    web.service.replies["/items"] = Reply(json.dumps({"you": f"key {SECRET}"}).encode())
    got = web.get("/key/items", X_Api_Key="mine")
    assert got.json() == {"you": "key [credential]"}
    seen = web.service.seen[-1].fields
    assert seen["x-api-key"] == SECRET and "authorization" not in seen
    assert web.get("/basic/items").status == 200
    assert web.service.seen[-1].fields["authorization"].startswith("Basic cG9ydHJlZXZlOn")


def test_one_token_is_asked_for_and_kept(opened: Opened) -> None:
    web = opened.web
    answer = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}
    gate = threading.Event()
    body = json.dumps(answer).encode()
    web.service.replies["/token"] = Reply(body, cuts=(1,), gate=gate)
    web.service.replies["/items"] = Reply(json.dumps({"you": f"Bearer {TOKEN}"}).encode())
    with ThreadPoolExecutor(4) as many:
        asked = [many.submit(web.get, "/oauth/items") for _ in range(4)]
        gate.set()
        assert {one.result().body for one in asked} == {b'{"you": "Bearer [credential]"}'}
    questions = [seen for seen in web.service.seen if seen.target == "/token"]
    assert len(questions) == 1
    assert questions[0].body == b"grant_type=client_credentials&scope=read%20write&audience=crm"
    said = questions[0].fields
    assert said["content-type"] == "application/x-www-form-urlencoded"
    # RFC 6749 section 2.3.1: each half is encoded, then joined.
    assert said["authorization"].startswith("Basic cG9ydHJlZXZlJTNBMTp3SmFsclhVdG5GRU1JJTJG")
    assert web.service.seen[-1].fields["authorization"] == f"Bearer {TOKEN}"
    # A page has it in the names of HTML, and in JSON a page may stand.
    named = "Bearer sk&lowbar;a&period;token&colon;of-oauth"
    web.service.replies["/items"] = Reply(json.dumps({"page": f"<p>{named}</p>"}).encode())
    assert web.get("/oauth/items").body == b'{"page": "<p>Bearer [credential]</p>"}'
    web.service.replies["/items"] = Reply(f"<p>{named}</p>".encode(), kind="text/html")
    assert web.get("/oauth/items").body == b"<p>Bearer [credential]</p>"


def test_without_a_token_nothing_is_asked(opened: Opened) -> None:
    web = opened.web
    web.service.replies["/no-token"] = Reply(b'{"error": "invalid_client", "error_description": "what-it-says"}', status=401)
    web.service.replies["/items"] = Reply(b"{}")
    for _ in range(3):
        got = web.get("/broken/items")
        assert got.status == 502 and "no credential" in got.json()["detail"], got.body
    assert [seen.target for seen in web.service.seen].count("/no-token") == 1
    log = web.gateway.log()
    assert "401 invalid_client" in log and "what-it-says" not in log and SECRET not in log


@pytest.mark.parametrize(("resource", "service"), [("aws", "execute-api"), ("store", "s3")])
@pytest.mark.parametrize(
    "path", ["/items", "/a%20b/c:d@e/%C3%A9?z=1&a=%2F&b&a=x+y&sort=-(q)", "/x//./y/?q=~*'!$,%25"]
)
def test_what_is_signed_is_what_is_sent(opened: Opened, resource: str, service: str, path: str) -> None:
    web = opened.web
    web.service.replies["/items"] = Reply(b"{}")
    for body in (None, b'{"n": 1.50}'):
        method = "POST" if body else "GET"
        fields = {"X-Amz-Date": "20150830T123600Z", "X-Amz-Security-Token": "mine", "X-Amz-Target": "  a   b "}
        web.ask(method, f"/{resource}{path}", body, Content_Type="application/json", **fields)
        seen = web.service.seen[-1]
        assert seen.method == method and is_signed(seen, "AKIDEXAMPLE", SECRET, service), seen
        assert seen.fields.get("x-amz-security-token") == (SESSION if service == "s3" else None)
    web.service.replies["/items"] = Reply(json.dumps({"x": seen.fields["authorization"]}).encode())
    shown = web.get(f"/{resource}/items").json()
    assert isinstance(shown, dict) and shown["x"].endswith("Signature=[credential]"), shown


def test_a_certificate_opens_a_service_that_asks_for_one(opened: Opened) -> None:
    opened.asks.replies["/items"] = Reply(b'{"ok": true}')
    assert opened.web.get("/shown/items").json() == {"ok": True}
    got = opened.web.get("/hidden/items")
    assert got.status == 502, got.body


@pytest.mark.parametrize("resource", ["two", "prior"])
def test_services_that_speak_http_2_are_asked_so(opened: Opened, resource: str) -> None:
    web, service = opened.web, opened.two if resource == "two" else opened.prior
    got = web.ask("POST", f"/{resource}/a//b?q=1", b'{"x": 1}', Content_Type="application/json", Connection="x-hop", X_Hop="1")
    assert got.status == 200, got.body
    said = got.json()
    assert said == {"path": "/a/b?q=1", "body": '{"x": 1}', "note": "call [email]"}
    head = service.seen[-1]
    assert head[":scheme"] == ("https" if resource == "two" else "http")
    assert head[":authority"] == f"127.0.0.1:{service.port}" and "host" not in head and "x-hop" not in head
    before, service.waits_for = service.connections, 3
    with ThreadPoolExecutor(3) as many:
        answers = list(many.map(lambda n: web.get(f"/{resource}/{n}"), range(3)))
    service.waits_for = 1
    assert [answer.status for answer in answers] == [200] * 3
    assert service.connections == before and service.most_at_once == 3


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('token: {{ env: HOME }}, header: {{ name: x-key, value: {{ env: HOME }} }}', "keep one of them"),
        ("user: x", "go together"),
        ("header: {{ name: host, value: {{ env: HOME }} }}", "not the name of a field"),
        ("header: {{ name: x-key }}", "`value` is missing"),
        ('oauth: {{ url: "http://id.example.org/token", client_id: x, client_secret: {{ env: HOME }} }}', "loopback only"),
        ('oauth: {{ url: "https://id.example.org/token", client_id: x }}', "client_secret"),
        ("aws: {{ region: 'a/b', service: s3, access_key_id: x, secret_access_key: {{ env: HOME }} }}", "`region`"),
        ("http2: maybe", "`offered`, `always` or `never`"),
        ("tls: {{ certificate: gateway.pem, key: ca.pem }}", "certificate"),
    ],
)
def test_mistakes_are_found_before_anything_starts(opened: Opened, section: str, words: str) -> None:
    text = "issuers: [ {{ local: {{}} }} ]\nresources:\n  a:\n    http: {{ host: 127.0.0.1, " + section + " }}\n"
    file = opened.directory / "mistaken.yaml"
    file.write_text(text.format())
    done = opened.web.gateway.try_run("check", "--config", str(file))
    assert done.returncode == 1 and words in done.stderr, done.stderr
