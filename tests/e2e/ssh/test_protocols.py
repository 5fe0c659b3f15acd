"""Protocols of their own over SSH: git and rsync pass where policy lets pass what nobody can look into."""

import subprocess
from pathlib import Path

from .conftest import Shell


def over_ssh(shell: Shell) -> dict[str, str]:
    command = " ".join(["ssh", *(f"'{option}'" for option in shell.options()), "-p", str(shell.gateway.port)])
    return {"GIT_SSH_COMMAND": command, "RSYNC_RSH": command}


def run(shell: Shell, token: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    environment = shell.environment(shell.gateway.token(token)) | over_ssh(shell)
    environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(cwd)}
    return subprocess.run(arguments, capture_output=True, timeout=60, env=environment, cwd=cwd)


def test_git_clones_and_pushes(shell: Shell, tmp_path: Path) -> None:
    repository = shell.sshd.home / "code.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(repository)], check=True)
    url = f"web@127.0.0.1:{repository}"
    refused = run(shell, "alice", "git", "clone", "-q", url, "refused", cwd=tmp_path)
    assert refused.returncode != 0 and b"opaque" in refused.stderr
    assert run(shell, "sam", "git", "clone", "-q", url, "code", cwd=tmp_path).returncode == 0
    code = tmp_path / "code"
    (code / "file").write_text("yrsa.dahl@example.org\n" * 2000)
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    run(shell, "sam", "git", "checkout", "-q", "-b", "main", cwd=code)
    run(shell, "sam", "git", "add", "file", cwd=code)
    assert run(shell, "sam", "git", *who, "commit", "-q", "-m", "one", cwd=code).returncode == 0
    pushed = run(shell, "sam", "git", "push", "-q", "origin", "main", cwd=code)
    assert pushed.returncode == 0, pushed
    again = run(shell, "sam", "git", "clone", "-q", url, "again", cwd=tmp_path)
    assert again.returncode == 0, again
    assert (tmp_path / "again" / "file").read_text() == "yrsa.dahl@example.org\n" * 2000


def test_rsync_copies_both_ways(shell: Shell, tmp_path: Path) -> None:
    shell.sshd.put("tree/a", "one\n")
    shell.sshd.put("tree/b/c", "yrsa.dahl@example.org\n" * 3000)
    there = f"web@127.0.0.1:{shell.sshd.home}/tree/"
    refused = run(shell, "alice", "rsync", "-r", there, "refused", cwd=tmp_path)
    assert refused.returncode != 0 and b"opaque" in refused.stderr
    done = run(shell, "sam", "rsync", "-r", there, "here", cwd=tmp_path)
    assert done.returncode == 0, done
    assert (tmp_path / "here" / "b" / "c").read_text() == "yrsa.dahl@example.org\n" * 3000
    (tmp_path / "here" / "new").write_text("new\n")
    done = run(shell, "sam", "rsync", "-r", "here/", f"web@127.0.0.1:{shell.sshd.home}/out/tree", cwd=tmp_path)
    assert done.returncode == 0, done
    assert (shell.sshd.home / "out" / "tree" / "new").read_text() == "new\n"
