"""One showing, one check-in: recognises a code that was seen a moment ago.

A payload is never kept: a code is known again by its HMAC-SHA256 under a random key that
lives in memory and dies with the process. `docs/decisions/showings.md` has the rules.
"""

from __future__ import annotations

import hmac
import os
from enum import Enum
from typing import NamedTuple

import msgspec

from kiosk.model import Direction, Risk, Verdict

REMEMBERED = 256
STANDS_S = 1.5
"""Seconds for which an answer is left standing while its code is in view with others."""


class Showing(Enum):
    """What seeing a code means."""

    NEW = "new"
    HELD = "held"  # still the same showing: it has its answer
    AGAIN = "again"  # shown once more within moments: the same answer, no new record


class Given(NamedTuple):
    """What a visitor was told, and what the risk list said of them."""

    verdict: Verdict
    direction: Direction
    risk: Risk


class _Seen(msgspec.Struct):
    at: float
    given: Given | None  # None: not settled, the next showing is a new one
    put_off: bool = False  # shown anew, its answer is still to come


class Showings:
    """`hold_s`: unseen for less, a code is still held up. `repeat_s`: shown again within,
    it repeats its answer. All times are CLOCK_BOOTTIME in seconds."""

    def __init__(self, hold_s: float, repeat_s: float) -> None:
        self._hold_s = hold_s
        self._repeat_s = repeat_s
        self._key = os.urandom(32)
        self._seen: dict[bytes, _Seen] = {}
        self._last: tuple[bytes, float] = (b"", 0.0)  # what was answered last, and when

    def see(self, payload: bytes, at: float) -> tuple[Showing, Given | None]:
        """What this sight of a code is; AGAIN comes with the answer to repeat."""
        self._forget(at)
        seen = self._seen.get(self._digest(payload))
        if seen is None:
            return Showing.NEW, None
        gap, seen.at = at - seen.at, at
        put_off, seen.put_off = seen.put_off, False
        if gap < self._hold_s and not put_off:
            return Showing.HELD, None
        return (Showing.NEW, None) if seen.given is None else (Showing.AGAIN, seen.given)

    def answered(self, payload: bytes, at: float, given: Given | None) -> None:
        """The code has this answer from now on; None if it could not be recorded, so that
        holding it up again tries again."""
        digest = self._digest(payload)
        if digest not in self._seen and len(self._seen) >= REMEMBERED:
            del self._seen[min(self._seen, key=lambda known: self._seen[known].at)]
        self._seen[digest] = _Seen(at, given)
        self._last = digest, at

    def put_off(self, payload: bytes) -> None:
        """It was shown anew and must wait: the next sight of it is what this one was."""
        seen = self._seen.get(self._digest(payload))
        if seen is not None:
            seen.put_off = True

    def is_fresh(self, payload: bytes, at: float) -> bool:
        """Whether this code was the last to be answered, and its answer must be left standing."""
        last, answered_at = self._last
        return self._digest(payload) == last and at - answered_at < STANDS_S

    def _digest(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")

    def _forget(self, now: float) -> None:
        keep_s = max(self._hold_s, self._repeat_s)
        for digest in [d for d, seen in self._seen.items() if now - seen.at >= keep_s]:
            del self._seen[digest]
