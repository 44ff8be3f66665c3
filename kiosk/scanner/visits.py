"""Who was recorded here a moment ago, and how many are inside: by this kiosk alone.

Kept only while the policy has a limit that asks for it, and in memory only. A person is an
HMAC-SHA256 of the subject under a random key that dies with the process. The count begins
anew at midnight, if the date is known, and at every start; other doors of the same house are
not in it.
"""

from __future__ import annotations

import hmac
import os
from datetime import date

import msgspec

from kiosk.credentials.policy import Policy
from kiosk.credentials.policy.colour import Moment
from kiosk.model import Direction, Instant, Outcome, Visit

REMEMBERED = 20_000
"""Persons; the one not seen for longest is forgotten first."""


class _Last(msgspec.Struct):
    at_s: float
    direction: Direction
    is_inside: bool


class Visits:
    """Times are CLOCK_BOOTTIME."""

    def __init__(self, policy: Policy | None = None) -> None:
        """Without a policy, nothing is kept."""
        self._policy = (
            policy if policy and (policy.min_interval_s or policy.max_occupancy) else None
        )
        self._key = os.urandom(32)
        self._last: dict[bytes, _Last] = {}  # the longest unseen first
        self._inside = 0
        self._day: date | None = None

    def of(self, subject: str, direction: Direction, now: Instant) -> Visit:
        """What is known of a person who shows a code now. `subject` may be empty: a stranger."""
        if self._policy is None:
            return Visit(direction)
        self._begin_day(self._policy, now)
        last = self._last.get(self._digest(subject)) if subject else None
        if last is None:
            return Visit(direction, self._inside)
        since = now.boottime_ms / 1000 - last.at_s if last.direction == direction else None
        return Visit(direction, self._inside - last.is_inside, since)

    def recorded(self, subject: str, direction: Direction, outcome: Outcome, now: Instant) -> None:
        """A check-in was made. Who got red is not inside; strangers cannot be told apart, so
        none is counted."""
        if self._policy is None or not subject:
            return
        digest = self._digest(subject)
        last = self._last.pop(digest, None)
        if last is None and len(self._last) >= REMEMBERED:
            self._inside -= self._last.pop(next(iter(self._last))).is_inside
        was = last is not None and last.is_inside
        # Red keeps nobody in who wants to leave, and puts nobody out who is in.
        inside = was if direction != "out" and outcome == "fail" else direction != "out"
        self._last[digest] = _Last(now.boottime_ms / 1000, direction, inside)
        self._inside += inside - was

    def _begin_day(self, policy: Policy, now: Instant) -> None:
        local = Moment.of(now, policy.time_zone).local
        if local is None or now.clock != "synced":
            return
        if self._day is not None and self._day != local.date():
            self._last.clear()
            self._inside = 0
        self._day = local.date()

    def _digest(self, subject: str) -> bytes:
        return hmac.digest(self._key, subject.encode("utf-8", "replace"), "sha256")
