"""Messages that no driver sends, inside a session."""

import struct

import pytest
from harness.secrets import found_in
from harness.target import Target
from harness.wire import (
    FLUSH,
    SYNC,
    Wire,
    bind_message,
    close_message,
    describe_message,
    execute_message,
    frame,
    parse_message,
    text,
)

from attacks.conftest import ends_cleanly, split

I32 = struct.Struct(">i")


def raw(kind: str, length: int, body: bytes = b"") -> bytes:
    return kind.encode("latin-1") + struct.pack(">I", length & 0xFFFFFFFF) + body


# The length field lies, or the type does not exist: nothing after it can be trusted.
BROKEN = {
    "length-zero": raw("Q", 0),
    "length-three": raw("Q", 3),
    "length-minus-one": raw("Q", -1),
    "length-minus-maximum": raw("Q", -0x80000000),
    "length-maximum": raw("Q", 0x7FFFFFFF, b"select 1\0"),
    "length-two-gigabytes-parse": raw("P", 0x7FFFFFF0, b"\0select 1\0"),
    "length-huge-sync": raw("S", 0x00100000),
    "length-huge-password": raw("p", 0x10000000),
    "unknown-type": raw("z", 4),
    "unknown-type-nul": raw("\0", 4),
    "unknown-type-high": raw("\xff", 4),
    "server-authentication": frame("R", I32.pack(0)),
    "server-row-description": frame("T", b"\0\0"),
    "server-ready": frame("Z", b"I"),
    "startup-again": I32.pack(8) + I32.pack(196608),
    "ssl-request-again": struct.pack(">ii", 8, 80877103),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "password-again": frame("p", b"secret\0"),
    "sync-with-body": frame("S", b"xxxx"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_frames(reader: Target, name: str) -> None:
    """A clean error, or the end of this connection; never silence."""
    wire = Wire.open(reader)
    already = len(wire.received)
    wire.send(BROKEN[name])
    wire.socket.settimeout(5)
    try:
        # What the server makes of it may also leave the session in order.
        wire.send(SYNC + frame("Q", b"select 'al' || 'ive'\0"))
        while b"alive" not in wire.received[already:]:
            if not wire.read_some():
                break
    except TimeoutError:
        # A peer that waits for the rest of a message within its limits waits rightly.
        assert name in ("length-huge-sync", "startup-again"), "silence"
        wire.close()
        return
    except OSError:
        pass
    kinds, errors, rest = split(bytes(wire.received[already:]))
    wire.close()
    assert not rest and (errors or "alive" not in str(kinds))
    assert not found_in(wire.received)


# Well framed, with a body that is wrong: an error, then Sync brings the session back.
MALFORMED = {
    "parse-without-end": frame("P", b"\0select 1"),
    "parse-empty": frame("P"),
    "parse-types-missing": frame("P", text("", "select 1") + b"\0\5"),
    "parse-negative-types": frame("P", text("", "select 1") + b"\xff\xff"),
    "bind-empty": frame("B"),
    "bind-unknown-statement": bind_message(name="nothing"),
    "bind-count-lies": parse_message("select $1::text")
    + frame("B", text("", "") + b"\0\0\0\x01\x7f\xff\xff\xffx"),
    "bind-negative-length": parse_message("select $1::text")
    + frame("B", text("", "") + b"\0\0\0\x01\xff\xff\xff\xfe\0\0"),
    "bind-too-many": parse_message("select 1") + bind_message([b"1", b"2"]),
    "bind-bad-format": parse_message("select 1")
    + bind_message(result_formats=(7,))
    + execute_message(),
    "bind-formats-mismatch": parse_message("select 1") + bind_message(result_formats=(0, 1, 0)),
    "bind-invalid-utf8": parse_message("select $1::text") + bind_message([b"\xff\xfe"]),
    "bind-nul-in-text": parse_message("select $1::text") + bind_message([b"a\0b"]),
    "bind-bad-binary": parse_message("select $1::int", types=[23])
    + bind_message([b"abc"], value_formats=(1,)),
    "bind-trailing": parse_message("select 1") + frame("B", bind_message()[5:] + b"trailing"),
    "describe-what": frame("D", b"Qx\0"),
    "describe-unknown": describe_message("S", "nothing"),
    "describe-portal-unknown": describe_message("P", "nothing"),
    "execute-unknown": execute_message("nothing"),
    "execute-short": frame("E", b"\0\0"),
    "close-what": frame("C", b"Qx\0"),
    "two-statements": parse_message("select 1; select 2"),
    "invalid-utf8-parse": frame("P", b"\0select '\xff'\0\0\0"),
    "parse-nul-inside": frame("P", b"\0select 1\0; drop table victim\0\0\0"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_extended_messages(reader: Target, name: str) -> None:
    wire = Wire.open(reader)
    already = len(wire.received)
    wire.send(MALFORMED[name] + SYNC)
    reply = wire.reply()
    if reply.closed:
        # Ending the connection is allowed where the message cannot be read, with a word.
        assert reply.errors or not wire.received[already:]
    else:
        assert reply.errors, f"accepted: {reply.kinds}"
        assert reply.status == "I"
        assert wire.query("select 42").rows == [[b"42"]]
    wire.close()


QUERIES = {
    "without-end": frame("Q", b"select 1"),
    "empty-body": frame("Q"),
    "nul-inside": frame("Q", b"select 1\0; drop table victim\0"),
    "two-ends": frame("Q", b"select 1\0\0"),
    "invalid-utf8": frame("Q", b"select '\xff\xfe'\0"),
    "overlong-utf8": frame("Q", b"select '\xc0\xa7; drop table victim --'\0"),
    "surrogate": frame("Q", b"select '\xed\xa0\x80'\0"),
    "half-character": frame("Q", b"select '\xe2\x82'\0"),
    "invalid-identifier": frame("Q", b"select 1 as \xff\0"),
    "deep-parentheses": frame("Q", b"select " + b"(" * 20000 + b"1" + b")" * 20000 + b"\0"),
    "deep-array": frame("Q", b"select " + b"array[" * 5000 + b"1" + b"]" * 5000 + b"\0"),
    "deep-case": frame(
        "Q", b"select " + b"case when true then " * 5000 + b"1" + b" end" * 5000 + b"\0"
    ),
    "deep-not": frame("Q", b"select " + b"not " * 50000 + b"true\0"),
    "deep-minus": frame("Q", b"select " + b"- " * 50000 + b"1\0"),
    "deep-subquery": frame("Q", b"select (" * 3000 + b"select 1" + b")" * 3000 + b"\0"),
    "deep-join": frame(
        "Q", b"select 1 from " + b"(" * 3000 + b"orders" + b" cross join orders)" * 3000 + b"\0"
    ),
    "long-union": frame("Q", b" union all ".join([b"select 1"] * 20000) + b"\0"),
    "many-statements": frame("Q", b";".join([b"select 1"] * 30000) + b"\0"),
    "many-columns": frame("Q", b"select " + b",".join([b"1"] * 3000) + b"\0"),
    "long-in-list": frame("Q", b"select 1 where 1 in (" + b",".join([b"2"] * 100000) + b")\0"),
    "open-comment": frame("Q", b"select 1 /* /* */\0"),
    "open-string": frame("Q", b"select 'abc\0"),
    "open-dollar": frame("Q", b"select $x$ abc\0"),
    "open-identifier": frame("Q", b'select "abc\0'),
    "backslash-end": frame("Q", b"select E'abc\\\0"),
    "long-identifier": frame("Q", b"select 1 as " + b"a" * 100000 + b"\0"),
    "ten-megabytes": frame("Q", b"select '" + b"x" * (10 << 20) + b"'\0"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_odd_queries(reader: Target, name: str) -> None:
    """Whatever it is, the answer is a result or an error, and soon."""
    wire = Wire.open(reader)
    already = len(wire.received)
    wire.socket.settimeout(20)
    wire.send(QUERIES[name])
    reply = wire.reply()
    assert reply.kinds or reply.closed
    if reply.closed:
        assert not split(bytes(wire.received[already:]))[2]
    else:
        assert wire.query("select 42").rows == [[b"42"]]
    wire.close()


OUT_OF_ORDER = {
    "execute-first": execute_message() + SYNC,
    "describe-first": describe_message() + SYNC,
    "flush-only": FLUSH,
    "copy-data-outside": frame("d", b"1\tx\n"),
    "copy-done-outside": frame("c"),
    "copy-fail-outside": frame("f", b"no\0"),
    "close-unknown": close_message("S", "nothing") + close_message("P", "nothing") + SYNC,
    "many-syncs": SYNC * 1000,
    "query-inside-extended": parse_message("select 1") + frame("Q", b"select 2\0") + SYNC,
    "bind-before-parse": bind_message() + parse_message("select 1") + SYNC,
    "half-extended": parse_message("select 1") + bind_message(),
    "function-call-inside-extended": parse_message("select 1")
    + frame("F", b"\0\0\0\1\0\0\0\0\0\0")
    + SYNC,
}


@pytest.mark.parametrize("name", OUT_OF_ORDER)
def test_wrong_order(reader: Target, name: str) -> None:
    wire = Wire.open(reader)
    wire.send(OUT_OF_ORDER[name] + SYNC + frame("Q", b"select 'al' || 'ive'\0"))
    wire.socket.settimeout(10)
    while b"alive" not in wire.received:
        if not wire.read_some():
            break
    kinds, errors, _ = split(bytes(wire.received))
    assert b"alive" in wire.received or errors
    wire.close()


def test_copy_data_is_not_taken_for_statements(reader: Target) -> None:
    """Rows sent for a refused COPY are thrown away up to the end of the copy."""
    wire = Wire.open(reader)
    wire.send(
        frame("Q", b"copy victim from stdin\0") + frame("d", b"99\tx\n") + frame("c")
        + frame("Q", b"select 'al' || 'ive'\0")
    )  # fmt: skip
    while b"alive" not in wire.received:
        assert wire.read_some(), "closed"
    wire.close()


@pytest.mark.gateway
def test_function_call_is_refused(reader: Target) -> None:
    """The fast path would run a function past the SQL that policy understands."""
    wire = Wire.open(reader)
    query_to_xml = 2923
    arguments = [b"select email from customers", b"t", b"t", b""]
    body = struct.pack(">ihh", query_to_xml, 0, len(arguments))
    body += b"".join(I32.pack(len(value)) + value for value in arguments) + struct.pack(">h", 0)
    wire.send(frame("F", body))
    reply = wire.reply()
    assert reply.sqlstate in ("0A000", "42501"), reply.errors
    assert not reply.closed and wire.query("select 42").rows == [[b"42"]]
    assert not found_in(wire.received)
    wire.close()


def test_a_reply_is_not_lost_when_all_is_sent_byte_by_byte(reader: Target) -> None:
    wire = Wire.open(reader)
    for byte in parse_message("select 'al' || 'ive'") + bind_message() + execute_message() + SYNC:
        wire.send(bytes([byte]))
    assert wire.reply().rows == [[b"alive"]]
    wire.close()


def test_terminate_in_the_middle(reader: Target) -> None:
    wire = Wire.open(reader)
    already = len(wire.received)
    wire.send(parse_message("select 1") + frame("X"))
    ends_cleanly(wire, already)
