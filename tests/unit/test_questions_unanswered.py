"""Questions that nobody answers, that a press does not answer, or that cannot be asked."""

from __future__ import annotations

from collections.abc import Callable

import askingdoor
import msgspec
import pytest
from askingdoor import ASKING, CARD, Door

from kiosk.cues import STALE_ANSWER_S, ButtonCue
from kiosk.scanner.direction import BUTTON_S
from kiosk.scanner.questions import SILENT_S

make, door = askingdoor.make, askingdoor.door


# Nobody answers


def test_who_does_not_answer_leaves_no_trace(door: Door) -> None:
    door.show(CARD, at=100)
    door.wait(19.5)
    assert door.parts.dialogue.stands
    door.wait(1)
    assert not door.parts.dialogue.stands
    door.press()
    assert (door.answers, door.rows(), door.pipeline.scans) == ([], [], 0)
    assert b"099199000001" not in repr(vars(door.parts.dialogue)).encode()


def test_the_second_question_has_its_own_time(door: Door) -> None:
    door.show(CARD, at=100)
    door.wait(19)
    door.press()
    door.wait(19)
    door.press()
    assert [a.outcome for a in door.answers] == ["pass"]


def test_half_an_answer_is_none(door: Door) -> None:
    door.show(CARD, at=100)
    door.press(yes=True)
    door.wait(25)
    assert (door.answers, door.rows()) == ([], [])
    assert door.declare().outcome == "pass", "shown again, both are asked anew"
    assert [q.asked for q in door.asked] == ["symptoms", "contact"] * 2


def test_a_card_that_is_left_before_the_camera_is_asked_about_once(door: Door) -> None:
    door.wait(200, CARD)
    assert len(door.asked) == 1
    door.wait(2)
    door.show(CARD, at=door.at)
    assert len(door.asked) == 2, "taken away and shown anew"


# What is no answer


def test_an_answer_too_late_ends_the_questions(door: Door) -> None:
    """A yes that was lost, and the impatient press after it, must not be a no."""
    door.show(CARD, at=100)
    door.wait(2)
    door.press(number=1, age=STALE_ANSWER_S + 0.1)
    door.press(number=1)
    assert [q.asked for q in door.asked] == ["symptoms"]


def test_a_press_before_the_question_was_seen_says_not_who_leaves(
    make: Callable[..., Door],
) -> None:
    door = make(kind="button")
    door.show(CARD, at=100)
    door.press(number=0)
    door.wait(2)
    door.press()
    door.wait(1)
    door.press()
    assert door.rows() == [("in", "pass", "declared")]


def test_an_answer_to_another_question_is_not_taken(door: Door) -> None:
    door.press(number=1)
    door.show(CARD, at=100)
    door.wait(2)
    door.press(number=7)
    door.press(number=1, age=-1)
    assert [q.asked for q in door.asked] == ["symptoms"]
    door.press(number=1)
    door.press(number=1)  # once more, before the panel shows the next one
    assert [q.asked for q in door.asked] == ["symptoms", "contact"]
    door.press(number=2, age=0.1)  # pressed before it was asked
    assert door.answers == []


def test_a_press_without_a_question_says_who_leaves(make: Callable[..., Door]) -> None:
    door = make(kind="button")
    door.pipeline.press(ButtonCue(number=1, at=door.at))
    assert door.parts.directions.leaving(door.at) == door.at + BUTTON_S
    door.show(CARD, at=door.at + 1)
    assert [(a.direction, a.reason) for a in door.answers] == [("out", "accepted")]
    assert door.asked == [], "who leaves declared on the way in"


def test_an_answer_does_not_say_who_leaves(make: Callable[..., Door]) -> None:
    door = make(kind="button")
    answer = door.declare()
    assert (answer.direction, answer.outcome) == ("in", "pass")
    assert door.parts.directions.leaving(door.at) == 0


# Where nothing can be asked


@pytest.mark.parametrize("panel", ["silent", "cannot ask", "was never heard", "says so later"])
def test_a_door_that_cannot_ask_answers_as_before(make: Callable[..., Door], panel: str) -> None:
    door = make(asks=panel == "silent")
    if panel == "was never heard":
        door.restart()
    at = door.at + (SILENT_S if panel == "silent" else 0)
    assert door.parts.dialogue.state(at) == "no-panel"
    door.show(CARD, at=at)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "more-needed")]
    assert door.rows() == [("in", "warn", "more-needed")]
    if panel == "says so later":
        door.wait(12, asks=True)
        assert door.parts.dialogue.state(door.at) == "ready"
        assert door.declare().reason == "declared"


@pytest.mark.parametrize("asks", [None, False])
def test_a_panel_or_button_that_breaks_ends_the_questions(door: Door, asks: bool | None) -> None:
    door.show(CARD, at=100)
    door.press()
    door.wait(SILENT_S + 0.5, asks=asks)
    assert not door.parts.dialogue.stands
    assert (door.answers, door.rows()) == ([], [])
    door.show(CARD, at=door.at)
    assert [a.reason for a in door.answers] == ["more-needed"]


def test_what_cannot_be_recorded_is_not_asked_for(door: Door) -> None:
    door.parts.outbox = None
    door.show(CARD, at=100)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "outbox-fault")]
    assert door.asked == []


def test_no_green_when_the_card_fails_after_the_last_answer(door: Door) -> None:
    door.show(CARD, at=100)
    door.press()
    outbox, door.parts.outbox = door.parts.outbox, None
    door.press()
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "outbox-fault")]
    door.parts.outbox = outbox
    door.wait(2)
    assert door.declare().outcome == "pass", "shown anew, asked anew"


def test_who_is_on_the_risk_list_is_recorded_not_asked(make: Callable[..., Door]) -> None:
    """Even where the policy lets them pass: the centre must learn that they were here."""
    door = make(text=ASKING)
    door.policy = msgspec.structs.replace(
        door.policy, answer=door.policy.answer | {"at-risk": "pass"}
    )
    door.listed["vn-id:099199000001"] = "follow-up"
    door.show(CARD, at=100)
    assert [a.reason for a in door.answers] == ["more-needed"]
    assert [record and record.reason for record in door.hits] == ["more-needed"]
    assert door.asked == []


def test_a_scanner_that_starts_anew_knows_of_no_question(door: Door) -> None:
    door.show(CARD, at=100)
    door.restart()
    door.panel(True)
    door.at += 0.5
    door.press(number=1)
    assert (door.answers, door.rows()) == ([], [])
