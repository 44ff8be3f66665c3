"""The button beside the panel: "I am leaving". The scanner decides what a press means."""

from __future__ import annotations

from itertools import count
from typing import Protocol

from kiosk.cues import ButtonCue, Outlet
from kiosk.device import Device


class Button(Protocol):
    """A push button; see `drivers.gpio`."""

    def fileno(self) -> int: ...
    def presses(self) -> int: ...
    def close(self) -> None: ...


class Presses:
    """Tells the scanner of presses; `button` is None at a door without one. Time is an
    argument: CLOCK_BOOTTIME, s."""

    def __init__(self, button: Device[Button] | None, scanner: Outlet) -> None:
        self._button = button
        self._scanner = scanner
        self._numbers = count(1)

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

    def turn(self, now: float) -> None:
        """Passes a press on, as soon as the scanner listens."""
        if self._button and self._button.attempt(lambda button: button.presses(), now):
            self._scanner.send(ButtonCue(number=next(self._numbers), at=now))
        self._scanner.flush()

    def close(self) -> None:
        """Releases the pin."""
        if self._button:
            self._button.close()
