"""The modules of a QR symbol in the order of its bits (ISO/IEC 18004, sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Modules = npt.NDArray[np.bool_]

CODEWORDS = 9
"""How many are read: as many as the smallest block of any symbol holds data."""

# Number of blocks per version, 1 to 40 (table 9). The first codewords of each block come
# first, then the second ones, and so on.
_BLOCKS = {
    "L": "1 1 1 1 1 2 2 2 2 4 4 4 4 4 6 6 6 6 7 8 8 9 9 10 12 12 12 13 14 15 16 17 18 19 19 20 21"
    " 22 24 25",
    "M": "1 1 1 2 2 4 4 4 5 5 5 8 9 9 10 10 11 13 14 16 17 17 18 20 21 23 25 26 28 29 31 33 35 37"
    " 38 40 43 45 47 49",
    "Q": "1 1 2 2 4 4 6 6 8 8 8 10 12 16 12 17 16 18 21 20 23 23 25 27 29 34 34 35 38 40 43 45 48"
    " 51 53 56 59 62 65 68",
    "H": "1 1 2 4 4 4 5 6 8 8 11 11 16 16 18 16 19 21 25 25 25 34 30 32 35 37 40 42 45 48 51 54 57"
    " 60 63 66 70 74 77 81",
}
_LEVELS = {"L": 0b01, "M": 0b00, "Q": 0b11, "H": 0b10}


def may_begin(modules: Modules, mask: int, mode: str) -> bool:
    """Whether the first four bits could be `mode`, the symbol being mirrored or not. Tells in
    no time that most symbols are nothing special."""
    last = len(modules) - 1
    at = ((last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1))
    flipped = [bool(_MASKS[mask](i, j) == 0) for i, j in at]
    return any(
        [square[where] ^ flip for where, flip in zip(at, flipped, strict=True)]
        == [bit == "1" for bit in mode]
        for square in (modules, modules.T)
    )


def first_bits(modules: Modules, level: str, mask: int) -> npt.NDArray[np.bool_]:
    """The first `CODEWORDS` data codewords of the first block as they were sampled, damage
    and all: bits, shape (8 * CODEWORDS,). `modules` is a square, True is dark, mirrored or
    not; `level` (L, M, Q, H) and `mask` (0-7) are those of the symbol."""
    if _mirrored(modules, level, mask):
        modules = modules.T
    version = (len(modules) - 17) // 4
    i, j = _places(version, int(_BLOCKS[level].split()[version - 1]))
    bits: npt.NDArray[np.bool_] = modules[i, j] ^ (_MASKS[mask](i, j) == 0)
    return bits


_MASKS: tuple[Callable[[Any, Any], Any], ...] = (  # of rows and columns, numbers or arrays
    lambda i, j: (i + j) % 2,
    lambda i, j: i % 2,
    lambda i, j: j % 3,
    lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2,
    lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
)


@lru_cache(maxsize=8)
def _places(version: int, blocks: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of the bits, without those of other blocks."""
    size = 17 + 4 * version
    taken = _taken(version, size)
    path: list[tuple[int, int]] = []
    up = True
    for right in [*range(size - 1, 6, -2), 5, 3, 1]:
        rows = range(size - 1, -1, -1) if up else range(size)
        path += [(i, j) for i in rows for j in (right, right - 1) if not taken[i, j]]
        up = not up
        if len(path) >= 8 * (blocks * (CODEWORDS - 1) + 1):
            break
    every = [path[8 * blocks * k + bit] for k in range(CODEWORDS) for bit in range(8)]
    at = np.array(every, np.intp)
    return at[:, 0], at[:, 1]


def _taken(version: int, size: int) -> npt.NDArray[np.bool_]:
    """Where a symbol has patterns instead of data."""
    taken = np.zeros((size, size), np.bool_)
    taken[:9, :9] = taken[:9, -8:] = taken[-8:, :9] = True  # finders, format
    taken[6, :] = taken[:, 6] = True  # timing
    if version >= 7:
        taken[:6, -11:-8] = taken[-11:-8, :6] = True  # version
    if version >= 2:
        count = version // 7 + 2
        step = 26 if version == 32 else (version * 4 + count * 2 + 1) // (count * 2 - 2) * 2
        centres = [6] + [size - 7 - step * k for k in range(count - 2, -1, -1)]
        for i in centres:
            for j in centres:
                if (i, j) not in ((6, 6), (6, size - 7), (size - 7, 6)):
                    taken[i - 2 : i + 3, j - 2 : j + 3] = True  # alignment
    return taken


def _mirrored(modules: Modules, level: str, mask: int) -> bool:
    """Whether the format information around the upper left finder reads better transposed."""
    low, high = _format(level, mask)
    down, right = modules[:6, 8], modules[8, :6]
    as_is = np.count_nonzero(down != low) + np.count_nonzero(right != high)
    turned = np.count_nonzero(right != low) + np.count_nonzero(down != high)
    return bool(turned < as_is)


@lru_cache(maxsize=32)
def _format(level: str, mask: int) -> tuple[Modules, Modules]:
    """The six lowest bits of the format information, upwards, and the six highest, downwards."""
    data = _LEVELS[level] << 3 | mask
    check = data
    for _ in range(10):
        check = check << 1 ^ (check >> 9) * 0b10100110111
    bits = (data << 10 | check) ^ 0b101010000010010
    low = np.array([bits >> i & 1 for i in range(6)], np.bool_)
    return low, np.array([bits >> (14 - i) & 1 for i in range(6)], np.bool_)
