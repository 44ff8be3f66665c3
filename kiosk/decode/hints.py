"""What a visitor could do so that the code can be read."""

from __future__ import annotations

import numpy as np

from kiosk.decode.geometry import Grey, box_of
from kiosk.decode.zxing import Unread
from kiosk.model import Hint

AFTER_S = 0.7
"""A hint is given when the same trouble has lasted this long: most codes are read sooner."""

_PITCH = 2.6  # pixels per module below which hardly any code is read
_SMALL = 110  # pixels: a side of a code so small that its modules could not even be counted
_WHITE = 250  # grey level of a pixel that has burnt out
_PATCH = 8  # pixels: no white area inside a code is as large, whatever it says
_BURNT = 0.12  # share of such patches


class Patience:
    """Holds a hint back until it has been the same for `AFTER_S` seconds."""

    def __init__(self) -> None:
        self._hint: Hint | None = None
        self._since = 0.0

    def settled(self, hint: Hint | None, at: float) -> Hint | None:
        """`hint` if it has lasted, at `at` seconds; None clears it."""
        if hint != self._hint:
            self._hint, self._since = hint, at
        return hint if at - self._since >= AFTER_S else None


def advice(grey: Grey, unread: list[Unread]) -> Hint | None:
    """What stands in the way of the largest code that was found and not read."""
    if not unread:
        return None
    code = max(unread, key=lambda u: box_of(u.corners).side)
    box = box_of(code.corners).grown(0, grey)
    if _burnt(box.cut(grey)) > _BURNT:
        return "too-bright"
    small = box.side < _PITCH * code.modules if code.modules else box.side < _SMALL
    return "closer" if small else "hold-still"


def _burnt(grey: Grey) -> float:
    """Share of patches that are white all over."""
    rows, columns = grey.shape[0] // _PATCH, grey.shape[1] // _PATCH
    if not rows or not columns:
        return 0.0
    patches = grey[: rows * _PATCH, : columns * _PATCH].reshape(rows, _PATCH, columns, _PATCH)
    return float(np.mean(patches.min((1, 3)) >= _WHITE))
