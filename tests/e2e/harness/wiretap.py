"""Listens in on the link between a connector and a gateway: has the keys of both ends, so that
what it sees is what they say, not what TLS makes of it."""

import base64
import datetime
import socket
import sqlite3
import ssl
import threading
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from .waiting import free_port


class Wiretap:
    """Stands in front of a gateway's port for connectors."""

    def __init__(self, behind: int, data_dir: Path, state: Path):
        self.behind = behind
        self.port = free_port()
        self.seen = bytearray()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._as_gateway = self._gateway_context(data_dir, state)
        self._as_connector = self._connector_context(state)

    def _gateway_context(self, data_dir: Path, state: Path) -> ssl.SSLContext:
        store = sqlite3.connect(data_dir / "control.sqlite")
        query = "select key from installation_key where purpose = 'connectors'"
        authority = Ed25519PrivateKey.from_private_bytes(store.execute(query).fetchone()[0])
        store.close()
        own = Ed25519PrivateKey.generate()
        now = datetime.datetime.now(datetime.UTC)
        host = "gateway.portreeve.internal"
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
            .issuer_name(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portreeve connectors")])
            )
            .public_key(own.public_key())
            .serial_number(7)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
            .sign(authority, None)
        )
        return self._context(
            ssl.PROTOCOL_TLS_SERVER,
            state.parent / "tap-gateway.pem",
            own,
            certificate.public_bytes(serialization.Encoding.PEM),
        )

    def _connector_context(self, state: Path) -> ssl.SSLContext:
        decoded = {
            name: base64.b64decode((state / f"connector-{name}").read_text())
            for name in ("key", "certificate")
        }
        # RFC 5958: the seed stands in an octet string inside of one.
        _, seed = decoded["key"].split(b"\x04\x22\x04\x20", 1)
        key = Ed25519PrivateKey.from_private_bytes(seed[:32])
        pem = ssl.DER_cert_to_PEM_cert(decoded["certificate"]).encode()
        context = self._context(
            ssl.PROTOCOL_TLS_CLIENT, state.parent / "tap-connector.pem", key, pem
        )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    @staticmethod
    def _context(side: int, path: Path, key: Ed25519PrivateKey, chain: bytes) -> ssl.SSLContext:
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(secret + chain)
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(path)
        context.set_alpn_protocols(["portreeve-link"])
        return context

    def __enter__(self) -> "Wiretap":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            connector = self._as_gateway.wrap_socket(plain, server_side=True)
            gateway = self._as_connector.wrap_socket(
                socket.create_connection(("127.0.0.1", self.behind))
            )
            for one, other in ((connector, gateway), (gateway, connector)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: ssl.SSLSocket, other: ssl.SSLSocket) -> None:
        try:
            while data := one.recv(65536):
                with self._lock:
                    self.seen += data
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
