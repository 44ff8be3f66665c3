from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drivers.camera import CameraError, CameraOptions
from drivers.camera.picamera import open_camera as open_picamera
from drivers.camera.replay import open_camera

SIZE = (160, 120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    return pictures


@pytest.fixture
def opened(folder):
    cameras = []

    def open_with(fps: float = 200, hold_s: float = 60, folder: Path = folder):
        cameras.append(open_camera(CameraOptions(*SIZE, fps, str(folder), hold_s)))
        return cameras[-1]

    yield open_with
    for camera in cameras:
        camera.close()


def put(folder: Path, name: str, level: int, size: tuple[int, int] = SIZE) -> None:
    """Holds up a picture of one grey level, whole from the first moment."""
    temporary = folder / "coming.part"
    Image.new("L", size, level).save(temporary, "png")
    temporary.rename(folder / name)


def level(camera) -> int:
    """Grey level of the next frame; 128 is the empty scene."""
    frame = camera.frame(1.0)
    assert frame.grey.shape == SIZE[::-1]
    assert frame.grey.dtype == np.uint8
    return round(float(frame.grey.mean()))


def test_exposure_is_as_a_camera_would_show_it(opened, folder):
    camera = opened()
    put(folder, "a.png", 100)
    assert level(camera) == 100
    camera.expose(1.5)
    assert level(camera) == round(100 * 2 ** (1.5 / 2.2))
    camera.expose(-1.5)
    assert level(camera) == round(100 / 2 ** (1.5 / 2.2))
    put(folder, "a.png", 255)
    camera.expose(3)
    assert level(camera) == 255, "white is white"
    camera.expose(0)
    put(folder, "a.png", 90)
    assert level(camera) == 90
    camera.close()
    with pytest.raises(CameraError, match="closed"):
        camera.expose(1)


def test_empty_folder_is_an_empty_scene_with_noise(opened):
    camera = opened()
    first, second = camera.frame(1.0), camera.frame(1.0)
    assert abs(first.grey.mean() - 128) < 1
    assert 1 < first.grey.std() < 6
    assert (first.grey != second.grey).any()


def test_a_picture_comes_and_goes_with_its_file(opened, folder):
    camera = opened()
    assert level(camera) == 128
    put(folder, "a.png", 40)
    assert level(camera) == 40
    put(folder, "a.png", 50)
    assert level(camera) == 50
    (folder / "a.png").unlink()
    assert level(camera) == 128


def test_pictures_take_turns_in_the_order_of_names(opened, folder):
    for name, grey in (("b.jpeg", 20), ("c.PNG", 30), ("a.png", 10)):
        put(folder, name, grey)
    camera = opened(fps=50, hold_s=0.1)
    seen = [level(camera) for _ in range(40)]
    changes = [b for a, b in zip([0, *seen], seen, strict=False) if a != b]
    assert changes[:6] == [10, 20, 30, 10, 20, 30]
    assert 2 <= seen.count(20) / changes.count(20) <= 6


def test_an_added_picture_waits_for_its_turn_and_a_removed_one_gives_way(opened, folder):
    put(folder, "b.png", 20)
    camera = opened(hold_s=60)
    assert level(camera) == 20
    put(folder, "a.png", 10)
    put(folder, "c.png", 30)
    assert level(camera) == 20
    (folder / "b.png").unlink()
    assert level(camera) == 30
    (folder / "c.png").unlink()
    assert level(camera) == 10


def test_other_files_are_ignored(opened, folder):
    (folder / "half.png.part").write_bytes(b"\x89PNG half of it")
    (folder / "notes.txt").write_text("no picture")
    assert level(opened()) == 128


def test_frames_are_paced(opened):
    camera = opened(fps=50)
    camera.frame(1.0)
    start = time.monotonic()
    stamps = [camera.frame(1.0).at for _ in range(20)]
    assert 0.38 < time.monotonic() - start < 1.5
    assert stamps == sorted(stamps)
    assert abs(stamps[-1] - time.clock_gettime(time.CLOCK_BOOTTIME)) < 0.5


def test_nothing_within_the_timeout_is_none_and_loses_nothing(opened):
    camera = opened(fps=2)
    assert camera.frame(1.0) is not None
    start = time.monotonic()
    assert camera.frame(0.02) is None
    assert camera.frame(0.0) is None
    assert time.monotonic() - start < 0.4
    assert camera.frame(1.0) is not None


def test_a_late_reader_gets_the_newest_frame_and_no_backlog(opened, folder):
    camera = opened(fps=20)
    camera.frame(1.0)
    time.sleep(0.52)
    put(folder, "a.png", 40)
    assert level(camera) == 40
    start = time.monotonic()
    camera.frame(1.0)
    camera.frame(1.0)
    assert time.monotonic() - start > 0.05


def test_an_unchanged_picture_is_read_once(opened, folder):
    put(folder, "a.png", 40)
    camera = opened()
    first = camera.frame(1.0).grey
    assert camera.frame(1.0).grey is first
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1


def test_a_picture_of_another_shape_gets_bars(opened, folder):
    put(folder, "square.png", 10, (60, 60))
    grey = opened().frame(1.0).grey
    assert grey.shape == SIZE[::-1]
    assert (grey[:, 25:135] == 10).all()
    assert (grey[:, :15] == 128).all() and (grey[:, 145:] == 128).all()


def test_colour_becomes_luma(opened, folder):
    Image.new("RGB", SIZE, (255, 0, 0)).save(folder / "red.jpg")
    assert 70 < level(opened()) < 82


@pytest.mark.parametrize("damage", ["empty", "text", "torn", "flipped"])
def test_an_unreadable_picture_is_named(opened, folder, damage):
    whole = folder / "whole.png"
    noise = np.random.default_rng(0).integers(0, 255, SIZE[::-1], np.uint8)
    Image.fromarray(noise).save(whole)
    data = bytearray(whole.read_bytes())
    whole.unlink()
    half = len(data) // 2
    data[half : half + 8] = bytes(8)
    (folder / "bad.png").write_bytes(
        {"empty": b"", "text": b"hello", "torn": data[:half], "flipped": bytes(data)}[damage]
    )
    camera = opened()
    with pytest.raises(CameraError, match=r"^bad\.png is no readable"):
        camera.frame(1.0)
    (folder / "bad.png").unlink()
    assert level(camera) == 128


def test_a_huge_picture_is_refused_before_it_is_unpacked(opened, folder):
    Image.new("1", (9000, 9000)).save(folder / "huge.png")
    with pytest.raises(CameraError, match=r"huge\.png has 9000x9000 pixels"):
        opened().frame(1.0)


def test_a_name_that_is_no_file_is_refused_without_hanging(opened, folder):
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(CameraError, match=r"pipe\.png is not a file"):
        opened().frame(1.0)


def test_a_missing_folder_is_told_at_once_and_when_it_vanishes(opened, folder):
    with pytest.raises(CameraError, match="nowhere: No such file"):
        opened(folder=folder / "nowhere")
    camera = opened()
    camera.frame(1.0)
    folder.rmdir()
    with pytest.raises(CameraError, match="No such file"):
        camera.frame(1.0)
    folder.mkdir()
    assert level(camera) == 128


def test_no_folder_set_is_told():
    with pytest.raises(CameraError, match="needs a folder"):
        open_camera(CameraOptions(*SIZE, 10, "", 1))


def test_a_closed_camera_says_so(opened):
    camera = opened()
    camera.close()
    camera.close()
    with pytest.raises(CameraError, match="closed"):
        camera.frame(1.0)


def test_pi_camera_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraError, match="apt install python3-picamera2"):
        open_picamera(CameraOptions(640, 480, 15, "", 1))
