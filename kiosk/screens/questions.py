"""The two questions of the declaration (Decision 2666/QD-BYT), answered with one button."""

from __future__ import annotations

from PIL import Image

from kiosk.model import Question
from kiosk.screens import texts
from kiosk.screens.canvas import SIZE, Canvas, Size
from kiosk.screens.faces import Box, Face, block, width
from kiosk.screens.symbols import symbol
from kiosk.screens.texts import Language

_FIGURES: dict[Question, str] = {"symptoms": "fever", "contact": "contact"}
_EDGE = 40  # of the figure
_GAP = 3
_SPACE = 2  # between the two answers
_PADDING = 12  # within them


def question(
    asked: Question,
    *,
    language: Language = "vi",
    held: float = 0.0,
    left: float = 1.0,
    frame: int = 0,
    size: Size = SIZE,
) -> Image.Image:
    """A short press is no, a long one yes. `held` is how much of a long press is done, `left`
    how much of the time to answer, both 0 to 1. The low panel shows question and answers in
    turn, two frames each."""
    canvas = Canvas(size)
    text = texts.QUESTIONS[asked].of(language)
    bar = canvas.height - (1 if canvas.low else 2)  # tells how much time is left
    if not canvas.low:
        canvas.put(0, 0, symbol(_FIGURES[asked], _EDGE))
        x = _EDGE + _GAP
        block(canvas.pen, Box(x, 0, canvas.width - x, _EDGE), text)
        top = _EDGE + _GAP
        _options(canvas, Box(0, top, canvas.width, bar - top - 1), language, held)
    elif held > 0 or frame // 2 % 2:
        _options(canvas, Box(0, 2, canvas.width, bar - 5), language, held)
    else:
        block(canvas.pen, Box(0, 0, canvas.width, bar - 1), text, centred=True)
    end = round(max(0.0, min(1.0, left)) * canvas.width) - 1
    if end >= 0:
        canvas.pen.rectangle((0, bar, end, canvas.height - 1), fill=1)
    return canvas.picture


def _options(canvas: Canvas, box: Box, language: Language, held: float) -> None:
    """No on the left; yes on the right, which fills while the button is held."""
    pen, right = canvas.pen, box.x + box.width - 1
    words = texts.NO.of(language), texts.YES.of(language)
    face: Face = "bold13"
    spare = box.width - _SPACE - sum(width(face, text) for text in words)
    if spare < _PADDING:
        face = "6x13"
        spare = box.width - _SPACE - sum(width(face, text) for text in words)
    middle = box.x + width(face, words[0]) + spare // 2
    for text, x0, x1 in zip(words, (box.x, middle + _SPACE), (middle - 1, right), strict=True):
        pen.rounded_rectangle((x0, box.y, x1, box.y + box.height - 1), radius=3, outline=1)
        inner = Box(x0 + 1, box.y, x1 - x0 - 1, box.height)
        block(pen, inner, text.replace(" ", "\N{NO-BREAK SPACE}"), (face,), centred=True)
    x0 = middle + _SPACE
    done = round(max(0.0, min(1.0, held)) * (right + 1 - x0))
    if done:
        field = (x0, box.y, x0 + done, box.y + box.height)
        turned = canvas.picture.crop(field).point(lambda level: 0 if level else 255)
        canvas.picture.paste(turned, field)
