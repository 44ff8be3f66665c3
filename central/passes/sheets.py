"""Printable sheets: A4, six passes of 95 x 90 mm, each with a code of 60 x 60 mm.

The same cards give the same bytes. Lengths are millimetres, from the upper left corner.
`docs/decisions/door-pass-sheets.md` says why it looks so.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import zxingcpp
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from central.passes import photos
from central.passes.fonts import fonts

PER_PAGE = 6
PAYLOAD_MAX = 311
"""Bytes: what 57 modules hold at level M, as letters and digits. Then a module is 0.92 mm."""

_PLAIN, _BOLD = 0, 1  # of `fonts`
_LEFT, _TOP = 10.0, 16.0  # of the first card on the page
_WIDTH, _HEIGHT = 95.0, 90.0
_PAD = 2.5
_CODE = 60.0  # with the quiet zone
_CODE_X, _CODE_Y = 34.0, 29.0
_QUIET = 4  # modules of white around a code, ISO/IEC 18004
_PHOTO_Y, _PHOTO_W, _PHOTO_H = 30.5, 30.0, 40.0
_GREY = 0.45


class Card(NamedTuple):
    """What one pass shows; `payload` is its code, `last` still valid."""

    number: int
    name: str
    group: str
    first: date
    last: date
    payload: bytes
    photo: Path | None


class Sheets(NamedTuple):
    """One file of sheets, all for one group; its first page is number `page` of `pages`."""

    issuer: str
    group: str
    page: int
    pages: int
    cards: Sequence[Card]


def lacking(text: str) -> bool:
    """Whether it has a character that the font has not. Raises ConfigError without a font."""
    faces = [pdfmetrics.getFont(name).face.charToGlyph for name in fonts()]
    return any(ord(letter) not in face for letter in text for face in faces)


def write(sheets: Sheets, file: BinaryIO, done: Callable[[], None]) -> None:
    """Draws PDF into `file`; `done` is called after each card. Raises ConfigError and
    Unfit."""
    canvas = Canvas(file, A4, pageCompression=1, invariant=1, initialFontName=fonts()[_PLAIN])
    pen = _Pen(canvas, 0, 0)
    canvas.setTitle(f"{sheets.issuer}: {sheets.group}")
    canvas.setAuthor(sheets.issuer)
    for at in range(0, len(sheets.cards), PER_PAGE):
        _frame(pen, sheets, sheets.page + at // PER_PAGE)
        for card, (x, y) in zip(sheets.cards[at : at + PER_PAGE], _places(), strict=False):
            _card(_Pen(canvas, x, y), sheets.issuer, card)
            done()
        canvas.showPage()
    canvas.save()


class _Pen:
    """Draws around a place of its own: (x, y) is its upper left corner on the page."""

    def __init__(self, canvas: Canvas, x: float, y: float) -> None:
        self.canvas = canvas
        self._x, self._y = x, y

    def at(self, x: float, y: float) -> tuple[float, float]:
        """In points from the page's lower left corner, as PDF counts."""
        return (self._x + x) * mm, A4[1] - (self._y + y) * mm

    def line(self, x: float, y: float, to_x: float, to_y: float, grey: float = 0) -> None:
        self.canvas.setLineWidth(0.3)
        self.canvas.setStrokeGray(grey)
        self.canvas.line(*self.at(x, y), *self.at(to_x, to_y))

    def text(
        self, x: float, y: float, words: str, font: int, size: float, widest: float, align: int = 0
    ) -> None:
        """On the line y, beginning (`align` 0), in the middle (1) or ending (2) at x; pressed
        together when it would be wider than `widest`."""
        full = pdfmetrics.stringWidth(words, fonts()[font], size)
        scale = min(1.0, widest * mm / full) if full else 1.0
        at = self.at(x, y)
        made = self.canvas.beginText(at[0] - full * scale * align / 2, at[1])
        made.setFont(fonts()[font], size)
        made.setHorizScale(100 * scale)
        made.textOut(words)
        self.canvas.drawText(made)
        self.canvas.setFillGray(0)


def _places() -> Iterator[tuple[float, float]]:
    for row in range(3):
        for column in range(2):
            yield _LEFT + column * _WIDTH, _TOP + row * _HEIGHT


