"""Who was recorded here a moment ago, and how many are inside: by this kiosk alone.

Kept only while the policy has a limit that asks for it, and in memory only. The count begins
anew with the door's day, if the date is known, and at every start; other doors of the same
house are not in it. Nor is who is recorded as unknown: after a start, those who leave would fill
the house.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from kiosk.credentials.policy import Policy
from kiosk.credentials.policy.colour import Moment
from kiosk.model import Direction, Instant, Outcome, Visit
from kiosk.scanner.people import REMEMBERED, Known, People


class _Last(NamedTuple):
    direction: Direction
    is_inside: bool


class Visits:
    """Times are CLOCK_BOOTTIME. `keys` are those of one person; who has none is a stranger:
    strangers cannot be told apart, so none is counted."""

    def __init__(self, policy: Policy | None = None, day_starts_h: int = 0) -> None:
        """Without a policy, nothing is kept."""
        self._day_starts = timedelta(hours=day_starts_h)
        self._last: People[_Last] = People()
        self._inside = 0
        self._day: date | None = None
        self.judge_by(policy)

    def judge_by(self, policy: Policy | None) -> None:
        """Another policy is in force. What is known stays, unless nothing asks for it any more."""
        limits = policy is not None and (policy.min_interval_s or policy.max_occupancy)
        self._policy = policy if limits else None
        if self._policy is None:
            self._last.clear()
            self._inside = 0

    def of(self, keys: tuple[str, ...], direction: Direction, now: Instant) -> Visit:
        """What is known of a person who shows a code now."""
        if self._policy is None:
            return Visit(direction)
        self._begin_day(now)
        found = self._last.found(keys)
        others = self._inside - sum(last.what.is_inside for last in found)
        last = max(found, key=lambda last: last.at, default=None)
        if last is None or last.what.direction != direction:
            return Visit(direction, others)
        return Visit(direction, others, now.boottime_ms / 1000 - last.at)

    def recorded(
        self, keys: tuple[str, ...], direction: Direction, outcome: Outcome, now: Instant
    ) -> None:
        """A check-in was made. Who is turned away does not come in by it, and may be back at
        once with the right code: for the interval it counts as little."""
        if self._policy is None or not keys:
            return
        found = self._last.found(keys)
        last, at = _Last(direction, direction == "in"), now.boottime_ms / 1000
        if outcome == "fail":
            before = max(found, key=lambda last: last.at, default=None)
            if before is None:
                return
            was_inside = any(last.what.is_inside for last in found)
            last = _Last(before.what.direction, was_inside and direction != "out")
            at = before.at
        self._inside += last.is_inside - sum(last.what.is_inside for last in found)
        self._last.remember(keys, last, at)
        while len(self._last) > REMEMBERED and (oldest := self._last.oldest()) is not None:
            self._forget(oldest)

    def _forget(self, known: Known[_Last]) -> None:
        self._last.forget(known)
        self._inside -= known.what.is_inside

    def _begin_day(self, now: Instant) -> None:
        local = Moment.of(now).local
        if local is None or now.clock != "synced":
            return
        day = (local - self._day_starts).date()
        if self._day is not None and self._day != day:
            self._last.clear()
            self._inside = 0
        self._day = day
