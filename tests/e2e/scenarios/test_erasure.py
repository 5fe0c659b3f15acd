"""Personal data goes out of the evidence for good, and the proofs stay."""

import json
import shutil
from pathlib import Path

import pytest
from harness import evidence
from harness.gateway import Account, Gateway
from harness.waiting import until
from harness.wire import Wire
from harness.world import ACCOUNTS, World

pytestmark = pytest.mark.gateway

PEOPLE = (
    *ACCOUNTS,
    Account("cleo", "person", ("custodians",)),
    Account("cody", "person", ("custodians",)),
    Account("svc", "service", ("custodians",)),
)

MORE = """\
limits: { auth_failures_max: 100000 }
evidence:
  custodians: [custodians]
  retention: { @rules }
"""

SECRET = "a-literal-that-goes-3351"


def made(world: World, name: str, rules: str = "") -> Gateway:
    return world.gateway(name, more=MORE.replace("@rules", rules), accounts=PEOPLE)


def session(gateway: Gateway, application: str) -> str:
    """A whole session that asked and got something; its id."""
    with Wire.open(gateway.target("walt"), application_name=application) as wire:
        assert wire.query(f"select '{SECRET}', email from customers").rows
        wire.terminate()
    return until(
        f"the end of {application}",
        lambda: next(
            (
                str(entry["id"])
                for entry in evidence.sessions(gateway)
                if entry.get("application") == application and entry["state"] == "closed"
            ),
            None,
        ),
    )


def asked(gateway: Gateway, *arguments: str, token: str | None = None) -> dict[str, object]:
    return gateway.json("evidence", *arguments, token=token)


def shared_bytes(before: Path, after: Path) -> set[str]:
    """Files of the keyring in which a slot of `before` is still to be found."""
    gone = set()
    for old in before.glob("shares-*"):
        slots = [old.read_bytes()[at : at + 64] for at in range(0, old.stat().st_size, 64)]
        for slot in filter(any, slots):
            for path in after.rglob("*"):
                if path.is_file() and slot[20:52] in path.read_bytes():
                    gone.add(slot[4:20].hex())
    return gone


def test_what_is_shredded_cannot_be_read_and_the_proofs_hold(world: World) -> None:
    gateway = made(world, "shredding")
    kept, going = session(gateway, "kept"), session(gateway, "going")
    assert SECRET.encode() in evidence.passed(gateway, going, "from-client")
    keyring = gateway.data_dir / "evidence" / "keyring"
    backup = gateway.directory / "keyring-of-last-week"
    shutil.copytree(keyring, backup)
    token = gateway.token("cleo")
    why = ("--why", "erasure request 4711")
    refused = gateway.try_run("evidence", "shred", "--session", going, *why, token=token)
    assert refused.returncode == 1 and "--yes" in refused.stderr
    done = asked(gateway, "shred", "--session", going, *why, "--yes", token=token)
    assert done["result"] == "destroyed" and done["payload_bytes"] > 0

    replay = gateway.try_run("sessions", "replay", going)
    assert replay.returncode == 1
    assert "was shredded by cleo: erasure request 4711" in replay.stderr, replay.stderr
    assert SECRET.encode() in evidence.passed(gateway, kept, "from-client")
    left = shared_bytes(backup, gateway.data_dir)
    assert left == {kept.replace("-", "")}, "the share is somewhere in the data directory"
    again = asked(gateway, "shred", "--session", going, *why, "--yes", token=token)
    assert again["result"] == "already-destroyed"

    # A keyring of last week does not bring it back, with the gateway on or off.
    gateway.stop()
    status, report = evidence.verify(gateway)
    assert (status, report["shredded"]) == (0, [going]), report
    for path in backup.iterdir():
        shutil.copy(path, keyring / path.name)
    replay = gateway.try_run("sessions", "replay", going)
    assert replay.returncode == 1 and "was shredded by cleo" in replay.stderr, replay.stderr
    listed = {str(entry["id"]): entry["recording"] for entry in evidence.sessions(gateway)}
    assert (listed[kept], listed[going]) == ("readable", "shredded")
    status, report = evidence.verify(gateway)
    assert status == 2 and "its share is still here" in report["findings"][0]["what"], report
    gateway.start()
    wanted = {kept.replace("-", "")}
    until("the share is gone again", lambda: shared_bytes(backup, gateway.data_dir) == wanted)
    assert SECRET.encode() in evidence.passed(gateway, kept, "from-client")
    gateway.stop()
    assert evidence.verify(gateway)[0] == 0


