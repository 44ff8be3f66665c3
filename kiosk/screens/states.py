"""What stands there when there is nobody to answer. Nothing touches the rim: pictures that
stay for hours are moved about by a pixel, so that the display does not burn in."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from kiosk.screens import marks, technician, texts
from kiosk.screens.canvas import SIZE, Canvas, Size
from kiosk.screens.faces import LARGE, SMALL, Box, block, line, width
from kiosk.screens.situation import Situation, screen
from kiosk.screens.symbols import ready, symbol
from kiosk.screens.texts import Language

_RIM = 1
_EDGE = 46  # of a symbol above a line for the technician
_SMALL = 13  # rows of that line

_SYMBOLS = {
    "shutdown": "power",
    "updating": "update",
    "set-up": "wrench",
    "not-enrolled": "key",
    "starting": "hourglass",
}
"""The others show the desk."""


def state(
    situation: Situation, *, language: Language = "vi", frame: int = 0, size: Size = SIZE
) -> Image.Image:
    """The picture for a situation without a visitor; `frame` see `animation`."""
    name = screen(situation)
    canvas = Canvas(size)
    if name == "identify":
        technician.identify(canvas, situation, frame)
    elif name == "self-test":
        technician.self_test(canvas, situation, language, frame)
    elif name in ("idle", "leaving"):
        _idle(canvas, situation, language, frame)
    elif canvas.low:
        _low_notice(canvas, name, situation, language, frame)
    else:
        _notice(canvas, name, situation, language)
    return canvas.picture


class Animation(NamedTuple):
    """So many frames, each for so many seconds; then the first one again."""

    frames: int
    seconds: float


def animation(situation: Situation, size: Size = SIZE) -> Animation:
    """How `frame` of `state` counts in a situation."""
    name = screen(situation)
    if name == "identify":
        return Animation(4, technician.FLASH_S)
    if name == "self-test":
        return Animation(4 if situation.page == "pixels" else 1, technician.PAGE_S)
    if name in ("idle", "leaving"):
        return Animation(4, 1.0)
    return Animation(2, 8.0) if size[1] < SIZE[1] else Animation(1, 8.0)


def keeps_off_the_rim(situation: Situation) -> bool:
    """Whether the picture may be moved by a point each way."""
    return screen(situation) not in ("identify", "self-test")


def _idle(canvas: Canvas, situation: Situation, language: Language, frame: int) -> None:
    text = (texts.LEAVING if situation.leaving else texts.IDLE).of(language)
    edge = canvas.height - 2 * _RIM - (0 if canvas.low else 4)
    canvas.put(_RIM, (canvas.height - edge) // 2, ready(edge, frame % 4))
    x = _RIM + edge + 2
    box = Box(x, _RIM, canvas.width - _RIM - x, canvas.height - 2 * _RIM)
    if canvas.low:
        rail = marks.WIDTH + 2 if situation.pending or marks.standing(situation) else 0
        block(canvas.pen, Box(box.x + 2, box.y, box.width - rail - 2, box.height), text)
        left = canvas.width - _RIM - marks.WIDTH
        marks.column(canvas.pen, Box(left, _RIM, marks.WIDTH, box.height), situation)
        return
    foot = box.y + box.height - marks.HEIGHT
    marks.row(canvas.pen, Box(box.x, foot, box.width, marks.HEIGHT), situation)
    height = foot - box.y - 2
    standing = marks.standing(situation)
    if standing:
        words = texts.MARKS[standing[0]].of(language)
        line(canvas.pen, box.x, foot - 4, words, "6x13")
        height -= _SMALL
    block(canvas.pen, Box(box.x, box.y, box.width, height), text)


def _notice(canvas: Canvas, name: str, situation: Situation, language: Language) -> None:
    """To visitors first; below a line, to the technician."""
    pen, right = canvas.pen, canvas.width - 1 - _RIM
    canvas.put(_RIM, _RIM, symbol(_SYMBOLS.get(name, "desk"), _EDGE))
    x = _RIM + _EDGE + 4
    marked = name not in _SYMBOLS and marks.standing(situation)
    words = Box(x, _RIM, right + 1 - x, _EDGE)
    block(pen, words, texts.VISITORS[name].of(language), SMALL if marked else LARGE)
    if marked:  # beside the first line, which is short
        marks.corner(pen, right, _RIM, situation)
    rule = _RIM + _EDGE + 1
    pen.line((_RIM, rule, right, rule), fill=1)
    if name == "updating" and situation.percent >= 0:
        done = _RIM + round((right - _RIM) * min(100, situation.percent) / 100)
        pen.rectangle((_RIM, rule - 1, done, rule + 1), fill=1)
    small = _to_technician(name, situation, language)
    left = (canvas.width - width("6x13", small)) // 2
    line(pen, left, canvas.height - _RIM - 3, small, "6x13")


def _low_notice(
    canvas: Canvas, name: str, situation: Situation, language: Language, frame: int
) -> None:
    """Visitor and technician in turn."""
    beside = canvas.symbol(_SYMBOLS.get(name, "desk"), _RIM)
    text = texts.VISITORS[name].of(language)
    if frame % 2:
        text = _to_technician(name, situation, language)
    block(canvas.pen, beside, text)


def _to_technician(name: str, situation: Situation, language: Language) -> str:
    text = texts.TECHNICIANS[name].of(language)
    return f"{text} {situation.faults[0]}" if name == "other-fault" else text
