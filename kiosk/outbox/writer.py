"""The scanner's side of the outbox: `put` returns once the check-in is durable."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

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

SEALED_BYTES = 128 * 1024
"""A segment that holds this much takes no more: on the wire, in base64 and with what is
around it, it must stay below `wire.MAX_BATCH_BYTES`."""


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
        self.bytes = 0
        self.since = 0.0
        self._db = TinyDB(path, msgspec.to_builtins(seal.header), storage=JournalStorage)
        self._table = self._db.table(TABLE)

    def insert(self, record: CheckIn) -> None:
        self._table.insert(Document(msgspec.to_builtins(record), doc_id=record.seq))
        if self.count == 0:
            self.since = time.monotonic()
        self.count += 1
        self.bytes += len(record.sealed)

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
        self._current: _Open[S] | None = None
        self._lock = _lock(self._folders.open)
        try:
            self.epoch, self.next_seq = _recover(self._folders)
            current = self._roll()
            with suppress(OSError):  # the first tick says so, and tries again
                _hand_over(self._folders, current.path)
        except BaseException as error:
            self._abandon()
            os.close(self._lock)
            if isinstance(error, OSError):
                raise _as_outbox_error(error) from error
            raise

    def put(self, make: Callable[[S, int], CheckIn]) -> CheckIn:
        """Stores the record that `make(seal, seq)` returns, durably, and returns it.

        Raises OutboxFull before anything is written when the card is full, OutboxError when
        the disk failed: the sequence number is then burnt and the segment abandoned.
        """
        with self._mutex:
            try:
                self._refuse_when_full()
                segment = self._current
                if segment is None or self._is_full(segment):
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
        is `connected` to take it, and hands over what is sealed. Called by a timer; raises
        what keeps records from moving or the next `put` from working: OutboxFull,
        OutboxError."""
        with self._mutex:
            try:
                current = self._current
                if current is None or self._is_due(current, after_s, connected):
                    current = self._roll()
                _hand_over(self._folders, current.path)
                self._refuse_when_full()
            except OSError as error:
                raise _as_outbox_error(error) from error

    def _is_full(self, segment: _Open[S]) -> bool:
        return segment.count >= self._segment_records or segment.bytes >= SEALED_BYTES

    def _is_due(self, segment: _Open[S], after_s: float, connected: bool) -> bool:
        aged = time.monotonic() - segment.since >= after_s
        return self._is_full(segment) or (segment.count > 0 and connected and aged)

    def close(self) -> None:
        """Seals what is open and lets the next scanner in; may be called twice."""
        with self._mutex:
            if self._lock < 0:
                return
            try:
                current = self._current
                if current is None or current.count:
                    current = self._roll()
                _hand_over(self._folders, current.path)
            except OSError as error:
                raise _as_outbox_error(error) from error
            finally:
                self._abandon()
                os.close(self._lock)
                self._lock = -1

    def _roll(self) -> _Open[S]:
        """The next segment is durable before the old one is closed: one always exists, and
        its name is the proof of which sequence numbers were used."""
        name = SegmentName(self.epoch, self.next_seq)
        path = self._folders.open / str(name)
        _create(path)
        fresh = _Open(path, self._begin(name.epoch, name.first_seq))
        self._abandon()
        self._current = fresh
        return fresh

    def _abandon(self) -> None:
        if self._current is not None:
            self._current.close()
            self._current = None

    def _refuse_when_full(self) -> None:
        disk = os.statvfs(self._folders.open)
        free = disk.f_bavail * disk.f_frsize
        if free < RESERVE_BYTES:
            raise OutboxFull(
                f"card full: less than {RESERVE_BYTES >> 20} MiB free, which the system needs;"
                " connect the kiosk so that its records drain, or free space"
            )


def seal_leftovers(directory: Path) -> int:
    """Seals what a dead scanner left open, so that the uplink can send it; how many
    segments that were. Raises OutboxLocked while a scanner is alive, OutboxError."""
    places = _prepare(directory)
    lock = _lock(places.open)
    try:
        current = places.open / str(SegmentName(*_recover(places)))
        _create(current)
        return _hand_over(places, current)
    except OSError as error:
        raise _as_outbox_error(error) from error
    finally:
        os.close(lock)


def scanner_at_work(directory: Path) -> bool:
    """Whether a live scanner holds the outbox. Raises OSError when this user may not know."""
    return is_held(folders(directory).open / _LOCK)


def _recover(places: Folders) -> tuple[str, int]:
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
    next_seq = 1
    proven = len({name.epoch for name in found}) == 1
    for name, journal in found.items():
        used = list(journal.tables.get(TABLE, {}))
        if journal.damaged or not all(doc_id.isdecimal() for doc_id in used):
            proven = False
        else:
            next_seq = max([next_seq, name.first_seq, *(int(doc_id) + 1 for doc_id in used)])
    if not proven:
        return secrets.token_hex(8), 1
    return next(iter(found)).epoch, next_seq


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
        sync_directory(directory)  # whoever made them may not have come so far
    except OSError as error:
        raise _as_outbox_error(error) from error
    return places


def _lock(place: Path) -> int:
    try:
        fd = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise _as_outbox_error(error) from error
    _give(fd, place)
    deadline = time.monotonic() + 1  # somebody may look for a moment who holds it
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(fd)
                raise OutboxLocked(
                    f"another scanner holds {place.parent}; only one may run, stop it first"
                ) from error
            time.sleep(0.05)


def _create(path: Path) -> None:
    """An empty segment, durable in file and directory.

    One of that name may be there, empty or with the torn line of a first put: its number
    was never answered green and is free again.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        if read_journal(path).lines:
            raise OutboxError(f"{path} holds records that its name does not allow")
        os.ftruncate(fd, 0)
        _give(fd, path.parent)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def _give(fd: int, folder: Path) -> None:
    """What root makes here belongs to the scanner, which could not use it otherwise."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with suppress(PermissionError):  # a sandbox without CAP_CHOWN: then we are the owner
            os.fchown(fd, owner.st_uid, owner.st_gid)


def _hand_over(places: Folders, current: Path) -> int:
    """Moves every segment but `current` from `open/` to `sealed/`; how many that were.

    What to do with a file is read off the file, never remembered: one without a whole line
    held no green answer and is removed.
    """
    moved = removed = 0
    for path in sorted(places.open.iterdir()):
        if path == current or parse_name(path.name) is None:
            continue
        journal = read_journal(path)
        if not journal.lines and not journal.damaged:
            path.unlink()
            removed += 1
            continue
        sync_file(path)
        if (places.sealed / path.name).exists():  # a restored card: keep both
            quarantine(path, places.quarantine)
        else:
            path.rename(places.sealed / path.name)
        moved += 1
    if moved or removed:
        sync_directory(places.sealed)
        sync_directory(places.open)
    return moved


def _as_outbox_error(error: OSError) -> OutboxError:
    if isinstance(error, OutboxError):
        return error
    if error.errno in (errno.EACCES, errno.EPERM):
        return OutboxError(f"outbox: {error}; it must belong to the user of the scanner")
    if error.errno == errno.EROFS:
        return OutboxError(f"outbox: {error}; the card is worn out or mounted read-only")
    return OutboxError(f"outbox: {error}; is the card full or worn out?")
