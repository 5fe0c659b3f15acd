"""What has got round the gateway over SSH, or has stopped it, does not any more."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from harness.paths import portreeve

from .conftest import Shell

TABLE = Path(__file__).parents[3] / "crates" / "decide" / "src" / "shell" / "programs.txt"
KEY = b"the vault stands open"


def test_a_short_line_takes_neither_memory_nor_time(shell: Shell) -> None:
    doubled = 'A="$A$A"; ' * 40
    done = shell.run(f'A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; {doubled}echo "$A"')
    assert done.returncode == 126, done
    chain = "".join(f"A{n}=$A{n + 1};" for n in range(4000))
    began = time.monotonic()
    done = shell.run(f"{chain}A4000=9$(date);whoami")
    assert done.returncode == 126 and time.monotonic() - began < 10, done
    assert shell.run("echo still here").stdout == b"still here\n"


@pytest.mark.parametrize("opening", ["nice ", "! ", "time ", "env ", "( ", "sh -c ", "$("])
def test_what_stands_in_itself_does_not_stop_the_gateway(shell: Shell, opening: str) -> None:
    done = shell.run(opening * (16_000 // len(opening)) + "true")
    assert done.returncode == 126, done
    assert shell.run("echo still here").stdout == b"still here\n"


def test_loops_read_files(shell: Shell) -> None:
    shell.sshd.put("three.txt", "a\nb\nc\n")
    done = shell.run('while read -r line; do echo "is $line"; done < three.txt')
    assert done.stdout == b"is a\nis b\nis c\n", done
    assert shell.run('[ "$(uname)" = Linux ] && echo yes').stdout == b"yes\n"
    assert shell.run("export LC_ALL=C; date -Is").returncode == 0


def test_a_repository_is_opened_by_its_own_name(shell: Shell, tmp_path: Path) -> None:
    home = shell.sshd.home
    for name in ("vault/hidden.git", "repo.git"):
        subprocess.run(["git", "init", "-q", "--bare", str(home / name)], check=True)
    environment = shell.environment(shell.gateway.token("ada")) | {
        "GIT_SSH_COMMAND": " ".join(["ssh", *shell.options(), "-p", str(shell.gateway.port)]),
    }

    def listed(path: str) -> int:
        return subprocess.run(
            ["git", "ls-remote", f"web@127.0.0.1:{path}"],
            env=environment, capture_output=True, timeout=60,
        ).returncode  # fmt: skip

    assert listed(f"{home}/repo.git") == 0
    assert listed(f"{home}/repo") != 0, "`git` would try `repo.git`"


def test_a_path_in_the_place_of_a_service_is_code(shell: Shell) -> None:
    evil = shell.sshd.put("out/evil", "#!/bin/sh\ncat vault/key\n")
    evil.chmod(0o755)
    shell.sshd.put("vault/key", KEY + b"\n")
    done = shell.run(f"service ../..{shell.sshd.home}/out/evil status")
    assert done.returncode == 126 and KEY not in done.stdout + done.stderr, done
    evil.unlink()


@pytest.mark.parametrize(
    "command",
    [
        "cd d && du -ax {home}/vault",
        "tail +2c card.txt",
        "getent shadow",
        "ps axeww",
        "date 13990000",
        "cp card.txt out/c && truncate -s 15 out/c && cat out/c",
        "who {home}/vault/key",
    ],
)
def test_what_reads_or_cuts_without_a_right_is_refused(shell: Shell, command: str) -> None:
    shell.sshd.put("vault/key", KEY + b"\n")
    shell.sshd.put("card.txt", "4111111111111111\n")
    shell.sshd.put("d/here", "")
    done = shell.run(command.format(home=shell.sshd.home))
    assert done.returncode == 126 and b"hint" in done.stderr, done


def test_numbers_of_lines_and_signs_hide_no_value(shell: Shell) -> None:
    values = ["4111111111111111", "DE89370400440532013000", "536-22-1874", "203.0.113.7"]
    shell.sshd.put("two.txt", "".join(f"{value}\n" for value in values))
    shell.sshd.put("empty", "")
    for command in ["grep -n '' two.txt", "grep -Hn '' two.txt", "cat two.txt | grep -n ''", "diff -u empty two.txt"]:
        direct, done = shell.sshd.direct(command), shell.run(command)
        assert all(value.encode() in direct.stdout for value in values), direct
        assert done.returncode == direct.returncode, done
        assert not any(value.encode() in done.stdout for value in values), (command, done)
        assert done.stdout.count(b"\n") == direct.stdout.count(b"\n"), done


def test_what_is_glued_on_in_a_file_or_by_the_client_hides_no_card(
    shell: Shell, tmp_path: Path
) -> None:
    shell.sshd.put("card.txt", "4111111111111111\n")
    done = shell.run("cat - card.txt", stdin=b"9")
    assert b"4111" not in done.stdout, done
    assert shell.run("printf 9 >out/n").returncode == 0
    assert shell.run("cat card.txt >>out/n").returncode == 0
    assert b"4111" not in shell.run("cat out/n").stdout
    got = subprocess.run(
        ["scp", *shell.options(), "-P", str(shell.gateway.port), "web@127.0.0.1:out/n", str(tmp_path / "n")],
        capture_output=True,
        env=shell.environment(),
        timeout=60,
    )
    assert got.returncode == 0, got
    assert "4111" not in (tmp_path / "n").read_text()
    (shell.sshd.home / "out" / "n").unlink()


def test_connect_logs_in(shell: Shell) -> None:
    """Its client takes the token by the name under which it was given."""
    done = subprocess.run(
        [str(portreeve()), "connect", "web"],
        input=b"echo in\n",
        capture_output=True,
        env=dict(shell.gateway.environment) | {"PORTREEVE_TOKEN": shell.token},
        cwd=shell.gateway.directory,
        timeout=60,
    )
    assert done.stdout == b"in\n", done


def rows() -> list[tuple[str, dict[str, bool], dict[str, bool]]]:
    """Of each program: letters and words, and whether they take an argument."""
    found = []
    for line in TABLE.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        names, _, options, *_ = [column.split() for column in f"{line} | | ".split("|")]
        letters, longs = {}, {}
        for option in options:
            name, takes = re.fullmatch(r"(--?[^:^]+)(?:[:^](.*))?", option.rstrip("!")).groups()  # type: ignore[union-attr]
            takes_one = ":" in option and takes not in ("none", "open")
            if name.startswith("--"):
                longs[name] = takes_one
            else:
                letters |= dict.fromkeys(name[1:-1], False) | {name[-1]: takes_one}
        found.extend((name, letters, longs) for name in names)
    return found


# Those whose `--help` is not that of their options.
OTHERWISE = {"[", "test", "echo", "printf", "ls", "dir", "lastlog", "usermod", "groupadd", "passwd", "pkill", "killall"}


@pytest.mark.parametrize(("name", "letters", "longs"), [pytest.param(*row, id=row[0]) for row in rows()])
def test_options_that_take_nothing_swallow_no_file(
    name: str, letters: dict[str, bool], longs: dict[str, bool]
) -> None:
    """An option of which the table says that it takes the next word, and the program does not,
    hides the file that the program reads."""
    if name in OTHERWISE or not shutil.which(name):
        pytest.skip("it is not here, or tells otherwise")
    done = subprocess.run(
        [name, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20
    )
    wrong = []
    option = r"^\s{1,8}(-\w)?,?\s*(--[\w-]+)?(\[?[= ]?<?\[?[A-Z=][A-Za-z_.,=+\[\]]*>?)?(?=\s{2}|\n|$)"
    for letter, word, argument in re.findall(option, done.stdout + done.stderr, re.M):
        if not argument and letter and letters.get(letter[1]):
            wrong.append(letter)
        if not argument and word and longs.get(word):
            wrong.append(word)
    assert not wrong, wrong
