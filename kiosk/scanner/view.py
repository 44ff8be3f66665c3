"""What is wrong with the view over minutes: dark, blank, out of focus, nothing read.

One frame a second is looked at, at a fraction of its pixels; nothing of it is kept but
the means of its blocks, until the next one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kiosk.faults import Faults, Severity

FAULTS: dict[str, Severity] = {
    "view-dark": "warning",
    "view-blank": "warning",
    "view-blurred": "warning",
    "reads-nothing": "warning",
}
LOOK_EVERY_S = 1.0
WRONG_AFTER_S = 300.0
RIGHT_AFTER_S = 10.0
UNREAD_AFTER_S = 1800.0
UNREAD_ACTIVE_S = 180.0  # of which something moved for so many seconds

Grey = npt.NDArray[np.uint8]
Means = npt.NDArray[np.float32]

_DARK = 16.0  # mean grey level that a camera shows at full exposure in the dark
_BLANK = 4.0  # standard deviation of block means: a lens under tape, or grease
_MOVED = 8.0  # change of a block's mean
_CONTRAST = 40.0  # enough of it to judge focus by
_SHARP = 0.05  # share of an edge's height within one pixel; less is a blur of 10 pixels
_NOISE = 6.0  # what noise adds to the strongest edge: 4 standard deviations, by their median
_BLOCK = 16
_APART = 24  # pixels that even a blurred edge fits in


class _Wrong:
    """One thing that may be wrong, with hysteresis."""

    def __init__(self, code: str, why: str) -> None:
        self.code, self.why = code, why
        self._since: float | None = None
        self._right_since: float | None = None

    def turn(self, wrong: bool | None, now: float, faults: Faults) -> None:
        """`wrong` is None when this frame does not tell."""
        if wrong:
            self._right_since = None
            self._since = now if self._since is None else self._since
            if now - self._since >= WRONG_AFTER_S:
                faults.raised(self.code, self.why)
        elif wrong is not None:
            self._since = None
            self._right_since = now if self._right_since is None else self._right_since
            if now - self._right_since >= RIGHT_AFTER_S:
                faults.cleared(self.code)


class Look(NamedTuple):
    """Figures of one frame. `sharpness` is None where there is too little to see."""

    means: Means
    mean: float
    contrast: float
    sharpness: float | None


def figures(grey: Grey) -> Look:
    """`grey`: uint8, shape (height, width), at least 64 by 64."""
    height, width = grey.shape
    rows, columns = height // _BLOCK, width // _BLOCK
    # Four rows of each block: their mean is steadier than a pixel, and upright edges stay.
    strips = grey[: rows * _BLOCK].reshape(rows, _BLOCK, width)[:, :4].sum(axis=1, dtype=np.int16)
    means = (
        strips[:, : columns * _BLOCK].reshape(rows, columns, _BLOCK).mean(axis=2, dtype=np.float32)
        / 4
    )
    steps = np.abs(strips[:, 1:] - strips[:, :-1])
    noise = float(np.median(steps)) * _NOISE
    near = _steepest(steps) - noise
    far = _steepest(np.abs(strips[:, _APART:] - strips[:, :-_APART])) - noise
    return Look(
        means,
        float(means.mean()),
        float(means.std()),
        near / far if far >= _CONTRAST * 4 else None,
    )


def _steepest(steps: npt.NDArray[np.int16]) -> float:
    """The strongest edges: the most of each strip, and of these what three in four do not
    reach."""
    return float(np.percentile(steps.max(axis=1), 75))


class View:
    """Warns of a view that has been wrong for minutes, clears when it is right again."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        minutes = f"for {WRONG_AFTER_S / 60:.0f} minutes"
        self._dark = _Wrong("view-dark", f"dark before the camera {minutes}: light, lens cap?")
        self._blank = _Wrong(
            "view-blank", f"nothing but one shade {minutes}: is the lens covered or dirty?"
        )
        self._blurred = _Wrong(
            "view-blurred", f"no sharp edge {minutes}: is the lens dirty or out of focus?"
        )
        self._look_at = 0.0
        self._means: Means | None = None
        self._reads = 0
        self._read_at: float | None = None
        self._active_s = 0.0

    def turn(self, grey: Grey, at: float, reads: int) -> None:
        """`at`: CLOCK_BOOTTIME in seconds; `reads` counts the codes answered so far."""
        if reads != self._reads or self._read_at is None:
            self._reads, self._read_at, self._active_s = reads, at, 0.0
            self._faults.cleared("reads-nothing")
        if at < self._look_at:
            return
        self._look_at = at + LOOK_EVERY_S
        look = figures(grey)
        dark, blank = look.mean < _DARK, look.contrast < _BLANK
        self._dark.turn(dark, at, self._faults)
        self._blank.turn(blank and not dark, at, self._faults)
        if not self._moved(look.means):
            return
        # The far wall may be out of focus; whoever comes near is not.
        blurred = None if look.sharpness is None else look.sharpness < _SHARP
        self._blurred.turn(blurred, at, self._faults)
        self._active_s += LOOK_EVERY_S
        if at - self._read_at >= UNREAD_AFTER_S and self._active_s >= UNREAD_ACTIVE_S:
            self._faults.raised(
                "reads-nothing",
                f"no code read for {UNREAD_AFTER_S / 60:.0f} minutes although people were there",
            )

    def _moved(self, means: Means) -> bool:
        before, self._means = self._means, means
        if before is None or before.shape != means.shape:
            return False
        # A cloud dims all blocks by the same share; a person changes some of them.
        share = float(means.mean() / max(before.mean(), 1.0))
        return float(np.abs(means - before * share).max()) > _MOVED
