"""An authority for one test, and certificates by it."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        certificate = self._made(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None), ())
        self.file = directory / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _made(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, basic: x509.BasicConstraints, hosts: tuple[str, ...]
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(basic, critical=True)
        )
        if hosts:
            # Whoever is reached by another address is no host of this name either.
            local = [x509.DNSName("localhost")] if "127.0.0.1" in hosts else []
            names = [*local, *(x509.IPAddress(ipaddress.ip_address(host)) for host in hosts)]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name: str, host: str = "127.0.0.1") -> tuple[Path, Path]:
        """The files of a certificate for loopback, or another host, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._made(subject, key, x509.BasicConstraints(ca=False, path_length=None), (host,))
        certificate, secret = self.directory / f"{name}.pem", self.directory / f"{name}-key.pem"
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return certificate, secret

    def server(
        self, *, asks: bool = False, protocols: tuple[str, ...] = (), host: str = "127.0.0.1"
    ) -> ssl.SSLContext:
        """What a server shows; `asks` makes it want a certificate by this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue("server", host))
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context
