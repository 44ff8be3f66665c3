"""An outbox on a card that fails, or is full."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from outboxes import (
    PlainSeal,
    left_open,
    open_outbox,
    open_segment_file,
    record,
    sealed_segments,
    sealed_seqs,
)

from kiosk.config import load
from kiosk.ctl.doctor.advice import ON_A_DESK
from kiosk.ctl.doctor.outbox import check as outbox_check
from kiosk.errors import OutboxError, OutboxFull, OutboxLocked, OutboxStuck
from kiosk.outbox import Outbox, SealedSegments, seal_leftovers, spares, unread


def full_card(folder: Path) -> os.statvfs_result:
    """What statvfs(2) would say of it."""
    real = os.statvfs(folder)
    return os.statvfs_result((*real[:4], 1, *real[5:]))


def test_a_full_card_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.put(record)
    before = open_segment_file(tmp_path).read_bytes()
    full = full_card(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _path: full)
        with pytest.raises(OutboxFull, match="card full"):
            outbox.put(record)
    assert open_segment_file(tmp_path).read_bytes() == before
    assert outbox.put(record).seq == 2, "no number is burnt by a refusal"
    outbox.close()


@pytest.mark.parametrize("fails", ["pwrite", "fdatasync"])
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
    assert {1, 3} <= set(seqs) <= {1, 2, 3}
    assert len(seqs) == len(set(seqs))


class Accidents:
    """Makes every `nth` call of some functions of the disk fail."""

    def __init__(self, patch: pytest.MonkeyPatch, nth: int) -> None:
        self.nth, self.calls = nth, 0
        for name in ("fsync", "fdatasync", "open", "pwrite", "listdir", "statvfs"):
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


@pytest.mark.parametrize("nth", range(2, 60))
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
    there = [(r.epoch, r.seq) for segment in sealed_segments(tmp_path) for r in segment.records]
    assert set(green) <= set(there), "green and gone"
    assert len(there) == len(set(there)), "a number was used twice"
    assert not SealedSegments(tmp_path).quarantined()
    assert green or nth <= 33, "it fails before a batch of files is made, or removed again"


def test_an_error_is_never_its_own_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stay in memory until some collection, and with it whom the caller serves."""
    outbox = open_outbox(tmp_path)
    full = full_card(tmp_path)
    gc.disable()
    try:
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        with monkeypatch.context() as patch:
            patch.setattr(os, "statvfs", lambda _path: full)
            for refuses in (partial(outbox.put, record), partial(outbox.tick, 0.0, connected=True)):
                with suppress(OutboxFull):
                    refuses()
        with suppress(OutboxLocked):
            seal_leftovers(tmp_path)
        gc.collect()
        assert [found for found in gc.garbage if isinstance(found, OSError)] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    outbox.close()


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


def test_one_that_stays_open_for_ever_costs_no_memory(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, records=1)
    (tmp_path / "quarantine").rmdir()
    (tmp_path / "quarantine").write_bytes(b"in the way")
    (tmp_path / "open" / "stranger").mkdir()
    for _ in range(3):
        outbox.put(record)
        with pytest.raises(OutboxStuck, match="quarantine"):
            outbox.tick(0.0, connected=True)
    assert sealed_seqs(tmp_path) == [1, 2, 3]
    assert outbox._green == {}


