"""Second looks: the ways to see a code that the first look at a frame did not read.

Each makes another picture of the same place. They stand in the order in which they help
most for what they cost; `docs/measurements.md` has the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kiosk.decode.geometry import Grey

Levels = npt.NDArray[np.int32]


class Look(NamedTuple):
    """`make` changes a picture, which comes out `scale` times as large; `reader` is who looks
    at it: zxing-cpp with a threshold per neighbourhood (`local`), with one for all
    (`global`), or `zbar`."""

    name: str
    reader: str
    make: Callable[[Grey], Grey]
    scale: float = 1.0

    @property
    def plain(self) -> bool:
        """Whether the picture is looked at as it is, without a copy."""
        return self.make is _as_it_is


def _as_it_is(grey: Grey) -> Grey:
    return grey


_ROOT = (255 * np.sqrt(np.arange(256) / 255)).astype(np.uint8)


def _brighter(grey: Grey) -> Grey:
    """Square root (gamma 0.5): pulls dark tones apart."""
    return _ROOT.take(grey)


def _equalised(grey: Grey) -> Grey:
    """Each grey level takes as much of the scale as there is of it (histogram equalisation):
    pulls apart what light and shade have pushed together."""
    some = grey[::2, ::2]  # enough to count by
    share = np.cumsum(np.bincount(some.ravel(), minlength=256)) / some.size
    return np.array(255 * share, np.uint8).take(grey)


def _equalised_enlarged(grey: Grey) -> Grey:
    return _enlarged(_equalised(grey))


def _enlarged(grey: Grey) -> Grey:
    """1.5 times as large, bilinear."""
    return _stretched(_stretched(grey, 0), 1)


def _stretched(grey: Grey, axis: int) -> Grey:
    length = grey.shape[axis]
    at = np.clip((np.arange(int(length * 1.5)) + 0.5) / 1.5 - 0.5, 0, length - 1)
    low = at.astype(np.intp)
    weight = np.round((at - low) * 64).astype(np.uint16)
    weight = weight[:, None] if axis == 0 else weight[None, :]
    here = grey.take(low, axis).astype(np.uint16)
    there = grey.take(np.minimum(low + 1, length - 1), axis)
    blended = (here * (64 - weight) + there * weight) >> 6
    return np.array(blended, np.uint8)


def _levelled(grey: Grey) -> Grey:
    """Each pixel against its neighbourhood of 33 pixels: undoes shadows and bands."""
    return _bytes(128 + 3 * (grey - _mean(grey, 16)))


def _sharpened(grey: Grey) -> Grey:
    """Unsharp mask: undoes some of a lens out of focus."""
    return _bytes(grey + 2 * (grey - _mean(grey, 2)))


def _bytes(levels: Levels) -> Grey:
    return np.clip(levels, 0, 255).astype(np.uint8)


def _mean(grey: Grey, reach: int) -> Levels:
    """Mean over the square of 2 * reach + 1 pixels around each, by running sums."""
    total = np.pad(grey, reach, "edge").astype(np.int32)
    window = 2 * reach + 1
    for axis in (0, 1):
        sums = np.cumsum(total, axis, np.int32)
        first = np.zeros_like(sums.take([0], axis))
        sums = np.concatenate([first, sums], axis)
        length = sums.shape[axis]
        total = sums.take(range(window, length), axis) - sums.take(range(length - window), axis)
    return total // (window * window)


LOOKS = (
    Look("equalised, enlarged", "local", _equalised_enlarged, 1.5),
    Look("one threshold", "global", _as_it_is),
    Look("brighter", "local", _brighter),
    Look("sharpened", "local", _sharpened),
    Look("zbar, equalised", "zbar", _equalised),
    Look("enlarged", "local", _enlarged, 1.5),
    Look("zbar", "zbar", _as_it_is),
    Look("levelled", "local", _levelled),
    Look("zbar, enlarged", "zbar", _enlarged, 1.5),
    Look("sharpened, one threshold", "global", _sharpened),
)
