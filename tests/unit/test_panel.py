"""The rules of the panel: answers, hints and states, and hardware that fails."""

from __future__ import annotations

import logging

import msgspec
import pytest
from paneldoor import IDLE, PASS, RULES, TIME, Door, any_of, state

from kiosk import screens
from kiosk.cues import (
    ScannerState,
    Trial,
)
from kiosk.device import RETRY_S
from kiosk.feedback.panel import (
    HINT_QUIET_S,
    TURN_S,
)
from kiosk.feedback.patterns import pattern
from kiosk.model import Direction


@pytest.fixture
def door() -> Door:
    return Door()


def test_light_and_sound_come_before_the_picture(door: Door) -> None:
    door.turn(door.alive())
    door.told.clear()
    assert door.turn(door.answer()) == PASS
    assert door.told == ["pass", "picture"]


def test_answer_stays_and_then_the_state_returns(door: Door) -> None:
    door.turn(door.alive())
    assert door.turn(door.answer()) == PASS
    assert door.turn(after=1.4) == PASS
    second = screens.answer("pass", "accepted", name="Nguyễn A.", time=TIME, language="en")
    assert door.turn(after=0.2) == second, "half of its time for each language"
    assert door.turn(after=1.3) == second
    assert door.turn(after=0.2) == IDLE


