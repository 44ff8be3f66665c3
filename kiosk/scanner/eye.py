"""Keeps a camera open. Absent, broken and silent cameras are faults; one that stays silent
though it was opened again ends the daemon, since only a new process gets rid of hung native
code; `kiosk.scanner.hangs` goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from kiosk.errors import HardwareError
from kiosk.faults import Faults, Severity
from kiosk.model import Frame

log = logging.getLogger("kiosk.scanner")

RETRY_S = 30.0
SILENT_S = 3.0
FAULTS: dict[str, Severity] = {"camera-absent": "critical", "camera-silent": "critical"}
STEADY_S = 10.0


class Camera(Protocol):
    """What a camera driver gives; see `drivers.camera`."""

    def frame(self, timeout: float) -> Frame | None: ...
    def expose(self, stops: float) -> None: ...
    def close(self) -> None: ...


class CameraHangs(HardwareError):
    """The camera gave nothing, and opening it again did not help."""


class NoEye:
    """For a door without a camera: no frames, and no faults of a camera, not even those that
    a former scanner raised."""

    def __init__(self, faults: Faults, wait: Callable[[float], object]) -> None:
        for code in FAULTS:
            faults.cleared(code)
        self._wait = wait

    def frame(self, timeout: float) -> Frame | None:
        """None, after what `wait` does for `timeout` seconds."""
        self._wait(timeout)
        return None

    def expose(self, stops: float) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


class Eye:
    """Opens the camera with `open_camera`, which raises OSError when there is none.

    A camera that delivers nothing for `SILENT_S` seconds is closed and opened again, and is
    well only when it has delivered for `STEADY_S` seconds: some give one frame and hang. One
    that is absent or breaks is tried again every `RETRY_S` seconds. A driver that never
    comes back from a call is the watchdog's matter (WatchdogSec= of the unit). While there
    is no camera, `wait` is called instead: an external scanner may have something.
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
        self._opened_at = 0.0
        self._silences = 0  # since it was last well
        self._stops = 0.0  # as the camera was told to expose

    def frame(self, timeout: float) -> Frame | None:
        """The newest frame, or None after at most `timeout` seconds without one.

        Raises CameraHangs, after the fault was told."""
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
            if now - self._opened_at >= STEADY_S:
                self._silences = 0
            self._faults.cleared("camera-absent")
            self._faults.cleared("camera-silent")
        elif now - self._last_frame_at > SILENT_S:
            self._silent()
        return frame

    def expose(self, stops: float) -> None:
        """Has the camera expose so many stops brighter than it would by itself."""
        if self._camera is None or stops == self._stops:
            return
        try:
            self._camera.expose(stops)
        except OSError as error:
            self._lost("camera-absent", str(error), RETRY_S)
            return
        self._stops = stops

    def _silent(self) -> None:
        self._silences += 1
        if self._silences > 1:
            why = f"no frame for {SILENT_S:.0f} s again; the scanner ends and is started anew"
            self._faults.raised("camera-silent", why)
            raise CameraHangs(why)
        self._lost("camera-silent", f"no frame for {SILENT_S:.0f} s; opening it again", 0.0)

    def _reopened(self) -> bool:
        if self._boottime() < self._retry_at:
            return False
        try:
            self._camera = self._open_camera()
        except OSError as error:
            if self._silences:  # hung a moment ago: this process may be what blocks it
                raise CameraHangs(f"silent, and does not open again ({error})") from error
            self._lost("camera-absent", str(error), RETRY_S)
            return False
        self._opened_at = self._last_frame_at = self._boottime()
        self._stops = 0.0
        return True

    def _lost(self, code: str, why: str, retry_s: float) -> None:
        again = f"; trying again every {retry_s:.0f} s" if retry_s else ""
        self._faults.raised(code, why + again)
        self.close()
        self._retry_at = self._boottime() + retry_s

    def close(self) -> None:
        """Releases the camera; may be called twice."""
        camera, self._camera = self._camera, None
        if camera is not None:
            try:
                camera.close()
            except OSError as error:  # it was given up anyway; opening it again will tell
                log.error("the camera does not close: %s", error)
