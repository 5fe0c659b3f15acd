"""P4: what was shown to witnesses cannot be cut off or rewritten unseen, not by us either."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa
from harness import evidence
from harness.gateway import Failed, Gateway
from harness.paths import E2E, portreeve
from harness.waiting import until
from harness.wire import Refused, Wire
from harness.witness import Witness, asks
from harness.world import World

pytestmark = pytest.mark.gateway


class Watched:
    """A gateway and the two witnesses that its configuration names."""

    def __init__(self, world: World, name: str, **settings: object):
        self.gateway = world.gateway(name)
        self.gateway.stop()
        self.dir = self.gateway.data_dir / "evidence"
        self.log_key = (self.dir / "log.pub").read_text().strip()
        self.witnesses = [Witness(self.gateway.directory, part) for part in ("audit", "legal")]
        for witness in self.witnesses:
            witness.start(self.dir / "log.pub")
        self.settings = {"interval": "100ms", **settings}
        # One by each kind of key.
        self.keys = [self.witnesses[0].keys[0], self.witnesses[1].keys[1]]
        self.name_witnesses()

    def name_witnesses(self, **settings: object) -> None:
        known = zip(("audit", "legal"), self.keys, self.witnesses, strict=True)
        asks(self.gateway, [(n, k, w.url) for n, k, w in known], **(self.settings | settings))

    def policy(self, quorum: str, *more: str) -> Path:
        lines = [f"log {self.log_key}", f"witness audit {self.keys[0]}"]
        lines += [f"witness legal {self.keys[1]}", *more, f"quorum {quorum}"]
        path = self.gateway.directory / "policy.txt"
        path.write_text("\n".join(lines) + "\n")
        return path

    def witnessed(self) -> tuple[int, str]:
        """How many records the witnessed tree has, and the whole note."""
        path = self.dir / "witnessed"
        text = path.read_text() if path.exists() else "\n0\n"
        return int(text.split("\n")[1]), text

    def work(self) -> None:
        with Wire.open(self.gateway.target("walt"), application_name="watched") as wire:
            wire.query("select city from customers order by id")
            wire.terminate()

    def status(self) -> dict[str, object]:
        return json.loads(self.gateway.http("GET", "/healthz")[1])

    def verify(self, *arguments: object) -> tuple[int, dict[str, object]]:
        words = [str(argument) for argument in arguments]
        done = self.gateway.try_run("verify", *words, "--format", "json")
        return done.returncode, json.loads(done.stdout)

    def stop(self) -> None:
        self.gateway.stop()
        for witness in self.witnesses:
            witness.stop()


@pytest.fixture
def watched(world: World, request: pytest.FixtureRequest) -> Iterator[Watched]:
    watched = Watched(world, request.node.name.replace("test_", "witness-"))
    try:
        yield watched
    finally:
        watched.stop()


def test_every_checkpoint_is_witnessed(watched: Watched) -> None:
    """And the end of the log too, when the gateway stops in order."""
    assert watched.verify(watched.dir, "--policy", watched.policy("legal"))[0] == 4, "not yet"
    watched.gateway.start()
    watched.work()
    until("a cosigned checkpoint", lambda: watched.witnessed()[0] > 5)
    watched.gateway.stop()
    size, note = watched.witnessed()
    assert note.count("\n— ") == 3, "the log's line and the witnesses'"
    both = watched.policy("both", "group both all audit legal")
    status, report = watched.verify(watched.dir, "--policy", both)
    assert (status, report["status"]) == (0, "ok"), report
    assert report["records"] == size == report["witnessed"]["records"]
    assert [word["witness"] for word in report["witnessed"]["by"]] == ["audit", "legal"]
    assert report["key_is_trusted"]
    text = watched.gateway.run("verify", str(watched.dir), "--policy", str(both))
    assert "the policy's quorum" in text
    # A witness that nobody asked is missing from its quorum, and nothing is called tampered.
    stranger = Witness(watched.gateway.directory, "stranger").start()
    assert stranger.stop() == 0
    more = (f"witness stranger {stranger.keys[0]}", "group three all audit legal stranger")
    status, report = watched.verify(watched.dir, "--policy", watched.policy("three", *more))
    assert (status, report["status"]) == (4, "policy-unmet"), report


def test_one_witness_down(watched: Watched) -> None:
    """A quorum of one goes on; a quorum of two waits, and says so."""
    audit, legal = watched.witnesses
    legal.stop()
    watched.name_witnesses(quorum=1)
    watched.gateway.start()
    watched.work()
    until("one cosignature", lambda: watched.witnessed()[0] > 5)
    shown = watched.status()["witnessed"]
    assert shown["quorum"] == 1 and list(shown["failing"]) == ["legal"], shown
    page = watched.gateway.http("GET", "/metrics")[1].decode()
    assert "portreeve_evidence_witnessed_records " in page
    assert 'portreeve_witness_failures_total{witness="legal"} 0' not in page
    watched.gateway.stop()

    watched.name_witnesses(quorum=2, max_age="1s")
    before = watched.witnessed()[0]
    watched.gateway.start()
    watched.work()
    until("a warning", lambda: "no checkpoint was cosigned" in watched.status().get("warning", ""))
    assert watched.witnessed()[0] == before
    assert "no checkpoint was cosigned" in watched.gateway.run("status")
    watched.work()
    legal.start(watched.dir / "log.pub")
    until("both", lambda: watched.witnessed()[0] > before, 30)
    until("no warning", lambda: "warning" not in watched.status())
    assert watched.witnessed()[1].count("\n— ") == 3
    assert "unknown" not in audit.log_path.read_text()


def test_a_rolled_back_log_is_not_started(watched: Watched) -> None:
    """A disk is put back to an earlier state, all of it; the witnesses remember."""
    watched.gateway.start()
    watched.work()
    watched.gateway.stop()
    older = watched.gateway.directory / "older"
    shutil.copytree(watched.dir, older)
    watched.gateway.start()
    watched.work()
    watched.gateway.stop()
    newer, note = watched.witnessed()
    shutil.rmtree(watched.dir)
    shutil.copytree(older, watched.dir)
    before = {path.name: path.read_bytes() for path in watched.dir.iterdir() if path.is_file()}
    with pytest.raises(Failed, match=f"{newer} were shown to witness `"):
        watched.gateway.start()
    after = {path.name: path.read_bytes() for path in watched.dir.iterdir() if path.is_file()}
    assert before == after, "nothing was signed, nothing was repaired"

    # No witness can be asked, but the file of their answers is there.
    for witness in watched.witnesses:
        witness.stop()
    kept = (watched.dir / "witnessed").read_text()
    (watched.dir / "witnessed").write_text(note)
    with pytest.raises(Failed, match=f"{newer} were shown to witnesses"):
        watched.gateway.start()
    status, report = watched.verify(watched.dir)
    assert status == 1 and any("`witnessed`" in f["what"] for f in report["findings"]), report

    # Neither: it starts, and is sealed when the first witness is back.
    (watched.dir / "witnessed").write_text(kept)
    watched.gateway.start()
    watched.work()
    watched.witnesses[0].start(watched.dir / "log.pub")
    until("sealed", lambda: watched.gateway.http("GET", "/healthz")[0] == 503, 30)
    assert "shown to witness `audit`" in watched.status()["evidence"]
    with pytest.raises((Refused, OSError)):
        watched.work()
    watched.gateway.kill()
    both = watched.policy("both", "group both any audit legal")
    checkpoint = watched.gateway.directory / "checkpoint"
    checkpoint.write_text(note)
    status, _ = watched.verify(watched.dir, "--policy", both, "--checkpoint", checkpoint)
    assert status == 1


def test_over_tls(world: World, watched: Watched) -> None:
    """The witness's certificate is checked, and its key is still what counts."""
    certificate = watched.gateway.directory / "gateway.pem"
    with Witness(watched.gateway.directory, "secure", certificate) as witness:
        witness.start(watched.dir / "log.pub")
        named = [("secure", witness.keys[0], witness.url)]
        asks(watched.gateway, named, interval="100ms")
        watched.gateway.start()
        until("distrust", lambda: "certificate" in str(watched.status()["witnessed"]["failing"]))
        watched.gateway.stop()
        assert watched.witnessed()[0] == 0
        asks(watched.gateway, named, ca=world.postgres.ca, interval="100ms")
        watched.gateway.start()
        until("a cosignature", lambda: watched.witnessed()[0] > 0)
        watched.gateway.stop()
    open_to_all = [str(portreeve()), "witness", "--name", "w", "--listen", "0.0.0.0:0"]
    done = subprocess.run(
        [*open_to_all, "--dir", str(watched.gateway.directory / "open")],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1 and "has no certificate" in done.stderr


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers `add-checkpoint` with `lines`, whatever it was asked."""

    lines = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.lines.encode())

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


def test_a_forged_cosignature_is_refused(watched: Watched) -> None:
    key = watched.keys[0]
    name, identity, _ = key.split("+", 2)
    forged = bytes.fromhex(identity) + (1_700_000_000).to_bytes(8, "big") + bytes(64)
    Liar.lines = f"— {name} {base64.b64encode(forged).decode()}\n"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    asks(watched.gateway, [("liar", key, address)], interval="100ms")
    watched.gateway.start()
    watched.work()
    until("a refusal", lambda: "does not hold" in str(watched.status()["witnessed"]["failing"]))
    watched.gateway.stop()
    server.shutdown()
    assert watched.witnessed()[0] == 0


def test_a_forged_file_is_found(watched: Watched) -> None:
    watched.gateway.start()
    watched.work()
    watched.gateway.stop()
    _, note = watched.witnessed()
    audit = next(line for line in note.split("\n") if line.startswith("— audit."))
    raw = bytearray(base64.b64decode(audit.split(" ")[2]))
    raw[11] ^= 1  # the time
    changed = f"{audit.rsplit(' ', 1)[0]} {base64.b64encode(raw).decode()}"
    (watched.dir / "witnessed").write_text(note.replace(audit, changed))
    status, report = watched.verify(watched.dir, "--policy", watched.policy("legal"))
    assert status == 1 and "`audit` does not hold" in str(report["findings"]), report


def test_one_record_and_one_session_prove_themselves(watched: Watched) -> None:
    watched.gateway.start()
    watched.work()
    watched.gateway.stop()
    here = watched.gateway.directory
    policy = watched.policy("both", "group both all audit legal")
    run = watched.gateway.run
    run("evidence", "proof", "--record", "3", "--out", str(here / "3.tlog-proof"))
    status, report = watched.verify(here / "3.tlog-proof", "--policy", policy)
    assert (status, report["kind"], report["records"]) == (0, "proof", 1), report
    assert report["record"]["at_us"] > 0
    session = str(evidence.session_of(watched.gateway, "watched")["id"])
    run("evidence", "bundle", "--session", session, str(here / "session.jsonl"))
    status, report = watched.verify(here / "session.jsonl", "--policy", policy)
    assert (status, report["kind"], report["session_is_whole"]) == (0, "bundle", True), report
    assert report["payloads"] > 0 and report["witnessed"]["policy_met"]
    # Without the log at hand, and without the policy the file's own key is believed, aloud.
    status, report = watched.verify(here / "session.jsonl")
    assert status == 0 and not report["key_is_trusted"]
    text = (here / "session.jsonl").read_text()
    (here / "session.jsonl").write_text(text.replace('\\"rows\\":', '\\"rovs\\":', 1))
    assert watched.verify(here / "session.jsonl", "--policy", policy)[0] == 1
    missing = watched.gateway.try_run("evidence", "bundle", "--session", "0" * 32, str(here / "x"))
    assert missing.returncode == 1 and "no session" in missing.stderr
    assert not (here / "x").exists() and not (here / "x.new").exists()


def test_a_witness_answers_as_the_specification_says(watched: Watched) -> None:
    watched.gateway.start()
    watched.work()
    watched.gateway.stop()
    witness = watched.witnesses[0]
    size, note = watched.witnessed()
    origin = note.split("\n")[0]

    def add(old: int, checkpoint: str, *proof: str) -> tuple[int, str, str]:
        body = "".join(f"{line}\n" for line in (f"old {old}", *proof, "")) + checkpoint
        return witness.ask("POST", "add-checkpoint", body.encode())

    assert add(0, note) == (409, "text/x.tlog.size", f"{size}\n")
    status, _, lines = add(size, note)
    assert status == 200 and [line.split(" ")[0] for line in lines.splitlines()] == ["—", "—"]
    assert add(size, note, "A" * 43 + "=")[0] == 422
    assert add(size + 1, note)[0] == 400
    assert add(size, note.replace(origin, "another.log"))[0] == 404
    assert add(size, note.replace(f"\n{size}\n", f"\n{size + 1}\n"))[0] == 403
    for body in (b"", b"old 1\n", b"\xff\xfe", b"old 01\n\n" + note.encode()):
        assert witness.ask("POST", "add-checkpoint", body)[0] == 400, body
    assert witness.ask("POST", "add-checkpoint", b"x" * 300_000)[0] == 413
    assert witness.ask("GET", "add-checkpoint")[0] == 405
    path = hashlib.sha256(origin.encode()).hexdigest()
    status, _, shown = witness.ask("GET", f"{path}/checkpoint")
    assert status == 200 and shown.startswith("\n".join(note.split("\n")[:3]) + "\n\n— ")
    assert witness.ask("GET", f"{'0' * 64}/checkpoint")[0] == 404
    assert witness.ask("GET", "healthz")[0] == 200
    # It remembers over a restart; a second process on its directory does not start.
    with pytest.raises(Failed, match="another process"):
        Witness(witness.directory.parent, witness.directory.name).start(watched.dir / "log.pub")
    assert witness.stop() == 0
    witness.start(watched.dir / "log.pub")
    assert add(0, note)[2] == f"{size}\n"


def cosigned_messages(note: str, cosigner: str, at: int) -> dict[int, bytes]:
    """What the cosignature specification has signed, by the kind of key."""
    body = note.split("\n\n")[0] + "\n"
    origin, size, root = body.splitlines()[:3]
    names = [bytes([len(name)]) + name for name in (cosigner.encode(), origin.encode())]
    start_and_end = bytes(8) + int(size).to_bytes(8, "big")
    return {
        0x04: f"cosignature/v1\ntime {at}\n{body}".encode(),
        0x06: b"subtree/v1\n\0"
        + (names[0] + at.to_bytes(8, "big") + names[1])
        + (start_and_end + base64.b64decode(root)),
    }


def test_both_cosignatures_hold_for_another_library(watched: Watched) -> None:
    """Ed25519 and ML-DSA-44, by OpenSSL's hand; and neither for another time."""
    watched.gateway.start()
    watched.work()
    watched.gateway.stop()
    size, note = watched.witnessed()
    witness = watched.witnesses[0]
    status, _, lines = witness.ask("POST", "add-checkpoint", f"old {size}\n\n{note}".encode())
    assert status == 200
    makers = {
        0x04: ed25519.Ed25519PublicKey.from_public_bytes,
        0x06: mldsa.MLDSA44PublicKey.from_public_bytes,
    }
    seen = []
    for line, vkey in zip(lines.splitlines(), witness.keys, strict=True):
        name, identity, text = vkey.split("+", 2)
        raw = base64.b64decode(text)
        digest = hashlib.sha256(name.encode() + b"\n" + raw).digest()
        assert digest[:4].hex() == identity
        signed = base64.b64decode(line.removeprefix(f"— {name} "))
        assert signed[:4] == digest[:4]
        at, signature = int.from_bytes(signed[4:12], "big"), signed[12:]
        key = makers[raw[0]](raw[1:])
        key.verify(signature, cosigned_messages(note, name, at)[raw[0]])
        with pytest.raises(InvalidSignature):
            key.verify(signature, cosigned_messages(note, name, at + 1)[raw[0]])
        seen.append(raw[0])
    assert seen == [0x04, 0x06]


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[int, str]]:
    """A verifier and a log's client in Go, on the packages of Go's own checksum database."""
    program = tmp_path_factory.mktemp("go") / "check"
    # Debian's packages are found by path: no module proxy is asked.
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
    environment["GOCACHE"] = str(program.parent / "cache")
    subprocess.run(
        ["go", "build", "-o", str(program), str(E2E / "foreign" / "check.go")],
        env=environment,
        check=True,
    )

    def run(*arguments: object) -> tuple[int, str]:
        words = [str(program), *(str(argument) for argument in arguments)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return run


def test_go_accepts_our_files_and_our_witness_accepts_go(
    watched: Watched, check: Callable[..., tuple[int, str]]
) -> None:
    tiles = watched.gateway.directory / "tiles"
    witness = watched.witnesses[0]
    cosigner = watched.keys[0]
    asks(watched.gateway, [])
    old = 0
    for _ in range(3):
        watched.gateway.start()
        for _ in range(20):
            watched.work()
        watched.gateway.stop()
        status, report = watched.verify(watched.dir, "--tiles", tiles)
        assert status == 0
        assert check("tiles", tiles, watched.log_key)[1].startswith(f"ok {report['records']} ")
        # Go is the log: its proof, our witness, its check of the cosignature.
        said = check("submit", tiles, old, witness.url, watched.log_key, cosigner)
        assert said == (0, f"ok {report['records']}\n"), said
        old = report["records"]
    assert old > 256, "more than one tile"
    watched.name_witnesses()
    watched.gateway.start()
    until("both", lambda: watched.witnessed()[0] > old)
    watched.gateway.stop()
    file = watched.gateway.directory / "7.tlog-proof"
    watched.gateway.run("evidence", "proof", "--record", "7", "--out", str(file))
    size = watched.witnessed()[0]
    assert check("proof", file, watched.log_key, cosigner) == (0, f"ok 7 {size}\n")
    stranger = Witness(watched.gateway.directory, "unasked").start()
    stranger.stop()
    assert check("proof", file, watched.log_key, stranger.keys[0])[0] == 1
    file.write_text(file.read_text().replace("index 7", "index 8"))
    assert check("proof", file, watched.log_key, cosigner)[0] == 1
    first = tiles / "tile" / "0" / "000"
    changed = bytearray(first.read_bytes())
    changed[40] ^= 1
    first.write_bytes(changed)
    assert check("tiles", tiles, watched.log_key)[0] == 1


def test_the_configuration_explains_itself(watched: Watched) -> None:
    def explained(*witnesses: tuple[str, str, str], **settings: object) -> str:
        asks(watched.gateway, list(witnesses), **settings)
        done = watched.gateway.try_run("check")
        assert done.returncode == 1
        return done.stdout + done.stderr

    key = watched.keys[0]
    assert "key of a log" in explained(("a", watched.log_key, "http://127.0.0.1:1"))
    assert "plain http" in explained(("a", key, "http://audit.example"))
    assert "same as an earlier one" in explained(
        ("a", key, "https://audit.example"), ("b", key, "https://legal.example")
    )
    assert "from 1 to 1" in explained(("a", key, "https://audit.example"), quorum=2)
    watched.name_witnesses()
    assert watched.gateway.try_run("check").returncode == 0
