"""The uplink's side of the outbox: what waits, read, dropped or set aside."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from kiosk.errors import OutboxError
from kiosk.model import CheckIn, Instant, SegmentHeader
from kiosk.outbox.layout import SEGMENT_NAME, TABLE, TORN, folders, green_in, quarantine
from kiosk.outbox.lines import read_journal
from kiosk.outbox.lock import LOCK
from kiosk.outbox.unread import Unread


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
        self._unread = Unread()
        self._strays: set[str] = set()

    def waiting(self) -> list[str]:
        """Names of all sealed segments, oldest first. No file is opened for it: there may
        be tens of thousands."""
        return self._sorted_out()[0]

    def strays(self) -> list[str]:
        """Names of whatever else lies among them."""
        return sorted(self._sorted_out()[1])

    def collect(self) -> list[str]:
        """Those that wait; what else lies among them is set aside, as far as that can be done."""
        names, self._strays = self._sorted_out()
        with suppress(OutboxError):  # whoever tries again is told
            self.set_strays_aside()
        return names

    def set_strays_aside(self) -> None:
        """Tries again what `collect` could not move. Raises the first OutboxError, when all the
        others are done."""
        failed: OutboxError | None = None
        for name in sorted(self._strays):
            try:
                if os.path.lexists(self._folders.sealed / name):  # else somebody has taken it away
                    self._set_aside(name)
            except OutboxError as error:
                failed = failed or error
            else:
                self._strays.remove(name)
        if failed is not None:
            raise failed

    def _sorted_out(self) -> tuple[list[str], set[str]]:
        found = self._list(self._folders.sealed)
        names = sorted(filter(SEGMENT_NAME.fullmatch, found))
        return names, set(found).difference(names) if len(names) < len(found) else set()

    def read(self, name: str) -> Segment | None:
        """A segment; None when nothing of it could be read: it is in quarantine then. Raises
        OutboxError while the card does not give it, and there is hope."""
        path = self._folders.sealed / name
        try:
            segment = self._unread.read(path, read_segment)
        except OSError as error:
            raise _failed(f"read {path}", error) from error
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
            raise _failed(f"remove {path}", error) from error

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
                raise _failed(f"read {path}", error) from error
            if records:
                counts.append(records)
        return counts

    def quarantined(self) -> list[str]:
        """Names of the files that were set aside and need somebody's look."""
        return sorted(n for n in self._list(self._folders.quarantine) if not n.endswith(TORN))

    def torn(self) -> list[str]:
        """Names of those that were set aside as cut short in the first write, as a power cut
        does it: before anybody saw green."""
        return sorted(n for n in self._list(self._folders.quarantine) if n.endswith(TORN))

    def age_s(self, name: str, now: Instant) -> float | None:
        """That of a segment, see there; None when it is gone or cannot be read."""
        try:
            segment = read_segment(self._folders.sealed / name)
        except OSError:  # dropped in between; or whoever sends it says why not
            return None
        return segment.age_s(now) if segment else None

    def _set_aside(self, name: str) -> None:
        path = self._folders.sealed / name
        try:
            quarantine(path, self._folders.quarantine)
        except OSError as error:
            raise _failed(f"move {path} to quarantine", error) from error

    def _list(self, folder: Path) -> list[str]:
        try:
            return os.listdir(folder)  # noqa: PTH208 - a Path for each takes its time
        except OSError as error:
            raise OutboxError(
                f"cannot list {folder}: {error.strerror}; does the outbox exist, may this user read"
                " it?"
            ) from error


def _failed(what: str, error: OSError) -> OutboxError:
    return OutboxError(
        f"cannot {what}: {error.strerror or error}; may this user do that, is the card read-only or"
        " worn out?"
    )
