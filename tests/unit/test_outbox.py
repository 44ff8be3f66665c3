"""The outbox at its public doors: put, hand over, recover, refuse."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
from outboxes import (
    PlainSeal,
    killed,
    open_outbox,
    open_segment_file,
    record,
    sealed_segments,
    sealed_seqs,
)

from kiosk import wire
from kiosk.errors import OutboxError, OutboxLocked
from kiosk.model import CheckIn, EpochEnd, Instant
from kiosk.outbox import (
    ConnectedMark,
    Outbox,
    SealedSegments,
    handover,
    is_held,
    lines,
    read_segment,
    seal_leftovers,
)
from kiosk.outbox.layout import folders
from kiosk.outbox.lock import take_lock
from kiosk.seal import HYBRID, X25519, SegmentSeal, new_key, new_segment

ROOT = Path(__file__).parents[2]


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
    path = open_segment_file(tmp_path)
    synced: list[bytes] = []
    real = os.fdatasync

    def watch(fd: int) -> None:
        assert os.path.samestat(os.fstat(fd), path.stat())
        synced.append(path.read_bytes())
        real(fd)

    monkeypatch.setattr(os, "fdatasync", watch)
    outbox.put(record)
    assert synced == [path.read_bytes()], "one sync, after the write"
    outbox.close()


def test_the_folders_of_a_new_outbox_are_durable_with_the_first_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def watch(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        real(fd)

    monkeypatch.setattr(os, "fsync", watch)
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    assert {tmp_path.stat().st_ino, (tmp_path / "open").stat().st_ino} <= synced
    outbox.close()


@pytest.mark.parametrize("sandboxed", [True, False])
def test_folders_made_anew_are_as_the_installation_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandboxed: bool
) -> None:
    """Else the uplink could not remove what it has sent."""
    lines = (ROOT / "systemd" / "tmpfiles.d" / "kiosk.conf").read_text().splitlines()
    modes = {line.split()[1]: int(line.split()[2], 8) for line in lines if line.startswith("d ")}
    if os.getuid() == 0:
        os.chown(tmp_path, *pwd.getpwnam("nobody")[2:4])
    if sandboxed:
        tmp_path.chmod(modes["/var/lib/kiosk/outbox"])

        def refused(*_args: object, **_more: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        for name in ("chmod", "chown"):
            monkeypatch.setattr(os, name, refused)
    before = os.umask(0o027)
    try:
        open_outbox(tmp_path).close()
        shutil.rmtree(tmp_path / "quarantine")
        (tmp_path / "sealed" / "stray").touch()
        SealedSegments(tmp_path).collect()
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    for name in ("open", "sealed", "quarantine"):
        made = (tmp_path / name).stat()
        assert stat.S_IMODE(made.st_mode) == modes[f"/var/lib/kiosk/outbox/{name}"], name
        assert made.st_gid == tmp_path.stat().st_gid
        assert sandboxed or made.st_uid == tmp_path.stat().st_uid


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


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


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


def _file(outbox: Path) -> None:
    open_segment_file(outbox).unlink()


def _lock(outbox: Path) -> None:
    (outbox / "open" / "lock").unlink()


def _all_in_open(outbox: Path) -> None:
    for path in (outbox / "open").iterdir():
        path.unlink()


def _folder(outbox: Path) -> None:
    shutil.rmtree(outbox / "open")


def _folder_moved(outbox: Path) -> None:
    (outbox / "open").rename(outbox / "open.bak")


def _folder_copied(outbox: Path) -> None:
    _folder_moved(outbox)
    shutil.copytree(outbox / "open.bak", outbox / "open")


def _folders(outbox: Path) -> None:
    for folder in outbox.iterdir():
        shutil.rmtree(folder)


def _outbox(outbox: Path) -> None:
    shutil.rmtree(outbox)
    outbox.mkdir()


@pytest.mark.parametrize("first", ["put", "tick", "two puts"])
@pytest.mark.parametrize(
    "remove",
    [_file, _lock, _all_in_open, _folder, _folder_moved, _folder_copied, _folders, _outbox],
)
def test_what_somebody_takes_away_is_made_again_with_every_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, remove: Callable[[Path], None], first: str
) -> None:
    """As one who clears up, or puts a copy there."""
    outbox = open_outbox(made(tmp_path / "outbox"))
    for _ in range(3):
        outbox.put(record)
    remove(tmp_path / "outbox")
    if first == "tick":
        outbox.tick(0.0, connected=False)
    elif first == "two puts":
        outbox.put(record)
    outbox.put(record)
    outbox.tick(0.0, connected=False)
    lock = tmp_path / "outbox" / "open" / "lock"
    assert is_held(lock)
    assert caplog.text.count("were taken away") == 1
    assert open_segment_file(tmp_path / "outbox").stat().st_nlink == 1
    outbox.put(record)
    outbox.tick(0.0, connected=True)
    outbox.put(record)
    outbox.close()
    assert not is_held(lock)
    assert set(sealed_seqs(tmp_path / "outbox")) == set(range(1, outbox.next_seq))
    assert outbox.next_seq == (8 if first == "two puts" else 7)
    assert SealedSegments(tmp_path / "outbox").quarantined() == []


def test_what_is_taken_away_just_before_the_end_is_handed_over_too(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    for _ in range(3):
        outbox.put(record)
    shutil.rmtree(tmp_path / "open")
    outbox.close()
    assert sealed_seqs(tmp_path) == [1, 2, 3]


def test_folders_that_others_write_in_are_made_again_too(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    for name in ("sealed", "quarantine"):
        (tmp_path / name).rmdir()
    outbox.tick(0.0, connected=True)
    assert sealed_seqs(tmp_path) == [1]
    assert (tmp_path / "quarantine").is_dir()
    outbox.close()


def test_an_outbox_that_is_gone_is_told_until_it_is_back(tmp_path: Path) -> None:
    """As a data partition that is unmounted, and mounted again."""
    outbox = open_outbox(made(tmp_path / "outbox"))
    outbox.put(record)
    shutil.rmtree(tmp_path / "outbox")
    for _ in range(2):
        with pytest.raises(OutboxError, match="is missing; create it"):
            outbox.put(record)
        with pytest.raises(OutboxError, match="is missing; create it"):
            outbox.tick(0.0, connected=False)
    made(tmp_path / "outbox")
    outbox.put(record)
    outbox.close()
    assert sealed_seqs(tmp_path / "outbox") == [1, 2]


def test_a_scanner_that_came_in_meanwhile_keeps_the_outbox(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    shutil.rmtree(tmp_path / "open")
    other = open_outbox(tmp_path)
    with pytest.raises(OutboxLocked, match="another scanner"):
        outbox.tick(0.0, connected=False)
    other.put(record)
    other.close()
    outbox.tick(0.0, connected=False)
    outbox.close()


def test_nothing_is_green_that_would_be_written_where_nobody_looks(tmp_path: Path) -> None:
    """A copy lies in its place, with all the names, and cannot be used."""
    outbox = open_outbox(tmp_path)
    first = outbox.put(record)
    (tmp_path / "open").rename(tmp_path / "away")
    shutil.copytree(tmp_path / "away", tmp_path / "open")
    lock = take_lock(folders(tmp_path))
    with pytest.raises(OutboxLocked):
        outbox.tick(0.0, connected=False)
    with pytest.raises(OutboxLocked):
        outbox.put(record)
    os.close(lock)
    second = outbox.put(record)
    outbox.close()
    there = {r.id for segment in sealed_segments(tmp_path) for r in segment.records}
    assert there == {first.id, second.id}


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


def test_a_missing_directory_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="is missing; create it"):
        open_outbox(tmp_path / "nowhere")
    with pytest.raises(OutboxError, match="cannot list"):
        SealedSegments(tmp_path / "nowhere").waiting()


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


def test_no_visitor_waits_while_blank_files_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight of them, each synced: on a slow card half a second."""
    outbox = open_outbox(tmp_path, records=1)
    outbox.tick(0.0, connected=True)
    making, go = threading.Event(), threading.Event()
    real = os.fsync

    def slow(fd: int) -> None:
        making.set()
        assert go.wait(20)
        real(fd)

    def timer() -> None:
        while not making.is_set():
            outbox.put(record)
            outbox.tick(0.0, connected=True)

    monkeypatch.setattr(os, "fsync", slow)
    visitor = threading.Thread(target=lambda: outbox.put(record))
    threads = [threading.Thread(target=timer), visitor]
    try:
        threads[0].start()
        assert making.wait(20)
        visitor.start()
        visitor.join(10)
        assert not visitor.is_alive()
    finally:
        go.set()
    for thread in threads:
        thread.join()
    outbox.close()
    assert sealed_seqs(tmp_path) == list(range(1, outbox.next_seq))


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