def test_nobody_but_a_custodian_erases(world: World) -> None:
    gateway = made(world, "custodians")
    target = session(gateway, "target")
    for name, actors in (("alice", ()), ("walt", ()), ("dana", ()), ("cleo", ("planner",))):
        done = gateway.try_run(
            *("evidence", "shred", "--session", target, "--why", "x", "--yes"),
            token=gateway.token(name, *actors),
        )
        assert done.returncode == 1 and "only a custodian" in done.stderr, done.stderr
    assert gateway.try_run(
        "evidence", "shred", "--session", target, "--why", "x", "--yes"
    ).returncode, "without a token"
    assert evidence.passed(gateway, target, "from-client")
    with Wire.open(gateway.target("walt"), application_name="open") as wire:
        assert wire.query("select 1").rows
        open_one = until(
            "the session is listed",
            lambda: [e for e in evidence.sessions(gateway) if e.get("application") == "open"],
        )[0]
        done = gateway.try_run(
            *("evidence", "shred", "--session", str(open_one["id"]), "--why", "x", "--yes"),
            token=gateway.token("cleo"),
        )
        assert done.returncode == 1 and "goes on" in done.stderr, done.stderr
        wire.terminate()

    plain = world.gateway("no-custodians", accounts=PEOPLE)
    target = session(plain, "target")
    done = plain.try_run(
        *("evidence", "shred", "--session", target, "--why", "x", "--yes"),
        token=plain.token("cleo"),
    )
    assert done.returncode == 1 and "names no group" in done.stderr, done.stderr


def test_a_sweep_follows_the_configuration_and_holds_stop_it(world: World) -> None:
    gateway = made(world, "sweeping", "default: 400d, categories: { email: 1s }")
    swept, held = session(gateway, "swept"), session(gateway, "held")
    with Wire.open(gateway.target("walt"), application_name="harmless") as wire:
        assert wire.query("select count(*) from orders").rows
        wire.terminate()
    token = gateway.token("cleo")
    hold = asked(gateway, "hold", "add", "--session", held, "--why", "case 12", token=token)
    assert hold["sessions"] == 1
    assert [h["why"] for h in asked(gateway, "hold", "ls", token=token)["holds"]] == ["case 12"]
    due = until(
        "its time is over",
        lambda: asked(gateway, "sweep", "--dry-run", token=token)["due"],
    )
    assert [entry["session"] for entry in due] == [swept]
    assert due[0]["why"] == "retention: category `email` 1s"
    assert evidence.passed(gateway, swept, "from-client"), "a dry run destroys nothing"
    text = gateway.run("evidence", "sweep", "--dry-run", token=token)
    assert "1 recordings would be destroyed, 1 are held" in text and swept in text
    # New rules can be tried on the log of a gateway that runs with others.
    strict = gateway.directory / "strict.yaml"
    strict.write_text(gateway.config.read_text().replace("default: 400d", "default: 1ms"))
    tried = asked(
        *(gateway, "sweep", "--dry-run", "--dir", str(gateway.data_dir)),
        *("--config", str(strict)),
    )
    assert len(tried["due"]) == 2 and [entry["session"] for entry in tried["held"]] == [held]
    report = asked(gateway, "sweep", token=token)
    assert [entry["session"] for entry in report["held"]] == [held]
    replay = gateway.try_run("sessions", "replay", swept)
    assert replay.returncode == 1 and "retention: category `email` 1s" in replay.stderr
    done = gateway.try_run(
        *("evidence", "shred", "--session", held, "--why", "x", "--yes"), token=token
    )
    assert done.returncode == 1 and str(hold["hold"]) in done.stderr, done.stderr

    asked(gateway, "hold", "release", str(hold["hold"]), "--why", "closed", token=token)
    gateway.stop()
    # The sweep at the start takes what is due by then, without being asked.
    gateway.start()
    until(
        "the released one is swept",
        lambda: gateway.try_run("sessions", "replay", held).returncode == 1,
    )
    until(
        "the metrics say so",
        lambda: "portreeve_evidence_recordings_shredded 2\n"
        in (page := gateway.http("GET", "/metrics")[1].decode())
        and "portreeve_evidence_recordings_readable 1\n" in page,
    )
    gateway.stop()
    status, report = evidence.verify(gateway)
    assert (status, len(report["shredded"])) == (0, 2), report


def test_offline_the_operating_system_user_is_on_record(world: World) -> None:
    gateway = made(world, "offline")
    target = session(gateway, "target")
    gateway.stop()
    text = gateway.run(
        "evidence", "shred", "--session", target[:18], "--why", "gateway gone", "--yes"
    )
    assert "destroyed" in text
    replay = gateway.try_run("sessions", "replay", target)
    assert "(offline): gateway gone" in replay.stderr, replay.stderr
    assert evidence.verify(gateway)[0] == 0
    gateway.start()
    gateway.stop()
    assert evidence.verify(gateway)[0] == 0


