"""Screens for whoever looks after the kiosk: which one it is, and whether the panel is whole."""

from __future__ import annotations

from typing import get_args

from PIL import Image

from kiosk.model import Page
from kiosk.screens import texts
from kiosk.screens.canvas import Canvas
from kiosk.screens.faces import LARGE, Box, Face, block, line
from kiosk.screens.situation import Situation
from kiosk.screens.texts import Language

FLASH_S = 0.5
"""Bright and dark for so long: two flashes in two seconds, far from what harms (WCAG 2.3.1: more
than three in one)."""

PAGE_S = 1.25
"""Each of the four pictures of the page of pixels."""

PAGES: tuple[Page, ...] = get_args(Page)
_LARGEST: tuple[Face, ...] = ("bold28", *LARGE)
_LONGEST = 12  # letters of a kiosk's name
_SAMPLE = "ẤẦẨẪẬ ệữ Ường 0123"
_SYMBOLS: dict[Page, str] = {"light": "lamp", "sound": "bell", "button": "press"}


def identify(canvas: Canvas, situation: Situation, frame: int) -> None:
    """The kiosk's own name as large as it goes, the place below it; bright and dark in turn."""
    pen, width, height = canvas.pen, canvas.width, canvas.height
    bright = frame % 2 == 0
    if bright:
        pen.rectangle((0, 0, width, height), fill=1)
    ink = 0 if bright else 1
    name = _short(situation.kiosk)
    whole = Box(3, 0, width - 6, height - 1)
    if canvas.low and situation.place:  # in turn
        shown = situation.place if frame // 2 % 2 else name
        block(pen, whole, shown, _LARGEST, centred=True, fill=ink)
    elif situation.place:
        upper, lower = Box(3, 1, width - 6, 26), Box(3, 28, width - 6, height - 29)
        block(pen, upper, name, _LARGEST, centred=True, fill=ink)
        block(pen, lower, situation.place, centred=True, fill=ink)
    else:
        block(pen, whole, name, _LARGEST, centred=True, fill=ink)


def _short(kiosk: str) -> str:
    """Kiosks of a fleet differ at the end of their names."""
    return kiosk if len(kiosk) <= _LONGEST else f"…{kiosk[-_LONGEST:].lstrip('-_.')}"


def self_test(canvas: Canvas, situation: Situation, language: Language, frame: int) -> None:
    """One page. Pixels: all of them, a chequer, the other chequer, the rim."""
    if situation.page == "pixels":
        _pixels(canvas, frame)
        return
    pen, width, height = canvas.pen, canvas.width, canvas.height
    number = f"{PAGES.index(situation.page) + 1}/{len(PAGES)}"
    line(pen, width - 18, height - 3, number, "6x13")
    if situation.page == "words":
        block(pen, Box(0, 0, width, height), _SAMPLE)
        return
    beside = canvas.symbol(_SYMBOLS[situation.page])
    spared = (20, 0) if canvas.low else (0, 13)  # for the number
    words = Box(beside.x, beside.y, beside.width - spared[0], beside.height - spared[1])
    pressed = situation.page == "button" and situation.pressed
    block(pen, words, (texts.PRESSED if pressed else texts.PAGES[situation.page]).of(language))


def _pixels(canvas: Canvas, frame: int) -> None:
    width, height = canvas.width, canvas.height
    if frame % 4 in (1, 2):
        rows = (b"\xaa" if (y + frame) % 2 else b"\x55" for y in range(height))
        chequer = b"".join(row * (width // 8) for row in rows)
        canvas.picture.paste(Image.frombytes("1", (width, height), chequer))
    elif frame % 4 == 3:
        canvas.pen.rectangle((0, 0, width - 1, height - 1), outline=1)
        canvas.pen.line((0, 0, width - 1, height - 1), fill=1)
        canvas.pen.line((0, height - 1, width - 1, 0), fill=1)
    else:
        canvas.pen.rectangle((0, 0, width, height), fill=1)
