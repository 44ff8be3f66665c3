"""Tells whether a symbol is only a part of a code (structured append, ISO/IEC 18004 section 8).

zxing-cpp's Python binding hands out the bytes of a part as if they were the whole. The modules
that it sampled are at hand, though, and a symbol's first four bits are its mode.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Modules = npt.NDArray[np.bool_]

_APPEND = 0b0011
_WHOLE = frozenset({0b0001, 0b0010, 0b0100, 0b0101, 0b0111, 0b1000, 0b1001})
"""Modes that a code can begin with: numeric, alphanumeric, byte, FNC1, ECI, kanji, FNC1."""

_LEVELS = {"L": 0b01, "M": 0b00, "Q": 0b11, "H": 0b10}
_FIRST = ((1, 1), (1, 2), (2, 1), (2, 2))  # rows and columns from the end, bit by bit


def is_part(modules: Modules, level: str, mask: int) -> bool | None:
    """Whether a symbol is a part of a code; None where damage leaves it open. `modules` is a
    square, True is dark; `level` (L, M, Q, H) and `mask` (0-7) are those of the symbol."""
    if _mirrored(modules, level, mask):
        modules = modules.T
    mode = 0
    for row, column in _FIRST:
        i, j = len(modules) - row, len(modules) - column
        mode = mode << 1 | int(modules[i, j] ^ _masked(mask, i, j))
    return None if mode != _APPEND and mode not in _WHOLE else mode == _APPEND


def _mirrored(modules: Modules, level: str, mask: int) -> bool:
    """Whether the format information around the upper left finder reads better transposed."""
    data = _LEVELS[level] << 3 | mask
    check = data
    for _ in range(10):
        check = check << 1 ^ (check >> 9) * 0b10100110111
    bits = (data << 10 | check) ^ 0b101010000010010
    low = np.array([bits >> i & 1 for i in range(6)], bool)
    high = np.array([bits >> (14 - i) & 1 for i in range(6)], bool)
    down, right = modules[:6, 8], modules[8, :6]
    as_is = np.count_nonzero(down != low) + np.count_nonzero(right != high)
    turned = np.count_nonzero(right != low) + np.count_nonzero(down != high)
    return bool(turned < as_is)


def _masked(mask: int, i: int, j: int) -> bool:
    """The data mask at row i, column j."""
    return (
        (i + j) % 2,
        i % 2,
        j % 3,
        (i + j) % 3,
        (i // 2 + j // 3) % 2,
        i * j % 2 + i * j % 3,
        (i * j % 2 + i * j % 3) % 2,
        ((i + j) % 2 + i * j % 3) % 2,
    )[mask] == 0
