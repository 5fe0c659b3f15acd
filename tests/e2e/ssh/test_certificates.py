"""A certificate logs in for a token: as whom the token says, where it says, and while it does."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness.evidence import sessions
from harness.gateway import Account, Gateway
from harness.sshd import Authority, Sshd, keygen
from harness.waiting import until
from harness.world import World

from .conftest import Shell

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("reads") permit(principal, action == Action::"read", resource);
@id("writes") permit(principal in Group::"support", action in [Action::"write", Action::"define"], resource);
@id("terminals") permit(principal in Group::"support", action == Action::"execute", resource is Terminal);
@id("in-them") permit(principal in Group::"support", action == Action::"reveal", resource is Terminal)
when { resource in Category::"opaque" };
"""

CONFIG = """\
data_dir: $data_dir
listen:
  ssh: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  web: {{ ssh: {{ {there}, host_key: "{host_key}", key: {{ file: "{key}" }} }} }}
  db: {{ ssh: {{ {there}, host_key: "{host_key}", key: {{ file: "{key}" }} }} }}
  apart:
    audience: apart
    ssh: {{ {there}, host_key: "{host_key}", key: {{ file: "{key}" }} }}
  known: {{ ssh: {{ {there}, host_ca: "{host_ca}", certificate: {{}} }} }}
  other-name: {{ ssh: {{ {elsewhere}, host_ca: "{host_ca}", certificate: {{}} }} }}
  other-ca: {{ ssh: {{ {there}, host_ca: "{other_ca}", certificate: {{}} }} }}
  no-certificate: {{ ssh: {{ {bare}, host_ca: "{host_ca}", key: {{ file: "{bare_key}" }} }} }}
  no-trust: {{ ssh: {{ {bare}, host_key: "{bare_host_key}", certificate: {{}} }} }}
  no-principal: {{ ssh: {{ {there}, host_ca: "{host_ca}", certificate: {{ principal: nobody }} }} }}
policies: [ "{directory}/ssh.cedar" ]
limits: {{ auth_failures_max: 1000 }}
"""

ACCOUNTS = (
    Account("ada", "person", ("support",)),
    Account("carl", "person", ()),
    Account("dora", "person", ("support",)),
    Account("many", "person", ()),
    Account("planner", "actor", ("agents",)),
    Account("worker", "actor", ()),
)

Done = subprocess.CompletedProcess[bytes]


@dataclass
class Certified:
    """A key, its certificate, and how `ssh` is told of both."""

    key: Path
    certificate: Path
    config: Path
    known_hosts: Path
    answer: dict[str, object]


@dataclass
class Place:
    gateway: Gateway
    sshd: Sshd
    directory: Path

    def certify(
        self, token: str, *resources: str, at: Path, key: Path | None = None, more: tuple[str, ...] = ()
    ) -> Certified:
        key = key or at / resources[0]
        answer = self.gateway.json("ssh", "cert", *resources, "--key", str(key), *more, token=token)
        assert isinstance(answer, dict)
        return Certified(
            key,
            Path(str(answer["certificate_file"])),
            Path(str(answer["config_file"])),
            Path(str(answer["known_hosts_file"])),
            answer,
        )

    def ssh(self, resource: str, key: Path, certificate: Path, *options: str) -> list[str]:
        return [
            "ssh", "-F", "none", "-i", str(key), "-o", f"CertificateFile={certificate}",
            "-o", "IdentitiesOnly=yes", "-o", "HostKeyAlias=portreeve", "-o", "BatchMode=yes",
            "-o", f"UserKnownHostsFile={self.gateway.data_dir / 'ssh-known-hosts'}",
            "-o", "StrictHostKeyChecking=yes", "-p", str(self.gateway.port), *options,
            f"{resource}@127.0.0.1",
        ]  # fmt: skip

    def run(self, certified: Certified, command: str = "echo in", resource: str = "web") -> Done:
        arguments = [*self.ssh(resource, certified.key, certified.certificate), command]
        return subprocess.run(arguments, capture_output=True, timeout=60)

    def tries(self, key: Path, certificate: Path, resource: str = "web") -> Done:
        arguments = [*self.ssh(resource, key, certificate), "echo in"]
        return subprocess.run(arguments, capture_output=True, timeout=60)

    def audit(self) -> str:
        """What the log's records say."""
        files = sorted((self.gateway.data_dir / "evidence").rglob("*"))
        return b"".join(path.read_bytes() for path in files if path.is_file()).decode(errors="replace")


