"""What payloads are packed in: compression, base64url, base32, pairs of digits."""

from __future__ import annotations

import re
import zlib
from binascii import a2b_base64, unhexlify

from kiosk.credentials.text import Malformed

INFLATED_MAX = 16 * 1024
ZLIB, RAW = 15, -15
"""Window bits: with the header and check sum of zlib (RFC 1950), or without (RFC 1951)."""

# From the letters of base64url to those of base64; whatever has another meaning there, to none.
_BASE64_LETTERS = bytes.maketrans(b"-_+/=", b"+/\0\0\0")
_BASE32 = re.compile(b"[A-Z2-7]+")
# From the digits of RFC 4648 to those of `int`.
_BASE32_DIGITS = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv"
)

# The character of two digits (SMART Health Cards: code point less 45), by what they are in hex.
_PAIRS = bytes((n >> 4) * 10 + (n & 15) + 45 for n in range(256))


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
    if not isinstance(text, str) or text.endswith("==="):
        raise Malformed(f"{what} is not base64url")
    try:
        letters = text.rstrip("=").encode("ascii").translate(_BASE64_LETTERS)
        return a2b_base64(letters + b"=" * (-len(letters) % 4), strict_mode=True)
    except ValueError:
        raise Malformed(f"{what} is not base64url") from None


def base32(text: bytes) -> bytes:
    """Bytes behind base32 (RFC 4648) without padding. Raises Malformed."""
    if _BASE32.fullmatch(text) is None or len(text) % 8 in (1, 3, 6):
        raise Malformed("not base32 without padding")
    size, spare = divmod(5 * len(text), 8)
    number = int(text.translate(_BASE32_DIGITS), 32)  # the library works digit by digit
    return (number >> spare).to_bytes(size, "big")


def digit_pairs(digits: str) -> str:
    """Text of which each character is two of the ASCII `digits`, its code point less 45
    (SMART Health Cards Framework). Raises Malformed."""
    if len(digits) % 2:
        raise Malformed("an odd number of digits")
    return unhexlify(digits).translate(_PAIRS).decode("latin-1")
