"""The rules of the panel, with panel, lamps and time handed in."""

from __future__ import annotations

import logging

import msgspec
import pytest
from PIL import Image

from kiosk import screens
from kiosk.cues import AlertCue, Answer, Cue, HintCue, ScannerState, Trial, UplinkState
from kiosk.device import RETRY_S, Device
from kiosk.faults import Faults
from kiosk.feedback.panel import FAULTS, Feedback, Rules
from kiosk.model import Hint

RULES = Rules(enrolled=True, answer_s=2.5, silent_s=5.0)
IDLE = screens.state(screens.Situation(enrolled=True, scanner="well"))
PASS = screens.answer("pass", "accepted", name="Nguyễn A.")


class Glass:
    """Records what it is told; raises while `broken`, and when it is to send while `loose`. A
    picture takes `parts` steps."""

    def __init__(self, told: list[str]) -> None:
        self.broken = self.loose = False
        self.parts = 1
        self.shown: list[Image.Image] = []
        self._left = 0
        self._told = told

    def show(self, picture: Image.Image) -> None:
        if self.broken:
            raise OSError("panel: no answer")
        self.shown.append(picture)
        self._left = self.parts
        self._told.append("picture")

    def step(self) -> bool:
        if self.loose:
            raise OSError("panel: not acknowledged")
        self._left = max(0, self._left - 1)
        return self._left > 0

    def refresh(self) -> None:
        self._told.append("refresh")

    def close(self) -> None:
        self._told.append("panel closed")


class Lamps:
    def __init__(self, told: list[str]) -> None:
        self.broken = False
        self.wait: float | None = None
        self._told = told

    def play(self, pattern: str, now: float) -> None:
        if self.broken:
            raise OSError("pin: no answer")
        self._told.append(pattern)

    def step(self, now: float) -> float | None:
        return self.wait

    def close(self) -> None:
        self._told.append("lamps closed")