@pytest.fixture(scope="module")
def place(world: World, shell: Shell) -> Iterator[Place]:
    directory = world.directory / "ssh-certificates"
    directory.mkdir()
    host_ca, other_ca = Authority(directory / "host_ca"), Authority(directory / "other_ca")
    trusted = directory / "target_ca.pub"
    more = f"TrustedUserCAKeys {trusted}\nLogLevel INFO\n"
    (directory / "ssh.cedar").write_text(POLICY)
    # The machine reads whom it trusts when somebody logs in.
    sshd = Sshd(directory / "sshd", more, host_ca)
    user = f"user: {sshd.user}, home: {sshd.home}"
    config = CONFIG.format(
        there=f"host: 127.0.0.1, port: {sshd.port}, {user}",
        elsewhere=f"host: localhost, port: {sshd.port}, {user}",
        bare=f"host: 127.0.0.1, port: {shell.sshd.port}, user: {shell.sshd.user}, home: {shell.sshd.home}",
        host_key=sshd.host_key, key=sshd.key, host_ca=host_ca.public, other_ca=other_ca.public,
        bare_key=shell.sshd.key, bare_host_key=shell.sshd.host_key, directory=directory,
    )  # fmt: skip
    gateway = Gateway(directory, config, ACCOUNTS)
    world.gateways.append(gateway)
    gateway.start()
    trusted.write_text(gateway.run("ssh", "ca") + "\n")
    try:
        yield Place(gateway, sshd, directory)
    finally:
        gateway.stop()
        sshd.stop()


def installed(place: Place, purpose: str) -> Authority:
    """The installation's own authority, in the hands of somebody who has its files."""
    with sqlite3.connect(place.gateway.data_dir / "control.sqlite") as store:
        query = "SELECT key FROM installation_key WHERE purpose = ?"
        (seed,) = store.execute(query, [purpose]).fetchone()
    key = place.directory / f"copied-{purpose}"
    if not key.exists():
        private = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        key.touch(0o600)
        key.write_bytes(private)
    copied = Authority.__new__(Authority)
    copied.key = key
    return copied


# Who it is


def test_a_session_is_as_whom_the_token_says(place: Place, tmp_path: Path) -> None:
    token = place.gateway.token("ada", "planner", "worker", purpose="repair")
    certified = place.certify(token, "web", at=tmp_path)
    assert place.run(certified).stdout == b"in\n"
    by_token = subprocess.run(
        ["sh", "-c", f"{place.gateway.run('connect', 'web', '--print')} echo too"],
        env=place.gateway.environment | {"PORTREEVE_TOKEN": token},
        capture_output=True,
        timeout=60,
    )
    assert by_token.stdout == b"too\n", by_token
    chains = [one["chain"] for one in sessions(place.gateway) if one["resource"] == "web"]
    certain = [chain for chain in chains if chain.get("purpose") == "repair"]
    assert len(certain) == 2 and certain[0] == certain[1]
    assert certain[0]["principal"]["groups"] == ["support"]
    assert [actor["subject"] for actor in certain[0]["actors"]] == ["planner", "worker"]


def test_how_somebody_logged_in_is_kept(place: Place, tmp_path: Path) -> None:
    certified = place.certify(place.gateway.token("dora"), "web", at=tmp_path)
    assert place.run(certified).returncode == 0
    chains = [one["chain"] for one in sessions(place.gateway)]
    own = [chain for chain in chains if chain["principal"]["subject"] == "dora"]
    assert own and own[0]["strength"] == {"amr": ["pop"]}


