"""Checks signatures of AWS (Signature Version 4) as a service does: from the request's own bytes."""

import hashlib
import hmac
from urllib.parse import quote, unquote

from .service import Seen


def is_signed(seen: Seen, key_id: str, secret: str, service: str) -> bool:
    kind, rest = seen.fields["authorization"].split(" ", 1)
    said = dict(part.strip().split("=", 1) for part in rest.split(","))
    found_id, scope = said["Credential"].split("/", 1)
    date, region, named, end = scope.split("/")
    if (kind, found_id, named, end) != ("AWS4-HMAC-SHA256", key_id, service, "aws4_request"):
        return False
    names = said["SignedHeaders"].split(";")
    must = {"host", *(name for name in seen.fields if name.startswith("x-amz-"))}
    if names != sorted(names) or not must <= set(names):
        return False
    path, _, query = seen.target.partition("?")
    path = quote(unquote(path), safe="/~") if service == "s3" else quote(path, safe="/~")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    pairs = sorted((quote(unquote(name), safe="~"), quote(unquote(value), safe="~")) for name, value in pairs)
    fields = "".join(f"{name}:{' '.join(seen.fields[name].split())}\n" for name in names)
    body = hashlib.sha256(seen.body).hexdigest()
    if service == "s3" and seen.fields["x-amz-content-sha256"] != body:
        return False
    asked = "&".join(f"{name}={value}" for name, value in pairs)
    canonical = "\n".join([seen.method, path, asked, fields, ";".join(names), body])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    words = "\n".join(["AWS4-HMAC-SHA256", seen.fields["x-amz-date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for part in (date, region, named, end, words):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), said["Signature"])
