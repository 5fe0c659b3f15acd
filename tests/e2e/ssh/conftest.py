"""A machine that is reached by SSH, a gateway in front of it, and somebody who asks."""

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.exported import EXPORTS
from harness.gateway import Account, Gateway
from harness.sshd import Sshd
from harness.through import started
from harness.world import World

POLICY = """\
@id("connect") permit(principal, action == Action::"connect", resource);
@id("programs") permit(principal, action == Action::"read", resource is Program);
@id("files") permit(principal, action == Action::"read", resource in File::"web/web.\\"{home}\\"");
@id("writes") permit(principal, action in [Action::"write", Action::"define"], resource in File::"web/web.\\"{home}/out\\"");
@id("sockets") permit(principal, action == Action::"read", resource == File::"web/web.\\"{sockets}\\"");
@id("tables") permit(principal, action == Action::"read", resource is Table);
@id("notes") permit(principal, action == Action::"write", resource == Table::"web/public.notes") when {{ context.bounded }};
@id("private") @advice("ask the owners of the schema") forbid(principal, action, resource in Schema::"web/private");
@id("secret") @advice("ask the owners of the vault")
forbid(principal, action, resource in File::"web/web.\\"{home}/vault\\"");
@id("held") @review("reviewers") @advice("payouts wait for a person")
forbid(principal, action == Action::"read", resource == File::"web/web.\\"{home}/payouts\\"");
@id("named")
forbid(principal, action, resource == File::"web/web.\\"{home}/out/sub/named\\"");
@id("changed") @review("reviewers")
forbid(principal, action in [Action::"write", Action::"define"], resource == File::"web/web.\\"{home}/out/held\\"");
@id("many") @advice("ask for fewer lines")
forbid(principal, action == Action::"read", resource) when {{ context.rows > 1000 }} unless {{ principal in Group::"bulk" || principal in Group::"sync" }};
@id("anything") permit(principal in Group::"admins", action, resource);
@id("tools") permit(principal in Group::"tools", action == Action::"execute", resource == Program::"web/web.base64");
@id("packed") permit(principal in Group::"tools", action == Action::"reveal", resource in Program::"web/web.base64")
when {{ resource in Category::"opaque" }};
@id("bulk") permit(principal in Group::"bulk", action == Action::"read", resource);
@id("runners") permit(principal in Group::"runners", action in [Action::"read", Action::"write", Action::"define", Action::"execute", Action::"administer"], resource);
@id("sync") permit(principal in Group::"sync", action in [Action::"read", Action::"write", Action::"execute"], resource);
@id("automation") permit(principal in Group::"automation", action == Action::"execute", resource == Host::"web/web");
@id("modules") permit(principal in Group::"automation", action == Action::"reveal", resource == Host::"web/web")
when {{ resource in Category::"opaque" }};
@id("copies") permit(principal in Group::"automation", action == Action::"administer", resource in File::"web/web.\\"{home}/out\\"");
@id("terminals") permit(principal in Group::"terminals", action == Action::"execute", resource == Terminal::"web/web.{user}");
@id("anything-in-them") permit(principal in Group::"terminals", action == Action::"reveal", resource is Terminal)
when {{ resource in Category::"opaque" }};
@id("synced") permit(principal in Group::"sync", action == Action::"reveal", resource is Program)
when {{ resource in Category::"opaque" }};
"""

CONFIG = """\
data_dir: $data_dir
listen:
  ssh: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  web:
    ssh:
      host: 127.0.0.1
      port: {port}
      host_key: "{host_key}"
      user: {user}
      home: {home}
      key: {{ file: "{key}" }}
  stranger:
    ssh:
      host: 127.0.0.1
      port: {port}
      host_key: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      user: {user}
      key: {{ file: "{key}" }}
masking:
  default: redact
policies: [ "{directory}/ssh.cedar" ]
""" + EXPORTS

ACCOUNTS = (
    Account("alice", "person", ()),
    Account("tina", "person", ("tools",)),
    Account("ada", "person", ("admins",)),
    Account("bob", "person", ("bulk",)),
    Account("rolf", "person", ("runners",)),
    Account("sam", "person", ("sync",)),
    Account("terry", "person", ("terminals",)),
    Account("anna", "person", ("automation",)),
    Account("otto", "person", ("operators",)),
    Account("dana", "person", ("reviewers",)),
)

Done = subprocess.CompletedProcess[bytes]


@dataclass
class Shell:
    sshd: Sshd
    gateway: Gateway
    token: str
    directory: Path

    def environment(self, token: str | None = None) -> dict[str, str]:
        """Programs of OpenSSH ask this program for the token."""
        ask = self.directory / "ask"
        if not ask.exists():
            ask.write_text("#!/bin/sh\nprintenv PORTREEVE_TOKEN\n")
            ask.chmod(ask.stat().st_mode | stat.S_IXUSR)
        return os.environ | {
            "SSH_ASKPASS": str(ask),
            "SSH_ASKPASS_REQUIRE": "force",
            "PORTREEVE_TOKEN": token or self.token,
        }

    def options(self) -> list[str]:
        known = self.gateway.data_dir / "ssh-known-hosts"
        return [
            "-F", "none", "-o", "HostKeyAlias=portreeve", "-o", f"UserKnownHostsFile={known}",
            "-o", "StrictHostKeyChecking=yes", "-o", "PubkeyAuthentication=no",
            "-o", "NumberOfPasswordPrompts=1",
        ]  # fmt: skip

    def client(self, *options: str, resource: str = "web") -> list[str]:
        port = str(self.gateway.port)
        return ["ssh", *self.options(), *options, "-p", port, f"{resource}@127.0.0.1"]

    def run(
        self,
        command: str,
        *options: str,
        stdin: bytes = b"",
        token: str | None = None,
        resource: str = "web",
        seconds: float = 60,
    ) -> Done:
        return subprocess.run(
            [*self.client(*options, resource=resource), command],
            input=stdin,
            capture_output=True,
            timeout=seconds,
            env=self.environment(token),
        )


@pytest.fixture(scope="session")
def shell(world: World) -> Iterator[Shell]:
    directory = world.directory / "ssh"
    directory.mkdir(parents=True)
    sshd = Sshd(directory / "sshd")
    (sshd.home / "out").mkdir()
    (directory / "ssh.cedar").write_text(POLICY.format(home=sshd.home, user=sshd.user, sockets=world.postgres.directory))
    config = CONFIG.format(
        port=sshd.port, host_key=sshd.host_key, user=sshd.user, home=sshd.home, key=sshd.key,
        directory=directory,
    )  # fmt: skip
    gateway = started(world, directory, config, ACCOUNTS, "ssh")
    try:
        yield Shell(sshd, gateway, gateway.token("alice"), directory)
    finally:
        gateway.stop()
        sshd.stop()
