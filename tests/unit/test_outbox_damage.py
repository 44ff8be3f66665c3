"""What is left of a segment when power cuts and tired cards have been at it."""

from __future__ import annotations

import errno
import os
import random
from itertools import product
from pathlib import Path

import pytest
from outboxes import killed, left_open, open_outbox, open_segment_file, record, sealed_segments

from kiosk.errors import OutboxError
from kiosk.model import CheckIn
from kiosk.outbox import SealedSegments, Segment, read_segment, seal_leftovers

SECTOR = 512


class Left:
    """A segment that a dead scanner left open, to be spoilt again and again."""

    def __init__(self, folder: Path, sizes: list[int]) -> None:
        self.folder = folder
        outbox = open_outbox(folder)
        self.records: list[CheckIn] = []
        self.ends: list[int] = []  # of what was synced with each record
        for size in sizes:
            self.records.append(outbox.put(lambda seal, seq, n=size: record(seal, seq, b"x" * n)))
            path = open_segment_file(folder)
            self.ends.append(len(path.read_bytes().rstrip(b"\0")))
        self.content = path.read_bytes()
        killed(outbox)
        for file in (folder / "open").iterdir():
            file.unlink()

    def found(self, content: bytes) -> Segment | None:
        """What the uplink gets of it, after a restart, when this is left."""
        (self.folder / "open" / "left.open").write_bytes(content)
        seal_leftovers(self.folder)
        assert not list((self.folder / "open").glob("*.open"))
        segments = sealed_segments(self.folder)
        for segment in segments:
            SealedSegments(self.folder).drop(segment.name)
        return segments[0] if segments else None

    def read(self, content: bytes) -> Segment | None:
        """The same, when it had been handed over before it was spoilt."""
        name = f"{self.records[0].epoch}-{1:016d}.seg"
        path = self.folder / "sealed" / name
        path.touch()
        with path.open("r+b") as file:  # in place: ext4 writes a truncated file out at once
            file.write(content)
        return SealedSegments(self.folder).read(name)

    def quarantined(self) -> list[str]:
        return SealedSegments(self.folder).quarantined()

    def cut_short(self) -> bool:
        """Whether the last one was set aside as such; forgotten then."""
        assert self.quarantined() == [], "nobody needs to look"
        names = SealedSegments(self.folder).torn()
        for name in names:
            (self.folder / "quarantine" / name).unlink()
        return bool(names)


def test_a_cut_anywhere_costs_what_was_being_written(tmp_path: Path) -> None:
    """The file ends there, or zeros follow."""
    left = Left(tmp_path, [20, 20])
    zeros = bytes(len(left.content))
    for at in range(left.ends[-1]):
        whole = [r for r, end in zip(left.records, left.ends, strict=True) if end - 1 <= at]
        for content in (left.content[:at], (left.content[:at] + zeros)[: len(zeros)]):
            segment = left.found(content)
            assert (segment.records if segment else []) == whole
            assert segment is None or not segment.damaged
            assert left.cut_short() == (bool(content.strip(b"\0")) and segment is None)


@pytest.mark.parametrize("first", [True, False])
def test_any_sectors_of_the_last_write_may_be_missing(tmp_path: Path, first: bool) -> None:
    """Zeros instead, or whatever lay there before."""
    left = Left(tmp_path, [2000] if first else [100, 100, 2000])
    start = 0 if first else left.ends[-2]
    bounds = [start, *range(start - start % SECTOR + SECTOR, left.ends[-1], SECTOR)]
    pieces = list(zip(bounds, [*bounds[1:], left.ends[-1]], strict=True))
    assert len(pieces) >= 5
    rubbish = random.Random(1)
    for kept in product((True, False), repeat=len(pieces)):
        for filling in (bytes, rubbish.randbytes):
            content = bytearray(left.content)
            for (a, b), stays in zip(pieces, kept, strict=True):
                if not stays:
                    content[a:b] = filling(b - a)
            segment = left.found(bytes(content))
            there = left.records if all(kept) else left.records[:-1]
            assert (segment.records if segment else []) == there, kept
            assert segment is None or not segment.damaged
            assert left.cut_short() == (bool(content.strip(b"\0")) and segment is None)


