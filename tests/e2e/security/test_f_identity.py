"""Class F: everybody is who was proven, as strongly as it was proven, and for as long."""

import itertools
import json
import time
from collections.abc import Callable, Iterator

import pytest
from harness.cases import each
from harness.gateway import Account, Gateway
from harness.oidc import Forger
from harness.secrets import found_in
from harness.target import Target
from harness.waiting import until
from harness.wire import Closed, Refused, Wire
from harness.world import ACCOUNTS, World

from security.scene import REFUSING, decide, own_policies, review_of

pytestmark = pytest.mark.gateway
REVEALED = b"zq7marker@leak-q7.example"
RULES = """\
@id("support-sees-email")
permit (principal, action == Action::"reveal", resource in Category::"email")
when { context has purpose && context.purpose == "support" };
@id("operators-connect")
permit (principal in Group::"operators", action == Action::"read", resource);
"""
PEOPLE = (*ACCOUNTS, Account("otto", "person", ("operators",)))


@pytest.fixture(scope="module")
def forger() -> Iterator[Forger]:
    forger = Forger()
    yield forger
    forger.stop()


@pytest.fixture(scope="module")
def other_forger() -> Iterator[Forger]:
    forger = Forger()
    yield forger
    forger.stop()


@pytest.fixture(scope="module")
def gateway(world: World, forger: Forger) -> Gateway:
    issuer = f'issuer: "{forger.issuer}", audience: portreeve'
    issuers = f"  - oidc: {{ {issuer}, interactive_clients: [page] }}"
    policies = own_policies(world, "proven", RULES)
    return world.gateway("proven", issuers=issuers, policies=policies, accounts=PEOPLE)


_exports = itertools.count(5001)


def export() -> str:
    """A statement that is held, and has no approval from another test."""
    return f"select id, city from crowd where id < {next(_exports)}"


def place(gateway: Gateway, token: str) -> Target:
    return Target("gateway", "127.0.0.1", gateway.port, "shop", "anyone", token)


def asking(gateway: Gateway, forger: Forger) -> Target:
    """An analyst of the issuer that the reviewers have too: two issuers know no one person."""
    return place(gateway, forger.token(sub="ann", client_id=None, groups=["analysts"]))


STATED = {
    "options": {"options": "-c portreeve.purpose=support"},
    "options-dashes": {"options": "--portreeve.purpose=support"},
    "options-twice": {"options": "-c portreeve.purpose=x -c portreeve.purpose=support"},
    "parameter": {"portreeve.purpose": "support"},
}


@each(STATED)
def test_a_stated_purpose_is_not_a_signed_one(gateway: Gateway, case: dict[str, str]) -> None:
    """What a client says about its purpose reveals nothing that a signed purpose would."""
    try:
        wire = Wire.open(gateway.target("alice"), **case)
    except Refused:
        return
    with wire:
        reply = wire.query("select email from customers order by id")
        assert not found_in(reply.raw), reply.rows[:1]


def test_a_purpose_set_in_the_session_reveals_nothing(gateway: Gateway) -> None:
    """Nor does one that is set later."""
    with Wire.open(gateway.target("alice")) as wire:
        wire.query("set portreeve.purpose = 'support'")
        wire.query("select set_config('portreeve.purpose', 'support', false)")
        assert not found_in(wire.query("select email from customers").raw)


def test_a_signed_purpose_reveals(gateway: Gateway) -> None:
    """The same policy shows the column for a token that carries the purpose."""
    with Wire.open(gateway.target("alice", purpose="support")) as wire:
        assert wire.query("select email from customers where id = 1").rows == [[REVEALED]]


# Tokens that were given to programs, or name what is no person.
PROGRAMS: dict[str, Callable[[Forger], str]] = {
    "azp": lambda f: f.token(sub="ada", azp="agent-client", client_id=None, groups=["reviewers"]),
    "client-id": lambda f: f.token(sub="ada", client_id="agent-client", groups=["reviewers"]),
    "ci": lambda f: f.token(sub="repo:acme/shop:ref:refs/heads/main", client_id=None,
                            groups=["reviewers"]),
    "ci-project": lambda f: f.token(sub="project_path:acme/shop:ref_type:branch:ref:main",
                                    client_id=None, groups=["reviewers"]),
    "kubernetes": lambda f: f.token(sub="system:serviceaccount:ns:name", client_id=None,
                                    groups=["reviewers"]),
    "kubernetes-node": lambda f: f.token(sub="system:node:n1", client_id=None,
                                         groups=["reviewers"]),
    "spiffe": lambda f: f.token(sub="spiffe://acme.example/agent", client_id=None,
                                groups=["reviewers"]),
    "own-client": lambda f: f.token(sub="tool", client_id="tool", groups=["reviewers"]),
    "app-only": lambda f: f.token(sub="ada", idtyp="app", client_id=None, groups=["reviewers"]),
    "service-account": lambda f: f.token(sub="x", preferred_username="service-account-tool",
                                         client_id=None, groups=["reviewers"]),
    "google-service": lambda f: f.token(sub="1234", email="x@p.iam.gserviceaccount.com",
                                        client_id=None, groups=["reviewers"]),
}  # fmt: skip


