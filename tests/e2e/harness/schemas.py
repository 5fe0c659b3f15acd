"""What the formats of exported events allow: OCSF, the Elastic Common Schema, CEF.

OCSF 1.8 comes with `ocsf-json-schema` (MIT; the schema itself Apache-2.0), the Elastic Common
Schema with `@elastic/ecs` (Apache-2.0).
"""

import functools
import ipaddress
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from .paths import NODE_MODULES, node

Event = dict[str, Any]


def events(path: Path) -> list[Event]:
    """The whole lines of a file that an export still writes to."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


@functools.cache
def _ocsf() -> OcsfJsonSchemaEmbedded:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))


@functools.cache
def _validator(uid: int, profiles: tuple[str, ...]) -> Draft202012Validator:
    name = _ocsf().lookup_class_name_from_uid(uid)
    schema = _ocsf().get_class_schema(name, list(profiles))
    return Draft202012Validator(schema)


def ocsf_problems(event: Event) -> set[str]:
    """By the JSON schema of its class and profiles, and by what that does not say."""
    uid = event["class_uid"]
    profiles = tuple(sorted(event["metadata"].get("profiles", ())))
    errors = _validator(uid, profiles).iter_errors(event)
    problems = {f"{uid} {error.json_path}: {error.message}" for error in errors}
    if event["type_uid"] != uid * 100 + event["activity_id"]:
        problems.add(f"{uid} $.type_uid: {event['type_uid']}")
    classes = _ocsf().schema.schema["classes"]
    shape = classes[_ocsf().lookup_class_name_from_uid(uid)]
    return problems | {f"{uid} {problem}" for problem in _siblings(event, shape, "$")}


def _siblings(value: Event, shape: Event, path: str) -> Iterator[str]:
    """The word beside a number is that of the schema, and there is one where it is `Other`."""
    for name, member in value.items():
        attribute = shape["attributes"].get(name)
        if not attribute:
            continue
        if enum := attribute.get("enum"):
            sibling = attribute.get("sibling")
            word, caption = value.get(sibling), enum.get(str(member), {}).get("caption")
            if member == 99 and sibling and not word:
                yield f"{path}.{name} is Other, and `{sibling}` does not say what"
            elif member != 99 and word is not None and word != caption:
                yield f"{path}.{sibling} is `{word}`, and `{caption}` in the schema"
        if attribute.get("@deprecated"):
            yield f"{path}.{name} is deprecated"
        below = _ocsf().schema.schema["objects"].get(attribute.get("object_type") or "")
        for one in member if isinstance(member, list) else [member]:
            if below and isinstance(one, dict):
                yield from _siblings(one, below, f"{path}.{name}")


@functools.cache
def ecs_fields() -> dict[str, Event]:
    """Every field of the Elastic Common Schema by its whole name."""
    script = "console.log(JSON.stringify(require(process.argv[1]).EcsFlat))"
    command = [node(), "-e", script, str(NODE_MODULES / "@elastic" / "ecs")]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    found: dict[str, Event] = json.loads(done.stdout)
    return found


def _is_ip(value: object) -> bool:
    try:
        return bool(ipaddress.ip_address(str(value)))
    except ValueError:
        return False


def _is_date(value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


ECS_TYPES = {
    "keyword": lambda value: isinstance(value, str),
    "constant_keyword": lambda value: isinstance(value, str),
    "wildcard": lambda value: isinstance(value, str),
    "match_only_text": lambda value: isinstance(value, str),
    "long": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "ip": _is_ip,
    "date": _is_date,
}


def _leaves(value: Event, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        below = f"{path}.{name}" if path else name
        if isinstance(member, dict):
            yield from _leaves(member, below)
        else:
            yield below, member


def ecs_problems(event: Event) -> set[str]:
    """Names, types, allowed words. `portreeve` is a field set of our own."""
    problems = set()
    fields = ecs_fields()
    for name in ("@timestamp", "ecs.version"):
        if name not in dict(_leaves(event)):
            problems.add(f"{name} is missing")
    for name, value in _leaves({k: v for k, v in event.items() if k != "portreeve"}):
        field = fields.get(name)
        if field is None:
            problems.add(f"{name} is no field")
            continue
        many = "array" in field.get("normalize", ())
        if isinstance(value, list) != many:
            problems.add(f"{name} is {'an array' if many else 'one value'}: {value!r}")
        allowed = {one["name"] for one in field.get("allowed_values", ())}
        for one in value if isinstance(value, list) else [value]:
            if not ECS_TYPES[field["type"]](one):
                problems.add(f"{name} is of type {field['type']}: {one!r}")
            if allowed and one not in allowed:
                problems.add(f"{name} is none of {sorted(allowed)}: {one!r}")
    return problems


def ecs_unexpected(event: Event) -> set[str]:
    """Types that the schema does not expect in a category."""
    found = set()
    for category in ecs_fields()["event.category"]["allowed_values"]:
        if category["name"] in event["event"]["category"]:
            wrong = set(event["event"]["type"]) - set(category["expected_event_types"])
            found |= {f"{category['name']}: {kind}" for kind in wrong}
    return found


# ArcSight Common Event Format, implementation standard, version 26: the keys of its dictionary
# that are written, with their types and the most characters of a text.
CEF_KEYS: dict[str, int | str] = {
    "act": 63, "app": 31, "cn1": "long", "cn1Label": 1023, "cn2": "long", "cn2Label": 1023,
    "cnt": "integer", "cs1": 4000, "cs1Label": 1023, "cs2": 4000, "cs2Label": 1023, "cs3": 4000,
    "cs3Label": 1023, "cs4": 4000, "cs4Label": 1023, "dhost": 1023, "duser": 1023,
    "externalId": 40, "msg": 1023, "out": "integer", "outcome": 63, "reason": 1023,
    "request": 1023, "requestMethod": 1023, "rt": "time", "spt": "port", "src": "ipv4",
    "suser": 1023, "c6a2": "ipv6", "c6a2Label": 1023,
}  # fmt: skip

# A key, `=`, and a text in which `=`, `\`, and ends of lines are escaped.
_PAIR = re.compile(r"([A-Za-z0-9]+)=((?:[^=\\\r\n]|\\[=\\rn])*?)(?= [A-Za-z0-9]+=|$)")
_HEADER = re.compile(r"CEF:0((?:\|(?:[^|\\\r\n]|\\[|\\])*){6})\|(.*)", re.DOTALL)


def read_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """The six parts of the header after the version, and the extension; unescaped."""
    found = _HEADER.fullmatch(line)
    assert found, line
    parts = re.findall(r"\|((?:[^|\\]|\\.)*)", found[1])
    header = [re.sub(r"\\(.)", r"\1", part) for part in parts]
    extension, at = {}, 0
    while at < len(found[2]):
        pair = _PAIR.match(found[2], at)
        assert pair, f"not of CEF: {found[2][at:]!r}"
        assert pair[1] not in extension, f"{pair[1]} is there twice"
        plain = {"n": "\n", "r": "\r"}
        extension[pair[1]] = re.sub(r"\\(.)", lambda m: plain.get(m[1], m[1]), pair[2])
        at = pair.end() + 1
    return header, extension


def cef_problems(line: str) -> set[str]:
    header, extension = read_cef(line)
    problems = set()
    if not re.fullmatch(r"10|\d", header[5]):
        problems.add(f"severity is 0 to 10: {header[5]}")
    for key, value in extension.items():
        match CEF_KEYS.get(key):
            case None:
                problems.add(f"{key} is no key")
            case int(most):
                if len(value) > most:
                    problems.add(f"{key} has more than {most} characters")
            case "ipv4" | "ipv6" as kind:
                if not _is_ip(value) or f"ipv{ipaddress.ip_address(value).version}" != kind:
                    problems.add(f"{key} is of type {kind}: {value!r}")
            case "port" | "integer" | "long" | "time" as kind:
                most = {"port": 1 << 16, "integer": 1 << 31}.get(kind, 1 << 63)
                if not value.isdigit() or int(value) >= most:
                    problems.add(f"{key} is of type {kind}: {value!r}")
    return problems