def test_what_is_written_beside_the_key_is_all_that_ssh_needs(place: Place, tmp_path: Path) -> None:
    certified = place.certify(place.gateway.token("ada"), "web", "db", at=tmp_path / "a folder")
    assert certified.key.stat().st_mode & 0o777 == 0o600
    for resource in ("web", "db"):
        arguments = ["ssh", "-F", str(certified.config), "-o", "BatchMode=yes", resource, "echo in"]
        done = subprocess.run(arguments, capture_output=True, timeout=60)
        assert done.stdout == b"in\n", done
    # Another gateway under this name is none.
    certified.known_hosts.write_text(f"portreeve {keygen(tmp_path / 'other')}\n")
    done = subprocess.run(arguments, capture_output=True, timeout=60)
    assert done.returncode == 255 and b"REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_files_go_both_ways(place: Place, tmp_path: Path) -> None:
    place.sshd.put("log", "yrsa.dahl@example.org\n")
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path)
    here = tmp_path / "here"
    for source, target in ((f"web:{place.sshd.home}/log", here), (here, f"web:{place.sshd.home}/back")):
        arguments = ["scp", "-q", "-F", str(certified.config), str(source), str(target)]
        done = subprocess.run(arguments, capture_output=True, timeout=60)
        assert done.returncode == 0, done
    assert b"yrsa" not in here.read_bytes()
    assert (place.sshd.home / "back").read_bytes() == here.read_bytes()


def test_libraries_log_in_so(place: Place, tmp_path: Path) -> None:
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path)
    key = paramiko.Ed25519Key.from_private_key_file(str(certified.key))
    key.load_certificate(str(certified.certificate))
    client = paramiko.SSHClient()
    client.load_host_keys(str(certified.known_hosts))
    host_keys = client.get_host_keys()
    port = place.gateway.port
    for name in list(host_keys["portreeve"]):
        host_keys.add(f"[127.0.0.1]:{port}", name, host_keys["portreeve"][name])
    client.connect(
        "127.0.0.1", port, "web", pkey=key, allow_agent=False, look_for_keys=False, timeout=30
    )
    with client:
        assert client.exec_command("echo in")[1].read() == b"in\n"

    async def by_asyncssh() -> object:
        async with asyncssh.connect(
            "127.0.0.1", port, username="web", known_hosts=str(certified.known_hosts),
            host_key_alias="portreeve", client_keys=[(str(certified.key), str(certified.certificate))],
            config=None, agent_path=None,
        ) as connection:  # fmt: skip
            return (await connection.run("echo in")).stdout

    assert asyncio.run(by_asyncssh()) == "in\n"


def test_a_key_that_somebody_has_already_is_certified(place: Place, tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa"):
        key = tmp_path / kind
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me", "-f", str(key)], check=True
        )
        out = tmp_path / f"{kind}.crt"
        certified = place.certify(
            place.gateway.token("ada"), "web", at=tmp_path, key=key, more=("--out", str(out))
        )
        assert certified.certificate == out and place.run(certified).stdout == b"in\n"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(tmp_path / "rsa")], check=True
    )
    done = place.gateway.try_run(
        "ssh", "cert", "web", "--key", str(tmp_path / "rsa"), token=place.gateway.token("ada")
    )
    assert done.returncode == 1 and "Ed25519" in done.stderr and "hint: " in done.stderr


def test_a_client_is_not_made_to_use_a_key_in_vain(place: Place, tmp_path: Path) -> None:
    key = tmp_path / "key"
    keygen(key)
    done = place.tries(key, tmp_path / "none")
    assert done.returncode == 255
    arguments = [*place.ssh("web", key, tmp_path / "none", "-v"), "true"]
    told = subprocess.run(arguments, capture_output=True, timeout=60).stderr
    assert b"Offering public key" in told and b"Server accepts key" not in told
    # One that was certified is no way in by itself.
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path)
    assert place.run(certified).returncode == 0
    assert place.tries(certified.key, tmp_path / "none").returncode == 255


# Where and how long


def test_it_opens_nothing_else(place: Place, tmp_path: Path) -> None:
    ada = place.gateway.token("ada")
    certified = place.certify(ada, "web", at=tmp_path)
    assert place.run(certified, resource="db").returncode == 255
    both = place.certify(ada, "db", "web", at=tmp_path)
    assert place.run(both, resource="db").returncode == 0 == place.run(both).returncode
    # The API takes tokens, and a certificate is none.
    shown = certified.certificate.read_text().split()[1]
    for secret in (shown, str(certified.answer["certificate_id"])):
        assert place.gateway.http("GET", "/v1/whoami", token=secret)[0] == 401


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (("nowhere",), "there is no resource `nowhere`"),
        (("web", "apart"), "the access token is not meant for `apart`"),
        (("web",) * 17, "1 to 16 resources"),
    ],
)
def test_what_a_token_does_not_open_its_certificate_does_not(
    place: Place, tmp_path: Path, resources: tuple[str, ...], words: str
) -> None:
    arguments = ("ssh", "cert", *resources, "--key", str(tmp_path / "key"))
    done = place.gateway.try_run(*arguments, token=place.gateway.token("ada"))
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert "hint: " in done.stderr or "16" in words
    assert not (tmp_path / "key-cert.pub").exists()


