"""Videos before the replay camera, made here by PyAV itself. Grey levels tell the frames."""

from __future__ import annotations

import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from drivers.camera import Camera, CameraError, CameraOptions, _video
from drivers.camera.replay import open_camera

SIZE = (160, 120)
Opened = Callable[..., Camera]


def film(
    path: Path,
    levels: list[int],
    fps: int = 20,
    codec: str = "mpeg4",
    size: tuple[int, int] = SIZE,
    pix_fmt: str = "yuv420p",
) -> Path:
    """A video of grey frames, which appears whole."""
    part = path.with_name(f"part-{path.name}")
    with av.open(part, "w", format=None) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        for level in levels:
            grey = np.full(size[::-1], level, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format=pix_fmt)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return part.rename(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    folder.mkdir()
    return folder


@pytest.fixture
def made(tmp_path: Path, folder: Path) -> Callable[..., Path]:
    """Makes a video elsewhere and moves it into the folder."""

    def make(name: str, levels: list[int], **how: object) -> Path:
        return film(tmp_path / name, levels, **how).rename(folder / name)

    return make


@pytest.fixture
def opened(folder: Path) -> Iterator[Opened]:
    cameras = []

    def open_with(fps: float = 20, hold_s: float = 0.2) -> Camera:
        cameras.append(open_camera(CameraOptions(*SIZE, fps, str(folder), hold_s)))
        return cameras[-1]

    yield open_with
    for camera in cameras:
        camera.close()


def level(camera: Camera) -> float:
    frame = camera.frame(1.0)
    assert frame is not None
    assert frame.grey.shape == SIZE[::-1] and frame.grey.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        frame.grey[0, 0] = 1
    return float(frame.grey.mean())


def luma(full: int) -> float:
    """What becomes of a grey level in video range, 16 to 235 (ITU-R BT.601)."""
    return 16 + full * 219 / 255


RAMP = list(range(20, 220, 10))  # twenty frames, one second


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.MOV", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("b.mkv", "ffv1", "bgr0"),
    ],
)
def test_each_kind_of_file_is_played(opened, made, name, codec, pix_fmt):
    made(name, [60] * 5 + [180] * 20, codec=codec, pix_fmt=pix_fmt)
    camera = opened()
    first, later = level(camera), [level(camera) for _ in range(10)][-1]
    full = pix_fmt in ("yuvj420p", "bgr0")
    assert abs(first - (60 if full else luma(60))) < 6
    assert abs(later - (180 if full else luma(180))) < 6


def test_a_video_runs_at_its_own_speed_whatever_the_cameras_is(opened, made):
    made("a.mkv", RAMP)  # at 20 frames a second
    camera = opened(fps=10)
    start = time.monotonic()
    seen = []
    while time.monotonic() - start < 0.7:
        now = level(camera)
        seen.append((time.monotonic() - start, now))
    assert len(seen) >= 6
    assert all(later[1] > earlier[1] for earlier, later in pairwise(seen))
    # Ten levels every twentieth of a second: 200 a second, as luma.
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(seen, seen[4:], strict=False)]
    assert 120 < float(np.median(rates)) < 230


def test_a_faster_camera_shows_frames_again(opened, made):
    made("a.mkv", [40, 80, 120, 160], fps=5)
    camera = opened(fps=50)
    start = time.monotonic()
    seen = []
    while time.monotonic() - start < 0.65:
        seen.append(round(level(camera)))
    assert seen == sorted(seen)
    assert len(set(seen)) == 4 and len(seen) > 10


def test_a_late_reader_gets_what_is_due_now(opened, made):
    made("a.mkv", RAMP)
    camera = opened()
    level(camera)
    time.sleep(0.6)
    assert level(camera) > luma(20 + 10 * 10)


def test_at_its_end_the_next_name_follows_and_it_comes_again(opened, made, folder):
    made("b.mkv", [200] * 6)  # 0.3 s
    Image.new("L", SIZE, 10).save(folder / "a.png")
    Image.new("L", SIZE, 90).save(folder / "c.png")
    camera = opened(fps=50, hold_s=0.2)
    seen = [round(level(camera)) for _ in range(75)]
    order = [b for a, b in zip([0, *seen], seen, strict=False) if a != b]
    assert order[:5] == [10, 188, 90, 10, 188]
    first = seen.index(188)
    assert 6 <= seen[first : first + 30].count(188) <= 18


def test_alone_it_is_played_round_and_round(opened, made):
    made("a.mkv", [60, 180], fps=10)
    camera = opened(fps=40)
    seen = [round(level(camera)) for _ in range(36)]
    assert sum(a < b for a, b in pairwise(seen)) >= 3


def test_taken_away_it_is_gone_and_put_back_it_starts_anew(opened, made, folder, tmp_path):
    file = made("a.mkv", RAMP)
    camera = opened()
    level(camera)
    time.sleep(0.5)
    assert level(camera) > luma(80)
    file.rename(tmp_path / "away.mkv")
    assert abs(level(camera) - 128) < 1, "the empty scene"
    (tmp_path / "away.mkv").rename(folder / "a.mkv")
    assert level(camera) < luma(30)