def test_large_records_fit_the_wire(tmp_path: Path) -> None:
    """However large the records, a segment's batch stays below what the centre takes."""

    outbox = open_outbox(tmp_path)
    for _ in range(100):
        outbox.put(lambda seal, seq: record(seal, seq, b"x" * 12_300))
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


@pytest.mark.parametrize(
    ("suites", "size"), [([X25519], 4096), ([HYBRID], 8192), ([HYBRID, HYBRID], 12288)]
)
def test_the_first_visitors_fit_a_blank_file_whatever_the_suite(
    tmp_path: Path, suites: list[str], size: int
) -> None:
    """Where a file grows, the card writes the file system's journal as well."""
    keys = [new_key(suite).public for suite in suites]
    outbox = Outbox(tmp_path, 64, partial(new_segment, keys, "gate-1"))
    outbox.tick(0.0, connected=True)
    for _ in range(2):
        outbox.put(lambda seal, seq: sealed_record(seal, seq, bytes(300)))
    assert {path.stat().st_size for path in (tmp_path / "open").glob("*.open")} == {size}
    outbox.close()


def sealed_record(seal: SegmentSeal, seq: int, plain: bytes) -> CheckIn:
    like = record(PlainSeal(seal.header.epoch, 1), seq)
    return msgspec.structs.replace(like, sealed=seal.seal(seq, plain))


def test_a_failure_leaves_no_descriptor(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    def broken(_epoch: str, _first: int) -> PlainSeal:
        raise OSError(errno.EIO, "Input/output error")

    for _ in range(5):
        outbox = Outbox(tmp_path, 64, broken)
        with pytest.raises(OutboxError):
            outbox.put(record)
        outbox.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


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