def test_while_nothing_can_be_handed_over_files_do_not_pile_up(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    (tmp_path / "sealed").rmdir()
    (tmp_path / "sealed").write_bytes(b"in the way")
    for _ in range(100):
        outbox.put(record)
        with pytest.raises(OutboxStuck):
            outbox.tick(0.0, connected=True)
    written = [p for p in (tmp_path / "open").glob("*.open") if p.read_bytes().strip(b"\0")]
    assert len(written) <= 11
    (tmp_path / "sealed").unlink()
    for _ in range(2):
        outbox.tick(0.0, connected=True)
    assert sorted(sealed_seqs(tmp_path)) == list(range(1, 101))


class BadSectors:
    """Of which the card gives nothing, `times` and then again as ever."""

    def __init__(self, patch: pytest.MonkeyPatch, under: Path, times: int = 10**6) -> None:
        self._under, self._times = under, times
        patch.setattr(Path, "open", self._failing(Path.open))
        patch.setattr(unread, "RETRY_S", 0.0)

    def _failing(self, real: Callable[..., object]) -> Callable[..., object]:
        def open_it(path: Path, *args: object, **more: object) -> object:
            if path == self._under and self._times:
                self._times -= 1
                raise OSError(errno.EIO, "Input/output error", str(path))
            return real(path, *args, **more)

        return open_it


def test_what_the_card_does_not_give_is_set_aside_and_the_door_works_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = left_open(tmp_path)
    content = bad.read_bytes()
    with monkeypatch.context() as patch:
        BadSectors(patch, bad)
        outbox = open_outbox(tmp_path)
        with pytest.raises(OutboxError, match="Input/output"):
            outbox.tick(0.0, connected=True)
        assert len(list((tmp_path / "open").glob("*.open"))) > 2, "blank files are made"
        outbox.put(record)
        outbox.tick(0.0, connected=True)
    assert SealedSegments(tmp_path).quarantined() == [bad.name]
    assert (tmp_path / "quarantine" / bad.name).read_bytes() == content
    assert len(sealed_seqs(tmp_path)) == 1, "of the one after it"
    outbox.close()


def test_what_the_card_gives_a_little_later_is_sent_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = left_open(tmp_path)
    with monkeypatch.context() as patch:
        BadSectors(patch, bad, times=2)
        outbox = open_outbox(tmp_path)
        with pytest.raises(OutboxError, match="Input/output"):
            outbox.tick(0.0, connected=True)
        outbox.tick(0.0, connected=True)
    outbox.close()
    assert sealed_seqs(tmp_path) == [1]
    assert SealedSegments(tmp_path).quarantined() == []


def test_a_sealed_one_that_the_card_does_not_give_is_set_aside_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_open(tmp_path)
    seal_leftovers(tmp_path)
    segments = SealedSegments(tmp_path)
    (name,) = segments.waiting()
    with monkeypatch.context() as patch:
        BadSectors(patch, tmp_path / "sealed" / name)
        for _ in range(2):
            with pytest.raises(OutboxError, match="Input/output"):
                segments.read(name)
        assert segments.read(name) is None
    assert (segments.waiting(), segments.quarantined()) == ([], [name])


def test_blank_files_that_cannot_be_made_leave_nothing_and_are_not_tried_at_every_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    attempts = 0

    def broken(_fd: int) -> None:
        nonlocal attempts
        attempts += 1
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        for _ in range(5):
            with pytest.raises(OutboxError, match="Input/output"):
                outbox.tick(0.0, connected=True)
        assert attempts == 1
        with pytest.raises(OutboxError, match="Input/output"):
            outbox.put(record)
        assert attempts == 2, "for a visitor it is tried at once"
        assert [path.name for path in (tmp_path / "open").iterdir()] == ["lock"]
    with pytest.raises(OutboxError, match="Input/output"):
        outbox.tick(0.0, connected=True)
    monkeypatch.setattr(spares, "RETRY_S", 0.0)
    outbox.put(record)
    outbox.tick(0.0, connected=True)
    outbox.close()


def test_a_bad_sector_is_not_read_at_every_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dying card takes seconds for each try, in which nobody is let in."""
    bad = left_open(tmp_path)
    with monkeypatch.context() as patch:
        BadSectors(patch, bad, times=1)
        patch.setattr(unread, "RETRY_S", 60.0)
        outbox = open_outbox(tmp_path)
        for _ in range(5):
            with pytest.raises(OutboxError, match="Input/output"):
                outbox.tick(0.0, connected=True)
        with pytest.raises(OutboxError, match="Input/output"):
            outbox.close()
    assert seal_leftovers(tmp_path) == 1


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """An outbox on a card of 16 MiB: a real ext4 in a file."""
    if os.getuid():
        pytest.skip("mounts a file system, needs root")
    image, card = tmp_path / "card.img", tmp_path / "card"
    image.touch()
    os.truncate(image, 16 << 20)
    card.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, card], check=False).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        (card / "outbox").mkdir()
        yield card / "outbox"
    finally:
        subprocess.run(["umount", card], check=True)


def fill(file: Path, leave: int = 0) -> None:
    """Until so many bytes are free for others."""
    disk = os.statvfs(file.parent)
    with file.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, disk.f_bavail * disk.f_frsize - leave)


def test_a_card_fills_up_under_visitors_and_empties_again(small: Path) -> None:
    """Refused before anything is written, with space in reserve; what was green is there;
    taken again as soon as something has left, without a restart."""
    outbox, green = open_outbox(small), []
    with pytest.raises(OutboxFull, match="less than 4 MiB"):
        while True:
            outbox.tick(0.0, connected=len(green) % 2 == 0)
            green.append(outbox.put(lambda seal, seq: record(seal, seq, b"x" * 9000)))
    disk = os.statvfs(small)
    assert 3 << 20 < disk.f_bavail * disk.f_frsize < 4 << 20
    with pytest.raises(OutboxFull):
        outbox.tick(0.0, connected=True)
    assert [r for segment in sealed_segments(small) for r in segment.records] == green
    segments = SealedSegments(small)
    for name in segments.waiting()[:20]:
        segments.drop(name)
    outbox.tick(0.0, connected=True)
    assert outbox.put(record).seq == green[-1].seq + 1, "no number is burnt by a refusal"
    outbox.close()


def test_without_a_byte_left_everything_that_waits_can_still_leave(small: Path) -> None:
    """Others may fill the card further than we would."""
    outbox = open_outbox(small)
    outbox.put(record)
    fill(small.parent / "log")
    with pytest.raises(OutboxFull):
        outbox.put(record)
    with pytest.raises(OutboxFull):
        outbox.tick(0.0, connected=True)
    assert sealed_seqs(small) == [1]
    outbox.close()
    again = open_outbox(small)
    with pytest.raises(OutboxFull):
        again.put(record)
    (small.parent / "log").unlink()
    again.tick(0.0, connected=True)
    assert again.put(record).seq == 1
    again.close()


def test_a_card_that_fills_up_during_a_put_is_no_green(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at the free space came a moment too early."""
    outbox, green = open_outbox(small), []
    fill(small.parent / "log")
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "_refuse_when_full", lambda: None)
        with pytest.raises(OutboxFull, match="No space left"):
            for _ in range(100):
                green.append(outbox.put(lambda seal, seq: record(seal, seq, b"x" * 3000)))
    (small.parent / "log").unlink()
    green.append(outbox.put(record))
    outbox.close()
    there = [r for segment in sealed_segments(small) for r in segment.records]
    assert [r for r in there if r in green] == green


def test_a_card_without_inodes_is_full(small: Path, tmp_path: Path) -> None:
    outbox = open_outbox(small)
    outbox.put(record)
    many = small.parent / "many"
    many.mkdir()
    for number in range(os.statvfs(small).f_favail):
        (many / str(number)).touch()
    with pytest.raises(OutboxFull, match="64 files"):
        outbox.put(record)
    site = tmp_path / "site.toml"
    site.write_text(f'[paths]\noutbox = "{small}"\n')
    told = [finding.what for finding in outbox_check(load([site]), ON_A_DESK)]
    assert "only 0 more files fit on the card; below 64 nobody is let in any more" in told
    for file in list(many.iterdir())[:100]:
        file.unlink()
    outbox.put(record)
    outbox.close()
