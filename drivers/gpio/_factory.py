"""Where pins come from: a gpiozero factory that is named, and never another in its place."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Pins = Literal["lgpio", "mock"]


class GpioError(OSError):
    """A pin is absent, taken or does not answer. The owner closes it and tries later."""


class Factory(NamedTuple):
    """`pins` is gpiozero's; `errors` are the exceptions by which it reports trouble."""

    pins: Any
    errors: tuple[type[Exception], ...]


def open_factory(pins: Pins) -> Factory:
    """A factory of its own for whoever asks, who closes it. Raises GpioError.

    lgpio writes a file `.lgd-nfy*` into the working directory of the process.
    """
    return _mock() if pins == "mock" else _lgpio()


def _mock() -> Factory:
    from gpiozero import GPIOZeroError
    from gpiozero.pins.mock import MockFactory, MockPWMPin

    return Factory(MockFactory(pin_class=MockPWMPin), (GPIOZeroError, OSError))


def _lgpio() -> Factory:
    from gpiozero import GPIOZeroError

    try:
        from gpiozero.pins import lgpio as backend
    except (ImportError, OSError) as error:  # OSError: the working directory is not writable
        raise GpioError(
            f"cannot load lgpio: {error}; is python3-lgpio installed, the directory writable?"
        ) from error
    errors = (GPIOZeroError, OSError, backend.lgpio.error)
    try:
        return Factory(backend.LGPIOFactory(), errors)
    except errors as error:
        raise GpioError(f"cannot open the GPIO chip: {error}") from error
