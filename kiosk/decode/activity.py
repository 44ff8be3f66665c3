"""Whether anything moves before the camera: a difference of subsampled frames.

Sensor noise, lamps on 100 Hz mains and daylight that drifts are no movement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiosk.decode.geometry import Box, Grey

STEP = 8
"""Pixels between samples."""
CELL = 32
"""Pixels along a side of the squares in which movement is told."""

_SIDE = CELL // STEP  # samples along a side of a cell
_LEAST = 4.0  # grey levels: a mean difference below is never movement
_OVER_NOISE = 2.2  # times the median cell's difference: what noise alone does not reach
_QUIETEST = 0.5  # grey levels, the median cell's difference of the best sensor
_NOISIEST = 12.0  # ... and of the worst, in the dark
_RISE = 1.1  # from frame to frame

Cells = npt.NDArray[np.bool_]
Samples = npt.NDArray[np.float32]


class Activity:
    """Compares each frame with the one before, and remembers when something last moved at
    each place. `noise` is the mean difference between two samples of a place at rest, in
    grey levels."""

    def __init__(self) -> None:
        self._before: npt.NDArray[np.float32] | None = None
        self._moved_at = np.full((0, 0), -np.inf)  # seconds, by cell
        self.noise = _QUIETEST

    def turn(self, grey: Grey, at: float) -> bool:
        """Takes in a frame of `at` seconds; whether there was one to compare it with. If there
        was none, all of it counts as moved."""
        cells = self._moved(grey)
        if cells is None:
            self._moved_at = np.full((grey.shape[0] // CELL, grey.shape[1] // CELL), at)
            return False
        self._moved_at[cells] = at
        return True

    def last(self, box: Box | None = None) -> float:
        """When something moved in `box`, which lies within the frame, or anywhere; -inf if
        nothing did."""
        cells = self._moved_at
        if box is not None:
            rows = slice(box.top // CELL, (box.bottom - 1) // CELL + 1)
            cells = cells[rows, box.left // CELL : (box.right - 1) // CELL + 1]
        return float(cells.max(initial=-np.inf))

    def since(self, at: float) -> Cells:
        """The cells in which something has moved at `at` seconds or later."""
        moved: Cells = self._moved_at >= at
        return moved

    def _moved(self, grey: Grey) -> Cells | None:
        """The cells (rows, columns of `CELL` pixels) in which something moved; None when there
        is nothing to compare with: the first frame, another size, a frame below one cell."""
        rows, columns = grey.shape[0] // CELL, grey.shape[1] // CELL
        now = grey[: rows * CELL : STEP, : columns * CELL : STEP].astype(np.float32)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape or not now.size:
            return None
        # Mains light changes rows as a whole (rolling shutter), drift the whole frame: what all
        # of a row did is taken out, by the light of both, so that bright places do not stand out.
        by_cell = self._apart(now, before, (now.sum(1) + 1) / (before.sum(1) + 1))
        # Slowly upwards: a frame in which everything is new is no noise.
        noise = min(float(np.median(by_cell)), self.noise * _RISE + _QUIETEST)
        self.noise = min(max(_QUIETEST, noise), _NOISIEST)
        least = max(_LEAST, _OVER_NOISE * self.noise)
        moved: Cells = by_cell > least
        if moved.any():
            # Something bright in a part of a row has changed its sum, and so made the rest of it
            # look darker than it is. The median does not heed it, but takes its time.
            light = np.median((now + 1) / (before + 1), axis=1)
            moved = self._apart(now, before, light) > least
        return moved

    def _apart(self, now: Samples, before: Samples, light: Samples) -> Samples:
        """How far each cell is from what it was, in the light of its row now."""
        apart = np.abs(now - before * light[:, None])
        rows, columns = now.shape[0] // _SIDE, now.shape[1] // _SIDE
        mean: Samples = apart.reshape(rows, _SIDE, columns, _SIDE).mean((1, 3))
        return mean
