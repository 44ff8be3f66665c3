"""The button beside the panel. A press says "I am leaving"; the scanner decides what that means.
Held down, it tries the lamps and the buzzer. While a question stands it answers: a short press is
no, a long one yes, and what is neither is no answer, so that nobody declares by mistake what
they did not mean. On the pages of the self-test it is only tried.

What a press is about is what stood on the panel when it went down.
"""

from __future__ import annotations

from itertools import count
from typing import Literal, Protocol

import msgspec

from kiosk.cues import ButtonCue, FeedbackState, Outlet
from kiosk.device import Device
from kiosk.feedback.panel import Shown, Signals

TICK_S = 1.0
"""Held for so long, and again after as much, it ticks: something is going on."""
NO_S = 0.8
"""A no is at most so long."""
YES_S = 1.5
"""A yes is as soon as it was held for so long."""
STEP_S = 0.1
"""Between two pictures of how much of that is done."""
READ_S = 0.5
"""Nobody has read a question that came so short a while ago: a press is not about it."""
BEAT_S = 1.0
"""The scanner hears so often whether it can ask."""


class Button(Protocol):
    """A push button; see `drivers.gpio`."""

    def fileno(self) -> int: ...
    def presses(self, now: float) -> list[Literal["pressed", "held"]]: ...
    def down_for(self, now: float) -> float | None: ...
    def close(self) -> None: ...


class _Press(msgspec.Struct):
    """The button went down at `at` while `about` was on the panel. `spent`: it has done what it
    does, however long it is held."""

    at: float
    about: Shown
    ticks: int = 0
    spent: bool = False


class Presses:
    """Tells the scanner of presses; `button` is None at a door without one. Time is an
    argument: CLOCK_BOOTTIME, s. `pressed_at`: when it last was; `held`: how much of a yes is
    done, 0 to 1."""

    def __init__(
        self, button: Device[Button] | None, scanner: Outlet, signals: Device[Signals]
    ) -> None:
        self._button = button
        self._scanner = scanner
        self._signals = signals
        self._numbers = count(1)
        self._down: _Press | None = None
        self._asks = False
        self._told_at = float("-inf")
        self.pressed_at = float("-inf")
        self.held = 0.0

    @property
    def condition(self) -> str:
        """For the status line."""
        return self._button.condition if self._button else "none"

    def awaited(self, now: float) -> list[int]:
        """For `select`: what can be read after a press."""
        if self._button is None:
            return []
        fd = self._button.attempt(lambda button: button.fileno(), now)
        return [] if fd is None else [fd]

    def tell(self, seen: bool, now: float) -> None:
        """Tells the scanner whether a question can be `seen` on the panel, and answered."""
        asks = seen and self.condition == "ok"
        if asks != self._asks or now - self._told_at >= BEAT_S:
            self._asks, self._told_at = asks, now
            self._scanner.send(FeedbackState(number=next(self._numbers), at=now, asks=asks))

    def turn(self, now: float, shown: Shown) -> float:
        """Passes a press on, as soon as the scanner listens; `shown` is on the panel. Until when
        the next turn should be, infinite while nobody holds the button."""
        self._scanner.flush()
        if self._button is None:
            return float("inf")
        self.held = 0.0
        for found in self._button.attempt(lambda button: button.presses(now), now) or []:
            press = self._down or _Press(now, shown)
            if found == "held":
                self._down = press
                self._hold(press, shown, now)
            else:
                self._down = None
                self._let_go(press, shown, now)
        down = self._button.attempt(lambda button: button.down_for(now), now)
        if down is None:
            self._down = None
            return float("inf")
        if self._down is None:
            self._down = _Press(now - down, shown)
        return self._lasts(self._down, shown, now)

    def _let_go(self, press: _Press, shown: Shown, now: float) -> None:
        self.pressed_at = now
        if press.spent or press.about.testing:
            return
        if press.about.question:
            if self._answers(press, shown) and now - press.at <= NO_S:
                self._send(now, press.about.question, yes=False)
        elif not shown.question:
            self._send(now)

    def _hold(self, press: _Press, shown: Shown, now: float) -> None:
        if not (press.spent or press.about.question or shown.question):
            self._signals.attempt(lambda signals: signals.play("self-test", now), now)
        press.spent = True

    def _lasts(self, press: _Press, shown: Shown, now: float) -> float:
        """It is down."""
        down = now - press.at
        if press.spent or shown.question != press.about.question:
            return float("inf")
        if not press.about.question:
            return self._tick(press, down, now)
        if not self._answers(press, shown):
            return float("inf")
        self.held = min(1.0, down / YES_S)
        if down < YES_S:
            return min(now + STEP_S, press.at + YES_S)
        press.spent = True
        self._send(now, press.about.question, yes=True)
        return float("inf")

    def _answers(self, press: _Press, shown: Shown) -> bool:
        """Whether its question still stands, and could be read before it went down."""
        return press.about.question == shown.question and press.at - press.about.since >= READ_S

    def _tick(self, press: _Press, down: float, now: float) -> float:
        if int(down / TICK_S) > press.ticks:
            press.ticks = int(down / TICK_S)
            self._signals.attempt(lambda signals: signals.play("holding", now), now)
        return now + (press.ticks + 1) * TICK_S - down

    def _send(self, now: float, answers: int = 0, yes: bool = False) -> None:
        cue = ButtonCue(number=next(self._numbers), at=now, answers=answers, yes=yes)
        self._scanner.send(cue)

    def close(self) -> None:
        """Releases the pin."""
        if self._button:
            self._button.close()
