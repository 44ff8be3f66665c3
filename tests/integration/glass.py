"""What a panel that writes PNG files shows, whatever the language, the minute, or the frame of an
animation, wherever the picture has wandered, and whichever side its symbol is on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

from PIL import Image, ImageChops

from kiosk import clock, screens

LANGUAGES: tuple[screens.Language, ...] = get_args(screens.Language)
_MOVES = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
LEFT = (0, 0, 46, 64)
"""Most of the symbol, and the beginning of the line for the technician: without marks, words and
time. Of a mirrored picture the same on the right."""


def times() -> list[str]:
    """The present minute, and the one before: it may have changed since the picture was drawn."""
    minute = clock.minute_of_day(clock.now("system"))
    assert minute is not None
    return [f"{m // 60:02}:{m % 60:02}" for m in (minute, (minute - 1) % 1440)]


def answers(*args: Any, **more: Any) -> Iterator[Image.Image]:
    """Every picture of `screens.answer`."""
    for time in times():
        for language in LANGUAGES:
            yield screens.answer(*args, time=time, language=language, **more)


def hints(hint: Any) -> Iterator[Image.Image]:
    """Every picture of `screens.hint`."""
    for language in LANGUAGES:
        yield screens.hint(hint, language=language)


def states(situation: screens.Situation, mirrored: bool) -> Iterator[Image.Image]:
    """Every picture of `screens.state`."""
    for time in times():
        for language in LANGUAGES:
            for frame in range(4):
                timed = situation._replace(time=time)
                picture = screens.state(timed, language=language, frame=frame, mirrored=mirrored)
                for move in _MOVES:
                    yield ImageChops.offset(picture, *move)


def shows(
    file: Path,
    pictures: Callable[[], Iterator[Image.Image]],
    box: tuple[int, int, int, int] = (0, 0, 128, 64),
) -> Callable[[], bool]:
    """Whether `file`, within `box`, is one of `pictures`."""

    def holds() -> bool:
        if not file.exists():
            return False
        with Image.open(file) as glass:
            shown = glass.crop(box).tobytes()
        return any(picture.crop(box).tobytes() == shown for picture in pictures())

    return holds


def shows_state(
    file: Path,
    situation: screens.Situation,
    box: tuple[int, int, int, int] = (0, 0, 128, 64),
) -> Callable[[], bool]:
    """The same for a state; `LEFT` where nobody knows how the network is."""
    x0, y0, x1, y1 = box
    plain = shows(file, partial(states, situation, False), box)
    mirrored = shows(file, partial(states, situation, True), (128 - x1, y0, 128 - x0, y1))
    return lambda: plain() or mirrored()
