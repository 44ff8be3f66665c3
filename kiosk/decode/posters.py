"""Codes that hang there: a poster, a placard on the counter, a phone that was laid down.

They are read like any other, and must not keep anybody who comes from being looked at.
"""

from __future__ import annotations

import msgspec

from kiosk.decode.geometry import Box, Corners, box_of, centre

HANGS_S = 3.0
"""A code at one place for so long is not held in a hand."""
_TREMOR = 4.0  # pixels: a hand strays further from where it began
_MOST = 16


class _Known(msgspec.Struct):
    """A code read at `corners` since `since`, the last time at `last`, both in seconds."""

    corners: Corners
    since: float
    last: float


class Posters:
    """Remembers where codes are read, and since when; never what they say."""

    def __init__(self) -> None:
        self._known: list[_Known] = []

    def held(self, codes: list[Corners], at: float) -> list[bool]:
        """Of each code read at `at` seconds, whether it may be in somebody's hand."""
        self._known = [k for k in self._known if at - k.last <= HANGS_S][-_MOST:]
        return [at - self._seen(corners, at).since < HANGS_S for corners in codes]

    def _seen(self, corners: Corners, at: float) -> _Known:
        x, y = centre(corners)
        for known in self._known:
            was_x, was_y = centre(known.corners)
            if abs(x - was_x) <= _TREMOR and abs(y - was_y) <= _TREMOR:
                known.last = at
                return known
        self._known.append(_Known(corners, at, at))
        return self._known[-1]

    def places(self, since: float) -> list[Box]:
        """Where codes were read at `since` seconds or later; may reach out of the frame."""
        return [box_of(known.corners) for known in self._known if known.last >= since]
