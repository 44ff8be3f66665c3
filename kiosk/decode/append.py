"""Tells whether a symbol is only a part of a code (structured append, ISO/IEC 18004 section 8).

zxing-cpp's Python binding hands out the bytes of a part as if they were the whole. The modules
that it sampled are at hand, though: the first four bits say it, and when damage may have hit
them, so does the place of the payload, which a part's header moves by 20 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kiosk.decode.modules import CODEWORDS, Modules, first_bits, may_begin

_APPEND = "0011"
_HEADER = 20  # bits: mode, place in the sequence, parity
_ALIKE = 0.8  # share of bits that agree where a payload is; by chance it is half
_CLEARER = 0.2
_ENOUGH = 24  # bits to judge by
_ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_COUNT_BITS = {"0001": (10, 12, 14), "0010": (9, 11, 13), "0100": (8, 16, 16)}
_UTF8 = "0111" + "00011010"  # ECI 26


class Place(NamedTuple):
    """Which part a symbol is, from 0, and of how many. `parity` is that of the whole code, and
    the same in all of its parts."""

    part: int
    of: int
    parity: int


def place(modules: Modules, level: str, mask: int) -> Place:
    """What the header of a part says; true of a symbol in which nothing was damaged."""
    bits = "".join("1" if bit else "0" for bit in first_bits(modules, level, mask)[:_HEADER])
    return Place(int(bits[4:8], 2), int(bits[8:12], 2) + 1, int(bits[12:], 2))


def is_part(modules: Modules, level: str, mask: int, payload: bytes, intact: bool) -> bool | None:
    """Whether a symbol is a part of a code; None where damage leaves it open.

    `modules` is a square, True is dark; `level` (L, M, Q, H) and `mask` (0-7) are those of the
    symbol. `intact`: nothing of it had to be corrected.
    """
    if intact and not may_begin(modules, mask, _APPEND):
        return False
    bits = first_bits(modules, level, mask)
    says_so = "".join("1" if bit else "0" for bit in bits[:4]) == _APPEND
    if intact:
        return says_so
    for stream in _streams(payload, (len(modules) - 17) // 4):
        whole, part = _scores(bits, stream)
        if max(whole, part) >= _ALIKE and abs(whole - part) >= _CLEARER:
            return part > whole
    return True if says_so else None


def _scores(bits: Modules, stream: str) -> tuple[float, float]:
    """How far the bits agree with `stream` as a whole code, and as a part of one."""
    expected = np.frombuffer(stream.encode(), np.uint8) == ord("1")
    if len(expected) < _ENOUGH:
        return 0.0, 0.0
    return _alike(bits, expected), _alike(bits[_HEADER:], expected)


def _alike(bits: Modules, expected: Modules) -> float:
    """The share of bits that agree, as far as both go."""
    length = min(len(bits), len(expected))
    return int(np.count_nonzero(bits[:length] == expected[:length])) / length


def _streams(payload: bytes, version: int) -> Iterator[str]:
    """The bits that the code may begin with: one kind of segment, or a change of kind after
    the first digits or capitals."""
    yield _segment("0100", payload, len(payload), version)
    for mode, letters in (("0001", _ALPHANUMERIC[:10]), ("0010", _ALPHANUMERIC)):
        run = len(payload) - len(payload.lstrip(letters))
        if run:
            yield _segment(mode, payload, run, version)
    yield _UTF8 + _segment("0100", payload, len(payload), version)


def _segment(mode: str, payload: bytes, count: int, version: int) -> str:
    """Its first bits, at most as many as are read of a symbol."""
    size = _COUNT_BITS[mode][(version >= 10) + (version >= 27)]
    some = payload[: min(count, 3 * CODEWORDS)]  # three digits take ten bits
    if mode == "0100":
        data = [(byte, 8) for byte in some[:CODEWORDS]]
    elif mode == "0001":
        triples = [some[k : k + 3] for k in range(0, len(some), 3)]
        data = [(int(triple), (0, 4, 7, 10)[len(triple)]) for triple in triples]
    else:
        values = [_ALPHANUMERIC.index(letter) for letter in some]
        data = [(45 * a + b, 11) for a, b in zip(values[::2], values[1::2], strict=False)]
    stream = mode + f"{count:0{size}b}" + "".join(f"{value:0{n}b}" for value, n in data)
    return stream[: 8 * CODEWORDS]
