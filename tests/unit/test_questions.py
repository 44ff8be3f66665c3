"""The questions of the declaration at the public door of the pipeline: asked and answered."""

from __future__ import annotations

from collections.abc import Callable

import askingdoor
import msgspec
import pytest
from askingdoor import CARD, OTHER, PHONE, POSTER, WALL_MS, Door

from kiosk.outbox import SealedSegments
from kiosk.scanner.questions import SAY_AGAIN_S

make, door = askingdoor.make, askingdoor.door


def test_a_card_two_questions_two_answers_one_record(door: Door) -> None:
    door.show(CARD, at=100)
    assert [(q.asked, q.since, q.until) for q in door.asked] == [("symptoms", 100, 120)]
    assert (door.answers, door.people()) == ([], []), "no answer and no record so far"
    door.wait(3)
    door.press()
    assert [(q.asked, q.since, q.until) for q in door.asked[1:]] == [("contact", 103, 123)]
    door.wait(2)
    door.press()
    (answer,) = door.answers
    assert (answer.outcome, answer.reason, answer.repeated) == ("pass", "declared", False)
    assert answer.name == "N. T. N. Ánh"
    (person,) = door.people()
    assert person.claims["declared"] == {"symptoms": False, "contact": False, "by": "button"}
    assert (person.subject, person.role) == ("vn-id:099199000001", "identity")
    assert person.claims["name"] == "Nguyễn Thị Ngọc Ánh", "and all that the card told"
    assert door.stored_when_answered[0] > 0, "green comes after the record is on the card"


@pytest.mark.parametrize(
    ("symptoms", "contact", "outcome"),
    [(False, True, "warn"), (True, False, "fail"), (True, True, "fail")],
)
def test_a_yes_is_answered_as_the_policy_says_and_its_particulars_are_sealed(
    door: Door, symptoms: bool, contact: bool, outcome: str
) -> None:
    answer = door.declare(symptoms, contact)
    assert (answer.outcome, answer.reason) == (outcome, "declared")
    assert door.rows() == [("in", outcome, "declared")]
    (person,) = door.people()
    assert person.claims["declared"] == {"symptoms": symptoms, "contact": contact, "by": "button"}


def test_the_record_is_of_the_moment_of_the_last_answer(door: Door) -> None:
    door.show(CARD, at=100)
    door.wall_ms += 3_600_000  # the clock is set while a question stands
    door.wait(15)
    door.press()
    door.press()
    door.outbox.tick(0, connected=True)
    segments = SealedSegments(door.directory)
    (segment,) = [segments.read(name) for name in segments.waiting()]
    assert segment is not None
    assert [(r.scanned_at_ms, r.boottime_ms) for r in segment.records] == [
        (WALL_MS + 3_600_000, 115_000)
    ]


def test_what_else_is_held_up_and_answered_needs_no_questions(door: Door) -> None:
    door.show(PHONE, at=100)
    assert [a.reason for a in door.answers] == ["accepted"]
    door.show(POSTER, at=103)
    assert door.answers[-1].reason == "place-code"
    assert door.asked == []


def test_without_the_section_nothing_is_asked(make: Callable[..., Door]) -> None:
    door = make(text='[needs]\none_of = ["declaration"]')
    door.show(CARD, at=100)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "more-needed")]
    assert door.parts.dialogue.state(100) == "none"


def test_a_question_is_said_again_while_it_stands(door: Door) -> None:
    door.show(CARD, at=100)
    door.wait(5)
    (first, *more) = door.said
    assert [q.at for q in more] == [100 + n * SAY_AGAIN_S for n in range(1, 10)]
    assert {(q.number, q.since, q.until) for q in more} == {(first.number, 100, 120)}


# Its own code, another code


