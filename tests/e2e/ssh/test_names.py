"""A rule about a file or a machine that nothing is ever called by is found before anything starts."""

from pathlib import Path

import pytest

from .conftest import Shell

CONFIG = """\
issuers: [ {{ local: {{}} }} ]
resources:
  web:
    ssh: {{ host: 127.0.0.1, port: 1, user: u, host_key: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", password: {{ file: "{directory}/p" }} }}
policies: [ "{directory}/ssh.cedar" ]
"""


def check(shell: Shell, directory: Path, file: str, machine: str) -> tuple[int, str]:
    (directory / "p").write_text("a password")
    rule = f'@id("x") forbid(principal, action, resource in File::"web/{machine}.\\"{file}\\"");'
    (directory / "ssh.cedar").write_text(rule)
    config = directory / "portreeve.yaml"
    config.write_text(CONFIG.format(directory=directory))
    done = shell.gateway.try_run("check", "--config", str(config))
    return done.returncode, done.stdout + done.stderr


def test_a_folder_by_its_path_is_good(shell: Shell, tmp_path: Path) -> None:
    assert check(shell, tmp_path, "/srv/keys", "web")[0] == 0


@pytest.mark.parametrize(
    ("file", "machine", "words"),
    [
        ("/srv/keys/", "web", "the file is `/srv/keys`"),
        ("/srv//keys", "web", "the file is `/srv/keys`"),
        ("/srv/./keys", "web", "the file is `/srv/keys`"),
        ("/srv/../keys", "web", "can lead anywhere"),
        ("srv/keys", "web", "a file is its whole path"),
        ("~/keys", "web", "a file is its whole path"),
        ("/srv/*", "web", "a folder stands for all in it"),
        ("/srv/keys", "wbe", "the machine is `web`"),
        ("/srv/keys", '\\"127.0.0.1\\"', "the machine is `web`"),
    ],
)
def test_a_rule_about_no_file_is_refused(shell: Shell, tmp_path: Path, file: str, machine: str, words: str) -> None:
    code, said = check(shell, tmp_path, file, machine)
    assert code == 1 and words in said, said
