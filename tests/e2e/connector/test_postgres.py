"""A connector reaches PostgreSQL: clients notice nothing, and the credential stays with it."""

import base64
import json
import threading

import psycopg
import pytest
from harness.connector import Connector, linked
from harness.evidence import verify
from harness.expect import READ, customers_are_masked
from harness.gateway import Gateway
from harness.waiting import until
from harness.world import World
from harness.wiretap import Wiretap

pytestmark = pytest.mark.gateway


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return world.gateway("through", via="connector", start=False).start()


@pytest.fixture(scope="module")
def connector(world: World, gateway: Gateway) -> Connector:
    return world.connector(gateway, "eu").enroll("shop").start()


def read(gateway: Gateway, name: str = "alice") -> list[tuple[object, ...]]:
    target = gateway.target(name, "planner", "sql-agent")
    with psycopg.connect(target.conninfo()) as connection:
        return connection.execute(READ).fetchall()


def test_without_a_connector_the_error_says_so(gateway: Gateway) -> None:
    target = gateway.target("alice", "planner", "sql-agent")
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(target.conninfo())
    assert "08" in (caught.value.sqlstate or "08"), caught.value
    assert "cannot be reached" in str(caught.value)
    warning = gateway.json("status")["health"]["warning"]
    assert "no connector serves `shop`" in warning


def test_rows_are_masked_as_ever(gateway: Gateway, connector: Connector) -> None:
    target = gateway.target("alice", "planner", "sql-agent")
    customers_are_masked(target, read(gateway))


def test_what_runs_is_cancelled(gateway: Gateway, connector: Connector) -> None:
    target = gateway.target("walt")
    with psycopg.connect(target.conninfo(), autocommit=True) as connection:
        threading.Timer(0.3, connection.cancel).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select count(*) from customers a, customers b, generate_series(1, 10000000)").fetchall()
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_stranger_is_refused_and_the_connector_checks_itself(
    gateway: Gateway, connector: Connector
) -> None:
    again = connector.try_enroll("portreeve-invite.e30=")
    assert again.returncode == 1 and "no invitation" in again.stderr
    done = connector.check()
    assert done.returncode == 0, done
    assert "enrolled as `eu`" in done.stdout and "takes it in" in done.stdout
    assert "`shop` can be reached, and lets it in" in done.stdout
    # The one that runs was not disturbed.
    assert linked(gateway) == ["eu"] and "the link broke" not in connector.log()


def test_a_second_one_takes_over(world: World, gateway: Gateway, connector: Connector) -> None:
    other = world.connector(gateway, "eu-2").enroll("sh*").start()
    assert linked(gateway) == ["eu", "eu-2"]
    connector.kill()
    until("the first one is gone", lambda: linked(gateway) == ["eu-2"])
    for _ in range(3):
        assert read(gateway)
    connector.start()
    other.stop()
    until("the second one is gone", lambda: linked(gateway) == ["eu"])
    assert read(gateway)


