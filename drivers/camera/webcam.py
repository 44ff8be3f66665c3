"""Any USB camera that Linux knows (V4L2), through FFmpeg's reader in PyAV.

A thread takes every picture off the camera as it comes, still packed, and keeps the newest
alone; only what is asked for is unpacked.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from drivers import device_problem
from drivers.camera import Camera, CameraError, CameraOptions, Frame
from drivers.camera._pyav import luma, pyav

_FORMAT = "v4l2"
_CLOSE_S = 2.0


def open_camera(options: CameraOptions) -> Camera:
    """Raises CameraError when PyAV is not installed, no camera is there or it is busy."""
    return _Webcam(options)


class _Webcam:
    def __init__(self, options: CameraOptions) -> None:
        av = pyav()
        self._broken = av.FFmpegError
        self._container = self._opened(av, options)
        stream = self._container.streams.video[0]
        stream.codec_context.thread_count = 1  # several would hold frames back
        self._news = threading.Condition()
        self._packet: Any = None
        self._problem = ""
        self._closing = False
        self._reader = threading.Thread(target=self._read, name="webcam", daemon=True)
        self._reader.start()

    def _opened(self, av: Any, options: CameraOptions) -> Any:
        device = options.device
        _check(device)
        size = {
            "video_size": f"{options.width}x{options.height}",
            "framerate": f"{options.fps:g}",
        }
        problem: Exception | None = None
        # Packed pictures first: unpacked ones of 1280x720 fill USB 2 at 10 a second.
        for wanted in ({**size, "input_format": "mjpeg"}, size, {}):
            try:
                container = av.open(device, format=_FORMAT, options=wanted)
            except (self._broken, OSError) as error:
                problem = error
                continue
            if container.streams.video:
                return container
            container.close()
        raise CameraError(
            f"{device} does not open as a camera ({problem or 'it has no picture'}); is it in use, "
            "does v4l2-ctl --list-devices show it?"
        ) from problem

    def frame(self, timeout: float) -> Frame | None:
        deadline = time.monotonic() + timeout
        while (packet := self._newest(deadline)) is not None:
            try:
                pictures = packet.decode()
            except self._broken:  # cameras send a torn picture now and then
                continue
            if pictures:
                return Frame(luma(pictures[-1]), time.clock_gettime(time.CLOCK_BOOTTIME))
        return None

    def _newest(self, deadline: float) -> Any:
        with self._news:
            while self._packet is None:
                if self._closing:
                    raise CameraError("the webcam is closed")
                if self._problem:
                    raise CameraError(self._problem)
                if not self._news.wait(deadline - time.monotonic()):
                    return None
            packet, self._packet = self._packet, None
            return packet

    def _read(self) -> None:
        problem = "the webcam has ended its stream; was it unplugged?"
        try:
            for packet in self._container.demux(video=0):
                with self._news:
                    if self._closing:
                        return
                    if packet.size:
                        self._packet = packet
                        self._news.notify()
        except (self._broken, OSError) as error:
            problem = f"the webcam broke while reading ({error}); was it unplugged?"
        with self._news:
            self._problem = problem
            self._news.notify()

    def expose(self, stops: float) -> None:
        """USB cameras expose as they see fit: FFmpeg's reader has no controls."""

    def close(self) -> None:
        with self._news:
            self._closing, self._packet = True, None
        self._reader.join(_CLOSE_S)
        if self._reader.is_alive():  # closing beneath it would crash
            raise CameraError(f"the webcam has hung in a read for more than {_CLOSE_S:.0f} s")
        self._container.close()


def _check(device: str) -> None:
    """Raises CameraError unless `device` is a device: FFmpeg would read any file."""
    problem = device_problem("camera", device, "camera.device", "/dev/v4l/by-id")
    if problem:
        raise CameraError(problem)