@each(PROGRAMS)
def test_programs_are_not_persons(
    gateway: Gateway, forger: Forger, case: Callable[[Forger], str]
) -> None:
    """Who is a person must be proven: a token that was given to a program approves nothing."""
    export_sql = export()
    with Wire.open(asking(gateway, forger), **REFUSING) as wire:
        review = review_of(wire.query(export_sql))
        decide(gateway, "approve", review, case(forger))
        assert wire.query(export_sql).sqlstate == "42501", "a program approved it"


PERSONS: dict[str, Callable[[Forger], str]] = {
    "no-client": lambda f: f.token(sub="rita", client_id=None, groups=["reviewers"]),
    "interactive-client": lambda f: f.token(sub="rita", client_id="page", groups=["reviewers"]),
}


@each(PERSONS)
def test_persons_approve(gateway: Gateway, forger: Forger, case: Callable[[Forger], str]) -> None:
    """The same issuer's people do: it is not the issuer that keeps programs out."""
    export_sql = export()
    with Wire.open(asking(gateway, forger), **REFUSING) as wire:
        review = review_of(wire.query(export_sql))
        assert decide(gateway, "approve", review, case(forger)) == 0
        assert not (errors := wire.query(export_sql).errors), errors


def test_the_client_of_a_token_is_in_its_chain(gateway: Gateway, forger: Forger) -> None:
    """A token of ada's that an agent holds names the agent, with and without `act`."""
    token = forger.token(sub="ada", azp="agent-client", client_id=None)
    chain = json.loads(gateway.http("GET", "/v1/whoami", token=token)[1])["chain"]
    assert [actor["subject"] for actor in chain["actors"]] == ["agent-client"], chain


def exchange(gateway: Gateway, token: str, **body: object) -> tuple[int, bytes]:
    return gateway.http("POST", "/v1/token/exchange", body, token=token)


EXCHANGES = {
    "another-actor": ("planner",),
    "as-a-person": (),
    "third-hop": ("planner", "rogue-agent"),
}


@each(EXCHANGES)
def test_nobody_names_an_actor_that_did_not_consent(
    gateway: Gateway, case: tuple[str, ...]
) -> None:
    """Handing a token on to an actor needs that actor's own credential."""
    status, body = exchange(gateway, gateway.token("alice", *case), actor="sql-agent")
    assert 400 <= status < 500, body


FOREIGN_ACTORS = {
    "of-another-actor": lambda gateway: gateway.token("alice", "rogue-agent"),
    "of-a-person": lambda gateway: gateway.token("walt"),
    "garbage": lambda gateway: "not a token",
    "its-own": lambda gateway: gateway.token("alice", "planner"),
}


@each(FOREIGN_ACTORS)
def test_the_credential_of_another_is_no_consent(
    gateway: Gateway, case: Callable[[Gateway], str]
) -> None:
    """An `actor_token` that is not of the named actor changes nothing."""
    token = gateway.token("alice", "planner")
    status, body = exchange(gateway, token, actor="sql-agent", actor_token=case(gateway))
    assert 400 <= status < 500, body


def ends(wire: Wire, seconds: float = 4.0) -> None:
    """Until the session reads no more: it is closed, or refuses."""

    def over() -> bool:
        try:
            reply = wire.query("select id from orders limit 1")
        except (Closed, OSError):
            return True
        return reply.closed or bool(reply.errors)

    until("the session ends with its identity", over, seconds)


def test_a_session_ends_with_its_token(gateway: Gateway) -> None:
    """At `exp` the open session is over."""
    with Wire.open(gateway.target("alice", "planner", ttl="8s")) as wire:
        assert not wire.query("select id from orders limit 1").errors
        ends(wire, 20)


