"""What is risky waits for a person, and nothing of it is released before."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from harness.gateway import Gateway
from harness.secrets import found_in
from harness.target import Target
from harness.waiting import until
from harness.wire import (
    SYNC,
    Message,
    Reply,
    Wire,
    bind_message,
    execute_message,
    frame,
    parse_message,
)
from harness.world import World

pytestmark = pytest.mark.gateway
EXPORT = "select id, city from crowd order by id"
REVIEW = re.compile(r"rv-[a-z0-9]+")


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return world.gateway("reviews")


@pytest.fixture(scope="module")
def dana(gateway: Gateway) -> str:
    return gateway.token("dana")


@pytest.fixture(scope="module")
def target(gateway: Gateway) -> Target:
    return gateway.target("alice", "planner", "sql-agent")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def held(wire: Wire) -> str:
    """Reads the notice with the review's id; nothing else may have come before it."""
    while True:
        message = wire.message()
        assert message.kind not in "Dd", f"data before the approval: {message}"
        if message.kind == "N":
            found = REVIEW.search(message.fields["M"])
            assert found, message.fields
            return found[0]


def ask(target: Target, sql: str = EXPORT, **parameters: str) -> tuple[Wire, str]:
    wire = Wire.open(target, **parameters)
    wire.send(frame("Q", sql.encode() + b"\0"))
    return wire, held(wire)


def decide(gateway: Gateway, word: str, review: str, token: str, *more: str) -> int:
    return gateway.try_run("reviews", word, review, *more, token=token).returncode


def test_fewer_rows_than_the_threshold_pass_at_once(target: Target) -> None:
    with Wire.open(target) as wire:
        assert len(wire.query("select id from crowd where id <= 1000").rows) == 1000


def test_approved_and_released(gateway: Gateway, target: Target, dana: str) -> None:
    wire, review = ask(target)
    listed = gateway.json("reviews", "ls", token=dana)["reviews"]
    mine = next(entry for entry in listed if entry["id"] == review)
    assert mine["statement"] == EXPORT
    shown = gateway.json("reviews", "show", review, token=dana)
    bound = {field["label"]: field["value"] for field in shown["fields"]}
    assert bound["statement: text"] == EXPORT and bound["definition of crowd: version"]
    assert mine["rule"] == "analysts-export-with-review"
    assert [actor["subject"] for actor in mine["chain"]["actors"]] == ["planner", "sql-agent"]
    assert decide(gateway, "approve", review, dana, "--comment", "fine") == 0
    reply = wire.reply()
    assert len(reply.rows) == 5000 and reply.status == "I" and not reply.errors
    assert wire.query("select 42").rows == [[b"42"]]
    wire.terminate()
    shown = gateway.json("reviews", "show", review, token=dana)
    assert shown["state"] == "approved" and shown["by"]["subject"] == "dana"


def test_approved_rows_are_masked(gateway: Gateway, target: Target, dana: str) -> None:
    wire, review = ask(target, "select * from crowd")
    assert decide(gateway, "approve", review, dana) == 0
    assert len(wire.reply().rows) == 5000
    assert not found_in(wire.received)
    wire.terminate()


def test_denied_with_a_reason(gateway: Gateway, target: Target, dana: str) -> None:
    wire, review = ask(target)
    assert decide(gateway, "deny", review, dana, "--comment", "not for this purpose") == 0
    reply = wire.reply()
    assert reply.sqlstate == "42501" and not reply.rows and reply.status == "I"
    told = " ".join(reply.errors[0].values())
    assert review in told and "not for this purpose" in told
    assert wire.query("select 42").rows == [[b"42"]]
    wire.terminate()


@pytest.mark.parametrize(
    "chain", [("alice",), ("alice", "planner"), ("alice", "planner", "sql-agent")]
)
def test_the_requester_does_not_approve(
    gateway: Gateway, dana: str, target: Target, chain: tuple[str, ...]
) -> None:
    wire, review = ask(target)
    assert decide(gateway, "approve", review, gateway.token(*chain)) != 0
    assert decide(gateway, "deny", review, dana) == 0
    assert wire.reply().sqlstate == "42501"
    wire.terminate()


