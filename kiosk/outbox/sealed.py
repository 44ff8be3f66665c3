"""The uplink's side of the outbox: what waits, read, dropped or set aside."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from kiosk.errors import OutboxError
from kiosk.model import CheckIn, Instant, SegmentHeader
from kiosk.outbox.layout import TABLE, folders, green_in, is_segment, quarantine
from kiosk.outbox.lines import read_journal
from kiosk.outbox.lock import LOCK


class Segment(msgspec.Struct, frozen=True):
    """A sealed segment. `damaged`: some of it could not be read, records perhaps."""

    name: str
    header: SegmentHeader
    records: list[CheckIn]
    damaged: bool

    def age_s(self, now: Instant) -> float:
        """Seconds since its last record was made; at least, if that was in an earlier boot. The
        wall clock may have jumped by years: within a boot it is not asked, and otherwise only
        where it was right. A floor is not later than the present."""
        last = self.records[-1]
        if last.boot_id and last.boot_id == now.boot_id:
            return max(0, now.boottime_ms - last.boottime_ms) / 1000
        since_ms = now.boottime_ms if last.boot_id and now.boot_id else 0
        if last.clock == "synced":
            since_ms = max(since_ms, now.wall_ms - last.scanned_at_ms)
        return since_ms / 1000


def read_segment(path: Path) -> Segment | None:
    """What a file holds, wherever it lies; None when there is no header or no record. Changes
    nothing. Raises OSError."""
    journal = read_journal(path)
    damaged = journal.damaged > 0
    try:
        header = msgspec.convert(journal.header, SegmentHeader)
    except msgspec.ValidationError:
        return None
    records = []
    for document in journal.tables.get(TABLE, {}).values():
        try:
            record = msgspec.convert(document, CheckIn)
        except msgspec.ValidationError:
            damaged = True
            continue
        # A file system may show what lay in a block before: lines of an older segment.
        if record.epoch == header.epoch and record.seq >= header.first_seq:
            records.append(record)
    if not records:
        return None
    damaged = damaged or len(records) < green_in(path.name)
    return Segment(path.name, header, sorted(records, key=lambda r: r.seq), damaged)


class SealedSegments:
    """Reads and removes sealed segments. Raises OutboxError where the directory fails."""

    def __init__(self, directory: Path) -> None:
        self._folders = folders(directory)

    def waiting(self) -> list[str]:
        """Names of all sealed segments, oldest first. No file is opened for it: there may
        be tens of thousands."""
        found = self._list(self._folders.sealed)
        names = [name for name in found if is_segment(name)]
        if len(names) < len(found):
            for name in set(found).difference(names):
                self._set_aside(name)
        return sorted(names)

    def read(self, name: str) -> Segment | None:
        """A segment; None when nothing of it could be read: it is in quarantine then."""
        path = self._folders.sealed / name
        try:
            segment = read_segment(path)
        except OSError as error:
            raise OutboxError(f"cannot read {path}: {error}") from error
        if segment is None:
            self._set_aside(name)
        return segment

    def drop(self, name: str, keep: bool = False) -> None:
        """Forgets a segment that the centre has answered in full; `keep` moves it to
        quarantine instead. A power cut may undo this: the segment is then sent twice."""
        if keep:
            self._set_aside(name)
            return
        path = self._folders.sealed / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutboxError(f"cannot remove {path}: {error}") from error

    def still_open(self) -> list[int]:
        """How many records each segment in `open/` holds, as far as it is written, but for
        those without any: the scanner's, who may put more or hand it over meanwhile."""
        counts = []
        for name in sorted(self._list(self._folders.open)):
            path = self._folders.open / name
            if name == LOCK or path.is_dir():
                continue
            try:
                records = len(read_journal(path).tables.get(TABLE, {}))
            except FileNotFoundError:  # handed over in between
                continue
            except OSError as error:
                raise OutboxError(f"cannot read {path}: {error}") from error
            if records:
                counts.append(records)
        return counts

    def quarantined(self) -> list[str]:
        """Names of the files that were set aside."""
        return sorted(self._list(self._folders.quarantine))

    def age_s(self, name: str, now: Instant) -> float:
        """That of a segment, see there; 0 when it is gone or cannot be read. Raises OSError."""
        try:
            segment = read_segment(self._folders.sealed / name)
        except FileNotFoundError:  # dropped in between
            return 0.0
        return segment.age_s(now) if segment else 0.0

    def _set_aside(self, name: str) -> None:
        path = self._folders.sealed / name
        try:
            quarantine(path, self._folders.quarantine)
        except OSError as error:
            raise OutboxError(f"cannot move {path} to quarantine: {error}") from error

    def _list(self, folder: Path) -> list[str]:
        try:
            return os.listdir(folder)  # noqa: PTH208 - a Path for each takes its time
        except OSError as error:
            raise OutboxError(
                f"cannot list {folder}: {error}; does the outbox exist, may this user read it?"
            ) from error
