"""The webcam's driver on the real FFmpeg; a pipe that pictures are written into stands for
/dev/video0, since the kernel here may have no camera."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from drivers.camera import Camera, CameraError, CameraOptions, webcam
from drivers.camera._pyav import luma

SIZE = (320, 240)


def jpeg(level: int, subsampling: str = "4:2:2") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", SIZE, (level, level, level)).save(
        file, "jpeg", subsampling=subsampling, quality=90
    )
    return file.getvalue()


class Pipe:
    """A camera in our hands."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "video0"
        os.mkfifo(self.path)
        self._open_av = av.open
        self._end: int | None = None
        monkeypatch.setattr(webcam, "_checked", os.stat)
        monkeypatch.setattr(webcam, "_FORMAT", "mjpeg")
        monkeypatch.setattr(av, "open", self._open)

    def _open(self, device: str, *, format: str, container_options: dict[str, str]) -> object:
        # What the pipe's format does not know, V4L2 does.
        assert set(container_options) <= {"video_size", "framerate", "input_format"}
        few = {"probesize": "32", "analyzeduration": "0", "fflags": "nobuffer"}
        return self._open_av(device, format=format, options=few, buffer_size=1024)

    def opened(self) -> Camera:
        first = threading.Thread(target=self._begin)
        first.start()
        camera = webcam.open_camera(CameraOptions(*SIZE, 15, "", 1, str(self.path)))
        first.join()
        return camera

    def _begin(self) -> None:
        self._end = os.open(self.path, os.O_WRONLY)
        self.show(10, 10)

    def show(self, *levels: int) -> None:
        for level in levels:
            self.send(jpeg(level))

    def send(self, data: bytes) -> None:
        assert self._end is not None
        os.write(self._end, data)

    def unplug(self) -> None:
        if self._end is not None:
            os.close(self._end)
            self._end = None


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    pipe = Pipe(tmp_path, monkeypatch)
    yield pipe
    pipe.unplug()


@pytest.fixture
def camera(pipe: Pipe) -> Iterator[Camera]:
    camera = pipe.opened()
    yield camera
    pipe.unplug()
    camera.close()


def newest(camera: Camera) -> int:
    """Grey level of the last frame of those that are on their way."""
    level = -1
    while (frame := camera.frame(0.4)) is not None:
        assert frame.grey.shape == SIZE[::-1] and frame.grey.dtype == np.uint8
        assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - frame.at) < 1
        level = round(float(frame.grey.mean()))
    return level


def test_luma_comes_out(pipe: Pipe, camera: Camera) -> None:
    pipe.show(80, 200, 200, 200)
    assert abs(newest(camera) - 200) <= 2


def test_older_pictures_are_dropped(pipe: Pipe, camera: Camera) -> None:
    newest(camera)
    pipe.show(*range(20, 220, 10), 230, 230)
    time.sleep(0.5)
    frame = camera.frame(1.0)
    assert frame is not None and frame.grey.mean() > 195, "the newest, not the oldest of 20"


def test_a_picture_has_the_time_at_which_it_came(pipe: Pipe, camera: Camera) -> None:
    newest(camera)
    pipe.show(150, 150)
    time.sleep(0.6)
    frame = camera.frame(1.0)
    assert frame is not None
    assert 0.5 < time.clock_gettime(time.CLOCK_BOOTTIME) - frame.at < 5


def test_no_picture_in_time_is_none(pipe: Pipe, camera: Camera) -> None:
    newest(camera)
    began = time.monotonic()
    assert camera.frame(0.2) is None
    assert 0.15 < time.monotonic() - began < 1


def test_a_torn_picture_is_skipped(pipe: Pipe, camera: Camera) -> None:
    newest(camera)
    for torn in (b"\xff\xd8\xff\xfe\x00\x04ab\xff\xd9", b"\xff\xd8\xff\xd9", jpeg(50)[:300]):
        pipe.send(torn * 3)
        time.sleep(0.1)
        camera.frame(0.1)
    for _ in range(6):
        time.sleep(0.05)
        pipe.show(150)
    assert abs(newest(camera) - 150) <= 2


def test_unplugged_is_an_error(pipe: Pipe, camera: Camera) -> None:
    newest(camera)
    pipe.unplug()
    with pytest.raises(CameraError, match="unplugged"):
        for _ in range(5):
            camera.frame(0.5)


def test_a_reader_that_dies_of_anything_is_told(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_clock: int) -> float:
        if threading.current_thread().name == "webcam":
            raise RuntimeError("anything")
        return 0.0

    monkeypatch.setattr(time, "clock_gettime", broken)
    camera = pipe.opened()
    pipe.show(80, 80)
    began = time.monotonic()
    with pytest.raises(CameraError, match="died of RuntimeError; report it"):
        for _ in range(2):  # the picture that it died of is there
            camera.frame(5)
    assert time.monotonic() - began < 3
    pipe.unplug()
    camera.close()


def test_a_camera_that_hangs_does_not_hang_close(pipe: Pipe) -> None:
    camera = pipe.opened()
    newest(camera)
    began = time.monotonic()
    with pytest.raises(CameraError, match="hung in a read"):
        camera.close()
    assert time.monotonic() - began < 4
    pipe.unplug()
    camera.close()
    camera.close()
    with pytest.raises(CameraError, match="closed"):
        camera.frame(0.1)


def test_closing_leaves_no_thread_and_no_file(pipe: Pipe) -> None:
    def once() -> None:
        camera = pipe.opened()
        pipe.unplug()
        camera.close()

    once()
    before = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        once()
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before


def grey(make: Callable[[np.ndarray], av.VideoFrame]) -> np.ndarray:
    level = np.arange(16 * 32, dtype=np.uint8).reshape(16, 32)
    return luma(make(level)) - level


def test_luma_of_what_cameras_give() -> None:
    def planar(name: str) -> Callable[[np.ndarray], av.VideoFrame]:
        def make(level: np.ndarray) -> av.VideoFrame:
            frame = av.VideoFrame(32, 16, name)
            plane = frame.planes[0]
            rows = np.full((16, plane.line_size), 77, np.uint8)
            rows[:, :32] = level
            plane.update(rows.tobytes())
            return frame

        return make

    def yuyv(level: np.ndarray) -> av.VideoFrame:
        frame = av.VideoFrame(32, 16, "yuyv422")
        rows = np.full((16, frame.planes[0].line_size), 77, np.uint8)
        rows[:, :64:2] = level
        frame.planes[0].update(rows.tobytes())
        return frame

    for make in (planar("gray"), planar("yuvj422p"), planar("yuv420p"), planar("nv12"), yuyv):
        assert not grey(make).any()
    colour = av.VideoFrame.from_ndarray(np.full((16, 32, 3), 200, np.uint8), format="rgb24")
    assert abs(float(luma(colour).mean()) - 200) < 3


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("/dev/no-such-camera", "No such file"),
        ("", "^camera.device is empty; set it to one of /dev/v4l/by-id$"),
    ],
)
def test_an_absent_webcam_is_told(device: str, why: str) -> None:
    with pytest.raises(CameraError, match=why):
        webcam.open_camera(CameraOptions(*SIZE, 15, "", 1, device))


def test_what_is_no_camera_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "film.mjpeg").write_bytes(jpeg(10) * 3)
    with pytest.raises(CameraError, match="no camera device"):
        webcam.open_camera(CameraOptions(*SIZE, 15, "", 1, str(tmp_path / "film.mjpeg")))
    with pytest.raises(CameraError, match="does not open as a camera"):
        webcam.open_camera(CameraOptions(*SIZE, 15, "", 1, "/dev/null"))
