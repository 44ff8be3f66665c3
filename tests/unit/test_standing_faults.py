"""What stands is in a file, for the doctor."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from kiosk.faults import Faults, standing, standing_file


def faults(file: Path) -> Faults:
    known = {"camera-absent": "critical", "view-dark": "warning"}
    return Faults(lambda _cue: None, lambda: 1.0, known, logging.getLogger("x"), file)  # type: ignore[arg-type]


def test_what_stands_is_written_whenever_it_changes(tmp_path: Path) -> None:
    file = standing_file(tmp_path, "scanner")
    assert standing(file) is None
    told = faults(file)
    assert standing(file) == {}
    told.raised("view-dark", "no light")
    told.raised("camera-absent", "no camera")
    assert standing(file) == {"view-dark": "no light", "camera-absent": "no camera"}
    told.raised("camera-absent", "in use")
    told.cleared("view-dark")
    assert standing(file) == {"camera-absent": "in use"}
    assert list(tmp_path.iterdir()) == [file]
    faults(file)
    assert standing(file) == {}, "a new process has none of the old one's"


def test_it_is_written_when_it_changes_alone(tmp_path: Path) -> None:
    file = standing_file(tmp_path, "scanner")
    told = faults(file)
    told.raised("view-dark", "no light")
    before = file.stat().st_ino, file.stat().st_mtime_ns
    told.raised("view-dark", "no light")
    told.cleared("camera-absent")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before


def test_a_file_that_cannot_be_written_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = faults(tmp_path / "gone" / "scanner-faults.json")
    told.raised("view-dark", "no light")
    assert told.warnings == ["view-dark"]
    assert "scanner-faults.json cannot be written: No such file" in caplog.text


def test_damage_is_nothing_known(tmp_path: Path) -> None:
    for junk in (b"", b"[]", b'{"view-dark": 3}', b"\xff"):
        (tmp_path / "file").write_bytes(junk)
        assert standing(tmp_path / "file") is None


def test_a_reminder_tells_when_the_fault_began() -> None:
    now, cues = [100.0], []
    known = {"view-dark": "warning"}
    told = Faults(cues.append, lambda: now[0], known, logging.getLogger("x"))  # type: ignore[arg-type]
    told.raised("view-dark", "no light")
    now[0] = 500.0
    told.remind()
    told.cleared("view-dark")
    now[0] = 600.0
    told.raised("view-dark", "no light")
    assert [(cue.raised, cue.at) for cue in cues] == [
        (True, 100.0),
        (True, 100.0),
        (False, 500.0),
        (True, 600.0),
    ]
