"""A connector reaches machines over SSH: clients notice nothing, and keys, passwords and the
authority that signs certificates stay with it."""

import asyncio
import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from harness.connector import Connector, linked
from harness.evidence import verify
from harness.gateway import Account
from harness.sshd import Authority, Sshd, keygen
from harness.through import begun
from harness.waiting import free_port, until
from harness.wiretap import Wiretap
from harness.world import World
from ssh.conftest import Shell
from ssh.test_files import PEOPLE, scp, sftp
from ssh.test_terminals import Sitting

pytestmark = pytest.mark.gateway

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("programs") permit(principal, action == Action::"read", resource is Program);
@id("files") permit(principal, action in [Action::"read", Action::"write", Action::"define"], resource is File);
@id("secret") forbid(principal, action, resource in File::"web/web.\\"{home}/vault\\"");
@id("terminals") permit(principal, action == Action::"execute", resource is Terminal);
@id("in-them") permit(principal, action == Action::"reveal", resource is Terminal) when {{ resource in Category::"opaque" }};
"""

CONFIG = """\
data_dir: $data_dir
listen:
  ssh: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  web:
    ssh: {{ host: 127.0.0.1, port: {port}, host_key: "{host_key}", user: {user}, home: {home}, key: {{ file: "{directory}/key" }} }}
  certified:
    ssh: {{ host: 127.0.0.1, port: {port}, host_key: "{host_key}", user: {user}, home: {home}, certificate: {{ authority: {{ file: "{directory}/authority" }} }} }}
  password:
    ssh: {{ host: 127.0.0.1, port: {other}, host_key: "{other_key}", user: walt, home: /, password: {{ file: "{directory}/password" }} }}
  stranger:
    ssh: {{ host: 127.0.0.1, port: {port}, host_key: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", user: {user}, home: {home}, key: {{ file: "{directory}/key" }} }}
  locked:
    ssh: {{ host: 127.0.0.1, port: {port}, host_key: "{host_key}", user: {user}, home: {home}, key: {{ file: "{directory}/another-key" }} }}
masking:
  default: redact
policies: [ "{directory}/ssh.cedar" ]
"""

PASSWORD = "zq7-the-machines-password"

ACCOUNTS = (
    Account("alice", "person", ()),
    Account("otto", "person", ("operators",)),
    Account("planner", "actor", ("agents",)),
    Account("worker", "actor", ("agents",)),
)


class Machine(threading.Thread):
    """A server that takes a password, and says what it is told to run."""

    def __init__(self, directory: Path):
        super().__init__(daemon=True)
        self.port = free_port()
        self.key = directory / "machine_key"
        self.host_key = keygen(self.key)
        self.loop = asyncio.new_event_loop()
        self.begun = threading.Event()

    def run(self) -> None:
        class Server(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("walt", PASSWORD)

        async def work(process: asyncssh.SSHServerProcess[str]) -> None:
            process.stdout.write(f"ran {process.command}\n")
            process.exit(3)

        async def serve() -> None:
            await asyncssh.listen(
                "127.0.0.1", self.port, server_factory=Server, process_factory=work,
                server_host_keys=[str(self.key)],
            )  # fmt: skip
            self.begun.set()

        self.loop.run_until_complete(serve())
        self.loop.run_forever()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(30)


@dataclass
class Through:
    shell: Shell
    connector: Connector


def prepared(directory: Path, sshd: Sshd, machine: Machine) -> str:
    (directory / "ssh.cedar").write_text(POLICY.format(home=sshd.home))
    (directory / "password").write_text(PASSWORD)
    (directory / "key").write_text(sshd.key.read_text())
    keygen(directory / "another-key")
    return CONFIG.format(
        port=sshd.port, host_key=sshd.host_key, user=sshd.user, home=sshd.home,
        other=machine.port, other_key=machine.host_key, directory=directory,
    )  # fmt: skip


@pytest.fixture(scope="module")
def machine(world: World) -> Iterator[Machine]:
    directory = world.directory / "a-machine"
    directory.mkdir()
    machine = Machine(directory)
    machine.start()
    assert machine.begun.wait(30)
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def through(world: World, machine: Machine) -> Iterator[Through]:
    directory = world.directory / "through-ssh"
    directory.mkdir()
    authority = Authority(directory / "authority")
    sshd = Sshd(
        directory / "sshd", f"TrustedUserCAKeys {authority.key}.pub\nLogLevel VERBOSE\n"
    )
    (sshd.home / "out").mkdir()
    config = prepared(directory, sshd, machine)
    gateway = begun(world, directory, config, ACCOUNTS, free_port(), "ssh")
    connector = world.connector(gateway, "eu").enroll().start()
    try:
        yield Through(Shell(sshd, gateway, gateway.token("alice"), directory), connector)
    finally:
        sshd.stop()


def test_commands_run_and_are_masked_as_ever(through: Through) -> None:
    shell = through.shell
    shell.sshd.put("people.csv", PEOPLE)
    done = shell.run("cat people.csv; cat no-such-file")
    assert b"[email]" in done.stdout and b"example.org" not in done.stdout, done
    assert b"No such file" in done.stderr and done.returncode == 1
    refused = shell.run("cat vault/keys")
    assert refused.returncode == 126 and b"secret" in refused.stderr, refused


def test_much_goes_both_ways(through: Through) -> None:
    """More than every window and buffer on the way."""
    shell = through.shell
    content = b"".join(b"line %d in which nobody stands\n" % number for number in range(300_000))
    (shell.sshd.home / "out" / "much").unlink(missing_ok=True)
    done = shell.run("cat >out/much", stdin=content)
    assert done.returncode == 0 and (shell.sshd.home / "out" / "much").read_bytes() == content, done.stderr
    done = shell.run("cat out/much")
    assert done.returncode == 0 and done.stdout == content, (len(done.stdout), done.stderr)


def test_files_are_masked_as_ever(through: Through, tmp_path: Path) -> None:
    shell = through.shell
    shell.sshd.put("people.csv", PEOPLE)
    image = bytes(range(256)) * 4000
    (tmp_path / "image").write_bytes(image)
    done = sftp(shell, f"get people.csv {tmp_path}/people.csv\nput {tmp_path}/image out/image")
    assert done.returncode == 0, done
    assert "example.org" not in (tmp_path / "people.csv").read_text()
    assert (shell.sshd.home / "out" / "image").read_bytes() == image
    done = scp(shell, "web@127.0.0.1:people.csv", str(tmp_path / "again.csv"))
    assert done.returncode == 0 and "example.org" not in (tmp_path / "again.csv").read_text(), done


def test_terminals_are_painted_and_follow_their_windows(through: Through) -> None:
    shell = through.shell
    shell.sshd.put("people.csv", PEOPLE)
    with Sitting(shell, token=shell.token) as sitting:
        sitting.type("echo be''gun\r")
        sitting.until("begun")
        sitting.type(f"cat {shell.sshd.home}/people.csv\r")
        assert "example.org" not in sitting.until(r"\[email\]")
        sitting.resize(101, 31)
        sitting.type("until [ \"$(stty size)\" = '31 101' ]; do sleep 0.01; done; echo resi''zed\r")
        sitting.until("resized")


def test_a_session_that_is_ended_ends_at_the_machine(through: Through) -> None:
    shell = through.shell
    mark = "zq8641975"
    client = subprocess.Popen(
        [*shell.client(), f"cat - {mark}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=shell.environment(),
    )  # fmt: skip

    def runs() -> bool:
        return f"cat\0-\0{mark}\0" in commands()

    until("it runs", runs, 30)
    assert through.connector.process
    pid, port = through.connector.process.pid, shell.sshd.port
    assert reaches(pid, port)
    session = max(sessions(through), key=lambda one: str(one["id"]))
    token = shell.gateway.token("otto")
    status, body = shell.gateway.http("POST", f"/v1/sessions/{session['id']}/kill", token=token, body={})
    assert status == 200, (status, body)
    assert client.wait(30) != 0
    until("its input has ended, and so has it", lambda: not runs(), 30)
    until("nobody is logged in any more", lambda: not reaches(pid, port), 30)


def commands() -> str:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_text())
        except (OSError, UnicodeDecodeError):
            continue
    return "\n".join(found)


def sessions(through: Through) -> list[dict[str, object]]:
    found = through.shell.gateway.json("sessions", "ls", "--resource", "web")
    assert isinstance(found, (list, dict))
    listed = found["sessions"] if isinstance(found, dict) else found
    assert isinstance(listed, list)
    return listed


def test_the_gateway_has_no_connection_to_the_machine(through: Through) -> None:
    shell = through.shell
    with subprocess.Popen(
        [*shell.client(), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=shell.environment()
    ) as client:  # fmt: skip
        assert client.stdin and client.stdout
        client.stdin.write(b"echoed\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"echoed\n"
        assert through.connector.process
        assert reaches(through.connector.process.pid, shell.sshd.port)
        assert not reaches(shell.gateway.pid, shell.sshd.port)
        client.stdin.close()


def reaches(pid: int, port: int) -> bool:
    """Whether a process has a connection to a port."""
    inodes = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(file).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return any(row[9] in inodes and int(row[2].split(":")[1], 16) == port for row in rows)


def test_a_password_opens_a_machine(through: Through) -> None:
    done = through.shell.run("cat people.csv", resource="password")
    assert done.returncode == 3 and b"ran " in done.stdout and b"people.csv" in done.stdout, done


def test_a_certificate_of_the_connectors_says_for_whom(through: Through) -> None:
    shell = through.shell
    token = shell.gateway.token("alice", "planner", "worker")
    done = shell.run("echo in", resource="certified", token=token)
    assert done.stdout == b"in\n", done
    until("the machine has written its log", lambda: "ED25519-CERT" in shell.sshd.log())
    assert " ID alice>planner>worker session=" in shell.sshd.log()


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("stranger", "it is not the machine of `host_key`"),
        ("locked", "may not log in with what it was shown"),
    ],
)
def test_a_machine_that_is_another_or_does_not_let_it_in_is_not_reached(
    through: Through, resource: str, words: str
) -> None:
    done = through.shell.run("echo in", resource=resource)
    assert done.returncode == 255 and b"cannot be reached" in done.stderr and not done.stdout, done
    assert words in through.shell.gateway.log() and words in through.connector.log()


def test_it_checks_itself_and_says_what_is_in_the_wrong_file(through: Through) -> None:
    done = through.connector.check()
    assert done.returncode == 1, done
    for name in ("web", "certified", "password"):
        assert f"`{name}` can be reached, and lets it in" in done.stdout, done
    assert "`stranger` cannot be used: " in done.stdout and "`locked` cannot be used: " in done.stdout
    good = through.connector.config.read_text()
    config = yaml.safe_load(good)
    config["resources"] = {"certified": config["resources"]["certified"]}
    config["resources"]["certified"]["ssh"]["certificate"] = {}
    try:
        through.connector.config.write_text(json.dumps(config))
        done = through.connector.check()
        assert done.returncode == 1 and "has no authority that signs certificates" in done.stderr, done
        config["resources"]["certified"]["ssh"]["home"] = "/srv"
        through.connector.config.write_text(json.dumps(config))
        done = through.connector.check()
        assert "`resources.certified.ssh.home` is the gateway's" in done.stdout + done.stderr, done
    finally:
        through.connector.config.write_text(good)


def test_a_changed_key_is_used_for_the_next_login(through: Through) -> None:
    shell = through.shell
    kept = shell.directory / "key"
    before = kept.read_text()
    allowed = shell.sshd.directory / "authorized_keys"
    fresh = keygen(shell.directory / "fresh-key")
    allowed_before = allowed.read_text()
    try:
        allowed.write_text(fresh + "\n")
        assert shell.run("echo in").returncode == 255
        kept.write_text((shell.directory / "fresh-key").read_text())
        assert shell.run("echo in").stdout == b"in\n"
    finally:
        kept.write_text(before)
        allowed.write_text(allowed_before)


def test_no_credential_crosses_the_link(world: World, machine: Machine) -> None:
    """Every byte of the link is looked at, decrypted with its own keys."""
    directory = world.directory / "tapped-ssh"
    directory.mkdir()
    authority = Authority(directory / "authority")
    sshd = Sshd(directory / "sshd", f"TrustedUserCAKeys {authority.key}.pub\n")
    place = free_port()
    gateway = begun(world, directory, prepared(directory, sshd, machine), ACCOUNTS, place, "ssh")
    shell = Shell(sshd, gateway, gateway.token("alice"), directory)
    connector = world.connector(gateway, "eu").enroll()
    sshd.put("marked", "zq7marker@leak-q7.example\n")
    try:
        with Wiretap(place, gateway.data_dir, connector.state) as tap:
            config = connector.config.read_text()
            connector.config.write_text(config.replace(f"127.0.0.1:{place}", f"127.0.0.1:{tap.port}"))
            connector.start()
            for resource in ("web", "certified"):
                assert b"[email]" in shell.run("cat marked", resource=resource).stdout
            assert b"ran " in shell.run("cat marked", resource="password").stdout
            assert shell.run("cat marked", resource="locked").returncode == 255
            seen = bytes(tap.seen)
            connector.stop()
    finally:
        sshd.stop()
    # What it looks for could be seen: output goes over the link as the machine has it.
    assert b"zq7marker@leak-q7.example" in seen and b"cat" in seen, seen[-2000:]
    for secret in secrets(directory):
        assert secret not in seen
    everything = gateway.kept() + gateway.config.read_bytes()
    for secret in secrets(directory):
        assert secret not in everything


def secrets(directory: Path) -> list[bytes]:
    """What opens the machines, in the spellings that it could have, and what it signs with."""
    password = PASSWORD.encode()
    found = [password, base64.b64encode(password), password.hex().encode()]
    for name in ("key", "authority", "another-key"):
        text = (directory / name).read_bytes()
        key = serialization.load_ssh_private_key(text, None)
        seed = key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        found += [seed, seed.hex().encode(), base64.b64encode(seed).rstrip(b"=")]
        found += [line for line in text.splitlines()[3:-1] if len(line) >= 32]
        # Not even that somebody logs in with it: no public key, no signature's envelope.
        public = key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        found.append(public)
    return found


def test_both_accounts_of_the_streams_agree(through: Through) -> None:
    assert through.shell.run("echo in").stdout == b"in\n"
    gateway = through.shell.gateway
    status, report = verify(gateway)
    assert status == 0, report
    log = through.connector.state / "streams.jsonl"

    def agreed() -> bool:
        done = gateway.try_run("verify", "--connector-log", str(log), "--format", "json")
        found = json.loads(done.stdout)["connector"]
        assert found["connector"] == "eu" and not found["contradictions"], found
        return bool(found["agree"] >= 2)

    until("both have written down what is over", agreed)


def test_a_revoked_connector_ends_its_sessions(through: Through) -> None:
    shell = through.shell
    with subprocess.Popen(
        [*shell.client(), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=shell.environment(),
    ) as client:  # fmt: skip
        assert client.stdin and client.stdout
        client.stdin.write(b"echoed\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"echoed\n"
        shell.gateway.run("connectors", "revoke", "eu", "--why", "its machine is gone")
        assert client.wait(10) != 0
    until("the revoked one is gone", lambda: "eu" not in linked(shell.gateway), 5)
    done = shell.run("echo in")
    assert done.returncode == 255 and b"cannot be reached" in done.stderr, done
    assert "no connector serves `web`" in shell.gateway.log()
