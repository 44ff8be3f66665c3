"""A push button. Only when its contact closes or opens is noted by a thread of gpiozero's; what it
means is decided when the owner looks, however late."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import NamedTuple

from drivers.gpio._factory import Factory, GpioError, Pins, open_factory

STUCK_S = 60.0
_BOUNCE_S = 0.02
"""Contacts of a push button are at rest after some milliseconds."""


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Press(NamedTuple):
    """The button went down at `at` and was down for `lasted` seconds; `held`: for `hold_s` or
    longer."""

    at: float
    lasted: float
    held: bool


class Button:
    """A push button between a pin and ground, on a gpiozero factory, which it owns. Times are
    those of `clock`, CLOCK_BOOTTIME in seconds.

    A press is told when it is let go, one that lasts `hold_s` as soon as it does, and then no
    more. A button that is down when it is opened, or for a minute, is stuck: GpioError. `fileno`
    lets the owner wait in `select` until there is something to look at; it is the same until
    `close`.
    """

    def __init__(
        self,
        factory: Factory,
        *,
        pin: int,
        hold_s: float,
        clock: Callable[[], float] = _boottime,
    ) -> None:
        from gpiozero import Button as Contact

        pins, self._errors = factory
        self._hold_s = hold_s
        self._clock = clock
        self._edges: deque[tuple[bool, float]] = deque()  # True = closed
        self._down_at: float | None = None
        self._told = False
        self._open = ExitStack()
        self._open.callback(pins.close)
        self._count = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._open.callback(os.close, self._count)
        try:
            contact = Contact(pin, bounce_time=_BOUNCE_S, pin_factory=pins)
            self._open.callback(contact.close)
            contact.when_pressed = lambda: self._moved(True)
            contact.when_released = lambda: self._moved(False)
            stuck = contact.is_pressed
        except self._errors as error:
            self._open.close()
            raise GpioError(f"cannot use pin {pin} for the button: {error}") from error
        if stuck:
            self._open.close()
            raise GpioError(f"the button on pin {pin} is down: stuck, or its wire touches ground?")

    def _moved(self, closed: bool) -> None:
        self._edges.append((closed, self._clock()))
        os.eventfd_write(self._count, 1)

    def fileno(self) -> int:
        return self._count

    def presses(self, now: float) -> list[Press]:
        """What it was used for since the last call. Raises GpioError."""
        with suppress(BlockingIOError):  # nothing moved; it may still be held
            os.eventfd_read(self._count)
        found: list[Press] = []
        while self._edges:
            closed, at = self._edges.popleft()
            if not closed and self._down_at is not None and not self._told:
                found.append(self._press(self._down_at, at))
            self._down_at, self._told = (at if closed else None), False
        if self._down_at is not None:
            if not self._told and now - self._down_at >= self._hold_s:
                self._told = True
                found.append(self._press(self._down_at, now))
            if now - self._down_at >= STUCK_S:
                raise GpioError("the button has been down for a minute: stuck?")
        return found

    def _press(self, at: float, until: float) -> Press:
        return Press(at, until - at, until - at >= self._hold_s)

    def down_since(self) -> float | None:
        """As far as `presses` has seen; None while it is up."""
        return self._down_at

    def close(self) -> None:
        """Released; may be called twice."""
        try:
            self._open.close()
        except self._errors as error:
            raise GpioError(f"cannot release the button: {error}") from error


def open_button(pins: Pins, *, pin: int, hold_s: float) -> Button:
    """Takes the pin (BCM number) from the named factory. Raises GpioError."""
    return Button(open_factory(pins), pin=pin, hold_s=hold_s)
