"""What the drivers that stand on PyAV (FFmpeg) share: its import, and luma of its pictures."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from drivers import missing
from drivers.camera import CameraError

# Pixel formats that begin with a plane of luma.
_PLANAR = ("gray", "yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p", "nv12")


def pyav() -> ModuleType:
    """The library. Raises CameraError when it is not installed: it is an extra."""
    try:
        import av
    except (ImportError, OSError) as error:
        raise CameraError(missing("PyAV", error, "webcam")) from error
    return av


def luma(picture: Any) -> npt.NDArray[np.uint8]:
    """Luma of a decoded picture, in its own memory where that is possible."""
    name, step = picture.format.name, 1
    if name == "yuyv422":
        step = 2
    elif name not in _PLANAR:
        picture = picture.reformat(format="gray")
    plane = picture.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: picture.height, : picture.width * step : step]