class Door:
    """A Feedback at second `now` with everything around it."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        self.alerts: list[tuple[str, bool, str]] = []
        self.glass, self.lamps = Glass(self.told), Lamps(self.told)
        faults = Faults(self._alert, lambda: self.now, FAULTS, logging.getLogger("kiosk.feedback"))
        self.panel: Device[Glass] = Device("panel", lambda: self.glass, faults)
        self.pins: Device[Lamps] = Device("pins", lambda: self.lamps, faults)
        self.feedback = Feedback(rules, self.panel, self.pins, self.now)

    def _alert(self, cue: Cue) -> None:
        assert isinstance(cue, AlertCue)
        self.alerts.append((cue.code, cue.raised, cue.detail.partition(";")[0]))

    def turn(self, *cues: Cue, after: float = 0.0) -> Image.Image:
        """What the glass shows after a turn `after` seconds later."""
        self.now += after
        self.feedback.hear(cues, self.now)
        self.feedback.turn(self.now)
        return self.glass.shown[-1]

    def answer(self, number: int = 1, age: float = 0.0, **more: object) -> Answer:
        given = {"outcome": "pass", "reason": "accepted", "name": "Nguyễn A."} | more
        return Answer(number=number, at=self.now - age, **given)

    def hint(self, hint: Hint = "closer", age: float = 0.0) -> HintCue:
        return HintCue(number=9, at=self.now - age, hint=hint)

    def alive(self, *faults: str) -> ScannerState:
        return ScannerState(number=1, at=self.now, faults=list(faults))

    def uplink(self, online: bool = True, centre: bool = True, pending: int = 0) -> UplinkState:
        return UplinkState(number=1, at=self.now, online=online, centre=centre, pending=pending)


@pytest.fixture
def door() -> Door:
    return Door()


def state(**of: object) -> Image.Image:
    return screens.state(screens.Situation(**({"enrolled": True, "scanner": "well"} | of)))


def test_light_and_sound_come_before_the_picture(door: Door) -> None:
    door.turn(door.alive())
    door.told.clear()
    assert door.turn(door.answer()) == PASS
    assert door.told == ["pass", "picture"]


def test_answer_stays_and_then_the_state_returns(door: Door) -> None:
    door.turn(door.alive())
    assert door.turn(door.answer()) == PASS
    assert door.turn(after=2.4) == PASS
    assert door.turn(after=0.2) == IDLE


def test_newest_answer_wins_and_one_line_tells_it(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    second = door.answer(2, outcome="fail", reason="forged", name="", repeated=True)
    assert door.turn(door.alive(), door.answer(1), second) == screens.answer("fail", "forged")
    assert door.feedback.answers == 1
    lines = [record.message for record in caplog.records if "answer" in record.message]
    assert lines == ["answer number=2 outcome=fail reason=forged repeated=True"]
    assert "Nguyễn" not in caplog.text


@pytest.mark.parametrize("age", [1.01, 3600.0, -0.1])
def test_an_old_answer_is_never_shown(door: Door, age: float) -> None:
    assert door.turn(door.alive(), door.answer(age=age)) == IDLE
    assert (door.feedback.answers, door.feedback.stale) == (0, 1)
    assert "pass" not in door.told


def test_a_hint_is_shown_while_it_is_said(door: Door) -> None:
    closer, still = screens.hint("closer"), screens.hint("hold-still")
    assert door.turn(door.alive(), door.hint()) == closer
    door.now += 0.9
    assert door.turn(door.hint("hold-still")) == still
    assert door.turn(after=0.9) == still
    assert door.turn(after=0.2) == IDLE
    assert door.turn(door.hint(age=1.1)) == IDLE, "said to somebody who has gone"
    assert [word for word in door.told if word != "picture"] == ["hint"], "once, not again"


def test_a_visitor_who_tries_again_and_again_hears_one_hint(door: Door) -> None:
    door.turn(door.alive())
    for _ in range(20):
        door.now += 0.9
        door.turn(door.alive(), door.hint())
    for _ in range(9):
        door.now += 1.0
        door.turn(door.alive())
    door.turn(door.hint("hold-still"))
    assert door.told.count("hint") == 1
    for _ in range(12):
        door.now += 1.0
        door.turn(door.alive())
    door.turn(door.hint())
    assert door.told.count("hint") == 2
    door.now += 11.0
    door.turn(door.alive("camera-absent"), door.hint())
    door.turn(door.alive(), door.answer(), door.hint())
    assert door.told.count("hint") == 2, "not before a kiosk out of order, nor into an answer"


def test_an_answer_stands_above_a_hint_and_a_fault_too(door: Door) -> None:
    assert door.turn(door.alive(), door.answer(), door.hint()) == PASS
    door.now += 2.6
    assert door.turn(door.hint()) == screens.hint("closer")
    assert door.turn(door.answer()) == PASS
    door.now += 3.0
    fault = state(faults=("card-full",))
    assert door.turn(door.alive("card-full"), door.uplink(), door.hint()) == fault


@pytest.mark.parametrize(
    ("of", "pattern"),
    [
        ({}, "pass"),
        ({"direction": "unknown"}, "pass"),
        ({"direction": "out"}, "goodbye"),
        ({"repeated": True}, "again"),
        ({"repeated": True, "direction": "out"}, "again"),
        ({"outcome": "warn", "reason": "expired"}, "warn"),
        ({"outcome": "fail", "reason": "forged", "repeated": True}, "fail"),
        ({"outcome": "fail", "reason": "place-code"}, "place-code"),
    ],
)
def test_each_answer_has_its_pattern(door: Door, of: dict[str, object], pattern: str) -> None:
    door.turn(door.alive())
    door.told.clear()
    door.turn(door.answer(**of))
    assert door.told == [pattern, "picture"]


def test_a_picture_is_sent_in_parts_and_the_panel_refreshed_every_second(door: Door) -> None:
    door.glass.parts = 3
    door.turn(door.alive())
    assert [door.feedback.draw(door.now) for _ in range(4)] == [True, True, False, False]
    assert door.told.count("refresh") == 1
    door.turn(after=0.9)
    door.feedback.draw(door.now)
    assert door.told.count("refresh") == 1
    door.turn(after=0.2)
    door.feedback.draw(door.now)
    assert door.told.count("refresh") == 2


def test_a_panel_that_fails_while_it_is_drawn_is_drawn_anew(door: Door) -> None:
    door.turn(door.alive())
    door.feedback.draw(door.now)
    door.now += RETRY_S + 1
    door.glass.loose = True
    door.turn(door.alive(), door.uplink(), door.answer())
    assert not door.feedback.draw(door.now)
    assert door.panel.condition == "absent"
    assert not door.feedback.draw(door.now)
    door.glass.loose = False
    assert door.turn(after=RETRY_S) != PASS, "not the old answer"
    assert len(door.glass.shown) == 3
    assert door.panel.condition == "ok"


def test_draws_only_on_change(door: Door) -> None:
    for _ in range(3):
        door.now += 1.0
        door.turn(door.alive())
    door.turn(door.answer(1, name=""))
    door.now += 1.0
    door.turn(door.answer(2, name=""))  # looks the same, sounds again
    assert len(door.glass.shown) == 2
    assert door.told.count("pass") == 2


def test_a_trial_is_marked_and_a_real_answer_wins(door: Door) -> None:
    trial = Trial(number=9, at=door.now, outcome="warn", reason="expired")
    marked = screens.answer("warn", "expired", trial=True)
    assert door.turn(door.alive(), trial) == marked
    assert door.feedback.answers == 0
    assert door.turn(door.answer(), trial) == PASS
    later = Trial(number=10, at=door.now, outcome="fail", reason="forged")
    assert door.turn(later) == PASS, "somebody reads it"
    assert "fail" not in door.told
    door.now += 2.6
    last = Trial(number=11, at=door.now, outcome="warn", reason="expired")
    assert door.turn(door.alive(), last) == marked
    assert door.turn(door.answer()) == PASS


def test_starting_until_the_scanner_speaks_up(door: Door) -> None:
    assert door.turn() == state(scanner="awaited")
    assert door.turn(after=4.9) == state(scanner="awaited")
    assert door.turn(after=0.2) == state(scanner="silent", link="uplink-silent")
    assert door.turn(door.alive(), door.uplink()) == IDLE


def test_dead_mans_handle(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    door.now += 5.1
    assert door.turn(door.uplink()) == state(scanner="silent")
    assert door.turn(door.alive()) == IDLE


def test_heartbeats_from_before_a_restart_prove_nothing(door: Door) -> None:
    old = ScannerState(number=1, at=door.now - 60)
    assert door.turn(old) == state(scanner="silent")


def test_faults_and_links(door: Door) -> None:
    assert door.turn(door.alive("camera-absent")) == state(faults=("camera-absent",))
    assert door.turn(door.alive("never-heard-of")) == state(faults=("never-heard-of",))
    assert door.turn(door.alive(), door.uplink(online=False, pending=7)) == state(
        link="offline", pending=7
    )
    assert door.turn(door.uplink(centre=False)) == state(link="centre-away")
    door.now += 5.1
    assert door.turn(door.alive()) == state(link="uplink-silent")


def test_after_the_button_the_idle_screen_waits_for_who_is_leaving(door: Door) -> None:
    leaving = screens.state(screens.Situation(enrolled=True, scanner="well", leaving=True))
    pressed = msgspec.structs.replace(door.alive(), leaving_until=door.now + 4)
    assert door.turn(pressed) == leaving
    assert door.turn(door.alive()) == IDLE  # somebody has been recorded
    assert door.turn(pressed) == leaving
    assert door.turn(after=3.9) == leaving
    assert door.turn(after=0.2) == IDLE
    broken = msgspec.structs.replace(pressed, faults=["camera-absent"], leaving_until=2e9)
    assert door.turn(broken) not in (leaving, IDLE)


def test_not_enrolled() -> None:
    door = Door(RULES._replace(enrolled=False))
    assert door.turn() == state(enrolled=False, scanner="awaited")


def test_absent_panel_is_told_once_and_tried_again(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    door.turn(door.alive())
    door.glass.broken = True
    door.turn(door.answer())
    for _ in range(10):
        door.now += 1.0
        door.turn(door.alive())
    assert door.told.count("pass") == 1  # the lamps go on without it
    assert door.panel.condition == "absent"
    assert door.alerts == [("panel-absent", True, "panel: no answer")]
    assert caplog.text.count("fault code=panel-absent") == 1
    door.glass.broken = False
    door.now += RETRY_S - 11
    door.turn(door.alive(), door.uplink())
    assert len(door.glass.shown) == 1
    door.now += 2.0
    assert door.turn(door.alive(), door.uplink()) == IDLE  # not the old answer
    assert door.alerts[1:] == [("panel-absent", False, "")]
    assert door.panel.condition == "ok"


def test_absent_pins_leave_the_panel_alone(door: Door) -> None:
    door.lamps.broken = True
    assert door.turn(door.alive(), door.answer()) == PASS
    assert door.pins.condition == "absent"
    assert door.alerts == [("pins-absent", True, "pin: no answer")]


def test_wakes_for_the_next_moment_of_a_pattern(door: Door) -> None:
    door.lamps.wait = 0.12
    assert door.feedback.turn(door.now) == 0.12
    door.lamps.wait = None
    assert door.feedback.turn(door.now) == 0.5


def test_close_darkens_both(door: Door) -> None:
    door.turn(door.answer())
    door.feedback.close()
    assert door.told[-2:] == ["lamps closed", "panel closed"]
