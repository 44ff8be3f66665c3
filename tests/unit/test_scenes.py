from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from demo.crowd import Crowd, Visitor, make_crowd
from demo.scenes import draw, write_scene
from drivers.camera import CameraOptions, Frame
from drivers.camera.replay import open_camera
from kiosk.decode import Decoder

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return make_crowd(1, NOW)


class Scenes(NamedTuple):
    drawn: list[tuple[Visitor, Image.Image]]
    seconds: float


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    """Two crowds, everybody's picture."""
    visitors = [v for seed in (1, 2) for v in make_crowd(seed, NOW).visitors]
    start = time.process_time()
    drawn = [(visitor, draw(visitor, seed=i)) for i, visitor in enumerate(visitors)]
    return Scenes(drawn, time.process_time() - start)


@pytest.fixture
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


def payloads(decoder: Decoder, frame: Frame) -> list[bytes]:
    return [symbol.payload for symbol in decoder.look(frame).symbols]


def held_up(payload: bytes | None) -> list[bytes]:
    return [] if payload is None else [payload]


def test_every_scene_is_read_and_quickly_drawn(decoder, scenes):
    for visitor, picture in scenes.drawn:
        found = payloads(decoder, Frame(np.asarray(picture), 0.0))
        assert found == held_up(visitor.payload), visitor.label
    assert scenes.seconds / len(scenes.drawn) < 0.3


def test_from_the_drawing_through_the_camera_to_the_payload(decoder, scenes, tmp_path):
    camera = open_camera(CameraOptions(1280, 720, 100, str(tmp_path), 60))
    for visitor, picture in scenes.drawn[:8]:
        write_scene(picture, tmp_path / "view.png")
        assert payloads(decoder, camera.frame(1.0)) == held_up(visitor.payload), visitor.label
        (tmp_path / "view.png").unlink()
        assert payloads(decoder, camera.frame(1.0)) == []
    camera.close()


def test_size_and_mode_are_the_cameras(crowd):
    picture = draw(crowd.visitors[0], (800, 600), 4)
    assert (picture.size, picture.mode) == ((800, 600), "L")


def test_seeds_vary_the_scene_and_repeat_it(crowd):
    first, again, other = (draw(crowd.visitors[0], seed=s).tobytes() for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("label", "low", "high"), [("CCCD", 3.2, 4.6), ("personal QR", 3.8, 6.0)])
def test_codes_have_a_realistic_size(decoder, crowd, label, low, high):
    """Pixels per module along the shorter pair of edges."""
    visitor = next(v for v in crowd.visitors if v.label == label)
    modules = {"CCCD": 53, "personal QR": 37}[label]
    for seed in range(3):
        (symbol,) = decoder.look(Frame(np.asarray(draw(visitor, seed=seed)), 0.0)).symbols
        corners = np.array(symbol.corners)
        edges = np.hypot(*(corners - np.roll(corners, 1, axis=0)).T)
        assert low <= edges.min() / modules and edges.max() / modules <= high


@pytest.mark.parametrize("medium", ["card", "paper"])
def test_a_card_or_sheet_without_payload_is_refused(crowd, medium):
    nothing = next(v for v in crowd.visitors if v.payload is None)
    with pytest.raises(ValueError, match="no payload"):
        draw(replace(nothing, medium=medium))


def test_a_scene_appears_whole_and_leaves_nothing_behind(tmp_path: Path):
    target = tmp_path / "view.png"
    write_scene(Image.new("L", (64, 48), 10), target)
    inode = target.stat().st_ino
    write_scene(Image.new("L", (64, 48), 20), target)
    assert target.stat().st_ino != inode  # renamed over, never written in place
    assert Image.open(target).getpixel((0, 0)) == 20
    assert list(tmp_path.iterdir()) == [target]
