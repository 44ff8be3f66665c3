"""Coming or going: by configuration, by the visitor's button, or by what was last recorded.

What a showing means at a `toggle` door, by what is remembered of the person:

    remembered           shown within min_stay_s   shown later   after it, if recorded
    nothing                        -               in            in
    nothing, but blind             -               unknown       unknown
    in                   repeats "in"              out           out
    out                  repeats "out"             in            in
    unknown              repeats "unknown"         unknown       unknown

*Repeats* gives the answer again without a record, unless the risk list says worse of the person
than at their last record: then there is another one, of the same direction. *Blind* is a door
that cannot know who is inside: it was started, or had to forget somebody, since the day began.
Who is turned away is recorded whenever shown, within min_stay_s with what was remembered; it
changes what is remembered only for who was in, since they leave. Who has no key is always unknown.

The day begins at `day_starts_h` in Vietnam; then everybody is forgotten and nobody is
inside. While the clock is not right, the last `NO_CLOCK_S` seconds are taken for the day.

A press makes the next record within `BUTTON_S` an "out", at a `button` and at a `toggle` door.
"""

from __future__ import annotations

from typing import NamedTuple

from kiosk.config import DoorDirection
from kiosk.credentials.risk import is_graver
from kiosk.model import VIETNAM, Direction, Instant, Risk, Verdict
from kiosk.scanner.people import REMEMBERED, People

BUTTON_S = 10.0
NO_CLOCK_S = 16 * 3600.0
_VIETNAM_MS = VIETNAM.utcoffset(None).seconds * 1000
_DAY_MS = 86_400_000


class Step(NamedTuple):
    """What a showing means. `repeats`: nothing new, no record; `risk` is what the list said at
    the last one, `declared` the answer if the person declared then. `remember`: what holds of
    the person once it is recorded; None leaves it as it was."""

    direction: Direction
    repeats: bool = False
    remember: Direction | None = None
    risk: Risk = "none"
    declared: Verdict | None = None

    def at_risk(self, risk: Risk) -> Step:
        """The same for somebody of whom the risk list says this: worse news is recorded."""
        if self.repeats and is_graver(risk, self.risk):
            return Step(self.direction, remember=self.direction)
        return self

    def refused(self) -> Step:
        """The same for who is turned away: there is a record, and nobody comes in by it."""
        return Step(self.direction, remember="out" if self.remember == "out" else None)


class _Last(NamedTuple):
    direction: Direction
    risk: Risk
    declared: Verdict | None


_OPPOSITE: dict[Direction, Direction] = {"in": "out", "out": "in", "unknown": "unknown"}


class Directions:
    """All times are CLOCK_BOOTTIME in seconds."""

    def __init__(
        self, door: DoorDirection, min_stay_s: float, day_starts_h: int, started: float
    ) -> None:
        self._door = door
        self._min_stay_s = min_stay_s
        self._day_starts_ms = day_starts_h * 3_600_000
        self._blind_at = started  # who was recorded up to then is not remembered
        self._last: People[_Last] = People()  # of what was last recorded
        self._pressed_at = float("-inf")

    def press(self, at: float) -> None:
        """The button was pressed; at a door with a fixed direction it means nothing."""
        if self._door in ("button", "toggle"):
            self._pressed_at = at

    def leaving(self, at: float) -> float:
        """Until when the next record is an "out" by the button; 0 when it is not."""
        until = self._pressed_at + BUTTON_S
        return until if self._pressed_at <= at < until else 0.0

    def step(self, keys: tuple[str, ...], at: float, now: Instant) -> Step:
        """What it means that the person of these keys is shown, if they are not turned away."""
        if self._door == "in" or self._door == "out":
            return Step(self._door)
        if self.leaving(at):
            return Step("out", remember="out")
        if self._door == "button":
            return Step("in")
        if not keys:
            return Step("unknown")
        begin = self._day_began(at, now)
        self._forget(begin)
        found = self._last.found(keys)
        if not found:
            direction: Direction = "in" if self._blind_at < begin else "unknown"
            return Step(direction, remember=direction)
        last = max(found, key=lambda last: last.at)
        if at - last.at < self._min_stay_s:
            repeated, risk, declared = last.what
            return Step(repeated, repeats=True, risk=risk, declared=declared)
        direction = _OPPOSITE[last.what.direction]
        return Step(direction, remember=direction)

    def recorded(
        self,
        keys: tuple[str, ...],
        step: Step,
        risk: Risk,
        at: float,
        declared: Verdict | None = None,
    ) -> None:
        """The step is on the card, with what the risk list said, and `declared` what was answered
        to a person who declared."""
        self._pressed_at = float("-inf")
        if self._door != "toggle" or step.remember is None:
            return
        self._last.remember(keys, _Last(step.remember, risk, declared), at)
        while len(self._last) > REMEMBERED:
            self._forget_oldest()

    def _day_began(self, at: float, now: Instant) -> float:
        if now.clock != "synced":
            return at - NO_CLOCK_S
        return at - (now.wall_ms + _VIETNAM_MS - self._day_starts_ms) % _DAY_MS / 1000

    def _forget(self, begin: float) -> None:
        while (oldest := self._last.oldest()) is not None and oldest.at < begin:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        # It makes the door blind until a day that began later: with a clock that is set
        # anew, that need not be now.
        oldest = self._last.oldest()
        if oldest is not None:
            self._blind_at = max(self._blind_at, oldest.at)
            self._last.forget_oldest_key()
