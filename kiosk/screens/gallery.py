"""All screens in one picture, enlarged, both languages side by side."""

from __future__ import annotations

from typing import get_args

from PIL import Image, ImageDraw, ImageFilter

from kiosk.screens.canvas import SIZE, Size
from kiosk.screens.catalogue import SECTIONS
from kiosk.screens.faces import Pen, font
from kiosk.screens.texts import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)
_SCALE = 2
_PAIRS = 3  # beside one another
_GAP = 4  # between the languages
_MARGIN = 14
_CAPTION = 15
_TITLE = 36
_PAPER, _INK = 236, 30


def gallery(size: Size = SIZE) -> Image.Image:
    """Shape: as many rows as it takes, `_PAIRS` screens wide."""
    width, height = (_SCALE * edge for edge in size)
    pair = 2 * width + _GAP
    step = height + _CAPTION + _MARGIN // 2
    rows = sum(-(-len(section.screens) // _PAIRS) for section in SECTIONS)
    sheet = Image.new(
        "L",
        (_MARGIN + _PAIRS * (pair + _MARGIN), rows * step + len(SECTIONS) * _TITLE + _MARGIN),
        _PAPER,
    )
    pen = ImageDraw.Draw(sheet)
    top = 0
    for section in SECTIONS:
        pen.text((_MARGIN, top + 4), section.title, fill=_INK, font=font("bold20"))
        top += _TITLE
        for n, (name, draw) in enumerate(section.screens.items()):
            x, y = _MARGIN + n % _PAIRS * (pair + _MARGIN), top + n // _PAIRS * step
            for m, language in enumerate(LANGUAGES):
                picture = draw(language=language, size=size).convert("L")
                large = picture.resize((width, height), Image.Resampling.NEAREST)
                sheet.paste(large, (x + m * (width + _GAP), y))
            _caption(pen, x, y + height, name)
        top += -(-len(section.screens) // _PAIRS) * step
    return sheet


def _caption(pen: Pen, x: int, y: int, name: str) -> None:
    pen.text((x, y + 1), name, fill=_INK, font=font("6x13"))


PITCH_MM = 0.17
"""From point to point on a panel of 0.96 inches across."""
_ARC_MINUTE = 0.00029  # radians
_EYE = 0.42
"""Arc minutes: standard deviation of the spot into which an eye of acuity 1.0 blurs a point, if
that is one arc minute wide at half its height."""


def afar(picture: Image.Image, metres: float) -> Image.Image:
    """How a screen looks from a distance: four times enlarged, grey (mode L)."""
    sigma = _EYE * _ARC_MINUTE * metres * 1000 / PITCH_MM  # points
    width, height = picture.size
    rim = 16
    framed = Image.new("L", (width + 2 * rim, height + 2 * rim))
    framed.paste(picture.convert("L"), (rim, rim))
    large = framed.resize((framed.width * 4, framed.height * 4), Image.Resampling.NEAREST)
    return large.filter(ImageFilter.GaussianBlur(4 * sigma))


FAR = (
    *("pass", "pass-repeated", "pass-out", "warn", "fail", "warn-place-code"),
    *("hint-closer", "hint-hold-still", "hint-too-bright", "hint-one-at-a-time"),
    *("idle-1", "leaving", "out-of-order"),
)
"""What must be told apart from five metres."""


def gallery_afar(metres: float = 5.0) -> Image.Image:
    """The screens of `FAR` as they are seen from there."""
    drawn = {name: draw for section in SECTIONS for name, draw in section.screens.items()}
    width, height = (SIZE[0] + 32) * 2, (SIZE[1] + 32) * 2
    step = height + _CAPTION
    sheet = Image.new("L", (4 * width, -(-len(FAR) // 4) * step))
    pen = ImageDraw.Draw(sheet)
    for n, name in enumerate(FAR):
        seen = afar(drawn[name](language="vi", size=SIZE), metres)
        x, y = n % 4 * width, n // 4 * step
        sheet.paste(seen.resize((width, height)), (x, y))
        pen.text((x + 4, y + height), name, fill=200, font=font("6x13"))
    return sheet


AT_THE_DOOR = (
    *("idle-1", "idle-offline", "trial", "not-enrolled"),
    *("out-of-order-technician", "camera-absent", "card-full", "outbox-fault"),
)
"""What a technician meets, in the order of docs/technician.md, which numbers them from 1."""
_PRINTED = 3
"""Scale for paper."""


def gallery_technician() -> Image.Image:
    """The screens of `AT_THE_DOOR`, numbered, Vietnamese beside English, two to a row."""
    drawn = {name: draw for section in SECTIONS for name, draw in section.screens.items()}
    width, height = (_PRINTED * edge for edge in SIZE)
    number, pair = 30, 2 * width + _GAP
    rows = -(-len(AT_THE_DOOR) // 2)
    sheet = Image.new("L", (2 * (number + pair + _MARGIN), rows * (height + _MARGIN)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for n, name in enumerate(AT_THE_DOOR):
        x, y = n % 2 * (number + pair + _MARGIN), n // 2 * (height + _MARGIN) + _MARGIN // 2
        pen.text((x + 8, y), str(n + 1), fill=_INK, font=font("bold28"))
        for m, language in enumerate(LANGUAGES):
            picture = drawn[name](language=language, size=SIZE).convert("L")
            large = picture.resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(large, (x + number + m * (width + _GAP), y))
    return sheet
