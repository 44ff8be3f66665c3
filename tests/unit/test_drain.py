"""The drain over a real outbox directory: which segment is sent when, and when again."""

from __future__ import annotations

import draindoor
import pytest
from draindoor import ACK_TIMEOUT_S, NOW, Door, answer

from kiosk import wire
from kiosk.uplink import pace

door, good_line = draindoor.door, draindoor.good_line


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
