"""The webcam's driver on the real V4L2 of a real kernel; `make test-devices` runs it."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if "DEVICES_MACHINE" not in os.environ:
    pytest.skip("needs the kernel's virtual camera: make test-devices", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))

import av
import segno
import vivid
from PIL import Image

from drivers.camera import Camera, CameraError, CameraOptions, _v4l2, webcam
from kiosk.decode import Decoder

FPS = 15
PATIENCE_S = 10.0


@pytest.fixture
def opened() -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def opened(size: tuple[int, int] = vivid.SIZE, device: str = vivid.WEBCAM) -> Camera:
        cameras.append(webcam.open_camera(CameraOptions(*size, FPS, "", 1, device)))
        return cameras[-1]

    vivid.healthy()
    yield opened
    vivid.healthy()
    for camera in cameras:
        camera.close()


def grey(camera: Camera) -> np.ndarray:
    frame = camera.frame(PATIENCE_S)
    assert frame is not None
    return frame.grey


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def error_of(camera: Camera) -> str:
    """What the camera says when it fails, which must be soon."""
    began = time.monotonic()
    with pytest.raises(CameraError) as failure:
        while time.monotonic() < began + PATIENCE_S:
            camera.frame(0.5)
    assert time.monotonic() - began < 3
    return str(failure.value)


# What it gives


def test_frames_are_luma_of_the_asked_size(opened: Callable[..., Camera]) -> None:
    times = [now()]
    camera = opened()
    for _ in range(10):
        frame = camera.frame(PATIENCE_S)
        assert frame is not None
        assert frame.grey.shape == vivid.SIZE[::-1] and frame.grey.dtype == np.uint8
        times.append(frame.at)
    times.append(now())
    assert times == sorted(times) and len(set(times)) == len(times)
    assert times[-1] - times[-2] < 1
    columns = frame.grey.mean(axis=0)
    assert columns[0] < 20 and columns[-1] > 230 and (np.diff(columns) >= 0).all()


def test_a_size_that_the_camera_lacks_is_told_by_the_frame(
    opened: Callable[..., Camera],
) -> None:
    assert grey(opened((320, 240))).shape == (180, 320)


def test_a_camera_without_packed_pictures_gives_others(opened: Callable[..., Camera]) -> None:
    with pytest.raises(av.FFmpegError):
        av.open(vivid.WEBCAM, format="v4l2", options={"input_format": "mjpeg"})
    grey(opened())


@pytest.mark.parametrize("pixels", ["yuyv422", "yuv422p", "nv12", "gray", "uyvy422", "rgb24"])
def test_luma_of_every_kind_of_pixels(
    pixels: str, opened: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    planar = opened()
    expected = grey(planar).astype(int)
    planar.close()
    open_av, asked = av.open, []

    def only(device: str, *, format: str, container_options: dict[str, str]) -> Any:
        options = {"input_format": pixels} | container_options
        asked.append(options["input_format"])
        return open_av(device, format=format, container_options=options)

    monkeypatch.setattr(av, "open", only)
    got = grey(opened()).astype(int)
    assert asked == ["mjpeg", pixels]
    if pixels in ("gray", "uyvy422", "rgb24"):  # from 0 to 255, by vivid or by FFmpeg
        expected = (expected - 16) * 255 / 219
        assert abs(got - expected).max() <= 2
    else:
        assert (got == expected).all()


def test_a_late_reader_gets_the_newest_picture(opened: Callable[..., Camera]) -> None:
    vivid.control(vivid.WEBCAM, test_pattern=vivid.BLACK)
    camera = opened()
    assert grey(camera).mean() < 40
    time.sleep(1)  # 15 black ones
    vivid.control(vivid.WEBCAM, test_pattern=vivid.WHITE)
    time.sleep(1)
    frame = camera.frame(PATIENCE_S)
    assert frame is not None and frame.grey.mean() > 200
    assert now() - frame.at < 0.5


def test_a_frame_outlives_its_camera(opened: Callable[..., Camera]) -> None:
    camera = opened()
    held = grey(camera)
    before = held.copy()
    for _ in range(3):
        grey(camera)
    camera.close()
    assert (held == before).all()


def test_a_frame_that_was_not_fetched_keeps_its_time(opened: Callable[..., Camera]) -> None:
    camera = opened()
    grey(camera)
    time.sleep(0.5)  # so that one waits, also on a slow machine
    vivid.control(vivid.WEBCAM, percentage_of_dropped_buffers=100)
    time.sleep(1.5)
    frame = camera.frame(PATIENCE_S)
    assert frame is not None and now() - frame.at > 1


# Open and closed


def test_closing_and_opening_leaks_nothing(opened: Callable[..., Camera]) -> None:
    node = Path(vivid.WEBCAM).stat()

    def once() -> None:
        camera = opened()
        grey(camera)
        camera.close()
        camera.close()
        with pytest.raises(CameraError, match="closed"):
            camera.frame(0.1)

    def held() -> tuple[int, int, int]:
        gc.collect()
        files = len(list(Path("/proc/self/fd").iterdir()))
        return files, threading.active_count(), len(_v4l2.mapped(node))

    once()
    before = held()
    for _ in range(4):
        once()
    assert held() == before
    assert before[2] == 0


def test_an_absent_camera_is_told() -> None:
    with pytest.raises(CameraError, match="no camera at /dev/video9: No such file"):
        webcam.open_camera(CameraOptions(*vivid.SIZE, FPS, "", 1, "/dev/video9"))


def test_a_camera_in_use_is_told_and_left_alone(opened: Callable[..., Camera]) -> None:
    first = opened()
    grey(first)
    with pytest.raises(CameraError, match=r"busy.*is it in use"):
        opened()
    for _ in range(5):
        grey(first)
    first.close()
    grey(opened())


def test_what_takes_pictures_in_is_no_camera(opened: Callable[..., Camera]) -> None:
    with pytest.raises(CameraError, match="does not open as a camera"):
        opened(device=vivid.SCREEN)


# What goes wrong


@pytest.mark.parametrize("step", ["reqbufs", "qbuf", "streamon"])
def test_a_camera_that_does_not_start_does_not_stay_in_use(
    step: str, opened: Callable[..., Camera]
) -> None:
    vivid.press(f"inject_vidioc_{step}_error")
    grey(opened())  # the next of the ways to open it


def test_a_picture_that_was_lost_on_the_way_is_skipped(opened: Callable[..., Camera]) -> None:
    camera = opened()
    for _ in range(5):
        vivid.press("inject_v4l2_buf_flag_error")
        assert grey(camera).std() > 50, "the ramp"


def test_a_silent_camera_gives_none_in_time_and_closes(opened: Callable[..., Camera]) -> None:
    camera = opened()
    vivid.control(vivid.WEBCAM, percentage_of_dropped_buffers=100)
    time.sleep(0.3)
    camera.frame(0.1)  # the last
    for _ in range(3):
        began = time.monotonic()
        assert camera.frame(0.3) is None
        assert 0.25 < time.monotonic() - began < 0.8
    began = time.monotonic()
    camera.close()
    assert time.monotonic() - began < 1
    vivid.healthy()
    grey(opened())


def test_a_silent_camera_does_not_hang_the_opening(
    opened: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webcam, "_OPEN_S", 3.0)
    vivid.control(vivid.WEBCAM, percentage_of_dropped_buffers=100)
    began = time.monotonic()
    with pytest.raises(CameraError, match="gives no picture within 3 s"):
        opened()
    assert 2.5 < time.monotonic() - began < 5
    vivid.healthy()
    grey(opened())


def test_a_camera_that_breaks_is_told(opened: Callable[..., Camera]) -> None:
    camera = opened()
    grey(camera)
    vivid.press("inject_fatal_streaming_error")
    assert "broke while reading" in error_of(camera)
    camera.close()
    grey(opened())


def test_a_camera_that_is_pulled_out_is_told(opened: Callable[..., Camera]) -> None:
    camera = opened()
    grey(camera)
    vivid.press("disconnect")
    assert "was it unplugged?" in error_of(camera)
    with pytest.raises(CameraError, match=r"does not open as a camera.*No such device"):
        opened()
    camera.close()  # vivid plugs itself in again when nobody has it open
    grey(opened())


def test_a_camera_whose_node_goes_is_told(opened: Callable[..., Camera]) -> None:
    camera = opened()
    grey(camera)
    gone = threading.Thread(target=(vivid.DRIVER / "unbind").write_text, args=("vivid.0",))
    gone.start()
    assert "was it unplugged?" in error_of(camera)
    camera.close()
    gone.join()
    with pytest.raises(CameraError, match="no camera at /dev/video0: No such file"):
        opened()
    (vivid.DRIVER / "bind").write_text("vivid.0")
    vivid.healthy()
    grey(opened())


# What it is for


def scene(payload: bytes) -> bytes:
    """Luma of a picture that shows a code."""
    rows = [
        bytes(30 if dark else 220 for dark in row) for row in segno.make_qr(payload).matrix_iter()
    ]
    code = Image.frombytes("L", (len(rows), len(rows)), b"".join(rows))
    picture = Image.new("L", vivid.SCREEN_SIZE, 110)
    code = code.resize((300, 300), Image.Resampling.NEAREST)
    picture.paste(code.rotate(7, expand=True, fillcolor=220), (150, 60))
    return picture.tobytes()


def test_codes_are_read(opened: Callable[..., Camera], tmp_path: Path) -> None:
    decoder = Decoder()
    for payload in ("Chợ Bến Thành|Nguyễn Thị Ánh".encode(), bytes(range(64))):
        shown = scene(payload)
        with vivid.Screen(shown, tmp_path):
            camera = opened(vivid.SCREEN_SIZE, vivid.SCREEN_OF)
            read: set[bytes] = set()
            began = time.monotonic()
            while not read and time.monotonic() < began + 30:
                frame = camera.frame(PATIENCE_S)
                assert frame is not None
                read = {symbol.payload for symbol in decoder.look(frame).symbols}
            assert read == {payload}
            assert frame.grey.tobytes() == shown, "pixel by pixel"
            camera.close()
