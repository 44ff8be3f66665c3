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
from kiosk.uplink import pace
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
        self._window = window
        self.drain = self.another_drain()

    def another_drain(self, rate: float = 0.0) -> Drain:
        drain = Drain(self.segments, self._publish, lambda: NOW, self._window, ACK_TIMEOUT_S, rate)
        drain.saw(self.segments.waiting() if self.path("").exists() else [])
        return drain

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


@pytest.fixture(autouse=True)
def _good_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit by bytes, which has its own tests, also after a time-out."""
    monkeypatch.setattr(pace, "START", 10**6)
    monkeypatch.setattr(pace, "LEAST", 10**6)


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
    door.drain.acknowledged(answer(batch), 0)
    assert not door.path(name).exists()
    assert (door.drain.acked, door.drain.pending) == (1, 0)


def test_the_window_bounds_what_is_unanswered(door: Door) -> None:
    names = [door.seal() for _ in range(5)]
    door.drain.start()
    door.drain.turn(0)
    door.drain.turn(1)
    first = list(door.messages)
    assert door.sent() == names[:3]
    door.drain.acknowledged(answer(first[1]), 0)
    door.drain.turn(2)
    assert door.sent() == [names[3]]


def test_what_was_sealed_since_the_start_goes_before_the_backlog(door: Door) -> None:
    backlog = [door.seal() for _ in range(3)]
    door.drain.start()
    fresh = [door.seal() for _ in range(2)]
    door.drain.turn(0)
    assert door.sent() == [*fresh, *backlog]


def test_a_window_full_of_backlog_holds_up_no_live_record(door: Door) -> None:
    backlog = [door.seal() for _ in range(5)]
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == backlog[:3]
    fresh = [door.seal() for _ in range(4)]
    door.drain.turn(1)
    assert door.sent() == fresh[:3], "a window of their own"


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


def test_the_time_until_it_is_sent_again_doubles_up_to_five_minutes(door: Door) -> None:
    door.seal()
    door.drain.start()
    times = []
    for at in range(1200):
        door.drain.turn(at)
        if door.sent():
            times.append(at)
    assert times == [0, 30, 90, 210, 450, 750, 1050]


def test_segments_that_nobody_answers_do_not_hold_up_the_others(door: Door) -> None:
    names = [door.seal() for _ in range(5)]
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == names[:3]
    door.drain.turn(ACK_TIMEOUT_S)
    assert door.sent() == [*names[3:], names[0]]


def test_a_live_one_without_an_answer_goes_before_the_backlog_once(door: Door) -> None:
    backlog = [door.seal() for _ in range(6)]
    door.drain.start()
    fresh = door.seal()
    door.drain.turn(0)
    assert door.sent() == [fresh, *backlog[:3]]
    door.drain.turn(ACK_TIMEOUT_S)
    assert door.sent() == [fresh, *backlog[3:]]
    door.drain.acknowledged(wire.Ack(segment="another", accepted=[], server_ms=1), 0)
    door.drain.turn(3 * ACK_TIMEOUT_S)
    assert door.sent() == backlog[:3]


def test_after_an_answer_in_part_the_rest_is_sent_again(door: Door) -> None:
    name = door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1, 3], server_ms=1), 0)
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1, 3], server_ms=1), 0)
    assert door.path(name).exists()
    assert door.sent() == [name]
    door.drain.turn(ACK_TIMEOUT_S)
    (again,) = door.messages
    assert [r.seq for r in again.records] == [2]
    door.drain.acknowledged(answer(again), ACK_TIMEOUT_S)
    assert not door.path(name).exists()
    assert door.drain.acked == 1


def test_refused_records_are_counted_and_logged_without_injecting_lines(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name = door.seal(records=2)
    door.drain.start()
    door.drain.turn(0)
    refused = {2: "bad\nroot: fake line", 99: "not-of-this-segment"}
    door.drain.acknowledged(answer(door.messages[0], refused), 0)
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
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1], server_ms=1), 0)
    assert door.path(mine).exists()
    assert door.drain.acked == 0


def test_an_answer_that_outlived_the_connection_counts(door: Door) -> None:
    name = door.seal(records=2)
    door.drain.start()
    door.drain.turn(0)
    (batch,) = door.messages
    door.drain.stop()
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1], server_ms=1), 0)
    assert door.path(name).exists()
    door.drain.acknowledged(answer(batch), 0)
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
    door.drain.acknowledged(answer(batch), 0)
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
    name = door.seal(records=1, size=3000)
    monkeypatch.setattr(wire, "MAX_BATCH_BYTES", 2000)
    door.drain.start()
    door.drain.turn(0)
    assert "kioskctl outbox export DIR --delete" in caplog.text
    assert door.sent() == []
    assert door.segments.quarantined() == [name]
    assert door.drain.pending == 0


def test_a_segment_too_large_for_one_message_takes_several(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = door.seal(records=8, size=300)
    monkeypatch.setattr(wire, "MAX_BATCH_BYTES", 2000)
    door.drain.start()
    seqs = []
    for at in range(8):
        door.drain.turn(at)
        for batch in door.messages:
            assert len(wire.encode(batch)) <= 2000
            seqs += [r.seq for r in batch.records]
            door.drain.acknowledged(answer(batch), at)
        door.sent()
    assert seqs == list(range(1, 9))
    assert not door.path(name).exists()
    assert door.segments.quarantined() == []


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
        door.drain.acknowledged(answer(batch), 0)
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
        door.drain.acknowledged(answer(batch), 0)
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
    door.drain = door.another_drain()  # a new process, to which old answers come
    stuck(door.path(names[0]))
    door.drain.acknowledged(answer(first), 0)
    door.drain.acknowledged(answer(second), 0)
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
        answer(one, {seqs[0]: "altered", seqs[1]: "Nguyen Van A\n", seqs[2]: "altered"}), 0
    )
    assert door.drain.refusal == "3 of 3 records refused: 2 altered, 1 other"
    seqs = [r.seq for r in two.records]
    door.drain.acknowledged(answer(two, {seqs[0]: "no-key"}), 0)
    assert door.drain.refusal == "1 of 3 records refused: 1 no-key"
    door.drain.acknowledged(answer(three), 0)
    assert door.drain.refusal == ""


def test_a_centre_that_never_answers_is_called_silent_and_tried_one_by_one(door: Door) -> None:
    names = [door.seal() for _ in range(3)]
    door.drain.start()
    for at in (0, 30):
        door.drain.turn(at)
        assert sorted(door.sent()) == sorted(names)
        assert not door.drain.silent
    door.drain.turn(90)
    assert door.drain.silent
    assert len(door.sent()) == 1
    fresh = door.seal()
    door.drain.turn(91)
    assert door.sent() == []
    door.drain.stop()
    door.drain.start()
    door.drain.turn(100)
    assert door.drain.silent, "a connection alone is no answer"
    (batch,) = door.messages
    door.sent()
    door.drain.acknowledged(answer(batch), 100)
    assert not door.drain.silent
    door.drain.turn(100)
    assert sorted(door.sent()) == sorted({*names, fresh} - {batch.segment})


def test_what_was_sent_within_one_wait_is_one_sign_of_silence(door: Door) -> None:
    names = []
    door.drain.start()
    for at in range(3):
        names.append(door.seal())
        door.drain.turn(at)
    for at in range(3, 33):
        door.drain.turn(at)
    assert door.sent() == [*names, *names]
    assert not door.drain.silent


def test_answers_between_time_outs_are_a_sign_of_life(door: Door) -> None:
    names = [door.seal(records=2) for _ in range(2)]
    door.drain.start()
    for round_ in range(6):
        door.drain.turn(round_ * ACK_TIMEOUT_S)
        door.drain.acknowledged(wire.Ack(segment=names[0], accepted=[1], server_ms=1), 0)
        assert not door.drain.silent


def test_what_comes_and_goes_since_the_listing_counts(door: Door) -> None:
    names = [door.seal() for _ in range(3)]
    door.drain = door.another_drain()
    door.drain.start()
    door.drain.turn(0)
    assert door.sent() == names
    new = [name.replace("-01.seg", "-02.seg") for name in names[:1]]
    door.path(names[0]).rename(door.path(new[0]))
    door.drain.changed(new, [names[0], "never-seen"])
    assert door.drain.pending == 3
    door.drain.turn(1)
    assert door.sent() == new
    door.drain.changed(new, [])
    door.drain.turn(2)
    assert door.sent() == []


def test_one_that_cannot_be_removed_is_not_new_because_it_is_told_again(door: Door) -> None:
    name = door.seal()
    door.drain.start()
    door.drain.turn(0)
    (batch,) = door.messages
    door.sent()
    stuck(door.path(name))
    door.drain.acknowledged(answer(batch), 0)
    assert door.drain.trouble
    door.drain.changed([name], [])
    door.drain.turn(1)
    assert (door.sent(), door.drain.pending) == ([], 0)
    loose(door.path(name))
    door.drain.changed([], [name])
    door.drain.turn(RETRY_S + 1)
    assert door.drain.trouble == ""


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


def test_a_slow_line_gets_records_one_by_one_and_live_ones_in_between(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "START", 1)
    monkeypatch.setattr(pace, "LEAST", 1)
    monkeypatch.setattr(pace, "TARGET_S", 0.0)
    monkeypatch.setattr(pace, "FAR_S", 0.0)
    door.drain = door.another_drain()
    old = door.seal(records=3)
    door.drain.start()
    order = []
    for at in range(6):
        door.drain.turn(at)
        fresh = door.seal() if at == 1 else None
        for batch in door.messages:
            order.append((batch.segment, [r.seq for r in batch.records]))
            door.drain.acknowledged(answer(batch), at + 0.9)
        door.sent()
        if fresh:
            live = fresh
    assert order == [(old, [1]), (old, [2]), (live, [4]), (old, [3])]
    assert door.segments.waiting() == []
    assert (door.drain.sent, door.drain.acked) == (4, 2)


def test_what_was_answered_of_a_segment_is_not_sent_again_after_a_reconnect(door: Door) -> None:
    name = door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1, 2], server_ms=1), 0)
    door.sent()
    door.drain.stop()
    door.drain.start()
    door.drain.turn(1)
    (batch,) = door.messages
    assert [r.seq for r in batch.records] == [3]
    door.drain = door.another_drain()  # but after a restart, which knows nothing of it
    door.drain.start()
    door.sent()
    door.drain.turn(2)
    assert [r.seq for r in door.messages[0].records] == [1, 2, 3]


def test_the_rate_holds_the_backlog_alone(door: Door) -> None:
    door.drain = door.another_drain(rate=1000)
    for _ in range(20):
        door.seal(records=10, size=100)
    door.drain.start()
    size = 0
    for at in range(20):
        door.drain.turn(at)
        for batch in door.messages:
            size += len(wire.encode(batch))
            door.drain.acknowledged(answer(batch), at)
        door.sent()
    assert size == pytest.approx(20_000, abs=5000)
    assert door.drain.pending > 10
    fresh = [door.seal() for _ in range(3)]
    door.drain.turn(19)
    assert door.sent() == fresh, "though the backlog has used up its share"


def test_records_that_decay_after_a_part_was_answered_are_told_and_kept(door: Door) -> None:
    name = door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    door.drain.acknowledged(wire.Ack(segment=name, accepted=[1, 3], server_ms=1), 0)
    lines = door.path(name).read_bytes().split(b"\n")
    lines[2] = b"00000000 {}"
    door.path(name).write_bytes(b"\n".join(lines))
    door.sent()
    door.drain.turn(ACK_TIMEOUT_S)
    assert door.sent() == []
    assert door.segments.quarantined() == [name]
    assert door.drain.pending == 0


def test_lists_without_end_in_an_answer_count_once_and_are_logged_once(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    name = door.seal(records=3)
    door.drain.start()
    door.drain.turn(0)
    numbers = [-1, 0, 2**63 - 1, *range(4, 20_000), *[1, 2] * 1000]
    refused = [wire.Refusal(3, "altered")] * 5000 + [wire.Refusal(10**6, "altered")] * 5000
    ack = wire.Ack(segment=name, accepted=numbers, refused=refused, server_ms=1)
    for _ in range(3):
        door.drain.acknowledged(ack, 0)
    assert (door.drain.acked, door.drain.refused) == (1, 1)
    assert sum("record refused" in message for message in caplog.messages) == 1


def test_refused_and_accepted_at_once_counts_as_refused(door: Door) -> None:
    name = door.seal()
    door.drain.start()
    door.drain.turn(0)
    refused = [wire.Refusal(1, "altered")]
    ack = wire.Ack(segment=name, accepted=[1], refused=refused, server_ms=1)
    door.drain.acknowledged(ack, 0)
    assert (door.drain.acked, door.drain.refused) == (1, 1)
    assert door.drain.refusal == "1 of 1 records refused: 1 altered"
