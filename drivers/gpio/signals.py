"""Lamps and a buzzer.

No pattern runs in the background: whoever plays one calls `step` when the next of its
moments is due. So nothing outlives `close`, and a daemon that hangs cannot go on blinking
as if it were well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from drivers.gpio._factory import Factory, GpioError, open_factory
from drivers.gpio.patterns import PATTERNS, Light, Pattern, Sound

_LOUD, _SOFT = 0.5, 0.04
"""Duty cycles of a passive buzzer; half is the loudest."""
_SOME_HZ = 2600
_AT_ONCE = 0.001
"""What is due so soon is due now: nobody wakes twice for a light and a sound that end together."""


class SignalOptions(NamedTuple):
    """Pins by BCM number; `none`: a kiosk without lamps and buzzer. `blue` makes the lamps one
    RGB LED, or a third lamp; None: there is none. `common`: what the lamps share. `active`:
    the buzzer sounds by itself while its pin is high, `active-low`: while it is low;
    `passive`: it is a loudspeaker. `silent` keeps the light."""

    pins: Literal["lgpio", "mock", "none"]
    green: int
    red: int
    blue: int | None
    common: Literal["cathode", "anode"]
    buzzer: int
    buzzer_kind: Literal["passive", "active", "active-low"]
    silent: bool


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


M = TypeVar("M", bound=Light | Sound)


class _Track(Generic[M]):
    """The light or the sound of a pattern. Each moment lasts from when it really began: a late
    caller stretches a pause, but never runs two beeps into one."""

    def __init__(self, apply: Callable[[M], None], rest: M) -> None:
        self._apply = apply
        self._rest = rest
        self._left: list[M] = []
        self._due = 0.0

    def start(self, moments: tuple[M, ...], now: float) -> None:
        self._left = [*moments, self._rest]
        self._due = now

    def step(self, now: float) -> float | None:
        if not self._left:
            return None
        if now < self._due - _AT_ONCE:
            return self._due - now
        moment = self._left.pop(0)
        self._apply(moment)
        self._due = now + moment.lasts
        return moment.lasts if self._left else None


class _Lamps:
    """One lamp for each colour; the red one stands in for a blue one that is not there."""

    def __init__(self, lamps: dict[str, Any]) -> None:
        self._lamps = lamps

    def show(self, light: Light) -> None:
        colour = "red" if light.colour == "blue" and "blue" not in self._lamps else light.colour
        for name, lamp in self._lamps.items():
            lamp.value = name == colour


class _Active:
    """A buzzer with a tone of its own."""

    def __init__(self, buzzer: Any) -> None:
        self._buzzer = buzzer

    def sound(self, sound: Sound) -> None:
        self._buzzer.value = bool(sound.hz)


class _Passive:
    """A small loudspeaker."""

    def __init__(self, buzzer: Any) -> None:
        self._buzzer = buzzer

    def sound(self, sound: Sound) -> None:
        if sound.hz:
            self._buzzer.frequency = sound.hz
            self._buzzer.value = _SOFT if sound.soft else _LOUD
        else:
            self._buzzer.value = 0


class GpioSignals:
    """Lamps and buzzer on the pins of a gpiozero factory, which it owns.

    Nothing here refers back to it: gpiozero may wait for itself for ever when the garbage
    collector finds a device of its own.
    """

    def __init__(self, factory: Factory, options: SignalOptions) -> None:
        from gpiozero import LED, DigitalOutputDevice, PWMOutputDevice

        pins, self._errors = factory
        self._silent = options.silent
        numbers = {"green": options.green, "red": options.red}
        if options.blue is not None:
            numbers["blue"] = options.blue
        self._open = ExitStack()
        self._open.callback(pins.close)
        buzzer: _Active | _Passive
        try:
            lit_by_high = options.common == "cathode"
            lamps = {
                colour: self._kept(LED(pin, active_high=lit_by_high, pin_factory=pins))
                for colour, pin in numbers.items()
            }
            if options.buzzer_kind == "passive":
                speaker = PWMOutputDevice(options.buzzer, frequency=_SOME_HZ, pin_factory=pins)
                buzzer = _Passive(self._kept(speaker))
            else:
                by_high = options.buzzer_kind == "active"
                switch = DigitalOutputDevice(options.buzzer, active_high=by_high, pin_factory=pins)
                buzzer = _Active(self._kept(switch))
        except self._errors as error:
            self._open.close()
            used = ", ".join(str(pin) for pin in (*numbers.values(), options.buzzer))
            raise GpioError(f"cannot use pins {used}: {error}") from error
        self._light = _Track(_Lamps(lamps).show, Light(0))
        self._sound = _Track(buzzer.sound, Sound(0))

    def _kept(self, device: Any) -> Any:
        self._open.callback(device.close)
        return device

    def play(self, pattern: Pattern, now: float) -> None:
        score = PATTERNS[pattern]
        self._light.start(score.light, now)
        self._sound.start(() if self._silent else score.sound, now)
        self.step(now)

    def step(self, now: float) -> float | None:
        try:
            waits = [self._light.step(now), self._sound.step(now)]
        except self._errors as error:
            raise GpioError(f"cannot set a pin: {error}") from error
        return min((wait for wait in waits if wait is not None), default=None)

    def close(self) -> None:
        try:
            self._open.close()
        except self._errors as error:
            raise GpioError(f"cannot release the pins: {error}") from error


def open_signals(options: SignalOptions) -> Signals:
    """Takes the pins from the named factory and from no other: a kiosk whose lamps do not work
    must not seem well. Raises GpioError."""
    if options.pins == "none":
        return NoSignals()
    return GpioSignals(open_factory(options.pins), options)
