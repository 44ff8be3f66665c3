"""Camera that shows what lies in a folder, pictures and videos, as if it stood before the lens.

Moving a file into the folder (rename, so that it appears whole) holds it up; taking it away
ends the showing. With several, each picture is shown for `hold_s` and each video once, in
the order of names, round and round; an empty folder is an empty scene. Names that do not
end as pictures (.png, .jpg, .jpeg) or videos (`_video.SUFFIXES`) do are ignored.
"""

from __future__ import annotations

import os
import stat
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from drivers.camera import Camera, CameraError, CameraOptions, Frame
from drivers.camera._video import SUFFIXES as _VIDEOS
from drivers.camera._video import Video

Grey = npt.NDArray[np.uint8]

_SUFFIXES = (".png", ".jpg", ".jpeg", *_VIDEOS)
_MAX_PIXELS = 50_000_000  # a picture is opened up in memory; twice what a Pi camera takes
_WALL = 128  # grey of the empty scene, and of the bars around a picture of another shape
_NOISE = 3.0  # standard deviation of the empty scene's sensor noise, grey levels
_GAMMA = 2.2  # grey levels are the light to the power of 1 / 2.2 (sRGB, about)
_EMPTY_FRAMES = 3  # windows of one picture, made once and shown in turn: noise costs nothing


def open_camera(options: CameraOptions) -> Camera:
    """Raises CameraError when the folder is not there."""
    return _ReplayCamera(options)


class _Loaded(NamedTuple):
    name: str
    version: tuple[int, int, int]  # inode, size, mtime: another one is another file
    scene: Grey | Video


class _ReplayCamera:
    def __init__(self, options: CameraOptions) -> None:
        if not options.folder:
            raise CameraError("the replay camera needs a folder with pictures, none is set")
        self._options = options
        self._empty = _empty_scene(options.width, options.height)
        self._names()  # a missing folder is told at once
        self._loaded: _Loaded | None = None
        self._current = ""  # name of what is in view
        self._shown_since = 0.0
        self._due = time.monotonic()
        self._count = 0
        self._light: Grey | None = None  # grey level as it was -> as it is exposed
        self._open = True

    def frame(self, timeout: float) -> Frame | None:
        if not self._open:
            raise CameraError("the replay camera is closed")
        if not self._wait(timeout):
            return None
        picture = self._picture(time.monotonic())
        self._count += 1
        grey = self._empty[self._count % _EMPTY_FRAMES] if picture is None else picture
        if self._light is not None:
            grey = self._light.take(grey)
        return Frame(grey, time.clock_gettime(time.CLOCK_BOOTTIME))

    def expose(self, stops: float) -> None:
        """What a picture has lost in black or white does not come back."""
        if not self._open:
            raise CameraError("the replay camera is closed")
        levels = np.arange(256) * 2 ** (stops / _GAMMA)
        self._light = levels.clip(0, 255).round().astype(np.uint8) if stops else None

    def close(self) -> None:
        self._open = False
        self._unload()

    def _wait(self, timeout: float) -> bool:
        """Sleeps until the next frame is due; a reader who is late skips the missed ones."""
        wait = self._due - time.monotonic()
        if wait > timeout:
            time.sleep(max(timeout, 0.0))
            return False
        if wait > 0:
            time.sleep(wait)
        period = 1 / self._options.fps
        missed = max(time.monotonic() - self._due, 0.0) // period
        self._due += period * (missed + 1)
        return True

    def _picture(self, now: float) -> Grey | None:
        """What is in view; None when the folder is empty."""
        names = self._names()
        while names:
            name = self._choose(names, now)
            try:
                scene = self._load(name, now)
            except FileNotFoundError:  # taken away between listing and opening
                names.remove(name)
                continue
            return self._played(scene, now) if isinstance(scene, Video) else scene
        self._unload()
        return None

    def _played(self, video: Video, now: float) -> Grey:
        try:
            return video.picture(now)
        except CameraError:
            self._unload()
            raise

    def _choose(self, names: list[str], now: float) -> str:
        if self._current not in names or self._over(now):
            following = (name for name in names if name > self._current)
            self._current, self._shown_since = next(following, names[0]), now
        return self._current

    def _over(self, now: float) -> bool:
        """Whether what is in view has had its time. A video has to be opened anew then."""
        known = self._loaded
        if known is None or not isinstance(known.scene, Video):
            return now - self._shown_since >= self._options.hold_s
        over = known.scene.over(now)
        if over:
            self._unload()
        return over

    def _unload(self) -> None:
        known, self._loaded = self._loaded, None
        if known is not None and isinstance(known.scene, Video):
            known.scene.close()

    def _load(self, name: str, now: float) -> Grey | Video:
        path = os.path.join(self._options.folder, name)  # noqa: PTH118  runs every frame
        info = os.stat(path)  # noqa: PTH116
        version = (info.st_ino, info.st_size, info.st_mtime_ns)
        known = self._loaded
        if known is not None and known.name == name and known.version == version:
            return known.scene
        if not stat.S_ISREG(info.st_mode):
            raise CameraError(f"{name} is not a file; remove it from the replay camera's folder")
        self._unload()
        size = (self._options.width, self._options.height)
        scene: Grey | Video
        if name.lower().endswith(_VIDEOS):
            scene = Video(Path(path), partial(_fitted, size=size), now)
        else:
            scene = _fitted(_read(path, name), size)
            scene.setflags(write=False)  # the same frame is handed out again and again
        self._loaded = _Loaded(name, version, scene)
        return scene

    def _names(self) -> list[str]:
        folder = self._options.folder
        try:
            return sorted(n for n in os.listdir(folder) if n.lower().endswith(_SUFFIXES))  # noqa: PTH208
        except OSError as error:
            raise CameraError(
                f"the replay camera cannot read its folder {folder}: {error.strerror}"
            ) from error


def _read(path: str, name: str) -> Grey:
    """The picture's luma."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise CameraError(
                    f"{name} has {picture.width}x{picture.height} pixels, at most "
                    f"{_MAX_PIXELS} fit; make it smaller"
                )
            return np.asarray(picture.convert("L"))
    except (FileNotFoundError, CameraError):
        raise
    # PIL answers a damaged file with any of these, by format and place of the damage.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise CameraError(
            f"{name} is no readable PNG or JPEG picture ({type(error).__name__}); "
            "remove it from the replay camera's folder"
        ) from error


def _fitted(grey: Grey, size: tuple[int, int]) -> Grey:
    """As large as `size` (width, height); another shape gets bars around it."""
    if grey.shape == size[::-1]:
        return grey
    return np.asarray(ImageOps.pad(Image.fromarray(grey), size, color=_WALL))


def _empty_scene(width: int, height: int) -> list[Grey]:
    rng = np.random.default_rng(0)
    tall = rng.standard_normal((height + _EMPTY_FRAMES - 1, width), dtype=np.float32)
    scene = (tall * _NOISE + _WALL).round().clip(0, 255).astype(np.uint8)
    scene.setflags(write=False)
    return [scene[top : top + height] for top in range(_EMPTY_FRAMES)]
