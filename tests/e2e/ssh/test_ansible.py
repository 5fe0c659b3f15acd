"""Ansible, unmodified: it logs in with a certificate, and works within the policy that `docs/ssh.md` shows."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Shell

PEOPLE = "1,Yrsa Dahl,yrsa.dahl@example.org\n"


@dataclass
class Controller:
    """Where somebody runs Ansible."""

    shell: Shell
    directory: Path
    # Of connections that stay open; the whole path of one has about a hundred bytes.
    sockets: Path

    def run(self, *arguments: str, pipelining: bool = True) -> tuple[int, str]:
        environment = os.environ | {
            "HOME": str(self.directory),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_COMMON_ARGS": f"-F {self.directory / 'web.conf'}",
            # As by default, but that a connection which is not used stays no minute.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.sockets),
            "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=3s",
            "ANSIBLE_PIPELINING": str(pipelining),
            "ANSIBLE_SSH_USETTY": "False",
            "ANSIBLE_REMOTE_TMP": str(self.shell.sshd.home / "out" / "ansible"),
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        }
        environment.pop("SSH_AUTH_SOCK", None)
        ansible = Path(sys.executable).parent / "ansible"
        done = subprocess.run(
            [str(ansible), "-i", "web,", "web", *arguments],
            # It wants one that waits, which nobody promises to who runs tests.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=environment,
            cwd=self.directory,
        )
        return done.returncode, done.stdout + done.stderr


def controller(shell: Shell, who: str, directory: Path) -> Controller:
    token = shell.gateway.token(who)
    shell.gateway.run("ssh", "cert", "web", "--key", str(directory / "web"), token=token)
    sockets = tempfile.mkdtemp(prefix="cp-", dir=shell.sshd.home.parent)
    return Controller(shell, directory, Path(sockets))


@pytest.fixture(scope="module")
def anna(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Controller:
    return controller(shell, "anna", tmp_path_factory.mktemp("ansible"))


def test_modules_run_and_what_they_show_is_masked(anna: Controller) -> None:
    code, said = anna.run("-m", "ping")
    assert code == 0 and '"ping": "pong"' in said, said
    people = anna.shell.sshd.put("people.csv", PEOPLE)
    code, said = anna.run("-m", "command", "-a", f"cat {people}")
    assert code == 0 and "[email]" in said and "example.org" not in said, said


@pytest.mark.parametrize("pipelining", [True, False])
def test_files_are_copied(anna: Controller, pipelining: bool) -> None:
    home = anna.shell.sshd.home
    source, copy = anna.directory / "source", home / "out" / f"copied-{pipelining}"
    source.write_text("of the controller\n" * 1000)
    arguments = f"src={source} dest={copy} mode=0640"
    code, said = anna.run("-m", "copy", "-a", arguments, pipelining=pipelining)
    assert code == 0 and '"changed": true' in said, said
    assert copy.read_text() == source.read_text() and copy.stat().st_mode & 0o777 == 0o640
    assert not list((home / "out" / "ansible").iterdir()), "its own files go"


def test_who_may_run_no_code_is_told_so(shell: Shell, tmp_path: Path) -> None:
    code, said = controller(shell, "alice", tmp_path).run("-m", "ping")
    assert code != 0 and "refused" in said and "code runs that nobody can look into" in said, said
