"""Base45 (RFC 9285): bytes in the 45 characters of a QR code's alphanumeric mode."""

from __future__ import annotations

import struct

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# Characters outside the alphabet become 255, which `translate` cannot confuse with a digit.
_DIGIT = bytes(_ALPHABET.find(c) if c in _ALPHABET else 255 for c in range(256))


def encode(data: bytes) -> bytes:
    """Base45 text of `data`, as ASCII bytes."""
    out = bytearray()
    for high, low in zip(data[::2], data[1::2], strict=False):
        rest, c = divmod(high * 256 + low, 45)
        e, d = divmod(rest, 45)
        out += bytes((_ALPHABET[c], _ALPHABET[d], _ALPHABET[e]))
    if len(data) % 2:
        d, c = divmod(data[-1], 45)
        out += bytes((_ALPHABET[c], _ALPHABET[d]))
    return bytes(out)


def decode(text: bytes) -> bytes:
    """The bytes behind base45 `text`.

    Raises ValueError for a character outside the alphabet, a length of 3n+1, and groups
    beyond 65535 (three characters) or 255 (two).
    """
    if len(text) % 3 == 1:
        raise ValueError(f"base45 of {len(text)} characters, which no byte string has")
    digits = text.translate(_DIGIT)
    if 255 in digits:
        raise ValueError(f"not a base45 character at position {digits.index(255)}")
    whole = len(digits) - len(digits) % 3
    columns = zip(digits[0:whole:3], digits[1:whole:3], digits[2:whole:3], strict=True)
    values = [c + 45 * d + 2025 * e for c, d, e in columns]
    if values and max(values) > 0xFFFF:
        raise ValueError(f"base45 group of value {max(values)}, at most {0xFFFF}")
    data = struct.pack(f">{len(values)}H", *values)
    if whole == len(digits):
        return data
    last = digits[-2] + 45 * digits[-1]
    if last > 0xFF:
        raise ValueError(f"base45 group of value {last} at the end, at most {0xFF}")
    return data + bytes((last,))
