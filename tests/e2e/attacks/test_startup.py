"""The first bytes of a connection: before anybody knows who it is."""

import socket
import ssl
import struct

import pytest
from harness.target import Target
from harness.wire import (
    GSS_REQUEST,
    PROTOCOL_3_0,
    SSL_REQUEST,
    Refused,
    Wire,
    startup_packet,
    text,
)

from attacks.conftest import ends_cleanly

pytestmark = pytest.mark.gateway


def request(code: int) -> bytes:
    return struct.pack(">ii", 8, code)


def raw_startup(body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">I", (len(body) + 4 if length is None else length) & 0xFFFFFFFF) + body


VERSION = struct.pack(">i", PROTOCOL_3_0)

FIRST_BYTES = {
    "length-zero": raw_startup(b"", 0),
    "length-four": raw_startup(b"", 4),
    "length-seven": raw_startup(b"\0\3\0", 7),
    "length-negative": raw_startup(VERSION, -1),
    "length-maximum": raw_startup(VERSION, 0x7FFFFFFF),
    "length-above-limit": raw_startup(VERSION + b"x" * 20000 + b"\0"),
    "nothing-after-version": raw_startup(VERSION),
    "no-end": raw_startup(VERSION + b"user\0alice\0"),
    "key-without-value": raw_startup(VERSION + b"user\0"),
    "no-user": raw_startup(VERSION + text("database", "shop") + b"\0"),
    "empty-user": raw_startup(VERSION + text("user", "", "database", "shop") + b"\0"),
    "invalid-utf8": raw_startup(VERSION + b"user\0\xff\xfe\0database\0shop\0\0"),
    "protocol-2": raw_startup(struct.pack(">i", 131072) + b"x" * 288),
    "protocol-4": raw_startup(struct.pack(">i", 262144) + text("user", "a") + b"\0"),
    "protocol-0": raw_startup(struct.pack(">i", 0) + text("user", "a") + b"\0"),
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "garbage": bytes(range(256)) * 4,
    "cancel-short": raw_startup(struct.pack(">i", 80877102), 8),
    "cancel-long": raw_startup(struct.pack(">iii", 80877102, 1, 2) + b"x" * 5000),
    "ssl-request-long": raw_startup(struct.pack(">i", SSL_REQUEST) + b"abcd"),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@pytest.mark.parametrize("name", FIRST_BYTES)
def test_first_bytes(reader: Target, name: str) -> None:
    wire = Wire(reader.host, reader.port)
    try:
        wire.send(FIRST_BYTES[name])
        wire.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # already closed by the other side, which is an answer too
    ends_cleanly(wire)


def test_replication_is_refused(reader: Target) -> None:
    for value in ("true", "database", "on", "1", "TRUE"):
        with pytest.raises(Refused) as caught:
            Wire.open(reader, replication=value)
        assert caught.value.fields["S"] == "FATAL"
        assert caught.value.fields["C"] in ("0A000", "28000", "42501", "08P01")


def test_replication_off_is_an_ordinary_connection_or_refused(reader: Target) -> None:
    try:
        with Wire.open(reader, replication="false") as wire:
            assert wire.query("select 1").rows == [[b"1"]]
    except Refused as refused:
        assert refused.fields["S"] == "FATAL"


FORBIDDEN_OPTIONS = {
    "role": {"options": "-c role=postgres"},
    "session-authorization": {"options": "-c session_authorization=postgres"},
    "replication-role": {"options": "-c session_replication_role=replica"},
    "preload": {"options": "-c local_preload_libraries=x"},
    "preload-parameter": {"session_preload_libraries": "x"},
    "row-security": {"options": "-c row_security=off"},
    "strings": {"options": "-c standard_conforming_strings=off"},
    "strings-parameter": {"standard_conforming_strings": "off"},
    "strings-escaped": {"options": "-c standard\\_conforming_strings=off"},
    "strings-dashes": {"options": "--standard-conforming-strings=off"},
    "backslash-quote": {"backslash_quote": "on"},
    "second-option": {"options": "-c work_mem=4MB -c role=postgres"},
    "system-tables": {"options": "-O"},
    "log": {"options": "-c log_statement=none"},
    "search-path": {"options": "-c search_path=attic"},
    "encoding": {"client_encoding": "SJIS"},
    "encoding-options": {"options": "-c client_encoding=GBK"},
    "unknown": {"options": "-c no.such=1"},
    "zero-damaged-pages": {"zero_damaged_pages": "on"},
    "mixed-case": {"Standard_Conforming_Strings": "off"},
}


@pytest.mark.parametrize("name", FORBIDDEN_OPTIONS)
def test_options_off_the_list(reader: Target, name: str) -> None:
    """Refused, or without any effect that a policy depends on."""
    try:
        wire = Wire.open(reader, **FORBIDDEN_OPTIONS[name])
    except Refused as refused:
        assert refused.fields["S"] == "FATAL"
        return
    with wire:
        assert wire.query("show standard_conforming_strings").rows == [[b"on"]]
        assert wire.query("show role").rows in ([], [[b"none"]])
        assert wire.query("show session_replication_role").rows in ([], [[b"origin"]])
        assert wire.query("show client_encoding").rows == [[b"UTF8"]]


@pytest.mark.parametrize(
    "parameters",
    [
        {"application_name": "an agent"},
        {"client_encoding": "UTF8"},
        {"client_encoding": "'utf-8'"},
        {"DateStyle": "ISO, MDY"},
        {"TimeZone": "Europe/Lisbon"},
        {"extra_float_digits": "2"},
        {"options": "-c portreeve.review=refuse"},
        {"options": "-c portreeve.purpose=support"},
        {"options": "-c portreeve.purpose=two\\ words -c portreeve.review=wait"},
        {"options": "-c statement_timeout=10000"},
    ],
    ids=str,
)
def test_options_that_drivers_send(reader: Target, parameters: dict[str, str]) -> None:
    with Wire.open(reader, **parameters) as wire:
        assert wire.query("select 1").rows == [[b"1"]]


def test_unknown_database(reader: Target) -> None:
    with pytest.raises(Refused) as caught:
        Wire.open(reader, database="elsewhere")
    assert caught.value.fields["S"] == "FATAL"
    assert caught.value.fields["C"] in ("3D000", "28000", "42501")


def test_gss_encryption_is_declined(reader: Target) -> None:
    """The client is told no, and may go on with TLS or without."""
    wire = Wire(reader.host, reader.port)
    wire.send(request(GSS_REQUEST))
    assert wire.socket.recv(1) == b"N"
    wire.send(startup_packet({"user": reader.user, "database": reader.database}))
    wire.authenticate(reader.user, reader.password)
    assert wire.query("select 1").rows == [[b"1"]]
    wire.close()


def test_bytes_stuffed_before_tls(reader: Target) -> None:
    """CVE-2021-23214: what came in clear must not be read as if it came encrypted."""
    wire = Wire(reader.host, reader.port)
    stuffed = startup_packet({"user": reader.user, "database": reader.database})
    wire.send(request(SSL_REQUEST) + stuffed)
    wire.socket.settimeout(10)
    first = wire.socket.recv(1)
    if first == b"S":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises((ssl.SSLError, OSError)):
            encrypted = context.wrap_socket(wire.socket)
            encrypted.settimeout(5)
            # Were the stuffed startup taken, a request for the password would come.
            answer = encrypted.recv(1)
            assert not answer, f"the stuffed bytes were taken: {answer!r}"
            raise OSError("closed, as it should be")
    else:
        assert first in (b"", b"E")
    wire.close()


def test_clear_text_after_tls_was_agreed(reader: Target) -> None:
    wire = Wire(reader.host, reader.port)
    wire.send(request(SSL_REQUEST))
    assert wire.socket.recv(1) == b"S"
    wire.send(startup_packet({"user": reader.user, "database": reader.database}))
    wire.socket.settimeout(10)
    data = b""
    try:
        while part := wire.socket.recv(4096):
            data += part
    except ConnectionError:
        pass
    # At most a TLS alert; never a message of PostgreSQL in clear.
    assert not data.startswith((b"R", b"E\0")), data


def test_ssl_request_twice(reader: Target) -> None:
    wire = Wire(reader.host, reader.port)
    wire.send(request(SSL_REQUEST))
    assert wire.socket.recv(1) == b"S"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    wire.socket = context.wrap_socket(wire.socket)
    wire.send(request(SSL_REQUEST))
    ends_cleanly(wire)


def test_old_tls_is_refused(reader: Target) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    wire = Wire(reader.host, reader.port)
    wire.send(request(SSL_REQUEST))
    assert wire.socket.recv(1) == b"S"
    with pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(wire.socket)
    wire.close()


def test_protocol_3_9_is_negotiated(reader: Target) -> None:
    """An unknown minor version and unknown `_pq_.` options get NegotiateProtocolVersion."""
    wire = Wire(reader.host, reader.port)
    named = {"user": reader.user, "database": reader.database, "_pq_.future": "1"}
    wire.send(startup_packet(named, PROTOCOL_3_0 + 9))
    message = wire.message()
    assert message.kind == "v", message
    minor, count = struct.unpack_from(">ii", message.body)
    # The field holds the whole version or the minor part, depending on who reads the manual.
    assert minor & 0xFFFF in (0, 2) and count == 1
    assert message.body[8:] == b"_pq_.future\0"
    wire.authenticate(reader.user, reader.password)
    assert wire.query("select 1").rows == [[b"1"]]
    wire.close()


def test_empty_and_huge_passwords(reader: Target) -> None:
    for password in ("", "x", "x" * 9000, "x" * 200_000, "\x01\x7f", "a.b.c", "Bearer x"):
        with pytest.raises((Refused, OSError, Exception)) as caught:
            Wire.open(reader, password=password)
        assert not isinstance(caught.value, AssertionError)
        if isinstance(caught.value, Refused):
            assert caught.value.fields["C"] in ("28000", "28P01", "08P01")
            assert "x" * 50 not in str(caught.value.fields)
