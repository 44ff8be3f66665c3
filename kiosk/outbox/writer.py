"""The scanner's side of the outbox: `put` returns once the check-in is durable."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec
from tinydb import TinyDB
from tinydb.table import Document

from kiosk.errors import OutboxFull, OutboxStuck
from kiosk.model import CheckIn, SegmentHeader
from kiosk.outbox.epochs import Before, epochs_before
from kiosk.outbox.handover import hand_over
from kiosk.outbox.journal import JournalStorage
from kiosk.outbox.layout import TABLE, explained, explanation, new_epoch
from kiosk.outbox.lock import LOCK, prepare, take_lock
from kiosk.outbox.spares import Spares
from kiosk.outbox.unread import Unread

RESERVE_BYTES = 4 * 1024 * 1024
"""Below this much free space nothing is taken any more: the system needs to live on."""

RESERVE_FILES = 64
"""Nor below so many free inodes."""

SEALED_BYTES = 128 * 1024
"""A segment that holds this much takes no more: on the wire, in base64 and with what is
around it, it must stay below `wire.MAX_BATCH_BYTES`."""

MOST_STUCK = 8
"""While so many files cannot be handed over, no more are begun before theirs is full: each is tried
at every tick, and a visitor would wait for that."""

log = logging.getLogger("kiosk.outbox")


class Seal(Protocol):
    """What the outbox needs of a segment's seal: the header that goes with the records."""

    @property
    def header(self) -> SegmentHeader:
        """Written with the first record."""


S = TypeVar("S", bound=Seal)


class _Open(Generic[S]):
    """The open segment."""

    def __init__(self, path: Path, seal: S, header: SegmentHeader) -> None:
        self.path = path
        self.seal = seal
        self.count = 0
        self.bytes = 0
        self.since = 0.0
        self._file = path.stat()
        self._header = header
        self._db = TinyDB(path, msgspec.to_builtins(header), storage=JournalStorage)
        self._table = self._db.table(TABLE)

    def insert(self, record: CheckIn) -> None:
        self._table.insert(Document(msgspec.to_builtins(record), doc_id=record.seq))
        if self.count == 0:
            self.since = time.monotonic()
        self.count += 1
        self.bytes += len(record.sealed)

    def is_there(self) -> bool:
        """Whether the file still has its name."""
        try:
            return os.path.samestat(self.path.stat(), self._file)
        except FileNotFoundError:
            return False

    def moved(self, path: Path) -> _Open[S]:
        """The same with all its records in another file, durably. Raises OSError, and can be
        used as before then."""
        other = _Open(path, self.seal, self._header)
        try:
            for document in self._table:
                other._table.insert(document)
        except OSError:
            other.close()
            with suppress(OSError):
                path.unlink()
            raise
        other.count, other.bytes, other.since = self.count, self.bytes, self.since
        self.close()
        return other

    def close(self) -> None:
        self._db.close()


