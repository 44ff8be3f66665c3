"""Polygons and boxes in a frame; lengths in pixels, x to the right, y down."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Corners = tuple[tuple[int, int], ...]


class Box(NamedTuple):
    """`right` and `bottom` lie just outside."""

    left: int
    top: int
    right: int
    bottom: int

    def grown(self, margin: float, grey: Grey) -> Box:
        """Larger by `margin` on each side, as far as the frame goes; empty when outside of it."""
        height, width = grey.shape
        left, right = (
            min(max(0, int(x)), width) for x in (self.left - margin, self.right + margin)
        )
        top, bottom = (
            min(max(0, int(y)), height) for y in (self.top - margin, self.bottom + margin)
        )
        return Box(left, top, right, bottom)

    def cut(self, grey: Grey) -> Grey:
        return grey[self.top : self.bottom, self.left : self.right]

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    @property
    def side(self) -> int:
        """The longer one."""
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def pixels(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


def box_of(corners: Corners) -> Box:
    """The smallest box around all corners."""
    xs, ys = zip(*corners, strict=True)
    return Box(min(xs), min(ys), max(xs) + 1, max(ys) + 1)


def area(corners: Corners) -> float:
    """Square pixels inside a polygon (shoelace formula)."""
    around = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in around)) / 2


def centre(corners: Corners) -> tuple[float, float]:
    """Mean of the corners."""
    return (
        sum(x for x, _ in corners) / len(corners),
        sum(y for _, y in corners) / len(corners),
    )


def same_place(one: Corners, other: Corners) -> bool:
    """Whether the middle of one lies in the box of the other."""
    if not one or not other:
        return False
    return _holds(box_of(one), centre(other)) or _holds(box_of(other), centre(one))


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom
