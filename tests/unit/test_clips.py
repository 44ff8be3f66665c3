"""One showing, one check-in: clips of what happens at a door, through the real decoder,
pipeline and outbox; and that the clips show what they claim."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from bench._peers import plain_zxing
from demo.clips import KINDS, Shot, clip
from demo.crowd import Crowd, crowd_of
from demo.door import Door
from demo.hard import scene
from demo.idle import Grain
from demo.moving import Thing
from demo.scenes import Held
from drivers.camera import Frame
from kiosk.cues import Answer
from kiosk.scanner.showings import STANDS_S

NOW = 1_800_000_000.0
FPS = 15


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return crowd_of(30, 5, NOW)


class Played(NamedTuple):
    """What came of a clip. `first_seen`: when each payload was first whole in view."""

    answers: list[tuple[bytes, Answer]]
    subjects: list[str]
    first_seen: dict[bytes, float]
    expected: dict[bytes, str]

    def payloads(self) -> list[bytes]:
        return [payload for payload, _ in self.answers]


class Play:
    """A door, and a clock that the frames set."""

    def __init__(self, folder: Path, crowd: Crowd) -> None:
        self.at = 0.0
        self.crowd = crowd
        self.door = Door(folder, crowd.trust, NOW, lambda: self.at)

    def show(self, grey: np.ndarray, at: float) -> list[bytes]:
        self.at = 100 + at
        return [symbol.payload for symbol in self.door.show(Frame(grey, self.at)).symbols]

    def play(self, kind: str, seed: int) -> Played:
        first_seen: dict[bytes, float] = {}
        for shot in clip(kind, self.crowd.visitors, FPS, seed):
            self.show(shot.grey, shot.at)
            for payload in shot.visible:
                first_seen.setdefault(payload, shot.at)
        subjects = [person.subject for person in self.door.records()]
        known = {v.payload: v.subject for v in self.crowd.visitors if v.payload and v.recorded}
        expected = {payload: known[payload] for payload in first_seen if payload in known}
        return Played(self.door.answers, subjects, first_seen, expected)


@pytest.fixture
def play(tmp_path: Path, crowd: Crowd) -> Iterator[Play]:
    play = Play(tmp_path, crowd)
    yield play
    play.door.close()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["enters", "trembles", "unsharp", "lights-up"])
def test_what_is_held_up_is_answered_and_recorded_once(play: Play, kind: str, seed: int) -> None:
    played = play.play(kind, seed)
    assert played.payloads() == list(played.first_seen)
    assert played.subjects == list(played.expected.values())
    assert len(played.answers) == 1


@pytest.mark.parametrize("seed", [1, 4])
def test_back_within_moments_repeats_the_answer_without_a_record(play: Play, seed: int) -> None:
    played = play.play("returns-soon", seed)
    assert [answer.repeated for _, answer in played.answers] == [False, True]
    assert len(set(played.payloads())) == 1
    assert len({(answer.outcome, answer.reason) for _, answer in played.answers}) == 1
    assert played.subjects == list(played.expected.values())


def test_back_after_longer_is_another_showing(play: Play) -> None:
    played = play.play("returns-later", 1)
    assert [answer.repeated for _, answer in played.answers] == [False, False]
    assert len(set(played.payloads())) == 1
    assert played.subjects == list(played.expected.values()) * 2 != []


@pytest.mark.parametrize("seed", [1, 2])
def test_two_who_alternate_are_recorded_once_each(play: Play, seed: int) -> None:
    played = play.play("alternate", seed)
    one, two = played.first_seen
    assert played.payloads() == [one, two, one, two]
    assert [answer.repeated for _, answer in played.answers] == [False, False, True, True]
    assert played.subjects == list(played.expected.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_two_side_by_side_each_can_read_their_answer(play: Play, seed: int) -> None:
    played = play.play("side-by-side", seed)
    assert played.payloads() == list(played.first_seen)
    (_, first), (_, second) = played.answers
    assert STANDS_S <= second.at - first.at < STANDS_S + 0.5
    assert played.subjects == list(played.expected.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_each_code_of_a_page_that_scrolls_counts_once(play: Play, seed: int) -> None:
    played = play.play("scrolls", seed)
    assert len(played.first_seen) == 3
    assert played.payloads() == list(played.first_seen)
    assert sorted(played.subjects) == sorted(played.expected.values())


def test_what_is_hard_to_read_and_lies_still_is_counted_once(play: Play) -> None:
    """Longer than any showing is remembered; then it is moved."""
    for kind, seed in (("bands", 1), ("blur", 3)):
        hard, before = scene(kind, 0.6, seed, (640, 480)), len(play.door.answers)
        grain = Grain((640, 480), np.random.default_rng(1), 2)
        read = 0
        for number in range(15 * FPS):
            moved = max(0, number - 13 * FPS) % 3 * 3
            grey = np.roll(hard.grey, moved, 1) + grain.frame()
            at = seed * 1000 + number / FPS
            read += bool(play.show(grey.clip(0, 255).astype(np.uint8), at))
        assert read < 10 * FPS, "it is hard to read"
        assert [p for p, _ in play.door.answers[before:]] == [hard.payload]


def test_the_truth_is_what_can_be_read(crowd: Crowd) -> None:
    for kind in ("enters", "side-by-side", "alternate"):
        read = 0
        for shot in clip(kind, crowd.visitors, 5, 3):
            found = set(plain_zxing(shot.grey))
            assert found <= set(shot.visible)
            read += len(found)
        assert read > 5


def test_clips_repeat_and_vary(crowd: Crowd) -> None:
    def some(kind: str, seed: int) -> Shot:
        return [*zip(range(9), clip(kind, crowd.visitors, 4, seed), strict=False)][-1][1]

    for kind in KINDS:
        first, again, other = (some(kind, seed) for seed in (1, 1, 2))
        assert np.array_equal(first.grey, again.grey) and first.visible == again.visible
        assert (first.grey != other.grey).any()
        assert first.grey.shape == (720, 1280) and first.grey.dtype == np.uint8


def test_every_frame_has_noise_and_a_moving_code_is_blurred(crowd: Crowd) -> None:
    shots = [*zip(range(40), clip("enters", crowd.visitors, 15, 1), strict=False)]
    greys = [shot.grey.astype(int) for _, shot in shots]
    assert all(np.abs(a - b).mean() > 1 for a, b in pairwise(greys))
    (came,) = [k for k in range(1, 40) if shots[k][1].visible and not shots[k - 1][1].visible]

    def edges(grey: np.ndarray) -> float:
        return float(np.percentile(np.abs(np.diff(grey, axis=0)), 99.5))

    assert edges(greys[came]) < edges(greys[-1])


def test_a_clip_is_never_in_memory_as_a_whole(crowd: Crowd) -> None:
    frames = clip("enters", crowd.visitors, 30, 1)
    for _ in range(50):
        next(frames)
    tracemalloc.start()
    try:
        for _ in range(30):
            next(frames)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60 * 720 * 1280, "a few frames of light, 4 bytes a pixel"


def test_a_screen_shows_its_code_when_it_is_half_lit() -> None:
    square = Image.new("L", (80, 80), 200)
    held = Held(square, Image.new("L", (80, 80), 255), (40.0, 40.0), 60.0, (0, 0, 80, 80))
    for lit, marks in ((0.0, 0), (0.2, 0), (0.49, 0), (0.5, 1), (1.0, 1)):
        thing = Thing(held, b"x", np.eye(3), lambda _at: (100.0, 100.0), 0.1, lambda _at, n=lit: n)
        assert len(thing.layer(0.0, 0.01, (200, 200)).marks) == marks, lit


def test_an_unknown_kind_is_told(crowd: Crowd) -> None:
    with pytest.raises(KeyError, match="party"):
        next(clip("party", crowd.visitors, 15))