def test_its_own_code_in_view_or_shown_anew_changes_nothing(door: Door) -> None:
    door.show(CARD, at=100)
    for _ in range(3):
        door.wait(2, CARD)
        door.wait(3)
    assert [(q.number, q.until) for q in door.asked] == [(1, 120)]
    door.press()
    door.press()
    assert [a.outcome for a in door.answers] == ["pass"]
    door.wait(1, CARD)
    assert len(door.answers) == 1, "held up all the while"


def test_another_code_ends_the_questions_and_is_answered(door: Door) -> None:
    door.show(CARD, at=100)
    door.press()
    door.wait(2)
    door.show(PHONE, at=door.at)
    assert [(a.outcome, a.reason) for a in door.answers] == [("pass", "accepted")]
    door.press()
    assert len(door.answers) == 1
    assert [person.format for person in door.people()] == ["vn_personal"]


def test_another_card_is_asked_about_in_its_turn(door: Door) -> None:
    door.show(CARD, at=100)
    door.press(yes=True)
    door.wait(2)
    door.show(OTHER, at=door.at)
    assert [q.asked for q in door.asked] == ["symptoms", "contact", "symptoms"]
    door.press()
    door.press()
    (person,) = door.people()
    assert person.subject == "vn-id:099099000002"
    assert person.claims["declared"]["symptoms"] is False, "nothing of the one before"


def test_a_poster_on_the_wall_does_not_stand_in_the_way(door: Door) -> None:
    door.wait(3, POSTER)
    door.wait(6, CARD, POSTER)
    assert [a.reason for a in door.answers] == ["place-code"]
    door.press()
    door.press()
    assert door.answers[-1].reason == "declared"


def test_shown_again_within_moments_the_answer_is_repeated(door: Door) -> None:
    door.declare(contact=True)
    door.wait(3)
    door.show(CARD, at=door.at)
    assert [(a.outcome, a.reason, a.repeated) for a in door.answers] == [
        ("warn", "declared", False),
        ("warn", "declared", True),
    ]
    assert len(door.asked) == 2


# A toggle door


@pytest.mark.parametrize("more_needed", ["warn", "fail"])
def test_within_the_minimum_stay_what_was_answered_is_repeated(
    make: Callable[..., Door], more_needed: str
) -> None:
    door = make(kind="toggle", more_needed=more_needed)
    assert (door.declare(contact=True).direction, door.answers[-1].outcome) == ("in", "warn")
    door.wait(60)
    door.show(CARD, at=door.at)
    assert len(door.asked) == 2
    last = door.answers[-1]
    assert (last.direction, last.outcome, last.reason, last.repeated) == (
        *("in", "warn", "declared", True),
    )
    door.wait(300)
    door.show(CARD, at=door.at)
    last = door.answers[-1]
    assert (last.direction, last.outcome, last.reason) == ("out", "pass", "accepted")
    door.wait(300)
    assert (door.declare().direction, door.answers[-1].outcome) == ("in", "pass")
    assert door.rows() == [
        ("in", "warn", "declared"),
        ("out", "pass", "accepted"),
        ("in", "pass", "declared"),
    ]


# Privacy


def test_neither_logs_nor_cues_tell_who_or_what(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    door.wait(1)
    assert "questions state=ready" in caplog.text
    before = len(caplog.text)
    logs = []
    for contact in (False, True):
        door.show(CARD, at=door.at)
        door.press(contact)
        door.wait(2)
        logs.append(caplog.text[before:])
        before = len(caplog.text)
        door.press(contact)
        door.wait(15)
        before = len(caplog.text)
    assert "question number=1 asked=symptoms" in logs[0]
    assert logs[0].replace("number=1", "n").replace("number=2", "n") == logs[1].replace(
        "number=3", "n"
    ).replace("number=4", "n"), "an answer leaves the same lines, whatever it is"
    for secret in ("099199000001", "Nguyễn", "Ánh", "yes", "True"):
        assert secret not in caplog.text
    for cue in door.asked:
        assert set(msgspec.to_builtins(cue)) == {"type", "number", "at", "asked", "since", "until"}
