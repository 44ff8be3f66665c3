"""Base45 (RFC 9285): bytes in the 45 characters of a QR code's alphanumeric mode."""

from __future__ import annotations

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
    data = _groups(digits[:whole])
    if whole == len(digits):
        return data
    last = digits[-2] + 45 * digits[-1]
    if last > 0xFF:
        raise ValueError(f"base45 group of value {last} at the end, at most {0xFF}")
    return data + bytes((last,))


def _groups(digits: bytes) -> bytes:
    """Two bytes for each three digits c, d, e: c + 45 d + 2025 e.

    All groups at once, as one big number of which each has three bytes: 44 in all three places
    makes 91124, so that none runs over into its neighbour.
    """
    size = len(digits)
    number, low = int.from_bytes(digits, "big"), int.from_bytes(b"\0\0\xff" * (size // 3), "big")
    values = (number >> 16 & low) + 45 * (number >> 8 & low) + 2025 * (number & low)
    columns = values.to_bytes(size, "big")
    if any(columns[0::3]):
        worst = max(columns[at : at + 3] for at in range(0, size, 3))
        raise ValueError(f"base45 group of value {int.from_bytes(worst, 'big')}, at most {0xFFFF}")
    data = bytearray(size // 3 * 2)
    data[0::2], data[1::2] = columns[1::3], columns[2::3]
    return bytes(data)