def test_another_file_of_the_name_is_another_video(opened, made):
    made("a.mkv", [60] * 40)
    camera = opened()
    assert round(level(camera)) == round(luma(60))
    made("a.mkv", [180] * 40)
    assert round(level(camera)) == round(luma(180))


def test_another_shape_gets_bars_as_pictures_do(opened, made):
    made("a.mkv", [200] * 5, size=(60, 60))
    grey = opened().frame(1.0).grey
    assert abs(float(grey[:, 30:130].mean()) - luma(200)) < 2
    assert (grey[:, :15] == 128).all() and (grey[:, 145:] == 128).all()


def damaged(whole: bytes, how: str) -> bytes:
    half = len(whole) // 2
    return {
        "empty": b"",
        "text": b"hello",
        "torn": whole[:half],
        "flipped": whole[:half] + bytes(200) + whole[half + 200 :],
    }[how]


@pytest.mark.parametrize("how", ["empty", "text", "torn", "flipped"])
def test_a_damaged_video_is_named(opened, made, how):
    noise = [int(x) for x in np.random.default_rng(1).integers(0, 255, 30)]
    file = made("bad.mp4", noise, codec="libx264")
    file.write_bytes(damaged(file.read_bytes(), how))
    camera = opened(fps=100)
    with pytest.raises(CameraError, match=r"^bad\.mp4 is no readable video"):
        for _ in range(200):
            camera.frame(1.0)
    with pytest.raises(CameraError, match=r"^bad\.mp4"):
        for _ in range(200):
            camera.frame(1.0)
    file.unlink()
    assert abs(level(camera) - 128) < 1


def test_whatever_the_damage_nothing_else_is_raised(folder, made):
    file = made("bad.mkv", RAMP)
    whole = np.frombuffer(file.read_bytes(), np.uint8)
    rng, told = np.random.default_rng(3), 0
    for _ in range(150):
        spoilt = whole.copy()
        at = rng.integers(0, len(spoilt), 12)
        spoilt[at] = rng.integers(0, 256, 12)
        file.write_bytes(spoilt.tobytes())
        try:
            video = _video.Video(file, lambda grey: grey, 0.0)
            video.picture(0.7)
            video.close()
        except CameraError as error:
            told += str(error).startswith("bad.mkv")
    assert told > 0


def test_sound_alone_is_no_video(opened, folder):
    with wave.open(str(folder / "song.mp4"), "wb") as song:
        song.setparams((1, 2, 8000, 0, "NONE", ""))
        song.writeframes(bytes(8000))
    with pytest.raises(CameraError, match=r"^song\.mp4 is no readable video \(no picture"):
        opened().frame(1.0)


def test_what_cannot_be_decoded_in_time_is_played_slower(made, monkeypatch):
    file = made("a.mkv", RAMP * 2)
    monkeypatch.setattr(_video, "_WORK_S", -1.0)  # every frame takes too long
    video = _video.Video(file, lambda grey: grey, 0.0)
    seen = [round(float(video.picture(second).mean())) for second in range(10)]
    assert seen == sorted(seen) and len(set(seen)) == 10, "one frame at a time, none left out"
    video.close()


def test_memory_and_files_stay_bounded(folder, made):
    size = (1280, 720)
    file = made("long.mkv", [k % 256 for k in range(300)], size=size, fps=100)
    command = (
        "import resource, sys, pathlib\n"
        "from drivers.camera._video import Video\n"
        "def played(name, times):\n"
        "    for _ in range(times):\n"
        "        video = Video(pathlib.Path(name), lambda grey: grey, 0.0)\n"
        "        for frame in range(300):\n"
        "            video.picture(frame / 100)\n"
        "        assert video.over(3.5)\n"
        "        video.close()\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "first = played(sys.argv[1], 1)\n"
        "grown = played(sys.argv[1], 4) - first\n"
        "print(grown, len(list(pathlib.Path('/proc/self/fd').iterdir())))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, str(file)],
        capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    grown_kb, files = (int(word) for word in done.stdout.split())
    assert grown_kb < 20_000, "1500 frames of 900 kB passed"
    assert files < 10


def test_pyav_is_needed_for_videos_alone(opened, made, folder, monkeypatch):
    command = "import sys; import drivers.camera.replay; sys.exit('av' in sys.modules)"
    subprocess.run([sys.executable, "-c", command], check=True, timeout=60)
    monkeypatch.setitem(sys.modules, "av", None)
    Image.new("L", SIZE, 10).save(folder / "a.png")
    camera = opened()
    assert level(camera) == 10
    (folder / "a.png").unlink()
    (folder / "b.mp4").write_bytes(b"")
    with pytest.raises(CameraError, match=r"pip install 'SOURCE\[webcam\]'"):
        camera.frame(1.0)
