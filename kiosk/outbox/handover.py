"""From `open/` to `sealed/`: what a scanner has finished, or a dead one left behind.

What to do with a file is read off the file, never remembered. Nothing is synced: what was
answered green is on the card already, and a file whose renaming a power cut undoes is handed
over again.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import msgspec

from kiosk.model import SegmentHeader
from kiosk.outbox.layout import (
    OPEN,
    TABLE,
    Folders,
    is_segment,
    outbox_error,
    quarantine,
    segment_name,
)
from kiosk.outbox.lines import Journal, read_journal
from kiosk.outbox.lock import LOCK, prepare, take_lock


def hand_over(places: Folders, kept: Collection[Path] = ()) -> int:
    """Moves what is in `open/`, but for those `kept`, to `sealed/`; how many segments that
    were. What was never answered green is removed, and what cannot be read goes to
    quarantine. Raises the first OSError, when all the others are done."""
    moved = 0
    failed: OSError | None = None
    for path in sorted(places.open.iterdir()):
        if path.name != LOCK and path not in kept:
            try:
                moved += _hand_over(path, places)
            except OSError as error:
                failed = failed or error
    if failed is not None:
        raise failed
    return moved


def seal_leftovers(directory: Path) -> int:
    """Hands over what a dead scanner left open, so that the uplink can send it; how many
    segments that were. Raises OutboxLocked while a scanner is alive, OutboxError."""
    places = prepare(directory)
    lock = take_lock(places)
    try:
        return hand_over(places)
    except OSError as error:
        raise outbox_error(error) from error
    finally:
        os.close(lock)


def _hand_over(path: Path, places: Folders) -> bool:
    if path.is_symlink() or not path.is_file():
        quarantine(path, places.quarantine)
        return False
    journal = read_journal(path)
    if path.suffix == OPEN and not journal.tables.get(TABLE) and not journal.damaged:
        path.unlink()  # blank, or torn at its first line
        return False
    name = _name(journal)
    target = places.sealed / name
    if name and not target.exists():
        path.rename(target)
    elif name and target.samefile(path):  # a power cut left both names
        path.unlink()
    else:
        quarantine(path, places.quarantine)
        return False
    return True


def _name(journal: Journal) -> str:
    """Empty when there is no header to tell it."""
    try:
        header = msgspec.convert(journal.header, SegmentHeader)
    except msgspec.ValidationError:
        return ""
    name = segment_name(header.epoch, header.first_seq)
    return name if is_segment(name) else ""
