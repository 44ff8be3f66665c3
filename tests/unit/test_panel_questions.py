"""The rules of the panel for the questions of the declaration."""

from __future__ import annotations

import logging

import pytest
from paneldoor import IDLE, PASS, RULES, Door, any_of, state
from PIL import Image

from kiosk import screens
from kiosk.cues import STALE_QUESTION_S, Trial
from kiosk.device import RETRY_S
from kiosk.feedback.panel import LANGUAGE_S, QUESTION_TURN_S, Shown
from kiosk.model import Question


@pytest.fixture
def door() -> Door:
    door = Door()
    door.turn(door.alive(), door.uplink())
    return door


def asked(which: Question = "symptoms", **more: object) -> Image.Image:
    return screens.question(which, **more)


def again(door: Door, seconds: float, ago: float = 0.0, **more: object) -> list[Image.Image]:
    """What the glass shows while a question that was asked `ago` is said again."""
    shown = []
    for _ in range(round(seconds / 0.5)):
        door.now += 0.5
        ago += 0.5
        shown.append(door.turn(door.alive(), door.uplink(), door.question(ago=ago, **more)))
    return shown


def test_light_and_sound_come_once_and_before_the_picture(door: Door) -> None:
    door.told.clear()
    assert door.turn(door.question()) == asked()
    assert door.told == ["question", "picture"]
    again(door, 5)
    assert door.told.count("question") == 1
    assert door.turn(door.question(number=8, asked="contact")) == asked("contact")
    assert door.told.count("question") == 2


def test_both_languages_take_turns_while_the_time_runs_out(door: Door) -> None:
    door.turn(door.question())
    shown = again(door, 20)
    for number, picture in enumerate(shown, 1):
        at = number * 0.5
        if at < 20:
            language = ("vi", "en")[int(at / LANGUAGE_S) % 2]
            assert picture == asked(language=language, left=round((20 - at) / 20 * 32) / 32), at
    assert shown[-1] in any_of(), "its time is over, though it was said again"


def test_who_said_it_and_is_gone_asks_no_longer(door: Door) -> None:
    door.turn(door.question())
    left = round((20 - STALE_QUESTION_S) / 20 * 32) / 32
    assert door.turn(door.alive(), door.uplink(), after=STALE_QUESTION_S) == asked(left=left)
    assert door.turn(after=0.1) in any_of()


@pytest.mark.parametrize("age", [STALE_QUESTION_S + 0.1, 100.0, -0.1])
def test_an_old_question_is_never_shown(
    door: Door, age: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert door.turn(door.question(ago=max(age, 0), age=age)) == IDLE
    assert "question number=7 dropped" in caplog.text
    assert "question" not in door.told


def test_a_question_takes_the_place_of_an_answer_and_an_answer_that_of_a_question(
    door: Door,
) -> None:
    assert door.turn(door.answer()) == PASS
    door.now += 0.5
    assert door.turn(door.question()) == asked()
    door.now += 0.5
    assert door.turn(door.answer(2)) == PASS
    late = door.question(ago=0.7, age=0.6)  # said before the answer, and waited on its way
    assert door.turn(late, after=0.1) == PASS
    assert door.turn(door.answer(3), door.question(number=9, ago=2.0, age=1.9)) == PASS
    assert door.turn(door.answer(4), door.question(number=10)) == asked()


def test_a_trial_and_what_a_technician_asks_for_wait(door: Door) -> None:
    door.turn(door.question())
    trial = Trial(number=1, at=door.now, outcome="pass", reason="accepted")
    assert door.turn(trial, door.hint()) == asked()
    assert door.turn(door.asked("identify", lasts_s=60.0)) == asked()
    assert "pass" not in door.told
    over = door.turn(door.alive(), door.uplink(), after=2.5)
    assert over in [state(n, asked="identify") for n in range(4)]


def test_how_long_the_button_is_held_is_shown(door: Door) -> None:
    door.turn(door.question())
    door.feedback.pressed(door.now, 0.52)
    assert door.turn() == asked(held=0.5)
    door.feedback.pressed(door.now, 0.0)
    assert door.turn() == asked()


def test_a_low_panel_shows_question_and_answers_in_turn() -> None:
    door = Door(RULES._replace(size=screens.LOW))
    door.turn(door.alive(), door.uplink(), door.question())
    shown = again(door, 4)
    wanted = [
        asked(frame=frame, left=round((20 - at) / 20 * 32) / 32, size=screens.LOW)
        for at, frame in ((0.5, 0), (1.5, 1), (2.5, 2), (3.5, 3))
    ]
    assert shown[::2] == wanted
    assert wanted[0].tobytes() != wanted[2].tobytes()


def test_a_question_wakes_the_panel_and_moves(door: Door) -> None:
    door.turn(door.alive(), door.uplink(), after=RULES.dim_after_s + 1)
    assert door.glass.level < 255
    door.lamps.until = 0.0
    door.turn(door.alive(), door.question())
    assert door.glass.level == 255
    door.lamps.until = 0.0
    assert door.feedback.turn(door.now, door.wall) == QUESTION_TURN_S


# What a press is about


def test_a_press_is_about_the_question_since_it_can_be_seen(door: Door) -> None:
    assert door.feedback.shown == Shown()
    door.turn(door.question())
    began = door.now
    assert door.feedback.shown == Shown(7, began)
    again(door, 2)
    assert door.feedback.shown == Shown(7, began)
    door.turn(door.question(number=8))
    assert door.feedback.shown == Shown(8, door.now)
    door.turn(door.answer())
    assert door.feedback.shown.question == 0


def test_a_question_that_cannot_be_seen_is_not_answered(door: Door) -> None:
    door.turn(door.question())
    assert door.feedback.can_be_seen
    door.glass.broken = True
    again(door, 1)
    assert door.feedback.shown.question == 0
    assert not door.feedback.can_be_seen
    door.glass.broken = False
    door.now += RETRY_S
    door.turn(door.alive(), door.question(ago=3.0))
    assert door.feedback.shown == Shown(7, door.now), "it can be read since now"
    assert door.feedback.can_be_seen


def test_on_the_self_test_a_press_is_about_the_button(door: Door) -> None:
    door.turn(door.asked("self-test", page="button", lasts_s=60.0))
    assert door.feedback.shown.testing
    door.turn(door.question())
    assert door.feedback.shown == Shown(7, door.now)


def test_nothing_of_an_answer_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    door.turn(door.question())
    door.feedback.pressed(door.now, 1.0)
    again(door, 2)
    lines = [record.getMessage() for record in caplog.records if "question" in record.getMessage()]
    assert lines == ["question number=7 asked=symptoms"]
