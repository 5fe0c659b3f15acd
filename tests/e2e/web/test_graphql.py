"""GraphQL is decided by the operation and the fields that it asks for, and what comes back is masked
under whatever name the client has given it. The service runs graphql-core."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pytest
from graphql import build_schema, graphql_sync
from harness.service import Reply, Seen, Service
from harness.through import started
from harness.world import World

from .conftest import ACCOUNTS, Got, Web

SCHEMA = build_schema("""
enum Order { CITY_ASC SALARY_DESC }
input Where { city: String salary: Int }
interface Named { id: ID }
type Customer implements Named { id: ID email: String fullName: String city: String salary: Int boss: Customer }
type Ticket implements Named { id: ID note: String email: String }
type Query {
  customers(email: String, where: Where, orderBy: Order, term: String): [Customer]
  secrets: [Customer]
  things: [Named]
}
type Mutation { setCity(id: ID, city: String): Customer  setEmail(id: ID, email: String): Customer }
""")
CUSTOMER = {
    "__typename": "Customer",
    "id": "1",
    "email": "ada-leak@corp",
    "fullName": "Ada Leak",
    "city": "Bern",
    "salary": 471100,
    "boss": {"id": "2", "email": "bob-leak@corp", "fullName": "Bob Leak", "salary": 471100},
}
TICKET = {"__typename": "Ticket", "id": "3", "note": "fine", "email": "cy-leak@corp"}

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("read") permit(principal, action == Action::"read", resource)
when { resource is Route && [
  "/graphql", "/graphql/query/customers", "/graphql/query/things", "/graphql/query/__typename"
].contains(resource.name) };
@id("change") permit(principal, action == Action::"write", resource)
when { resource is Route && ["/graphql", "/graphql/mutation/setcity", "/graphql/mutation/setemail"].contains(resource.name) };
@id("write-city") permit(principal, action == Action::"write", resource) when { resource is Field && resource.name == "city" };
@id("filter-city") permit(principal, action in [Action::"filter", Action::"probe"], resource)
when { resource is Field && resource.name == "city" };
@id("few-probes") forbid(principal, action == Action::"probe", resource) when { context.probes > 20 };
@id("names") permit(principal, action == Action::"reveal", resource)
when { resource is Field && resource.route == "/graphql/query/customers" && resource.name == "fullName" };
"""

CONFIG = """\
data_dir: $data_dir
listen:
  http: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  shop:
    http:
      host: 127.0.0.1
      port: {service}
      tls: {{ mode: disable }}
      graphql: /graphql
    classify:
      "*.*.email": email
      "*.*.fullName": name
      "*.*.city": city
      "*.*.salary": income
masking:
  default: redact
policies: [ "{directory}/shop.cedar" ]
"""


def executed(seen: Seen) -> Reply:
    asked = json.loads(seen.body)
    rows = {"customers": [CUSTOMER], "secrets": [CUSTOMER], "things": [CUSTOMER, TICKET]}
    changes = {"setCity": CUSTOMER, "setEmail": CUSTOMER}
    root = {**rows, **{name: lambda *_, row=row, **__: row for name, row in changes.items()}}
    root["customers"] = lambda *_, **__: [CUSTOMER]
    done = graphql_sync(
        SCHEMA, asked["query"], root, variable_values=asked.get("variables"), operation_name=asked.get("operationName")
    )
    return Reply(json.dumps(done.formatted).encode())


@dataclass
class Shop(Web):
    def operation(self, query: str, **more: object) -> Got:
        body = json.dumps({"query": query, **more}).encode()
        return self.ask("POST", "/shop/graphql", body, Content_Type="application/json")

    def data(self, query: str, **more: object) -> object:
        got = self.operation(query, **more)
        assert got.status == 200, got.body
        assert b"leak" not in got.body and b"4711" not in got.body, got.body
        said = got.json()
        assert "errors" not in said, said
        return said["data"]

    def refused(self, query: str, **more: object) -> dict:
        count = len(self.service.seen)
        got = self.operation(query, **more)
        assert got.status in (400, 403), got.body
        assert len(self.service.seen) == count
        assert got.fields["content-type"] == "application/graphql-response+json"
        [error] = got.json()["errors"]
        return {"message": error["message"], **error["extensions"]}


@pytest.fixture(scope="module")
def shop(world: World) -> Iterator[Shop]:
    service = Service()
    service.makes["/graphql"] = executed
    directory = world.directory / "graphql"
    directory.mkdir(parents=True)
    (directory / "shop.cedar").write_text(POLICY)
    gateway = started(world, directory, CONFIG.format(service=service.port, directory=directory), ACCOUNTS, "http")
    try:
        yield Shop(service, gateway, gateway.token("alice"), world.via)
    finally:
        gateway.stop()
        service.stop()


