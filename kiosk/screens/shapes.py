"""Shapes on a square of 64 units, drawn at any size: smooth, then 1 bit."""

from __future__ import annotations

from PIL import Image, ImageDraw

UNITS = 64
_FINE = 4  # drawn so many times larger, then made small: smooth at every size

Point = tuple[float, float]


class Sheet:
    """A square of 64 x 64 units; `ink` 1 lights, 0 darkens."""

    def __init__(self, edge: int) -> None:
        self._edge = edge
        self._scale = edge * _FINE / UNITS
        self._image = Image.new("L", (edge * _FINE, edge * _FINE))
        self._pen = ImageDraw.Draw(self._image)

    def _at(self, point: Point) -> Point:
        return point[0] * self._scale, point[1] * self._scale

    def disc(self, x: float, y: float, radius: float, ink: int = 1) -> None:
        """A filled circle around (x, y)."""
        (x0, y0), (x1, y1) = self._at((x - radius, y - radius)), self._at((x + radius, y + radius))
        self._pen.ellipse((x0, y0, x1 - 1, y1 - 1), fill=ink * 255)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, ink: int = 1, radius: float = 0
    ) -> None:
        """A filled rectangle."""
        (a, b), (c, d) = self._at((x0, y0)), self._at((x1, y1))
        self._pen.rounded_rectangle((a, b, c - 1, d - 1), radius * self._scale, fill=ink * 255)

    def shape(self, *points: Point, ink: int = 1) -> None:
        """A filled polygon."""
        self._pen.polygon([self._at(point) for point in points], fill=ink * 255)

    def stroke(self, *points: Point, width: float, ink: int = 1) -> None:
        """A bent line with round ends."""
        scaled = [self._at(point) for point in points]
        self._pen.line(scaled, fill=ink * 255, width=round(width * self._scale), joint="curve")
        for x, y in points:
            self.disc(x, y, width / 2, ink)

    def frame(
        self, x0: float, y0: float, x1: float, y1: float, width: float, radius: float = 0
    ) -> None:
        """An outline whose outer edge is the given rectangle; what is inside goes dark."""
        self.box(x0, y0, x1, y1, 1, radius)
        inner = max(0.0, radius - width)
        self.box(x0 + width, y0 + width, x1 - width, y1 - width, 0, inner)

    def picture(self) -> Image.Image:
        """In 1 bit, at the size that was asked for."""
        small = self._image.resize((self._edge, self._edge), Image.Resampling.BOX)
        return small.point(lambda level: 255 * (level >= 128)).convert("1")
