"""From `open/` to `sealed/`: what a scanner has finished, or a dead one left behind.

What to do with a file is read off the file. A live scanner alone knows how many of its
records were green, so that a torn end can be told from one that decays later: the new name
says it. Of what a live scanner hands over nothing is synced: what was answered green is on the
card already, and a file whose renaming a power cut undoes is handed over again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from kiosk.durable import sync_folder
from kiosk.model import SegmentHeader
from kiosk.outbox.layout import (
    OPEN,
    TABLE,
    TORN,
    Folders,
    explained,
    is_segment,
    quarantine,
    segment_key,
    segment_name,
    write_all,
)
from kiosk.outbox.lines import MOST_BYTES, Journal, read_journal
from kiosk.outbox.lock import LOCK, prepare, take_lock
from kiosk.outbox.sealed import read_segment
from kiosk.outbox.unread import Unread

_NONE: Mapping[Path, int] = {}


def hand_over(
    places: Folders,
    unread: Unread,
    kept: Collection[Path] = (),
    green: Mapping[Path, int] = _NONE,
) -> int:
    """Moves what is in `open/`, but for those `kept`, to `sealed/`; how many segments that
    were. `green`: of how many records in a file it is known that they were synced. Blank
    files of which none was are removed; what makes no sense goes to quarantine, and so does
    what the card has not given for as long as `unread` is patient. Raises the first OSError,
    when all the others are done."""
    moved = 0
    failed: OSError | None = None
    for path in sorted(places.open.iterdir()):
        if path.name != LOCK and path not in kept:
            try:
                moved += _hand_over(path, places, unread, green.get(path))
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
        with explained():
            return hand_over(places, Unread())
    finally:
        os.close(lock)


def _hand_over(path: Path, places: Folders, unread: Unread, green: int | None) -> bool:
    if path.is_symlink() or not path.is_file():
        quarantine(path, places.quarantine)
        return False
    journal = unread.read(path, read_journal)
    if journal is None:
        quarantine(path, places.quarantine)
        return False
    if path.suffix == OPEN and journal.blank and not green:
        path.unlink()
        return False
    if journal.cut_short and green == 0:
        path.unlink()
        return False
    if not journal.tables.get(TABLE):
        # Of a dead scanner's it cannot be excluded that it was green, and decayed since.
        torn = path.suffix == OPEN and journal.cut_short and green is None
        quarantine(path, places.quarantine, TORN if torn else "")
        return False
    header = _header(journal)
    twin = None if header is None else _twin(path, header, places, green)
    if header is not None and twin is None:
        if green is None:
            # It may lie there under another name that is being deleted: not both after a cut.
            sync_folder(places.sealed)
            green = _certain(path)
        path.rename(places.sealed / segment_name(header.epoch, header.first_seq, green))
    elif twin is not None and twin.samefile(path):  # a power cut left both names
        path.unlink()
    else:
        quarantine(path, places.quarantine)
        return False
    return True


def _certain(path: Path) -> int:
    """How many records of a dead scanner's file are on the card whatever comes. The last one
    may have been under way, and lie in memory alone: so all are written once more, in place."""
    segment = read_segment(path)
    records = len(segment.records) if segment is not None else 0
    try:
        with path.open("r+b", buffering=0) as file:
            write_all(file.fileno(), file.read(MOST_BYTES), 0)
            os.fdatasync(file.fileno())
    except OSError:
        return max(records - 1, 0)
    return records


def _header(journal: Journal) -> SegmentHeader | None:
    """None when there is none that tells a name."""
    try:
        header = msgspec.convert(journal.header, SegmentHeader)
    except msgspec.ValidationError:
        return None
    return header if is_segment(segment_name(header.epoch, header.first_seq, 0)) else None


def _twin(path: Path, header: SegmentHeader, places: Folders, green: int | None) -> Path | None:
    """What lies in `sealed/` for the same numbers, which a dead scanner's file may have been
    handed over to."""
    if green is not None:  # a live one's number is nobody else's, and there may be many names
        target = places.sealed / segment_name(header.epoch, header.first_seq, green)
        return target if target.exists() else None
    key = segment_key(header.epoch, header.first_seq)
    twins = [places.sealed / name for name in os.listdir(places.sealed) if name.startswith(key)]  # noqa: PTH208
    return next((twin for twin in twins if twin.samefile(path)), twins[0] if twins else None)
