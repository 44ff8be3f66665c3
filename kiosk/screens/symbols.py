"""The large symbols, at any size; and the animation of a kiosk that is ready."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import cos, pi, sin

from PIL import Image

from kiosk.screens.shapes import UNITS, Point, Sheet


def _ticked(s: Sheet, dx: float, dy: float, width: float, ink: int) -> None:
    s.stroke((15 + dx, 34 + dy), (27 + dx, 46 + dy), (49 + dx, 20 + dy), width=width, ink=ink)


def _tick(s: Sheet) -> None:
    s.disc(32, 32, 32)
    _ticked(s, 0, -1, 9.5, 0)


def _already(s: Sheet) -> None:
    """Two ticks, one behind the other, without a disc."""
    s.stroke((33, 51), (37, 58), (59, 6), width=10)
    s.stroke((5, 36), (19, 58), (44, 6), width=17, ink=0)
    s.stroke((5, 36), (19, 58), (44, 6), width=10)


def _exclamation(s: Sheet) -> None:
    s.stroke((32, 5), (59, 59), (5, 59), (32, 5), width=9)
    s.shape((32, 5), (59, 59), (5, 59))
    s.stroke((32, 25), (32, 41), width=8, ink=0)
    s.disc(32, 52.5, 4.4, 0)


def _cross(s: Sheet) -> None:
    """A cross in an octagon's outline: bright on dark, as the tick is dark on bright."""
    cut = 18.7
    s.shape(*_octagon(0, cut))
    s.shape(*_octagon(6, cut + 2.5), ink=0)
    s.stroke((19, 19), (45, 45), width=11)
    s.stroke((45, 19), (19, 45), width=11)


def _octagon(inset: float, cut: float) -> tuple[Point, ...]:
    a, b, low, high = inset, UNITS - inset, cut, UNITS - cut
    return (
        *((low, a), (high, a), (b, low), (b, high)),
        *((high, b), (low, b), (a, high), (a, low)),
    )


def _goodbye(s: Sheet) -> None:
    """An arrow out of a door."""
    s.frame(1, 1, 36, 63, 6, 3)
    s.box(28, 12, 38, 52, 0)
    s.box(14, 26, 46, 38)
    s.shape((41, 12), (63, 32), (41, 52))


def _code(s: Sheet, x: float, y: float, edge: float, ink: int = 1) -> None:
    """Three finder patterns and some modules: stands for any code."""
    unit = edge / 15
    for i, j in ((0, 0), (9, 0), (0, 9)):
        a, b = x + i * unit, y + j * unit
        s.box(a, b, a + 6 * unit, b + 6 * unit, ink)
        s.box(a + unit, b + unit, a + 5 * unit, b + 5 * unit, 1 - ink)
        s.box(a + 2 * unit, b + 2 * unit, a + 4 * unit, b + 4 * unit, ink)
    for i, j in ((9, 9), (13, 9), (11, 11), (9, 13), (13, 13)):
        a, b = x + i * unit, y + j * unit
        s.box(a, b, a + 2 * unit, b + 2 * unit, ink)


def _poster(s: Sheet) -> None:
    """A code that hangs on a wall: not this one."""
    s.stroke((16, 15), (30, 4), (44, 15), width=3)
    s.disc(30, 4, 3.5)
    s.box(2, 13, 58, 64, 1, 3)
    _code(s, 10, 20, 36, 0)
    s.disc(47, 47, 20, 0)
    s.disc(47, 47, 17)
    s.stroke((41, 41), (53, 53), width=6, ink=0)
    s.stroke((53, 41), (41, 53), width=6, ink=0)


def _closer(s: Sheet) -> None:
    """A small code and arrows that make it large."""
    _code(s, 21, 21, 22)
    for x, y in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        a, b = 32 - 32 * x, 32 - 32 * y
        s.shape((a, b), (a + 20 * x, b), (a, b + 20 * y))
        s.stroke((a + 7 * x, b + 7 * y), (a + 16 * x, b + 16 * y), width=7)


def _still(s: Sheet) -> None:
    """A phone with a code, and the bars of a pause."""
    s.frame(0, 0, 35, 64, 4, 6)
    _code(s, 7, 20, 21)
    s.box(41, 10, 50, 54, 1, 2)
    s.box(54, 10, 63, 54, 1, 2)


def _bright(s: Sheet) -> None:
    """A sun."""
    s.disc(32, 32, 15)
    for ray in range(8):
        x, y = cos(ray * pi / 4), sin(ray * pi / 4)
        s.stroke((32 + 21.5 * x, 32 + 21.5 * y), (32 + 28.5 * x, 32 + 28.5 * y), width=6)


def _one(s: Sheet) -> None:
    """The figure 1, and a code."""
    s.shape((4, 14), (14, 2), (24, 2), (24, 52), (12, 52), (12, 19), (4, 22))
    s.box(2, 52, 33, 63)
    _code(s, 32, 16, 32)


def _desk(s: Sheet) -> None:
    """Somebody behind a desk."""
    s.disc(32, 11, 11)
    s.shape((12, 40), (14, 30), (22, 25), (42, 25), (50, 30), (52, 40))
    s.box(0, 42, 64, 51, 1, 2)
    s.box(4, 51, 60, 64)
    s.box(11, 55, 53, 60, 0)


