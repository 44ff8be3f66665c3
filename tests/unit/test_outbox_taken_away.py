"""What somebody takes away of an outbox is made again with every record, or told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from outboxes import made, open_outbox, open_segment_file, record, sealed_segments, sealed_seqs

from kiosk.errors import OutboxError, OutboxLocked
from kiosk.outbox import SealedSegments, is_held
from kiosk.outbox.layout import folders
from kiosk.outbox.lock import take_lock


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


def test_a_missing_directory_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="is missing; create it"):
        open_outbox(tmp_path / "nowhere")
    with pytest.raises(OutboxError, match="cannot list"):
        SealedSegments(tmp_path / "nowhere").waiting()
