"""Commands run as they would without a gateway, personal data is masked, and what is refused says why."""

import asyncio
import subprocess
from pathlib import Path

import asyncssh
from harness.gateway import Gateway
from harness.waiting import free_port, until
from harness.world import World

from .conftest import ACCOUNTS, CONFIG, Shell

PEOPLE = "id,name,email\n1,Yrsa Dahl,yrsa.dahl@example.org\n2,Ben Okoye,ben.okoye@example.net\n"


def test_output_is_that_of_the_machine_and_personal_data_is_masked(shell: Shell) -> None:
    shell.sshd.put("people.csv", PEOPLE)
    direct = shell.sshd.direct("cat people.csv")
    assert direct.stdout == PEOPLE.encode()
    done = shell.run("cat people.csv")
    assert done.returncode == 0, done
    assert b"example.org" not in done.stdout and b"example.net" not in done.stdout
    assert b"[email]" in done.stdout and done.stdout.count(b"\n") == 3
    absolute = shell.run(f"cat {shell.sshd.home}/people.csv")
    assert absolute.stdout == done.stdout


def test_plain_output_is_byte_for_byte_the_same(shell: Shell) -> None:
    lines = "".join(f"line {n} of a log that holds nobody's data\n" for n in range(900))
    shell.sshd.put("plain.log", lines)
    shell.sshd.put("logs/plain.log", lines)
    for command in [
        "cat plain.log",
        "head -n 3 plain.log; tail -n 2 plain.log | sort -r",
        "wc -l plain.log && echo done || echo failed",
        "grep -c 'line 7' plain.log",
        "ls",
        "for n in 1 2 3; do echo \"n $n\"; done",
        "sh -c 'echo a; echo b >&2'",
        "cd out && pwd",
        "find logs -name 'plain*' -exec wc -l {} +",
    ]:
        direct, done = shell.sshd.direct(command), shell.run(command)
        got = (done.returncode, done.stdout, done.stderr)
        assert got == (direct.returncode, direct.stdout, direct.stderr), command


def test_status_signal_and_errors_pass(shell: Shell) -> None:
    done = shell.run("cat nothing-here")
    assert done.returncode == 1 and b"No such file" in done.stderr and done.stdout == b""
    assert shell.run("test -f nothing-here").returncode == 1
    assert shell.run("false").returncode == 1
    assert shell.run("true").returncode == 0


def test_who_has_closed_its_side_hears_how_a_command_ended(shell: Shell, tmp_path: Path) -> None:
    """OpenSSH ends a channel when both sides have closed theirs: what comes later it does not hear."""
    socket = tmp_path / "socket"
    shared = subprocess.Popen(
        [*shell.client("-M", "-N", "-S", str(socket))],
        stdin=subprocess.DEVNULL,
        env=shell.environment(),
    )
    try:
        until("the connection is open", socket.exists, 30)
        for _ in range(8):
            for command, status in [("true", 0), ("exit 3", 3)]:
                done = shell.run(command, "-S", str(socket))
                assert done.returncode == status, done
    finally:
        shared.terminate()
        shared.wait(30)


def test_a_command_that_closes_what_it_writes_still_gets_input(
    world: World, shell: Shell, tmp_path: Path
) -> None:
    """OpenSSH's server keeps its side open as long as a command reads; others do not."""

    async def command(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"here\n")
        process.stdout.write_eof()
        process.exit(4 if await process.stdin.read() == b"later\n" else 5)

    machine, port = shell.sshd.directory, free_port()
    (tmp_path / "ssh.cedar").write_text('@id("all") permit(principal, action, resource);')
    config = CONFIG.format(
        port=port, host_key=shell.sshd.host_key, user="somebody", home="/", key=shell.sshd.key,
        directory=tmp_path,
    )  # fmt: skip
    gateway = Gateway(tmp_path, config, ACCOUNTS)
    world.gateways.append(gateway)
    gateway.start()
    token = gateway.token("ada")

    async def talk() -> None:
        served = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[str(machine / "host_key")],
            authorized_client_keys=str(machine / "authorized_keys"),
            process_factory=command,
            encoding=None,
        )
        async with (
            served,
            asyncssh.connect(
                "127.0.0.1", gateway.port, username="web", password=token, known_hosts=None
            ) as line,
        ):
            process = await line.create_process("anything", encoding=None)
            assert await asyncio.wait_for(process.stdout.read(), 30) == b"here\n"
            process.stdin.write(b"later\n")
            process.stdin.write_eof()
            await asyncio.wait_for(process.wait(), 30)
            assert process.exit_status == 4

    try:
        asyncio.run(talk())
    finally:
        gateway.stop()


def test_error_output_is_masked_too(shell: Shell) -> None:
    name = "yrsa.dahl@example.org"
    done = shell.run(f"cat {name}")
    assert done.returncode == 1
    assert name.encode() not in done.stderr and b"[email]" in done.stderr