@contextmanager
def answering(shop: Shop, body: bytes) -> Iterator[None]:
    """The service answers with this, whatever it is asked for."""
    shop.service.makes["/graphql"] = lambda _: Reply(body)
    try:
        yield
    finally:
        shop.service.makes["/graphql"] = executed


def test_a_query_reads_what_it_asks_for(shop: Shop) -> None:
    data = shop.data("query A { customers { id email city salary __typename } }", operationName="A")
    assert data == {"customers": [{"id": "1", "email": "[email]", "city": "[city]", "salary": "[income]", "__typename": "Customer"}]}
    error = shop.refused("{ secrets { id } }")
    assert (error["code"], error["rule"]) == ("FORBIDDEN", "default-deny") and "secrets" in error["message"]
    assert shop.refused("{ customers { id } x: secrets { id } }")["code"] == "FORBIDDEN"
    assert shop.refused("{ ...F } fragment F on Query { ... { customers: secrets { id } } }")["code"] == "FORBIDDEN"
    assert "__schema" in shop.refused("{ __schema { types { name } } }")["message"]


@pytest.mark.parametrize(
    "query",
    [
        "{ customers { x: email y: salary id } }",
        "{ c: customers { id: email note: salary } }",
        "{ customers { ...F } } fragment F on Customer { x: email boss { y: email ...G } } fragment G on Customer { z: salary }",
        "{ customers { ... on Customer { x: email } ... @include(if: true) { boss { city: email } } } }",
        "{ things { id ... on Customer { x: email } ... on Ticket { x: note } } }",
        "{ things { ... on Customer { id: city } ... on Ticket { id: email } } }",
        "{ customers { type: email value: salary city: email } }",
        '{ customers(term: """x } # " { """) { # } { \n x: email, y: salary } }',
        "\ufeff{customers{x:email,y:salary}}",
        "query($s: Boolean = false) { customers { x: email @skip(if: $s) } }",
        "{ customers { emails: boss { a: email } } }",
    ],
)
def test_an_alias_hides_no_field(shop: Shop, query: str) -> None:
    shop.data(query)


def test_what_policy_reveals_of_a_field_shows_under_its_alias(shop: Shop) -> None:
    for query in ("{ customers { x: fullName } }", "{ c: customers { fullName } }"):
        got = shop.operation(query)
        assert got.status == 200 and b"Ada Leak" in got.body, got.body
    assert b"Leak" not in shop.operation("{ things { ... on Customer { x: fullName } } }").body


def test_what_is_asked_by_a_classified_field_is_filtered(shop: Shop) -> None:
    shop.data('{ customers(where: {city: "Bern"}, orderBy: CITY_ASC) { id } }')
    shop.data("query($w: Where) { customers(where: $w) { id } }", variables={"w": {"city": "Bern"}})
    for query, variables in (
        ('{ customers(email: "ada") { id } }', None),
        ("{ customers(where: {salary: 4}) { id } }", None),
        ("query($w: Where) { customers(where: $w) { id } }", {"w": {"salary": 4}}),
        ("query($w: Where = {salary: 4}) { customers(where: $w) { id } }", None),
        ("{ customers(orderBy: SALARY_DESC) { id } }", None),
        ("query($o: Order) { customers(orderBy: $o) { id } }", {"o": "SALARY_DESC"}),
    ):
        assert shop.refused(query, variables=variables)["code"] == "FORBIDDEN", query


def test_a_mutation_writes(shop: Shop) -> None:
    assert shop.data('mutation { setCity(id: 1, city: "Bern") { id } }') == {"setCity": {"id": "1"}}
    assert shop.refused('mutation { setEmail(id: 1, email: "x") { id } }')["code"] == "FORBIDDEN"
    assert shop.refused('mutation { setCity(id: 1, city: "x") { id } deleteAll { id } }')["code"] == "FORBIDDEN"
    # What goes out is looked through, comments too.
    assert shop.refused("{ customers { id } } # ada@corp.example")["code"] == "FORBIDDEN"
    assert shop.refused('mutation { setCity(id: 1, city: "write to ada@corp.example") { id } }')["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("{", {}),
        ("", {}),
        ("{ customers { ...F } } fragment F on Customer { ...F }", {}),
        ("{ customers { ...F } }", {}),
        ("subscription { customers { id } }", {}),
        ("query A { customers { id } } query B { secrets { id } }", {}),
        ("query A { customers { id } } query A { secrets { id } }", {"operationName": "A"}),
        ("{ customers @defer { id } }", {}),
        ("{ customers { id } }", {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}}),
        ("{ customers { id } }", {"id": "4711"}),
        ("{ customers { id } }", {"variables": []}),
        ("{ customers " + "{ boss " * 60 + "{ id }" + "}" * 60 + "}", {}),
    ],
)
def test_what_cannot_be_read_is_refused(shop: Shop, query: str, more: dict[str, object]) -> None:
    error = shop.refused(query, **more)
    assert error["code"] == "BAD_REQUEST" and "as JSON" in error["hint"], error


