"""What is said to a visitor: answers and hints."""

from __future__ import annotations

from PIL import Image

from kiosk.model import Direction, Hint, Outcome
from kiosk.screens import marks, texts
from kiosk.screens.canvas import SIZE, Canvas, Size
from kiosk.screens.faces import (
    BOLD,
    SMALL,
    Box,
    Face,
    Pen,
    block,
    broken,
    drop,
    line,
    name_fitted,
    rise,
    width,
)
from kiosk.screens.texts import Language

_SYMBOLS: dict[Outcome, str] = {"pass": "tick", "warn": "exclamation", "fail": "cross"}
_NAME = 14  # rows of a name
_FOOT = marks.HEIGHT  # also the width of the desk
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
        _low(canvas, beside, outcome, said, language, named, time, tag)
        return canvas.picture
    foot = beside.y + beside.height - _FOOT
    _foot(canvas.pen, Box(beside.x, foot, beside.width, _FOOT), outcome, direction, time)
    left = foot - beside.y - 3
    if trial:
        _marked(
            canvas.pen,
            Box(beside.x, foot - _TAG - 1, beside.width, _TAG),
            texts.TRIAL.of(language),
        )
        left -= _TAG
    elif named:
        left -= _NAME
        face, shown = name_fitted(named, beside.width, foot - 2 - left)
        line(canvas.pen, beside.x, _base(left + 1, foot - 2, face, shown), shown, face)
    canvas.say(Box(beside.x, beside.y, beside.width, left), said, language)
    return canvas.picture


def _low(
    canvas: Canvas,
    beside: Box,
    outcome: Outcome,
    said: texts.Text,
    language: Language,
    name: str,
    time: str,
    trial: str,
) -> None:
    """On half the height: words, and below them name and time, if there is a name and the
    words of both languages leave room for it. The desk beside the words; no time with it."""
    pen, below = canvas.pen, canvas.height - _NAME
    above = Box(beside.x, 0, beside.width, below - 1)
    leave_room = all(broken(words, above.width, above.height, BOLD) for words in said)
    if trial:
        if leave_room:
            canvas.say(above, said, language)
        _marked(pen, beside._replace(y=below, height=_TAG) if leave_room else beside, trial)
    elif name and leave_room:
        canvas.say(above, said, language)
        room = beside.width - (width("6x13", time) + 4 if time else 0)
        rows = canvas.height - below
        face, shown = name_fitted(name, room, rows)
        if shown.endswith("…"):
            time, (face, shown) = "", name_fitted(name, beside.width, rows)
        base = _base(below, canvas.height - 1, face, shown)
        line(pen, beside.x, base, shown, face)
        line(pen, canvas.width - width("6x13", time), base, time, "6x13")
    elif outcome == "pass":
        canvas.say(beside, said, language)
    else:
        canvas.say(beside._replace(width=beside.width - _FOOT - 1), said, language)
        marks.put(pen, canvas.width - _FOOT, canvas.height - _FOOT, "desk")


def _base(top: int, bottom: int, face: Face, name: str) -> int:
    """The row on which the letters of a name stand: three rows under it where its marks leave
    them, and no mark out of the rows `top` to `bottom`."""
    usual = max(bottom - 3, top + rise(face, name) - 1)
    return min(usual, bottom - drop(face, name))


def _marked(pen: Pen, box: Box, text: str) -> None:
    """Dark words on a bright field."""
    pen.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=1)
    block(pen, box, text, SMALL, centred=True, fill=0)


def _foot(pen: Pen, box: Box, outcome: Outcome, direction: Direction, time: str) -> None:
    """Which way with a pass, else that it is to the desk: no arrow sends on whom the words do
    not. And when."""
    if outcome != "pass":
        marks.put(pen, box.x, box.y, "desk")
    elif direction != "unknown":
        marks.put(pen, box.x, box.y, direction)
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
    canvas.say(beside, texts.HINTS[hint], language)
    return canvas.picture