def _frame(pen: _Pen, sheets: Sheets, page: int) -> None:
    """What stands around the cards: of whom they are, which page, where to cut."""
    right, bottom = _LEFT + 2 * _WIDTH, _TOP + 3 * _HEIGHT
    head = f"{sheets.issuer} – Lớp/Tổ · Class/Group: {sheets.group}"
    pen.text(_LEFT, 9, head, _BOLD, 9, 145)
    pen.text(
        right, 9, f"Trang {page}/{sheets.pages} · Page {page} of {sheets.pages}", _PLAIN, 8, 43, 2
    )
    foot = "In đúng cỡ 100 %, cắt theo dấu · Print at 100 %, cut at the marks"
    pen.text((_LEFT + right) / 2, bottom + 8, foot, _PLAIN, 7, 150, 1)
    across = [_LEFT + n * _WIDTH for n in range(3)]
    down = [_TOP + n * _HEIGHT for n in range(4)]
    for x in across:
        pen.line(x, _TOP - 4, x, _TOP - 0.5)
        pen.line(x, bottom + 0.5, x, bottom + 4)
        for y in down:
            pen.line(x - 1.5, y, x + 1.5, y, _GREY)
            pen.line(x, y - 1.5, x, y + 1.5, _GREY)
    for y in down:
        pen.line(_LEFT - 4, y, _LEFT - 0.5, y)
        pen.line(right + 0.5, y, right + 4, y)


def _card(pen: _Pen, issuer: str, card: Card) -> None:
    right, whole = _WIDTH - _PAD, _WIDTH - 2 * _PAD
    pen.text(_PAD, 5, issuer, _BOLD, 7, whole - 34)
    pen.text(right, 5, "THẺ RA VÀO · Door pass", _PLAIN, 7, 33, 2)
    _name(pen, card.name, whole)
    pen.text(_PAD, 20.3, f"Lớp/Tổ · Class/Group: {card.group}", _BOLD, 9, whole - 26)
    pen.text(right, 20.3, f"Số · No. {card.number}", _BOLD, 9, 25, 2)
    days = f"{card.first:%d/%m/%Y} – {card.last:%d/%m/%Y}"
    pen.text(_PAD, 25.3, f"Giá trị · Valid: {days}", _PLAIN, 9, whole)
    if card.photo is not None:
        picture = ImageReader(io.BytesIO(photos.portrait(card.photo)))
        corner = pen.at(_PAD, _PHOTO_Y + _PHOTO_H)
        pen.canvas.drawImage(picture, *corner, _PHOTO_W * mm, _PHOTO_H * mm)
    else:
        middle = _PAD + _PHOTO_W / 2
        pen.text(middle, _PHOTO_Y + 19, "Ảnh 3 x 4 cm", _PLAIN, 7, _PHOTO_W, 1)
        pen.text(middle, _PHOTO_Y + 23, "Photo", _PLAIN, 6, _PHOTO_W, 1)
    pen.canvas.setLineWidth(0.3)
    pen.canvas.setStrokeGray(_GREY)
    pen.canvas.rect(*pen.at(_PAD, _PHOTO_Y + _PHOTO_H), _PHOTO_W * mm, _PHOTO_H * mm)
    pen.line(_PAD, 83, _PAD + _PHOTO_W, 83)
    pen.text(_PAD, 86.5, "Ký tên · Signature", _PLAIN, 6.5, _PHOTO_W)
    _code(pen, card.payload)


def _name(pen: _Pen, name: str, widest: float) -> None:
    """As large as it fits on a line; a long one on two."""
    for size in (19, 17, 15, 13, 12):
        if pdfmetrics.stringWidth(name, fonts()[_BOLD], size) <= widest * mm:
            pen.text(_PAD, 13.5, name, _BOLD, size, widest)
            return
    words = name.split()
    length = sum(map(len, words)) + len(words) - 1
    first = words[:1]
    while len(first) < len(words) and 2 * len(" ".join(first)) < length:
        first = words[: len(first) + 1]
    lines = [" ".join(first), " ".join(words[len(first) :])]
    longest = max(pdfmetrics.stringWidth(line, fonts()[_BOLD], 1) for line in lines)
    size = max(7.0, min(12.0, widest * mm / longest))
    for line, y in zip(lines, (10.7, 15.6), strict=True):
        pen.text(_PAD, y, line, _BOLD, size, widest)


def code(payload: bytes) -> npt.NDArray[np.bool_]:
    """Where it is dark: modules (height, width), without the quiet zone."""
    made = zxingcpp.create_barcode(
        payload.decode("ascii"), zxingcpp.BarcodeFormat.QRCode, ec_level="M"
    )
    dark: npt.NDArray[np.bool_] = np.asarray(made.to_image(scale=1, add_quiet_zones=False)) == 0
    return dark


def _code(pen: _Pen, payload: bytes) -> None:
    """One path of dark runs: no seams between rows. Its unit is a module."""
    dark = code(payload)
    modules = len(dark) + 2 * _QUIET
    canvas = pen.canvas
    canvas.saveState()
    canvas.translate(*pen.at(_CODE_X, _CODE_Y))
    canvas.scale(_CODE * mm / modules, -_CODE * mm / modules)
    path = canvas.beginPath()
    for y, row in enumerate(dark, _QUIET):
        for x, width in _runs(row):
            path.rect(x + _QUIET, y, width, 1)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def _runs(row: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where dark modules begin in a row, and how many there are."""
    edges = np.flatnonzero(np.diff(row, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2).tolist():
        yield start, end - start
