"""A document that describes a service names its routes, says what its operations do and which fields
hold personal data. Nobody gets more by it than its operator has said: what a policy has against a
path counts, whatever template it fits."""

import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.gateway import Gateway
from harness.service import Reply, Service
from harness.through import started
from harness.waiting import until
from harness.world import World

from .conftest import ACCOUNTS, Got, Web

DOCUMENT = """\
openapi: 3.1.0
info: { title: people, version: "1" }
servers: [ { url: "https://api.example/v1" } ]
paths:
  /people:
    get: { responses: { 200: { $ref: "#/components/responses/People" } } }
  /people/search:
    post:
      x-portreeve-effect: read
      responses: { 200: { $ref: "#/components/responses/People" } }
  /people/export:
    get: { x-portreeve-effect: write, responses: {} }
  /people/{name}:
    parameters: [ { name: name, in: path, required: true, schema: { type: string } } ]
    get: { responses: { 200: { $ref: "#/components/responses/People" } } }
    put:
      requestBody: { content: { application/json: { schema: { $ref: "#/components/schemas/Person" } } } }
      responses: {}
    delete: { responses: {} }
  /{tenant}/settings:
    get: { responses: {} }
    post: { x-portreeve-effect: read, responses: {} }
  /by-email/{email}:
    get:
      parameters: [ { name: email, in: path, required: true, x-portreeve-category: email } ]
      responses: { 200: { $ref: "#/components/responses/People" } }
  /orders/{number}:
    get:
      parameters: [ { name: number, in: path, required: true, schema: { type: integer } } ]
      responses: {}
  /payouts:
    post: { responses: {} }
  /files/{name}:
    get: { responses: {} }
components:
  responses:
    People:
      headers: { X-Owner: { x-portreeve-category: name, schema: { type: string } } }
      content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Person" } } } }
  schemas:
    Person:
      properties:
        ref: { type: string, x-portreeve-category: customer }
        nick: { type: string, x-portreeve-category: name }
        boss: { $ref: "#/components/schemas/Person" }
        labels: { additionalProperties: { type: string, x-portreeve-category: health } }
        code: { type: string }
        seat: { type: string }
"""

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("read") permit(principal, action == Action::"read", resource)
when { resource is Route && [
  "/v1/people", "/v1/people/{id}", "/v1/people/search", "/v1/people/export", "/v1/{id}/settings",
  "/v1/by-email/{id}", "/v1/orders/{id}", "/v1/files/{id}", "/v1/loose"
].contains(resource.name) };
@id("change") permit(principal, action == Action::"write", resource)
when { resource is Route && resource.name == "/v1/people/{id}" && context.verb != "POST" };
@id("whole-collections") forbid(principal, action == Action::"write", resource) when { !context.bounded };
@id("payouts") permit(principal, action == Action::"write", resource)
when { resource is Route && resource.name == "/v1/payouts" };
@id("held") @review("reviewers") forbid(principal, action == Action::"write", resource)
when { resource is Route && resource.name == "/v1/payouts" };
@id("held-word") @review("reviewers") forbid(principal, action == Action::"read", resource)
when { resource is Route && resource.name == "/v1/people/held" };
@id("admin") forbid(principal, action, resource)
when { resource is Route && resource.name like "/v1/admin*" };
@id("people-admin") forbid(principal, action, resource)
when { resource is Route && resource.name like "/v1/people/adm*" };
@id("compare") permit(principal in Group::"readers", action in [Action::"filter", Action::"probe"], resource)
when { resource is Field && resource.route == "/v1/by-email/{id}" };
@id("shown") permit(principal, action == Action::"reveal", resource)
when { resource is Field && resource.route == "/v1/people/{id}" && resource.name == "nick" };
@id("not-the-boss") forbid(principal, action == Action::"reveal", resource)
when { resource is Field && resource.route == "/v1/people/boss" };
@id("files") permit(principal, action == Action::"reveal", resource)
when { resource is Field && resource.route == "/v1/files/{id}" && resource.name == "body" };
@id("not-the-secret") forbid(principal, action == Action::"reveal", resource)
when { resource is Field && resource.route == "/v1/files/secret" };
"""

CONFIG = """\
data_dir: $data_dir
listen:
  http: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  api:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      openapi: "{directory}/people.yaml"
    classify:
      "*.*.seat": place
      '*."/v1/people/{{id}}".seat': {{ clear: "seats are no secret" }}
      '*."/v1/people/pilot".seat': place
  loose:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      openapi: "{directory}/people.yaml"
      undocumented: allow
