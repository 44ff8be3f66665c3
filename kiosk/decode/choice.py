"""Of several codes in view the one that is held up: the largest and most central."""

from __future__ import annotations

from kiosk.decode.geometry import Corners, Grey, area, centre, same_place
from kiosk.model import Symbol

_LOYALTY = 1.5  # how much larger another must be to take over from the one chosen before
RIVAL = 0.6
"""From this share of the first one's weight on, a second code leaves open which is meant."""


class Choice:
    """Remembers where the last choice was (not what it said), so that two codes of a size do
    not take turns."""

    def __init__(self) -> None:
        self._before: Corners = ()

    def ordered(self, symbols: list[Symbol], grey: Grey) -> list[Symbol]:
        """The one that is held up first."""
        weighed = sorted(symbols, key=lambda s: self._loyal(s, grey), reverse=True)
        self._before = weighed[0].corners if weighed else ()
        return weighed

    def _loyal(self, symbol: Symbol, grey: Grey) -> float:
        known = same_place(symbol.corners, self._before)
        return weight(symbol.corners, grey) * (_LOYALTY if known else 1.0)


def weight(corners: Corners, grey: Grey) -> float:
    """Square pixels; a code in a corner of the frame counts half."""
    height, width = grey.shape
    x, y = centre(corners)
    off: float = max(abs(2 * x / width - 1), abs(2 * y / height - 1))
    return area(corners) * (1 - 0.5 * min(1.0, off))


def ambiguous(ordered: list[Symbol], grey: Grey) -> bool:
    """Whether a second, different code is nearly as large and central as the first."""
    if not ordered:
        return False
    first = weight(ordered[0].corners, grey)
    return any(
        other.payload != ordered[0].payload and weight(other.corners, grey) > RIVAL * first
        for other in ordered[1:]
    )


def merged(first: list[Symbol], second: list[Symbol]) -> list[Symbol]:
    """What two decoders read together. Where they disagree about a place, neither counts."""

    def contested(symbol: Symbol, others: list[Symbol]) -> bool:
        return any(
            symbol.payload != other.payload and same_place(symbol.corners, other.corners)
            for other in others
        )

    agreed = [s for s in first if not contested(s, second)]
    new = [
        s
        for s in second
        if not contested(s, first) and not any(same_place(s.corners, f.corners) for f in first)
    ]
    return agreed + new