def test_input_reaches_the_command_and_its_end_does_too(shell: Shell) -> None:
    text = b"a line\n" * 50_000
    done = shell.run("cat > out/taken; wc -c < out/taken", stdin=text)
    assert (done.returncode, done.stdout.strip()) == (0, str(len(text)).encode()), done.stderr
    assert (shell.sshd.home / "out" / "taken").read_bytes() == text
    done = shell.run("wc -l", stdin=b"1\n2\n3\n")
    assert done.stdout == b"3\n"


def test_much_goes_both_ways_at_once(shell: Shell) -> None:
    line = b"the quick brown fox jumps over the lazy dog\n"
    text = line * 100_000
    done = shell.run("cat", stdin=text, token=shell.gateway.token("bob"), seconds=120)
    assert done.returncode == 0 and done.stdout == text


def test_a_refusal_says_which_rule_which_request_and_what_next(shell: Shell) -> None:
    shell.sshd.put("vault/key", "secret\n")
    done = shell.run("cat vault/key")
    assert done.returncode == 126 and done.stdout == b""
    text = done.stderr.decode()
    for part in ["refused", "rule: secret", "request: ", "hint: ask the owners of the vault"]:
        assert part in text, text
    for command in ["grep -r secret .", "cat vault/*", "cat ./*/key", "rm -r vault", "cp -r . out/all"]:
        done = shell.run(command)
        assert done.returncode == 126 and b"secret\n" not in done.stdout, command
    assert (shell.sshd.home / "vault" / "key").exists()


def test_what_is_not_allowed_does_not_happen(shell: Shell) -> None:
    for command in ["touch elsewhere", "echo x > elsewhere", "rm people.csv", "python3 -c 'open(\"elsewhere\", \"w\")'"]:
        done = shell.run(command)
        assert done.returncode == 126, (command, done)
        assert not (shell.sshd.home / "elsewhere").exists()


def test_what_is_not_understood_is_refused_and_told_apart(shell: Shell) -> None:
    done = shell.run("cat ${x:0:3}")
    assert done.returncode == 126
    assert b"not understood" in done.stderr and b"${NAME}" in done.stderr
    done = shell.run("base64 people.csv")
    assert done.returncode == 126 and b"opaque" in done.stderr


def test_what_policy_reveals_as_opaque_passes(shell: Shell) -> None:
    import base64

    shell.sshd.put("packed", PEOPLE)
    done = shell.run("base64 -w 0 packed", token=shell.gateway.token("tina"))
    assert (done.returncode, done.stderr) == (0, b"")
    # Detectors find some encodings of what they look for; who reveals it knows that.
    assert done.stdout == base64.b64encode(PEOPLE.encode()) or b"[" in done.stdout


def test_binary_output_is_withheld(shell: Shell) -> None:
    shell.sshd.put("image", bytes(range(256)) * 10)
    done = shell.run("cat image")
    assert done.returncode == 126 and done.stdout == b""
    assert b"withheld" in done.stderr and b"opaque" in done.stderr
    done = shell.run("cat image", token=shell.gateway.token("ada"))
    assert done.returncode == 126, "a reveal is for what is known to be opaque"


def test_escape_sequences_do_not_hide_values(shell: Shell) -> None:
    shell.sshd.put("coloured", "call yrsa.\x1b[1;31mdahl@exa\x1b[0mmple.org now\n")
    done = shell.run("cat coloured")
    assert (done.returncode, done.stdout) == (0, b"call [email] now\n")
    done = shell.run("grep --color=always dahl people.csv")
    assert done.returncode == 0 and b"example.org" not in done.stdout and b"\x1b" not in done.stdout


def test_a_review_holds_a_command_until_somebody_answers(shell: Shell) -> None:
    shell.sshd.put("payouts", "100\n")
    command = [*shell.client(), "cat payouts"]
    waiting = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.environment()
    )
    assert waiting.stderr
    told = waiting.stderr.readline().decode() + waiting.stderr.readline().decode()
    review = told.split("`")[1]
    assert "held for review" in told and f"portreeve reviews approve {review}" in told
    shell.gateway.run("reviews", "approve", review, token=shell.gateway.token("dana"))
    out, _ = waiting.communicate(timeout=30)
    assert (waiting.returncode, out) == (0, b"100\n")


def test_who_does_not_want_to_wait_asks_again(shell: Shell) -> None:
    shell.sshd.put("payouts", "100\n")
    done = shell.run("cat payouts", resource="web,review=refuse")
    assert done.returncode == 77
    review = done.stderr.decode().split("review: ")[1].split()[0]
    shell.gateway.run("reviews", "approve", review, token=shell.gateway.token("dana"))
    done = shell.run("cat payouts", resource="web,review=refuse")
    assert (done.returncode, done.stdout) == (0, b"100\n")
    assert shell.run("cat payouts", resource="web,review=refuse").returncode == 77


def test_a_threshold_on_lines_holds(shell: Shell) -> None:
    shell.sshd.put("long.log", "a line of a log\n" * 5000)
    done = shell.run("cat long.log")
    assert done.returncode == 126 and b"rule: many" in done.stderr and done.stdout == b""
    done = shell.run("cat long.log", token=shell.gateway.token("bob"))
    assert done.returncode == 0 and done.stdout.count(b"\n") == 5000


