"""Where in a frame something looks like a code: many strong edges close to one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiosk.decode.activity import CELL, Cells
from kiosk.decode.geometry import Box, Grey

_ROW_STEP = 8  # pixels between the rows that are looked at
_APART = 4  # pixels between those compared: a module or so
_LEAST = 10  # grey levels: a fainter edge is none
_OVER_NOISE = 5.0  # times the noise
_DENSE = 0.25  # share of strong edges; a straight outline stays below
_BURNT = 250  # grey level of a pixel that has burnt out
_SMALLEST = 4  # cells that hang together; the smallest code that can be read covers 9


def dense(grey: Grey, noise: float) -> Cells:
    """The cells that a code could be in. `noise` in grey levels, as `Activity` gives it."""
    rows, columns = grey.shape[0] // CELL, grey.shape[1] // CELL
    some = grey[: rows * CELL : _ROW_STEP, : columns * CELL : 2].astype(np.int16)
    if not some.size:
        return np.zeros((rows, columns), np.bool_)
    lag = _APART // 2
    strong = np.zeros(some.shape, np.bool_)
    least = max(_LEAST, _OVER_NOISE * noise)
    np.greater(np.abs(some[:, lag:] - some[:, :-lag]), least, out=strong[:, :-lag])
    share = strong.reshape(rows, CELL // _ROW_STEP, columns, CELL // 2).mean((1, 3))
    found: Cells = share > _DENSE
    return found


def burnt(grey: Grey) -> Cells:
    """The cells that are white all over: a lit screen of which nothing can be seen."""
    rows, columns = grey.shape[0] // CELL, grey.shape[1] // CELL
    some = grey[: rows * CELL : _ROW_STEP, : columns * CELL : _ROW_STEP]
    side = CELL // _ROW_STEP
    white: Cells = some.reshape(rows, side, columns, side).min((1, 3), initial=255) >= _BURNT
    return white


def largest(cells: Cells) -> Box | None:
    """The box around the largest group of cells that hang together, one cell wider on each
    side; may reach out of the frame. None when no group is as large as a code."""
    left = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    best: npt.NDArray[np.intp] | None = None
    while left:
        group, ahead = [], [left.pop()]
        while ahead:
            row, column = ahead.pop()
            group.append((row, column))
            around = [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
            for near in around:
                if near in left:
                    left.remove(near)
                    ahead.append(near)
        if len(group) >= _SMALLEST and (best is None or len(group) > len(best)):
            best = np.array(group)
    if best is None:
        return None
    top, first = (int(x) for x in best.min(0))
    bottom, last = (int(x) for x in best.max(0))
    return Box((first - 1) * CELL, (top - 1) * CELL, (last + 2) * CELL, (bottom + 2) * CELL)