def test_it_never_outlives_its_token_or_the_limit(place: Place, tmp_path: Path) -> None:
    short = place.certify(place.gateway.token("ada", ttl="5m"), "web", at=tmp_path)
    assert 290 < int(str(short.answer["expires_in"])) <= 300
    long = place.certify(place.gateway.token("ada", ttl="2h"), "web", at=tmp_path)
    assert 890 < int(str(long.answer["expires_in"])) <= 900
    done = place.gateway.try_run(
        "ssh", "cert", "web", "--ttl", "1h", "--key", str(tmp_path / "web"),
        token=place.gateway.token("ada", ttl="2h"),
    )  # fmt: skip
    assert done.returncode == 1 and "limits.ssh.certificate_lifetime" in done.stderr
    brief = place.certify(place.gateway.token("ada"), "web", at=tmp_path, more=("--ttl", "2s"))
    ends = int(str(brief.answer["expires_at_us"])) / 1_000_000
    until("it has ended", lambda: time.time() > ends)
    assert place.run(brief).returncode == 255


def test_there_is_a_bound_for_each(place: Place, tmp_path: Path) -> None:
    key = tmp_path / "key"
    body = {"public_key": keygen(key), "resources": ["web"]}
    token = place.gateway.token("many")
    ask = lambda: place.gateway.http("POST", "/v1/certificates", body, token)  # noqa: E731
    answers = [ask() for _ in range(64)]
    assert {status for status, _ in answers} == {200}
    serials = {json.loads(text)["serial"] for _, text in answers}
    assert len(serials) == 64
    status, text = ask()
    assert status == 400 and b"64 certificates that are still good" in text
    assert place.certify(place.gateway.token("ada"), "web", at=tmp_path).certificate.exists()


# How it ends


def jti(place: Place, token: str) -> str:
    return str(place.gateway.json("token", "inspect", token=token)["claims"]["jti"])


@dataclass
class Ending:
    """A token through an actor, and what is done about one of them."""

    place: Place
    token: str
    person: str
    actor: str

    def run(self, *arguments: str) -> None:
        self.place.gateway.run(*arguments)


