"""The panel's rules on the real luma driver, down to the points of the glass, over a panel that is
pulled out, loses its power, and comes back. Time is handed in."""

from __future__ import annotations

import logging

import pytest
import smbus2
from PIL import Image

from demo.panel_bus import I2cWire
from demo.panel_chips import Chip, chip
from drivers.gpio import SignalOptions, open_signals
from drivers.oled import Panel, PanelOptions
from drivers.oled.luma_i2c import open_panel
from kiosk.cues import Answer, ScannerState, UplinkState
from kiosk.device import Device
from kiosk.faults import Faults
from kiosk.feedback.news import Known
from kiosk.feedback.panel import FAULTS, PANEL_RETRY_S, Feedback, Rules
from kiosk.model import Instant

OPTIONS = PanelOptions("ssd1306", 128, 64, 0, 255, 1, 0x3C, (0, 0), 4, "mock", 24, 25, "")
NO_SIGNALS = SignalOptions("none", 17, 27, None, "cathode", 18, "passive", silent=True)
RULES = Rules(Known(True, 5.0, "k-1", "Gate 1"), 3.0, ("vi", "en"), ("00:00 80%",), 180.0)


class Watched:
    """A panel that remembers what it was to show."""

    wanted: Image.Image | None = None

    def __init__(self) -> None:
        self._panel = open_panel(OPTIONS)

    def __getattr__(self, name: str) -> object:
        return getattr(self._panel, name)

    def show(self, picture: Image.Image) -> None:
        Watched.wanted = picture
        self._panel.show(picture)


class Door:
    """A panel with everything above it; turns ten times a second."""

    def __init__(self, plugged: bool = True) -> None:
        self.now = 1000.0
        self.wire = I2cWire(chip("ssd1306"))
        self.wire.plugged = plugged
        faults = Faults(
            lambda cue: None, lambda: self.now, FAULTS, logging.getLogger("kiosk.feedback")
        )
        self.panel: Device[Panel] = Device("panel", Watched, faults, PANEL_RETRY_S)
        signals = Device("pins", lambda: open_signals(NO_SIGNALS), faults)
        self.feedback = Feedback(RULES, self.panel, signals, list, self.now)
        self.glasses: list[Image.Image] = []

    @property
    def chip(self) -> Chip:
        assert self.wire.chip is not None
        return self.wire.chip

    @property
    def glass(self) -> Image.Image:
        return self.chip.glass()

    def run(self, seconds: float, *cues: Answer) -> None:
        """And `glasses`: what was seen after each transfer meanwhile."""
        self.glasses.clear()
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            beats = (
                ScannerState(number=1, at=self.now, moved_at=self.now),
                UplinkState(number=1, at=self.now, online=True, centre=True, pending=0),
            )
            self.feedback.hear([*beats, *cues], self.now)
            cues = ()
            self.feedback.turn(self.now, Instant(1_800_000_000_000, "synced", "b", 0))
            while self.feedback.draw(self.now):
                self.glasses.append(self.glass)
            self.glasses.append(self.glass)

    def answered(self) -> Image.Image:
        """A visitor reads an answer: what stands there."""
        self.run(2.0)
        answer = Answer(number=1, at=self.now, outcome="pass", reason="accepted", name="Nguyễn A.")
        self.run(0.5, answer)
        assert Watched.wanted == self.glass
        return self.glass


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr(smbus2, "SMBus", door.wire.smbus)
    return door


def test_put_back_it_shows_no_old_answer_for_a_second(door: Door) -> None:
    """Its power never failed: the old answer stood there all the time."""
    old = door.answered()
    door.wire.plugged = False
    door.run(10.0)
    assert door.glass == old
    assert door.panel.condition == "absent"
    door.wire.plugged = True
    door.run(1.0)
    assert door.glass == Watched.wanted != old
    assert door.panel.condition == "ok"


def test_it_lost_its_power_and_nobody_noticed(door: Door) -> None:
    door.answered()
    door.run(5.0)
    idle = [door.glass]
    door.chip.power_cycle()
    door.run(1.1)
    assert door.glass == Watched.wanted
    assert door.panel.condition == "ok"
    idle.append(door.glass)
    first = next(i for i, glass in enumerate(door.glasses) if glass.getbbox())
    assert first > 0
    assert all(glass.getbbox() is None for glass in door.glasses[:first]), "dark until it is right"
    assert door.glasses[first] in idle or door.glasses[first] == Watched.wanted


def test_it_is_plugged_in_later(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(plugged=False)
    monkeypatch.setattr(smbus2, "SMBus", door.wire.smbus)
    door.run(20.0)
    assert door.panel.condition == "absent"
    assert door.glass.getbbox() is None
    door.chip.power_cycle()
    door.wire.plugged = True
    door.run(1.0)
    assert door.glass == Watched.wanted
    assert door.chip.contrast == 204


def test_nothing_of_a_visitor_is_left_when_the_daemon_ends(door: Door) -> None:
    door.answered()
    door.feedback.close()
    assert not door.chip.on
    assert not any(door.chip.ram)
