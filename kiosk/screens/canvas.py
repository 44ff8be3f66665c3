"""The empty panel: its sizes, and what every screen has at the same place."""

from __future__ import annotations

from PIL import Image, ImageDraw

from kiosk.screens.faces import LARGE, Box, Face, Pen, block, broken
from kiosk.screens.symbols import symbol
from kiosk.screens.texts import Language, Text

Size = tuple[int, int]
SIZE: Size = (128, 64)
LOW: Size = (128, 32)

_EDGE = 58  # of the symbol of an answer: beside it goes "bàn hướng", 67 pixels wide


class Canvas:
    """A dark picture of one of the sizes, and the pen for it."""

    def __init__(self, size: Size) -> None:
        self.width, self.height = size
        self.low = self.height < SIZE[1]
        self.picture = Image.new("1", size)
        self.pen: Pen = ImageDraw.Draw(self.picture)

    def put(self, x: int, y: int, picture: Image.Image) -> None:
        """Lights what is light in `picture`."""
        self.pen.bitmap((x, y), picture, fill=1)

    def symbol(self, name: str, margin: int = 0) -> Box:
        """The large symbol on the left, as high as the panel; the box beside it."""
        edge = min(self.height, _EDGE) - (2 * margin if self.low else 0)
        self.put(margin, (self.height - edge) // 2, symbol(name, edge))
        x = margin + edge + (4 if self.low else 3)
        return Box(x, margin, self.width - x - margin, self.height - 2 * margin)

    def swap(self, x: int, rows: int) -> None:
        """Puts the words, which begin at column `x`, to the left and the symbol to the right,
        in the upper `rows`; the rim stays dark. Of the gap of four columns one goes with the
        symbol, three with the words: a thick letter at the very edge would light points that
        corners of symbols light, too."""
        symbol = self.picture.crop((0, 0, x - 3, rows))
        words = self.picture.crop((x - 3, 0, self.width, rows))
        self.pen.rectangle((0, 0, self.width - 1, rows - 1), fill=0)
        self.picture.paste(words, (0, 0))
        self.picture.paste(symbol, (self.width - symbol.width, 0))

    def say(
        self,
        box: Box,
        text: Text,
        language: Language,
        faces: tuple[Face, ...] = LARGE,
        *,
        centred: bool = False,
    ) -> None:
        """Words as large as they go into a box, but English no larger than Vietnamese."""
        if language != "vi":
            first = broken(text.vi, box.width, box.height, faces)
            faces = faces[faces.index(first.face) :] if first else faces[-1:]
        block(self.pen, box, text.of(language), faces, centred=centred)
