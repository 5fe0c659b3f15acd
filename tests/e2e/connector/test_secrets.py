"""What opens a target is in a store of secrets: gateways and connectors ask for it when somebody
logs in, keep it for a bounded time, and give back what was made for them."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from harness.connector import Connector
from harness.expect import READ, customers_are_masked
from harness.gateway import Account, Gateway
from harness.service import Reply, Seen, Service
from harness.signatures import is_signed
from harness.vault import Vault
from harness.waiting import until
from harness.world import World

pytestmark = pytest.mark.gateway

READER = """\
path "secret/data/shop" { capabilities = ["read"] }
path "database/creds/reader" { capabilities = ["read"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/revoke" { capabilities = ["update"] }
"""

MADE = "create role \"{{name}}\" superuser login password '{{password}}' valid until '{{expiration}}'"
UNMADE = 'drop role if exists "{{name}}"'


@pytest.fixture(scope="module")
def vault(world: World) -> Iterator[Vault]:
    directory = world.directory / "vault"
    directory.mkdir()
    vault = Vault(directory)
    vault.policy("reader", READER)
    vault.ask("POST", "secret/data/shop", {"data": {"password": world.postgres.password}})
    vault.ask("POST", "sys/auth/approle", {"type": "approle"})
    vault.ask("POST", "auth/approle/role/connector", {"token_policies": "reader", "token_ttl": "10m"})
    vault.ask("POST", "sys/mounts/database", {"type": "database"})
    where = f"postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{world.postgres.port}/postgres?sslmode=require"
    vault.ask(
        "POST",
        "database/config/shop",
        {
            "plugin_name": "postgresql-database-plugin", "allowed_roles": "reader", "connection_url": where,
            "username": "portreeve", "password": world.postgres.password,
        },
    )  # fmt: skip
    try:
        yield vault
    finally:
        vault.stop()


def role(vault: Vault, default: str, longest: str) -> None:
    vault.ask(
        "POST",
        "database/roles/reader",
        {
            "db_name": "shop", "creation_statements": [MADE], "revocation_statements": [UNMADE],
            "default_ttl": default, "max_ttl": longest,
        },
    )  # fmt: skip


def read(gateway: Gateway) -> list[tuple[object, ...]]:
    target = gateway.target("alice", "planner", "sql-agent")
    with psycopg.connect(target.conninfo()) as connection:
        return connection.execute(READ).fetchall()


def reads(gateway: Gateway) -> bool:
    try:
        return bool(read(gateway))
    except psycopg.OperationalError:
        return False


def kept_in(gateway: Gateway, source: dict[str, object], connector: Connector | None = None) -> None:
    """In the place of the password's file."""
    place = connector.config if connector else gateway.config
    before = f'password: {{ file: "{gateway.directory}/role-password" }}'
    text = place.read_text()
    assert before in text
    place.write_text(text.replace(before, f"password: {json.dumps(source)}"))


def test_a_password_of_a_store_is_read_when_somebody_logs_in(world: World, vault: Vault) -> None:
    gateway = world.gateway("vault-kv", via="gateway", start=False)
    token = gateway.directory / "vault-token"
    token.write_text(vault.token("reader") + "\n")
    source = {"address": vault.address, "path": "secret/data/shop", "token": {"file": str(token)}, "keep": "1s"}
    kept_in(gateway, {"vault": source})
    gateway.start()
    customers_are_masked(gateway.target("alice", "planner", "sql-agent"), read(gateway))

    before = world.postgres.password
    try:
        world.admin("alter role portreeve password 'changed-in-the-store'")
        vault.ask("POST", "secret/data/shop", {"data": {"password": "changed-in-the-store"}})
        until("the changed password is used", lambda: reads(gateway), 30)
    finally:
        world.admin(f"alter role portreeve password '{before}'")
        vault.ask("POST", "secret/data/shop", {"data": {"password": before}})
    until("and the one after it", lambda: reads(gateway), 30)

    # Without the right to read it nobody is dialled, with what was read before or without.
    token.write_text(vault.token("default"))
    until("the store says no", lambda: not reads(gateway), 30)
    assert "it answers 403" in gateway.log() and "hint: does a policy of the token" in gateway.log()
    assert before.encode() not in gateway.kept() + gateway.log().encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"path": "secret/shop"}, "hint: of a key-value store of version 2, the path has `data/`"),
        ({"field": "passwort"}, "it has no text `passwort`; it has `password`"),
        ({"address": "http://127.0.0.1:9"}, "127.0.0.1:9"),
        ({"address": "http://vault.example"}, "is plain http to another machine"),
        ({"token": {"vault": {}}}, "unknown key `vault`"),
        ({"app_role": {"role_id": "r", "secret_id": {"env": "X"}}}, "app_role`"),
        ({"path": "../sys/raw"}, "is no path of a store"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_told_before_anything_starts(
    world: World, vault: Vault, change: dict[str, object], words: str
) -> None:
    name = "vault-" + "".join(c for c in words if c.isalnum())[:20]
    gateway = world.gateway(name, via="gateway", start=False)
    gateway.never_ready = gateway.was_ended = True
    token = gateway.directory / "vault-token"
    token.write_text(vault.token("reader"))
    if change.get("path") == "secret/shop":
        vault.policy("reader", READER + 'path "secret/*" { capabilities = ["read"] }\n')
    source = {"address": vault.address, "path": "secret/data/shop", "token": {"file": str(token)}} | change
    kept_in(gateway, {"vault": source})
    done = gateway.try_run("check", "--config", str(gateway.config))
    assert done.returncode == 1 and words in done.stdout + done.stderr, done


def made(world: World) -> list[str]:
    """The roles that the store has made."""
    return world.admin("select rolname from pg_roles where rolname like 'v-%'").split()


def makes(vault: Vault, directory: Path) -> dict[str, object]:
    """Where a role of the database is made for whoever asks."""
    found = vault.ask("GET", "auth/approle/role/connector/role-id")["data"]
    secret = vault.ask("POST", "auth/approle/role/connector/secret-id", {})["data"]
    assert isinstance(found, dict) and isinstance(secret, dict)
    (directory / "secret-id").write_text(secret["secret_id"])
    opens = {"role_id": found["role_id"], "secret_id": {"file": str(directory / "secret-id")}}
    return {"address": vault.address, "path": "database/creds/reader", "user_field": "username", "app_role": opens}


def test_a_credential_that_is_made_for_a_connector_is_renewed_and_given_back(
    world: World, vault: Vault
) -> None:
    role(vault, "2s", "1h")
    gateway = world.gateway("vault-made", via="connector", start=False).start()
    connector = world.connector(gateway, "eu")
    source = makes(vault, gateway.directory)
    kept_in(gateway, {"vault": source}, connector)
    connector.enroll("shop").start()
    target = gateway.target("alice", "planner", "sql-agent")
    with psycopg.connect(target.conninfo(), autocommit=True) as connection:
        assert connection.execute(READ).fetchall()
        (name,) = made(world)
        sessions = world.admin("select distinct usename from pg_stat_activity where usename like 'v-%'")
        assert sessions.split() == [name]
        # It lasts two seconds, and is renewed while the session is open.
        until("it has lived longer than it lasts", lambda: lived(world, name) > 5, 30)
        assert made(world) == [name]
        assert connection.execute(READ).fetchall()
    connector.stop()
    until("it was given back", lambda: made(world) == [], 30)
    until("its token, too", lambda: not of_role(vault), 30)


SERVICE = """\
data_dir: $data_dir
listen:
  http: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  crm: {{ http: {{ host: 127.0.0.1, port: {port}, tls: {{ mode: disable }}, password: {{ vault: {source} }} }} }}
policies: [ "{directory}/all.cedar" ]
"""
ALL = '@id("all") permit(principal, action in [Action::"connect", Action::"read"], resource);'


def test_what_opens_a_service_is_kept_as_long_as_the_configuration(
    world: World, vault: Vault, tmp_path: Path
) -> None:
    """Nobody is asked but at the start: what was made then is renewed, also while nobody comes."""
    role(vault, "2s", "1h")
    service = Service()
    service.replies["/people"] = Reply(b"[]")
    (tmp_path / "all.cedar").write_text(ALL)
    source = json.dumps(makes(vault, tmp_path))
    config = SERVICE.format(port=service.port, source=source, directory=tmp_path)
    gateway = Gateway(tmp_path, config, (Account("alice", "person", ()),))
    world.gateways.append(gateway)
    gateway.start()
    (name,) = made(world)
    first = lasts_until(world, name)
    until("its lease was renewed more than once", lambda: lasts_until(world, name) > first + 4, 30)
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}/people")
    request.add_header("Host", "crm")
    request.add_header("Authorization", f"Bearer {gateway.token('alice')}")
    with urllib.request.urlopen(request, timeout=20):
        pass
    shown = base64.b64decode(service.seen[-1].fields["authorization"].removeprefix("Basic "))
    assert shown.decode().partition(":")[0] == name and made(world) == [name]
    gateway.stop()
    service.stop()
    until("it was given back", lambda: made(world) == [], 30)


