"""Bodies that are packed, or in another charset, are read like any other."""

import gzip
import json
import zlib

import pytest
from harness.service import Reply

from .conftest import Web

MARK = "erika.marker@example.org"
TEXT = json.dumps({"email": MARK, "note": f"call {MARK}", "id": 7}).encode()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT))),
        ("identity", TEXT),
        ("GZIP", gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:])),
    ],
)
@pytest.mark.parametrize("cuts", [(), (1, 2, 11)])
def test_packed_bodies_are_masked(web: Web, coding: str, body: bytes, cuts: tuple[int, ...]) -> None:
    web.service.replies["/packed"] = Reply(body, fields=(("content-encoding", coding),), cuts=cuts)
    got = web.get("/crm/packed", Accept_Encoding="gzip, br")
    assert got.status == 200 and "content-encoding" not in got.fields
    shown = got.json()
    assert isinstance(shown, dict) and shown["id"] == 7 and MARK not in str(shown)
    assert web.service.seen[-1].fields["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT)[:-9]),
        ("compress", TEXT),
        ("gzip, gzip, gzip, gzip", TEXT),
        ("br", gzip.compress(TEXT)),
        ("gzip", gzip.compress(b"[" + b"0," * (50 << 20) + b"0]")),
    ],
)
def test_what_lies_of_its_coding_or_explodes_is_withheld(web: Web, coding: str, body: bytes) -> None:
    web.service.replies["/packed"] = Reply(body, fields=(("content-encoding", coding),))
    try:
        got = web.get("/crm/packed")
    except Exception as cut_off:
        assert MARK not in str(cut_off)
        return
    assert got.status == 502 and MARK.encode() not in got.body


@pytest.mark.parametrize("charset", ["latin1", "windows-1252", "shift_jis", "gb18030", "UTF-8"])
def test_charsets_are_read(web: Web, charset: str) -> None:
    web.service.replies["/wide"] = Reply(f"call {MARK} now".encode(charset), f"text/plain; charset={charset}")
    got = web.get("/crm/wide")
    assert got.status == 200 and MARK not in got.body.decode() and got.body.startswith(b"call ")
    assert got.fields["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-16", "text/plain; charset=iso-2022-jp", "text/plain; charset=latin1"])
def test_what_reads_as_two_texts_is_withheld(web: Web, kind: str) -> None:
    web.service.replies["/wide"] = Reply(f"call {MARK} now".encode("utf-16le"), kind)
    got = web.get("/crm/wide")
    assert got.status == 502 and b"erika" not in got.body.replace(b"\0", b"")


def test_documents_in_documents_are_documents(web: Web) -> None:
    inner = json.dumps({"salary": 4711, "x": [1]})
    web.service.replies["/nested"] = Reply(json.dumps({"payload": inner, "list": [json.dumps([inner])]}).encode())
    got = web.get("/crm/nested")
    assert got.status == 200 and b"4711" not in got.body
    assert json.loads(json.loads(got.body)["payload"])["x"] == [1]
