"""The outbox at its public doors: put, hand over, recover, refuse."""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from kiosk import wire
from kiosk.errors import OutboxError, OutboxFull, OutboxLocked
from kiosk.model import SCHEMA, CheckIn, Envelope, Instant, SegmentHeader
from kiosk.outbox import ConnectedMark, Outbox, SealedSegments, is_held, seal_leftovers


class PlainSeal:
    def __init__(self, epoch: str, first_seq: int) -> None:
        self.header = SegmentHeader(
            schema=SCHEMA,
            device_id="k-1",
            epoch=epoch,
            first_seq=first_seq,
            envelopes=[Envelope("0" * 16, "none", b"key")],
        )


def record(seal: PlainSeal, seq: int) -> CheckIn:
    return CheckIn(
        epoch=seal.header.epoch,
        seq=seq,
        id=secrets.token_hex(16),
        scanned_at_ms=1_795_000_000_000,
        clock="synced",
        boot_id="boot",
        boottime_ms=5,
        direction="in",
        outcome="pass",
        reason="accepted",
        sealed=b"sealed %d" % seq,
    )


def open_outbox(directory: Path, records: int = 64) -> Outbox[PlainSeal]:
    return Outbox(directory, records, PlainSeal)


def sealed_seqs(directory: Path) -> list[int]:
    segments = SealedSegments(directory)
    read = [segments.read(name) for name in segments.waiting()]
    return [r.seq for segment in read if segment for r in segment.records]


def killed(outbox: Outbox[PlainSeal]) -> None:
    """As `kill -9` leaves it: descriptors closed, nothing sealed."""
    os.close(outbox._lock)
    outbox._lock = -1


def open_segment_file(directory: Path) -> Path:
    return max(p for p in (directory / "open").iterdir() if p.name != "lock")


