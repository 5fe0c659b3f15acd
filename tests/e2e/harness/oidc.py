"""Two issuers: the certified provider from npm, and one of our own that signs anything."""

import base64
import html
import http.cookiejar
import http.server
import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .paths import E2E, NODE_MODULES, node
from .waiting import free_port, until


class Provider:
    """`oidc-provider` in a node of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [node(), str(E2E / "node" / "provider.mjs"), str(NODE_MODULES), str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "NODE_ENV": "test"},
        )
        until("the provider answers", self._answers, 30)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"{self.issuer}/.well-known/openid-configuration", timeout=5
            ):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def service_token(self, resource: str = "urn:portreeve") -> str:
        """What the client `robot` gets for itself."""
        form = {"grant_type": "client_credentials", "resource": resource, "scope": "query"}
        return self._token("robot", form)["access_token"]

    def person_tokens(self, name: str) -> dict[str, str]:
        """What `tool` gets after a person logged in: access and id token."""
        browser = Browser()
        query = urllib.parse.urlencode(
            {
                "client_id": "tool",
                "response_type": "code",
                "redirect_uri": "http://127.0.0.1/callback",
                "scope": "openid query",
                "resource": "urn:portreeve",
            }
        )
        page = browser.get(f"{self.issuer}/auth?{query}")
        page = browser.submit(page, login=name, password="any")
        end = browser.submit(page)
        code = urllib.parse.parse_qs(urllib.parse.urlparse(end.url).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://127.0.0.1/callback",
            "resource": "urn:portreeve",
        }
        return self._token("tool", form)

    def _token(self, client: str, form: dict[str, str]) -> dict[str, str]:
        secret = base64.b64encode(f"{client}:{client}-secret-of-the-tests".encode()).decode()
        request = urllib.request.Request(
            f"{self.issuer}/token",
            urllib.parse.urlencode(form).encode(),
            {"authorization": f"Basic {secret}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


class Page:
    def __init__(self, url: str, text: str):
        self.url, self.text = url, text


class _Stop(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Browser:
    """As much of a browser as a login needs: cookies, redirects, one form."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies, _Stop())

    def get(self, url: str, data: bytes | None = None) -> Page:
        for _ in range(10):
            try:
                with self.opener.open(url, data, timeout=10) as answer:
                    return Page(url, answer.read().decode())
            except urllib.error.HTTPError as error:
                if error.code not in (302, 303):
                    raise
                url, data = urllib.parse.urljoin(url, error.headers["location"]), None
                if "/callback" in url:
                    return Page(url, "")
        raise AssertionError("too many redirects")

    def submit(self, page: Page, **fields: str) -> Page:
        action = html.unescape(re.search(r'<form[^>]* action="([^"]+)"', page.text)[1])
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', page.text))
        data = urllib.parse.urlencode(hidden | fields).encode()
        return self.get(urllib.parse.urljoin(page.url, action), data)


class Forger:
    """An issuer of our own: discovery, keys, and any token that a test wants signed."""

    def __init__(self, issuer_name: str | None = None) -> None:
        self.keys: dict[str, object] = {}
        self.published: list[str] = []
        self.requests = 0
        self.delay = threading.Event()
        self.delay.set()
        forger = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                forger.requests += 1
                forger.delay.wait(30)
                if self.path == "/.well-known/openid-configuration":
                    body = {
                        "issuer": forger.issuer,
                        "jwks_uri": f"http://127.0.0.1:{forger.port}/jwks",
                        "authorization_endpoint": f"{forger.issuer}/auth",
                        "token_endpoint": f"{forger.issuer}/token",
                        "response_types_supported": ["code"],
                        "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["RS256"],
                    }
                elif self.path == "/jwks":
                    body = {"keys": [forger.public(kid) for kid in forger.published]}
                else:
                    self.send_error(404)
                    return
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.issuer = issuer_name or f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.add_key("rsa-1")

    def stop(self) -> None:
        self.delay.set()
        self.server.shutdown()

    def add_key(self, kid: str, kind: str = "RS256", publish: bool = True) -> None:
        makers = {
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
            "RS1024": lambda: rsa.generate_private_key(65537, 1024),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }
        self.keys[kid] = makers[kind]()
        if publish:
            self.published.append(kid)

    def public(self, kid: str) -> dict[str, object]:
        key = self.keys[kid].public_key()
        if isinstance(key, rsa.RSAPublicKey):
            jwk, name = jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True), "RS256"
        elif isinstance(key, ec.EllipticCurvePublicKey):
            jwk, name = jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True), "ES256"
        else:
            jwk, name = jwt.algorithms.OKPAlgorithm.to_jwk(key, as_dict=True), "EdDSA"
        return dict(jwk) | {"kid": kid, "use": "sig", "alg": name}

    def claims(self, **change: object) -> dict[str, object]:
        """Good ones, changed; None takes a claim away."""
        now = int(time.time())
        good: dict[str, object] = {
            "iss": self.issuer,
            "aud": "portreeve",
            "sub": "carol",
            "iat": now,
            "exp": now + 600,
            "jti": str(uuid.uuid4()),
            "client_id": "tool",
            "groups": ["analysts"],
        }
        return {key: value for key, value in (good | change).items() if value is not None}

    def token(
        self,
        kid: str = "rsa-1",
        algorithm: str = "RS256",
        headers: dict[str, object] | None = None,
        key: object = None,
        **change: object,
    ) -> str:
        all_headers = {"kid": kid, "typ": "at+jwt"} | (headers or {})
        return jwt.encode(self.claims(**change), key or self.keys[kid], algorithm, all_headers)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
