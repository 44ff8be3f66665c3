"""What stands there when there is nobody to answer. Nothing touches the rim: pictures that
stay for hours are moved about by a pixel, so that the display does not burn in."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

from kiosk.screens import marks, technician, texts
from kiosk.screens.canvas import SIZE, Canvas, Size
from kiosk.screens.faces import BOLD, SMALL, Box, broken, line, width
from kiosk.screens.situation import Situation, screen
from kiosk.screens.symbols import leaving, ready, symbol
from kiosk.screens.texts import Language

_RIM = 1
_EDGE = 46  # of a symbol above a line for the technician
_GAP = 4  # between symbol and words
_SMALL = 13  # rows of that line

_SYMBOLS = {
    "shutdown": "power",
    "updating": "update",
    "set-up": "wrench",
    "starting": "hourglass",
}
"""The others show the desk."""


def state(
    situation: Situation,
    *,
    language: Language = "vi",
    frame: int = 0,
    mirrored: bool = False,
    size: Size = SIZE,
) -> Image.Image:
    """The picture for a situation without a visitor; `frame` see `animation`. `mirrored`: the
    symbol on the right, of what may stand for hours."""
    name = screen(situation)
    canvas = Canvas(size)
    if name == "identify":
        technician.identify(canvas, situation, frame)
        return canvas.picture
    if name == "self-test":
        technician.self_test(canvas, situation, language, frame)
        return canvas.picture
    if name in ("idle", "leaving"):
        x, rows = _idle(canvas, situation, language, frame), canvas.height
    elif canvas.low:
        x, rows = _low_notice(canvas, name, situation, language, frame), canvas.height
    else:
        x, rows = _notice(canvas, name, situation, language), _RIM + _EDGE
    if mirrored:
        canvas.swap(x, rows)
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


def _idle(canvas: Canvas, situation: Situation, language: Language, frame: int) -> int:
    """Returns, as the others, the column at which the words begin."""
    text = texts.LEAVING if situation.leaving else texts.IDLE
    edge = canvas.height - 2 * _RIM - (0 if canvas.low else 5)
    figure = leaving if situation.leaving else ready
    canvas.put(_RIM, (canvas.height - edge) // 2, figure(edge, frame % 4))
    x = _RIM + edge + _GAP
    box = Box(x, _RIM, canvas.width - _RIM - x, canvas.height - 2 * _RIM)
    if canvas.low:
        canvas.say(_beside_marks(canvas, box, situation), text, language)
        return x
    foot = box.y + box.height - marks.HEIGHT
    marks.row(canvas.pen, Box(box.x, foot, box.width, marks.HEIGHT), situation)
    height = foot - box.y - 2
    standing = marks.standing(situation)
    if standing:
        words = texts.MARKS[standing[0]].of(language)
        line(canvas.pen, box.x, foot - 4, words, "6x13")
        height -= _SMALL
    canvas.say(Box(box.x, box.y, box.width, height), text, language)
    return x


def _notice(canvas: Canvas, name: str, situation: Situation, language: Language) -> int:
    """To visitors first; below a line, to the technician."""
    pen, right = canvas.pen, canvas.width - 1 - _RIM
    canvas.put(_RIM, _RIM, symbol(_SYMBOLS.get(name, "desk"), _EDGE))
    x = _RIM + _EDGE + _GAP
    words = Box(x, _RIM, right + 1 - x, _EDGE)
    said = texts.VISITORS[name]
    if marks.standing(situation) and situation.asked is None:  # daemons rest for an update
        marks.corner(pen, right, _RIM, situation)
        below = words._replace(y=_RIM + marks.HEIGHT + 1, height=_EDGE - marks.HEIGHT - 1)
        if all(broken(text, below.width, below.height, BOLD) for text in said):
            canvas.say(below, said, language)
        else:  # beside the first line, which is short
            canvas.say(words, said, language, SMALL)
    else:
        canvas.say(words, said, language)
    rule = _RIM + _EDGE + 1
    pen.line((_RIM, rule, right, rule), fill=1)
    if name == "updating" and situation.percent >= 0:
        done = _RIM + round((right - _RIM) * min(100, situation.percent) / 100)
        pen.rectangle((_RIM, rule - 1, done, rule + 1), fill=1)
    small = _to_technician(name, situation).of(language)
    left = (canvas.width - width("6x13", small)) // 2
    line(pen, left, canvas.height - _RIM - 3, small, "6x13")
    return x


def _low_notice(
    canvas: Canvas, name: str, situation: Situation, language: Language, frame: int
) -> int:
    """Visitor and technician in turn, the marks with the latter."""
    beside = canvas.symbol(_SYMBOLS.get(name, "desk"), _RIM)
    if name == "updating" and situation.percent >= 0:
        beside = beside._replace(height=beside.height - 2)
        right = beside.x + round((beside.width - 1) * min(100, situation.percent) / 100)
        foot = canvas.height - 1 - _RIM
        canvas.pen.line((beside.x, foot, right, foot), fill=1)
    if frame % 2:
        words = _beside_marks(canvas, beside, situation)
        canvas.say(words, _to_technician(name, situation), language)
    else:
        canvas.say(beside, texts.VISITORS[name], language)
    return beside.x


def _beside_marks(canvas: Canvas, box: Box, situation: Situation) -> Box:
    """Marks at the right of a box on the low panel, if there are any; what is left of it."""
    if situation.asked or not (situation.pending or marks.standing(situation)):
        return box
    rail = Box(canvas.width - _RIM - marks.WIDTH, _RIM, marks.WIDTH, canvas.height - 2 * _RIM)
    marks.column(canvas.pen, rail, situation)
    return box._replace(width=rail.x - 2 - box.x)


def _to_technician(name: str, situation: Situation) -> texts.Text:
    text = texts.TECHNICIANS[name]
    if name == "other-fault":
        return texts.Text(*(f"{words} {situation.faults[0]}" for words in text))
    return text
