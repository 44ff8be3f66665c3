"""The account of bench.chaos: what visitors were shown, against the database."""

from __future__ import annotations

from typing import Any

import pytest

from bench._audit import Books, Row, Verdict, judge
from bench._queueing import Visit

KID, EPOCH = "gate-1", "e" * 24


def visit(seq: int, **changes: Any) -> Visit:
    """Somebody who was shown green for record `seq`."""
    shown = {"tries": 1, "answers": 1, "stored": {(EPOCH, seq)}, "outcome": "pass"}
    return Visit(KID, f"person {seq}", **{**shown, **changes})


def row(seq: int, **changes: Any) -> Row:
    return Row(KID, EPOCH, seq, f"id {seq}", f"person {seq}")._replace(**changes)


def account(visits: list[Visit], rows: list[Row], deaths: int = 0, **books: int) -> Verdict:
    return judge(visits, Books(rows, **{"receipts": len(rows), "letters": 0, **books}), deaths)


def test_all_well() -> None:
    assert account([visit(1), visit(2)], [row(1), row(2)]) == Verdict(2, 2, 0, 0, 0, [])


def test_a_warning_makes_no_record() -> None:
    full = visit(9, stored=set(), outcome="warn")
    assert account([visit(1), full], [row(1)]) == Verdict(1, 1, 0, 0, 0, [])


@pytest.mark.parametrize("outcome", ["pass", ""])
def test_what_was_stored_must_be_there_whether_the_panel_lived_or_not(outcome: str) -> None:
    verdict = account([visit(1), visit(2, outcome=outcome)], [row(1)])
    assert (verdict.records, verdict.committed, verdict.lost) == (2, 1, 1)
    assert verdict.problems


def test_green_from_a_scanner_that_died_before_it_could_say_more() -> None:
    green = visit(1, stored=set(), answers=0)
    assert account([green], [row(1)], deaths=1) == Verdict(1, 1, 0, 0, 0, [])
    assert account([green], [], deaths=1).lost == 1


def test_somebody_elses_record_is_no_record() -> None:
    assert account([visit(1)], [row(1, subject="person 2")]).lost == 1


def test_a_gap_is_a_loss() -> None:
    verdict = account([visit(1), visit(3)], [row(1), row(3)])
    assert verdict.lost == 1
    assert verdict.problems == [f"('{KID}', '{EPOCH}', 2) is a gap"]


@pytest.mark.parametrize(
    "again",
    [
        {"seq": 2},  # the same check-in under another number
        {"seq": 2, "subject": "person 2"},  # the same id
        {"subject": "person 2", "id": "id 2"},  # the same number
    ],
)
def test_what_is_there_twice_is_found(again: dict[str, Any]) -> None:
    one = visit(1, tries=3)
    assert account([one], [row(1), row(1)._replace(**again)], deaths=5).duplicated >= 1


def test_a_number_given_to_two_visitors() -> None:
    assert account([visit(1), visit(1)], [row(1)]).duplicated == 1


def test_a_record_nobody_was_told_of_needs_a_death_and_a_showing_without_an_answer() -> None:
    later = row(1, epoch="f" * 24, id="other")
    shown_twice = visit(1, tries=2)
    fine = account([shown_twice], [row(1), later], deaths=1)
    assert fine == Verdict(1, 1, 0, 0, 1, [])
    assert account([shown_twice], [row(1), later], deaths=0).problems
    assert account([visit(1)], [row(1), later], deaths=1).problems


def test_dead_letters_and_receipts_without_a_row_are_told() -> None:
    assert account([visit(1)], [row(1)], letters=1).problems == ["1 dead letters"]
    assert account([visit(1)], [row(1)], receipts=2).problems