def test_a_bit_flipped_anywhere_costs_one_record_at_most_and_is_told(tmp_path: Path) -> None:
    left = Left(tmp_path, [20, 20, 20])
    whole = left.read(left.content)
    assert whole is not None
    lost = set()
    for at, bit in product(range(left.ends[-1]), range(8)):
        content = bytearray(left.content)
        content[at] ^= 1 << bit
        segment = left.read(bytes(content))
        assert segment is not None, (at, bit)
        assert segment.damaged, (at, bit)
        assert segment.header == whole.header
        missing = [r.seq for r in left.records if r not in segment.records]
        assert len(missing) <= 1, (at, bit)
        assert len(segment.records) + len(missing) == 3
        lost.update(missing)
    assert lost == {1, 2, 3}
    assert left.quarantined() == []


def test_a_bit_flipped_in_the_blank_rest_costs_nothing(tmp_path: Path) -> None:
    left = Left(tmp_path, [20, 20])
    for at in range(left.ends[-1], len(left.content)):
        content = bytearray(left.content)
        content[at] ^= 1 << at % 8
        segment = left.read(bytes(content))
        assert segment is not None
        assert segment.records == left.records


def test_the_only_record_lost_is_kept_for_inspection(tmp_path: Path) -> None:
    left = Left(tmp_path, [20])
    content = bytearray(left.content)
    content[left.ends[0] - 10] ^= 1
    assert left.found(bytes(content)) is None
    (name,) = left.quarantined()
    assert read_segment(tmp_path / "quarantine" / name) is None


def test_a_card_that_gives_zeros_for_what_was_green_is_told(tmp_path: Path) -> None:
    """As counterfeit ones do beyond their true size."""
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    path = open_segment_file(tmp_path)
    path.write_bytes(bytes(path.stat().st_size))
    outbox.tick(after_s=0, connected=True)
    assert SealedSegments(tmp_path).quarantined() == [path.name]


@pytest.mark.parametrize("size", [2, SECTOR])
def test_an_only_record_that_decays_in_open_is_kept_for_inspection(
    tmp_path: Path, size: int
) -> None:
    """It cannot be told from one that a power cut tore."""
    left = Left(tmp_path, [20])
    content = bytearray(left.content)
    content[left.ends[0] - size : left.ends[0]] = random.Random(1).randbytes(size)
    assert left.found(bytes(content)) is None
    assert left.cut_short()


def test_many_records_that_all_decay_are_not_taken_for_one_that_was_cut_short(
    tmp_path: Path,
) -> None:
    left = Left(tmp_path, [20, 20, 20])
    content = bytearray(left.content)
    for end in [left.content.index(b"\n") + 1, *left.ends]:
        content[end - 20 : end - 15] = b"\xff" * 5
    assert left.found(bytes(content)) is None
    assert len(left.quarantined()) == 1


