"""Faces and lines of text in 1 bit: the largest face in which words fit a box."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import ImageDraw, ImageFont

Pen = ImageDraw.ImageDraw
Face = Literal["bold28", "bold20", "bold16", "bold13", "6x13"]

LARGE: tuple[Face, ...] = ("bold20", "bold16", "bold13", "6x13")
"""For what visitors read, the best first; 6x13 only where nothing else fits."""
BOLD = LARGE[:-1]
SMALL: tuple[Face, ...] = ("bold13", "6x13")
"""For names."""

_FONTS = Path(__file__).parent / "fonts"
_LONGEST = 200  # letters looked at; names come out of hostile codes
_MOST_LINES = 4


class Box(NamedTuple):
    """Pixels from (x, y), the upper left one."""

    x: int
    y: int
    width: int
    height: int


@cache
def font(face: Face) -> ImageFont.FreeTypeFont:
    """A font of `fonts/`, at its one size."""
    pixels = face.partition("x")[2] or face.removeprefix("bold")
    name = f"{face}.bdf" if face.startswith("bold") else f"{face}.pcf"
    return ImageFont.truetype(_FONTS / name, int(pixels), layout_engine=ImageFont.Layout.BASIC)


def plain(text: str) -> str:
    """On one line, composed (NFC); control characters become spaces or go."""
    composed = unicodedata.normalize("NFC", text[:_LONGEST])
    return "".join(c for c in " ".join(composed.split()) if c.isprintable())


def width(face: Face, text: str) -> int:
    """Pixels across; the blank column after the last letter is not counted."""
    return max(0, round(font(face).getlength(text)) - 1)


def _rise(face: Face, text: str) -> int:
    """Rows from the highest mark of `text` down to the line that its letters stand on."""
    return max(0, -round(font(face).getbbox(text, anchor="ls")[1])) if text else 0


def _drop(face: Face, text: str) -> int:
    """Rows below the line."""
    return max(0, round(font(face).getbbox(text, anchor="ls")[3])) if text else 0


def fitted(text: str, face: Face, limit: int) -> str:
    """`text` on one line of at most `limit` pixels, with an ellipsis where it was cut."""
    whole = plain(text)
    if width(face, whole) <= limit:
        return whole
    while whole and width(face, whole.rstrip() + "…") > limit:
        whole = whole[:-1]
    return whole.rstrip() + "…"


def line(pen: Pen, x: int, base: int, text: str, face: Face, *, fill: int = 1) -> None:
    """Writes `text`, whose letters stand on row `base`."""
    pen.text((x, base + 1), text, fill=fill, font=font(face), anchor="ls")


class Lines(NamedTuple):
    """Words broken into lines, and how they stand: rows from one line to the next."""

    face: Face
    words: tuple[str, ...]
    pitch: int

    @property
    def height(self) -> int:
        """Rows from the highest mark of the first line to the lowest of the last one."""
        rise, drop = _rise(self.face, self.words[0]), _drop(self.face, self.words[-1])
        return rise + self.pitch * (len(self.words) - 1) + drop

    @property
    def width(self) -> int:
        """Pixels across the longest line."""
        return max(width(self.face, words) for words in self.words)


def _breaks(words: list[str], lines: int) -> Iterator[tuple[str, ...]]:
    for cuts in combinations(range(1, len(words)), lines - 1):
        ends = (0, *cuts, len(words))
        yield tuple(" ".join(words[a:b]) for a, b in pairwise(ends))


def _standing(face: Face, words: tuple[str, ...]) -> Lines:
    """Equal steps, as small as no mark of a line touches the one above."""
    gap = 1 if face == "6x13" else 2
    steps = [_drop(face, a) + _rise(face, b) + gap for a, b in pairwise(words)]
    return Lines(face, words, max(steps, default=0))


@lru_cache(maxsize=256)
def broken(text: str, limit: int, height: int, faces: tuple[Face, ...]) -> Lines | None:
    """`text` in the largest of `faces` in which it fits, in as few lines as will do, of even
    length; no line ends at a no-break space. None where it fits in none."""
    words = [plain(word) for word in text.split(" ") if plain(word)]
    for face in faces:
        for count in range(1, min(len(words), _MOST_LINES) + 1):
            tried = (_standing(face, lines) for lines in _breaks(words, count))
            fits = [one for one in tried if one.width <= limit and one.height <= height]
            if fits:
                return min(fits, key=lambda one: one.width)
    return None


def block(
    pen: Pen,
    box: Box,
    text: str,
    faces: tuple[Face, ...] = LARGE,
    *,
    centred: bool = False,
    fill: int = 1,
) -> None:
    """Writes `text` as large as it goes into a box, halfway between top and bottom; cut, where
    it does not even fit in the smallest of `faces`."""
    lines = broken(text, box.width, box.height, faces)
    if lines is None:
        lines = Lines(faces[-1], (fitted(text, faces[-1], box.width),), 0)
    base = box.y + (box.height - lines.height) // 2 + _rise(lines.face, lines.words[0]) - 1
    for words in lines.words:
        x = box.x + ((box.width - width(lines.face, words)) // 2 if centred else 0)
        line(pen, x, base, words, lines.face, fill=fill)
        base += lines.pitch


def name_fitted(name: str, limit: int) -> tuple[Face, str]:
    """An abbreviated name and its face. What does not fit loses its first initials, since
    people are called by the given name, which stands last; then its end."""
    words = plain(name).split()
    while True:
        for face in SMALL:
            if width(face, " ".join(words)) <= limit:
                return face, " ".join(words)
        if len(words) < 2 or not words[0].endswith("."):
            return SMALL[-1], fitted(" ".join(words), SMALL[-1], limit)
        del words[0]
