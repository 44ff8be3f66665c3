"""Bracketing: when the camera is asked for brighter and darker pictures, and what that reads."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera import Frame
from drivers.camera.picamera import Exposure, PiCamera, shifted
from kiosk.decode import Decoder, Sight
from kiosk.model import Symbol
from kiosk.scanner.exposure import (
    GONE_S,
    LONGEST_S,
    PATIENCE_S,
    ROUNDS,
    STEP_S,
    STEPS,
    Bracketing,
)

FPS = 15
UNREAD, NOBODY = Sight([], unread=True), Sight([])
READ = Sight([Symbol(b"x", "qr", ())], held=True)


def course(bracketing: Bracketing, sight: Sight, start: float, seconds: float) -> list[float]:
    return [bracketing.turn(sight, start + n / FPS) for n in range(round(seconds * FPS))]


def changes(stops: list[float]) -> list[float]:
    return [b for a, b in zip([0.0, *stops], stops, strict=False) if a != b]


def test_the_camera_is_left_alone_while_all_is_well() -> None:
    bracketing = Bracketing()
    assert set(course(bracketing, NOBODY, 0, 2) + course(bracketing, READ, 2, 2)) == {0.0}
    assert set(course(bracketing, UNREAD, 4, PATIENCE_S)) == {0.0}, "most are read sooner"


def test_what_stays_unread_gets_each_exposure_in_turn_and_then_the_cameras_own() -> None:
    stops = course(Bracketing(), UNREAD, 10, 20)
    assert changes(stops) == list(STEPS) * ROUNDS
    assert stops[-1] == 0.0


def test_the_exposure_that_helped_stays_and_comes_first_the_next_time() -> None:
    bracketing = Bracketing()
    course(bracketing, UNREAD, 10, PATIENCE_S + STEP_S + 0.2)
    assert set(course(bracketing, READ, 12, 1)) == {1.5}
    assert course(bracketing, NOBODY, 13, GONE_S + 0.2)[-1] == 0.0
    assert changes(course(bracketing, UNREAD, 20, PATIENCE_S + 0.2)) == [1.5]


def test_a_glimpse_between_frames_without_a_look_is_still_the_same_visitor() -> None:
    bracketing = Bracketing()
    sights = [UNREAD if n % 3 == 0 else NOBODY for n in range(10 * FPS)]
    stops = [bracketing.turn(sight, n / FPS) for n, sight in enumerate(sights)]
    assert changes(stops) == list(STEPS) * ROUNDS


class Hall:
    """A camera in a hall, with a screen `over` times as bright as white paper there. The
    screen is lit, so its black is not black."""

    def __init__(self, over: float) -> None:
        matrix = segno.make(b"001093029317|NGUYEN VAN A", error="m", micro=False).matrix
        code = np.array([list(row) for row in matrix], float)
        code = np.pad(1 - code, 4, constant_values=1).repeat(5, 0).repeat(5, 1)
        self.screen = (0.1 + 0.9 * code) * over
        self.rng = np.random.default_rng(7)

    def frame(self, number: int, stops: float, held: bool) -> np.ndarray:
        light = np.full((480, 640), 0.18)
        if held:
            side, tremor = len(self.screen), number % 3
            light[100 : 100 + side, 200 + tremor : 200 + tremor + side] = self.screen
        grey = 255 * (light * 2**stops).clip(0, 1) ** (1 / 2.2)
        return (grey + self.rng.normal(0, 2, grey.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("bracketed", [False, True])
def test_a_burnt_out_screen_is_read_within_a_second_by_exposing_for_it(bracketed: bool) -> None:
    """The new exposure is in the picture three frames after it was asked for."""
    hall, decoder, bracketing = Hall(over=14), Decoder(), Bracketing()
    asked, read = [0.0] * 3, []
    for number in range(4 * FPS):
        grey = hall.frame(number, asked[-3] if bracketed else 0.0, held=number >= FPS)
        sight = decoder.look(Frame(grey, number / FPS))
        asked.append(bracketing.turn(sight, number / FPS))
        if sight.symbols:
            read.append(number - FPS)
    decoder.close()
    assert (min(read, default=10 * FPS) <= FPS) is bracketed
    if bracketed:
        assert len(read) > FPS, "it stays in view once it is read"


@given(
    st.floats(100, 60_000),
    st.floats(1, 16),
    st.sampled_from([-2.0, -1.5, -0.5, 0.5, 1.5, 2.0]),
)
def test_an_exposure_is_shifted_by_the_stops_as_far_as_the_sensor_goes(
    us: float, gain: float, stops: float
) -> None:
    times, gains = (50.0, 66_666.0), (1.0, 16.0)
    wanted = shifted(Exposure(us, gain), stops, times, gains)
    assert times[0] <= wanted.us <= times[1]
    assert gains[0] <= wanted.gain <= gains[1]
    ratio = wanted.us * wanted.gain / (us * gain)
    inside = times[0] < wanted.us and wanted.gain < gains[1]
    assert ratio == pytest.approx(2**stops) if inside else (ratio - 2**stops) * stops <= 1e-9


def test_no_poster_keeps_an_exposure() -> None:
    """Read at the exposure that somebody needed who has gone: the light changes."""
    bracketing = Bracketing()
    course(bracketing, UNREAD, 0, PATIENCE_S + 0.2)
    poster = Sight([Symbol(b"place", "qr", ())])
    assert course(bracketing, poster, 1, GONE_S + 0.2)[-1] == 0.0
    bracketing = Bracketing()
    course(bracketing, UNREAD, 0, PATIENCE_S + 0.2)
    assert course(bracketing, READ, 1, LONGEST_S + 1)[-1] == 0.0


class Sensor:
    """Picamera2 as far as exposure goes: five frames later a picture is exposed as asked for;
    left alone, it goes a fifth of the way in each frame to what is right."""

    camera_controls: ClassVar = {
        "AeEnable": (False, True, True),
        "ExposureTime": (100, 66_666, 20_000),
        "AnalogueGain": (1.0, 16.0, 1.0),
    }
    right = 40_000.0

    def __init__(self) -> None:
        self.light, self.by_hand = self.right, 0.0
        self.queue: list[dict[str, float]] = [{}] * 5

    def set_controls(self, controls: dict[str, float]) -> None:
        self.queue[-1] = controls

    def expose_one(self) -> None:
        done = self.queue.pop(0)
        self.queue.append({})
        if done:
            hand = not done["AeEnable"]
            self.by_hand = done["ExposureTime"] * done["AnalogueGain"] if hand else 0.0
        self.light = self.by_hand or self.light + (self.right - self.light) / 5

    def get_metadata(self) -> dict[str, float]:
        gain = max(1.0, self.light / 20_000)
        return {"ExposureTime": self.light / gain, "AnalogueGain": gain}


def test_every_round_counts_from_what_the_camera_chose() -> None:
    sensor = Sensor()
    camera = PiCamera.__new__(PiCamera)
    camera._camera = camera._request = sensor
    camera._chosen, camera._by_itself_since, camera._longest_us = None, 0.0, 66_666.0
    seen: dict[float, float] = {}
    for stops in (*STEPS, *STEPS):
        camera.expose(stops)
        for _ in range(round(STEP_S * FPS)):
            sensor.expose_one()
        if stops:
            assert np.log2(sensor.light / sensor.right) == pytest.approx(stops, abs=0.01)
            seen[stops] = sensor.light
    assert len(seen) == 2


def test_a_camera_that_tells_no_exposure_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = Sensor()
    camera = PiCamera.__new__(PiCamera)
    camera._camera = camera._request = sensor
    camera._chosen, camera._by_itself_since, camera._longest_us = None, 0.0, 66_666.0
    monkeypatch.setattr(Sensor, "get_metadata", lambda _self: {"ExposureTime": 0})
    camera.expose(1.5)
    assert sensor.queue == [{}] * 5
    assert shifted(Exposure(40, 1.0), 1.5, (100.0, 66_666.0), (1.0, 16.0)).us == 100


def test_more_time_keeps_to_whole_periods_of_the_mains() -> None:
    sensor = (50.0, 66_666.0), (1.0, 16.0)
    assert shifted(Exposure(10_000, 1.0), 1.5, *sensor).us == 20_000
    assert shifted(Exposure(4_000, 1.0), 0.5, *sensor).us == 4_000
    assert shifted(Exposure(10_000, 4.0), -1.5, *sensor).us == 10_000
