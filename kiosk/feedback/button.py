"""The button beside the panel. A press says "I am leaving"; the scanner decides what that means.
Held down, it asks for the set-up screen. While a question stands it answers: a short press is
no, a long one yes, and what is neither is no answer, so that nobody declares by mistake what
they did not mean. On the pages of the self-test it is only tried.

What a press is about is what stood on the panel when it went down.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Protocol

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
AFTER_S = 3.0
"""A press so soon after a question was meant for it: a double press, or an answer come too late."""
BEAT_S = 1.0
"""The scanner hears so often whether it can ask."""


class Press(Protocol):
    """The button went down at `at` and was down for `lasted` seconds; `held`: for long."""

    @property
    def at(self) -> float: ...
    @property
    def lasted(self) -> float: ...
    @property
    def held(self) -> bool: ...


class Button(Protocol):
    """A push button; see `drivers.gpio`."""

    def fileno(self) -> int: ...
    def presses(self, now: float) -> Sequence[Press]: ...
    def down_since(self) -> float | None: ...
    def close(self) -> None: ...


class _Down(msgspec.Struct):
    """The button went down at `at` while `about` was on the panel. `spent`: it does nothing more,
    however long it is held."""

    at: float
    about: Shown
    ticks: int = 0
    spent: bool = False


class Presses:
    """Tells the scanner of presses; `button` is None at a door without one. Time is an
    argument: CLOCK_BOOTTIME, s. `pressed_at`: when it last was; `held`: how much of a yes is
    done, 0 to 1; `set_up_at`: when it was last held for so long that the set-up screen is due."""

    def __init__(
        self, button: Device[Button] | None, scanner: Outlet, signals: Device[Signals]
    ) -> None:
        self._button = button
        self._scanner = scanner
        self._signals = signals
        self._numbers = count(1)
        self._down: _Down | None = None
        self._asked_at = float("-inf")  # when a question last stood on the panel
        self._answered = 0  # the number of the last question that was answered
        self._asks = False
        self._told_at = float("-inf")
        self.pressed_at = float("-inf")
        self.held = 0.0
        self.set_up_at = float("-inf")

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
        if shown.question:
            self._asked_at = now
        self.held = 0.0
        for press in self._button.attempt(lambda button: button.presses(now), now) or ():
            self._use(self._known(press.at, shown), press, shown, now)
        since = self._button.attempt(lambda button: button.down_since(), now)
        if since is None:
            self._down = None
            return float("inf")
        return self._lasts(self._known(since, shown), shown, now)

    def _known(self, at: float, shown: Shown) -> _Down:
        """The press that began at `at`, if it is new with what is on the panel."""
        if self._down is None or self._down.at != at:
            self._down = _Down(at, shown)
        return self._down

    def _use(self, down: _Down, press: Press, shown: Shown, now: float) -> None:
        """It was let go, or is held for long."""
        if not press.held:
            self.pressed_at = now
        if down.about.question:
            self._answer(down, press.lasted, not press.held, shown, now)
        elif down.spent or shown.question or down.at < self._asked_at + AFTER_S:
            down.spent = True
        elif press.held:
            down.spent = True
            self.set_up_at = now
        elif not down.about.testing:
            self._send(now)

    def _lasts(self, down: _Down, shown: Shown, now: float) -> float:
        """It is down."""
        lasts = now - down.at
        if down.spent or shown.question != down.about.question:
            return float("inf")
        if not down.about.question:
            return self._tick(down, lasts, shown, now)
        if not self._is_about(down, shown):
            return float("inf")
        self.held = max(0.0, min(1.0, lasts / YES_S))
        self._answer(down, lasts, False, shown, now)
        return float("inf") if down.spent else min(now + STEP_S, down.at + YES_S)

    def _answer(self, down: _Down, lasted: float, let_go: bool, shown: Shown, now: float) -> None:
        if down.spent or shown.question == self._answered or not self._is_about(down, shown):
            return
        if lasted >= YES_S or (let_go and lasted <= NO_S):
            down.spent = True
            self._answered = shown.question
            self._send(now, shown.question, yes=lasted >= YES_S)

    def _is_about(self, down: _Down, shown: Shown) -> bool:
        """Whether its question still stands, and could be read before it went down."""
        since = down.about.since
        return down.about.question == shown.question and down.at - since >= READ_S

    def _tick(self, down: _Down, lasts: float, shown: Shown, now: float) -> float:
        if int(lasts / TICK_S) > down.ticks:
            down.ticks = int(lasts / TICK_S)
            if shown.quiet:
                self._signals.attempt(lambda signals: signals.play("holding", now), now)
        return now + (down.ticks + 1) * TICK_S - lasts

    def _send(self, now: float, answers: int = 0, yes: bool = False) -> None:
        cue = ButtonCue(number=next(self._numbers), at=now, answers=answers, yes=yes)
        self._scanner.send(cue)

    def close(self) -> None:
        """Releases the pin."""
        if self._button:
            self._button.close()
