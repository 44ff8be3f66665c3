"""How the uplink notices what comes into `sealed/` and what leaves it, on a real directory."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from kiosk.errors import OutboxError
from kiosk.outbox import SealedSegments
from kiosk.outbox.layout import segment_name
from kiosk.uplink import watch
from kiosk.uplink.watch import Changes, SealedWatch


class Watched:
    """A watch with the clock in the test's hand."""

    def __init__(self, outbox: Path) -> None:
        self.now = 0.0
        self.listings = 0
        self.cost = 0.0
        self.segments = SealedSegments(outbox)
        self.watch = SealedWatch(outbox / "sealed", self._waiting, lambda: self.now)

    def _waiting(self) -> list[str]:
        self.listings += 1
        self.now += self.cost
        return self.segments.collect()

    def look(self, after: float = 1.0) -> Changes | None:
        self.now += after
        return self.watch.look()

    @property
    def names(self) -> list[str]:
        return list(self.watch.names)


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    for folder in ("open", "sealed", "quarantine"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.fixture
def watched(outbox: Path) -> Watched:
    return Watched(outbox)


def segment(outbox: Path, number: int) -> str:
    """Handed over, as the scanner does it."""
    name = segment_name("0" * 24, number, 1)
    (outbox / "open" / "x").write_bytes(b"")
    (outbox / "open" / "x").rename(outbox / "sealed" / name)
    return name


@pytest.fixture
def _deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel has no watches left."""

    def none_left(_directory: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watch, "Inotify", none_left)


def test_it_is_listed_once_and_then_told(outbox: Path, watched: Watched) -> None:
    first = segment(outbox, 1)
    assert watched.look() == Changes([first], [], listed=True)
    assert [watched.look() for _ in range(20)] == [None] * 20
    other = segment(outbox, 65)
    assert watched.look() == Changes([other], [])
    assert watched.names == [first, other]
    (outbox / "sealed" / first).unlink()
    (outbox / "sealed" / other).rename(outbox / "quarantine" / other)
    assert watched.look() == Changes([], [first, other])
    assert watched.names == []
    assert watched.listings == 1


def test_what_came_and_left_between_two_looks_is_not_there(outbox: Path, watched: Watched) -> None:
    watched.look()
    name = segment(outbox, 1)
    (outbox / "sealed" / name).unlink()
    assert watched.look() == Changes([], [name])
    segment(outbox, 1)
    watched.look()
    (outbox / "sealed" / name).unlink()
    segment(outbox, 1)
    assert watched.look() is None, "it is there as it was"
    assert watched.names == [name]


def test_more_than_the_kernel_remembers_is_listed(outbox: Path, watched: Watched) -> None:
    watched.look()
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    kept = segment(outbox, 1)
    for _ in range(most // 2 + 1):
        os.rename(outbox / "sealed" / kept, outbox / "sealed" / "x")  # noqa: PTH104
        os.rename(outbox / "sealed" / "x", outbox / "sealed" / kept)  # noqa: PTH104
    assert watched.look() == Changes([kept], [], listed=True)
    assert watched.look() is None


def test_a_stranger_in_the_directory_is_set_aside(outbox: Path, watched: Watched) -> None:
    watched.look()
    (outbox / "sealed" / "holiday.mp4").write_bytes(b"x")
    watched.look()
    assert (outbox / "quarantine" / "holiday.mp4").exists()
    assert watched.names == []
    name = segment(outbox, 1)
    watched.look()
    assert watched.names == [name]


def test_a_stranger_that_cannot_be_set_aside_holds_nothing_up(
    outbox: Path, watched: Watched
) -> None:
    """A folder of root's, say, which the uplink may not move."""
    (outbox / "quarantine").rmdir()
    (outbox / "quarantine").write_bytes(b"in the way")
    first = segment(outbox, 1)
    for name in ("a", "b"):
        (outbox / "sealed" / name).mkdir()
    assert watched.look() == Changes([first], [], listed=True)
    other = segment(outbox, 65)
    assert watched.look() == Changes([other], [])
    with pytest.raises(OutboxError, match=r"cannot move .*/a to quarantine"):
        watched.segments.set_strays_aside()
    (outbox / "sealed" / "a").rmdir()
    (outbox / "quarantine").unlink()
    watched.segments.set_strays_aside()
    assert (outbox / "quarantine" / "b").is_dir()
    watched.look()
    assert watched.names == [first, other]


def test_another_directory_under_the_same_name_is_listed(outbox: Path, watched: Watched) -> None:
    first = segment(outbox, 1)
    watched.look()
    shutil.copytree(outbox, outbox.with_name("copy"))
    outbox.rename(outbox.with_name("away"))
    with pytest.raises(OutboxError, match="has the scanner made the outbox"):
        watched.look()
    outbox.with_name("copy").rename(outbox)
    other = segment(outbox, 65)
    assert watched.look() == Changes([first, other], [], listed=True)
    shutil.rmtree(outbox / "sealed")
    (outbox / "sealed").mkdir()
    assert watched.look() == Changes([], [], listed=True)


@pytest.mark.usefixtures("_deaf")
def test_where_the_kernel_does_not_tell_it_is_listed_for_a_small_share_of_the_time(
    outbox: Path, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.cost = 0.5
    names = []
    for number in range(100):
        names.append(segment(outbox, number + 1))
        watched.look(after=0.2)
    assert watched.listings <= 4
    watched.look(after=20)
    assert watched.names == names
    (told,) = caplog.messages
    assert "(inotify: [Errno 28] No space left on device); it is listed" in told, "no full card"


def test_an_outbox_that_is_missing_is_an_error_until_it_is_there(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for _ in range(3):
        with pytest.raises(OutboxError, match="has the scanner made the outbox"):
            watched.look()
    with pytest.raises(OutboxError):
        watched.look(after=0.0)
    (tmp_path / "sealed").mkdir()
    assert watched.look() == Changes([], [], listed=True)


def test_nothing_stays_open_however_often_it_is_listed(
    outbox: Path, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watched.look()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        (outbox / "sealed" / "stranger").write_bytes(b"x")
        watched.look()
    assert watched.listings == 21
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
