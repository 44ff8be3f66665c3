"""The pipeline at its public door: what a frame leads to, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import scannerdoor
from scannerdoor import GREY, NOW, Door, Picture

from kiosk.credentials.policy import judge, parse_policy
from kiosk.errors import CredentialError
from kiosk.model import Credential, Hint, Instant, Risk, Verdict, Visit
from kiosk.scanner.direction import Directions
from kiosk.scanner.showings import STANDS_S
from kiosk.scanner.visits import Visits

door = scannerdoor.door


def test_green_comes_after_the_record_is_on_the_card(door: Door) -> None:
    door.show(b"one", at=100)
    door.show(b"two", at=103)
    assert [(a.outcome, a.reason, a.name) for a in door.answers] == [
        ("pass", "accepted", "N. V. A")
    ] * 2
    assert door.stored_when_answered == [1, 2]
    assert [p.subject for p in door.people()] == ["s:one", "s:two"]


@pytest.mark.parametrize("risk", ["none", "not-checked", "clear", "follow-up", "quarantine"])
def test_what_the_risk_list_said_is_sealed_with_the_person(door: Door, risk: Risk) -> None:
    door.listed["s:one"] = risk
    door.show(b"one", at=100)
    assert [person.risk for person in door.people()] == [risk]


def test_a_hit_is_told_once_with_its_record_and_not_for_a_repetition(door: Door) -> None:
    door.listed = {"s:one": "quarantine", "s:two": "follow-up"}
    for code, at in (
        (b"one", 100),
        (b"one", 102),
        (b"two", 104),
        (b"three", 106),
        (b"broken", 108),
    ):
        door.show(code, at=at)
    assert [(a.outcome, a.reason) for a in door.answers] == [
        ("fail", "at-risk"),
        ("fail", "at-risk"),  # shown again
        ("pass", "accepted"),
        ("pass", "accepted"),
        ("warn", "malformed"),
    ]
    assert [record and record.seq for record in door.hits] == [1, 2]


def test_a_hit_that_cannot_be_recorded_is_told_all_the_same(door: Door) -> None:
    door.listed["s:one"] = "quarantine"
    door.parts.outbox = None
    door.show(b"one", at=100)
    assert door.hits == [None]
    assert door.answers[0].reason == "outbox-fault"


def test_what_names_nobody_is_answered_and_not_recorded(door: Door) -> None:
    door.show(b"place", at=100)
    door.show(b"broken", at=103)
    door.show(at=104)
    assert [a.reason for a in door.answers] == ["place-code", "malformed"]
    assert door.people() == []


def test_the_same_code_again_repeats_its_answer_without_a_record(door: Door) -> None:
    for at in (100, 100.1, 104, 104.1):
        door.show(b"one", at=at)
    assert [a.repeated for a in door.answers] == [False, True]
    assert [a.name for a in door.answers] == ["N. V. A"] * 2
    assert len(door.people()) == 1


def test_the_first_symbol_is_the_one_that_is_held_up(door: Door) -> None:
    door.show(b"near", b"far", at=100)
    assert [p.subject for p in door.people()] == ["s:near"]


def test_a_poster_on_the_wall_does_not_stand_in_the_way(door: Door) -> None:
    for at in range(100, 110):
        door.show(b"place", at=at)
    door.show(b"place", b"one", at=110)
    assert [a.reason for a in door.answers] == ["place-code", "accepted"]


def frames(door: Door, *codes: bytes, start: float, seconds: float) -> list[float]:
    """Holds codes up at 15 frames a second; when there was an answer, seconds after `start`."""
    when = []
    for number in range(round(seconds * 15)):
        before = len(door.answers)
        door.show(*codes, at=start + number / 15)
        when += [number / 15] * (len(door.answers) - before)
    return when


def test_of_two_at_once_the_second_waits_until_the_first_answer_was_read(door: Door) -> None:
    when = frames(door, b"one", b"two", start=100, seconds=5)
    assert len(when) == 2
    assert when[0] == 0
    assert STANDS_S <= when[1] < STANDS_S + 0.1
    assert [p.subject for p in door.people()] == ["s:one", "s:two"]


def test_whoever_is_left_alone_is_answered_at_once(door: Door) -> None:
    door.show(b"one", b"two", at=100)
    door.show(b"one", b"two", at=100.1)
    door.show(b"two", at=100.2)
    door.show(b"three", at=100.3)
    assert [p.subject for p in door.people()] == ["s:one", "s:two", "s:three"]


def test_only_the_last_answer_is_left_standing(door: Door) -> None:
    door.show(b"one", at=100)
    door.show(b"two", at=100.2)
    door.show(b"one", b"three", at=100.4)
    assert len(door.answers) == 3, "the first one's answer was replaced long ago"


def test_two_who_come_back_together_both_see_their_answer_again(door: Door) -> None:
    frames(door, b"one", b"two", start=100, seconds=3)
    when = frames(door, b"one", b"two", start=106, seconds=5)
    assert len(when) == 2 and when[1] >= STANDS_S
    assert [a.repeated for a in door.answers] == [False, False, True, True]
    assert len(door.people()) == 2


def test_who_must_wait_and_could_not_be_recorded_is_tried_again(door: Door) -> None:
    outbox, door.parts.outbox = door.parts.outbox, None
    door.show(b"one", at=100)
    door.parts.outbox = outbox
    door.show(b"two", at=102)
    when = frames(door, b"two", b"one", start=102.1, seconds=3)
    assert len(when) == 1
    assert [p.subject for p in door.people()] == ["s:two", "s:one"]


def test_a_code_and_its_mirror_image_are_one(door: Door) -> None:
    frames(door, b"one", b"one", start=100, seconds=3)
    frames(door, b"one", b"one", start=105, seconds=3)
    assert [a.repeated for a in door.answers] == [False, True]
    assert len(door.people()) == 1


def test_a_hint_is_said_at_once_and_again_while_it_lasts(door: Door) -> None:
    for number in range(20):  # a frame every 0.1 s
        door.at = 100 + number / 10
        hint: Hint = "closer" if number < 15 else "hold-still"
        door.pipeline.turn(Picture(GREY, door.at, (), hint))
    assert [(h.hint, round(h.at - 100, 1)) for h in door.hints] == [
        ("closer", 0.0),
        ("closer", 0.5),
        ("closer", 1.0),
        ("hold-still", 1.5),
    ]
    numbers = [h.number for h in door.hints]
    door.show(b"one", at=103)
    assert [*numbers, door.answers[0].number] == sorted({*numbers, door.answers[0].number})


def test_what_an_external_reader_read_is_a_showing_like_any_other(door: Door) -> None:
    door.pipeline.read(b"one", 100)
    door.pipeline.read(b"one", 100.5)
    door.show(b"one", at=101)
    assert [a.reason for a in door.answers] == ["accepted"]
    assert [p.subject for p in door.people()] == ["s:one"]


def test_a_slow_card_does_not_repeat_the_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync

    def slow(fd: int) -> None:
        real(fd)
        door.at += 3  # garbage collection of the card

    monkeypatch.setattr(os, "fdatasync", slow)
    door.show(b"one", at=100)
    door.show(b"one", at=103.1)
    assert len(door.answers) == 1


def test_more_than_a_person_can_have_is_malformed(door: Door) -> None:
    credential = Credential(format="test", role="identity", claims={"name": "x" * 9000})
    door.parts.parse = lambda _payload: credential
    door.show(b"one", at=100)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "malformed")]
    assert door.people() == []


def test_nothing_personal_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    door.show(b"secret", at=100)
    door.show(b"broken", at=103)
    assert "answer number=1 outcome=pass reason=accepted" in caplog.text
    assert "secret" not in caplog.text
    assert "N. V. A" not in caplog.text


# What the kiosk knows besides the code


def test_the_rules_are_told_who_was_here_and_the_colour_is_sealed(door: Door) -> None:
    shipped = (Path(__file__).parents[2] / "config/policy.toml").read_text()
    policy = parse_policy(f"{shipped}\n[limits]\nmin_interval_s = 300\nmax_occupancy = 2".encode())
    told: list[Visit] = []

    def judge(shown: object, now: Instant, risk: Risk, visit: Visit) -> Verdict:
        told.append(visit)
        if isinstance(shown, CredentialError):
            return Verdict("fail", "malformed", False)
        return Verdict("warn", "not-green", True, "yellow")

    door.parts.judge = judge
    door.parts.visits = Visits(policy)
    for at, code in ((100, b"one"), (103, b"broken"), (106, b"two"), (120, b"one")):
        door.show(code, at=at)
    # Three were recorded; the kiosk's clock stands still here.
    assert told == [Visit("in"), Visit(), Visit("in", 1), Visit("in", 1, 0)]
    assert [person.colour for person in door.people()] == ["yellow"] * 3


def test_who_was_not_recorded_was_not_here(door: Door) -> None:
    shipped = (Path(__file__).parents[2] / "config/policy.toml").read_text()
    door.parts.visits = Visits(parse_policy(f"{shipped}\n[limits]\nmax_occupancy = 2".encode()))
    door.parts.outbox = None
    door.show(b"one", at=100)
    assert door.answers[0].reason == "outbox-fault"
    assert door.parts.visits.of(("s:two",), "in", NOW).inside == 0


def test_what_repeats_at_a_toggle_door_is_not_too_soon(door: Door) -> None:
    shipped = (Path(__file__).parents[2] / "config/policy.toml").read_text()
    policy = parse_policy(f"{shipped}\n[limits]\nmin_interval_s = 600\nmax_occupancy = 1".encode())
    door.parts.directions = Directions("toggle", 300, 3, -1e6)
    door.parts.visits = Visits(policy)
    card = Credential(format="cccd", role="identity")
    door.parts.judge = lambda shown, now, risk, visit: judge(card, policy, now, risk, visit)
    for at, code in ((100, b"one"), (150, b"one"), (160, b"two"), (500, b"one"), (510, b"three")):
        door.show(code, at=at)
    assert [(a.reason, a.direction, a.repeated) for a in door.answers] == [
        ("accepted", "in", False),
        ("accepted", "in", True),
        ("full", "in", False),
        ("accepted", "out", False),
        ("full", "in", False),  # two was warned of, and came in
    ]