def lived(world: World, name: str) -> float:
    """Seconds since its first session began."""
    asked = f"select coalesce(extract(epoch from clock_timestamp() - min(backend_start)), 0) from pg_stat_activity where usename = '{name}'"
    return float(world.admin(asked).strip())


def lasts_until(world: World, name: str) -> float:
    """When the server would no longer let it in."""
    return float(world.admin(f"select extract(epoch from rolvaliduntil) from pg_roles where rolname = '{name}'"))


def of_role(vault: Vault) -> list[str]:
    tokens = vault.ask("LIST", "auth/token/accessors")["data"]
    assert isinstance(tokens, dict)
    found = []
    for accessor in tokens["keys"]:
        told = vault.ask("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]
        assert isinstance(told, dict)
        if told["path"] == "auth/approle/login":
            found.append(accessor)
    return found


def test_a_secret_of_aws_is_asked_for_with_a_signature(world: World) -> None:
    password = world.postgres.password
    service = Service()

    def answer(seen: Seen) -> Reply:
        asked = json.loads(seen.body)
        is_good = (
            is_signed(seen, "AKIDEXAMPLE", "the key of AWS", "secretsmanager")
            and seen.fields["x-amz-target"] == "secretsmanager.GetSecretValue"
            and seen.fields["x-amz-security-token"] == "a-session"
        )
        if not is_good or asked != {"SecretId": "prod/shop"}:
            return Reply(json.dumps({"__type": "AccessDeniedException", "Message": "no"}).encode(), status=400)
        secret = json.dumps({"username": "portreeve", "password": password})
        return Reply(json.dumps({"Name": "prod/shop", "SecretString": secret}).encode())

    service.makes["/"] = answer
    gateway = world.gateway("aws-secret", via="gateway", start=False)
    asked = {
        "id": "prod/shop", "region": "eu-central-1", "field": "password", "user_field": "username",
        "endpoint": f"http://127.0.0.1:{service.port}", "session_token": {"env": "AWS_SESSION_TOKEN"},
    }  # fmt: skip
    kept_in(gateway, {"aws_secret": asked})
    good = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the key of AWS", "AWS_SESSION_TOKEN": "a-session"}
    gateway.environment |= good | {"AWS_SECRET_ACCESS_KEY": "another key"}
    done = gateway.try_run("check", "--config", str(gateway.config))
    assert done.returncode == 1 and "AccessDeniedException: no" in done.stdout + done.stderr, done
    gateway.environment |= good
    gateway.start()
    customers_are_masked(gateway.target("alice", "planner", "sql-agent"), read(gateway))
    before = len(service.seen)
    assert read(gateway) and read(gateway)
    assert len(service.seen) == before, "it is kept for a minute"


def test_a_credential_of_a_unit_is_read(world: World, tmp_path: Path) -> None:
    gateway = world.gateway("systemd", via="gateway", start=False)
    kept_in(gateway, {"systemd": "shop-password"})
    gateway.environment |= {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    done = gateway.try_run("check", "--config", str(gateway.config))
    assert done.returncode == 1 and "`{}`".format(tmp_path / "shop-password") in done.stdout + done.stderr, done
    (tmp_path / "shop-password").write_text(world.postgres.password)
    gateway.start()
    assert read(gateway)
