"""The Raspberry Pi camera, through picamera2 and libcamera."""

from __future__ import annotations

import time
from typing import Any

from drivers.camera import Camera, CameraError, CameraOptions, Frame

# Formats whose buffer begins with the whole luma plane. Some pipelines give NV12 whatever
# is asked for.
_LUMA_FIRST = ("YUV420", "YVU420", "NV12", "NV21")


def open_camera(options: CameraOptions) -> Camera:
    """Raises CameraError when picamera2 is not installed, no camera is found or it is busy."""
    return _PiCamera(options)


class _PiCamera:
    def __init__(self, options: CameraOptions) -> None:
        try:
            from libcamera import controls
            from picamera2 import Picamera2
        except (ImportError, OSError) as error:
            raise CameraError(
                f"picamera2 cannot be imported ({error}); install it: apt install "
                "python3-picamera2, and make the virtual environment with --system-site-packages"
            ) from error
        self._camera: Any = None
        self._job: Any = None
        try:
            self._camera = Picamera2()
            settings = _settings(self._camera.camera_controls, controls, options.fps)
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": (options.width, options.height), "format": "YUV420"},
                    controls=settings,
                )
            )
            stream = self._camera.camera_configuration()["main"]
            if stream["format"] not in _LUMA_FIRST:
                raise CameraError(
                    f"the camera gives {stream['format']}, expected one of {', '.join(_LUMA_FIRST)}"
                )
            self._width, self._height = stream["size"]
            self._stride = stream["stride"]
            self._camera.start()
        except CameraError:
            self.close()
            raise
        except (RuntimeError, IndexError, KeyError, ValueError, OSError) as error:
            self.close()
            raise CameraError(
                f"the camera did not start ({error}); is it plugged in, and does "
                "rpicam-hello --list-cameras show it?"
            ) from error

    def frame(self, timeout: float) -> Frame | None:
        if self._camera is None:
            raise CameraError("the camera is closed")
        # A job that outlived its timeout is waited for again: asking anew would queue up.
        if self._job is None:
            self._job = self._camera.capture_buffer("main", wait=False)
        try:
            buffer = self._job.get_result(timeout=timeout)
        except TimeoutError:
            return None
        except (RuntimeError, ValueError, OSError) as error:
            raise CameraError(f"the camera broke while capturing ({error})") from error
        self._job = None
        luma = buffer[: self._stride * self._height].reshape(self._height, self._stride)
        return Frame(luma[:, : self._width], time.clock_gettime(time.CLOCK_BOOTTIME))

    def close(self) -> None:
        camera, self._camera, self._job = self._camera, None, None
        if camera is not None:
            camera.close()  # stops it first


def _settings(available: dict[str, Any], controls: Any, fps: float) -> dict[str, Any]:
    """Controls this camera has: a fixed-focus module knows no autofocus."""
    period_us = round(1_000_000 / fps)
    wanted = {
        "FrameDurationLimits": (period_us, period_us),
        "AfMode": controls.AfModeEnum.Continuous,
    }
    return {name: value for name, value in wanted.items() if name in available}