ENDINGS: dict[str, Callable[[Ending], None]] = {
    "its token is revoked": lambda it: it.run("token", "revoke", "--token", jti(it.place, it.token)),
    "its person is revoked": lambda it: it.run("token", "revoke", "--subject", it.person),
    "an actor is revoked": lambda it: it.run("token", "revoke", "--subject", it.actor),
    "its account is disabled": lambda it: it.run("accounts", "disable", it.person),
    "an actor is disabled": lambda it: it.run("accounts", "disable", it.actor),
    "its account is removed": lambda it: it.run("accounts", "rm", it.person),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_the_token_ends_the_certificate_and_its_session(
    place: Place, tmp_path: Path, ending: str
) -> None:
    number = list(ENDINGS).index(ending)
    person, actor = f"person-{number}", f"actor-{number}"
    place.gateway.run("accounts", "add", person, "--kind", "person", "--group", "support")
    place.gateway.run("accounts", "add", actor, "--kind", "actor", "--group", "support")
    token = place.gateway.token(person, actor)
    certified = place.certify(token, "web", at=tmp_path)
    log = place.sshd.put(f"{person}.log", "begins\n")
    session = subprocess.Popen(
        [*place.ssh("web", certified.key, certified.certificate), f"tail -f {log}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert session.stdout and session.stdout.readline() == b"begins\n"
    ENDINGS[ending](Ending(place, token, person, actor))
    _, said = session.communicate(timeout=30)
    assert session.returncode == 255, said
    done = place.run(certified)
    assert done.returncode == 255 and b"in" not in done.stdout
    assert place.gateway.try_run("whoami", token=token).returncode == 1


def test_a_regrouped_person_is_in_the_groups_of_now(place: Place, tmp_path: Path) -> None:
    place.gateway.run("accounts", "add", "moving", "--kind", "person", "--group", "support")
    certified = place.certify(place.gateway.token("moving"), "web", at=tmp_path)
    write = f"echo x > {place.sshd.home}/moved"
    assert place.run(certified, write).returncode == 0
    place.gateway.run("accounts", "groups", "moving")
    assert place.run(certified, write).returncode == 126


def test_it_is_good_behind_a_restart_and_not_without_its_issuer(place: Place, tmp_path: Path) -> None:
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path)
    place.gateway.stop()
    config = place.gateway.config.read_text()
    try:
        place.gateway.start()
        assert place.run(certified).stdout == b"in\n"
        place.gateway.stop()
        other = '[ { oidc: { issuer: "http://127.0.0.1:1", audience: portreeve } } ]'
        place.gateway.config.write_text(config.replace("[ { local: {} } ]", other))
        start_unready(place)
        assert place.run(certified).returncode == 255
        assert "is not trusted any more" in place.gateway.log()
    finally:
        place.gateway.kill()
        place.gateway.config.write_text(config)
        place.gateway.start()
    assert place.run(certified).stdout == b"in\n"


def start_unready(place: Place) -> None:
    """It is ready once it has the keys of its issuers, and nobody has those of this one."""
    ready = place.gateway._ready
    place.gateway._ready = lambda: place.gateway.http("GET", "/healthz")[0] in (200, 503)  # type: ignore[method-assign]
    try:
        place.gateway.start()
    finally:
        place.gateway._ready = ready  # type: ignore[method-assign]


# Attacks

Attack = Callable[[Place, Certified, Path], tuple[Path, Path]]


def stolen(_: Place, certified: Certified, at: Path) -> tuple[Path, Path]:
    """The certificate, and a key of the thief's."""
    keygen(at / "thief")
    return at / "thief", certified.certificate


def signed(authority: str, *options: str, key_id: str | None = None) -> Attack:
    """What an authority signs for the key that was certified."""

    def attack(place: Place, certified: Certified, at: Path) -> tuple[Path, Path]:
        signer = Authority(at / "mine") if authority == "mine" else installed(place, authority)
        public = at / "forged.pub"
        shutil.copy(certified.key.with_suffix(".pub"), public)
        genuine = str(certified.answer["certificate_id"])
        name = ["-I", genuine if key_id is None else key_id]
        serial = [] if "-z" in options else ["-z", str(certified.answer["serial"])]
        principals = [] if "-n" in options or "-N" in options else ["-n", "web"]
        kept = [option for option in options if option != "-N"]
        return certified.key, signer.sign(public, *name, *serial, *principals, *kept)

    return attack


def another_key(place: Place, certified: Certified, at: Path) -> tuple[Path, Path]:
    """The genuine name in a genuine certificate for another key that is certified, too."""
    other = place.certify(place.gateway.token("carl"), "web", at=at / "other")
    return other.key, signed("client-certificates")(
        place, Certified(other.key, other.certificate, other.config, other.known_hosts, certified.answer), at
    )[1]


ATTACKS: dict[str, tuple[Attack, str]] = {
    "a certificate without its key": (stolen, ""),
    "another authority": (signed("mine"), "signed by another authority"),
    "the authority for targets": (signed("target-certificates"), "signed by another authority"),
    "a name that nobody was given": (
        signed("client-certificates", key_id="f" * 32), "nobody was given one of its name"),
    "a name that says who it is": (
        signed("client-certificates", key_id="ada"), "nobody was given one of its name"),
    "another serial number": (signed("client-certificates", "-z", "99999"), "another one was given"),
    "another key under the name": (another_key, "another one was given"),
    "other principals": (signed("client-certificates", "-n", "db"), "is for another name"),
    "no principals": (signed("client-certificates", "-N"), "is for another name"),
    "a command": (signed("client-certificates", "-O", "force-command=id"), "has a critical option"),
    "an address": (signed("client-certificates", "-O", "source-address=127.0.0.1/32"), "has a critical option"),
    "a demand": (signed("client-certificates", "-O", "critical:x@example.org=y"), "has a critical option"),
    # OpenSSH does not show it, and the library refuses the other two before anybody is asked.
    "a host": (signed("client-certificates", "-h"), ""),
    "one that has ended": (signed("client-certificates", "-V", "-2h:-1h"), ""),
    "one that begins later": (signed("client-certificates", "-V", "+1h:+2h"), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_forged_does_not_enter(place: Place, tmp_path: Path, name: str) -> None:
    attack, words = ATTACKS[name]
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path / "genuine")
    (tmp_path / "forged").mkdir()
    key, certificate = attack(place, certified, tmp_path / "forged")
    before = place.audit().count(words) if words else 0
    # Beside a key `ssh` finds its certificate by itself.
    alone = tmp_path / "alone"
    shutil.copy(key, alone)
    done = place.tries(alone, certificate)
    assert done.returncode == 255 and b"Permission denied" in done.stderr, done
    if words:
        until("it is on record", lambda: place.audit().count(words) > before)
    assert place.run(certified).stdout == b"in\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [("a host", "of the other kind"), ("one that has ended", ""), ("one that begins later", "")],
)
def test_what_openssh_does_not_show_does_not_enter_either(
    place: Place, tmp_path: Path, name: str, words: str
) -> None:
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path / "genuine")
    (tmp_path / "forged").mkdir()
    _, certificate = ATTACKS[name][0](place, certified, tmp_path / "forged")

    def enter(shown: Path) -> None:
        key = paramiko.Ed25519Key.from_private_key_file(str(certified.key))
        key.load_certificate(str(shown))
        with paramiko.Transport(("127.0.0.1", place.gateway.port)) as transport:
            transport.start_client(timeout=30)
            transport.auth_publickey("web", key)

    before = place.audit().count(words) if words else 0
    with pytest.raises(paramiko.AuthenticationException):
        enter(certificate)
    if words:
        until("it is on record", lambda: place.audit().count(words) > before)
    enter(certified.certificate)


def test_a_genuine_authority_signs_what_enters(place: Place, tmp_path: Path) -> None:
    """The attacks above fail for what is wrong with them, and for nothing else."""
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path / "genuine")
    (tmp_path / "forged").mkdir()
    key, certificate = signed("client-certificates")(place, certified, tmp_path / "forged")
    alone = tmp_path / "alone"
    shutil.copy(key, alone)
    assert place.tries(alone, certificate).stdout == b"in\n"