def add_account(gateway: Gateway, name: str, kind: str, group: str) -> None:
    gateway.run("accounts", "add", name, "--kind", kind, "--group", group)


CUTS: dict[str, tuple[str, ...]] = {
    "disabled": ("accounts", "disable", "{name}"),
    "removed": ("accounts", "rm", "{name}"),
}
HOPS = {"principal": 0, "actor": 1}


@pytest.mark.parametrize("hop", HOPS)
@each(CUTS)
def test_a_session_ends_with_its_account(gateway: Gateway, hop: str, case: tuple[str, ...]) -> None:
    """An account that is disabled or removed, at any hop, ends what it has open."""
    number = f"{hop}-{case[1]}"
    names = [f"ann-{number}", f"bot-{number}"]
    add_account(gateway, names[0], "person", "analysts")
    add_account(gateway, names[1], "actor", "agents")
    with Wire.open(gateway.target(*names)) as wire:
        assert not wire.query("select id from orders limit 1").errors
        gateway.run(*(word.format(name=names[HOPS[hop]]) for word in case))
        ends(wire)


def test_a_stream_ends_with_its_account(gateway: Gateway) -> None:
    """A reply that is under way is cut too."""
    add_account(gateway, "ann-stream", "person", "writers")
    with Wire.open(gateway.target("ann-stream")) as wire:
        wire.query("select 1")
        sql = "select g, pg_sleep(0.01) from generate_series(1, 300) g"
        wire.send(b"Q" + (len(sql) + 5).to_bytes(4, "big") + sql.encode() + b"\0")
        gateway.run("accounts", "disable", "ann-stream")
        reply = wire.reply()
        assert reply.errors or reply.closed, f"{len(reply.rows)} rows came"


def test_the_same_human_at_two_issuers_is_one_reviewer(
    world: World, forger: Forger, other_forger: Forger
) -> None:
    """Who asks at one issuer does not approve at another."""
    export_sql = export()
    issuers = "\n".join(
        f'  - oidc: {{ issuer: "{one.issuer}", audience: portreeve, person_claim: employee }}'
        for one in (forger, other_forger)
    )
    gateway = world.gateway("linked", issuers=issuers)
    person = {"client_id": None, "employee": "e-17"}
    asks = forger.token(sub="ann", groups=["analysts"], **person)
    approves = other_forger.token(sub="ann.b", groups=["reviewers"], **person)
    with Wire.open(place(gateway, asks), **REFUSING) as wire:
        review = review_of(wire.query(export_sql))
        assert decide(gateway, "approve", review, approves) != 0
        assert wire.query(export_sql).sqlstate == "42501"
        another = person | {"employee": "e-18"}
        approves = other_forger.token(sub="bob.c", groups=["reviewers"], **another)
        assert decide(gateway, "approve", review, approves) == 0, "another human may"


def test_files_of_the_gateway_do_not_make_a_reviewer(gateway: Gateway) -> None:
    """A token that was minted by having the gateway's files cannot approve."""
    export_sql = export()
    minted = gateway.run("token", "issue", "dana")
    with Wire.open(gateway.target("alice", "planner"), **REFUSING) as wire:
        review = review_of(wire.query(export_sql))
        assert decide(gateway, "approve", review, minted) != 0
        assert decide(gateway, "approve", review, gateway.token("dana")) == 0, "her own key's may"


def test_an_approval_names_its_credential(gateway: Gateway, forger: Forger) -> None:
    """A decision is recorded with issuer, token id and strength of the one who decided."""
    export_sql = export()
    token = forger.token(
        sub="rita", client_id=None, groups=["reviewers"], jti="jti-of-rita", acr="urn:strong"
    )
    with Wire.open(asking(gateway, forger), **REFUSING) as wire:
        review = review_of(wire.query(export_sql))
        assert decide(gateway, "approve", review, token) == 0
    for told in (forger.issuer, "jti-of-rita", "urn:strong"):
        until(f"{told} is recorded", lambda told=told: told.encode() in log_text(gateway), 5)


def log_text(gateway: Gateway) -> bytes:
    """Every byte of the log's records."""
    files = sorted((gateway.data_dir / "evidence").rglob("*"))
    return b"".join(path.read_bytes() for path in files if path.is_file())


