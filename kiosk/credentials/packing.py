"""What payloads are packed in: compression, base64url."""

from __future__ import annotations

import re
import zlib
from binascii import Error, a2b_base64

from kiosk.credentials.text import Malformed

INFLATED_MAX = 16 * 1024
ZLIB, RAW = 15, -15
"""Window bits: with the header and check sum of zlib (RFC 1950), or without (RFC 1951)."""

_BASE64URL = re.compile("([A-Za-z0-9_-]*)={0,2}")


def inflate(packed: bytes, window: int) -> bytes:
    """What was compressed: the whole of it, of `INFLATED_MAX` bytes at most. Raises
    Malformed."""
    inflater = zlib.decompressobj(window)
    try:
        data = inflater.decompress(packed, INFLATED_MAX)
    except zlib.error:
        raise Malformed("not compressed with zlib") from None
    if not inflater.eof or inflater.unused_data:
        raise Malformed(f"compressed data is cut, has a tail, or exceeds {INFLATED_MAX} bytes")
    return data


def base64url(text: object, what: str) -> bytes:
    """Bytes behind base64url (RFC 4648), padded or not. Raises Malformed."""
    found = _BASE64URL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Malformed(f"{what} is not base64url")
    letters = found[1].replace("-", "+").replace("_", "/")
    try:
        return a2b_base64(letters + "=" * (-len(letters) % 4), strict_mode=True)
    except Error:
        raise Malformed(f"{what} is not base64url") from None