def test_a_longer_certificate_lasts_no_longer(place: Place, tmp_path: Path) -> None:
    """Whoever could sign with the authority's key gets nothing but what the store knows."""
    brief = place.certify(
        place.gateway.token("ada"), "web", at=tmp_path / "genuine", more=("--ttl", "2s")
    )
    (tmp_path / "forged").mkdir()
    key, certificate = signed("client-certificates", "-V", "always:forever")(place, brief, tmp_path / "forged")
    alone = tmp_path / "alone"
    shutil.copy(key, alone)
    ends = int(str(brief.answer["expires_at_us"])) / 1_000_000
    until("it has ended", lambda: time.time() > ends)
    assert place.tries(alone, certificate).returncode == 255
    until("it is on record", lambda: "the certificate has ended" in place.audit())


def test_a_client_that_goes_on_to_its_token_hears_why(place: Place, tmp_path: Path) -> None:
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path)
    key, certificate = signed("client-certificates", "-O", "force-command=id")(place, certified, tmp_path)
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\nprintenv PORTREEVE_TOKEN\n")
    ask.chmod(0o700)
    alone = tmp_path / "alone"
    shutil.copy(key, alone)
    arguments = [*place.ssh("web", alone, certificate), "echo in"]
    arguments[arguments.index("BatchMode=yes")] = "BatchMode=no"
    environment = place.gateway.environment | {
        "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force",
        "PORTREEVE_TOKEN": place.gateway.token("ada"),
    }  # fmt: skip
    done = subprocess.run(arguments, env=environment, capture_output=True, timeout=60)
    assert done.stdout == b"in\n", done
    assert b"the certificate is not accepted; get a new one" in done.stderr