def test_newest_answer_wins_and_one_line_tells_it(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    second = door.answer(2, outcome="fail", reason="forged", name="", repeated=True)
    assert door.turn(door.alive(), door.answer(1), second) == screens.answer(
        "fail", "forged", time=TIME
    )
    assert door.feedback.said.answers == 1
    lines = [record.message for record in caplog.records if "answer" in record.message]
    assert lines == ["answer number=2 outcome=fail reason=forged repeated=True"]
    assert "Nguyễn" not in caplog.text


@pytest.mark.parametrize("age", [1.01, 3600.0, -0.1])
def test_an_old_answer_is_never_shown(door: Door, age: float) -> None:
    assert door.turn(door.alive(), door.answer(age=age)) == IDLE
    assert (door.feedback.said.answers, door.feedback.said.stale) == (0, 1)
    assert "pass" not in door.told


def test_a_hint_is_shown_while_it_is_said(door: Door) -> None:
    closer, still = screens.hint("closer"), screens.hint("hold-still")
    assert door.turn(door.alive(), door.hint()) == closer
    door.now += 0.9
    assert door.turn(door.hint("hold-still")) == still
    assert door.turn(after=0.5) == still
    assert door.turn(door.alive(), after=0.6) == IDLE
    assert door.turn(door.hint(age=1.1)) == IDLE, "said to somebody who has gone"
    assert door.told.count("hint") == 1, "who tries again and again hears the first alone"
    assert not {"pass", "warn", "fail"} & set(door.told)
    door.now += HINT_QUIET_S + 1
    door.turn(door.alive(), door.hint())
    assert door.told.count("hint") == 2


def test_a_hint_that_lasts_is_said_in_both_languages(door: Door) -> None:
    shown = []
    for _ in range(8):
        shown.append(door.turn(door.alive(), door.hint()))
        door.now += 0.5
    assert shown[0] == screens.hint("closer")
    assert screens.hint("closer", language="en") in shown


def test_an_answer_stands_above_a_hint_and_a_fault_too(door: Door) -> None:
    assert door.turn(door.alive(), door.answer(), door.hint()) == PASS
    door.now += 3.1
    assert door.turn(door.hint()) == screens.hint("closer")
    assert door.turn(door.answer()) == PASS
    door.now += 3.1
    fault = state(faults=("card-full",))
    assert door.turn(door.alive("card-full"), door.uplink(), door.hint()) == fault


def test_draws_only_on_change(door: Door) -> None:
    for _ in range(3):
        door.now += 0.2
        door.turn(door.alive())
    door.turn(door.answer(1, name=""))
    door.now += 1.0
    door.turn(door.answer(2, name=""))  # looks the same, sounds again
    assert len(door.glass.shown) == 2
    assert door.told.count("pass") == 2


def test_a_trial_is_marked_and_a_real_answer_wins(door: Door) -> None:
    trial = Trial(number=9, at=door.now, outcome="warn", reason="expired")
    marked = screens.answer("warn", "expired", trial=True, time=TIME)
    assert door.turn(door.alive(), trial) == marked
    assert door.feedback.said.answers == 0
    assert door.turn(door.answer(), trial) == PASS
    later = Trial(number=10, at=door.now, outcome="fail", reason="forged")
    assert door.turn(later) == PASS, "somebody reads it"
    assert "fail" not in door.told
    door.now += 3.1
    last = Trial(number=11, at=door.now, outcome="warn", reason="expired")
    assert door.turn(door.alive(), last) == marked
    assert door.turn(door.answer()) == PASS


@pytest.mark.parametrize(
    ("outcome", "reason", "direction", "repeated", "expected"),
    [
        ("pass", "accepted", "in", False, "pass"),
        ("pass", "accepted", "unknown", False, "pass"),
        ("pass", "accepted", "out", False, "goodbye"),
        ("pass", "accepted", "out", True, "again"),
        ("warn", "unknown-key", "out", True, "warn"),
        ("warn", "place-code", "in", False, "place-code"),
        ("fail", "place-code", "in", False, "place-code"),
        ("fail", "expired", "in", True, "fail"),
    ],
)
def test_each_answer_has_its_light_and_sound(
    door: Door, outcome: str, reason: str, direction: Direction, repeated: bool, expected: str
) -> None:
    cue = door.answer(outcome=outcome, reason=reason, direction=direction, repeated=repeated)
    assert pattern(cue) == expected
    door.turn(door.alive(), cue)
    assert door.told[-2:] == [expected, "picture"]
    trial = Trial(
        number=1,
        at=door.now,
        outcome=cue.outcome,
        reason=reason,
        direction=direction,
        repeated=repeated,
    )
    assert pattern(trial) == expected, "and a technician can try it"


def test_the_time_is_shown_only_if_it_can_be_trusted(door: Door) -> None:
    door.clock = "floor"
    untimed = screens.answer("pass", "accepted", name="Nguyễn A.")
    assert door.turn(door.alive(), door.answer()) == untimed
    door.now += 3.1
    assert door.turn(door.alive(), door.uplink()) == state(time="", clock_set=False)
    door.clock = "synced"
    assert door.turn() == IDLE
    door.wall_ms += 60_000
    assert door.turn() == state(time="08:46")


def test_ten_thousand_cues_show_the_newest(door: Door) -> None:
    door.turn(door.alive())
    before = len(door.glass.shown)
    many = [door.answer(n, outcome="fail", reason="expired", name="") for n in range(10_000)]
    assert door.turn(*many, door.answer(10_000)) == PASS
    assert len(door.glass.shown) == before + 1
    assert door.feedback.said.answers == 1


def test_a_newer_answer_need_not_wait_for_the_picture_of_an_older_one(door: Door) -> None:
    door.turn(door.alive())
    door.glass.parts = 8
    door.feedback.hear([door.answer(1, outcome="fail", reason="expired", name="")], door.now)
    door.feedback.turn(door.now, door.wall)
    assert door.feedback.draw(door.now), "a part of it, and it says that there is more"
    assert door.turn(door.answer(2)) == PASS


def test_starting_until_the_scanner_speaks_up(door: Door) -> None:
    assert door.turn() == state(scanner="awaited")
    assert door.turn(after=4.9) in any_of(scanner="awaited")
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
    assert door.turn(door.alive()) in any_of(link="uplink-silent")


def test_what_does_not_stop_the_door_is_a_mark(door: Door) -> None:
    door.lamps.broken = True
    door.turn(door.alive(), door.uplink(pending=3), door.answer())
    door.now += 3.1
    door.turn(door.alive(), door.uplink(pending=3))
    marked = state(warnings=("pins-absent",), pending=3)
    assert door.turn(after=0.1) == marked
    assert door.alerts == [("pins-absent", True, "pin: no answer")]


def test_after_the_button_the_idle_screen_waits_for_who_is_leaving(door: Door) -> None:
    leaving = state(leaving=True)
    pressed = msgspec.structs.replace(door.alive(), leaving_until=door.now + 4)
    assert door.turn(pressed) == leaving
    assert door.turn(door.alive()) == IDLE  # somebody has been recorded
    assert door.turn(pressed) == leaving
    assert door.turn(after=3.9) == state(3, leaving=True)
    assert door.turn(after=0.2) == IDLE
    broken = msgspec.structs.replace(pressed, faults=["camera-absent"], leaving_until=2e9)
    assert door.turn(broken) not in (leaving, IDLE)


def test_not_enrolled() -> None:
    door = Door(RULES._replace(known=RULES.known._replace(enrolled=False)))
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
    assert door.turn(door.alive(), door.uplink()) in any_of()
    assert door.alerts[1:] == [("panel-absent", False, "")]
    assert door.panel.condition == "ok"
    assert door.glass.level == 255, "what was set before is lost"


def test_a_panel_that_comes_back_shows_nothing_older_than_a_second() -> None:
    door = Door(RULES._replace(answer_s=60.0))
    door.turn(door.alive(), door.uplink())
    door.glass.broken = True
    door.turn(door.answer())
    door.now += RETRY_S + 0.1
    door.glass.broken = False
    shown = door.turn(door.alive(), door.uplink())
    assert shown in any_of(), "whoever it was for has gone"


def test_a_panel_that_fails_while_it_is_drawn_is_drawn_anew(door: Door) -> None:
    door.turn(door.alive())
    door.now += RETRY_S + 1
    door.glass.loose = True
    door.turn(door.alive(), door.uplink(), door.answer())
    assert door.panel.condition == "absent"
    assert not door.feedback.draw(door.now)
    door.glass.loose = False
    assert door.turn(door.alive(), door.uplink(), after=RETRY_S) != PASS, "not the old answer"
    assert len(door.glass.shown) == 3
    assert door.panel.condition == "ok"


def test_a_panel_that_was_never_away_keeps_its_answer() -> None:
    door = Door(RULES._replace(answer_s=60.0))
    door.turn(door.alive(), door.answer())
    assert door.turn(door.alive(), door.uplink(), after=20.0) == PASS


def test_absent_pins_leave_the_panel_alone(door: Door) -> None:
    door.lamps.broken = True
    assert door.turn(door.alive(), door.answer()) == PASS
    assert door.pins.condition == "absent"
    assert door.alerts == [("pins-absent", True, "pin: no answer")]


def test_wakes_for_the_next_moment_of_a_pattern(door: Door) -> None:
    door.turn(door.alive())
    door.lamps.until = door.now + 0.12
    assert door.feedback.turn(door.now, door.wall) == pytest.approx(0.12)
    door.lamps.until = 0.0
    assert door.feedback.turn(door.now, door.wall) == TURN_S


def test_close_darkens_both(door: Door) -> None:
    door.turn(door.answer())
    door.feedback.close()
    assert door.told[-2:] == ["lamps closed", "panel closed"]
