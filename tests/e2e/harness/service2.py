"""A service that speaks HTTP/2 alone: answers with what it was asked, and remembers it."""

import json
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events


class Service2:
    """Over TLS it is found by ALPN; without, it has to be known to speak HTTP/2."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.connections = 0
        self.most_at_once = 0
        self.seen: list[dict[str, str]] = []
        # Answers wait until so many requests are open.
        self.waits_for = 1
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        stream = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
        self.connections += 1
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        peer = h2.connection.H2Connection(config)
        peer.initiate_connection()
        stream.sendall(peer.data_to_send())
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        complete: list[int] = []
        while data := stream.recv(65536):
            for event in peer.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    heads[event.stream_id] = dict(event.headers)
                    bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    peer.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    complete.append(event.stream_id)
            self.most_at_once = max(self.most_at_once, len(complete))
            if len(complete) >= self.waits_for:
                for number in complete:
                    self._answer(peer, number, heads[number], bodies[number])
                complete = []
            stream.sendall(peer.data_to_send())

    def _answer(self, peer: h2.connection.H2Connection, number: int, head: dict[str, str], body: bytes) -> None:
        self.seen.append(head)
        said = {"path": head[":path"], "body": body.decode(), "note": "call ann.lovelace@example.org"}
        peer.send_headers(number, [(":status", "200"), ("content-type", "application/json")])
        peer.send_data(number, json.dumps(said).encode(), end_stream=True)
