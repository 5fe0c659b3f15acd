"""What a client got is in the recordings, whenever the gateway loses its power."""

import json
import subprocess
import threading
from pathlib import Path

from harness.gateway import Gateway
from harness.waiting import until
from harness.world import World

from .conftest import ACCOUNTS, CONFIG, POLICY, Shell

CLIENTS = 6


def test_every_byte_that_a_client_got_is_recorded(
    world: World, shell: Shell, tmp_path: Path
) -> None:
    sshd = shell.sshd
    lines = "".join(f"line {n} of a log in which nobody stands\n" for n in range(20_000))
    sshd.put("much.log", lines)
    (tmp_path / "ssh.cedar").write_text(POLICY.format(home=sshd.home, user=sshd.user, sockets=tmp_path))
    config = CONFIG.format(
        port=sshd.port, host_key=sshd.host_key, user=sshd.user, home=sshd.home, key=sshd.key,
        directory=tmp_path,
    )  # fmt: skip
    gateway = Gateway(tmp_path, config, ACCOUNTS)
    world.gateways.append(gateway)
    other = Shell(sshd, gateway, "", tmp_path)
    gateway.start()
    token = gateway.token("bob")
    got = [bytearray() for _ in range(CLIENTS)]

    def read(number: int) -> None:
        command = f"echo client {number} begins; while cat much.log; do true; done"
        client = subprocess.Popen(
            [*other.client(), command],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=other.environment(token),
        )
        assert client.stdout
        while data := client.stdout.read1(65536):  # type: ignore[attr-defined]
            got[number] += data
        client.wait(30)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(CLIENTS)]
    for reader in readers:
        reader.start()
    until("everybody reads", lambda: all(len(one) > 200_000 for one in got), 60)
    gateway.kill()
    for reader in readers:
        reader.join(30)

    # It starts again, and says itself what its log holds.
    gateway.start()
    assert gateway.stop() == 0
    recorded: dict[str, str] = {}
    for line in gateway.run("sessions", "export", "--resource", "web", "--as", "jsonl").splitlines():
        one = json.loads(line)
        if one["event"] == "copy" and one["direction"] == "to-client":
            recorded[one["session"]] = recorded.get(one["session"], "") + one["data"]
    for number, seen in enumerate(got):
        begins = f"client {number} begins\n"
        kept = next(text for text in recorded.values() if text.startswith(begins))
        assert kept.startswith(seen.decode()), (number, len(seen), len(kept))
    assert gateway.try_run("verify", str(gateway.data_dir / "evidence")).returncode == 0
