"""The button beside the panel. A press says "I am leaving"; the scanner decides what that means.
Held down, it tries the lamps and the buzzer."""

from __future__ import annotations

from itertools import count
from typing import Literal, Protocol

from kiosk.cues import ButtonCue, Outlet
from kiosk.device import Device
from kiosk.feedback.panel import Signals

TICK_S = 1.0
"""Held for so long, and again after as much, it ticks: something is going on."""


class Button(Protocol):
    """A push button; see `drivers.gpio`."""

    def fileno(self) -> int: ...
    def presses(self, now: float) -> list[Literal["pressed", "held"]]: ...
    def down_for(self, now: float) -> float | None: ...
    def close(self) -> None: ...


class Presses:
    """Tells the scanner of presses; `button` is None at a door without one. Time is an
    argument: CLOCK_BOOTTIME, s. `pressed_at`: when it last was."""

    def __init__(
        self, button: Device[Button] | None, scanner: Outlet, signals: Device[Signals]
    ) -> None:
        self._button = button
        self._scanner = scanner
        self._signals = signals
        self._numbers = count(1)
        self._ticks = 0
        self.pressed_at = float("-inf")

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

    def turn(self, now: float) -> float:
        """Passes a press on, as soon as the scanner listens. Until when the next turn should
        be, infinite while nobody holds the button."""
        self._scanner.flush()
        if self._button is None:
            return float("inf")
        found = self._button.attempt(lambda button: button.presses(now), now) or []
        for press in found:
            if press == "held":
                self._signals.attempt(lambda signals: signals.play("self-test", now), now)
            else:
                self._scanner.send(ButtonCue(number=next(self._numbers), at=now))
                self.pressed_at = now
        down = self._button.attempt(lambda button: button.down_for(now), now)
        if down is None or "held" in found:
            self._ticks = 0 if down is None else -1
            return float("inf")
        return self._tick(down, now)

    def _tick(self, down: float, now: float) -> float:
        if self._ticks < 0:  # it has been held long enough
            return float("inf")
        if int(down / TICK_S) > self._ticks:
            self._ticks = int(down / TICK_S)
            self._signals.attempt(lambda signals: signals.play("holding", now), now)
        return now + (self._ticks + 1) * TICK_S - down

    def close(self) -> None:
        """Releases the pin."""
        if self._button:
            self._button.close()
