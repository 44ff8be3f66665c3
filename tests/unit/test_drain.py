"""The drain over a real outbox directory: what is sent when, and what is forgotten."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from outboxes import PlainSeal, record

from kiosk import wire
from kiosk.errors import OutboxError
from kiosk.model import Instant
from kiosk.outbox import Outbox, SealedSegments
from kiosk.uplink.drain import Drain
from kiosk.uplink.removal import AT_ONCE, RETRY_S, Removal

NOW = Instant(1_795_000_000_000, "synced", "boot", 7000)
ACK_TIMEOUT_S = 30.0


class Door:
    """An outbox, a drain over it, and the messages that left."""

    def __init__(self, directory: Path, window: int = 3) -> None:
        self.directory = directory
        self.outbox = Outbox(directory, 64, PlainSeal)
        self.segments = SealedSegments(directory)
        self.messages: list[wire.Batch] = []
        self.connected = True
        self.drain = Drain(self.segments, self._publish, lambda: NOW, window, ACK_TIMEOUT_S)

    def _publish(self, name: str, payload: bytes) -> bool:
        if self.connected:
            self.messages.append(wire.decode(payload, wire.Batch))
            assert self.messages[-1].segment == name
        return self.connected

    def seal(self, records: int = 1, size: int = 8) -> str:
        """One more sealed segment; its name."""
        before = set(self.segments.waiting())
        for _ in range(records):
            self.outbox.put(lambda seal, seq: record(seal, seq, bytes(size)))
        self.outbox.tick(0.0, connected=True)
        (name,) = set(self.segments.waiting()) - before
        self.drain.saw(self.segments.waiting())
        return name

    def sent(self) -> list[str]:
        """Names sent since the last call."""
        names = [m.segment for m in self.messages]
        self.messages.clear()
        return names

    def path(self, name: str) -> Path:
        return self.directory / "sealed" / name


def answer(batch: wire.Batch, refused: dict[int, str] | None = None) -> wire.Ack:
    refused = refused or {}
    return wire.Ack(
        segment=batch.segment,
        accepted=[r.seq for r in batch.records if r.seq not in refused],
        refused=[wire.Refusal(seq, reason) for seq, reason in refused.items()],
        server_ms=1,
    )


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_a_whole_segment_travels_with_header_and_anchor(door: Door) -> None:
    name = door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    (batch,) = door.messages
    assert batch.segment == name
    assert batch.anchor == NOW
    assert batch.header.device_id == "k-1"
    assert [r.seq for r in batch.records] == [1, 2, 3]


def test_nothing_is_sent_before_the_start_and_everything_counts_as_pending(door: Door) -> None:
    door.seal()
    door.drain.turn(0)
    assert door.sent() == []
    assert door.drain.pending == 1


def test_only_the_answer_of_the_centre_drops_a_segment(door: Door) -> None:
    name = door.seal()
    door.drain.start()
    door.drain.turn(0)
    (batch,) = door.messages
    door.drain.turn(1)
    assert door.path(name).exists()
    door.drain.acknowledged(answer(batch))
    assert not door.path(name).exists()
    assert (door.drain.acked, door.drain.pending) == (1, 0)


def test_the_window_bounds_what_is_unanswered(door: Door) -> None:
    names = [door.seal() for _ in range(5)]
    door.drain.start()
    door.drain.turn(0)
    door.drain.turn(1)
    first = list(door.messages)
    assert door.sent() == names[:3]
    door.drain.acknowledged(answer(first[1]))
    door.drain.turn(2)
    assert door.sent() == [names[3]]


def test_what_was_sealed_since_the_start_goes_before_the_backlog(door: Door) -> None:
    backlog = [door.seal() for _ in range(3)]
    door.drain.start()
    fresh = [door.seal() for _ in range(2)]
    door.drain.turn(0)
    assert door.sent() == [*fresh, backlog[0]]


def test_without_an_answer_it_is_sent_again(door: Door) -> None:
    name = door.seal()
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == [name]
    door.drain.turn(ACK_TIMEOUT_S - 1)
    assert door.sent() == []
    door.drain.turn(ACK_TIMEOUT_S)
    assert door.sent() == [name]
    assert door.drain.sent == 2


def test_segments_that_nobody_answers_do_not_hold_up_the_others(door: Door) -> None:
    names = [door.seal() for _ in range(5)]
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == names[:3]
    door.drain.turn(ACK_TIMEOUT_S)
    assert door.sent() == [*names[3:], names[0]]


def test_an_answer_in_part_keeps_the_whole_and_sends_it_again(door: Door) -> None:
    name = door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1, 2], server_ms=1))
    assert door.path(name).exists()
    assert door.sent() == [name]
    door.drain.turn(ACK_TIMEOUT_S)
    (again,) = door.messages
    assert [r.seq for r in again.records] == [1, 2, 3]


def test_refused_records_are_counted_and_logged_without_injecting_lines(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name = door.seal(records=2)
    door.drain.start()
    door.drain.turn(0)
    refused = {2: "bad\nroot: fake line", 99: "not-of-this-segment"}
    door.drain.acknowledged(answer(door.messages[0], refused))
    assert not door.path(name).exists()
    assert door.drain.refused == 1
    assert "record refused seq=2 reason=bad?root: fake line" in caplog.messages
    assert f"segment acknowledged name={name} accepted=1 refused=1" in caplog.messages


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "0123456789abcdef-0000000000000001.seg", "sealed"]
)
def test_an_answer_for_a_segment_that_is_not_here_is_ignored(door: Door, name: str) -> None:
    mine = door.seal()
    door.drain.start()
    door.drain.turn(0)
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1], server_ms=1))
    assert door.path(mine).exists()
    assert door.drain.acked == 0


def test_an_answer_that_outlived_the_connection_counts(door: Door) -> None:
    name = door.seal(records=2)
    door.drain.start()
    door.drain.turn(0)
    (batch,) = door.messages
    door.drain.stop()
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1], server_ms=1))
    assert door.path(name).exists()
    door.drain.acknowledged(answer(batch))
    assert not door.path(name).exists()
    assert door.drain.pending == 0


def test_after_a_reconnect_everything_unanswered_is_sent_again(door: Door) -> None:
    names = [door.seal() for _ in range(2)]
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == names
    door.drain.stop()
    door.drain.turn(1)
    assert door.sent() == []
    door.drain.start()
    door.drain.turn(2)
    assert door.sent() == names


def test_a_connection_that_breaks_while_sending_loses_nothing(door: Door) -> None:
    names = [door.seal() for _ in range(2)]
    door.drain.start()
    door.connected = False
    door.drain.turn(0)
    door.connected = True
    door.drain.turn(1)
    assert door.sent() == names


def test_a_damaged_segment_sends_what_is_readable_and_is_kept(door: Door) -> None:
    name = door.seal(records=3)
    lines = door.path(name).read_bytes().split(b"\n")
    lines[2] = b"00000000 {}"
    door.path(name).write_bytes(b"\n".join(lines))
    door.drain.start()
    door.drain.turn(0)
    (batch,) = door.messages
    assert [r.seq for r in batch.records] == [1, 3]
    door.drain.acknowledged(answer(batch))
    assert not door.path(name).exists()
    assert door.segments.quarantined() == [name]


def test_garbage_goes_to_quarantine_and_the_others_go_on(door: Door) -> None:
    names = [door.seal() for _ in range(2)]
    door.path(names[0]).write_bytes(b"\xff\x00garbage\n")
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == [names[1]]
    assert door.segments.quarantined() == [names[0]]
    assert door.drain.pending == 1


def test_one_turn_reads_at_most_a_window_of_garbage(door: Door) -> None:
    for _ in range(5):
        door.path(door.seal()).write_bytes(b"garbage\n")
    door.drain.start()
    door.drain.turn(0)
    assert len(door.segments.quarantined()) == 3


def test_a_segment_that_cannot_be_opened_is_tried_again_later(door: Door) -> None:
    names = [door.seal() for _ in range(2)]
    content = door.path(names[0]).read_bytes()
    door.path(names[0]).unlink()
    door.path(names[0]).mkdir()  # opening it fails, also for root
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == [names[1]]
    door.path(names[0]).rmdir()
    door.path(names[0]).write_bytes(content)
    door.drain.turn(1)
    assert door.sent() == []
    door.drain.turn(ACK_TIMEOUT_S)
    assert names[0] in door.sent()


def test_a_segment_too_large_for_the_wire_is_set_aside_not_sent_forever(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = door.seal(records=8, size=300)
    monkeypatch.setattr(wire, "MAX_BATCH_BYTES", 2000)
    door.drain.start()
    door.drain.turn(0)
    assert "kioskctl outbox export DIR --delete" in caplog.text
    assert door.sent() == []
    assert door.segments.quarantined() == [name]
    assert door.drain.pending == 0


def stuck(path: Path) -> None:
    """Makes it impossible to remove the file, also for root."""
    path.unlink()
    (path / "in the way").mkdir(parents=True)


def loose(path: Path) -> None:
    (path / "in the way").rmdir()
    path.rmdir()


def test_one_that_cannot_be_removed_holds_up_no_other_and_is_not_sent_again(door: Door) -> None:
    names = [door.seal() for _ in range(3)]
    door.drain.start()
    door.drain.turn(0)
    first, second, third = door.messages
    door.sent()
    stuck(door.path(names[0]))
    for batch in (first, second, third, first):
        door.drain.acknowledged(answer(batch))
    assert door.segments.waiting() == [names[0]]
    assert (door.drain.acked, door.drain.pending) == (3, 0)
    assert f"cannot remove {door.path(names[0])}" in door.drain.trouble
    for at in (1, 2, ACK_TIMEOUT_S, ACK_TIMEOUT_S + 1):
        door.drain.saw(door.segments.waiting())
        door.drain.turn(at)
    door.drain.stop()
    door.drain.start()
    door.drain.turn(ACK_TIMEOUT_S + 2)
    assert door.sent() == []
    assert door.drain.trouble


def test_removal_is_tried_again_until_it_succeeds(door: Door) -> None:
    names = [door.seal() for _ in range(3)]
    door.drain.start()
    door.drain.turn(0)
    content = door.path(names[0]).read_bytes()
    for name in names:
        stuck(door.path(name))
    for batch in door.messages:
        door.drain.acknowledged(answer(batch))
    door.drain.turn(1)
    why = door.drain.trouble
    loose(door.path(names[0]))
    door.path(names[0]).write_bytes(content)
    door.drain.turn(2)
    assert door.path(names[0]).exists(), "not at once"
    door.drain.stop()
    door.drain.turn(7)
    assert not door.path(names[0]).exists(), "also while the centre is away"
    assert door.drain.trouble == why, "one trouble until the last is gone"
    for name in names[1:]:
        loose(door.path(name))
        door.path(name).write_bytes(b"")
    door.drain.turn(30)
    assert door.segments.waiting() == []
    assert door.drain.trouble == ""


def test_what_is_left_over_is_tried_in_portions(tmp_path: Path) -> None:
    tried: list[str] = []

    class Refusing:
        def drop(self, name: str, keep: bool = False) -> None:
            tried.append(name)
            raise OutboxError(f"cannot remove {name}")

    removal = Removal(Refusing())
    for number in range(AT_ONCE + 10):
        removal.drop(str(number), keep=False)
    tried.clear()
    removal.turn(0)
    assert len(tried) == AT_ONCE
    removal.turn(RETRY_S - 1)
    assert len(tried) == AT_ONCE
    removal.turn(RETRY_S)
    assert tried[AT_ONCE] == str(AT_ONCE), "the others first"
    assert len(tried) == 2 * AT_ONCE
    removal.saw(["3"])
    assert removal.saw(["3", "5"]) == ["5"]
    assert removal.saw(["4"]) == ["4"]


def test_an_answer_whose_segment_cannot_be_read_does_not_raise(door: Door) -> None:
    names = [door.seal() for _ in range(2)]
    door.drain.start()
    door.drain.turn(0)
    first, second = door.messages
    door.drain.stop()
    stuck(door.path(names[0]))
    door.drain.acknowledged(answer(first))
    door.drain.acknowledged(answer(second))
    assert door.segments.waiting() == [names[0]]
    assert f"cannot read {door.path(names[0])}" in door.drain.trouble
    loose(door.path(names[0]))
    door.drain.saw([])
    assert door.drain.trouble == ""


def test_what_the_centre_refuses_is_told_in_words_until_it_accepts_again(door: Door) -> None:
    for _ in range(3):
        door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    one, two, three = door.messages
    seqs = [r.seq for r in one.records]
    door.drain.acknowledged(
        answer(one, {seqs[0]: "altered", seqs[1]: "Nguyen Van A\n", seqs[2]: "altered"})
    )
    assert door.drain.refusal == "3 of 3 records refused: 2 altered, 1 other"
    seqs = [r.seq for r in two.records]
    door.drain.acknowledged(answer(two, {seqs[0]: "no-key"}))
    assert door.drain.refusal == "1 of 3 records refused: 1 no-key"
    door.drain.acknowledged(answer(three))
    assert door.drain.refusal == ""


def test_a_centre_that_never_answers_is_called_silent_and_tried_one_by_one(door: Door) -> None:
    names = [door.seal() for _ in range(3)]
    door.drain.start()
    for round_ in range(3):
        assert not door.drain.silent
        door.drain.turn(round_ * ACK_TIMEOUT_S)
        assert sorted(door.sent()) == sorted(names)
    door.drain.turn(3 * ACK_TIMEOUT_S)
    assert door.drain.silent
    assert len(door.sent()) == 1
    door.drain.stop()
    door.drain.start()
    door.drain.turn(4 * ACK_TIMEOUT_S)
    assert door.drain.silent, "a connection alone is no answer"
    (batch,) = door.messages
    door.sent()
    door.drain.acknowledged(answer(batch))
    assert not door.drain.silent
    door.drain.turn(4 * ACK_TIMEOUT_S)
    assert len(door.sent()) == 2


def test_answers_between_time_outs_are_a_sign_of_life(door: Door) -> None:
    names = [door.seal(records=2) for _ in range(2)]
    door.drain.start()
    for round_ in range(6):
        door.drain.turn(round_ * ACK_TIMEOUT_S)
        door.drain.acknowledged(wire.Ack(segment=names[0], accepted=[1], server_ms=1))
        assert not door.drain.silent


def test_a_segment_taken_away_by_somebody_frees_its_place(door: Door) -> None:
    names = [door.seal() for _ in range(4)]
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == names[:3]
    door.path(names[0]).unlink()
    door.drain.saw(door.segments.waiting())
    door.drain.turn(1)
    assert door.sent() == [names[3]]
    assert door.drain.pending == 3