def test_a_put_is_readable_after_sealing(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    made = [outbox.put(record) for _ in range(3)]
    assert sealed_seqs(tmp_path) == []
    outbox.tick(0.0, connected=True)
    segments = SealedSegments(tmp_path)
    (name,) = segments.waiting()
    segment = segments.read(name)
    assert segment is not None
    assert segment.records == made
    assert segment.header.first_seq == 1
    assert segment.header.envelopes[0].sealed_key == b"key"
    assert not segment.damaged
    segments.drop(name)
    assert segments.waiting() == []
    outbox.close()


def test_offline_segments_fill_up_and_connected_they_do_not_wait(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, records=4)
    for _ in range(6):
        outbox.put(record)
        outbox.tick(0.0, connected=False)
    assert sealed_seqs(tmp_path) == [1, 2, 3, 4]
    outbox.tick(3600.0, connected=True)
    assert sealed_seqs(tmp_path) == [1, 2, 3, 4]
    outbox.tick(0.0, connected=True)
    assert sealed_seqs(tmp_path) == [1, 2, 3, 4, 5, 6]
    outbox.close()


def test_a_record_is_durable_when_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    synced: list[int] = []
    real = os.fdatasync

    def watch(fd: int) -> None:
        synced.append(os.fstat(fd).st_size)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", watch)
    outbox.put(record)
    assert synced == [open_segment_file(tmp_path).stat().st_size], "one sync, after the write"
    outbox.close()


def test_the_folders_of_a_new_outbox_are_durable_before_a_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def watch(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        real(fd)

    monkeypatch.setattr(os, "fsync", watch)
    open_outbox(tmp_path).close()
    assert {tmp_path.stat().st_ino, (tmp_path / "open").stat().st_ino} <= synced


def test_a_killed_scanner_strands_nothing_and_reuses_no_number(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    epoch = first.epoch
    first.put(record)
    first.put(record)
    killed(first)
    second = open_outbox(tmp_path)
    assert (second.epoch, second.next_seq) == (epoch, 3)
    assert sealed_seqs(tmp_path) == [1, 2]
    second.put(record)
    second.close()
    assert sealed_seqs(tmp_path) == [1, 2, 3]


def test_the_empty_segment_is_the_high_water_mark(tmp_path: Path) -> None:
    first = open_outbox(tmp_path)
    epoch = first.epoch
    for _ in range(2):
        first.put(record)
    first.close()
    segments = SealedSegments(tmp_path)
    for name in segments.waiting():
        segments.drop(name)
    for _ in range(3):
        again = open_outbox(tmp_path)
        assert (again.epoch, again.next_seq) == (epoch, 3)
        again.close()
    assert len(list((tmp_path / "open").iterdir())) == 2, "lock and one empty segment"


def test_a_torn_line_is_dropped_and_its_number_used_again(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    epoch = outbox.epoch
    outbox.put(record)
    path = open_segment_file(tmp_path)
    outbox.put(record)
    killed(outbox)
    os.truncate(path, path.stat().st_size - 7)
    again = open_outbox(tmp_path)
    assert (again.epoch, again.next_seq) == (epoch, 2)
    assert sealed_seqs(tmp_path) == [1]
    assert SealedSegments(tmp_path).quarantined() == []
    again.close()


def test_a_torn_first_line_leaves_no_trace(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    epoch = outbox.epoch
    outbox.put(record)
    killed(outbox)
    path = open_segment_file(tmp_path)
    os.truncate(path, 40)
    again = open_outbox(tmp_path)
    assert (again.epoch, again.next_seq) == (epoch, 1)
    again.put(record)
    again.close()
    assert sealed_seqs(tmp_path) == [1]
    assert SealedSegments(tmp_path).quarantined() == []


@pytest.mark.parametrize("position", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_costs_one_record_and_is_kept_for_inspection(
    tmp_path: Path, position: float
) -> None:
    outbox = open_outbox(tmp_path)
    epoch = outbox.epoch
    for _ in range(8):
        outbox.put(record)
    killed(outbox)
    path = open_segment_file(tmp_path)
    data = bytearray(path.read_bytes())
    at = int(len(data) * position)
    at += data[at] == 0x0A  # a flipped LF joins two lines: tried below
    data[at] ^= 0x04
    path.write_bytes(data)
    again = open_outbox(tmp_path)
    assert again.epoch != epoch, "the high-water mark cannot be proven any more"
    segments = SealedSegments(tmp_path)
    (name,) = segments.waiting()
    segment = segments.read(name)
    if position == 0.1:  # the header's line: without the envelope nobody can read the rest
        assert segment is None
    else:
        assert segment is not None
        assert segment.damaged
        assert len(segment.records) == 7
        segments.drop(name, keep=True)
    assert segments.waiting() == []
    assert segments.quarantined() == [name]
    again.close()


def test_a_lost_line_end_is_damage_not_silence(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    for _ in range(4):
        outbox.put(record)
    outbox.close()
    segments = SealedSegments(tmp_path)
    (name,) = segments.waiting()
    path = tmp_path / "sealed" / name
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[1] + lines[2], *lines[3:]]))
    segment = segments.read(name)
    assert segment is not None
    assert segment.damaged
    assert [r.seq for r in segment.records] == [1, 4]


def test_garbage_goes_to_quarantine_and_blocks_nothing(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    outbox.close()
    (tmp_path / "open" / "holiday.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "open" / f"{'0' * 16}-{1:016d}.seg").mkdir()
    (tmp_path / "sealed" / "notes.txt").write_text("x")
    (tmp_path / "sealed" / f"{'f' * 16}-{9:016d}.seg").write_bytes(os.urandom(3000))
    again = open_outbox(tmp_path)
    again.put(record)
    again.close()
    assert sealed_seqs(tmp_path) == [1, 2]
    assert len(SealedSegments(tmp_path).quarantined()) == 4


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
    epoch = outbox.epoch
    outbox.put(record)
    killed(outbox)
    assert seal_leftovers(tmp_path) == 1
    assert seal_leftovers(tmp_path) == 0
    assert sealed_seqs(tmp_path) == [1]
    again = open_outbox(tmp_path)
    assert (again.epoch, again.next_seq) == (epoch, 2)
    again.close()


def test_a_missing_directory_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="is missing; create it"):
        open_outbox(tmp_path / "nowhere")
    with pytest.raises(OutboxError, match="cannot list"):
        SealedSegments(tmp_path / "nowhere").waiting()


def test_a_full_card_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    size = open_segment_file(tmp_path).stat().st_size
    real = os.statvfs(tmp_path)
    full = os.statvfs_result((*real[:4], 1, *real[5:]))
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _path: full)
        with pytest.raises(OutboxFull, match="card full"):
            outbox.put(record)
    assert open_segment_file(tmp_path).stat().st_size == size
    assert outbox.put(record).seq == 2, "no number is burnt by a refusal"
    outbox.close()


@pytest.mark.parametrize("fails", ["write", "fdatasync"])
def test_a_failing_disk_burns_the_number_and_the_next_put_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)

    def broken(*_args: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, fails, broken)
        with pytest.raises(OutboxError, match="Input/output"):
            outbox.put(record)
    assert outbox.put(record).seq == 3
    outbox.close()
    seqs = sealed_seqs(tmp_path)
    assert seqs[0] == 1
    assert seqs[-1] == 3
    assert len(seqs) == len(set(seqs))


def test_threads_share_one_outbox(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, records=8)
    stop = threading.Event()

    def sealing() -> None:
        while not stop.is_set():
            outbox.tick(0.0, connected=True)

    timer = threading.Thread(target=sealing)
    timer.start()
    seqs = [outbox.put(record).seq for _ in range(200)]
    stop.set()
    timer.join()
    outbox.close()
    assert seqs == list(range(1, 201))
    assert sealed_seqs(tmp_path) == seqs


def test_the_connected_mark_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "connected"
    assert not is_held(path)
    mark = ConnectedMark(path)
    assert not is_held(path)
    mark.set(True)
    assert is_held(path)
    mark.set(False)
    assert not is_held(path)
    mark.set(True)
    mark.close()
    assert not is_held(path)


class Accidents:
    """Makes every `nth` call of some functions of the disk fail."""

    def __init__(self, patch: pytest.MonkeyPatch, nth: int) -> None:
        self.nth, self.calls = nth, 0
        for name in ("rename", "fsync", "fdatasync", "open", "unlink", "ftruncate"):
            patch.setattr(os, name, self._failing(getattr(os, name)))
        patch.setattr(Path, "rename", self._failing(Path.rename))
        patch.setattr(Path, "unlink", self._failing(Path.unlink))

    def _failing(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **more: object) -> object:
            self.calls += 1
            if self.calls % self.nth == 0:
                raise OSError(errno.EIO, "Input/output error")
            return real(*args, **more)

        return call


@pytest.mark.parametrize("nth", range(2, 40))
def test_whatever_fails_and_whenever_green_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """Every nth call to the disk fails, through puts, ticks and restarts."""
    green: list[tuple[str, int]] = []
    with monkeypatch.context() as patch:
        Accidents(patch, nth)
        outbox: Outbox[PlainSeal] | None = None
        for step in range(60):
            try:
                if outbox is None:
                    outbox = open_outbox(tmp_path, records=3)
                if step % 3 == 2:
                    outbox.tick(0.0, connected=step % 2 == 0)
                else:
                    made = outbox.put(record)
                    green.append((made.epoch, made.seq))
            except OutboxError:
                continue
            if step % 25 == 24:
                with suppress(OutboxError):
                    outbox.close()
                outbox = None
    if outbox is not None:
        outbox.close()
    open_outbox(tmp_path).close()
    segments = SealedSegments(tmp_path)
    read = [segments.read(name) for name in segments.waiting()]
    there = [(r.epoch, r.seq) for segment in read if segment for r in segment.records]
    assert set(green) <= set(there), "green and gone"
    assert len(there) == len(set(there)), "a number was used twice"
    assert not segments.quarantined()


def test_a_failed_hand_over_is_tried_again_without_a_visitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    with monkeypatch.context() as patch:

        def broken(*_args: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patch.setattr(Path, "rename", broken)
        for _ in range(3):
            with pytest.raises(OutboxError, match="Input/output"):
                outbox.tick(0.0, connected=True)
    outbox.tick(0.0, connected=True)
    assert sealed_seqs(tmp_path) == [1]
    outbox.close()


def test_large_records_fit_the_wire(tmp_path: Path) -> None:
    """However large the records, a segment's batch stays below what the centre takes."""

    def large(seal: PlainSeal, seq: int) -> CheckIn:
        return msgspec.structs.replace(record(seal, seq), sealed=b"x" * 12_300)

    outbox = open_outbox(tmp_path)
    for _ in range(100):
        outbox.put(
            lambda seal, seq: msgspec.structs.replace(record(seal, seq), sealed=b"x" * 12300)
        )
    outbox.close()
    segments = SealedSegments(tmp_path)
    sizes = []
    for name in segments.waiting():
        segment = segments.read(name)
        assert segment is not None
        batch = wire.Batch(
            segment=name,
            header=segment.header,
            anchor=Instant(1_795_000_000_000, "synced", "b" * 36, 2**50),
            records=segment.records,
        )
        sizes.append(len(wire.encode(batch)))
    assert len(sizes) > 5
    assert max(sizes) < wire.MAX_BATCH_BYTES


def test_a_failed_opening_leaves_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    def broken(_epoch: str, _first: int) -> PlainSeal:
        raise OSError(errno.EIO, "Input/output error")

    for _ in range(5):
        with pytest.raises(OutboxError):
            Outbox(tmp_path, 64, broken)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_line_that_lacks_only_its_end_is_kept(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    path = open_segment_file(tmp_path)
    killed(outbox)
    os.truncate(path, path.stat().st_size - 1)
    again = open_outbox(tmp_path)
    assert again.next_seq == 2
    assert sealed_seqs(tmp_path) == [1]
    again.close()


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
