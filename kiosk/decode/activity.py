"""Whether anything moves before the camera: a difference of subsampled frames.

Sensor noise, lamps on 100 Hz mains and daylight that drifts are no movement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiosk.decode.geometry import Grey

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


class Activity:
    """Compares each frame with the one before. `noise` is the mean difference between two
    samples of a place at rest, in grey levels."""

    def __init__(self) -> None:
        self._before: npt.NDArray[np.float32] | None = None
        self.noise = _QUIETEST

    def moved(self, grey: Grey) -> Cells | None:
        """The cells (rows, columns of `CELL` pixels) in which something moved; None when there
        is nothing to compare with: the first frame, another size, a frame below one cell."""
        rows, columns = grey.shape[0] // CELL, grey.shape[1] // CELL
        now = grey[: rows * CELL : STEP, : columns * CELL : STEP].astype(np.float32)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape or not now.size:
            return None
        # Mains light changes rows as a whole (rolling shutter), drift the whole frame: what all
        # of a row did is taken out, by the light of both, so that bright places do not stand out.
        light = (now.sum(1) + 1) / (before.sum(1) + 1)
        apart = np.abs(now - before * light[:, None])
        by_cell = apart.reshape(rows, _SIDE, columns, _SIDE).mean((1, 3))
        # Slowly upwards: a frame in which everything is new is no noise.
        noise = min(float(np.median(by_cell)), self.noise * _RISE + _QUIETEST)
        self.noise = min(max(_QUIETEST, noise), _NOISIEST)
        moved: Cells = by_cell > max(_LEAST, _OVER_NOISE * self.noise)
        return moved
