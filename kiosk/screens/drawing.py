"""Fonts, symbols and lines of text in 1 bit."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

SIZE = (128, 64)
SYMBOL = 40  # edge of a large symbol, pixels

Pen = ImageDraw.ImageDraw
Face = Literal["10x20", "6x13", "6x10"]

_FONTS = Path(__file__).parent / "fonts"
_LONGEST = 200  # letters looked at; a line shows 21, and names come out of hostile codes


@cache
def font(face: Face) -> ImageFont.FreeTypeFont:
    """A font of `fonts/`, at its one size."""
    height = int(face.partition("x")[2])
    path = _FONTS / f"{face}.pcf"
    return ImageFont.truetype(path, height, layout_engine=ImageFont.Layout.BASIC)


def canvas() -> tuple[Image.Image, Pen]:
    """A dark picture of the panel's size and the pen for it."""
    picture = Image.new("1", SIZE)
    return picture, ImageDraw.Draw(picture)


def fitted(text: str, face: Face, width: int) -> str:
    """`text` on one line of at most `width` pixels, composed (NFC), with an ellipsis where
    it was cut; control characters become spaces or go."""
    plain = unicodedata.normalize("NFC", text[:_LONGEST])
    plain = "".join(c for c in " ".join(plain.split()) if c.isprintable())
    measure = font(face).getlength
    if measure(plain) <= width:
        return plain
    while plain and measure(plain + "…") > width:
        plain = plain[:-1]
    return plain.rstrip() + "…"


def line(
    pen: Pen,
    at: tuple[int, int],
    text: str,
    face: Face,
    *,
    width: int,
    centred: bool = False,
) -> None:
    """Writes one line, cut at `width` pixels; `at` is its upper left corner."""
    shown = fitted(text, face, width)
    x, y = at
    if centred:
        x += (width - round(font(face).getlength(shown))) // 2
    pen.text((x, y), shown, fill=1, font=font(face))


def inverse(pen: Pen, box: tuple[int, int, int, int], text: str, face: Face) -> None:
    """Dark text in the middle of a bright box (x0, y0, x1, y1)."""
    x0, y0, x1, y1 = box
    pen.rectangle(box, fill=1)
    x = x0 + (x1 - x0 + 1 - round(font(face).getlength(text))) // 2
    y = y0 + (y1 - y0 + 1 - sum(font(face).getmetrics())) // 2
    pen.text((x, y), text, fill=0, font=font(face))


def tick(pen: Pen) -> None:
    """A tick in a disc."""
    pen.ellipse((0, 0, 39, 39), fill=1)
    pen.line((9, 20, 17, 28, 31, 12), fill=0, width=6)


def exclamation(pen: Pen, x: int = 0, y: int = 0, edge: int = SYMBOL) -> None:
    """An exclamation mark in a triangle that fills a square of `edge` pixels."""
    half, bar = edge / 2, max(1, edge // 13)
    pen.polygon([(x + half - 0.5, y), (x, y + edge - 1), (x + edge - 1, y + edge - 1)], fill=1)
    middle = x + edge // 2
    pen.rectangle((middle - bar, y + edge * 0.38, middle + bar - 1, y + edge * 0.68), fill=0)
    pen.rectangle((middle - bar, y + edge * 0.78, middle + bar - 1, y + edge * 0.9), fill=0)


def cross(pen: Pen) -> None:
    """A cross in a square."""
    pen.rounded_rectangle((0, 0, 39, 39), radius=4, fill=1)
    pen.line((10, 10, 29, 29), fill=0, width=7)
    pen.line((29, 10, 10, 29), fill=0, width=7)


def code(pen: Pen) -> None:
    """The outline of a QR code between the corners of a viewfinder."""
    for x in (0, 39):
        for y in (0, 39):
            inward_x, inward_y = (1 if x == 0 else -1), (1 if y == 0 else -1)
            pen.line((x, y, x + 8 * inward_x, y), fill=1, width=1)
            pen.line((x, y, x, y + 8 * inward_y), fill=1, width=1)
    for x, y in ((5, 5), (23, 5), (5, 23)):
        pen.rectangle((x, y, x + 11, y + 11), outline=1, width=2)
        pen.rectangle((x + 4, y + 4, x + 7, y + 7), fill=1)
    for x, y in ((23, 23), (31, 23), (27, 27), (23, 31), (31, 31)):
        pen.rectangle((x, y, x + 3, y + 3), fill=1)


def _small_code(pen: Pen, x: int, y: int, edge: int) -> None:
    """Three finder patterns in a square of `edge` pixels: stands for a code of any size."""
    finder = max(5, edge * 2 // 5)
    far = edge - finder
    for i, j in ((x, y), (x + far, y), (x, y + far)):
        pen.rectangle((i, j, i + finder - 1, j + finder - 1), outline=1, width=max(1, finder // 5))
        inner = finder // 3
        pen.rectangle(
            (i + inner, j + inner, i + finder - 1 - inner, j + finder - 1 - inner), fill=1
        )
    pen.rectangle((x + far + 1, y + far + 1, x + edge - 2, y + edge - 2), fill=1)


def closer(pen: Pen) -> None:
    """A small code that becomes a large one."""
    _small_code(pen, 0, 14, 12)
    pen.rectangle((13, 18, 15, 20), fill=1)
    pen.polygon([(15, 15), (15, 23), (19, 19)], fill=1)
    _small_code(pen, 21, 10, 19)


def still(pen: Pen) -> None:
    """A phone with a code, and the two bars of a pause."""
    pen.rounded_rectangle((0, 1, 20, 37), radius=3, outline=1, width=2)
    _small_code(pen, 4, 12, 13)
    pen.rectangle((26, 8, 30, 30), fill=1)
    pen.rectangle((35, 8, 39, 30), fill=1)


def sun(pen: Pen) -> None:
    """A sun with eight rays."""
    pen.ellipse((11, 11, 28, 28), fill=1)
    for line in ((19, 0, 19, 7), (19, 32, 19, 39), (0, 19, 7, 19), (32, 19, 39, 19)):
        pen.line(line, fill=1, width=3)
    for line in ((5, 5, 10, 10), (34, 5, 29, 10), (5, 34, 10, 29), (34, 34, 29, 29)):
        pen.line(line, fill=1, width=3)


def one(pen: Pen) -> None:
    """The figure 1, and a code."""
    pen.polygon([(8, 4), (12, 4), (12, 34), (7, 34), (7, 11), (2, 14), (2, 9)], fill=1)
    pen.rectangle((2, 34, 17, 37), fill=1)
    _small_code(pen, 20, 12, 20)


def waiting(pen: Pen, x: int, y: int) -> None:
    """An arrow upwards, 7 x 9: records that want to leave."""
    pen.polygon([(x + 3, y), (x, y + 4), (x + 6, y + 4)], fill=1)
    pen.rectangle((x + 2, y + 4, x + 4, y + 8), fill=1)
