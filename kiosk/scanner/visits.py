"""Who was recorded here a moment ago, and how many are inside: by this kiosk alone.

Kept only while the policy has a limit that asks for it, and in memory only. A person is
found by the HMAC-SHA256 of any of their keys, under a random key that dies with the process. The
count begins anew with the door's day, if the date is known, and at every start; other doors
of the same house are not in it.
"""

from __future__ import annotations

import hmac
import os
from datetime import date, timedelta

import msgspec

from kiosk.credentials.policy import Policy
from kiosk.credentials.policy.colour import Moment
from kiosk.model import Direction, Instant, Outcome, Visit
from kiosk.scanner.direction import KEYS_OF_ONE, REMEMBERED


class _Last(msgspec.Struct, eq=False):
    at_s: float
    direction: Direction
    is_inside: bool
    digests: tuple[bytes, ...]  # all keys under which it is found


class Visits:
    """Times are CLOCK_BOOTTIME. `keys` are those of one person; who has none is a stranger:
    strangers cannot be told apart, so none is counted."""

    def __init__(self, policy: Policy | None = None, day_starts_h: int = 0) -> None:
        """Without a policy, nothing is kept."""
        limits = policy is not None and (policy.min_interval_s or policy.max_occupancy)
        self._policy = policy if limits else None
        self._day_starts = timedelta(hours=day_starts_h)
        self._key = os.urandom(32)
        self._last: dict[bytes, _Last] = {}  # the longest unseen first
        self._inside = 0
        self._day: date | None = None

    def of(self, keys: tuple[str, ...], direction: Direction, now: Instant) -> Visit:
        """What is known of a person who shows a code now."""
        if self._policy is None:
            return Visit(direction)
        self._begin_day(self._policy, now)
        found = self._found(keys)
        others = self._inside - sum(last.is_inside for last in found)
        last = max(found, key=lambda last: last.at_s, default=None)
        if last is None or last.direction != direction:
            return Visit(direction, others)
        return Visit(direction, others, now.boottime_ms / 1000 - last.at_s)

    def recorded(
        self, keys: tuple[str, ...], direction: Direction, outcome: Outcome, now: Instant
    ) -> None:
        """A check-in was made. Who is turned away does not come in by it."""
        if self._policy is None or not keys:
            return
        found = self._found(keys)
        was = any(last.is_inside for last in found)
        for last in found:
            self._forget(last)
        known = [digest for last in found for digest in last.digests]
        digests = tuple(dict.fromkeys([*map(self._digest, keys), *known]))[:KEYS_OF_ONE]
        inside = was if direction != "out" and outcome == "fail" else direction != "out"
        last = _Last(now.boottime_ms / 1000, direction, inside, digests)
        self._last |= dict.fromkeys(digests, last)
        self._inside += inside
        while len(self._last) > REMEMBERED:
            self._forget(next(iter(self._last.values())))

    def _found(self, keys: tuple[str, ...]) -> list[_Last]:
        return list({self._last[d]: None for d in map(self._digest, keys) if d in self._last})

    def _forget(self, last: _Last) -> None:
        for digest in last.digests:
            del self._last[digest]
        self._inside -= last.is_inside

    def _begin_day(self, policy: Policy, now: Instant) -> None:
        local = Moment.of(now, policy.time_zone).local
        if local is None or now.clock != "synced":
            return
        day = (local - self._day_starts).date()
        if self._day is not None and self._day != day:
            self._last.clear()
            self._inside = 0
        self._day = day

    def _digest(self, key: str) -> bytes:
        return hmac.digest(self._key, key.encode(), "sha256")[:16]
