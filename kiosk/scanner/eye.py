"""Keeps a camera open: absent, broken and silent cameras are faults, never the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kiosk.faults import Faults, Severity
from kiosk.model import Frame

RETRY_S = 30.0
SILENT_S = 3.0
FAULTS: dict[str, Severity] = {"camera-absent": "critical", "camera-silent": "critical"}


class Camera(Protocol):
    """What a camera driver gives; see `drivers.camera`."""

    def frame(self, timeout: float) -> Frame | None: ...
    def close(self) -> None: ...


class Eye:
    """Opens the camera with `open_camera`, which raises OSError when there is none.

    A camera that delivers nothing for `SILENT_S` seconds is closed and opened again; one
    that is absent or breaks is tried again every `RETRY_S` seconds.
    """

    def __init__(
        self,
        open_camera: Callable[[], Camera],
        faults: Faults,
        boottime: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self._open_camera = open_camera
        self._faults = faults
        self._boottime = boottime
        self._wait = wait
        self._camera: Camera | None = None
        self._retry_at = 0.0
        self._last_frame_at = 0.0

    def frame(self, timeout: float) -> Frame | None:
        """The newest frame, or None after at most `timeout` seconds without one."""
        if self._camera is None and not self._reopened():
            self._wait(timeout)
            return None
        assert self._camera is not None
        try:
            frame = self._camera.frame(timeout)
        except OSError as error:
            self._lost("camera-absent", str(error), RETRY_S)
            return None
        now = self._boottime()
        if frame is not None:
            self._last_frame_at = now
            self._faults.cleared("camera-absent")
            self._faults.cleared("camera-silent")
        elif now - self._last_frame_at > SILENT_S:
            self._lost("camera-silent", f"no frame for {SILENT_S:.0f} s; opening it again", 0.0)
        return frame

    def _reopened(self) -> bool:
        if self._boottime() < self._retry_at:
            return False
        try:
            self._camera = self._open_camera()
        except OSError as error:
            self._lost("camera-absent", str(error), RETRY_S)
            return False
        self._last_frame_at = self._boottime()
        return True

    def _lost(self, code: str, why: str, retry_s: float) -> None:
        self._faults.raised(code, why)
        self.close()
        self._retry_at = self._boottime() + retry_s

    def close(self) -> None:
        """Releases the camera; may be called twice."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None