def test_a_reviewer_does_not_approve_for_herself(gateway: Gateway, dana: str) -> None:
    """bert is a reviewer, and analyst; what he asks for needs another reviewer."""
    wire, review = ask(gateway.target("bert", "planner"))
    assert decide(gateway, "approve", review, gateway.token("bert")) != 0
    assert decide(gateway, "approve", review, gateway.token("bert", "planner")) != 0
    assert decide(gateway, "approve", review, dana) == 0
    assert len(wire.reply().rows) == 5000
    wire.terminate()


def test_an_agent_of_a_reviewer_does_not_approve(
    gateway: Gateway, target: Target, dana: str
) -> None:
    wire, review = ask(target)
    assert decide(gateway, "approve", review, gateway.token("dana", "planner")) != 0
    assert decide(gateway, "deny", review, dana) == 0
    wire.reply()
    wire.terminate()


def test_who_is_no_reviewer_neither_sees_nor_decides(
    gateway: Gateway, target: Target, dana: str
) -> None:
    wire, review = ask(target)
    other = gateway.token("walt")
    for word in ("approve", "deny", "show"):
        assert gateway.try_run("reviews", word, review, token=other).returncode != 0
    assert decide(gateway, "deny", review, "not a token") != 0
    assert decide(gateway, "deny", review, dana) == 0
    wire.reply()
    wire.terminate()


def test_one_answer_only(gateway: Gateway, target: Target, dana: str) -> None:
    wire, review = ask(target)
    assert decide(gateway, "deny", review, dana) == 0
    assert decide(gateway, "approve", review, dana) != 0
    assert wire.reply().sqlstate == "42501"
    wire.terminate()


def test_cancel_withdraws_it(gateway: Gateway, target: Target, dana: str) -> None:
    import struct

    wire, review = ask(target)
    cancel = Wire(target.host, target.port)
    cancel.send(struct.pack(">ii", 8 + len(wire.key), 80877102) + wire.key)
    cancel.drain()
    reply = wire.reply()
    assert reply.errors and not reply.rows and reply.status == "I"
    assert decide(gateway, "approve", review, dana) != 0
    assert wire.query("select 42").rows == [[b"42"]]
    wire.terminate()


def test_a_client_that_leaves_withdraws_it(gateway: Gateway, target: Target, dana: str) -> None:
    wire, review = ask(target)
    wire.close()

    def abandoned() -> bool:
        return gateway.json("reviews", "show", review, token=dana)["state"] == "abandoned"

    until("the review is abandoned", abandoned, 15)
    assert decide(gateway, "approve", review, dana) != 0


def test_refused_at_once_and_run_later(gateway: Gateway, target: Target, dana: str) -> None:
    """An agent that does not want to wait gets the id, and the approval is good for one run."""
    wire = Wire.open(target, options="-c portreeve.review=refuse")
    reply = wire.query(EXPORT)
    assert reply.sqlstate == "42501" and not reply.rows
    review = REVIEW.search(" ".join(reply.errors[0].values()))[0]
    again = wire.query(EXPORT)
    assert review in " ".join(again.errors[0].values()), "the same question is the same review"
    assert decide(gateway, "approve", review, dana) == 0
    other = wire.query("select id, city from crowd order by id desc")
    assert other.sqlstate == "42501", "approve A, run B"
    assert len(wire.query(EXPORT).rows) == 5000
    once = wire.query(EXPORT)
    assert once.sqlstate == "42501", "an approval is good for one run"
    wire.terminate()


def test_an_approval_is_for_its_own_chain(gateway: Gateway, target: Target, dana: str) -> None:
    wire = Wire.open(target, options="-c portreeve.review=refuse")
    review = REVIEW.search(" ".join(wire.query(EXPORT).errors[0].values()))[0]
    assert decide(gateway, "approve", review, dana) == 0
    other = Wire.open(gateway.target("alice", "planner"), options="-c portreeve.review=refuse")
    assert other.query(EXPORT).sqlstate == "42501"
    assert len(wire.query(EXPORT).rows) == 5000
    wire.terminate()
    other.terminate()


def test_an_approval_is_for_its_own_parameters(gateway: Gateway, target: Target, dana: str) -> None:
    sql = "select id, city from crowd where id <> $1::int"
    wire = Wire.open(target, options="-c portreeve.review=refuse")
    refused = wire.extended(sql, [b"1"])
    review = REVIEW.search(" ".join(refused.errors[0].values()))[0]
    assert decide(gateway, "approve", review, dana) == 0
    assert wire.extended(sql, [b"2"]).sqlstate == "42501"
    assert len(wire.extended(sql, [b"1"]).rows) == 4999
    wire.terminate()


