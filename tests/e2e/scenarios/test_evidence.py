"""P3, P4: what cannot be recorded does not happen; what was recorded can be checked."""

import json
import random
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import evidence
from harness.gateway import Failed, Gateway
from harness.paths import verifier
from harness.waiting import until
from harness.wire import Refused, Reply, Wire, common_length, frame
from harness.world import World

pytestmark = pytest.mark.gateway

STATEMENTS = (
    "select * from customers order by id",
    "select id, payload, amount from work.big where id <= 500",
    "drop table orders",
    "select count(*) from orders",
    "copy (select id, city from crowd where id < 200) to stdout",
    "select 1/0",
)


def after_login(wire: Wire) -> bytes:
    """Everything from AuthenticationOk on: before it there is no session, only a question."""
    return bytes(wire.received[wire.received.index(b"R\0\0\0\x08\0\0\0\0") :])


def test_what_the_client_sent_is_recorded_too(world: World) -> None:
    gateway = world.gateway("requests")
    with Wire.open(gateway.target("walt"), application_name="asker") as wire:
        wire.query("select 'a literal that is looked for'")
        wire.query("drop table orders")
        wire.terminate()
    gateway.stop()
    session = evidence.session_of(gateway, "asker")
    sent = evidence.passed(gateway, session["id"], "from-client")
    assert b"a literal that is looked for" in sent and b"drop table orders" in sent
    assert session["refusals"] == 1 and session["exchanges"] >= 2


def test_the_evidence_holds_no_value_in_clear(world: World) -> None:
    """Leaves hold no data, and what passed is sealed: nothing to grep."""
    gateway = world.gateway("sealed")
    secret = "a-literal-that-only-this-test-uses-7261"
    with Wire.open(gateway.target("walt")) as wire:
        wire.query(f"select '{secret}'")
        wire.extended("select $1::text", [secret.encode()])
        wire.query("select city from customers")
        wire.terminate()
    token = gateway.token("walt")
    gateway.stop()
    for path in gateway.data_dir.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert secret.encode() not in data, path
            assert token.encode() not in data, path
            assert world.postgres.password.encode() not in data, path
    log = gateway.log_path.read_text()
    assert secret not in log and token not in log and world.postgres.password not in log


def copied(gateway: Gateway, name: str) -> Path:
    """A copy of the evidence, elsewhere."""
    copy = gateway.directory / name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(gateway.data_dir / "evidence", copy)
    return copy


@pytest.fixture(scope="module")
def recorded(world: World) -> Gateway:
    """A gateway that has recorded something, and is off."""
    gateway = world.gateway("recorded")
    for name in ("first", "second"):
        wire = Wire.open(gateway.target("walt"), application_name=name)
        for statement in STATEMENTS:
            wire.query(statement)
        wire.terminate()
    gateway.stop()
    gateway.start()
    with Wire.open(gateway.target("walt"), application_name="third") as wire:
        wire.query("select 1")
        wire.terminate()
    gateway.stop()
    return gateway


def test_a_copy_verifies_with_the_gateway_off(recorded: Gateway) -> None:
    copy = copied(recorded, "good")
    status, report = evidence.verify(recorded, copy)
    assert status == 0, report
    assert report["status"] == "ok" and report["records"] > 20
    text = recorded.try_run("verify", str(copy))
    assert text.returncode == 0 and "OK" in text.stdout.upper()


def test_the_separate_verifier_says_the_same(recorded: Gateway) -> None:
    """Of a log that holds, of one that was changed, and of none."""
    copy = copied(recorded, "apart")
    log = copy / "segment-0000000001.log"
    good = log.read_bytes()
    at = good.index(b"public")
    for data, expect in ((good, 0), (good[:at] + b"P" + good[at + 1 :], 1)):
        log.write_bytes(data)
        done = subprocess.run(
            [str(verifier()), "--format", "json", str(copy)], capture_output=True, text=True
        )
        status, report = evidence.verify(recorded, copy)
        assert (done.returncode, json.loads(done.stdout)) == (status, report)
        assert status == expect, report
        assert report["decisions"] > 3
    none = subprocess.run([str(verifier()), "/"], capture_output=True, text=True)
    assert none.returncode == 3 and "hint: name its directory" in none.stderr


def written_files(directory: Path) -> list[tuple[Path, int]]:
    """Every file with how much of it is written: log files are laid out in advance."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    sizes = [(path, len(path.read_bytes().rstrip(b"\0"))) for path in files]
    return [(path, size) for path, size in sizes if size]


# Keys that sign and seal from now on; what was recorded is not checked with them.
NOT_EVIDENCE = ("auditor.pub", "auditor.key", "log.key", "keyring")


def test_any_changed_byte_is_found(recorded: Gateway) -> None:
    """In every file of the log, at many places; and the report says in which file."""
    copy = copied(recorded, "flipped")
    chance = random.Random(7)
    tried = 0
    for path, size in written_files(copy):
        if path.name in NOT_EVIDENCE or "keyring" in path.parts:
            continue
        good = path.read_bytes()
        places = {0, size // 2, size - 1, *(chance.randrange(size) for _ in range(12))}
        for at in sorted(places):
            bad = bytearray(good)
            bad[at] ^= 1 << chance.randrange(8)
            path.write_bytes(bad)
            status, report = evidence.verify(recorded, copy)
            tried += 1
            assert status != 0, f"byte {at} of {path.name} ({size} written) was changed: {report}"
            if report.get("status") == "tampered":
                assert any(finding["file"] == path.name for finding in report["findings"]), report[
                    "findings"
                ]
        path.write_bytes(good)
    assert tried >= 15
    assert evidence.verify(recorded, copy)[0] == 0


def test_a_removed_end_is_found(recorded: Gateway) -> None:
    copy = copied(recorded, "shortened")
    path, size = max(written_files(copy), key=lambda entry: entry[1])
    good = path.read_bytes()
    for keep in (size - 1, size - 200, size // 2):
        path.write_bytes(good[:keep] + bytes(len(good) - keep))
        assert evidence.verify(recorded, copy)[0] != 0, f"{keep} of {size} bytes of {path.name}"


def test_a_removed_middle_is_found(recorded: Gateway) -> None:
    copy = copied(recorded, "cut")
    path, size = max(written_files(copy), key=lambda entry: entry[1])
    good = path.read_bytes()
    path.write_bytes(good[: size // 3] + good[size // 3 + 500 :] + bytes(500))
    assert evidence.verify(recorded, copy)[0] != 0


def test_an_empty_directory_is_not_ok(recorded: Gateway, tmp_path: Path) -> None:
    assert evidence.verify(recorded, tmp_path)[0] != 0


def stop_writing(gateway: Gateway) -> None:
    """From now on every write to a file fails, as on a full disk."""
    _, hard = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (1, hard))


def resume_writing(gateway: Gateway) -> None:
    _, hard = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (hard, hard))


def test_unwritable_evidence_stops_everything(world: World) -> None:
    """Nothing is sent to the target, nothing to the client, nobody gets in; and it stays so."""
    world.admin("truncate work.other")
    gateway = world.gateway("unwritable")
    target = gateway.target("walt")
    wire = Wire.open(target)
    writer = Wire.open(target)
    assert wire.query("select 42").rows == [[b"42"]]
    stop_writing(gateway)
    for session, statement in (
        (wire, "select id, city from customers"),
        (writer, "insert into work.other values (1, 'x')"),
    ):
        session.socket.settimeout(15)
        before = len(session.received)
        try:
            session.send(frame("Q", statement.encode() + b"\0"))
            reply = session.reply()
            assert not reply.rows and not reply.tags, reply.kinds
        except OSError:
            pass
        assert b"Lille" not in session.received[before:]
    assert world.admin("select count(*) from work.other") == "0", "it ran without a record"
    with pytest.raises((Refused, OSError)):
        Wire.open(target)
    assert gateway.http("GET", "/healthz")[0] != 200 or gateway.http("GET", "/readyz")[0] != 200
    resume_writing(gateway)
    with pytest.raises((Refused, OSError)):
        Wire.open(target)
    gateway.kill()
    assert evidence.verify(gateway)[0] == 0
    gateway.start()
    with Wire.open(gateway.target("walt")) as again:
        assert again.query("select 42").rows == [[b"42"]]
    gateway.stop()
    assert evidence.verify(gateway)[0] == 0


def test_evidence_that_fails_in_the_middle_of_a_result(world: World) -> None:
    """The rest of a long answer is cut before release."""
    gateway = world.gateway("fails-midway")
    wire = Wire.open(gateway.target("walt"), application_name="midway")
    wire.send(frame("Q", b"select id, payload from work.big, generate_series(1, 50)\0"))
    until("some of it", lambda: wire.read_some() and len(wire.received) > 1 << 20, 30)
    stop_writing(gateway)
    wire.socket.settimeout(15)
    try:
        wire.drain()
    except OSError:
        pass
    received = after_login(wire)
    assert not received.endswith(b"Z\0\0\0\x05I"), "the whole answer came"
    gateway.kill()
    assert evidence.verify(gateway)[0] == 0
    session = evidence.session_of(gateway, "midway")
    recorded = evidence.passed(gateway, session["id"], "to-client")
    # The last words may be the gateway's own error, which needs no record of the target's data.
    common = common_length(received, recorded)
    rest = received[common:]
    assert not rest or rest[:1] == b"E", f"{len(rest)} bytes are not recorded: {rest[:80]!r}"


@pytest.mark.parametrize("ends", ["stop", "kill"])
def test_a_day_of_evidence_survives_a_restart(world: World, ends: str) -> None:
    """Who has used it up stays refused; others do not."""
    more = "limits: { evidence_per_principal_max: 4MiB }"
    gateway = world.gateway(f"day-{ends}", more=more)
    # It is packed before it is written: no digest is like another.
    much = (
        "select string_agg(md5((id * 1000 + part)::text), '') "
        "from generate_series(1, 100) as ids (id), generate_series(1, 400) as parts (part) "
        "group by id"
    )

    def asked(person: str) -> Reply:
        with Wire.open(gateway.target(person)) as wire:
            return wire.query(much)

    assert asked("bert").rows
    replies = (asked("walt") for _ in range(20))
    [error] = next(reply.errors for reply in replies if reply.errors)
    assert "limits.evidence_per_principal_max" in error["H"], error
    getattr(gateway, ends)()
    gateway.start()
    [error] = asked("walt").errors
    assert "limits.evidence_per_principal_max" in error["H"], error
    assert asked("bert").rows
    gateway.stop()
    assert evidence.verify(gateway)[0] == 0


def test_no_start_without_evidence(world: World) -> None:
    gateway = world.gateway("no-evidence", start=False)
    (gateway.data_dir / "evidence").parent.mkdir(exist_ok=True)
    shutil.rmtree(gateway.data_dir / "evidence", ignore_errors=True)
    (gateway.data_dir / "evidence").write_text("not a directory")
    with pytest.raises(Failed, match="ended with"):
        gateway.start()


def test_two_gateways_do_not_share_a_log(world: World) -> None:
    first = world.gateway("only-one")
    second = Gateway(first.directory, first.config.read_text().replace("$", "$$"))
    second.config.write_text(
        first.config.read_text()
        .replace(str(first.port), str(second.port))
        .replace(str(first.api_port), str(second.api_port))
    )
    with pytest.raises(Failed, match="ended with"):
        second.start()
    with Wire.open(first.target("walt")) as wire:
        assert wire.query("select 42").rows == [[b"42"]]
    first.stop()
