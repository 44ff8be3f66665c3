"""The Raspberry Pi camera, through picamera2 and libcamera.

The frame is the luma plane of a YUV 4:2:0 stream, seen where the camera wrote it: nothing
is copied. It is held until the next one is asked for; meanwhile libcamera fills the others.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from drivers.camera import Camera, CameraError, CameraOptions, Frame

# Formats whose buffer begins with the whole luma plane. Some pipelines give NV12 whatever
# is asked for.
_LUMA_FIRST = ("YUV420", "YVU420", "NV12", "NV21")

# One that the decoder looks at, the newest one behind it, two for the camera to fill.
_BUFFERS = 4

# What it takes to expose by hand (libcamera's names).
_BY_HAND = ("AeEnable", "ExposureTime", "AnalogueGain")
_SETTLES_S = 2.0
"""For so long a camera that chooses again is on its way to what it will choose."""

# Lamps on 50 Hz mains flicker twice in a period; exposures in whole multiples of it show no
# bands (libcamera, AeFlickerPeriod, microseconds).
_FLICKER_US = 10_000


def open_camera(options: CameraOptions) -> Camera:
    """Raises CameraError when picamera2 is not installed, no camera is found or it is busy."""
    return PiCamera(options)


class PiCamera:
    """An open camera; see `drivers.camera.Camera`."""

    def __init__(self, options: CameraOptions) -> None:
        try:
            from libcamera import controls
            from picamera2 import MappedArray, Picamera2
        # A numpy that its parts were not built for ends in a ValueError.
        except (ImportError, OSError, ValueError, AttributeError) as error:
            raise CameraError(
                f"picamera2 cannot be imported ({error}); install it: apt install "
                "python3-picamera2, and make the virtual environment with --system-site-packages"
            ) from error
        self._map = MappedArray
        self._camera: Any = None
        self._job: Any = None
        self._request: Any = None
        self._mapped: Any = None
        self._chosen: Exposure | None = None  # by the camera, before it was exposed by hand
        self._by_itself_since: float | None = 0.0  # it chooses again; None: exposed by hand
        self._longest_us = 1_000_000 / options.fps
        try:
            self._camera = Picamera2()
            self._configure(options, _settings(self._camera.camera_controls, controls, options.fps))
            self._camera.start()
        except CameraError:
            self.close()
            raise
        except (RuntimeError, LookupError, ValueError, OSError) as error:
            self.close()
            raise CameraError(
                f"the camera did not start ({error}); is it plugged in, and does "
                "rpicam-hello --list-cameras show it?"
            ) from error

    def _configure(self, options: CameraOptions, settings: dict[str, Any]) -> None:
        size = (options.width, options.height)
        self._camera.configure(
            self._camera.create_video_configuration(
                main={"size": size, "format": "YUV420"},
                raw=None,  # else every raw picture of the sensor is kept in memory as well
                sensor={"output_size": sensor_size(self._camera.sensor_resolution, size)},
                buffer_count=_BUFFERS,
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

    def frame(self, timeout: float) -> Frame | None:
        if self._camera is None:
            raise CameraError("the camera is closed")
        self._release()
        # A job that outlived its timeout is waited for again: asking anew would queue up.
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            self._request = self._job.get_result(timeout=timeout)
            self._job = None
            mapped = self._map(self._request, "main", reshape=False, write=False)
            flat = mapped.__enter__().array
            self._mapped = mapped
        except TimeoutError:
            return None
        except (RuntimeError, ValueError, OSError) as error:
            raise CameraError(f"the camera broke while capturing ({error})") from error
        luma = np.ndarray((self._height, self._width), np.uint8, flat, strides=(self._stride, 1))
        return Frame(luma, time.clock_gettime(time.CLOCK_BOOTTIME))

    def expose(self, stops: float) -> None:
        """By hand from what the camera chose last: that arrives within a few frames, whereas a
        corrected target (ExposureValue) is approached slowly."""
        if self._camera is None:
            raise CameraError("the camera is closed")
        try:
            controls = self._by_hand(stops)
            if controls:
                self._camera.set_controls(controls)
        except (RuntimeError, ValueError, OSError) as error:
            raise CameraError(f"the camera does not take an exposure ({error})") from error

    def _by_hand(self, stops: float) -> dict[str, Any]:
        """The controls to set; none where the camera cannot, or has given no picture yet."""
        able = self._camera.camera_controls
        if not stops:
            by_hand = self._by_itself_since is None
            self._by_itself_since = time.monotonic() if by_hand else self._by_itself_since
            return {"AeEnable": True} if by_hand else {}
        since = self._by_itself_since
        if since is not None and time.monotonic() - since >= _SETTLES_S:
            self._chosen = self._choice()  # before that it is still on its way there
        if self._chosen is None:
            return {}
        self._by_itself_since = None
        times = able["ExposureTime"][0], self._longest_us  # a control is (least, most, default)
        wanted = shifted(self._chosen, stops, times, able["AnalogueGain"][:2])
        return {"AeEnable": False, "ExposureTime": round(wanted.us), "AnalogueGain": wanted.gain}

    def _choice(self) -> Exposure | None:
        """How the camera exposed the last picture by itself."""
        if self._request is None or any(n not in self._camera.camera_controls for n in _BY_HAND):
            return None
        told = self._request.get_metadata()
        us = told.get("ExposureTime", 0)
        return Exposure(us, told.get("AnalogueGain", 1.0)) if us else None

    def close(self) -> None:
        camera, self._camera, self._job = self._camera, None, None
        if camera is not None:
            try:
                self._release()
                camera.close()  # stops it first
            except (RuntimeError, ValueError, OSError) as error:
                raise CameraError(f"the camera does not let go ({error})") from error

    def _release(self) -> None:
        """Gives the buffer of the last frame back to the camera."""
        mapped, self._mapped = self._mapped, None
        request, self._request = self._request, None
        if mapped is not None:
            mapped.__exit__(None, None, None)
        if request is not None:
            request.release()


class Exposure(NamedTuple):
    """Exposure time in microseconds, and how much the sensor amplifies."""

    us: float
    gain: float


def shifted(
    chosen: Exposure, stops: float, times: tuple[float, float], gains: tuple[float, float]
) -> Exposure:
    """`chosen`, `stops` brighter (above 0) or darker, within the least and the most of each.

    Less amplification first, then less time, which may show the bands of a lamp; for more,
    more time only as far as it stays in whole periods of the mains' flicker.
    """
    factor = 2.0**stops
    if factor < 1:
        gain = max(gains[0], chosen.gain * factor)
        return Exposure(max(times[0], chosen.us * factor * chosen.gain / gain), gain)
    whole = chosen.us * factor // _FLICKER_US * _FLICKER_US
    us = max(times[0], min(max(whole, chosen.us), times[1]))
    return Exposure(us, min(max(chosen.gain * factor * chosen.us / us, gains[0]), gains[1]))


def sensor_size(full: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """Which sensor mode to ask for, by its size in pixels.

    Half the resolution is the mode that adds up pixels two by two: the whole field of view
    at four times the light, fast on every module of Raspberry Pi. Left alone libcamera
    prefers modes near the wanted size, which cut off the edges of the view.
    """
    half = (full[0] // 2, full[1] // 2)
    return half if half[0] >= wanted[0] and half[1] >= wanted[1] else full


def _settings(available: dict[str, Any], controls: Any, fps: float) -> dict[str, Any]:
    """Controls this camera has: a fixed-focus module knows no autofocus."""
    period_us = round(1_000_000 / fps)
    wanted = {
        # Also the limit of the exposure time.
        "FrameDurationLimits": (period_us, period_us),
        # Hands tremble: rather noise than blur.
        "AeExposureMode": controls.AeExposureModeEnum.Short,
        "AeFlickerMode": controls.AeFlickerModeEnum.Manual,
        "AeFlickerPeriod": _FLICKER_US,
        # Codes are held from a hand's breadth to an arm's length away.
        "AfMode": controls.AfModeEnum.Continuous,
        "AfRange": controls.AfRangeEnum.Full,
        "AfSpeed": controls.AfSpeedEnum.Fast,
    }
    return {name: value for name, value in wanted.items() if name in available}