def test_old_records_go_and_an_old_checkpoint_still_holds(world: World) -> None:
    gateway = made(world, "pruning")
    token = gateway.token("cleo", ttl="2h")
    early = session(gateway, "early")
    asked(gateway, "shred", "--session", early, "--why", "x", "--yes", token=token)
    # Enough to fill the first segments: eight mebibytes each.
    while len(list((gateway.data_dir / "evidence").glob("segment-*"))) < 6:
        with Wire.open(gateway.target("walt"), application_name="filler") as wire:
            rows = wire.query("select id, md5(id::text || s) from work.big, generate_series(1,4) s")
            assert rows.rows
            wire.terminate()
    kept = gateway.directory / "kept-elsewhere"
    shutil.copy(gateway.data_dir / "evidence" / "head", kept)
    refused = asked(
        gateway, "prune", "--before", "2100-01-01", "--why", "old", "--yes", token=token
    )
    assert refused.get("pruned") is None and "was not destroyed" in refused["stops_because"]
    for entry in evidence.sessions(gateway):
        if entry["state"] == "closed":
            asked(
                *(gateway, "shred", "--session", str(entry["id"]), "--why", "x", "--yes"),
                token=token,
            )
    why = ("--before", "2100-01-01", "--why", "old")
    said = asked(gateway, "prune", *why, "--dry-run", token=token)
    done = asked(gateway, "prune", *why, "--yes", token=token)
    assert said["pruned"] == done["pruned"] and done["segments_removed"] >= 2
    first = sorted((gateway.data_dir / "evidence").glob("segment-*"))[0].name
    assert first == f"segment-{done['pruned']['segments'] + 1:010}.log"
    last = session(gateway, "last")
    assert SECRET.encode() in evidence.passed(gateway, last, "from-client")
    gateway.stop()
    text = gateway.try_run("verify", "--checkpoint", str(kept), "--format", "json")
    report = json.loads(text.stdout)
    assert (text.returncode, report["checkpoints_agreed"]) == (0, 2), report
    assert report["pruned"] == done["pruned"]
    gateway.start()
    gateway.stop()
    gateway.spoiled = "a segment is gone that nobody pruned"
    (gateway.data_dir / "evidence" / first).unlink()
    assert evidence.verify(gateway)[1]["status"] == "tampered"


def test_break_glass_needs_two_people(world: World) -> None:
    gateway = made(world, "broken")
    before = session(gateway, "before")
    found = gateway.http("GET", "/issuer/.well-known/openid-configuration")[1]
    issuer = json.loads(found)["issuer"]

    def token_file(name: str, *actors: str) -> str:
        """A person's own agreement; for others, what an operator makes."""
        path = gateway.directory / f"{'-'.join((name, *actors))}.token"
        own = name in gateway.people and not actors
        agree = ("login", name, "--break-glass", issuer, "--key", str(gateway.login_key))
        path.write_text(gateway.run(*agree) if own else gateway.token(name, *actors))
        return str(path)

    svc, through = token_file("svc"), token_file("cody", "planner")
    minted = gateway.directory / "minted.token"
    minted.write_text(gateway.run("token", "issue", "cody"))
    gateway.stop()
    directory = gateway.data_dir / "evidence"
    segment = directory / "segment-0000000001.log"
    data = bytearray(segment.read_bytes())
    data[500] ^= 1
    segment.write_bytes(data)
    files = {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}
    with pytest.raises(RuntimeError, match="is damaged"):
        gateway.start()

    def attempt(*tokens: str) -> tuple[int, str]:
        approvers = [part for token in tokens for part in ("--approver", token)]
        done = gateway.try_run("evidence", "break-glass", *approvers, "--why", "the disk died")
        return done.returncode, done.stdout + done.stderr

    cleo, cody = token_file("cleo"), token_file("cody")
    for tokens, expect in (
        ((cleo,), "two people"),
        ((cleo, cleo), "approved twice"),
        ((cleo, token_file("alice")), "no custodian"),
        ((cleo, svc), "in person"),
        ((cleo, through), "in person"),
        ((cleo, str(minted)), "gateway's files"),
        ((cleo, cody, token_file("walt")), "two people"),
    ):
        status, text = attempt(*tokens)
        assert status == 1 and expect in text, f"{tokens}: {text}"
    assert {p.name: p.read_bytes() for p in directory.iterdir() if p.is_file()} == files
    status, text = attempt(cleo, cody)
    assert status == 0, text
    aside = next(gateway.data_dir.glob("evidence.broken-*"))
    assert {p.name: p.read_bytes() for p in aside.iterdir() if p.is_file()} == files
    gateway.start()
    after = session(gateway, "after")
    assert before not in [entry["id"] for entry in evidence.sessions(gateway)]
    # The auditors' key pair did not change; its private half stayed where it was.
    auditor = str(aside / "keys" / "auditor.key")
    assert SECRET in gateway.run("sessions", "replay", after, "--key", auditor)
    status, text = attempt(cleo, cody)
    assert status == 1 and "another process" in text, "a gateway runs"
    gateway.stop()
    status, report = evidence.verify(gateway)
    assert status == 0, report
    replaced = report["replacements"][0]
    assert [by["subject"] for by in replaced["approvers"]] == ["cleo", "cody"]
    assert replaced["why"] == "the disk died"
    assert replaced["predecessor"]["status"] == "tampered"
    assert "BREAK-GLASS" in gateway.try_run("verify").stdout
