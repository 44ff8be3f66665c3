"""The scanner's side of the outbox: `put` returns once the check-in is durable."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec
from tinydb import TinyDB
from tinydb.table import Document

from kiosk.errors import OutboxError, OutboxFull, OutboxLocked
from kiosk.model import CheckIn, SegmentHeader
from kiosk.outbox.journal import Journal, JournalStorage, read_journal
from kiosk.outbox.layout import (
    TABLE,
    Folders,
    SegmentName,
    folders,
    parse_name,
    quarantine,
    sync_directory,
    sync_file,
)
from kiosk.outbox.mark import is_held

RESERVE_BYTES = 4 * 1024 * 1024
"""Below this much free space nothing is taken any more: the system needs to live on."""


class Seal(Protocol):
    """What the outbox needs of a segment's seal: the header that goes with the records."""

    @property
    def header(self) -> SegmentHeader:
        """Written with the first record."""


S = TypeVar("S", bound=Seal)


class _Open(Generic[S]):
    """The open segment."""

    def __init__(self, path: Path, seal: S) -> None:
        self.path = path
        self.seal = seal
        self.count = 0
        self.since = 0.0
        self._db = TinyDB(path, msgspec.to_builtins(seal.header), storage=JournalStorage)
        self._table = self._db.table(TABLE)

    def insert(self, record: CheckIn) -> None:
        self._table.insert(Document(msgspec.to_builtins(record), doc_id=record.seq))
        if self.count == 0:
            self.since = time.monotonic()
        self.count += 1

    def close(self) -> None:
        self._db.close()


class Outbox(Generic[S]):
    """The one writer of an outbox directory, safe to use from several threads.

    `begin(epoch, first_seq)` makes the seal of each new segment. Opening seals what a dead
    scanner left over. Raises OutboxLocked when another scanner is at work, OutboxError when
    the directory is missing or cannot be written.
    """

    def __init__(
        self, directory: Path, segment_records: int, begin: Callable[[str, int], S]
    ) -> None:
        self._folders = _prepare(directory)
        self._begin = begin
        self._segment_records = segment_records
        self._mutex = threading.Lock()
        self._stale: list[_Stale] = []
        self._current: _Open[S] | None = None
        self._lock = _lock(self._folders.open)
        try:
            recovered = _recover(self._folders)
            self.epoch = recovered.epoch
            self.next_seq = recovered.next_seq
            self._stale = recovered.leftovers
            self._roll()
        except OSError as error:
            os.close(self._lock)
            raise _as_outbox_error(error) from error

    def put(self, make: Callable[[S, int], CheckIn]) -> CheckIn:
        """Stores the record that `make(seal, seq)` returns, durably, and returns it.

        Raises OutboxFull before anything is written when the card is full, OutboxError when
        the disk failed: the sequence number is then burnt and the segment abandoned.
        """
        with self._mutex:
            try:
                self._refuse_when_full()
                segment = self._current
                if segment is None or segment.count >= self._segment_records:
                    segment = self._roll()
                record = make(segment.seal, self.next_seq)
                # Burnt whatever comes: after a failed sync nobody knows what the disk holds.
                self.next_seq += 1
                segment.insert(record)
            except OSError as error:
                if not isinstance(error, OutboxFull):
                    self._abandon()
                raise _as_outbox_error(error) from error
            return record

    def tick(self, after_s: float, connected: bool) -> None:
        """Seals the open segment when it is full, or `after_s` seconds old while somebody
        is `connected` to take it. Called by a timer; raises what the next `put` would
        raise: OutboxFull, OutboxError."""
        with self._mutex:
            try:
                if self._current is None or self._is_due(self._current, after_s, connected):
                    self._roll()
                self._refuse_when_full()
            except OSError as error:
                raise _as_outbox_error(error) from error

    def _is_due(self, segment: _Open[S], after_s: float, connected: bool) -> bool:
        if segment.count >= self._segment_records:
            return True
        aged = time.monotonic() - segment.since >= after_s
        return segment.count > 0 and connected and aged

    def close(self) -> None:
        """Seals what is open and lets the next scanner in; may be called twice."""
        with self._mutex:
            if self._lock < 0:
                return
            try:
                if self._current is None or self._current.count:
                    self._roll()
            except OSError as error:
                raise _as_outbox_error(error) from error
            finally:
                self._abandon()
                os.close(self._lock)
                self._lock = -1

    def _roll(self) -> _Open[S]:
        """The next segment is durable before the old one is handed over: one always exists,
        and its name is the proof of which sequence numbers were used."""
        name = SegmentName(self.epoch, self.next_seq)
        path = self._folders.open / str(name)
        _create(path)
        fresh = _Open(path, self._begin(name.epoch, name.first_seq))
        self._abandon()
        self._current = fresh
        _hand_over(self._stale, self._folders, current=path)
        self._stale.clear()
        return fresh

    def _abandon(self) -> None:
        if self._current is not None:
            self._current.close()
            self._stale.append(_Stale(self._current.path, self._current.count > 0))
            self._current = None

    def _refuse_when_full(self) -> None:
        disk = os.statvfs(self._folders.open)
        free = disk.f_bavail * disk.f_frsize
        if free < RESERVE_BYTES:
            raise OutboxFull(
                f"card full: {free} bytes free, {RESERVE_BYTES} are kept in reserve;"
                " connect the kiosk so that its records drain, or free space"
            )


