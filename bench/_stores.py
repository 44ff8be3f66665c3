"""What a check-in can be kept in: our outbox, and its peers as anybody would use them."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec
from tinydb import TinyDB

from bench._visitors import SEGMENT, Begin, check_in, fill, sealing
from kiosk import clock
from kiosk.faults import Faults
from kiosk.model import CheckIn
from kiosk.outbox import Outbox
from kiosk.scanner.store import FAULTS, SealTimer, Store
from kiosk.seal import SegmentSeal

log = logging.getLogger(__name__)


class Keeper(Protocol):
    """Keeps check-ins on a card, `pending` of them already."""

    def put(self) -> None:
        """One more, durably."""

    def close(self) -> None:
        """Nothing more comes."""


class Ours:
    """The scanner's outbox with its timer. Sealing counts."""

    def __init__(self, card: Path, pending: int, connected: Path | None = None) -> None:
        begin = sealing()
        self.folder = card / "outbox"
        fill(self.folder, pending, begin)
        faults = Faults(lambda _cue: None, clock.boottime, FAULTS, log)
        self._store: Store = Store(partial(_opened, self.folder, begin), faults, clock.boottime)
        outbox = self._store.keep_open()
        if outbox is None:
            raise RuntimeError(str(self._store.problem))
        self._outbox = outbox
        self._timer = SealTimer(self._store, 1.0, connected or card / "nobody")
        self._timer.start()

    def put(self) -> None:
        self._outbox.put(check_in)

    def close(self) -> None:
        self._timer.stop()
        self._outbox.close()


def _opened(folder: Path, begin: Begin) -> Outbox[SegmentSeal]:
    return Outbox(folder, SEGMENT, begin)


class Append:
    """A file to which a line is appended and `fdatasync`ed. Prepared bytes: nothing is encoded."""

    def __init__(self, card: Path, _pending: int) -> None:
        self._lines = (msgspec.json.encode(record) + b"\n" for record in _records())
        path = card / "lines"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._line = next(self._lines)

    def put(self) -> None:
        os.write(self._fd, self._line)
        os.fdatasync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class Sqlite:
    """SQLite in WAL mode that syncs each transaction (`synchronous=FULL`)."""

    def __init__(self, card: Path, pending: int) -> None:
        self._db = sqlite3.connect(card / "kiosk.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE check_in (epoch TEXT, seq INTEGER, body BLOB, PRIMARY KEY (epoch, seq))"
        )
        self._rows = ((r.epoch, r.seq, msgspec.json.encode(r)) for r in _records())
        self._db.execute("BEGIN")
        self._db.executemany(_INSERT, (next(self._rows) for _ in range(pending)))
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._row = next(self._rows)

    def put(self) -> None:
        self._db.execute(_INSERT, self._row)
        self._row = next(self._rows)

    def close(self) -> None:
        self._db.close()


_INSERT = "INSERT INTO check_in VALUES (?, ?, ?)"


class TinyDb:
    """TinyDB as it comes: one JSON file, written whole each time, never synced."""

    def __init__(self, card: Path, pending: int) -> None:
        self._db = TinyDB(card / "kiosk.json")
        self._documents = (msgspec.to_builtins(record) for record in _records())
        self._db.insert_multiple(next(self._documents) for _ in range(pending))

    def put(self) -> None:
        self._db.insert(next(self._documents))

    def close(self) -> None:
        self._db.close()


def _records() -> Iterator[CheckIn]:
    """Without an end, all of one segment."""
    seal = sealing()("0" * 16, 1)
    one = check_in(seal, 1)
    seq = 0
    while seq := seq + 1:
        yield msgspec.structs.replace(one, seq=seq)
