"""What is said to a visitor: answers and hints."""

from __future__ import annotations

from PIL import Image

from kiosk.model import Direction, Hint, Outcome
from kiosk.screens import marks, texts
from kiosk.screens.canvas import SIZE, Canvas, Size
from kiosk.screens.faces import BOLD, SMALL, Box, Pen, block, broken, line, name_fitted, width
from kiosk.screens.texts import Language

_SYMBOLS: dict[Outcome, str] = {"pass": "tick", "warn": "exclamation", "fail": "cross"}
_UNRECORDED = ("place-code", "card-full", "outbox-fault")
"""Nobody has come or gone."""
_NAME = 13  # rows of a name
_FOOT = marks.HEIGHT
_TAG = 14  # rows of the mark of a trial


def answer(
    outcome: Outcome,
    reason: str,
    *,
    language: Language = "vi",
    name: str = "",
    direction: Direction = "in",
    repeated: bool = False,
    trial: bool = False,
    time: str = "",
    size: Size = SIZE,
) -> Image.Image:
    """The picture for one answer. `name` is the abbreviated name, empty when the code names
    nobody, and shown with a pass alone; `time` is HH:MM, empty when it cannot be trusted. A
    `trial` is marked, and names nobody."""
    said = words(outcome, reason, direction, repeated)
    named = name if outcome == "pass" and not trial else ""
    canvas = Canvas(size)
    beside = canvas.symbol(_symbol(outcome, reason, direction, repeated))
    if canvas.low:
        tag = texts.TRIAL.of(language) if trial else ""
        _low(canvas, beside, said, language, named, time, tag)
        return canvas.picture
    foot = beside.y + beside.height - _FOOT
    way = "unknown" if outcome == "fail" or reason in _UNRECORDED else direction
    _foot(canvas.pen, Box(beside.x, foot, beside.width, _FOOT), outcome, way, time)
    left = foot - beside.y - 3
    if trial:
        _marked(
            canvas.pen,
            Box(beside.x, foot - _TAG - 1, beside.width, _TAG),
            texts.TRIAL.of(language),
        )
        left -= _TAG
    elif named:
        face, shown = name_fitted(named, beside.width)
        line(canvas.pen, beside.x, foot - 5, shown, face)
        left -= _NAME
    block(canvas.pen, Box(beside.x, beside.y, beside.width, left), said.of(language))
    return canvas.picture


def _low(
    canvas: Canvas,
    beside: Box,
    said: texts.Text,
    language: Language,
    name: str,
    time: str,
    trial: str,
) -> None:
    """On half the height: words, and below them name and time, if there is a name and the
    words of both languages leave room for it."""
    pen, text, below = canvas.pen, said.of(language), canvas.height - _NAME
    above = Box(beside.x, 0, beside.width, below - 1)
    if name and all(broken(words, above.width, above.height, BOLD) for words in said):
        block(pen, above, text)
        room = beside.width - (width("6x13", time) + 4 if time else 0)
        face, shown = name_fitted(name, room)
        if shown.endswith("…"):
            time, (face, shown) = "", name_fitted(name, beside.width)
        line(pen, beside.x, canvas.height - 3, shown, face)
        line(pen, canvas.width - width("6x13", time), canvas.height - 3, time, "6x13")
    else:
        block(pen, beside, text)
    if trial:
        pen.rectangle((0, below - 2, canvas.height, canvas.height), fill=0)
        _marked(pen, Box(0, below - 1, canvas.height, _TAG), trial)


def _marked(pen: Pen, box: Box, text: str) -> None:
    """Dark words on a bright field."""
    pen.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=1)
    block(pen, box, text, SMALL, centred=True, fill=0)


def _foot(pen: Pen, box: Box, outcome: Outcome, direction: Direction, time: str) -> None:
    """Which way, or that it is to the desk; and when."""
    x = box.x
    if direction != "unknown":
        x = marks.put(pen, x, box.y, direction) + 2
    if outcome != "pass":
        marks.put(pen, x, box.y, "desk")
    line(pen, box.x + box.width - width("bold13", time), box.y + _FOOT - 2, time, "bold13")


def words(
    outcome: Outcome, reason: str, direction: Direction, repeated: bool = False
) -> texts.Text:
    """What an answer says."""
    if outcome == "pass":
        return texts.REPEATED if repeated else texts.PASSED[direction]
    return texts.REASONS.get(reason, texts.OTHER_REASON[outcome])


def _symbol(outcome: Outcome, reason: str, direction: Direction, repeated: bool) -> str:
    if outcome == "pass":
        return "already" if repeated else "goodbye" if direction == "out" else "tick"
    return "poster" if reason == "place-code" else _SYMBOLS[outcome]


def hint(hint: Hint, *, language: Language = "vi", size: Size = SIZE) -> Image.Image:
    """The picture that asks for what would help the camera."""
    canvas = Canvas(size)
    beside = canvas.symbol(hint)
    block(canvas.pen, beside, texts.HINTS[hint].of(language))
    return canvas.picture
