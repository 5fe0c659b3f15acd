"""Whatever is no command and no file is closed, cleanly, and on record."""

import os
import signal
import socket
import subprocess
import threading

import pytest

from .conftest import Shell


def last_session(shell: Shell) -> str:
    found = shell.gateway.json("sessions", "ls", "--limit", "1000")
    assert isinstance(found, dict)
    return max(one["id"] for one in found["sessions"] if one["resource"] == "web")


@pytest.mark.parametrize(
    "options", [["-W", "127.0.0.1:22"], ["-s"], ["-T", "-o", "RemoteCommand=none", "-N", "-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes"]]
)
def test_forwarding_and_subsystems_are_refused(shell: Shell, options: list[str]) -> None:
    command = [*shell.client(*options)]
    if options == ["-s"]:
        command.append("netconf")
    done = subprocess.run(command, capture_output=True, timeout=60, env=shell.environment())
    assert done.returncode != 0 and done.stdout == b""
    assert shell.run("true").returncode == 0


def test_local_forwarding_opens_nothing_and_is_on_record(shell: Shell) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = subprocess.Popen(
        [*shell.client("-L", f"127.0.0.1:{port}:127.0.0.1:{shell.sshd.port}"), "cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # Whoever has no threshold before them sees a line when it is written.
        env=shell.environment(shell.gateway.token("bob")),
    )  # fmt: skip
    assert client.stdin and client.stdout
    try:
        client.stdin.write(b"ready\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"ready\n"
        with socket.create_connection(("127.0.0.1", port), timeout=10) as through:
            assert through.recv(100) == b"", "nothing is behind it"
    finally:
        client.stdin.close()
        client.wait(30)
    shown = shell.gateway.run("sessions", "replay", last_session(shell))
    assert "direct-tcpip" in shown and "refused" in shown


def test_agents_are_not_forwarded(shell: Shell) -> None:
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True)
    pairs = dict(part.split("=", 1) for part in agent.stdout.replace(";", "\n").split("\n") if "=" in part)
    try:
        done = subprocess.run(
            [*shell.client("-A"), "env"],
            capture_output=True,
            timeout=60,
            env=shell.environment(shell.gateway.token("anna")) | {"SSH_AUTH_SOCK": pairs["SSH_AUTH_SOCK"]},
        )
        assert done.returncode == 0 and b"SSH_AUTH_SOCK" not in done.stdout
    finally:
        os.kill(int(pairs["SSH_AGENT_PID"]), signal.SIGTERM)


def test_old_algorithms_are_not_offered(shell: Shell) -> None:
    for options in [
        ["KexAlgorithms=diffie-hellman-group1-sha1"],
        ["Ciphers=3des-cbc"],
        ["Ciphers=aes256-ctr", "MACs=hmac-md5"],
        ["HostKeyAlgorithms=ssh-rsa"],
    ]:
        done = shell.run("true", *(part for option in options for part in ("-o", option)))
        assert done.returncode == 255 and b"no matching" in done.stderr, (options, done)


def test_channels_have_a_limit_and_others_go_on(shell: Shell) -> None:
    import paramiko

    transport = paramiko.Transport(("127.0.0.1", shell.gateway.port))
    transport.connect(username="web", password=shell.token)
    try:
        channels = []
        with pytest.raises(paramiko.ChannelException):
            for _ in range(50):
                channels.append(transport.open_session(timeout=20))
        assert 1 <= len(channels) <= 10
        channels[0].exec_command("echo still here")
        assert channels[0].makefile("rb").read() == b"still here\n"
        for channel in channels:
            channel.close()
        for _ in range(30):
            again = transport.open_session(timeout=20)
            again.exec_command("true")
            assert again.recv_exit_status() == 0
            again.close()
    finally:
        transport.close()


def rss_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_a_client_that_never_reads_takes_no_memory(shell: Shell) -> None:
    import paramiko

    line = "the quick brown fox jumps over the lazy dog, and again over the very same dog\n"
    shell.sshd.put("huge.log", line * 800_000)
    token = shell.gateway.token("bob")
    before = rss_kib(shell.gateway.pid)
    transports = []
    try:
        for _ in range(4):
            transport = paramiko.Transport(("127.0.0.1", shell.gateway.port), default_window_size=65536)
            transport.connect(username="web", password=token)
            transports.append(transport)
            channel = transport.open_session(window_size=65536)
            channel.exec_command("cat huge.log")
            # The first of it has come; nothing is read of the rest.
            channel.recv(1)
        assert shell.run("echo others").stdout == b"others\n"
        assert rss_kib(shell.gateway.pid) - before < 120 * 1024
    finally:
        for transport in transports:
            transport.close()


def test_input_that_nobody_reads_takes_no_memory(shell: Shell) -> None:
    before = rss_kib(shell.gateway.pid)
    client = subprocess.Popen(
        [*shell.client(), "sleep 600"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=shell.environment(),
    )  # fmt: skip
    assert client.stdin
    stdin = client.stdin

    def write() -> None:
        try:
            for _ in range(1000):
                stdin.write(b"x" * 100_000)
        except (BrokenPipeError, ValueError):
            pass

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert shell.run("echo others").stdout == b"others\n"
        writer.join(3)
        assert rss_kib(shell.gateway.pid) - before < 60 * 1024
    finally:
        client.kill()
        client.wait(30)
        writer.join(30)


def test_noise_before_the_login_ends_the_connection(shell: Shell) -> None:
    for noise in [b"GET / HTTP/1.1\r\n\r\n", b"SSH-1.5-old\r\n", b"\x00" * 1000, b"SSH-2.0-x\r\n" + b"\xff" * 4096]:
        with socket.create_connection(("127.0.0.1", shell.gateway.port), timeout=20) as connection:
            connection.sendall(noise)
            connection.settimeout(20)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert shell.run("true").returncode == 0
