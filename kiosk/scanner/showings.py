"""One showing, one check-in: recognises a code that was seen a moment ago.

A payload is never kept: a code is known again by its HMAC-SHA256 under a random key that
lives in memory and dies with the process.
"""

from __future__ import annotations

import hmac
import os
from enum import Enum

import msgspec

from kiosk.model import Verdict

REMEMBERED = 256


class Showing(Enum):
    """What seeing a code means."""

    NEW = "new"
    HELD = "held"  # still the same showing: it has its answer
    AGAIN = "again"  # shown once more within moments: the same answer, no new record


class _Seen(msgspec.Struct):
    at: float
    verdict: Verdict | None  # None: not settled, the next showing is a new one


class Showings:
    """`hold_s`: unseen for less, a code is still held up. `repeat_s`: shown again within,
    it repeats its answer. All times are CLOCK_BOOTTIME in seconds."""

    def __init__(self, hold_s: float, repeat_s: float) -> None:
        self._hold_s = hold_s
        self._repeat_s = repeat_s
        self._key = os.urandom(32)
        self._seen: dict[bytes, _Seen] = {}

    def see(self, payload: bytes, at: float) -> tuple[Showing, Verdict | None]:
        """What this sight of a code is; AGAIN comes with the verdict to repeat."""
        self._forget(at)
        seen = self._seen.get(self._digest(payload))
        if seen is None:
            return Showing.NEW, None
        gap, seen.at = at - seen.at, at
        if gap < self._hold_s:
            return Showing.HELD, None
        return (Showing.NEW, None) if seen.verdict is None else (Showing.AGAIN, seen.verdict)

    def answered(self, payload: bytes, at: float, verdict: Verdict | None) -> None:
        """The code has this answer from now on; None if it could not be recorded, so that
        holding it up again tries again."""
        if len(self._seen) >= REMEMBERED:
            del self._seen[min(self._seen, key=lambda digest: self._seen[digest].at)]
        self._seen[self._digest(payload)] = _Seen(at, verdict)

    def _digest(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")

    def _forget(self, now: float) -> None:
        keep_s = max(self._hold_s, self._repeat_s)
        for digest in [d for d, seen in self._seen.items() if now - seen.at >= keep_s]:
            del self._seen[digest]
