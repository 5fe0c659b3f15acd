"""A name that nothing is ever called by is a mistake that protects nothing: it is found before the
gateway starts, and a gateway does not start with it."""

import re
from pathlib import Path

import pytest

from .conftest import CONFIG, POLICY, Web

HOST = '\\"127.0.0.1\\"'


def check(web: Web, directory: Path, config: str, policy: str) -> tuple[int, str]:
    (directory / "token").write_text("x")
    (directory / "web.cedar").write_text(policy)
    text = config.format(service=1, directory=directory)
    text = text.replace("$data_dir", str(directory / "data"))
    file = directory / "portreeve.yaml"
    file.write_text(re.sub(r"\$\w+", "0", text))
    done = web.gateway.try_run("check", "--config", str(file))
    return done.returncode, done.stdout + done.stderr


def forbids(what: str) -> str:
    return f'{POLICY}\n@id("x") forbid(principal, action, resource == {what});\n'


def test_names_that_can_match_are_good(web: Web, tmp_path: Path) -> None:
    policy = forbids(f'Route::"crm/{HOST}.\\"/people/{{id}}\\""') + '\n@id("y") forbid(principal, action, resource == Resource::"crm");'
    code, said = check(web, tmp_path, CONFIG, policy)
    assert code == 0 and "note:" not in said, said


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ('*."/People".iban', "the route is `/people`"),
        ('*."people/{{id}}".iban', "begins with `/`"),
        ('*."/people/:id".iban', "the route is `/people/{id}`"),
        ('*."/people/42".iban', "the route is `/people/{id}`"),
        ('*."/people/".iban', "the route is `/people`"),
        ('*."/people.json".iban', "the route is `/people`"),
        ('*."/people?x=1".iban', "the route is `/{id}`"),
        ('"127.0.0.1:80".*.iban', "the host is `127.0.0.1`, without its port"),
    ],
)
def test_a_classification_of_nothing_is_refused(web: Web, tmp_path: Path, pattern: str, words: str) -> None:
    config = CONFIG.replace('      "*.*.email": email\n', f"      \"*.*.email\": email\n      '{pattern}': iban\n", 1)
    code, said = check(web, tmp_path, config, POLICY)
    assert code == 1 and words in said and "`resources.crm.classify`" in said, said
    started = web.gateway.try_run("gateway", "--config", str(tmp_path / "portreeve.yaml"))
    assert started.returncode != 0 and words in started.stdout + started.stderr


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (f'Route::"crm/{HOST}.\\"/Admin\\""', "the route is `/admin`"),
        (f'Route::"crm/{HOST}.\\"/people/42\\""', "the route is `/people/{id}`"),
        (f'Route::"crm/{HOST}.\\"people\\""', "begins with `/`"),
        (f'Field::"crm/{HOST}.\\"/People\\".email"', "the route is `/people`"),
        ('Site::"crm/\\"api.example.com\\""', "the host is `127.0.0.1`"),
        ('Table::"crm/public.people"', "a resource of `http` has no Table"),
    ],
)
def test_a_rule_about_nothing_is_refused(web: Web, tmp_path: Path, what: str, words: str) -> None:
    code, said = check(web, tmp_path, CONFIG, forbids(what))
    assert code == 1 and words in said, said


def test_what_is_not_configured_here_is_told(web: Web, tmp_path: Path) -> None:
    policy = POLICY + '\n@id("x") forbid(principal, action, resource in Category::"emial");\n@id("y") forbid(principal, action, resource in Resource::"crn");'
    code, said = check(web, tmp_path, CONFIG.replace("  email: partial", "  emial: partial"), policy)
    assert code == 0, said
    for words in ("the resource `crn`", "the category `emial`", "`masking.emial`"):
        assert words in said, said


@pytest.mark.parametrize("host", ["crm.internal", "CRM.internal", "crm"])
def test_one_host_means_one_resource(web: Web, tmp_path: Path, host: str) -> None:
    config = CONFIG.replace("      outgoing: mask", f"      outgoing: mask\n      serve_host: {host}")
    code, said = check(web, tmp_path, config, POLICY)
    assert code == 1 and f"both `{host.lower()}`" in said, said
