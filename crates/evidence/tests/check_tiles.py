#!/usr/bin/env python3
"""Checks a tlog-tiles directory with nothing of ours: RFC 6962 and RFC 8032 by hand.

Usage: check_tiles.py DIR VERIFIER_KEY

Reads the checkpoint, checks its Ed25519 signature, reads every leaf from the entry
bundles, recomputes the root, and checks every hash tile. Prints the size and the root.
"""

import base64
import hashlib
import os
import struct
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decompress(data):
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    assert y < P, "a point is out of range"
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_MINUS_ONE % P
    assert (x * x - square) % P == 0, "not a point"
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        return False
    digest = hashlib.sha512(r + public + message).digest()
    h = int.from_bytes(digest, "little") % L
    left = times(s, BASE)
    right = add(decompress(r), times(h, decompress(public)))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    same_y = (left[1] * right[2] - right[1] * left[2]) % P == 0
    return same_x and same_y


def open_note(text, key):
    name, key_id, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded, validate=True)
    assert public[0] == 1, "the key is not of Ed25519"
    expected = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]
    assert expected.hex() == key_id, "the key id does not fit the key"
    body, signatures = text.rsplit("\n\n", 1)
    body += "\n"
    for line in signatures.rstrip("\n").split("\n"):
        assert line.startswith("\u2014 "), "not a signature line"
        signer, signature = line[2:].split(" ")
        data = base64.b64decode(signature, validate=True)
        if signer == name and data[:4] == expected:
            assert ed25519_holds(public[1:], body.encode(), data[4:]), "the signature is wrong"
            origin, size, root = body.split("\n")[:3]
            assert origin == name, "the checkpoint is of another log"
            return int(size), base64.b64decode(root, validate=True)
    raise AssertionError("the log did not sign the checkpoint")


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def tree_hash(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    left, right = tree_hash(hashes[:split]), tree_hash(hashes[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def tile_path(number):
    parts = [f"{number % 1000:03}"]
    number //= 1000
    while number:
        parts.insert(0, f"x{number % 1000:03}")
        number //= 1000
    return os.path.join(*parts)


def read_tiles(directory, level, count):
    """The contents of every tile of a level that has `count` hashes or entries."""
    for number in range((count + 255) // 256):
        width = min(256, count - number * 256)
        path = os.path.join(directory, "tile", str(level), tile_path(number))
        if width < 256:
            path = os.path.join(path + ".p", str(width))
        with open(path, "rb") as file:
            yield width, file.read()


def read_leaves(directory, size):
    leaves = []
    for width, data in read_tiles(directory, "entries", size):
        for _ in range(width):
            (length,) = struct.unpack(">H", data[:2])
            leaves.append(data[2 : 2 + length])
            assert len(leaves[-1]) == length, "an entry is cut short"
            data = data[2 + length :]
        assert not data, "bytes after the last entry of a bundle"
    return leaves


def main():
    directory, key = sys.argv[1], sys.argv[2]
    with open(os.path.join(directory, "checkpoint"), encoding="utf-8") as file:
        size, root = open_note(file.read(), key)
    level, hashes = 0, [leaf_hash(leaf) for leaf in read_leaves(directory, size)]
    assert tree_hash(hashes) == root, "the root over the leaves is not the one signed"
    while hashes:
        at = 0
        for width, data in read_tiles(directory, level, len(hashes)):
            assert data == b"".join(hashes[at : at + width]), f"a tile of level {level} is wrong"
            at += width
        full = len(hashes) // 256
        hashes = [tree_hash(hashes[n * 256 : n * 256 + 256]) for n in range(full)]
        level += 1
    print(f"ok {size} {root.hex()}")


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, OSError, ValueError, struct.error) as problem:
        sys.exit(f"refused: {problem}")
