"""One scanner after another at an outbox: epochs of their own, and nothing stranded."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import time
from pathlib import Path

import pytest
from outboxes import (
    killed,
    made,
    open_outbox,
    open_segment_file,
    record,
    sealed_segments,
    sealed_seqs,
)

from kiosk.errors import OutboxError, OutboxLocked
from kiosk.model import CheckIn, EpochEnd
from kiosk.outbox import SealedSegments, handover, lines, read_segment, seal_leftovers


def test_a_killed_scanner_strands_nothing(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    made = [first.put(record) for _ in range(2)]
    killed(first)
    second = open_outbox(tmp_path)
    (segment,) = sealed_segments(tmp_path)
    assert segment.records == made
    made.append(second.put(record))
    second.close()
    there = [r.id for s in sealed_segments(tmp_path) for r in s.records]
    assert sorted(there) == sorted(r.id for r in made)


def test_each_start_counts_in_an_epoch_of_its_own(tmp_path: Path) -> None:
    """Whatever lies on the card: a copy of it counts in another one too."""
    original = open_outbox(made(tmp_path / "original"))
    keys = {key(original.put(record)) for _ in range(3)}
    shutil.copytree(tmp_path / "original", tmp_path / "clone")
    keys |= {key(original.put(record)) for _ in range(3)}
    original.close()
    for card in ("clone", "original", "clone"):
        again = open_outbox(tmp_path / card)
        keys |= {key(again.put(record)) for _ in range(3)}
        again.close()
    assert len(keys) == 15


def key(record: CheckIn) -> tuple[str, int]:
    return record.epoch, record.seq


def test_segments_of_two_scanners_never_share_a_name(tmp_path: Path) -> None:
    """An answer to one would drop the other."""
    names = set()
    for card in ("original", "clone"):
        outbox = open_outbox(made(tmp_path / card))
        outbox.put(record)
        outbox.close()
        names |= set(SealedSegments(tmp_path / card).waiting())
    assert len(names) == 2


def test_older_segments_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for second in (1_795_000_000, 1_795_000_002, 1_795_000_001):
        monkeypatch.setattr(time, "time", lambda s=second: s)
        outbox = open_outbox(tmp_path, records=1)
        for _ in range(3):
            outbox.put(record)
        outbox.close()
    found = sealed_segments(tmp_path)
    assert [s.header.first_seq for s in found] == [1, 2, 3] * 3
    began = [int(s.header.epoch[:8], 16) for s in found]
    assert began == sorted(began)


@pytest.mark.parametrize("dies", [False, True])
def test_a_clock_that_goes_back_does_not_put_the_new_before_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    """A board without a clock battery begins at its last known time, or in 1970."""
    for second in (1_795_000_000, 1_700_000_000, 0, 2**32 - 1, 5):
        monkeypatch.setattr(time, "time", lambda s=second: s)
        outbox = open_outbox(tmp_path)
        outbox.put(record)
        killed(outbox) if dies else outbox.close()
    open_outbox(tmp_path).close()
    names = SealedSegments(tmp_path).waiting()
    seconds = [int(name[:8], 16) for name in names]
    assert seconds == [1_795_000_000, 1_795_000_001, 1_795_000_002, 2**32 - 1, 2**32 - 1]
    for name in names:
        SealedSegments(tmp_path).drop(name)
    outbox = open_outbox(tmp_path)
    assert int(outbox.epoch[:8], 16) == 5, "when nothing waits, the clock is as good as any"
    outbox.close()


@pytest.mark.parametrize("dies", [False, True])
def test_each_segment_tells_where_the_epoch_before_ended(tmp_path: Path, dies: bool) -> None:
    """No telemetry tells it of an epoch that was never connected."""
    ends = [None]
    for records in (3, 0, 5):
        outbox = open_outbox(tmp_path, records=2)
        for _ in range(records):
            outbox.put(record)
        killed(outbox) if dies else outbox.close()
        if records:
            ends.append(EpochEnd(epoch=outbox.epoch, next_seq=outbox.next_seq))
    last = open_outbox(tmp_path)
    last.put(record)
    last.close()
    told = {s.header.epoch: s.header.previous for s in sealed_segments(tmp_path)}
    assert list(told.values()) == ends
    assert all(s.header.previous == told[s.header.epoch] for s in sealed_segments(tmp_path)), (
        "any of them will do"
    )


def test_of_a_last_segment_that_cannot_be_read_the_name_tells_the_end(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    for _ in range(3):
        outbox.put(record)
    outbox.close()
    (name,) = SealedSegments(tmp_path).waiting()
    (tmp_path / "sealed" / name).write_bytes(os.urandom(5000))
    (tmp_path / "sealed" / f"{'0' * 24}-{9:016d}.seg").write_bytes(b"a stranger's")
    again = open_outbox(tmp_path)
    again.put(record)
    again.close()
    (segment,) = sealed_segments(tmp_path)
    assert segment.header.previous == EpochEnd(epoch=outbox.epoch, next_seq=4)


def test_an_orderly_stop_leaves_nothing_open(tmp_path: Path) -> None:
    for number in range(3):
        outbox = open_outbox(tmp_path)
        for _ in range(number):
            outbox.put(record)
        outbox.tick(0.0, connected=False)
        outbox.close()
        assert [p.name for p in (tmp_path / "open").iterdir()] == ["lock"]
    assert len(sealed_seqs(tmp_path)) == 3


def test_a_renaming_half_done_is_finished(tmp_path: Path) -> None:
    """Some file systems keep both names after a power cut."""
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    outbox.close()
    (name,) = SealedSegments(tmp_path).waiting()
    (tmp_path / "open" / f"{'0' * 24}-000001.open").hardlink_to(tmp_path / "sealed" / name)
    open_outbox(tmp_path).close()
    assert sealed_seqs(tmp_path) == [1]
    assert [p.name for p in (tmp_path / "open").iterdir()] == ["lock"]
    assert SealedSegments(tmp_path).quarantined() == []


def test_one_that_cannot_be_handed_over_stops_no_other(tmp_path: Path) -> None:
    for _ in range(3):
        outbox = open_outbox(tmp_path)
        outbox.put(record)
        killed(outbox)
        open_segment_file(tmp_path).rename(tmp_path / outbox.epoch)
    for number, path in enumerate(sorted(p for p in tmp_path.iterdir() if p.is_file())):
        path.rename(tmp_path / "open" / f"{number}.open")
    real = lines.read_journal

    def torn_out(path: Path) -> lines.Journal:
        if path.name == "1.open":
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handover, "read_journal", torn_out)
        with pytest.raises(OutboxError, match="Input/output"):
            seal_leftovers(tmp_path)
    assert len(sealed_seqs(tmp_path)) == 2
    assert seal_leftovers(tmp_path) == 1


def test_garbage_goes_to_quarantine_and_blocks_nothing(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    outbox.close()
    (tmp_path / "open" / "holiday.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "open" / f"{'0' * 24}-{1:016d}.seg").mkdir()
    (tmp_path / "sealed" / "notes.txt").write_text("x")
    (tmp_path / "sealed" / f"{'f' * 24}-{9:016d}.seg").write_bytes(os.urandom(3 << 20))
    again = open_outbox(tmp_path)
    again.put(record)
    again.close()
    assert sealed_seqs(tmp_path) == [1, 1], "one of each epoch"
    segments = SealedSegments(tmp_path)
    assert len(segments.collect()) == 2
    kept = [tmp_path / "quarantine" / name for name in segments.quarantined()]
    assert len(kept) == 4
    assert [read_segment(path) for path in kept if path.is_file()] == [None] * 3


def test_a_second_scanner_is_refused(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    with pytest.raises(OutboxLocked, match="another scanner"):
        open_outbox(tmp_path)
    with pytest.raises(OutboxLocked):
        seal_leftovers(tmp_path)
    outbox.put(record)
    outbox.close()
    open_outbox(tmp_path).close()


def test_left_overs_are_sealed_without_a_scanner(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    killed(outbox)
    assert seal_leftovers(tmp_path) == 1
    assert seal_leftovers(tmp_path) == 0
    assert sealed_seqs(tmp_path) == [1]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_what_root_seals_the_scanner_can_go_on_with(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    killed(outbox)
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(path, nobody, -1)
    assert seal_leftovers(tmp_path) == 1
    assert {p.stat().st_uid for p in (tmp_path / "open").iterdir()} == {nobody}
