"""A video file as a camera sees it: decoded while it plays, at the speed of its own clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from drivers.camera import CameraError
from drivers.camera._pyav import luma, pyav

Grey = npt.NDArray[np.uint8]

SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")
_MAX_PIXELS = 50_000_000
_WORK_S = 0.2  # decoding for longer than this at a time, a video is played slower instead
_STEP_S = 1 / 25  # between frames, where a file does not say


class _Due(NamedTuple):
    """A decoded frame, and when it is due, in seconds since the first."""

    at: float
    picture: Any


class Video:
    """One showing of a file. Two frames are in memory: the one in view, and the next. Times are
    CLOCK_MONOTONIC in seconds."""

    def __init__(self, path: Path, fit: Callable[[Grey], Grey], now: float) -> None:
        """`fit` makes luma as large as the camera's frames are. Raises CameraError, naming the
        file, when it cannot be played or PyAV is not installed; FileNotFoundError."""
        av = pyav()
        self._name, self._fit, self._began = path.name, fit, now
        self._broken = (av.FFmpegError, OSError)
        self._file = path.open("rb")
        try:
            # From an open file: FFmpeg would take some names for addresses.
            self._container = av.open(self._file, metadata_errors="replace")
        except self._broken as error:
            self._file.close()
            raise self._unreadable(error) from error
        try:
            self._frames = self._decoded()
            self._first: float | None = None
            self._step = _STEP_S
            self._next: _Due | None = None
            self._last_at = 0.0
            self._next = self._decode()
            if self._next is None:
                raise self._unreadable("no picture in it")
        except CameraError:
            self.close()
            raise
        self._grey = self._shown(self._next.picture)

    def picture(self, now: float) -> Grey:
        """The newest frame that is due at `now`. Raises CameraError, naming the file, where it
        is damaged."""
        newest: _Due | None = None
        enough = time.monotonic() + _WORK_S
        while self._next is not None and self._next.at <= now - self._began:
            newest, self._next = self._next, self._decode()
            if time.monotonic() > enough:
                self._began = now - newest.at
                break
        if newest is not None:
            self._grey = self._shown(newest.picture)
        return self._grey

    def over(self, now: float) -> bool:
        """Whether the last frame has been in view for its time."""
        return self._next is None and now - self._began >= self._last_at + self._step

    def close(self) -> None:
        """Closes the file; may be called twice."""
        self._container.close()
        self._file.close()

    def _decoded(self) -> Iterator[Any]:
        streams = self._container.streams.video
        if not streams:
            raise self._unreadable("no picture in it")
        codec = streams[0].codec_context
        if codec is None:
            raise self._unreadable("of an unknown kind")
        if codec.width * codec.height > _MAX_PIXELS:
            raise CameraError(
                f"{self._name} has {codec.width}x{codec.height} pixels, at most {_MAX_PIXELS} fit; "
                "make it smaller"
            )
        if streams[0].average_rate:
            self._step = float(1 / streams[0].average_rate)
        yield from self._container.decode(streams[0])

    def _decode(self) -> _Due | None:
        try:
            picture = next(self._frames, None)
        except CameraError:
            raise
        except self._broken as error:
            raise self._unreadable(error) from error
        if picture is None:
            return None
        if self._first is None:
            self._first = picture.time or 0.0
            return _Due(0.0, picture)
        late = self._last_at + self._step
        at = late if picture.time is None else picture.time - self._first
        self._last_at = max(at, self._last_at)  # time does not run backwards
        return _Due(self._last_at, picture)

    def _shown(self, picture: Any) -> Grey:
        grey = self._fit(luma(picture))
        grey.setflags(write=False)  # handed out again and again
        return grey

    def _unreadable(self, why: object) -> CameraError:
        return CameraError(
            f"{self._name} is no readable video ({why}); remove it from the replay camera's folder"
        )
