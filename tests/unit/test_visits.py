"""What the scanner keeps in memory for the limits of a policy."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from kiosk.credentials.policy import parse_policy
from kiosk.model import ClockState, Direction, Instant, Outcome, Visit
from kiosk.scanner import visits
from kiosk.scanner.visits import Visits

SHIPPED = (Path(__file__).parents[2] / "config/policy.toml").read_text()
LIMITED = parse_policy(f"{SHIPPED}\n[limits]\nmax_occupancy = 50\nmin_interval_s = 300".encode())
START = datetime(2026, 11, 25, 23, tzinfo=timezone(timedelta(hours=7)))


def after(seconds: float, clock: ClockState = "synced") -> Instant:
    wall = START + timedelta(seconds=seconds)
    return Instant(int(wall.timestamp() * 1000), clock, "boot", int(seconds * 1000))


class Gate:
    """Everybody who is shown is recorded."""

    def __init__(self) -> None:
        self.visits = Visits(LIMITED)

    def show(self, who: str, direction: Direction, at: float, outcome: Outcome = "pass") -> Visit:
        keys = tuple(who.split())
        visit = self.visits.of(keys, direction, after(at))
        self.visits.recorded(keys, direction, outcome, after(at))
        return visit


def test_who_goes_in_is_counted_once_until_they_go_out() -> None:
    gate = Gate()
    assert gate.show("a", "in", 0) == Visit("in", 0, None)
    assert gate.show("b", "in", 1) == Visit("in", 1, None)
    assert gate.show("a", "in", 2) == Visit("in", 1, 2)  # the others
    assert gate.show("c", "in", 3, "warn").inside == 2
    assert gate.show("d", "in", 4, "fail").inside == 3
    assert gate.show("e", "in", 5).inside == 3  # red did not let d in
    assert gate.show("c", "in", 6, "fail").inside == 3
    assert gate.show("f", "in", 7).inside == 4  # nor did it put c out
    assert gate.show("a", "out", 8) == Visit("out", 4, None)
    assert gate.show("a", "out", 9) == Visit("out", 4, 1)
    assert gate.show("stranger", "out", 10).inside == 4
    assert gate.show("b", "out", 11, "fail").inside == 3
    assert gate.show("g", "in", 12).inside == 3


def test_who_may_be_coming_or_going_is_not_counted() -> None:
    gate = Gate()
    for at in range(4):  # people who leave after a restart
        assert gate.show(f"leaver {at}", "unknown", at).inside == 0
    assert gate.show("leaver 1", "unknown", 5).inside == 0
    assert gate.show("new", "in", 6).inside == 0
    assert gate.show("new", "unknown", 7, "fail").inside == 0
    assert gate.show("other", "in", 8).inside == 1, "who is turned away stays where they were"


def test_the_interval_is_within_one_direction() -> None:
    gate = Gate()
    gate.show("a", "in", 0)
    assert gate.show("a", "out", 10).since_s is None
    assert gate.show("a", "in", 20).since_s is None
    assert gate.show("a", "in", 31.5).since_s == 11.5
    assert gate.show("b", "in", 32).since_s is None


def test_who_was_turned_away_may_be_back_at_once_with_the_right_code() -> None:
    gate = Gate()
    gate.show("a", "in", 0, "fail")
    assert gate.show("a", "in", 10).since_s is None
    assert gate.show("a", "in", 20, "fail").since_s == 10
    assert gate.show("a", "in", 30).since_s == 20  # since they were let in
    assert gate.show("a", "out", 40, "fail").since_s is None  # they leave all the same
    assert gate.show("b", "in", 41).inside == 0
    assert gate.show("a", "out", 42) == Visit("out", 1, None)
    assert gate.show("a", "out", 43).since_s == 1


def test_at_midnight_nobody_is_inside() -> None:
    gate = Gate()
    gate.show("a", "in", 3598)
    assert gate.show("b", "in", 3599).inside == 1
    assert gate.show("c", "in", 3600).inside == 0
    assert gate.show("d", "in", 3601).inside == 1


@pytest.mark.parametrize("clock", ["floor", "unknown"])
def test_without_a_date_there_is_no_midnight(clock: ClockState) -> None:
    kept = Visits(LIMITED)
    kept.recorded(("a",), "in", "pass", after(0, clock))
    assert kept.of(("b",), "in", after(3601, clock)).inside == 1
    # The first date that is known is none that began.
    assert kept.of(("b",), "in", after(3602)).inside == 1


def test_several_codes_of_one_person_are_one_person() -> None:
    gate = Gate()
    gate.show("card", "in", 0)
    gate.show("declaration", "in", 1)
    assert gate.show("card declaration insurance", "in", 2).inside == 0
    assert gate.show("another", "in", 3).inside == 1
    assert gate.show("insurance", "out", 4).inside == 1
    assert gate.show("declaration", "out", 5) == Visit("out", 1, 1)
    assert gate.show("a third", "in", 6).inside == 1


def test_the_day_begins_with_the_door() -> None:
    kept = Visits(LIMITED, day_starts_h=3)
    kept.recorded(("a",), "in", "pass", after(0))
    assert kept.of(("b",), "in", after(4 * 3600 - 1)).inside == 1
    assert kept.of(("b",), "in", after(4 * 3600)).inside == 0


def test_strangers_are_not_counted() -> None:
    gate = Gate()
    gate.show("", "in", 0)
    assert gate.show("", "in", 1) == Visit("in", 0, None)


def test_the_longest_unseen_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "REMEMBERED", 2)
    gate = Gate()
    gate.show("a", "in", 0)
    gate.show("b", "in", 1)
    gate.show("a", "in", 2)
    gate.show("c", "in", 3)  # b is forgotten
    assert gate.visits.of(("d",), "in", after(4)).inside == 2
    assert gate.visits.of(("b",), "in", after(4)).since_s is None
    assert gate.visits.of(("a",), "in", after(4)).since_s == 2


def test_without_a_limit_nothing_is_kept() -> None:
    kept = Visits(parse_policy(SHIPPED.encode()))
    kept.recorded(("a",), "in", "pass", after(0))
    assert kept.of(("a",), "in", after(1)) == Visit("in", 0, None)
