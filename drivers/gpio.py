"""Two lamps and a passive buzzer on GPIO pins, and a push button, by gpiozero.

No pattern runs in the background: whoever plays one calls `step` when the next of its
moments is due. So nothing outlives `close`, and a daemon that hangs cannot go on blinking
as if it were well. Only a press is noticed by a thread of gpiozero's, which counts it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple, Protocol

Pins = Literal["lgpio", "mock", "none"]
Pattern = Literal["pass", "warn", "fail"]


class GpioError(OSError):
    """A pin is absent, taken or does not answer. The owner closes it and tries later."""


class Moment(NamedTuple):
    """What lamps and buzzer do for `lasts` seconds; `tone` in Hz, 0 = no sound."""

    lasts: float
    green: bool = False
    red: bool = False
    tone: int = 0


_HIGH, _LOW = 2600, 400  # Hz; small piezo discs are loudest between 2 and 4 kHz

PATTERNS: dict[Pattern, tuple[Moment, ...]] = {
    "pass": (Moment(0.12, green=True, tone=_HIGH), Moment(1.38, green=True)),
    "warn": (
        Moment(0.12, red=True, tone=_HIGH),
        Moment(0.18),
        Moment(0.12, red=True, tone=_HIGH),
        Moment(0.3),
        Moment(0.78, red=True),
    ),
    "fail": (
        Moment(0.3, red=True, tone=_LOW),
        Moment(0.3, tone=_LOW),
        Moment(0.3, red=True),
        Moment(0.3),
        Moment(0.3, red=True),
    ),
}
"""Distinct to the ear (one short high, two short high, one long low), to the eye, and to an
eye that cannot tell red from green (steady; two flashes, then steady; blinking). Green is lit
for a pass alone: it promises that the check-in was recorded."""


_DARK = Moment(0.0)
_BOUNCE_S = 0.02
"""Contacts of a push button are at rest after some milliseconds."""


class Signals(Protocol):
    """What `open_signals` gives."""

    def play(self, pattern: Pattern, now: float) -> None:
        """Starts a pattern in place of the one that plays. Raises GpioError."""

    def step(self, now: float) -> float | None:
        """Does what is due; seconds until the next call is, None when all is dark and
        quiet. Raises GpioError."""

    def close(self) -> None:
        """Dark, quiet and released; may be called twice."""


class NoSignals:
    """A kiosk without lamps and buzzer."""

    def play(self, pattern: Pattern, now: float) -> None:
        """Does nothing."""

    def step(self, now: float) -> float | None:
        return None

    def close(self) -> None:
        """Does nothing."""


class GpioSignals:
    """Lamps and buzzer on the pins of a gpiozero factory, which it owns.

    `errors` are the exceptions by which that factory reports trouble with a pin.
    """

    def __init__(
        self,
        factory: Any,
        errors: tuple[type[Exception], ...],
        *,
        green: int,
        red: int,
        buzzer: int,
        silent: bool,
    ) -> None:
        from gpiozero import LED, PWMOutputDevice

        self._errors = errors
        self._silent = silent
        self._left: list[Moment] = []
        self._due = 0.0
        self._open = ExitStack()
        self._open.callback(factory.close)
        try:
            self._green = self._kept(LED(green, pin_factory=factory))
            self._red = self._kept(LED(red, pin_factory=factory))
            self._buzzer = self._kept(PWMOutputDevice(buzzer, frequency=_HIGH, pin_factory=factory))
        except errors as error:
            self._open.close()
            raise GpioError(f"cannot use pins {green}, {red}, {buzzer}: {error}") from error

    def _kept(self, device: Any) -> Any:
        self._open.callback(device.close)
        return device

    def play(self, pattern: Pattern, now: float) -> None:
        self._left = [*PATTERNS[pattern], _DARK]
        self._due = now
        self.step(now)

    def step(self, now: float) -> float | None:
        """Each moment lasts from when it really began: a late caller stretches a pause,
        but never runs two beeps into one."""
        if not self._left:
            return None
        if now < self._due:
            return self._due - now
        moment = self._left.pop(0)
        self._set(moment)
        self._due = now + moment.lasts
        return moment.lasts if self._left else None

    def _set(self, moment: Moment) -> None:
        try:
            self._green.value = moment.green
            self._red.value = moment.red
            if moment.tone and not self._silent:
                self._buzzer.frequency = moment.tone
                self._buzzer.value = 0.5
            else:
                self._buzzer.value = 0
        except self._errors as error:
            raise GpioError(f"cannot set a pin: {error}") from error

    def close(self) -> None:
        try:
            self._open.close()
        except self._errors as error:
            raise GpioError(f"cannot release the pins: {error}") from error


class Button:
    """A push button between a pin and ground, on a gpiozero factory, which it owns.

    `fileno` lets the owner wait for a press in `select`; it is the same until `close`.
    """

    def __init__(self, factory: Any, errors: tuple[type[Exception], ...], *, pin: int) -> None:
        from gpiozero import Button as Contact

        self._errors = errors
        self._open = ExitStack()
        self._open.callback(factory.close)
        self._count = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._open.callback(os.close, self._count)
        try:
            contact = Contact(pin, bounce_time=_BOUNCE_S, pin_factory=factory)
            self._open.callback(contact.close)
            contact.when_pressed = self._pressed
        except errors as error:
            self._open.close()
            raise GpioError(f"cannot use pin {pin} for the button: {error}") from error

    def _pressed(self) -> None:
        os.eventfd_write(self._count, 1)

    def fileno(self) -> int:
        return self._count

    def presses(self) -> int:
        """How often it was pressed since the last call."""
        try:
            return os.eventfd_read(self._count)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Released; may be called twice."""
        try:
            self._open.close()
        except self._errors as error:
            raise GpioError(f"cannot release the button: {error}") from error


def open_button(pins: Literal["lgpio", "mock"], *, pin: int) -> Button:
    """Takes the pin (BCM number) from the named factory. Raises GpioError."""
    factory, errors = _mock() if pins == "mock" else _lgpio()
    return Button(factory, errors, pin=pin)


def open_signals(pins: Pins, *, green: int, red: int, buzzer: int, silent: bool) -> Signals:
    """Takes the pins (BCM numbers) from the named factory and from no other: a kiosk whose
    lamps do not work must not seem well. `silent` keeps the light. Raises GpioError.

    lgpio writes a file `.lgd-nfy*` into the working directory of the process.
    """
    if pins == "none":
        return NoSignals()
    factory, errors = _mock() if pins == "mock" else _lgpio()
    return GpioSignals(factory, errors, green=green, red=red, buzzer=buzzer, silent=silent)


def _mock() -> tuple[Any, tuple[type[Exception], ...]]:
    from gpiozero import GPIOZeroError
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    return MockFactory(pin_class=MockPWMPin), (GPIOZeroError, OSError)


def _lgpio() -> tuple[Any, tuple[type[Exception], ...]]:
    from gpiozero import GPIOZeroError

    try:
        from gpiozero.pins import lgpio as backend
    except (ImportError, OSError) as error:  # OSError: the working directory is not writable
        raise GpioError(
            f"cannot load lgpio: {error}; is python3-lgpio installed, the directory writable?"
        ) from error
    errors = (GPIOZeroError, OSError, backend.lgpio.error)
    try:
        return backend.LGPIOFactory(), errors
    except errors as error:
        raise GpioError(f"cannot open the GPIO chip: {error}") from error
