"""Any USB camera that Linux knows (V4L2), through FFmpeg's reader in PyAV.

A thread takes every picture off the camera as it comes, still packed, and keeps the newest
alone; only what is asked for is unpacked, and copied: unpacked pictures lie in the kernel's
buffers, and no access to those survives `close`.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from drivers import device_problem
from drivers.camera import Camera, CameraError, CameraOptions, Frame, _v4l2
from drivers.camera._pyav import luma, pyav

_FORMAT = "v4l2"
_OPEN_S = 10.0  # FFmpeg waits for pictures when it opens a camera
_CLOSE_S = 2.0


def open_camera(options: CameraOptions) -> Camera:
    """Raises CameraError when PyAV is not installed, no camera is there or it is busy."""
    return _Webcam(options)


class _Webcam:
    def __init__(self, options: CameraOptions) -> None:
        av = pyav()
        self._broken = av.FFmpegError
        self._node = _checked(options.device)
        late = threading.Event()
        limit = threading.Timer(_OPEN_S, self._give_up, [late])
        limit.start()
        try:
            self._container = self._opened(av, options, late)
        finally:
            limit.cancel()
        stream = self._container.streams.video[0]
        stream.codec_context.thread_count = 1  # several would hold frames back
        self._news = threading.Condition()
        self._packet: Any = None
        self._at = 0.0  # when it came
        self._problem = ""
        self._closing = False
        self._reader = threading.Thread(target=self._read, name="webcam", daemon=True)
        self._reader.start()

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        _v4l2.stop(self._node)

    def _opened(self, av: Any, options: CameraOptions, late: threading.Event) -> Any:
        device = options.device
        size = {
            "video_size": f"{options.width}x{options.height}",
            "framerate": f"{options.fps:g}",
        }
        problem: Exception | None = None
        ours = _v4l2.mapped(self._node)  # of another that is open
        # Packed pictures first: unpacked ones of 1280x720 fill USB 2 at 10 a second.
        for wanted in ({**size, "input_format": "mjpeg"}, size, {}):
            try:
                # As `options` they would reach the decoder too, which then expects the size
                # that was asked for, not the nearest one that the camera has.
                container = av.open(device, format=_FORMAT, container_options=wanted)
            except (self._broken, OSError) as error:
                problem = error
                _v4l2.unmap(_v4l2.mapped(self._node) - ours)
            else:
                if container.streams.video and not late.is_set():
                    return container
                container.close()
            if late.is_set():
                raise CameraError(
                    f"{device} opens, but gives no picture within {_OPEN_S:.0f} s; unplug it and "
                    "plug it in again"
                ) from problem
        raise CameraError(
            f"{device} does not open as a camera ({problem or 'it has no picture'}); is it in use, "
            "does v4l2-ctl --list-devices show it?"
        ) from problem

    def frame(self, timeout: float) -> Frame | None:
        deadline = time.monotonic() + timeout
        while (newest := self._newest(deadline)) is not None:
            packet, at = newest
            try:
                pictures = packet.decode()
            except self._broken:  # cameras send a torn picture now and then
                continue
            if pictures:
                return Frame(luma(pictures[-1]).copy(), at)
        return None

    def _newest(self, deadline: float) -> tuple[Any, float] | None:
        with self._news:
            while self._packet is None:
                if self._closing:
                    raise CameraError("the webcam is closed")
                if self._problem:
                    raise CameraError(self._problem)
                if not self._news.wait(deadline - time.monotonic()):
                    return None
            packet, self._packet = self._packet, None
            return packet, self._at

    def _read(self) -> None:
        problem = "the webcam has ended its stream; was it unplugged?"
        try:
            for packet in self._container.demux(video=0):
                with self._news:
                    if self._closing:
                        return
                    if packet.size:
                        self._packet = packet
                        self._at = time.clock_gettime(time.CLOCK_BOOTTIME)
                        self._news.notify()
        except (self._broken, OSError) as error:
            problem = f"the webcam broke while reading ({error}); was it unplugged?"
        except Exception as error:  # noqa: BLE001 - told by frame()
            problem = f"the webcam's reader died of {type(error).__name__}; report it"
        with self._news:
            self._problem = problem
            self._news.notify()

    def expose(self, stops: float) -> None:
        """USB cameras expose as they see fit: FFmpeg's reader has no controls."""

    def close(self) -> None:
        with self._news:
            self._closing, self._packet = True, None
        _v4l2.stop(self._node)  # a camera that gives no pictures holds the reader
        self._reader.join(_CLOSE_S)
        if self._reader.is_alive():  # closing beneath it would crash
            raise CameraError(f"the webcam has hung in a read for more than {_CLOSE_S:.0f} s")
        self._container.close()


def _checked(device: str) -> os.stat_result:
    """Raises CameraError unless `device` is a device: FFmpeg would read any file."""
    problem = device_problem("camera", device, "camera.device", "/dev/v4l/by-id")
    if problem:
        raise CameraError(problem)
    return os.stat(device)  # noqa: PTH116 - as it was checked