FORMS = {
    "copy": lambda wire: wire.send(frame("Q", f"copy ({EXPORT}) to stdout\0".encode())),
    "copy-table": lambda wire: wire.send(frame("Q", b"copy crowd to stdout\0")),
    "extended": lambda wire: wire.send(
        parse_message(EXPORT) + bind_message() + execute_message() + SYNC
    ),
    "binary": lambda wire: wire.send(
        parse_message(EXPORT) + bind_message(result_formats=(1,)) + execute_message() + SYNC
    ),
    "second-statement": lambda wire: wire.send(
        frame("Q", f"select 1 where false; {EXPORT}\0".encode())
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_held(gateway: Gateway, target: Target, dana: str, form: str) -> None:
    wire = Wire.open(target)
    FORMS[form](wire)
    review = held(wire)
    assert decide(gateway, "approve", review, dana) == 0
    reply = wire.reply()
    assert not reply.errors
    assert len(reply.rows) + reply.copied.count(b"\n") == 5000
    wire.terminate()


def collect_portions(wire: Wire, portion: int, into: list[Message]) -> Reply:
    """Reads a portal in portions until it is done or refused."""
    wire.send(frame("Q", b"begin\0"))
    wire.reply()
    wire.send(parse_message(EXPORT) + bind_message(portal="p") + SYNC)
    wire.reply()
    while True:
        wire.send(execute_message("p", portion) + SYNC)
        reply = wire.reply()
        into.extend(message for message in reply.messages if message.kind == "D")
        if reply.errors or "s" not in reply.kinds:
            return reply


def test_portions_count_together(
    gateway: Gateway, target: Target, dana: str, pool: ThreadPoolExecutor
) -> None:
    """Execute by Execute nobody gets around the threshold: rows of one portal add up."""
    wire = Wire.open(target, options="-c portreeve.review=refuse")
    rows: list[Message] = []
    end = collect_portions(wire, 300, rows)
    assert end.sqlstate == "42501", end.kinds
    assert len(rows) <= 1000
    wire.close()


def test_fetches_count_together(target: Target) -> None:
    wire = Wire.open(target, options="-c portreeve.review=refuse")
    wire.query("begin")
    wire.query(f"declare c cursor for {EXPORT}")
    total, refused = 0, None
    for _ in range(20):
        reply = wire.query("fetch 300 from c")
        total += len(reply.rows)
        if reply.errors:
            refused = reply.sqlstate
            break
    wire.close()
    assert refused == "42501" and total <= 1000


def test_a_review_nobody_answers(world: World) -> None:
    quick = world.gateway("quick-reviews", reviews="{ timeout: 2s }")
    wire, review = ask(quick.target("alice"))
    reply = wire.reply()
    assert reply.sqlstate == "42501" and not reply.rows
    assert wire.query("select 42").rows == [[b"42"]]
    wire.terminate()
    assert decide(quick, "approve", review, quick.token("dana")) != 0
    quick.stop()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_runs_nothing(world: World, end: str) -> None:
    gateway = world.gateway(f"restart-{end}")
    wire, review = ask(gateway.target("alice"))
    getattr(gateway, end)()
    wire.socket.settimeout(15)
    reply = wire.reply()
    assert not reply.rows
    wire.close()
    gateway.start()
    dana = gateway.token("dana")
    assert decide(gateway, "approve", review, dana) != 0
    assert gateway.json("reviews", "show", review, token=dana)["state"] != "pending"
    gateway.stop()


def test_many_wait_at_once(
    gateway: Gateway, target: Target, dana: str, pool: ThreadPoolExecutor
) -> None:
    asked = [ask(target, f"select id, city from crowd where id <> {n + 1}") for n in range(8)]
    with Wire.open(target) as other:
        assert other.query("select 42").rows == [[b"42"]]
    answers: list[Future[Reply]] = [pool.submit(wire.reply) for wire, _ in asked]
    for _, review in asked:
        assert decide(gateway, "approve", review, dana) == 0
    for answer in answers:
        assert len(answer.result(60).rows) == 4999
    for wire, _ in asked:
        wire.close()