def test_a_first_put_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scanner that lives on knows that it was not green."""
    outbox = open_outbox(tmp_path)
    real = os.pwrite

    def torn(fd: int, data: bytes, offset: int) -> int:
        real(fd, data[:400], offset)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        outbox.tick(0.0, connected=True)
        patch.setattr(os, "pwrite", torn)
        with pytest.raises(OutboxError):
            outbox.put(record)
    outbox.close()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["lock"]


def test_a_lost_sector_between_lines_costs_what_was_in_it(tmp_path: Path) -> None:
    left = Left(tmp_path, [20] * 12)
    sector = range(3 * SECTOR, 4 * SECTOR)
    assert sector.stop < left.ends[-1]
    content = bytearray(left.content)
    content[sector.start : sector.stop] = bytes(SECTOR)
    segment = left.found(bytes(content))
    assert segment is not None
    assert segment.damaged
    starts = [0, *left.ends]
    hit = [
        r
        for r, a, b in zip(left.records, starts, left.ends, strict=False)
        if a < sector.stop and b > sector.start
    ]
    assert [r for r in left.records if r not in segment.records] == hit


@pytest.mark.parametrize("dead", [True, False])
@pytest.mark.parametrize("size", [8, SECTOR, 3 * SECTOR])
def test_an_end_that_decays_after_the_hand_over_is_told(
    tmp_path: Path, size: int, dead: bool
) -> None:
    """It may look like a torn one, but that all was written is known."""
    outbox = open_outbox(tmp_path)
    for _ in range(9):
        outbox.put(record)
    if dead:
        killed(outbox)
        seal_leftovers(tmp_path)
    else:
        outbox.close()
    segments = SealedSegments(tmp_path)
    (name,) = segments.waiting()
    path = tmp_path / "sealed" / name
    good = path.read_bytes()
    end = len(good.rstrip(b"\0"))
    chance = random.Random(1)
    for filling in (bytes, chance.randbytes):
        for _ in range(100):
            content = bytearray(good)
            at = chance.randrange(end - size - 100, end - size + 1)
            content[at : at + size] = filling(size)
            with path.open("r+b") as file:
                file.write(content)
            segment = segments.read(name)
            assert segment is not None and len(segment.records) < 9
            assert segment.damaged


def test_what_a_dead_scanner_left_in_memory_alone_is_on_the_card_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be missed as lost after the next power cut, though nobody saw green."""
    path = left_open(tmp_path, records=2)
    content, synced = path.read_bytes(), []
    real = os.fdatasync

    def watch(fd: int) -> None:
        assert os.path.samestat(os.fstat(fd), path.stat()), "not renamed yet"
        synced.append(path.read_bytes())
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", watch)
        seal_leftovers(tmp_path)
    assert synced == [content]
    (name,) = SealedSegments(tmp_path).waiting()
    assert name.endswith("-02.seg")


def test_of_what_cannot_be_written_once_more_the_last_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_open(tmp_path, records=2)

    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        assert seal_leftovers(tmp_path) == 1
    (name,) = SealedSegments(tmp_path).waiting()
    assert name.endswith("-01.seg")


def test_an_end_torn_by_a_failing_card_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    green = [outbox.put(record) for _ in range(2)]
    real = os.pwrite

    def torn(fd: int, data: bytes, offset: int) -> int:
        real(fd, data[:100], offset)
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", torn)
        with pytest.raises(OutboxError):
            outbox.put(record)
    outbox.tick(0.0, connected=True)
    (segment,) = sealed_segments(tmp_path)
    assert (segment.records, segment.damaged) == (green, False)
    outbox.close()


def test_lines_of_an_older_segment_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    """A block that was never written may show what lay there before."""
    older = Left(tmp_path, [20, 20, 20, 20])
    left = Left(tmp_path, [20])
    stale = older.content[older.ends[0] : older.ends[-1]]
    segment = left.found(left.content[: left.ends[-1]] + stale)
    assert segment is not None
    assert segment.records == left.records
    assert segment.header.epoch == left.records[0].epoch
    assert not segment.damaged


def test_damage_is_kept_after_its_answer_and_says_so(tmp_path: Path) -> None:
    left = Left(tmp_path, [20, 20, 20])
    content = bytearray(left.content)
    content[left.ends[1] - 20] ^= 4
    (tmp_path / "open" / "left.open").write_bytes(content)
    seal_leftovers(tmp_path)
    segments = SealedSegments(tmp_path)
    (name,) = segments.waiting()
    segments.drop(name, keep=True)
    assert segments.waiting() == []
    assert segments.quarantined() == [name]
    kept = read_segment(tmp_path / "quarantine" / name)
    assert kept is not None
    assert (kept.damaged, len(kept.records)) == (True, 2)