def test_other_ways_to_send_an_operation(shop: Shop) -> None:
    """A server may read each of them; none may ask for more than is decided."""
    count = len(shop.service.seen)
    secret = json.dumps({"query": "{ secrets { id } }"}).encode()
    good = json.dumps({"query": "{ customers { id } }"}).encode()
    twice = b'{"query": "{ customers { id } }", "query": "{ secrets { id } }"}'
    kind = {"Content_Type": "application/json"}
    for method, path, body, fields in (
        ("POST", "/shop/graphql", b"[" + good + b"," + secret + b"]", kind),
        ("POST", "/shop/graphql", twice, kind),
        ("POST", "/shop/graphql?query=" + quote("{ secrets { id } }"), good, kind),
        ("POST", "/shop/graphql", b"query=" + quote("{ secrets { id } }").encode(), {"Content_Type": "application/x-www-form-urlencoded"}),
        ("POST", "/shop/graphql", b"{ secrets { id } }", {"Content_Type": "application/graphql"}),
        ("POST", "/shop/graphql", secret, {"Content_Type": "text/plain"}),
        ("POST", "/shop/GraphQL/", secret, kind),
        ("POST", "/shop/graphql.json", secret, kind),
        ("POST", "/shop/graphql.foo", secret, kind),
        ("POST", "/shop//%67raphql", secret, kind),
        ("GET", "/shop/graphql?query=" + quote("{ secrets { id } }"), None, {}),
        ("GET", "/shop/graphql?query=" + quote("mutation { setCity(id: 1) { id } }"), None, {}),
        ("GET", "/shop/graphql?query=" + quote("{ customers { id } }") + "&query=" + quote("{ secrets { id } }"), None, {}),
        ("PUT", "/shop/graphql", good, kind),
        ("POST", "/shop/graphql", good, {"Content_Type": "application/json; charset=utf-7"}),
        ("POST", "/shop/graphql?sort=-salary", good, kind),
    ):
        got = shop.ask(method, path, body, **fields)
        assert got.status in (400, 403), (method, path, body, got.body)
    assert len(shop.service.seen) == count
    with answering(shop, b'{"data": {"x": [{"y": "ada-leak@corp"}]}}'):
        got = shop.get("/shop/graphql?query=" + quote("{ x: customers { y: email } }"))
        assert got.json() == {"data": {"x": [{"y": "[email]"}]}}


def test_what_was_not_asked_for_does_not_show(shop: Shop) -> None:
    body = b'{"data": {"customers": [{"id": "1"}], "more": {"note": "leak"}}, "incremental": [{"path": [], "data": {"x": "leak"}}], "hasNext": false}'
    with answering(shop, body):
        got = shop.operation("{ customers { id } }")
        assert got.status == 200 and b"leak" not in got.body and b'"1"' in got.body, got.body


def test_errors_of_the_service_are_looked_through(shop: Shop) -> None:
    with answering(shop, b'{"errors": [{"message": "no ada-leak@corp.example", "email": "ada-leak@corp"}], "data": null}'):
        got = shop.operation("{ customers { id } }")
        assert got.status == 200 and b"leak" not in got.body, got.body


def test_an_alias_shows_no_field(shop: Shop) -> None:
    """What a policy reveals of one field is not what another one is called by the client."""
    note = {**TICKET, "note": "mail to ada.lovelace@leak.example"}
    with answering(shop, json.dumps({"data": {"customers": [{"fullName": note["note"], "x": note["note"]}]}}).encode()):
        got = shop.operation("{ customers { fullName: id x: id } }")
        assert got.status == 200 and b"leak" not in got.body, got.body


def test_each_value_that_is_compared_is_a_probe(shop: Shop) -> None:
    aliases = " ".join(f'a{at}: customers(where: {{city: "C{at}"}}) {{ id }}' for at in range(200))
    listed = '{ customers(where: {city: ["' + '", "'.join(f"c{at}" for at in range(50)) + '"]}) { id } }'
    for query in ("{ " + aliases + " }", listed):
        assert "few-probes" in str(shop.refused(query)), query


def test_a_few_bytes_of_an_operation_cost_little(shop: Shop) -> None:
    """What a key may stand for is bounded: with two names on each of six levels it is 64 fields."""
    query = "id"
    for _ in range(6):
        query = f"... on Customer {{ x: boss {{ {query} }} }} ... on Ticket {{ x: friend {{ {query} }} }}"
    assert "too many fields" in shop.refused("{ customers { " + query + " } }")["message"]
