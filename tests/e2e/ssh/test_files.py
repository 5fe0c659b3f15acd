"""Files over SFTP and SCP: what is read is masked as a whole, what is written arrives as it is."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from .conftest import Done, Shell

PEOPLE = "id,name,email\n1,Yrsa Dahl,yrsa.dahl@example.org\n2,Ben Okoye,ben.okoye@example.net\n"


def sftp(shell: Shell, batch: str, token: str | None = None) -> Done:
    # A batch file forbids questions, the one for the token included, unless it is said before.
    options = [*shell.options(), "-o", "BatchMode=no", "-P", str(shell.gateway.port), "-b", "-"]
    return subprocess.run(
        ["sftp", *options, "web@127.0.0.1"],
        input=batch.encode(),
        capture_output=True,
        timeout=60,
        env=shell.environment(token),
    )


def scp(shell: Shell, *arguments: str) -> Done:
    return subprocess.run(
        ["scp", *shell.options(), "-P", str(shell.gateway.port), *arguments],
        capture_output=True,
        timeout=60,
        env=shell.environment(),
    )


def test_a_file_is_masked_on_its_way_and_keeps_its_form(shell: Shell, tmp_path: Path) -> None:
    shell.sshd.put("people.csv", PEOPLE)
    shell.sshd.put("people.json", '[{"email": "yrsa.dahl@example.org", "n": 7}]')
    shell.sshd.put("plain.txt", "nobody is in here\n" * 900)
    batch = "\n".join(f"get {name} {tmp_path}/{name}" for name in ["people.csv", "people.json", "plain.txt"])
    done = sftp(shell, batch)
    assert done.returncode == 0, done
    people = (tmp_path / "people.csv").read_text()
    assert people.startswith("id,name,email\n1,") and "example.org" not in people
    assert (tmp_path / "people.json").read_text() == '[{"email": "[email]", "n": 7}]'
    assert (tmp_path / "plain.txt").read_text() == "nobody is in here\n" * 900


def test_what_is_written_arrives_as_it_is(shell: Shell, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000
    (tmp_path / "image").write_bytes(content)
    done = sftp(shell, f"put {tmp_path}/image out/image\nmkdir out/sub\nrename out/image out/sub/image")
    assert done.returncode == 0, done
    assert (shell.sshd.home / "out" / "sub" / "image").read_bytes() == content
    assert sftp(shell, "rm out/sub/image\nrmdir out/sub").returncode == 0
    assert not (shell.sshd.home / "out" / "sub").exists()


def test_scp_copies_both_ways(shell: Shell, tmp_path: Path) -> None:
    shell.sshd.put("people.csv", PEOPLE)
    done = scp(shell, "web@127.0.0.1:people.csv", f"{tmp_path}/got.csv")
    assert done.returncode == 0, done
    assert "[email]" in (tmp_path / "got.csv").read_text()
    (tmp_path / "up.txt").write_text("to the machine\n")
    done = scp(shell, f"{tmp_path}/up.txt", "web@127.0.0.1:out/up.txt")
    assert done.returncode == 0, done
    assert (shell.sshd.home / "out" / "up.txt").read_text() == "to the machine\n"


def test_the_old_scp_is_refused_and_told_about_the_new_one(shell: Shell, tmp_path: Path) -> None:
    done = scp(shell, "-O", "web@127.0.0.1:people.csv", f"{tmp_path}/got.csv")
    assert done.returncode != 0 and b"SFTP" in done.stderr
    assert not (tmp_path / "got.csv").exists()


def test_policy_holds_for_files_by_whatever_name(shell: Shell, tmp_path: Path) -> None:
    shell.sshd.put("vault/key", "secret\n")
    link = shell.sshd.home / "innocent"
    if not link.exists():
        link.symlink_to("vault/key")
    for name in ["vault/key", "./vault/../vault/key", f"{shell.sshd.home}/vault/key", "innocent"]:
        done = sftp(shell, f"get {name} {tmp_path}/key")
        assert done.returncode != 0 and not (tmp_path / "key").exists(), name
        assert b"rule: secret" in done.stderr or b"denied" in done.stderr.lower(), done
    (tmp_path / "x").write_text("x")
    for command in [f"put {tmp_path}/x elsewhere", "rm people.csv", "mkdir elsewhere", "chmod 777 people.csv"]:
        done = sftp(shell, command)
        assert done.returncode != 0, command
    assert not (shell.sshd.home / "elsewhere").exists()


def test_what_is_no_text_is_withheld(shell: Shell, tmp_path: Path) -> None:
    shell.sshd.put("image", bytes(range(256)))
    done = sftp(shell, f"get image {tmp_path}/image")
    assert done.returncode != 0 and b"opaque" in done.stderr
    done = sftp(shell, f"get image {tmp_path}/image", token=shell.gateway.token("ada"))
    assert done.returncode == 0 and (tmp_path / "image").read_bytes() == bytes(range(256))


def test_folders_are_listed(shell: Shell) -> None:
    shell.sshd.put("list/one", "1")
    shell.sshd.put("list/mail to yrsa.dahl@example.org", "2")
    done = sftp(shell, "ls -1 list")
    assert done.returncode == 0 and b"one" in done.stdout and b"example.org" not in done.stdout


def test_paramiko_and_asyncssh_read_and_write(shell: Shell, tmp_path: Path) -> None:
    import asyncio

    import asyncssh
    import paramiko

    shell.sshd.put("people.csv", PEOPLE)
    transport = paramiko.Transport(("127.0.0.1", shell.gateway.port))
    transport.connect(username="web", password=shell.token)
    try:
        files = paramiko.SFTPClient.from_transport(transport)
        assert files
        files.get("people.csv", str(tmp_path / "got"))
        assert "[email]" in (tmp_path / "got").read_text()
        (tmp_path / "up").write_bytes(b"x" * 300_000)
        files.put(str(tmp_path / "up"), "out/paramiko")
        assert (shell.sshd.home / "out" / "paramiko").read_bytes() == b"x" * 300_000
        channel = transport.open_session()
        channel.exec_command("cat people.csv; exit 3")
        assert channel.recv_exit_status() == 3
        assert b"[email]" in channel.makefile("rb").read()
    finally:
        transport.close()

    async def with_asyncssh() -> None:
        async with asyncssh.connect(
            "127.0.0.1", shell.gateway.port, username="web", password=shell.token, known_hosts=None
        ) as connection:
            done = await connection.run("cat people.csv")
            assert done.exit_status == 0 and "[email]" in str(done.stdout)
            async with connection.start_sftp_client() as files:
                await files.get("people.csv", str(tmp_path / "again"))
                await files.put(str(tmp_path / "up"), "out/asyncssh")

    asyncio.run(with_asyncssh())
    assert "[email]" in (tmp_path / "again").read_text()
    assert (shell.sshd.home / "out" / "asyncssh").read_bytes() == b"x" * 300_000


def int64(number: int) -> "paramiko.sftp.int64":
    return paramiko.sftp.int64(number)


def opened(client: paramiko.SFTPClient, path: str, flags: int) -> paramiko.SFTPFile:
    """As its flags say, which are not those of `open`."""
    kind, message = client._request(paramiko.sftp.CMD_OPEN, path, flags, paramiko.SFTPAttributes())
    assert kind == paramiko.sftp.CMD_HANDLE
    return paramiko.SFTPFile(client, message.get_binary(), "wb")


@pytest.fixture
def client(shell: Shell) -> Iterator[paramiko.SFTPClient]:
    transport = paramiko.Transport(("127.0.0.1", shell.gateway.port))
    transport.connect(username="web,review=refuse", password=shell.token)
    client = paramiko.SFTPClient.from_transport(transport)
    assert client
    yield client
    transport.close()


def test_attributes_are_set_where_links_lead(shell: Shell, client: paramiko.SFTPClient) -> None:
    key = shell.sshd.put("vault/key", "secret\n")
    link = shell.sshd.home / "out" / "link"
    if not link.is_symlink():
        link.symlink_to("../vault/key")
    for change in (lambda: client.truncate("out/link", 0), lambda: client.utime("out/link", (1, 1))):
        with pytest.raises(OSError):
            change()
    assert key.read_text() == "secret\n" and key.stat().st_mtime > 1
    link.unlink()


def test_a_folder_does_not_carry_files_out_of_their_names(
    shell: Shell, client: paramiko.SFTPClient
) -> None:
    shell.sshd.put("out/sub/named", "named secret\n")
    with pytest.raises(OSError):
        client.rename("out/sub", "out/sub2")
    shell.sshd.put("out/other/file", "x")
    client.rename("out/other", "out/other2")
    (shell.sshd.home / "out" / "other2" / "file").unlink()
    (shell.sshd.home / "out" / "other2").rmdir()
    shutil.rmtree(shell.sshd.home / "out" / "sub")


def test_nothing_of_what_was_there_stays_beside_what_is_new(
    shell: Shell, client: paramiko.SFTPClient, tmp_path: Path
) -> None:
    """A part of a value is no value that anybody finds."""
    card = shell.sshd.put("out/card", "4111111111111111\n")
    write, create, truncate, exclude, append = 2, 8, 16, 32, 4
    for flags in (write, write | exclude, write | create):
        handle = opened(client, "out/card", flags)
        with pytest.raises(OSError):
            handle.sftp._request(paramiko.sftp.CMD_WRITE, handle.handle, int64(3), b"x")
        handle.close()
        assert card.read_text() == "4111111111111111\n", flags
    handle = opened(client, "out/card", write | create)
    handle.sftp._request(paramiko.sftp.CMD_WRITE, handle.handle, int64(0), b"x")
    handle.close()
    assert card.read_text() == "x"
    with client.open("out/card", "a") as file:
        file.write("y")
    assert card.read_text() == "xy"
    # `scp` writes over what is there.
    for text in ("a long text that is written first\n", "short\n"):
        (tmp_path / "up.txt").write_text(text)
        done = scp(shell, f"{tmp_path}/up.txt", "web@127.0.0.1:out/card")
        assert done.returncode == 0, done
        assert card.read_text() == text
    card.unlink()


def test_rights_of_what_was_there_are_its_owners(shell: Shell, client: paramiko.SFTPClient) -> None:
    there = shell.sshd.put("out/there", "x")
    there.chmod(0o600)
    with client.open("out/there", "w") as file, pytest.raises(OSError):
        file.chmod(0o777)
    assert there.stat().st_mode & 0o777 == 0o600
    with client.open("out/fresh", "w") as file:
        file.chmod(0o640)
    fresh = shell.sshd.home / "out" / "fresh"
    assert fresh.stat().st_mode & 0o777 == 0o640
    fresh.unlink()
    there.unlink()


def test_a_name_that_is_no_text_closes_no_folder(shell: Shell, client: paramiko.SFTPClient) -> None:
    folder = shell.sshd.home / "not-text"
    folder.mkdir()
    (folder / "plain").write_text("x")
    odd = os.fsencode(folder) + b"/\xff\xfe"
    with open(odd, "wb"):
        pass
    names = client.listdir("not-text")
    assert "plain" in names and len(names) == 2, names
    with pytest.raises(OSError):
        client._request(paramiko.sftp.CMD_STAT, b"not-text/\xff\xfe")
    assert client.listdir("not-text") == names
    os.unlink(odd)


def test_what_is_approved_of_a_move_is_that_move(shell: Shell, client: paramiko.SFTPClient) -> None:
    held = shell.sshd.put("out/held", "content\n")
    other = shell.sshd.put("out/taken", "other\n")
    with pytest.raises(OSError):
        client.rename("out/held", "out/taken")
    found = shell.gateway.json("reviews", "ls", token=shell.gateway.token("dana"))
    assert isinstance(found, dict)
    review = max(found["reviews"], key=lambda one: one["opened_at_us"])
    shell.gateway.run("reviews", "approve", review["id"], token=shell.gateway.token("dana"))
    with pytest.raises(OSError):
        client.posix_rename("out/held", "out/taken")
    assert held.read_text() == "content\n" and other.read_text() == "other\n"
    held.unlink()
    other.unlink()


def test_what_is_approved_is_what_is_set(shell: Shell, client: paramiko.SFTPClient) -> None:
    held = shell.sshd.put("out/held", "content\n")
    with pytest.raises(OSError):
        client.truncate("out/held", 0)
    found = shell.gateway.json("reviews", "ls", token=shell.gateway.token("dana"))
    assert isinstance(found, dict)
    review = max(found["reviews"], key=lambda one: one["opened_at_us"])
    asked = shell.gateway.run("reviews", "show", review["id"], token=shell.gateway.token("dana"))
    assert "out/held size=0" in asked, asked
    shell.gateway.run("reviews", "approve", review["id"], token=shell.gateway.token("dana"))
    with pytest.raises(OSError):
        client.utime("out/held", (1, 1))
    client.truncate("out/held", 0)
    assert held.read_text() == ""
    held.write_text("con")
    # What comes behind an opening has nobody seen.
    with pytest.raises(OSError):
        client.open("out/held", "w")
    assert held.read_text() == "con"
    held.unlink()
