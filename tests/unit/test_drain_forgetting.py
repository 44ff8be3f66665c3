"""The drain over a real outbox directory: what is forgotten, what is kept, and what is told."""

from __future__ import annotations

import logging
from pathlib import Path

import draindoor
import pytest
from draindoor import ACK_TIMEOUT_S, Door, answer, loose, stuck

from kiosk import wire
from kiosk.errors import OutboxError
from kiosk.uplink.removal import AT_ONCE, RETRY_S, Removal

door, good_line = draindoor.door, draindoor.good_line


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
