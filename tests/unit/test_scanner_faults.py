"""What fails at a scanner: it is told, never green, and tried again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import scannerdoor
from scannerdoor import GREY, LOG, Door, Picture

from kiosk.cues import AlertCue
from kiosk.errors import OutboxLocked
from kiosk.faults import Faults, Severity
from kiosk.outbox import Outbox
from kiosk.scanner.eye import RETRY_S, SILENT_S, Eye
from kiosk.scanner.store import SealTimer, Store

door = scannerdoor.door


def test_faults_are_told_again_and_old_ones_taken_back(door: Door) -> None:
    told: list[AlertCue] = []
    known: dict[str, Severity] = {"card-full": "critical", "camera-absent": "critical"}
    faults = Faults(told.append, lambda: door.at, known, LOG)
    faults.raised("card-full", "why")
    told.clear()
    faults.remind()
    assert told == []
    door.at += 61
    faults.remind()
    assert [(a.code, a.raised) for a in told] == [("camera-absent", False), ("card-full", True)]
    told.clear()
    door.at += 61
    faults.remind()
    assert [(a.code, a.raised) for a in told] == [("card-full", True)]


def test_no_green_when_the_disk_fails_and_the_next_showing_is_recorded(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        door.show(b"one", at=100)
        door.show(b"one", at=100.1)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "outbox-fault")]
    assert door.faults.active == ["outbox-fault"]
    assert [(a.code, a.raised) for a in door.alerts] == [("outbox-fault", True)]
    door.store.keep_open()
    assert door.faults.active == ["outbox-fault"], "it is not over with the next frame"
    door.show(b"one", at=104)
    assert door.answers[-1].outcome == "pass"
    assert not door.answers[-1].repeated
    door.at = 106
    door.store.keep_open()
    assert door.faults.active == []


def test_without_an_outbox_visitors_are_answered_but_never_green(door: Door) -> None:
    door.parts.outbox = None
    door.show(b"one", at=100)
    door.show(b"place", at=101)
    assert [(a.outcome, a.reason) for a in door.answers] == [
        ("warn", "outbox-fault"),
        ("warn", "place-code"),
    ]


class FakeCamera:
    def __init__(self, frames: list[Picture | OSError | None]) -> None:
        self.frames = frames
        self.closed = False

    def frame(self, timeout: float) -> Picture | None:
        found = self.frames.pop(0) if self.frames else None
        if isinstance(found, OSError):
            raise found
        return found

    def close(self) -> None:
        self.closed = True


def test_a_camera_that_breaks_is_a_fault_and_tried_again(door: Door) -> None:
    broken = FakeCamera([Picture(GREY, 1), OSError("cable off")])
    cameras: list[FakeCamera] = [broken, FakeCamera([Picture(GREY, 2)])]
    waits: list[float] = []
    eye = Eye(lambda: cameras.pop(0), door.faults, lambda: door.at, waits.append)
    assert eye.frame(0.5) is not None
    assert eye.frame(0.5) is None
    assert broken.closed
    assert door.faults.active == ["camera-absent"]
    door.at += RETRY_S - 1
    assert eye.frame(0.5) is None
    assert waits == [0.5], "no busy loop while there is no camera"
    door.at += 2
    assert eye.frame(0.5) is not None
    assert door.faults.active == []
    assert [a.raised for a in door.alerts] == [True, False]


def test_an_absent_camera_never_ends_the_scanner(door: Door) -> None:
    def absent() -> FakeCamera:
        raise OSError("no camera found")

    eye = Eye(absent, door.faults, lambda: door.at, lambda _s: None)
    for _ in range(100):
        assert eye.frame(0.5) is None
        door.at += 1
    assert door.faults.active == ["camera-absent"]
    assert len(door.alerts) == 1


def test_a_silent_camera_is_opened_again(door: Door) -> None:
    cameras = [FakeCamera([]), FakeCamera([Picture(GREY, 2)])]
    first = cameras[0]
    eye = Eye(lambda: cameras.pop(0), door.faults, lambda: door.at, lambda _s: None)
    eye.frame(0.5)
    door.at += SILENT_S + 0.1
    eye.frame(0.5)
    assert first.closed
    assert door.faults.active == ["camera-silent"]
    assert eye.frame(0.5) is not None
    assert door.faults.active == []


def test_a_missing_outbox_is_opened_when_it_appears(door: Door, tmp_path: Path) -> None:
    later = tmp_path / "later"
    store = Store(lambda: Outbox(later, 64, door.begin), door.faults, lambda: door.at)
    assert store.keep_open() is None
    assert door.faults.active == ["outbox-fault"]
    later.mkdir()
    assert store.keep_open() is None, "not at every turn"
    door.at += 6
    assert store.keep_open() is not None
    assert door.faults.active == []


def test_a_second_scanner_ends(door: Door, tmp_path: Path) -> None:
    store = Store(lambda: Outbox(tmp_path, 64, door.begin), door.faults, lambda: door.at)
    with pytest.raises(OutboxLocked):
        store.keep_open()


def test_the_timer_seals_while_connected_and_notices_a_full_card(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(lambda: door.outbox, door.faults, lambda: door.at)
    store.keep_open()
    timer = SealTimer(store, 0.0, tmp_path / "connected")
    real = os.statvfs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _p: os.statvfs_result((*real[:4], 1, *real[5:])))
        timer._tick()
    store.keep_open()
    assert door.faults.active == ["card-full"]
    timer._tick()
    store.keep_open()
    assert door.faults.active == []


def test_a_file_that_cannot_be_handed_over_does_not_close_the_door(
    door: Door, tmp_path: Path
) -> None:
    """Nor say that it were closed: what a visitor brings is stored as ever."""
    store = Store(lambda: door.outbox, door.faults, lambda: door.at)
    store.keep_open()
    (tmp_path / "quarantine").rmdir()
    (tmp_path / "quarantine").write_bytes(b"in the way")
    (tmp_path / "open" / "stranger").mkdir()
    timer = SealTimer(store, 0.0, tmp_path / "connected")
    timer._tick()
    store.keep_open()
    assert (door.faults.active, door.faults.warnings) == ([], ["outbox-stuck"])
    door.show(b"one", at=100)
    assert door.answers[-1].outcome == "pass"
    (tmp_path / "quarantine").unlink()
    timer._tick()
    store.keep_open()
    assert door.faults.warnings == []


def test_a_mark_that_cannot_be_read_is_a_fault_not_the_end(door: Door, tmp_path: Path) -> None:
    store = Store(lambda: door.outbox, door.faults, lambda: door.at)
    store.keep_open()
    (tmp_path / "loop").symlink_to("loop")
    timer = SealTimer(store, 0.0, tmp_path / "loop")
    timer._tick()
    store.keep_open()
    assert door.faults.warnings == ["mark-unreadable"]
    assert door.faults.active == [], "visitors are served as ever"
    assert timer.failure is None
