"""P4: recordings go to other tools, as the client saw them and not otherwise."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from harness import evidence
from harness.gateway import Gateway
from harness.paths import portreeve
from harness.target import Target
from harness.wire import Wire, frame, text
from harness.world import World

pytestmark = pytest.mark.gateway

PERSON = "select id, email, city from customers order by id limit 3"


def work(target: Target, name: str) -> None:
    """A little of everything."""
    with Wire.open(target, application_name=name) as wire:
        wire.query(PERSON)
        wire.extended("select $1::text || '!' as shouted", [b"h\xc3\xa9llo"])
        wire.query("drop table orders")
        wire.query("select 1/0")
        wire.query("copy (select id, city from customers order by id limit 2) to stdout")
        binary_rows(wire)
        wire.terminate()


def binary_rows(wire: Wire) -> None:
    """Prepared and described once, then run: the rows come without a description."""
    wire.send(frame("P", text("bin", "select id, email from customers where id = 1") + b"\0\0"))
    wire.send(frame("D", b"Sbin\0") + frame("S"))
    wire.reply()
    wire.send(frame("B", text("", "bin") + b"\0\0\0\0\0\x01\0\x01"))
    wire.send(frame("E", b"\0\0\0\0\0") + frame("S"))
    wire.reply()


@pytest.fixture(scope="module")
def recorded(world: World) -> Iterator[Gateway]:
    """Two sessions of two people, ended; and the gateway is off."""
    gateway = world.gateway("exports")
    work(gateway.target("alice", "planner", "sql-agent", purpose="support"), "of-alice")
    work(gateway.target("walt"), "of-walt")
    gateway.stop()
    yield gateway


def lines(gateway: Gateway, *arguments: str) -> list[dict]:
    output = gateway.run("sessions", "export", *arguments, "--as", "jsonl")
    return [json.loads(line) for line in output.splitlines()]


def of(events: list[dict], name: str) -> list[dict]:
    return [event for event in events if event["event"] == name]


def seen_by(gateway: Gateway, application: str) -> bytes:
    return evidence.passed(gateway, evidence.session_of(gateway, application)["id"], "to-client")


def test_json_lines_have_what_the_client_saw(recorded: Gateway) -> None:
    session = evidence.session_of(recorded, "of-alice")["id"]
    events = lines(recorded, session)
    assert {event["session"] for event in events} == {session}
    (opened,) = of(events, "session-opened")
    assert opened["recording"] == "readable" and opened["resource"] == "shop"
    assert opened["chain"]["principal"]["subject"] == "alice"
    assert [actor["subject"] for actor in opened["chain"]["actors"]] == ["planner", "sql-agent"]
    assert opened["chain"]["purpose"] == "support"
    statements = [event["text"] for event in of(events, "statement")]
    assert statements[0] == PERSON and "drop table orders" in statements
    shouted = next(event for event in of(events, "statement") if "shouted" in event["text"])
    assert shouted["parameters"] == ["héllo"]
    first = [event for event in events if event.get("exchange") == shouted["exchange"] - 1]
    assert [column["name"] for column in of(first, "columns")[0]["columns"]] == [
        "id",
        "email",
        "city",
    ]
    rows = [event["values"] for event in of(first, "row")]
    received = seen_by(recorded, "of-alice")
    assert len(rows) == 3
    for row in rows:
        for value in row:
            assert value.encode() in received, f"{value} was never sent to the client"
    refused = [e for e in of(events, "exchange-closed") if e["outcome"] == "refused"]
    assert len(refused) == 1 and refused[0]["rule"]
    assert [event["code"] for event in of(events, "error")] == ["42501", "22012"]
    copied = [event["data"] for event in of(events, "copy")]
    assert len(copied) == 2 and copied[0].endswith("\n")
    assert of(events, "session-closed")


def test_binary_rows_of_a_prepared_statement_are_read(recorded: Gateway) -> None:
    events = lines(recorded, evidence.session_of(recorded, "of-walt")["id"])
    asked = [event for event in of(events, "statement") if "where id = 1" in event["text"]]
    (row,) = [event for event in of(events, "row") if event["exchange"] == asked[-1]["exchange"]]
    assert row["values"][0] == "1", "a binary integer, as text"


def read_parquet(path: Path) -> list[dict]:
    """Its rows in order; times in microseconds since 1970."""
    times = "epoch_us(asked_at) as asked_at, epoch_us(closed_at) as closed_at"
    found = duckdb.sql(f"select * replace ({times}) from '{path}' order by session, exchange")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def test_no_raw_value_is_in_any_export(recorded: Gateway, world: World, tmp_path: Path) -> None:
    emails = world.admin("select email from customers where email is not null").splitlines()
    assert len(emails) > 2
    session = evidence.session_of(recorded, "of-alice")["id"]
    recorded.run("sessions", "export", "-o", str(tmp_path / "all.parquet"))
    recorded.run("sessions", "export", "-o", str(tmp_path / "all.jsonl"))
    recorded.run("sessions", "export", session, "-o", str(tmp_path / "one.cast"))
    (tmp_path / "parquet.txt").write_text(repr(read_parquet(tmp_path / "all.parquet")))
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert len(data) > 500
        for email in emails:
            assert email.encode() not in data, f"{email} is in {path.name}"


def read_cast(text: str) -> tuple[dict, list[tuple[float, str]]]:
    """An asciicast, version 2, as strictly as its specification says."""
    assert text.endswith("\n")
    first, *rest = text.splitlines()
    header = json.loads(first)
    assert header["version"] == 2
    assert all(isinstance(header[name], int) and header[name] > 0 for name in ("width", "height"))
    assert isinstance(header["timestamp"], int)
    events, before = [], 0.0
    for line in rest:
        time, code, data = json.loads(line)
        assert isinstance(time, float) and time >= before and code == "o"
        assert isinstance(data, str) and "\n" not in data.replace("\r\n", "")
        before = time
        events.append((time, data))
    return header, events


def test_a_terminal_recording_plays(recorded: Gateway, tmp_path: Path) -> None:
    session = evidence.session_of(recorded, "of-alice")
    cast = tmp_path / "session.cast"
    recorded.run("sessions", "export", session["id"], "-o", str(cast))
    assert cast.stat().st_mode & 0o777 == 0o600
    header, events = read_cast(cast.read_text())
    assert header["title"] == "alice → planner → sql-agent on shop"
    assert header["timestamp"] == session["opened_at_us"] // 1_000_000
    took = (session["closed_at_us"] - session["opened_at_us"]) / 1e6
    assert 0 < events[-1][0] <= took + 1e-5, "the timing is the session's own"
    screen = re.sub(r"\x1b\[\d*m", "", "".join(data for _, data in events))
    assert f"> {PERSON}\r\n" in screen and "= SELECT 3" in screen
    assert "\x1b" not in screen
    player = [sys.executable, "-m", "asciinema", "cat", str(cast)]
    played = subprocess.run(player, capture_output=True, check=True).stdout
    assert played.decode() == "".join(data for _, data in events)


def written(at_us: int) -> str:
    """A time as people write it."""
    return (datetime(1970, 1, 1) + timedelta(microseconds=at_us)).isoformat() + "Z"


def table(recorded: Gateway, path: Path, *arguments: str) -> list[dict]:
    recorded.run("sessions", "export", *arguments, "-o", str(path))
    return read_parquet(path)


def test_a_table_of_exchanges_for_analysts(recorded: Gateway, tmp_path: Path) -> None:
    rows = table(recorded, tmp_path / "all.parquet")
    alice = [row for row in rows if row["principal"] == "alice"]
    walt = [row for row in rows if row["principal"] == "walt"]
    assert len(alice) + len(walt) == len(rows) and len(alice) == len(walt) > 5
    assert {(row["planner"], tuple(row["subagents"])) for row in alice} == {
        ("planner", ("sql-agent",))
    }
    assert {(row["planner"], len(row["subagents"]), row["purpose"]) for row in walt} == {
        (None, 0, None)
    }
    person = next(row for row in alice if row["statement"] == PERSON)
    assert person["verdict"] == "allow" and person["outcome"] == "completed"
    assert person["rows"] == 3 and person["masked"]["email"] == 3
    session = evidence.session_of(recorded, "of-alice")
    assert session["opened_at_us"] <= person["asked_at"] <= person["closed_at"]
    assert person["closed_at"] <= session["closed_at_us"] and person["resource"] == "shop"
    dropped = next(row for row in alice if row["statement"] == "drop table orders")
    assert dropped["verdict"] == "deny" and dropped["outcome"] == "refused" and dropped["rules"]
    failed = next(row for row in alice if row["statement"] == "select 1/0")
    assert (failed["outcome"], failed["outcome_detail"]) == ("failed", "22012")
    # Every exchange of the log is there, once.
    sessions = evidence.sessions(recorded)
    assert len(rows) == sum(session["exchanges"] for session in sessions)
    assert sum(row["rows"] for row in rows) == sum(session["rows"] for session in sessions)


def test_what_is_exported_can_be_chosen(recorded: Gateway, tmp_path: Path) -> None:
    people = {row["principal"] for row in table(recorded, tmp_path / "1.parquet")}
    assert people == {"alice", "walt"}
    only = table(recorded, tmp_path / "2.parquet", "--principal", "walt", "--resource", "shop")
    assert {row["principal"] for row in only} == {"walt"}
    assert not table(recorded, tmp_path / "3.parquet", "--resource", "elsewhere")
    second = evidence.session_of(recorded, "of-walt")["opened_at_us"]
    cut = written(second)
    before = table(recorded, tmp_path / "4.parquet", "--until", cut)
    after = table(recorded, tmp_path / "5.parquet", "--since", cut)
    assert {row["principal"] for row in before} == {"alice"}
    assert {row["principal"] for row in after} == {"walt"}
    listed = recorded.json("sessions", "ls", "--since", cut)["sessions"]
    assert [session["application"] for session in listed] == ["of-walt"]
    assert not recorded.json("sessions", "ls", "--principal", "nobody")["sessions"]
    # From the middle of a session: who it is comes all the same, and exchanges come whole.
    whole = lines(recorded, "--principal", "alice")
    dropped = next(event for event in of(whole, "statement") if "drop" in event["text"])
    rest = lines(recorded, "--principal", "alice", "--since", written(dropped["at_us"]))
    assert rest == [e for e in whole if e.get("exchange", 99) >= dropped["exchange"]]
    assert rest[0]["event"] == "session-opened" and len(rest) < len(whole)


def test_what_cannot_be_exported_is_said(recorded: Gateway, tmp_path: Path) -> None:
    taken = tmp_path / "taken.jsonl"
    taken.write_text("mine")
    missing = "00000000-0000-7000-8000-000000000000"
    for arguments, said in (
        (["last"], "--as asciicast"),
        (["--as", "asciicast"], "one session"),
        (["last", "--as", "parquet"], "-o"),
        (["last", "-o", str(taken)], "there already"),
        (["last", "-o", str(tmp_path / "no" / "x.jsonl")], "cannot write"),
        ([missing, "--as", "jsonl"], "nothing to export"),
        (["last", "--as", "jsonl", "--key", str(taken)], "key"),
        (["--since", "yesterday", "--as", "jsonl"], "2026-11-22"),
    ):
        done = recorded.try_run("sessions", "export", *arguments)
        assert done.returncode != 0 and said in done.stderr, (arguments, done.stderr)
        assert not done.stdout
    assert taken.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["taken.jsonl"], "no half file is left"


def test_a_recording_without_its_share_still_tells_what_the_log_says(
    recorded: Gateway, tmp_path: Path
) -> None:
    session = evidence.session_of(recorded, "of-walt")["id"]
    keyring = recorded.data_dir / "evidence" / "keyring"
    shares = {path: path.read_bytes() for path in keyring.iterdir()}
    try:
        for path, good in shares.items():
            path.write_bytes(bytes(len(good)))
        events = lines(recorded, session)
        assert of(events, "session-opened")[0]["recording"] == "erased"
        assert of(events, "request") and not of(events, "statement") and not of(events, "row")
        rows = table(recorded, tmp_path / "erased.parquet")
        assert {row["recording"] for row in rows} == {"erased"}
        assert {row["statement"] for row in rows} == {None} and any(row["verbs"] for row in rows)
        cast = tmp_path / "erased.cast"
        done = recorded.try_run("sessions", "export", session, "-o", str(cast))
        assert done.returncode == 1 and "cannot be opened" in done.stderr
        assert not cast.exists()
    finally:
        for path, good in shares.items():
            path.write_bytes(good)


def test_a_replay_starts_where_it_is_told(recorded: Gateway) -> None:
    session = evidence.session_of(recorded, "of-alice")
    moments = evidence.moments(recorded, session["id"])
    refused = next(m for m in moments if any("drop table" in line for line in m["lines"]))
    failing = next(m for m in moments if any("1/0" in line for line in m["lines"]))
    # In the middle of the exchange: it is shown from its statement on, and nothing before.
    middle = refused["after_us"] + 1
    clock = f"{middle // 60_000_000:02}:{middle / 1e6 % 60:09.6f}"
    found = recorded.json("sessions", "replay", session["id"], "--at", clock)["moments"]
    assert found == moments[moments.index(refused) :]
    shown = recorded.run("sessions", "replay", session["id"], "--at", clock)
    assert PERSON not in shown and "> drop table orders" in shown and "exchanges before" in shown
    at = failing["at_us"] + 1
    found = recorded.json("sessions", "replay", session["id"], "--at", written(at))["moments"]
    assert found == moments[moments.index(failing) :]
    done = recorded.try_run("sessions", "replay", session["id"], "--at", "2h")
    assert done.returncode == 1 and "last record" in done.stderr
    assert base64.b64decode(moments[0]["bytes"])


MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def most_memory_kib(gateway: Gateway, *arguments: str) -> int:
    """Of an export, at once."""
    export = [str(portreeve()), "sessions", "export", *arguments]
    # Not from here: a child begins with what its parent, with all that was received, holds.
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *export],
        env=gateway.environment,
        cwd=gateway.directory,
        capture_output=True,
        check=True,
    )
    return int(done.stdout)


def test_a_long_recording_needs_no_more_memory(world: World, tmp_path: Path) -> None:
    gateway = world.gateway("long-export")
    with Wire.open(gateway.target("walt")) as wire:
        wire.query("select 1")
        wire.terminate()
    gateway.stop()
    little = most_memory_kib(gateway, "last", "-o", str(tmp_path / "short.jsonl"))
    gateway.start()
    with Wire.open(gateway.target("walt")) as wire:
        wire.query("select b.id, payload, n from work.big b, generate_series(1, 5) n")
        wire.terminate()
    gateway.stop()
    for kind in ("jsonl", "cast", "parquet"):
        path = tmp_path / f"long.{kind}"
        much = most_memory_kib(gateway, "last", "-o", str(path))
        # A segment of the log is read at a time.
        assert much < little + (48 << 10), f"{kind}: {much} KiB instead of {little}"
    assert (tmp_path / "long.jsonl").stat().st_size > 48 << 20


def test_sessions_are_found_by_every_name(recorded: Gateway) -> None:
    last = evidence.session_of(recorded, "of-walt")["id"]
    first = evidence.session_of(recorded, "of-alice")["id"]
    shown = recorded.json("sessions", "show", "last")
    assert shown["summary"]["id"] == last
    assert recorded.json("sessions", "show", first) == recorded.json(
        "sessions", "show", first[:-2].upper()
    )
    for name, said in (("ffff", "no session begins"), ("0", "2 sessions begin")):
        done = recorded.try_run("sessions", "show", name)
        assert done.returncode == 1 and said in done.stderr