def test_what_cannot_work_is_found_before_it_starts(world: World, gateway: Gateway) -> None:
    one = world.connector(gateway, "checked")
    done = one.check()
    assert done.returncode == 1 and "no connector is enrolled" in done.stdout, done
    one.enroll("crm-*")
    done = one.check()
    assert done.returncode == 1 and "has not invited it for `shop`" in done.stdout, done
    good = one.config.read_text()
    wrong = gateway.directory / "wrong-password"
    wrong.write_text("wrong")
    one.config.write_text(good.replace(str(gateway.directory / "role-password"), str(wrong)))
    done = one.check("--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and not found["ok"]
    assert "28P01" in found["targets"][0]["error"], found
    one.config.write_text(good.replace(f"127.0.0.1:{place_of(good)}", "127.0.0.1:9"))
    done = one.check()
    assert done.returncode == 1 and "gateway `127.0.0.1:9` does not take it in" in done.stdout, done


def place_of(config: str) -> str:
    return config.split('gateways: [ "127.0.0.1:')[1].split('"')[0]


def test_an_invitation_is_not_used_up_where_nothing_can_be_kept(
    world: World, gateway: Gateway
) -> None:
    one = world.connector(gateway, "unkept")
    good = one.config.read_text()
    (gateway.directory / "a-file").write_text("")
    invite = one.invite("shop")
    one.config.write_text(good.replace(str(one.state), str(gateway.directory / "a-file" / "state")))
    done = one.try_enroll(invite)
    assert done.returncode == 1 and "cannot use" in done.stderr, done
    one.config.write_text(good)
    assert one.try_enroll(invite).returncode == 0


def test_a_changed_password_is_used_for_the_next_login(
    world: World, gateway: Gateway, connector: Connector
) -> None:
    kept = gateway.directory / "role-password"
    before = kept.read_text()
    world.admin("alter role portreeve password 'another-one'")
    try:
        kept.write_text("another-one\n")
        assert read(gateway)
    finally:
        world.admin(f"alter role portreeve password '{world.postgres.password}'")
        kept.write_text(before)
    assert read(gateway)


def test_a_gateway_that_was_killed_finds_its_connectors_again(
    gateway: Gateway, connector: Connector
) -> None:
    gateway.kill()
    gateway.start()
    until("the connector has dialled again", lambda: linked(gateway) == ["eu"])
    assert read(gateway)


def test_the_credential_does_not_cross_the_link(world: World) -> None:
    """Every byte of the link is looked at, decrypted with its own keys."""
    gateway = world.gateway("tapped", via="connector", start=False).start()
    assert gateway.connector_config
    place = place_of(gateway.connector_config)
    connector = world.connector(gateway, "eu").enroll("shop")
    with Wiretap(int(place), gateway.data_dir, connector.state) as tap:
        connector.config.write_text(connector.config.read_text().replace(place, str(tap.port), 1))
        connector.start()
        assert read(gateway)
        seen = bytes(tap.seen)
        connector.stop()
    # What it looks for could be seen: rows go over the link as the target has them.
    assert b"zq7marker@leak-q7.example" in seen, seen[-2000:]
    password = world.postgres.password.encode()
    for secret in (password, base64.b64encode(password), password.hex().encode(), b"SCRAM"):
        assert secret not in seen
    assert world.postgres.password.encode() not in gateway.kept() + gateway.config.read_bytes()


def test_what_is_revoked_is_gone_at_once(world: World, gateway: Gateway) -> None:
    extra = world.connector(gateway, "us").enroll("shop").start()
    gateway.run("connectors", "revoke", "us", "--why", "its machine is gone")
    until("the revoked one is gone", lambda: "us" not in linked(gateway), 2)
    until("it hears why", lambda: "revoked" in extra.log())
    gone = gateway.json("connectors", "ls", "--all")
    assert [one["name"] for one in gone if one["revoked_us"]] == ["us"]
    done = extra.check()
    assert done.returncode == 1 and "does not take it in: it was revoked" in done.stdout, done


def test_both_accounts_of_the_streams_agree(gateway: Gateway, connector: Connector) -> None:
    """Each end has its own; streams of a gateway that was killed are in one of them only."""
    assert read(gateway)
    status, _ = verify(gateway)
    assert status == 0
    log = connector.state / "streams.jsonl"

    def agreed() -> dict[str, object] | None:
        done = gateway.try_run("verify", "--connector-log", str(log), "--format", "json")
        found = json.loads(done.stdout)["connector"]
        assert found["connector"] == "eu" and not found["contradictions"], found
        return found if found["agree"] >= 2 else None

    until("both have written down what is over", agreed)
    lines = log.read_text().splitlines()
    (gateway.directory / "changed.jsonl").write_text("\n".join(lines[1:]) + "\n")
    done = gateway.try_run("verify", "--connector-log", str(gateway.directory / "changed.jsonl"))
    assert done.returncode == 1 and "no connector of this evidence has signed" in done.stderr


def test_another_target_than_the_gateways_is_not_reached(world: World, gateway: Gateway) -> None:
    assert gateway.connector_config
    extra = world.connector(gateway, "other")
    text = extra.config.read_text()
    extra.config.write_text(text.replace("database: shop", "database: postgres"))
    extra.enroll("shop").start()
    gateway_only = [name for name in linked(gateway) if name != "other"]
    for name in gateway_only:
        next(one for one in world.connectors if one.name == name and one.gateway is gateway).stop()
    until("only the other one is there", lambda: linked(gateway) == ["other"])
    with pytest.raises(psycopg.OperationalError):
        read(gateway)
    assert "`database` of `shop` is `postgres` at the connector" in extra.log()
