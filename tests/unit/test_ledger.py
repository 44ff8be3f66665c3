"""The judge of a power cut: it sees what is lost, there twice, or damaged."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest

from bench._ledger import Ledger, Note, Told
from bench._scanning import Place, open_outbox, put, recovered
from kiosk.errors import OutboxFull
from kiosk.model import CheckIn
from kiosk.outbox import Segment
from kiosk.seal import X25519, new_key

PRIVATE = new_key(X25519)
PUTS = 5


class Door:
    """An outbox with some green check-ins, and a judge who has heard of them."""

    def __init__(self, folder: Path) -> None:
        (folder / "outbox").mkdir()
        self.place = Place(folder / "outbox", folder, PRIVATE.public)
        self.ledger = Ledger(PRIVATE)
        told = Note(self.place.told)
        outbox = open_outbox(self.place, 3)
        for number in range(PUTS):
            put(outbox, told, Random(number))
        outbox.close()
        self.told = told.take(Told)
        told.close()
        self.ledger.heard(self.told)
        self.segments = recovered(self.place, by_scanner=False)

    def figures(self) -> tuple[int, int, int]:
        ledger = self.ledger
        return len(ledger.lost), len(ledger.duplicated), len(ledger.corrupted)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def changed(segment: Segment, at: int, record: CheckIn) -> Segment:
    records = [*segment.records[:at], record, *segment.records[at + 1 :]]
    return msgspec.structs.replace(segment, records=records)


def test_all_is_well(door: Door) -> None:
    door.ledger.waiting(door.segments)
    door.ledger.committed(door.segments[:1])
    door.ledger.waiting(door.segments)  # a deletion that was undone
    door.ledger.waiting(door.segments[1:])
    door.ledger.committed(door.segments[1:])
    door.ledger.waiting([])
    assert len(door.ledger.green) == PUTS
    assert door.figures() == (0, 0, 0)
    assert not door.ledger.problems


def test_what_is_gone_is_lost_once(door: Door) -> None:
    for _ in range(2):
        door.ledger.waiting(door.segments[1:])
    assert door.figures() == (len(door.segments[0].records), 0, 0)


def test_what_is_set_aside_is_not_lost(door: Door) -> None:
    first, *others = door.segments
    door.ledger.waiting(others, [first])
    door.ledger.waiting(door.segments)
    assert not door.ledger.problems
    door.ledger.waiting(others[:-1], [first])
    assert door.ledger.lost == {record.id for record in others[-1].records}


def test_twice_on_the_card_is_a_duplicate(door: Door) -> None:
    door.ledger.waiting([*door.segments, door.segments[1]])
    assert door.figures() == (0, len(door.segments[1].records), 0)


def test_a_number_belongs_to_one(door: Door) -> None:
    door.ledger.committed(door.segments)
    first = door.segments[0].records[0]
    again = msgspec.structs.replace(first, id="f" * 32)
    door.ledger.heard([Told("put", again.epoch, again.seq, again.id, 1)])
    door.ledger.waiting([changed(door.segments[0], 0, again)])
    assert again.id in door.ledger.duplicated


@pytest.mark.parametrize("how", ["altered", "swapped", "invented"])
def test_what_cannot_be_right_is_corrupt(door: Door, how: str) -> None:
    segment = door.segments[0]
    one, other = segment.records[:2]
    wrong = {
        "altered": msgspec.structs.replace(one, sealed=one.sealed[:-1] + b"\x00"),
        "swapped": msgspec.structs.replace(one, sealed=other.sealed),
        "invented": msgspec.structs.replace(one, id="f" * 32),
    }[how]
    door.ledger.waiting([changed(segment, 0, wrong), *door.segments[1:]])
    assert wrong.id in door.ledger.corrupted
    assert door.ledger.corrupted <= {wrong.id, "unasked"}


def test_what_was_missing_does_not_come_back(door: Door) -> None:
    """Neither onto the card nor to the centre; with the centre already or not."""
    door.ledger.committed(door.segments[:1])
    door.ledger.waiting(door.segments[1:])
    assert not door.ledger.problems
    door.ledger.waiting(door.segments)
    assert door.ledger.corrupted == {record.id for record in door.segments[0].records}
    asked = Ledger(PRIVATE)
    asked.heard(door.told[:-1])
    last = door.segments[-1]
    without = msgspec.structs.replace(last, records=last.records[:-1])
    asked.waiting([*door.segments[:-1], without])
    assert not asked.problems
    asked.committed([last])
    assert asked.corrupted == {last.records[-1].id}


def test_no_more_is_there_unasked_than_failed_or_was_under_way(door: Door) -> None:
    door.ledger.waiting(door.segments)
    first = door.segments[0]
    for count, seq in enumerate((91, 92), 1):
        died = Told("put", first.header.epoch, seq, "f" * 31 + str(count), 90)
        door.ledger.heard([died])
        put_like_that = msgspec.structs.replace(first.records[0], seq=seq, id=died.id)
        first = msgspec.structs.replace(first, records=[*first.records, put_like_that])
        door.ledger.waiting([first, *door.segments[1:]])
        assert len(door.ledger.unasked) == count == door.ledger.under_way
        assert "unasked" not in door.ledger.corrupted
    never_put = msgspec.structs.replace(first.records[0], seq=93, id="e" * 32)
    first = msgspec.structs.replace(first, records=[*first.records, never_put])
    door.ledger.waiting([first, *door.segments[1:]])
    assert {"unasked", never_put.id} <= door.ledger.corrupted


SYNC_FAILED = (Told("put", "e", 1, "a", 1), Told("unsynced", "e", 1, "a", 1))


def test_a_sync_that_failed_is_no_green() -> None:
    ledger = Ledger(PRIVATE)
    ledger.heard([*SYNC_FAILED, Told("failed", "e", 1, "a", 1), Told("put", "e", 2, "b", 2)])
    assert not ledger.problems
    assert (ledger.unsynced, ledger.failed, ledger.under_way) == (1, 1, 1)
    ledger.heard([*SYNC_FAILED, Told("green", "e", 1, "a", 1)])
    assert ledger.corrupted == {"a"}


def test_after_a_put_that_failed_comes_another_segment() -> None:
    ledger = Ledger(PRIVATE)
    ledger.heard([*SYNC_FAILED, Told("failed", "e", 1, "a", 1), Told("put", "e", 2, "b", 1)])
    assert ledger.corrupted == {"b"}


def test_a_cut_damages_no_segment(door: Door) -> None:
    first, *others = door.segments
    door.ledger.waiting([msgspec.structs.replace(first, damaged=True), *others])
    assert door.ledger.corrupted == {first.name}


def test_a_put_under_way_may_be_there_or_not(tmp_path: Path) -> None:
    door = Door(tmp_path)
    cut_short = Ledger(PRIVATE)
    cut_short.heard(door.told[:-1])
    cut_short.waiting(door.segments)
    assert not cut_short.problems
    assert len(cut_short.unasked) == 1
    last = door.segments[-1]
    cut_short = Ledger(PRIVATE)
    cut_short.heard(door.told[:-1])
    cut_short.waiting(
        [*door.segments[:-1], msgspec.structs.replace(last, records=last.records[:-1])]
    )
    assert not cut_short.problems
    assert not cut_short.unasked


def test_two_puts_under_way_cannot_be(door: Door) -> None:
    with pytest.raises(ValueError, match="is under way"):
        door.ledger.heard([Told("put", "e", 1, "a", 1), Told("put", "e", 2, "b", 1)])


def test_a_line_that_was_broken_off_was_not_said(tmp_path: Path) -> None:
    note = Note(tmp_path / "note")
    note.say(Told("put", "e", 1, "a", 1))
    with (tmp_path / "note").open("ab") as file:
        file.write(b'{"what":"gre')
    assert note.take(Told) == [Told("put", "e", 1, "a", 1)]
    assert note.take(Told) == []
    note.close()


def test_a_full_card_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(tmp_path)
    told = Note(door.place.told)
    outbox = open_outbox(door.place, 3)
    monkeypatch.setattr("kiosk.outbox.writer.RESERVE_BYTES", 1 << 62)
    with pytest.raises(OutboxFull):
        put(outbox, told, Random(0))
    assert told.take(Told) == []
    told.close()
