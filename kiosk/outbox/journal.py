"""A storage for TinyDB that appends one checksummed line per change.

TinyDB's own JSON storage rewrites the whole file on each insert, in place: slow with many
documents, and a power cut in the middle destroys them all. Here a change costs one
`pwrite` and one `fdatasync`, whatever the file holds already. Lines fill blocks of zeros that
are on the card before: then the sync writes the line's block alone, and not also the file
system's journal for a file that grew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tinydb.storages import Storage

from kiosk.outbox.layout import write_all
from kiosk.outbox.lines import Line, Tables, encode

GROW_BYTES = 16 * 1024
"""A file that is full grows to the next multiple of this."""


class JournalStorage(Storage):
    """Use as `TinyDB(path, header, storage=JournalStorage)` on a file of zeros.

    `header` is written with the first change, in the same sync, so that a blank file stays
    blank until it holds something worth keeping. After an error of `write` nothing more may
    be written: what the disk holds then is unknown.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        blank = path.read_bytes()
        if blank.strip(b"\0"):
            raise OSError(f"{path} was written before; a journal is written by one process")
        self._tables: Tables = {}
        self._next_line = 0
        self._header = header
        self._position, self._size = 0, len(blank)
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def read(self) -> Tables | None:
        """All tables; None while there is none, as TinyDB wants it."""
        return dict(self._tables) or None

    def write(self, data: Tables) -> None:
        """Appends the difference between `data` and what is stored, durably."""
        changed, gone = _changed(self._tables, data), _gone(self._tables, data)
        if not changed and not gone:
            return
        if self._next_line == 0:
            lines = [Line(0, self._header), Line(1, self._header, changed, gone)]
        else:
            lines = [Line(self._next_line, None, changed, gone)]
        self._append(b"".join(map(encode, lines)))
        self._next_line = lines[-1].n + 1
        self._tables = {name: dict(documents) for name, documents in data.items()}

    def _append(self, lines: bytes) -> None:
        end = self._position + len(lines)
        if end > self._size:
            self._size = end + -end % GROW_BYTES
            lines += bytes(self._size - end)
        write_all(self._fd, lines, self._position)
        os.fdatasync(self._fd)
        self._position = end

    def close(self) -> None:
        """Closes the file; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _changed(old: Tables, new: Tables) -> Tables:
    changes = {}
    for name, documents in new.items():
        known = old.get(name, {})
        # TinyDB hands unchanged documents back as the same objects.
        fresh = {k: v for k, v in documents.items() if known.get(k) is not v and known.get(k) != v}
        if fresh:
            changes[name] = fresh
    return changes


def _gone(old: Tables, new: Tables) -> dict[str, list[str]]:
    gone = {name: [k for k in docs if k not in new.get(name, {})] for name, docs in old.items()}
    return {name: ids for name, ids in gone.items() if ids}
