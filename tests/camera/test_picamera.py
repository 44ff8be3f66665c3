"""Our driver on the real picamera2 and libcamera; `make test-camera` runs it."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

if "CAMERA_TREE" not in os.environ:
    pytest.skip("needs libcamera's virtual camera: make test-camera", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))

import segno
import surroundings
from PIL import Image

from drivers.camera import CameraError, CameraOptions
from drivers.camera.picamera import PiCamera, open_camera, sensor_size
from kiosk.decode import Decoder

SCENES = 24
PAYLOADS = [f"cảnh {number:02}|Nguyễn Thị Ánh".encode() for number in range(SCENES)]


@pytest.fixture(scope="module", autouse=True)
def scenes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every picture shows a code of its own, so that a frame says when it was taken."""
    folder = tmp_path_factory.mktemp("scenes")
    for number, payload in enumerate(PAYLOADS):
        code = Image.frombytes(*_pixels(payload)).resize((330, 330), Image.Resampling.NEAREST)
        scene = Image.new("RGB", surroundings.SIZE, (120, 90, 60))
        scene.paste(code.rotate(7, expand=True, fillcolor=255), (140, 50))
        scene.save(folder / f"{number}.jpg", quality=92, subsampling="4:2:0")
    surroundings.show(folder)
    surroundings.stand_in()


def _pixels(payload: bytes) -> tuple[str, tuple[int, int], bytes]:
    rows = [bytes(0 if dark else 255 for dark in row) for row in segno.make(payload).matrix_iter()]
    return "L", (len(rows), len(rows)), b"".join(rows)


@pytest.fixture
def opened() -> Iterator[Callable[..., PiCamera]]:
    cameras: list[PiCamera] = []

    def opened(width: int = 640, height: int = 480) -> PiCamera:
        camera = open_camera(CameraOptions(width, height, surroundings.FPS, "", 1))
        assert isinstance(camera, PiCamera)
        cameras.append(camera)
        return camera

    yield opened
    for camera in cameras:
        camera.close()


def seen(camera: PiCamera, decoder: Decoder) -> int:
    """Number of the scene that the next frame shows."""
    frame = camera.frame(2.0)
    assert frame is not None
    (symbol,) = decoder.look(frame).symbols
    return PAYLOADS.index(symbol.payload)


def test_codes_are_read_from_the_luma_plane(opened: Callable[..., PiCamera]) -> None:
    camera, decoder = opened(), Decoder()
    frame = camera.frame(2.0)
    assert frame is not None
    assert frame.grey.shape == (480, 640) and frame.grey.dtype == np.uint8
    assert 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - frame.at < 1
    numbers = [seen(camera, decoder) for _ in range(SCENES)]
    assert len(set(numbers)) > SCENES // surroundings.REPEATS


def test_the_luma_is_right(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    frame = camera.frame(2.0)
    assert frame is not None
    # BT.601: a wall of (120, 90, 60) is 96, or 98 where luma has the narrow range.
    assert abs(float(np.median(frame.grey[:, :100])) - 97) < 4


def test_a_frame_is_the_cameras_own_memory(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    places = set()
    for _ in range(30):
        frame = camera.frame(2.0)
        assert frame is not None and not frame.grey.flags.owndata
        places.add(frame.grey.ctypes.data)
    assert 2 <= len(places) <= 4, "as many places as the camera has buffers"


def test_a_held_frame_does_not_change(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    for _ in range(3):
        frame = camera.frame(2.0)
        assert frame is not None
        before = frame.grey.copy()
        time.sleep(0.4)
        assert (frame.grey == before).all()


def test_a_late_reader_gets_the_newest_frame(opened: Callable[..., PiCamera]) -> None:
    camera, decoder = opened(), Decoder()
    first = seen(camera, decoder)
    began = time.monotonic()
    time.sleep(1.2)
    second = seen(camera, decoder)
    passed = (time.monotonic() - began) * surroundings.FPS / surroundings.REPEATS
    third = seen(camera, decoder)
    assert 3 < passed < SCENES / 2, "too slow a machine to tell"
    # Of the frames that went by, those before the last are not queued.
    assert passed * 0.6 < (second - first) % SCENES < passed * 1.4
    assert (third - second) % SCENES <= 2


def test_frames_are_paced_by_the_camera(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    camera.frame(2.0)
    began = time.monotonic()
    for _ in range(15):
        assert camera.frame(2.0) is not None
    assert 0.3 < time.monotonic() - began < 2


def test_a_stalled_camera_gives_none_in_time_and_goes_on(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    assert camera.frame(2.0) is not None
    stalled, go_on = threading.Event(), threading.Event()

    def stall(_request: object) -> None:
        stalled.set()
        go_on.wait(10)

    camera._camera.pre_callback = stall
    stalled.wait(5)
    while camera.frame(0.2) is not None:  # those that were ready
        pass
    for _ in range(3):
        began = time.monotonic()
        assert camera.frame(0.2) is None
        assert 0.15 < time.monotonic() - began < 2
    camera._camera.pre_callback = None
    go_on.set()
    assert camera.frame(2.0) is not None


def test_a_size_that_the_camera_lacks_is_told_by_the_frame(
    opened: Callable[..., PiCamera],
) -> None:
    frame = opened(1280, 720).frame(2.0)
    assert frame is not None and frame.grey.shape == (480, 640)


def test_exposure_is_left_alone_where_the_camera_cannot(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    camera.expose(-1.5)
    assert camera.frame(2.0) is not None


def test_a_camera_in_use_is_told(opened: Callable[..., PiCamera]) -> None:
    opened().frame(2.0)
    with pytest.raises(CameraError, match="did not start"):
        opened()


def test_closing_and_opening_leaks_nothing(opened: Callable[..., PiCamera]) -> None:
    def once() -> None:
        camera = opened()
        assert camera.frame(2.0) is not None
        camera.close()
        camera.close()
        with pytest.raises(CameraError, match="closed"):
            camera.frame(0.1)

    once()
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(5):
        once()
    gc.collect()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) <= before


def test_memory_does_not_grow_over_frames(opened: Callable[..., PiCamera]) -> None:
    camera = opened()
    camera._camera.pre_callback = None  # as fast as it can
    for _ in range(200):
        camera.frame(2.0)
    before = _resident_kb()
    for _ in range(2000):
        assert camera.frame(2.0) is not None
    assert _resident_kb() - before < 2000


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def test_the_sensor_adds_pixels_up_where_enough_are_left() -> None:
    assert sensor_size((4608, 2592), (1280, 720)) == (2304, 1296)
    assert sensor_size((1456, 1088), (1280, 720)) == (1456, 1088)