class Outbox(Generic[S]):
    """The one writer of an outbox directory, safe to use from several threads.

    It counts in an `epoch` of its own, random and never continued by another: no card can
    prove that it is not the copy of one that counted on elsewhere. Each segment tells where the
    epoch before ended, as far as its records lie on the card. `begin(epoch, first_seq)`
    makes the seal of each new segment. Opening hands over what a dead scanner left, also on a
    full card. What somebody takes away under it, files, lock, folders, is made again, and the
    open segment written once more. Raises OutboxLocked when another scanner is at work,
    OutboxError when the directory is missing or cannot be written.
    """

    def __init__(
        self, directory: Path, segment_records: int, begin: Callable[[str, int], S]
    ) -> None:
        self.next_seq = 1
        self._directory = directory
        self._folders = prepare(directory)
        self._begin = begin
        self._segment_records = segment_records
        self._mutex = threading.Lock()
        self._current: _Open[S] | None = None
        self._green: dict[Path, int] = {}  # in files that wait to be handed over
        self._unread = Unread()
        self._whole = True
        self._lock = take_lock(self._folders)
        with suppress(OSError):  # the first tick says so, and tries again
            self._hand_over()
        before = Before("", None)
        with suppress(OSError):  # of a folder that cannot be listed the uplink tells
            before = epochs_before(self._folders)
        self.epoch = new_epoch(after=before.latest)
        self._previous = before.end
        self._spares = Spares(self._folders.open, self.epoch)

    def put(self, make: Callable[[S, int], CheckIn]) -> CheckIn:
        """Stores the record that `make(seal, seq)` returns, durably, and returns it.

        Raises OutboxFull before anything is written when the card is full, OutboxError when
        the disk failed: the sequence number is then burnt and the segment abandoned.
        """
        with self._mutex:
            with explained():
                try:
                    if not self._whole:
                        self._make_whole()
                    segment = self._with_room()
                except FileNotFoundError:
                    self._make_whole()
                    segment = self._with_room()
            record = make(segment.seal, self.next_seq)
            # Burnt whatever comes: after a failed sync nobody knows what the disk holds.
            self.next_seq += 1
            with explained():
                try:
                    segment.insert(record)
                except OSError:
                    self._abandon()
                    raise
            return record

    def tick(self, after_s: float, connected: bool) -> None:
        """Hands over the open segment when it is full, or `after_s` seconds old while
        somebody is `connected` to take it, and whatever else waits for that; makes the next
        one ready. Called by a timer; raises what keeps the next `put` from working: OutboxFull,
        OutboxError; or else what keeps records from moving: OutboxStuck."""
        with self._mutex, explained():
            if not self._is_whole():
                self._make_whole()
            self._whole = True
            if self._current is not None and self._is_due(self._current, after_s, connected):
                self._abandon()
            current = [] if self._current is None else [self._current.path]
            stuck = ""
            try:
                self._hand_over(self._spares.paths.union(current))
            except OSError as error:  # one file that cannot be moved must not close the door
                stuck = str(explanation(error))
            self._make_ready()
        with explained():  # no visitor waits for that: it takes the card long
            self._spares.refill()
        if stuck:
            raise OutboxStuck(stuck)

    def _is_whole(self) -> bool:
        """Whether nobody has taken away what we made."""
        return (
            self._is_locked()
            and all(place.exists() for place in self._folders)
            and (self._current is None or self._current.is_there())
        )

    def _is_locked(self) -> bool:
        try:
            lock = (self._folders.open / LOCK).stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(lock, os.fstat(self._lock))

    def _make_whole(self) -> None:
        self._whole = False  # until it is, no green: nobody would look where it is written
        prepare(self._directory)
        if not self._is_locked():
            lock = take_lock(self._folders)
            os.close(self._lock)
            self._lock = lock
        if self._current is not None and not self._current.is_there():
            self._current = self._current.moved(self._spares.take(at_once=True))
        self._whole = True
        log.warning(
            "files or folders were taken away from %s under the scanner, and made again;"
            " what is in it is to be left alone",
            self._directory,
        )

    def _with_room(self) -> _Open[S]:
        """The segment for the next record."""
        self._refuse_when_full()
        segment = self._current
        return self._roll(at_once=True) if segment is None or self._is_full(segment) else segment

    def _make_ready(self) -> None:
        self._refuse_when_full()
        if self._current is None:
            self._roll(at_once=False)

    def _is_full(self, segment: _Open[S]) -> bool:
        return segment.count >= self._segment_records or segment.bytes >= SEALED_BYTES

    def _is_due(self, segment: _Open[S], after_s: float, connected: bool) -> bool:
        aged = time.monotonic() - segment.since >= after_s
        wanted = segment.count > 0 and connected and len(self._green) < MOST_STUCK
        return self._is_full(segment) or (wanted and aged)

    def close(self) -> None:
        """Hands over everything and lets the next scanner in; may be called twice."""
        with self._mutex:
            if self._lock < 0:
                return
            try:
                with explained():
                    if not self._is_whole():
                        self._make_whole()
                    self._abandon()
                    self._hand_over()
            finally:
                self._abandon()
                os.close(self._lock)
                self._lock = -1

    def _roll(self, at_once: bool) -> _Open[S]:
        """Begins the next segment, in a file that is durable before anything is in it."""
        self._abandon()
        seal = self._begin(self.epoch, self.next_seq)
        header = msgspec.structs.replace(seal.header, previous=self._previous)
        self._spares.header_bytes = len(msgspec.json.encode(header))
        self._current = _Open(self._spares.take(at_once), seal, header)
        return self._current

    def _abandon(self) -> None:
        if self._current is not None:
            self._current.close()
            self._green[self._current.path] = self._current.count
            self._current = None

    def _hand_over(self, kept: Collection[Path] = ()) -> None:
        try:
            hand_over(self._folders, self._unread, kept, self._green)
        finally:  # one that stays for ever must not keep what is known of all the others
            self._green = {p: green for p, green in self._green.items() if os.path.lexists(p)}

    def _refuse_when_full(self) -> None:
        # One call for two looks: of a file that was removed it fails.
        disk = os.statvfs(self._folders.open if self._current is None else self._current.path)
        files = disk.f_favail if disk.f_files else RESERVE_FILES  # some do not count them
        if disk.f_bavail * disk.f_frsize < RESERVE_BYTES or files < RESERVE_FILES:
            raise OutboxFull(
                f"card full: less than {RESERVE_BYTES >> 20} MiB or {RESERVE_FILES} files are"
                " free, which the system needs; connect the kiosk so that its records drain,"
                " or free space"
            )
