"""P5: who gets in is who a trusted issuer names, with the whole chain, and nobody else."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from harness.gateway import Gateway
from harness.oidc import Forger, Provider, encoded
from harness.target import Target
from harness.waiting import until
from harness.wire import Refused, Wire
from harness.world import World

pytestmark = pytest.mark.gateway

# The last one: longer than any message before the login may be.
REFUSED = ("28000", "28P01", "08P01")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def forger() -> Iterator[Forger]:
    forger = Forger()
    yield forger
    forger.stop()


@pytest.fixture(scope="module")
def gateway(world: World, provider: Provider, forger: Forger) -> Gateway:
    issuers = "\n".join(
        f'  - oidc: {{ issuer: "{issuer}", audience: portreeve, algorithms: [RS256, ES256],'
        " interactive_clients: [tool] }"
        for issuer in (provider.issuer, forger.issuer)
    )
    return world.gateway("identity", issuers=issuers)


def place(gateway: Gateway, password: str) -> Target:
    return Target("gateway", "127.0.0.1", gateway.port, "shop", "anyone", password)


def gets_in(gateway: Gateway, token: str) -> None:
    with Wire.open(place(gateway, token)) as wire:
        assert wire.query("select 1").rows == [[b"1"]]


def is_refused(gateway: Gateway, token: str) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        Wire.open(place(gateway, token))
    fields = caught.value.fields
    assert fields["S"] == "FATAL" and fields["C"] in REFUSED, fields
    told = " ".join(fields.values())
    for part in token.split("."):
        assert len(part) < 12 or part not in told, "the credential is in the error"
    return fields


def test_a_service_of_the_certified_provider(gateway: Gateway, provider: Provider) -> None:
    gets_in(gateway, provider.service_token())


def test_a_person_of_the_certified_provider(gateway: Gateway, provider: Provider) -> None:
    token = provider.person_tokens("carol")["access_token"]
    gets_in(gateway, token)
    answer = json.loads(gateway.http("GET", "/v1/whoami", token=token)[1])
    assert answer["chain"]["principal"]["subject"] == "carol"
    assert answer["chain"]["principal"]["groups"] == ["analysts"]
    assert answer["chain"]["purpose"] == "support"


def test_an_id_token_is_not_an_access_token(gateway: Gateway, provider: Provider) -> None:
    """Its audience is the client, not us."""
    is_refused(gateway, provider.person_tokens("carol")["id_token"])


def test_a_token_for_another_audience(gateway: Gateway, provider: Provider) -> None:
    is_refused(gateway, provider.service_token("urn:elsewhere"))


def test_who_policy_does_not_know_may_not_read(gateway: Gateway, provider: Provider) -> None:
    token = provider.person_tokens("mallory")["access_token"]
    with Wire.open(place(gateway, token)) as wire:
        assert wire.query("select * from orders").sqlstate == "42501"


def test_good_tokens_of_our_own(gateway: Gateway, forger: Forger) -> None:
    gets_in(gateway, forger.token())
    gets_in(gateway, forger.token(headers={"typ": "JWT"}))
    gets_in(gateway, forger.token(aud=["elsewhere", "portreeve"]))


def test_new_keys_are_fetched_and_old_ones_forgotten(gateway: Gateway, forger: Forger) -> None:
    forger.add_key("ec-2", "ES256")
    token = forger.token(kid="ec-2", algorithm="ES256")

    def accepted() -> bool:
        try:
            gets_in(gateway, token)
        except Refused:
            return False
        return True

    # Nobody asked with an unknown key yet; fetching for one is rate-limited to 30 s.
    until("the new key is accepted", accepted, 45)


def resigned(forger: Forger, header: dict[str, object], signature: str = "") -> str:
    return f"{encoded(header)}.{encoded(forger.claims())}.{signature}"


NOW = int(time.time())
BAD: dict[str, Callable[[Forger], str]] = {
    "expired": lambda f: f.token(exp=NOW - 3600),
    "no-expiry": lambda f: f.token(exp=None),
    "expiry-is-text": lambda f: raw_claim(f, "exp", "tomorrow"),
    "not-yet": lambda f: f.token(nbf=NOW + 3600),
    "issued-later": lambda f: f.token(iat=NOW + 3600),
    "audience-other": lambda f: f.token(aud="elsewhere"),
    "audience-missing": lambda f: f.token(aud=None),
    "audience-prefix": lambda f: f.token(aud="portreeve.evil"),
    "issuer-other": lambda f: f.token(iss="http://127.0.0.1:1"),
    "issuer-slash": lambda f: f.token(iss=f.issuer + "/"),
    "issuer-case": lambda f: f.token(iss=f.issuer.upper()),
    "issuer-missing": lambda f: f.token(iss=None),
    "issuer-local": lambda f: f.token(iss="local"),
    "subject-missing": lambda f: f.token(sub=None),
    "subject-empty": lambda f: f.token(sub=""),
    "subject-number": lambda f: raw_claim(f, "sub", 7),
    "subject-control": lambda f: f.token(sub="al\nice"),
    "groups-text": lambda f: f.token(groups="reviewers"),
    "act-text": lambda f: f.token(act="planner"),
    "act-without-subject": lambda f: f.token(act={"iss": "x"}),
    "act-foreign": lambda f: f.token(act={"sub": "planner", "iss": "http://127.0.0.1:1"}),
    "act-too-deep": lambda f: f.token(act=deep(40)),
    "act-circle": lambda f: f.token(act={"sub": "a", "act": {"sub": "carol"}}),
    "unsigned": lambda f: resigned(f, {"alg": "none", "typ": "at+jwt"}),
    "unsigned-case": lambda f: resigned(f, {"alg": "None", "typ": "at+jwt"}),
    "unsigned-with-kid": lambda f: resigned(
        f, {"alg": "none", "kid": "rsa-1", "typ": "at+jwt"}, "AA"
    ),
    "signature-missing": lambda f: f.token().rsplit(".", 1)[0] + ".",
    "signature-of-another": lambda f: (
        f.token().rsplit(".", 1)[0] + "." + f.token(sub="x").rsplit(".", 1)[1]
    ),
    "claims-changed": lambda f: changed(f),
    "hmac-with-public-key": lambda f: hmac_with_public_key(f),
    "hmac": lambda f: f.token(algorithm="HS256", key="x" * 32),
    "algorithm-not-allowed": lambda f: f.token(algorithm="RS512"),
    "algorithm-ps": lambda f: f.token(algorithm="PS256"),
    "key-unknown": lambda f: f.token(kid="rsa-1", headers={"kid": "no-such-key"}),
    "key-empty": lambda f: f.token(headers={"kid": ""}),
    "key-path": lambda f: f.token(headers={"kid": "../../../etc/passwd"}),
    "key-embedded": lambda f: embedded(f),
    "key-url": lambda f: unpublished(f, {"jku": "http://127.0.0.1:1/jwks"}),
    "key-certificate-url": lambda f: unpublished(f, {"x5u": "http://127.0.0.1:1/x.pem"}),
    "critical": lambda f: f.token(headers={"crit": ["exp"], "exp": 1}),
    "type-other": lambda f: f.token(headers={"typ": "dpop+jwt"}),
    "type-logout": lambda f: f.token(headers={"typ": "logout+jwt"}),
    "two-parts": lambda f: f.token().rsplit(".", 1)[0],
    "five-parts": lambda f: f.token() + ".a.b",
    "bearer-prefix": lambda f: "Bearer " + f.token(),
    "space-after": lambda f: f.token() + " ",
    "huge": lambda f: f.token(note="x" * 60_000),
    "nonsense": lambda f: "password",
    "json": lambda f: json.dumps(f.claims()),
}


def raw_claim(forger: Forger, name: str, value: object) -> str:
    """The library checks some claims when it signs; this does not."""
    import jwt

    payload = json.dumps(forger.claims() | {name: value}).encode()
    return jwt.api_jws.encode(
        payload, forger.keys["rsa-1"], "RS256", {"kid": "rsa-1", "typ": "at+jwt"}
    )


def deep(levels: int) -> dict[str, object]:
    act: dict[str, object] = {"sub": "a0"}
    for level in range(1, levels):
        act = {"sub": f"a{level}", "act": act}
    return act


def changed(forger: Forger) -> str:
    header, _, signature = forger.token().split(".")
    return f"{header}.{encoded(forger.claims(sub='dana', groups=['reviewers']))}.{signature}"


def hmac_with_public_key(forger: Forger) -> str:
    """The classic: the public key as the secret of a symmetric algorithm."""
    import base64
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = forger.keys["rsa-1"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = (
        f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'rsa-1'})}.{encoded(forger.claims())}"
    )
    signature = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), "sha256")).rstrip(b"=")
    return f"{signed}.{signature.decode()}"


def unpublished(forger: Forger, headers: dict[str, object]) -> str:
    if "secret" not in forger.keys:
        forger.add_key("secret", publish=False)
    return forger.token(kid="secret", headers={"kid": "rsa-1"} | headers)


def embedded(forger: Forger) -> str:
    forger.add_key("embedded", publish=False)
    return forger.token(kid="embedded", headers={"kid": "rsa-1", "jwk": forger.public("embedded")})


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens(gateway: Gateway, forger: Forger, name: str) -> None:
    is_refused(gateway, BAD[name](forger))
    gets_in(gateway, forger.token())


def told(gateway: Gateway, word: str) -> int:
    """What the gateway answers to an issuer that says that a login has ended."""
    data = urllib.parse.urlencode({"logout_token": word}).encode()
    try:
        with urllib.request.urlopen(f"{gateway.api}/v1/logout", data, timeout=10) as answer:
            assert answer.headers["cache-control"] == "no-store"
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_an_issuer_ends_a_login(gateway: Gateway, forger: Forger) -> None:
    """OpenID Connect Back-Channel Logout 1.0: the session of that login ends, no other one."""
    word = {"headers": {"typ": "logout+jwt"}, "sub": "olga", "scope": None}
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    desk, phone = (forger.token(sub="olga", sid=login) for login in ("desk", "phone"))
    with Wire.open(place(gateway, desk)) as left, Wire.open(place(gateway, phone)) as stays:
        assert told(gateway, desk) == 400
        assert told(gateway, forger.token(sid="desk", events=None, **word)) == 400
        assert told(gateway, unpublished(forger, {"typ": "logout+jwt"})) == 400
        assert left.query("select 1").rows == [[b"1"]]
        assert told(gateway, forger.token(sid="desk", events=event, **word)) == 200
        ended = left.reply()
        assert ended.closed and ended.sqlstate == "57P01", ended
        assert stays.query("select 1").rows == [[b"1"]]
    is_refused(gateway, desk)
    gets_in(gateway, phone)


def test_every_hop_must_be_allowed(world: World, gateway: Gateway) -> None:
    good = gateway.target("alice", "planner", "sql-agent")
    with Wire.open(good) as wire:
        assert wire.query("select count(*) from orders").rows == [[b"60"]]
    for chain in (
        ("alice", "rogue-agent"),
        ("alice", "planner", "rogue-agent"),
        ("alice", "rogue-agent", "sql-agent"),
        ("nobody", "planner", "sql-agent"),
    ):
        with Wire.open(gateway.target(*chain)) as wire:
            reply = wire.query("select count(*) from orders")
            assert reply.sqlstate == "42501", chain
            assert wire.query("select 1").rows == [[b"1"]]


def test_unknown_keys_do_not_make_it_hammer_the_issuer(gateway: Gateway, forger: Forger) -> None:
    before = forger.requests
    for number in range(30):
        is_refused(gateway, forger.token(headers={"kid": f"guess-{number}"}))
    assert forger.requests - before <= 4


def test_a_removed_account_is_out_at_once(world: World, gateway: Gateway) -> None:
    gateway.run("accounts", "add", "temp", "--kind", "person", "--group", "analysts")
    token = gateway.token("temp")
    gets_in(gateway, token)
    gateway.run("accounts", "rm", "temp")
    is_refused(gateway, token)


def test_tokens_of_another_gateway(world: World, gateway: Gateway) -> None:
    """The same issuer name, other keys."""
    is_refused(gateway, world.shared.token("alice"))


def test_floods_of_bad_tokens_are_slowed_down(world: World) -> None:
    gateway = world.gateway(
        "flooded", more="limits: { auth_failures_max: 5, auth_refusal_time: 2s }"
    )
    good = gateway.token("alice")
    for _ in range(5):
        assert "too many" not in is_refused(gateway, "bad")["M"]
    assert "too many" in is_refused(gateway, "bad")["M"]
    # Whoever shares the address with a guesser is heard all the same, and so is the API.
    gets_in(gateway, good)
    assert gateway.http("GET", "/v1/whoami", token=good)[0] == 200
    assert gateway.http("GET", "/v1/whoami", token="bad")[0] == 401

    def answered_again() -> bool:
        return "too many" not in is_refused(gateway, "bad")["M"]

    until("bad tokens are answered one by one again", answered_again, 15)
    gateway.stop()


def test_an_expired_token_shuts_nobody_out(world: World, forger: Forger) -> None:
    """A pool of connections that goes on with an old token is no attack."""
    gateway = world.gateway(
        "stale",
        issuers=f'  - oidc: {{ issuer: "{forger.issuer}", interactive_clients: [tool] }}',
        more="limits: { auth_failures_max: 5, auth_refusal_time: 1m }",
    )
    old = forger.token(iat=NOW - 7200, exp=NOW - 3600)
    for _ in range(10):
        assert "expired" in " ".join(is_refused(gateway, old).values())
    gets_in(gateway, forger.token())


def test_a_program_shows_in_the_chain(world: World, forger: Forger) -> None:
    gateway = world.gateway(
        "program", issuers=f'  - oidc: {{ issuer: "{forger.issuer}" }}'
    )
    chain = json.loads(gateway.http("GET", "/v1/whoami", token=forger.token())[1])["chain"]
    assert [actor["subject"] for actor in chain["actors"]] == ["tool"]