def test_who_has_a_threshold_sees_what_grows_and_not_more_than_it_lets(shell: Shell) -> None:
    log = shell.sshd.put("slow.log", "first line\n")
    follow = subprocess.Popen(
        [*shell.client(), "tail -n 5 -f slow.log"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=shell.environment(),
    )
    assert follow.stdout and follow.stderr
    assert follow.stdout.readline() == b"first line\n"
    with log.open("a") as more:
        more.write("a line of a log\n" * 2000)
    rest = follow.stdout.read()
    assert follow.wait(30) == 126 and b"rule: many" in follow.stderr.read()
    assert rest.count(b"\n") <= 1000


def test_scripts_that_come_to_a_shell_are_decided_as_a_whole(shell: Shell) -> None:
    shell.sshd.put("people.csv", PEOPLE)
    script = b"for n in 1 2; do\n  echo \"n $n\"\ndone\ngrep -c Yrsa people.csv\nexit 3\n"
    for options, command in [(("-T",), []), ((), ["bash", "-s"]), ((), ["sh"])]:
        done = subprocess.run(
            [*shell.client(*options), *command],
            input=script,
            capture_output=True,
            timeout=60,
            env=shell.environment(),
        )
        assert (done.returncode, done.stdout) == (3, b"n 1\nn 2\n1\n"), (command, done)
    # Nothing of it runs where one line of it may not.
    done = subprocess.run(
        [*shell.client(), "bash"],
        input=b"touch out/begun\ncat vault/key\n",
        capture_output=True,
        timeout=60,
        env=shell.environment(),
    )
    assert done.returncode == 126 and b"rule: secret" in done.stderr
    assert not (shell.sshd.home / "out" / "begun").exists()


def test_what_was_approved_gets_no_input(shell: Shell) -> None:
    shell.sshd.put("payouts", "100\n")
    command = "cat payouts -"
    done = shell.run(command, resource="web,review=refuse", stdin=b"unseen\n")
    review = done.stderr.decode().split("review: ")[1].split()[0]
    shell.gateway.run("reviews", "approve", review, token=shell.gateway.token("dana"))
    done = shell.run(command, resource="web,review=refuse", stdin=b"unseen\n")
    assert (done.returncode, done.stdout) == (0, b"100\n")


def test_lines_come_as_they_are_written(shell: Shell) -> None:
    log = shell.sshd.put("growing.log", "first line\n")
    follow = subprocess.Popen(
        [*shell.client(), "tail -n 5 -f growing.log"],
        stdout=subprocess.PIPE,
        # Whoever has no threshold before them.
        env=shell.environment(shell.gateway.token("bob")),
    )
    assert follow.stdout
    try:
        assert follow.stdout.readline() == b"first line\n"
        with log.open("a") as more:
            more.write("write to yrsa.dahl@example.org\n")
        assert follow.stdout.readline() == b"write to [email]\n"
    finally:
        follow.terminate()
        follow.wait(30)


def test_another_machine_behind_the_address_is_refused(shell: Shell) -> None:
    done = shell.run("true", resource="stranger")
    assert done.returncode == 255 and b"cannot be reached" in done.stderr
    assert "another key" in shell.gateway.log()


def test_the_name_may_stand_before_the_resource_and_bad_tokens_do_not_enter(shell: Shell) -> None:
    assert shell.run("true", resource="alice#web").returncode == 0
    done = shell.run("true", token="nonsense")
    assert done.returncode == 255 and b"denied" in done.stderr.lower()
    done = shell.run("true", resource="nowhere")
    assert done.returncode == 255 and b"no resource `nowhere`" in done.stderr


def test_the_environment_cannot_tell_the_machine_how_to_work(shell: Shell) -> None:
    anna = shell.environment(shell.gateway.token("anna"))
    environment = anna | {"EVIL": "x", "LC_ALL": "C", "LC_EVIL": "a;b"}
    done = subprocess.run(
        [*shell.client("-o", "SendEnv=EVIL LC_*"), "env"],
        capture_output=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0 and b"LC_ALL=C\n" in done.stdout
    assert b"EVIL" not in done.stdout


def test_commands_and_what_they_showed_are_on_record(shell: Shell) -> None:
    shell.sshd.put("seen.txt", "of yrsa.dahl@example.org\n")
    assert shell.run("cat seen.txt").stdout == b"of [email]\n"
    found = shell.gateway.json("sessions", "ls", "--limit", "1000")
    assert isinstance(found, dict)
    session = max(
        (one for one in found["sessions"] if one["resource"] == "web"), key=lambda one: one["id"]
    )
    shown = shell.gateway.run("sessions", "replay", session["id"])
    assert "cat seen.txt" in shown and "of [email]" in shown and "example.org" not in shown
    # With its programs and files, and how it ended.
    assert f"read web.cat, read web.{shell.sshd.home}/seen.txt" in shown and "exit 0" in shown, shown