ADMINISTRATION = {
    "account-added": (("accounts", "add", "evt-added", "--kind", "person"), b"evt-added"),
    "account-disabled": (("accounts", "disable", "evt-old"), b"evt-old"),
    "account-removed": (("accounts", "rm", "evt-gone"), b"evt-gone"),
    "token-issued": (("token", "issue", "evt-holder"), b"evt-holder"),
}


@each(ADMINISTRATION)
def test_administration_is_in_the_log(
    gateway: Gateway, case: tuple[tuple[str, ...], bytes]
) -> None:
    """Accounts and tokens are events of the evidence, like everything that opens a door."""
    command, name = case
    if command[1] != "add":
        gateway.run("accounts", "add", name.decode(), "--kind", "person")
    before = log_text(gateway).count(name)
    gateway.run(*command)
    until("the event is recorded", lambda: log_text(gateway).count(name) > before, 5)


BAD = 12


def fails(gateway: Gateway, token: str) -> None:
    with pytest.raises(Refused):
        Wire.open(place(gateway, token))


@pytest.fixture
def gated(world: World, gateway: Gateway, forger: Forger) -> Gateway:
    """A gateway with the gate as it is by default."""
    name = f"gated-{len(world.gateways)}"
    issuers = f'  - oidc: {{ issuer: "{forger.issuer}", audience: portreeve }}'
    policies = world.directory / "policies-proven"
    return world.gateway(name, issuers=issuers, policies=policies, accounts=PEOPLE, more="")


def test_guessing_does_not_shut_out_kills_and_approvals(gated: Gateway) -> None:
    """Operators and reviewers with good tokens are heard, whoever guesses from their address."""
    export_sql = export()
    with Wire.open(gated.target("alice", "planner"), **REFUSING) as wire:
        review = review_of(wire.query(export_sql))
        otto, dana = gated.token("otto"), gated.token("dana")
        session = gated.http("GET", "/v1/sessions", token=otto)
        for _ in range(BAD):
            fails(gated, "eyJhbGciOiJFZERTQSJ9.e30.AAAA")
            gated.http("GET", "/v1/whoami", token="guess")
        opened = json.loads(session[1])["sessions"][0]["id"]
        assert gated.http("POST", f"/v1/reviews/{review}/approve", {}, token=dana)[0] == 200
        assert gated.http("POST", f"/v1/sessions/{opened}/kill", token=otto)[0] == 200


def test_guessing_at_the_api_does_not_close_the_data_path(gated: Gateway) -> None:
    """The gate of the API and that of the data path are two."""
    good = gated.target("alice")
    for _ in range(BAD):
        gated.http("GET", "/v1/whoami", token="guess")
    Wire.open(good).terminate()


def test_expired_genuine_tokens_are_not_guessing(gated: Gateway, forger: Forger) -> None:
    """A pool that comes with a token of yesterday does not shut its address out."""
    expired = forger.token(exp=int(time.time()) - 3600)
    good = gated.target("alice")
    for _ in range(BAD):
        fails(gated, expired)
    Wire.open(good).terminate()


FOREVER = 253_370_764_800  # the year 9998
NOT_ACCESS: dict[str, Callable[[Forger], str]] = {
    "nonce": lambda f: f.token(headers={"typ": "JWT"}, nonce="n", client_id=None, azp="portreeve"),
    "access-hash": lambda f: f.token(headers={"typ": "JWT"}, at_hash="x", client_id=None),
    "code-hash": lambda f: f.token(headers={"typ": "JWT"}, c_hash="x", client_id=None),
    "audience-is-client": lambda f: f.token(
        headers={"typ": "JWT"}, client_id=None, azp="portreeve", auth_time=1, nonce="n"
    ),
    "session-hash": lambda f: f.token(headers={"typ": "JWT"}, s_hash="x", nonce="n"),
    "year-9998": lambda f: f.token(exp=FOREVER),
    "in-a-year": lambda f: f.token(exp=int(time.time()) + 365 * 86400),
    "issued-long-ago": lambda f: f.token(
        iat=int(time.time()) - 90 * 86400, exp=int(time.time()) + 600
    ),
    "exp-beyond-any-clock": lambda f: f.token(exp=2**62),
}


@each(NOT_ACCESS)
def test_tokens_that_are_no_access_tokens_of_the_hour(
    gateway: Gateway, forger: Forger, case: Callable[[Forger], str]
) -> None:
    """ID tokens are refused, and so is what lives longer than access should."""
    fails(gateway, case(forger))
