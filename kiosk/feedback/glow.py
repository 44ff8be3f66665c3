"""How bright the panel is, and that it does not burn in."""

from __future__ import annotations

from collections.abc import Sequence

DIMMED = 0.2
"""Of the brightness of the hour, while nobody is there."""
MOVED_S = 60.0
"""A picture that stands is moved by a point so often."""
_MOVES = ((0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))


class Glow:
    """`hours`: "HH:MM PERCENT%" as in the configuration, each holding until the next one; none
    = always 100 %."""

    def __init__(self, hours: Sequence[str]) -> None:
        self._hours = sorted(_parsed(entry) for entry in hours)

    def percent(self, minute: int | None, dimmed: bool) -> int:
        """1 to 100 at a minute of the day. Where the time is not known (None), the brightest
        of all: what nobody can read is worse than what dazzles."""
        if not self._hours:
            full = 100
        elif minute is None:
            full = max(percent for _, percent in self._hours)
        else:
            begun = [percent for start, percent in self._hours if start <= minute]
            full = begun[-1] if begun else self._hours[-1][1]  # since yesterday
        return max(1, round(full * DIMMED)) if dimmed else full


def _parsed(entry: str) -> tuple[int, int]:
    time, percent = entry.split()
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute), int(percent.removesuffix("%"))


def moved(now: float) -> tuple[int, int]:
    """Where a picture stands that keeps off the rim: points to the right, and down."""
    return _MOVES[int(now // MOVED_S) % len(_MOVES)]
