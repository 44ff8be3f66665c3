"""The uplink's side of the outbox: what waits, read, dropped or set aside."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path

import msgspec

from kiosk.errors import OutboxError
from kiosk.model import CheckIn, SegmentHeader
from kiosk.outbox.journal import read_journal
from kiosk.outbox.layout import TABLE, SegmentName, folders, parse_name, quarantine


class Segment(msgspec.Struct, frozen=True):
    """A sealed segment. `damaged`: some of its records could not be read and are not here."""

    name: str
    header: SegmentHeader
    records: list[CheckIn]
    damaged: bool


def read_segment(path: Path) -> Segment | None:
    """What a file holds, wherever it lies; None when nothing of it can be read. Changes
    nothing. Raises OSError."""
    journal = read_journal(path)
    damaged = journal.damaged > 0
    records = []
    for document in journal.tables.get(TABLE, {}).values():
        try:
            records.append(msgspec.convert(document, CheckIn))
        except msgspec.ValidationError:
            damaged = True
    try:
        header = msgspec.convert(journal.header, SegmentHeader)
    except msgspec.ValidationError:
        return None
    if not records:
        return None
    return Segment(path.name, header, sorted(records, key=lambda r: r.seq), damaged)


class SealedSegments:
    """Reads and removes sealed segments. Raises OutboxError where the directory fails."""

    def __init__(self, directory: Path) -> None:
        self._folders = folders(directory)

    def waiting(self) -> list[str]:
        """Names of all sealed segments, oldest first."""
        by_epoch: dict[str, list[SegmentName]] = defaultdict(list)
        for path in self._list(self._folders.sealed):
            name = parse_name(path.name)
            if name is None:
                self._set_aside(path)
            else:
                by_epoch[name.epoch].append(name)
        runs = [sorted(names) for names in by_epoch.values()]
        # Epochs are random; their order is that of their oldest files.
        runs.sort(key=lambda run: self._mtime(str(run[0])))
        return [str(name) for run in runs for name in run]

    def read(self, name: str) -> Segment | None:
        """A segment; None when nothing of it could be read: it is in quarantine then."""
        path = self._folders.sealed / name
        try:
            segment = read_segment(path)
        except OSError as error:
            raise OutboxError(f"cannot read {path}: {error}") from error
        if segment is None:
            self._set_aside(path)
        return segment

    def drop(self, name: str, keep: bool = False) -> None:
        """Forgets a segment that the centre has answered in full; `keep` moves it to
        quarantine instead. A power cut may undo this: the segment is then sent twice."""
        path = self._folders.sealed / name
        if keep:
            self._set_aside(path)
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutboxError(f"cannot remove {path}: {error}") from error

    def _set_aside(self, path: Path) -> None:
        try:
            quarantine(path, self._folders.quarantine)
        except OSError as error:
            raise OutboxError(f"cannot move {path} to quarantine: {error}") from error

    def still_open(self) -> list[int]:
        """How many records each segment in `open/` holds, as far as it is written, but for
        those without any: the scanner's, who may put more or hand it over meanwhile."""
        counts = []
        for path in sorted(self._list(self._folders.open)):
            if parse_name(path.name) is None:
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
        return sorted(path.name for path in self._list(self._folders.quarantine))

    def age_s(self, name: str) -> float:
        """Seconds since the last record of a segment was written."""
        return max(0.0, time.time() - self._mtime(name) / 1e9)

    def _mtime(self, name: str) -> int:
        try:
            return (self._folders.sealed / name).stat().st_mtime_ns
        except FileNotFoundError:  # dropped in between
            return time.time_ns()

    def _list(self, folder: Path) -> list[Path]:
        try:
            return list(folder.iterdir())
        except OSError as error:
            raise OutboxError(
                f"cannot list {folder}: {error}; does the outbox exist, may this user read it?"
            ) from error