masking:
  default: redact
policies: [ "{directory}/api.cedar" ]
"""

PERSON = {
    "ref": "C-4711",
    "nick": "Annie",
    "boss": {"ref": "C-4712", "nick": "Bo"},
    "labels": {"a": "asthma"},
    "code": "x1",
    "seat": "4a",
}


@dataclass
class Api(Web):
    directory: Path = Path()

    def answers(self, path: str, said: object = PERSON) -> None:
        self.service.replies[path] = Reply(json.dumps(said).encode(), fields=(("X-Owner", "Annie"),))

    def asks(self, method: str, path: str, body: bytes | None = None, token: str | None = None) -> Got:
        """What the service would answer, if it were asked."""
        self.answers(re.sub(r"\?.*", "", path).removeprefix("/api").removeprefix("/loose"))
        return self.ask(method, path, body, token)


@pytest.fixture(scope="module")
def api(world: World) -> Iterator[Api]:
    service = Service()
    directory = world.directory / "openapi"
    directory.mkdir(parents=True)
    (directory / "people.yaml").write_text(DOCUMENT)
    (directory / "api.cedar").write_text(POLICY)
    config = CONFIG.format(service=service.port, directory=directory)
    gateway = started(world, directory, config, ACCOUNTS, "http")
    try:
        yield Api(service, gateway, gateway.token("alice"), world.via, directory)
    finally:
        gateway.stop()
        service.stop()


def test_a_word_in_a_placeholder_is_an_id(api: Api) -> None:
    for word in ("ann", "42", "ann.json", "Ann"):
        got = api.asks("GET", f"/api/v1/people/{word}")
        assert got.status == 200, got.body
        said = got.json()
        assert (said["nick"], said["code"]) == ("Annie", "x1")
        assert said["ref"] == said["boss"]["ref"] == "[customer]"
        assert said["labels"] == {"[health]": "[health]"}
    # Revealed of the one route only.
    assert api.asks("GET", "/api/v1/people").json()["nick"] == "[name]"
    assert got.fields["x-owner"] == "[name]"


@pytest.mark.parametrize("word", ["admin", "Admin", "%61dmin", "admin.json", "admin/", "adm", "x/../admin", "admin.foo", "admin,"])
def test_what_a_policy_has_against_a_path_counts(api: Api, word: str) -> None:
    count = len(api.service.seen)
    got = api.asks("GET", f"/api/v1/people/{word}")
    assert got.status == 403 and got.json()["rule"] == "people-admin", got.body
    assert len(api.service.seen) == count


def test_what_is_held_for_a_word_is_not_let_pass_by_its_template(api: Api) -> None:
    assert api.asks("GET", "/api/v1/people/held").status == 403
    assert api.asks("GET", "/api/v1/people/heldx").status == 200


@pytest.mark.parametrize("path", ["/v1/admin/settings", "/v1/Admin/settings", "/v1/admin.x/settings", "/v1/admin/Settings.json"])
def test_a_placeholder_in_front_hides_no_path(api: Api, path: str) -> None:
    assert api.asks("GET", "/api/v1/acme/settings").status == 200
    got = api.asks("GET", f"/api{path}")
    assert got.status == 403 and got.json()["rule"] == "admin", got.body
    assert api.asks("POST", "/api/v1/acme/settings", b"{}").status == 200
    assert api.asks("POST", f"/api{path}", b"{}").status == 403


def test_what_is_forbidden_to_show_of_a_word_does_not_show(api: Api) -> None:
    assert api.asks("GET", "/api/v1/people/bo").json()["nick"] == "Annie"
    for word in ("boss", "Boss", "boss.json"):
        assert api.asks("GET", f"/api/v1/people/{word}").json()["nick"] == "[name]", word
    api.service.replies["/v1/files/logo"] = Reply(b"\x00\x01", kind="application/octet-stream")
    api.service.replies["/v1/files/secret"] = Reply(b"\x00\x01", kind="application/octet-stream")
    assert api.get("/api/v1/files/logo").body == b"\x00\x01"
    assert api.get("/api/v1/files/secret").status == 502


def test_what_is_cleared_of_a_template_is_cleared_of_its_words_but_for_those_that_are_named(api: Api) -> None:
    assert api.asks("GET", "/api/v1/people/ann").json()["seat"] == "4a"
    assert api.asks("GET", "/api/v1/people/pilot").json()["seat"] == "[place]"
    assert api.asks("GET", "/api/v1/people").json()["seat"] == "[place]"


def test_an_operation_does_what_the_document_says(api: Api) -> None:
    assert api.asks("POST", "/api/v1/people/search", b"{}").status == 200
    count = len(api.service.seen)
    # A GET that writes, a POST to a word, and a POST that another server takes for one.
    for method, path in (("GET", "/v1/people/export"), ("POST", "/v1/people/ann"), ("POST", "/v1/people/SEARCH"), ("POST", "/v1/people/search.json")):
        got = api.asks(method, f"/api{path}", b"{}" if method == "POST" else None)
        assert got.status in (400, 403), (path, got.body)
    assert len(api.service.seen) == count


def test_what_is_written_to_is_one_thing_where_the_document_says_so(api: Api) -> None:
    assert api.asks("DELETE", "/api/v1/people/ann").status == 200
    assert api.asks("PUT", "/api/v1/people/ann", b'{"code": "x"}').status == 200
    several = ("/v1/people/*", "/v1/people/all", "/v1/people/_all", "/v1/people/-", "/v1/people/_", "/v1/people/null", "/v1/people/a,b")
    for path in ("/v1/people/search", "/v1/people/ann,", "/v1/people/ann()", *several):
        assert api.asks("DELETE", f"/api{path}").status == 403, path


def test_what_the_document_has_not_is_refused(api: Api) -> None:
    count = len(api.service.seen)
    for method, path in (
        ("GET", "/v1/loose"),
        ("GET", "/people/ann"),
        ("PATCH", "/v1/people/ann"),
        ("DELETE", "/v1/people"),
        ("GET", "/v1/people/ann/x"),
        ("GET", "/v1/orders/all"),
        ("GET", "/v1"),
    ):
        got = api.asks(method, f"/api{path}")
        assert got.status in (400, 403), (path, got.body)
        assert "description has no" in got.json()["detail"], got.body
        assert "description" in got.json()["hint"] or "described" in got.json()["hint"]
    assert len(api.service.seen) == count
    assert api.asks("GET", "/api/v1/orders/42").status == 200
    assert api.asks("HEAD", "/api/v1/people").status == 200
    assert api.asks("OPTIONS", "/api/v1/people").status == 200
    # Where it is allowed, method and path decide, as without a document.
    assert api.asks("GET", "/loose/v1/loose").status == 200
    assert api.asks("GET", "/loose/v1/others").json()["rule"] == "default-deny"
    assert api.asks("POST", "/loose/v1/loose", b"{}").json()["rule"] == "default-deny"


def test_a_classified_placeholder_is_compared(api: Api) -> None:
    assert api.asks("GET", "/api/v1/by-email/annie").status == 403
    rita = api.gateway.token("rita")
    assert api.asks("GET", "/api/v1/by-email/annie", token=rita).status == 200


def test_what_goes_out_is_classified_by_the_document(api: Api) -> None:
    for body in (b'{"ref": "C-1"}', b'{"boss": {"ref": "C-1"}}', b'{"labels": {"z": "flu"}}', b'{"REF": "C-1"}'):
        got = api.asks("PUT", "/api/v1/people/ann", body)
        assert got.status == 403, (body, got.body)


def rewritten(api: Api, text: str) -> None:
    (api.directory / "people.yaml").write_text(text)
    assert api.gateway.process
    api.gateway.process.send_signal(signal.SIGHUP)


def test_another_document_holds_for_what_comes(api: Api) -> None:
    """What was approved was approved under the document of its time; one that cannot be read changes
    nothing."""
    dana = api.gateway.token("dana")
    review = api.asks("POST", "/api/v1/payouts", b'{"n": 1}').json()["review"]
    api.gateway.run("reviews", "approve", review, token=dana)
    try:
        rewritten(api, DOCUMENT.replace("code: { type: string }", "code: { type: string, x-portreeve-category: key }"))
        until("the field is masked", lambda: api.asks("GET", "/api/v1/people/ann").json()["code"] == "[key]", 15)
        again = api.asks("POST", "/api/v1/payouts", b'{"n": 1}')
        assert again.status == 202 and again.json()["review"] != review, again.body
        rewritten(api, DOCUMENT.replace("openapi: 3.1.0", "openapi: 9"))
        until("the mistake is logged", lambda: "openapi: 9" in api.gateway.log(), 15)
        assert api.asks("GET", "/api/v1/people/ann").json()["code"] == "[key]"
    finally:
        rewritten(api, DOCUMENT)
        until("it is as before", lambda: api.asks("GET", "/api/v1/people/ann").json()["code"] == "x1", 15)


def checked(api: Api, directory: Path, document: str, config: str = CONFIG) -> tuple[int, str]:
    (directory / "api.cedar").write_text(POLICY)
    (directory / "people.yaml").write_text(document)
    text = config.format(service=1, directory=directory).replace("$data_dir", str(directory / "data"))
    file = directory / "portreeve.yaml"
    file.write_text(re.sub(r"\$\w+", "0", text))
    done = api.gateway.try_run("check", "--config", str(file))
    return done.returncode, done.stdout + done.stderr


def test_check_tells_what_was_read(api: Api, tmp_path: Path) -> None:
    text = DOCUMENT.replace("code: { type: string }", "code: { type: string, format: email }")
    text = text.replace("  /payouts:", "  '/a?b={c}': { get: {} }\n  /payouts:")
    code, said = checked(api, tmp_path, text)
    assert code == 0, said
    said = " ".join(said.split())
    for words in ("9 paths", "12 operations", "`paths./a?b={c}` is not used", "properties.code", "x-portreeve-category: email"):
        assert words in said, said


@pytest.mark.parametrize(
    ("before", "behind", "words"),
    [
        ("openapi: 3.1.0", "openapi: 2.9.0", "write it as OpenAPI 3.0 or 3.1"),
        ("x-portreeve-effect: read", "x-portreeve-effect: reads", "paths./people/search.post"),
        ("x-portreeve-category: name", "x-portreeve-categry: name", "is not known"),
        ('"#/components/responses/People"', '"./other.yaml#/People"', "bundle"),
        ("  schemas:", "  schemas:\n    A: 1\n    A: 2", "people.yaml"),
    ],
)
def test_a_document_that_cannot_be_followed_is_refused(api: Api, tmp_path: Path, before: str, behind: str, words: str) -> None:
    code, said = checked(api, tmp_path, DOCUMENT.replace(before, behind))
    assert code == 1 and words in said and "`resources.api.http`" in said, said


def test_what_becomes_of_the_rest_needs_a_document(api: Api, tmp_path: Path) -> None:
    config = CONFIG.replace('      openapi: "{directory}/people.yaml"\n      undocumented: allow', "      undocumented: allow")
    code, said = checked(api, tmp_path, DOCUMENT, config)
    assert code == 1 and "there is none" in said, said
    config = CONFIG.replace("undocumented: allow", "undocumented: pass")
    code, said = checked(api, tmp_path, DOCUMENT, config)
    assert code == 1 and "`undocumented: pass` is none" in said, said