def _hourglass(s: Sheet) -> None:
    s.box(8, 0, 56, 8, 1, 2)
    s.box(8, 56, 56, 64, 1, 2)
    s.shape((12, 8), (52, 8), (52, 16), (36, 32), (52, 48), (52, 56), (12, 56), (12, 48), (28, 32))
    s.shape((17, 8), (47, 8), (47, 14), (45, 17), (19, 17), (17, 14), ink=0)
    s.shape((32, 37), (45, 50), (45, 51), (19, 51), (19, 50), ink=0)


def _key(s: Sheet) -> None:
    """Somebody has to unlock it: not enrolled."""
    s.disc(18, 32, 18)
    s.disc(18, 32, 8, 0)
    s.box(30, 27, 64, 37)
    s.box(44, 36, 51, 48)
    s.box(56, 36, 63, 46)


def _wrench(s: Sheet) -> None:
    s.stroke((14, 50), (40, 24), width=14)
    s.disc(46, 18, 18)
    s.shape((46, 18), (70, -10), (74, 6), ink=0)
    s.shape((46, 18), (46, -6), (70, -6), ink=0)
    s.stroke((46, 18), (60, 4), width=12, ink=0)
    s.disc(14, 50, 3.5, 0)


def _update(s: Sheet) -> None:
    """Down into a tray."""
    s.box(24, 0, 40, 24)
    s.shape((10, 22), (54, 22), (32, 46))
    s.box(0, 42, 8, 64)
    s.box(56, 42, 64, 64)
    s.box(0, 55, 64, 64)


def _power(s: Sheet) -> None:
    s.disc(32, 35, 29)
    s.disc(32, 35, 20, 0)
    s.shape((32, 35), (14, 0), (50, 0), ink=0)
    s.stroke((32, 6), (32, 31), width=9)


def _fever(s: Sheet) -> None:
    """A thermometer, and a question mark."""
    s.disc(17, 49, 15)
    s.box(9, 2, 25, 46, 1, 8)
    s.disc(17, 49, 10, 0)
    s.box(13, 6, 21, 46, 0, 4)
    s.disc(17, 49, 7)
    s.box(15, 20, 19, 48)
    _asked(s, 48)


def _contact(s: Sheet) -> None:
    """Two people, and a question mark above them."""
    for x in (12, 52):
        s.disc(x, 29, 8)
        s.shape((x - 12, 64), (x - 12, 46), (x - 6, 39), (x + 6, 39), (x + 12, 46), (x + 12, 64))
    _asked(s, 32)


def _asked(s: Sheet, x: float) -> None:
    s.stroke(
        *((x - 9, 13), (x - 7, 7), (x, 4), (x + 8, 7), (x + 9, 14), (x + 4, 21), (x, 26), (x, 32)),
        width=7,
    )
    s.disc(x, 44, 4.5)


def _lamp(s: Sheet) -> None:
    s.disc(32, 26, 22)
    s.box(22, 44, 42, 52)
    s.box(24, 54, 40, 58, 1, 1)
    s.box(27, 60, 37, 64, 1, 1)
    s.stroke((26, 30), (32, 36), (38, 30), width=3.5, ink=0)
    s.stroke((32, 36), (32, 48), width=3.5, ink=0)


def _bell(s: Sheet) -> None:
    s.disc(32, 5, 5)
    s.disc(32, 24, 19)
    s.shape((13, 24), (51, 24), (53, 42), (61, 52), (3, 52), (11, 42))
    s.disc(32, 56, 7.5)


def _press(s: Sheet) -> None:
    """A push button, and an arrow down to it."""
    s.shape((18, 18), (46, 18), (32, 34))
    s.box(26, 0, 38, 20)
    s.box(18, 38, 46, 50, 1, 4)
    s.box(2, 50, 62, 64, 1, 3)


def _viewfinder(s: Sheet) -> None:
    for x, turn_x in ((0, 1), (64, -1)):
        for y, turn_y in ((0, 1), (64, -1)):
            s.shape(
                (x, y), (x + 18 * turn_x, y), (x + 18 * turn_x, y + 5 * turn_y), (x, y + 5 * turn_y)
            )
            s.shape(
                (x, y), (x, y + 18 * turn_y), (x + 5 * turn_x, y + 18 * turn_y), (x + 5 * turn_x, y)
            )


@cache
def ready(edge: int, frame: int) -> Image.Image:
    """A phone that is held into a viewfinder, and read there: frame 0 to 3, in a square of
    `edge` pixels."""
    sheet = Sheet(edge)
    top = 22 if frame == 0 else 7
    sheet.frame(16, top, 48, top + 50, 3, 5)
    _code(sheet, 21.5, top + 14, 21)
    _viewfinder(sheet)
    if frame >= 2:
        y = 24 if frame == 2 else 40
        sheet.box(4, y - 4, 60, y + 4, 0)
        sheet.box(4, y - 2, 60, y + 2)
    return sheet.picture()


_DRAW: dict[str, Callable[[Sheet], None]] = {
    "tick": _tick,
    "already": _already,
    "exclamation": _exclamation,
    "cross": _cross,
    "goodbye": _goodbye,
    "poster": _poster,
    "closer": _closer,
    "hold-still": _still,
    "too-bright": _bright,
    "one-at-a-time": _one,
    "desk": _desk,
    "hourglass": _hourglass,
    "key": _key,
    "wrench": _wrench,
    "update": _update,
    "power": _power,
    "fever": _fever,
    "contact": _contact,
    "lamp": _lamp,
    "bell": _bell,
    "press": _press,
}


@cache
def symbol(name: str, edge: int) -> Image.Image:
    """A symbol in a square of `edge` pixels."""
    sheet = Sheet(edge)
    _DRAW[name](sheet)
    return sheet.picture()
