"""What presses of the button lead to, with button, lamps and time handed in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.cues import ButtonCue, Inlet, Outlet
from kiosk.device import Device
from kiosk.faults import Faults
from kiosk.feedback.button import Presses
from kiosk.feedback.panel import FAULTS


class Knob:
    """A button that was used for `found`, and is down for `down`."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.down: float | None = None

    def fileno(self) -> int:
        return 7

    def presses(self, now: float) -> list[str]:
        found, self.found = self.found, []
        return found

    def down_for(self, now: float) -> float | None:
        return self.down

    def close(self) -> None:
        pass


class Lamps:
    def __init__(self) -> None:
        self.played: list[str] = []

    def play(self, pattern: str, now: float) -> None:
        self.played.append(pattern)

    def step(self, now: float) -> float | None:
        return None

    def close(self) -> None:
        pass


class Case:
    def __init__(self, run: Path) -> None:
        self.knob, self.lamps = Knob(), Lamps()
        faults = Faults(lambda cue: None, lambda: 0.0, FAULTS, logging.getLogger("test"))
        self.scanner = Inlet(run, "scanner")
        self.presses = Presses(
            Device("button", lambda: self.knob, faults),
            Outlet(run, "scanner", "feedback"),
            Device("pins", lambda: self.lamps, faults),
        )

    def turn(self, *found: str, down: float | None = None) -> float:
        """Seconds until the next turn, 1000 s after boot."""
        self.knob.found, self.knob.down = list(found), down
        return self.presses.turn(1000.0) - 1000.0

    @property
    def told(self) -> list[int]:
        return [cue.number for cue in self.scanner.drain() if isinstance(cue, ButtonCue)]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    case = Case(tmp_path)
    yield case
    case.presses.close()
    case.scanner.close()


def test_a_press_is_told_to_the_scanner(case: Case) -> None:
    assert case.turn() == float("inf")
    case.turn("pressed", "pressed")
    assert case.told == [1, 2]
    assert case.lamps.played == []


def test_held_it_ticks_each_second_and_then_tries_the_lamps(case: Case) -> None:
    assert case.turn(down=0.0) == pytest.approx(1.0)
    assert case.turn(down=0.7) == pytest.approx(0.3)
    assert case.lamps.played == []
    assert case.turn(down=1.1) == pytest.approx(0.9)
    assert case.turn(down=1.5) == pytest.approx(0.5)
    case.turn(down=2.0)
    assert case.lamps.played == ["holding", "holding"]
    assert case.turn("held", down=5.0) == float("inf")
    assert case.turn(down=6.0) == float("inf")
    assert case.lamps.played == ["holding", "holding", "self-test"]
    case.turn()
    assert case.told == [], "the scanner does not hear of it"
    case.turn(down=1.0)
    assert case.lamps.played[3:] == ["holding"], "anew"


def test_a_door_without_a_button(tmp_path: Path) -> None:
    faults = Faults(lambda cue: None, lambda: 0.0, FAULTS, logging.getLogger("test"))
    pins: Device[Lamps] = Device("pins", Lamps, faults)
    presses = Presses(None, Outlet(tmp_path, "scanner", "feedback"), pins)
    assert presses.turn(1.0) == float("inf")
    assert (presses.awaited(1.0), presses.condition) == ([], "none")
