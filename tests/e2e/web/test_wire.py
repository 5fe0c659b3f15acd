"""What no library would send, what ends in the middle, and what the evidence says of it all."""

import http.client
import json
import socket
import ssl
import subprocess
import threading

import pytest
from harness.service import Reply
from harness.waiting import until

from .conftest import Web

OK = Reply(b'{"ok": true}')


def raw(web: Web, text: bytes) -> bytes:
    """Everything that comes back for these bytes, until the gateway closes or is quiet."""
    with socket.create_connection(("127.0.0.1", web.gateway.port), timeout=5) as connection:
        text = text.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        connection.sendall(text.replace(b"TOKEN", web.token.encode()))
        got = b""
        while piece := connection.recv(65536):
            got += piece
        return got


@pytest.mark.parametrize(
    "text",
    [
        b"POST /crm/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
        b"Content-Length: 4\r\nContent-Length: 30\r\n\r\n{} \n",
        b"POST /crm/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"GET /crm/items HTTP/1.1\r\nHost: x\r\nHost: y\r\nAuthorization: Bearer TOKEN\r\n\r\n",
        b"GET http://other/crm/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n\r\n",
        b"GET /crm/items HTTP/1.1\r\nHost: x\r\n Authorization: Bearer TOKEN\r\n\r\n",
        b"GET /crm/items HTTP/1.1\r\nHost : x\r\nAuthorization: Bearer TOKEN\r\n\r\n",
        b"GET /crm/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
        b"Authorization: Bearer other\r\n\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_reaches_nobody(web: Web, text: bytes) -> None:
    web.service.replies["/items"] = OK
    count = len(web.service.seen)
    got = raw(web, text)
    assert not got or got.split(b" ")[1] in (b"400", b"401"), got
    assert len(web.service.seen) == count


def test_what_stands_in_a_body_is_no_request(web: Web) -> None:
    web.service.replies["/items"] = OK
    count = len(web.service.seen)
    hidden = b"GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /crm/items HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n"
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    raw(web, head + b"Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n" + chunk)
    seen = web.service.seen[count:]
    assert [(one.method, one.target, one.body) for one in seen] == [("POST", "/items", hidden)]
    assert "transfer-encoding" not in seen[0].fields


def test_http2_and_tls_are_spoken(web: Web) -> None:
    web.service.replies["/people"] = Reply(b'{"email": "ann@example.org"}')
    port = web.gateway.port
    for scheme, more in (("http", ["--http2-prior-knowledge"]), ("https", ["-k"])):
        words = ["curl", "-sS", "-w", "%{http_version}", "-H", "@-", *more]
        done = subprocess.run(
            [*words, f"{scheme}://127.0.0.1:{port}/crm/people"],
            input=f"Authorization: Bearer {web.token}",
            capture_output=True,
            text=True,
        )
        assert done.stdout == '{"email": "a***@example.org"}2', done
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
    connection.request("GET", "/crm/people", headers={"Authorization": f"Bearer {web.token}"})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_connection_serves_many_requests_at_once_and_after_each_other(web: Web) -> None:
    web.service.replies["/items"] = OK
    failed: list[object] = []

    def many() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", web.gateway.port, timeout=60)
        for _ in range(5):
            connection.request("GET", "/crm/items", headers={"Authorization": f"Bearer {web.token}"})
            answer = connection.getresponse()
            if (answer.status, answer.read()) != (200, OK.body):
                failed.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_session_that_is_killed_ends_its_answers_in_the_middle(web: Web) -> None:
    gate = threading.Event()
    body = json.dumps(["xy"] * 30_000).encode()
    web.service.replies["/slow"] = Reply(body, cuts=(100_000,), gate=gate)
    token = web.gateway.token("rita")
    connection = http.client.HTTPConnection("127.0.0.1", web.gateway.port, timeout=60)
    connection.request("GET", "/crm/slow", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.read(1000)
    otto = web.gateway.token("otto")
    listed = json.loads(web.gateway.http("GET", "/v1/sessions", token=otto)[1])["sessions"]
    mine = [one for one in listed if one["chain"]["principal"]["subject"] == "rita"]
    for one in mine:
        path = f"/v1/sessions/{one['id']}/kill"
        assert web.gateway.http("POST", path, {}, token=otto)[0] == 200
    gate.set()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    connection.close()
    web.service.replies["/items"] = OK
    until("a new session", lambda: web.ask("GET", "/crm/items", token=token).status == 200)


def test_an_account_that_is_disabled_ends_its_answers_and_the_evidence_holds(web: Web) -> None:
    gate = threading.Event()
    web.service.replies["/slow"] = Reply(json.dumps(["xy"] * 30_000).encode(), cuts=(100_000,), gate=gate)
    token = web.gateway.token("otis")
    connection = http.client.HTTPConnection("127.0.0.1", web.gateway.port, timeout=60)
    connection.request("GET", "/crm/slow", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.read(1000)
    web.gateway.run("accounts", "disable", "otis")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    gate.set()
    connection.close()
    assert web.ask("GET", "/crm/items", token=token).status == 401


def test_a_target_that_cannot_be_reached_is_named(web: Web) -> None:
    web.service.replies["/broken"] = Reply(b"{", fields=(("Connection", "close"),))
    got = web.get("/crm/broken")
    assert got.status == 502
