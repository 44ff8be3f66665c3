"""Cameras. One file per kind; a file's name is its value in the configuration."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class Frame(NamedTuple):
    """`grey`: luma, uint8, shape (height, width); rows may lie apart in memory, and the
    pixels are the camera's own: valid until the next call of `frame` or `close`, so whoever
    wants to remember something of them copies it. `at`: CLOCK_BOOTTIME in seconds."""

    grey: npt.NDArray[np.uint8]
    at: float


class CameraError(OSError):
    """The camera is absent, refused to start or broke. The owner closes it and tries later."""


class Camera(Protocol):
    """What every file here offers as `open_camera(options: CameraOptions) -> Camera`."""

    def frame(self, timeout: float) -> Frame | None:
        """The newest frame; None when none came within `timeout` seconds.

        Older frames are dropped, never queued. Raises CameraError.
        """

    def expose(self, stops: float) -> None:
        """Makes the pictures from now on `stops` brighter (above 0) or darker than the camera
        would by itself; 0 leaves it to the camera again. Takes effect within some frames. A
        camera that cannot do so goes on as it is. Raises CameraError."""

    def close(self) -> None:
        """Releases the device; may be called twice. Raises CameraError."""


class CameraOptions(NamedTuple):
    """Width and height in pixels, frames a second; `folder` and `hold_s` for `replay`,
    `device` for `webcam`."""

    width: int
    height: int
    fps: float
    folder: str
    hold_s: float
    device: str = ""
