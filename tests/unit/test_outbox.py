"""The outbox at its public doors: put and seal."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import threading
from functools import partial
from pathlib import Path

import msgspec
import pytest
from outboxes import PlainSeal, open_outbox, open_segment_file, record, sealed_seqs

from kiosk import wire
from kiosk.errors import OutboxError
from kiosk.model import CheckIn, Instant
from kiosk.outbox import ConnectedMark, Outbox, SealedSegments, is_held
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
