"""What lamps and buzzer do about each cue: a table.

Each rhythm is a word of its own, told by the light alone (a visitor who does not hear, a
silent kiosk, an eye that cannot tell red from green) and by the sound alone, without its pitch,
since an active buzzer has but one. Light and sound begin with the same thing where they can:
two long flashes and two long tones. The test takes every pair apart. No lamp flashes more than
three times in a second (WCAG 2.3.1), however often its pattern is repeated.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Colour = Literal["green", "red", "blue"]
Pattern = Literal[
    "pass",
    "goodbye",
    "again",
    "warn",
    "fail",
    "place-code",
    "hint",
    "question",
    "holding",
    "identify",
    "self-test",
]


class Light(NamedTuple):
    """One lamp for so many seconds, or none. `blue` is red where there is no blue lamp."""

    lasts: float
    colour: Colour | None = None


class Sound(NamedTuple):
    """A tone of so many Hz for so many seconds, 0 = quiet; `soft`: as faint as the buzzer can.
    An active buzzer has its own tone and one loudness."""

    lasts: float
    hz: int = 0
    soft: bool = False


class Score(NamedTuple):
    """Light and sound begin together, and go each its own way."""

    light: tuple[Light, ...]
    sound: tuple[Sound, ...]


_HIGH, _MIDDLE, _LOW = 2600, 1300, 400  # Hz; small piezo discs are loudest between 2 and 4 kHz
_SHORT, _LONG = 0.15, 0.5


def _flashes(colour: Colour, *lasts: float, dark: float) -> tuple[Light, ...]:
    """Flashes of these seconds with as many seconds of darkness between them."""
    lights = [Light(dark)] * (2 * len(lasts) - 1)
    lights[::2] = [Light(seconds, colour) for seconds in lasts]
    return tuple(lights)


def _beeps(*tones: tuple[float, int], quiet: float, soft: bool = False) -> tuple[Sound, ...]:
    sounds = [Sound(quiet)] * (2 * len(tones) - 1)
    sounds[::2] = [Sound(seconds, hz, soft) for seconds, hz in tones]
    return tuple(sounds)


PATTERNS: dict[Pattern, Score] = {
    # Recorded: green, and no other may be.
    "pass": Score(_flashes("green", 1.5, dark=0), _beeps((0.12, _HIGH), quiet=0)),
    "goodbye": Score(
        _flashes("green", _SHORT, 1.0, dark=_SHORT),
        _beeps((0.12, _HIGH), (0.4, _MIDDLE), quiet=0.08),
    ),
    "again": Score(
        _flashes("green", _SHORT, _SHORT, dark=_SHORT),
        _beeps((0.12, _HIGH), (0.12, _HIGH), quiet=0.08),
    ),
    # To the desk.
    "warn": Score(
        _flashes("red", _LONG, _LONG, dark=0.3),
        _beeps((0.4, _MIDDLE), (0.4, _MIDDLE), quiet=0.2),
    ),
    "fail": Score(_flashes("red", 0.3, 0.3, 0.3, 0.3, dark=0.3), _beeps((0.9, _LOW), quiet=0)),
    # Neither recorded nor refused.
    "place-code": Score(
        _flashes("blue", _LONG, _SHORT, _SHORT, dark=_SHORT),
        _beeps((0.4, _MIDDLE), (0.12, _HIGH), (0.12, _HIGH), quiet=0.1),
    ),
    "hint": Score(
        _flashes("blue", 0.06, 0.06, 0.06, dark=0.06),
        _beeps((0.02, _HIGH), (0.02, _HIGH), (0.02, _HIGH), quiet=0.06, soft=True),
    ),
    "question": Score(
        _flashes("blue", _SHORT, _SHORT, _LONG, dark=_SHORT),
        _beeps((0.12, _MIDDLE), (0.12, _MIDDLE), (0.4, _HIGH), quiet=0.1),
    ),
    # For technicians: a button that is held down, a kiosk that is looked for, a test.
    "holding": Score(_flashes("blue", 0.06, dark=0), _beeps((0.02, _MIDDLE), quiet=0, soft=True)),
    "identify": Score(
        (Light(_SHORT, "green"), Light(0.35), Light(_SHORT, "red"), Light(0.35)) * 3,
        _beeps(*[(0.12, _HIGH), (0.12, _MIDDLE)] * 3, quiet=0.38),
    ),
    "self-test": Score(
        (
            Light(1.0, "green"),
            Light(0.6),
            Light(1.0, "red"),
            Light(0.6),
            Light(1.0, "blue"),
        ),
        _beeps((0.4, _LOW), (0.4, _MIDDLE), (0.4, _HIGH), quiet=1.2),
    ),
}
"""Green is lit for what was recorded (`again`: earlier), and when a technician tries or looks for
a kiosk. Whoever repeats a pattern while something lasts plays it anew when it has ended."""
