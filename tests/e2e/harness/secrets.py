"""What must never reach a client: the markers of the shop, in every common disguise."""

import base64
import codecs
import datetime
import struct

# At least one for every classified value of the shop, so short that a fragment is found too.
MARKERS = (
    "quixmarker", "zebulon", "ottoline", "peregrin",
    "zq7marker", "zq8marker", "zq9marker", "leak-q7", "leak-q8", "leak-q9",
    "90917711", "90917722",
    "917-66-442", "917664421", "917664422", "917664423",
    "0532917711", "0532917722", "0532917733",
    "1917-07-11", "1917-08-22", "1917-09-23", "19170711", "07/11/1917", "11.07.1917",
    "917711.17", "917722.17", "917733.17",
    "7390441", "7390442", "7390443",
    "zq7notes", "zq8notes", "zq7photo", "zq8photo",
    "zq7alias", "zq7other", "zq8alias", "zq7nick", "zq7tel", "zq8nick", "zq8tel",
    "zqcrowd", "leak-crowd",
)  # fmt: skip

# Shorter disguises occur by chance in pseudonyms and keys.
FORM_BYTES_MIN = 7


def _disguises(marker: str) -> set[bytes]:
    plain = marker.encode()
    forms = {
        plain,
        plain[::-1],
        plain.hex().encode(),
        codecs.encode(marker, "rot13").encode(),
        marker.encode("utf-16-le"),
        " ".join(marker).encode(),
    }
    for shift in range(3):
        # Only the characters that no neighbour of the marker can change.
        encoded = base64.b64encode(b"\0" * shift + plain + b"\0" * (-(shift + len(plain)) % 3))
        first = -(-shift * 8 // 6)
        last = (shift + len(plain)) * 8 // 6
        forms.add(encoded[first:last].lower())
    return {form for form in forms if len(form) >= FORM_BYTES_MIN}


def _binary_forms() -> dict[bytes, str]:
    """How the binary format spells the markers that are not text."""
    forms = {}
    for day in ("1917-07-11", "1917-08-22", "1917-09-23"):
        days = (datetime.date.fromisoformat(day) - datetime.date(2000, 1, 1)).days
        forms[b"\0\0\0\x04" + struct.pack(">i", days)] = f"{day} in binary"
    for pin in (7390441, 7390442, 7390443):
        forms[struct.pack(">i", pin)] = f"{pin} in binary"
    for middle in (7711, 7722, 7733):
        forms[struct.pack(">3H", 91, middle, 1700)] = f"91{middle}.17 in binary"
    return forms


_FORMS = {form: marker for marker in MARKERS for form in _disguises(marker)}
_BINARY = _binary_forms()


def found_in(data: bytes) -> set[str]:
    """The markers that occur in these bytes; empty is good."""
    data = bytes(data)
    lower = data.lower()
    found = {marker for form, marker in _FORMS.items() if form in lower}
    return found | {marker for form, marker in _BINARY.items() if form in data}
