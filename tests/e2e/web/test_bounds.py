"""What one caller can use of the gateway has a bound of its own, however a document is written."""

import http.client
import json
import socket
import threading
import time

from harness.service import Reply
from harness.waiting import until

from .conftest import Web

NAME = "A." * 20_000 + "x"


def test_names_that_lead_deep_cost_what_others_do(web: Web) -> None:
    web.service.replies["/items"] = Reply(b"{}")
    web.service.replies["/plain"] = Reply(b"{}")
    document = {NAME[:7_000]: [{"A." * 100 + str(n): list(range(40))} for n in range(40)]}
    body = json.dumps(document).encode()
    web.service.replies["/deep"] = Reply(body)
    # In an answer, in a body, in a query: before, seconds to minutes each.
    asked = [lambda: web.get("/crm/deep"), lambda: web.ask("POST", "/crm/items", body, Content_Type="application/json")]
    for ask in asked:
        threads = [threading.Thread(target=ask) for _ in range(3)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        assert web.get("/crm/plain", Host="crm.internal").status in (200, 404)
        waited = time.monotonic() - began
        for thread in threads:
            thread.join()
        assert waited < 5 and time.monotonic() - began < 20
    web.service.replies["/deep"] = Reply(json.dumps({NAME: 1}).encode())
    got = web.get("/crm/deep")
    assert got.status == 502 and "too long" in got.json()["detail"]
    assert web.get(f"/crm/items?{'A.' * 10_000}=1").status in (200, 403)


def test_documents_in_each_other_end_no_gateway(web: Web) -> None:
    web.service.replies["/items"] = web.service.replies["/plain"] = Reply(b"{}")
    for before, behind in (("[", "]"), ('{"a":', "}")):
        text = "1"
        for _ in range(10):
            text = before * 120 + json.dumps(text) + behind * 120
        got = web.ask("POST", "/crm/items", text.encode(), Content_Type="application/json")
        assert got.status in (200, 400, 403), got
        web.service.replies["/deep"] = Reply(json.dumps({"v": text}).encode())
        try:
            web.get("/crm/deep")
        except http.client.HTTPException:
            pass  # An answer that cannot be masked ends where it has come to.
    assert web.get("/crm/plain").status == 200


def test_what_parts_words_costs_what_words_cost(web: Web) -> None:
    web.service.replies["/items"] = Reply(b"{}")
    size = 60_000
    for text in ("<" + "a=" * (size // 2), "[" * (size // 2) + "a " * (size // 4), "<" + 'id="' * (size // 4), "\\u{" * (size // 3), "x\n" + " " * (size // 2) + "a " * (size // 4)):
        began = time.monotonic()
        web.ask("POST", "/crm/items", text.encode(), Content_Type="text/plain")
        web.service.replies["/text"] = Reply(text.encode(), "text/plain")
        web.get("/crm/text")
        web.service.replies["/text"] = Reply(json.dumps({"v": text}).encode())
        web.get("/crm/text")
        assert time.monotonic() - began < 15, text[:20]


def test_answers_that_wait_have_so_much_room(web: Web) -> None:
    gate = threading.Event()
    long = b"a long text " * (1 << 20)
    web.service.replies["/long"] = Reply(long, kind="text/plain", cuts=(len(long) - 10,), gate=gate)
    token = web.gateway.token("alice")
    head = f"GET /crm/long HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode()
    waiting = [socket.create_connection(("127.0.0.1", web.gateway.port)) for _ in range(7)]
    refused = []

    def read(connection: socket.socket) -> None:
        connection.sendall(head)
        if connection.recv(65536).startswith(b"HTTP/1.1 502 "):
            refused.append(connection)

    threads = [threading.Thread(target=read, args=(connection,)) for connection in waiting]
    for thread in threads:
        thread.start()
    # 12 MiB each: 64 MiB is the room of one caller. All grow at once, so that some are refused before
    # the first of them has given back what it had.
    until("the room is used", lambda: len(refused) >= 2, 60)
    assert len(refused) < len(waiting)
    for connection in waiting:
        connection.shutdown(socket.SHUT_RDWR)
    # Whoever is gone gives the room back, although the service goes on saying nothing.
    web.service.replies["/short"] = Reply(b"short " * (1 << 20), kind="text/plain")

    until("the room is free", lambda: web.get("/crm/short").status == 200, 60)
    gate.set()
    for thread in threads:
        thread.join()
