"""The empty panel: its sizes, and what every screen has at the same place."""

from __future__ import annotations

from PIL import Image, ImageDraw

from kiosk.screens.faces import Box, Pen
from kiosk.screens.symbols import symbol

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