def test_issuing_is_on_record(place: Place, tmp_path: Path) -> None:
    certified = place.certify(place.gateway.token("ada", "planner"), "web", at=tmp_path)
    name = str(certified.answer["certificate_id"])
    until("it is on record", lambda: name in place.audit() and "certificate-issued" in place.audit())
    text = place.audit()
    assert '"use":"client-certificates"' in text and '"use":"target-certificates"' in text
    record = text[text.rindex(name) - 200 :][:1500]
    assert '"resources":["web"]' in record and "planner" in record and "SHA256:" in record
    assert place.gateway.try_run("verify", str(place.gateway.data_dir / "evidence")).returncode == 0


# Targets


def test_a_target_reads_in_its_log_for_whom_the_gateway_came(place: Place) -> None:
    token = place.gateway.token("ada", "planner", "worker")
    shell = Shell(place.sshd, place.gateway, token, place.directory)
    done = shell.run("echo in", resource="known")
    assert done.stdout == b"in\n", done
    session = next(one["id"] for one in sessions(place.gateway) if one["resource"] == "known")
    name = f"ada>planner>worker session={session}"
    until("the machine has written its log", lambda: "ED25519-CERT" in place.sshd.log())
    assert f" ID {name} (serial " in place.sshd.log()
    terminal = subprocess.run(
        [*shell.client("-tt", resource="known"), "tty"],
        capture_output=True, timeout=60, env=shell.environment(place.gateway.token("ada")),
    )  # fmt: skip
    assert b"/dev/pts" in terminal.stdout, terminal


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("other-ca", "its certificate was signed by another authority"),
        ("other-name", "its certificate is for another name"),
        ("no-certificate", "it shows a key without a certificate"),
        ("no-trust", "may not log in with what it was shown"),
        ("no-principal", "may not log in with what it was shown"),
    ],
)
def test_a_target_that_does_not_prove_itself_or_trust_is_not_reached(
    place: Place, resource: str, words: str
) -> None:
    shell = Shell(place.sshd, place.gateway, place.gateway.token("ada"), place.directory)
    done = shell.run("echo in", resource=resource)
    assert done.returncode == 255 and b"cannot be reached" in done.stderr and not done.stdout
    assert words in place.gateway.log()


def test_what_lets_a_client_in_opens_no_target(place: Place, tmp_path: Path) -> None:
    """One authority for both would let a client take its certificate past the gateway."""
    trusting = f"TrustedUserCAKeys {place.directory / 'target_ca.pub'}\n"
    assert trusting in (place.sshd.directory / "sshd_config").read_text()
    certified = place.certify(place.gateway.token("ada"), "web", at=tmp_path)
    key, certificate = signed("client-certificates", "-n", place.sshd.user)(place, certified, tmp_path)
    arguments = [
        "ssh", "-F", "none", "-i", str(key), "-o", f"CertificateFile={certificate}", "-o", "BatchMode=yes",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-p", str(place.sshd.port), f"{place.sshd.user}@127.0.0.1", "echo past",
    ]  # fmt: skip
    done = subprocess.run(arguments, capture_output=True, timeout=60)
    assert done.returncode == 255 and b"past" not in done.stdout


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("password: { env: X }", "`host_key` or by a certificate of `host_ca`"),
        ('host_key: "{key}", host_ca: "{key}", password: {{ env: X }}', "keep one of them"),
        ('host_ca: "ssh-ed25519 AAAA", password: {{ env: X }}', "`host_ca` is no Ed25519 or ECDSA"),
        ('host_key: "{key}", certificate: {{}}, password: {{ env: X }}', "by `password` or by `certificate`"),
        ('host_key: "{key}"', "by `key`, by `password` or by `certificate`"),
    ],
)
def test_a_target_proves_itself_and_is_opened_in_one_way(
    place: Place, tmp_path: Path, settings: str, words: str
) -> None:
    (tmp_path / "ssh.cedar").write_text(POLICY)
    config = tmp_path / "portreeve.yaml"
    filled = settings.format(key=place.sshd.host_key) if "{key}" in settings or "{{" in settings else settings
    config.write_text(
        "issuers: [ { local: {} } ]\n"
        f"resources: {{ web: {{ ssh: {{ host: h, user: u, {filled} }} }} }}\n"
        f'policies: [ "{tmp_path}/ssh.cedar" ]\n'
    )
    place.gateway.environment["X"] = "a password"
    done = place.gateway.try_run("check", "--config", str(config))
    assert done.returncode == 1 and words in done.stdout + done.stderr, done
