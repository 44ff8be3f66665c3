"""One showing, one check-in."""

from __future__ import annotations

from kiosk.model import Verdict
from kiosk.scanner.showings import REMEMBERED, Given, Showing, Showings

PASS = Given(Verdict("pass", "accepted", True), "in", "none")


def shown(showings: Showings, payload: bytes, at: float) -> Showing:
    showing, _ = showings.see(payload, at)
    if showing is Showing.NEW:
        showings.answered(payload, at, PASS)
    return showing


def test_a_code_held_in_view_counts_once() -> None:
    showings = Showings(1.5, 10)
    frames = [shown(showings, b"a", at / 10) for at in range(600)]
    assert frames[0] is Showing.NEW
    assert set(frames[1:]) == {Showing.HELD}, "a minute in front of the camera"


def test_a_code_that_trembles_out_of_view_is_still_the_same_showing() -> None:
    showings = Showings(1.5, 10)
    assert [shown(showings, b"a", at) for at in (0, 1.4, 2.8, 4.2)][1:] == [Showing.HELD] * 3


def test_shown_again_within_moments_it_repeats_its_answer() -> None:
    showings = Showings(1.5, 10)
    shown(showings, b"a", 0)
    assert showings.see(b"a", 5) == (Showing.AGAIN, PASS)
    assert showings.see(b"a", 5.1) == (Showing.HELD, None)
    assert showings.see(b"a", 15.2) == (Showing.NEW, None)


def test_two_people_who_alternate_are_answered_once_each() -> None:
    showings = Showings(1.5, 10)
    seen = [shown(showings, payload, at) for at, payload in enumerate([b"a", b"b"] * 3)]
    assert seen == [Showing.NEW, Showing.NEW] + [Showing.AGAIN] * 4


def test_what_could_not_be_recorded_is_tried_again_at_the_next_showing() -> None:
    showings = Showings(1.5, 10)
    assert showings.see(b"a", 0) == (Showing.NEW, None)
    showings.answered(b"a", 0, None)
    assert showings.see(b"a", 1) == (Showing.HELD, None), "not at every frame"
    assert showings.see(b"a", 4) == (Showing.NEW, None)


def test_an_answer_given_anew_forgets_nobody() -> None:
    showings = Showings(1.5, 10)
    for number in range(REMEMBERED):
        shown(showings, b"%d" % number, number / 1000)
    showings.answered(b"9", 2, PASS)
    assert showings.see(b"0", 2) == (Showing.AGAIN, PASS)


def test_memory_is_bounded_and_holds_no_payload() -> None:
    showings = Showings(1.5, 10)
    secret = b"001099000001|NGUYEN VAN A"
    shown(showings, secret, 0)
    assert secret not in repr(showings._seen).encode()
    for number in range(REMEMBERED * 3):
        shown(showings, b"%d" % number, 1 + number / 1000)
    assert len(showings._seen) == REMEMBERED
    showings.see(b"z", 1000)
    assert len(showings._seen) == 0