def seal_leftovers(directory: Path) -> int:
    """Seals what a dead scanner left open, so that the uplink can send it; how many
    segments that were. Raises OutboxLocked while a scanner is alive, OutboxError."""
    places = _prepare(directory)
    lock = _lock(places.open)
    try:
        recovered = _recover(places)
        current = places.open / str(SegmentName(recovered.epoch, recovered.next_seq))
        _create(current)
        return _hand_over(recovered.leftovers, places, current)
    except OSError as error:
        raise _as_outbox_error(error) from error
    finally:
        os.close(lock)


def scanner_at_work(directory: Path) -> bool:
    """Whether a live scanner holds the outbox. Raises OSError when this user may not know."""
    return is_held(folders(directory).open / _LOCK)


class _Stale(NamedTuple):
    """A segment that is no longer written. Without records it held no green answer."""

    path: Path
    has_records: bool


class _Recovered(NamedTuple):
    epoch: str
    next_seq: int
    leftovers: list[_Stale]


def _recover(places: Folders) -> _Recovered:
    """What the files in `open/` prove: the epoch and the first unused sequence number.

    Whatever they cannot prove (nothing there, two epochs, damage) makes a new epoch, in
    which no number was ever used.
    """
    found: dict[SegmentName, Journal] = {}
    for path in sorted(places.open.iterdir()):
        name = parse_name(path.name)
        if name is not None and path.is_file():
            found[name] = read_journal(path)
        elif path.name != _LOCK:
            quarantine(path, places.quarantine)
    leftovers = [
        _Stale(places.open / str(name), journal.lines > 0) for name, journal in found.items()
    ]
    for stale in leftovers:
        if not stale.has_records:  # a first put was torn: its number is free again
            os.truncate(stale.path, 0)
    proven = len({name.epoch for name in found}) == 1
    if not proven or any(journal.damaged for journal in found.values()):
        return _Recovered(secrets.token_hex(8), 1, leftovers)
    next_seq = 1
    for name, journal in found.items():
        used = (int(doc_id) + 1 for doc_id in journal.tables.get(TABLE, {}))
        next_seq = max([next_seq, name.first_seq, *used])
    return _Recovered(next(iter(found)).epoch, next_seq, leftovers)


_LOCK = "lock"


def _prepare(directory: Path) -> Folders:
    places = folders(directory)
    if not directory.is_dir():
        raise OutboxError(
            f"outbox {directory} is missing; create it or correct paths.outbox"
            " (on a kiosk: is the data partition mounted?)"
        )
    try:
        for place in places:
            place.mkdir(exist_ok=True)
    except OSError as error:
        raise _as_outbox_error(error) from error
    return places


def _lock(place: Path) -> int:
    try:
        fd = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise _as_outbox_error(error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise OutboxLocked(
            f"another scanner holds {place.parent}; only one may run, stop it first"
        ) from error
    return fd


def _create(path: Path) -> None:
    """An empty segment, durable in file and directory; one that is there and empty serves."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640))
    sync_file(path)
    sync_directory(path.parent)


def _hand_over(stale: list[_Stale], places: Folders, current: Path) -> int:
    """Moves what holds records to `sealed/` and removes the rest, but for `current`."""
    moved = 0
    for path, has_records in stale:
        if path == current or not path.exists():
            continue
        if not has_records:
            path.unlink()
        elif (places.sealed / path.name).exists():  # a restored card: keep both
            quarantine(path, places.quarantine)
        else:
            sync_file(path)
            path.rename(places.sealed / path.name)
            moved += 1
    if stale:
        sync_directory(places.sealed)
        sync_directory(places.open)
    return moved


def _as_outbox_error(error: OSError) -> OutboxError:
    if isinstance(error, OutboxError):
        return error
    return OutboxError(f"outbox: {error}; is the card full, worn out or read-only?")
