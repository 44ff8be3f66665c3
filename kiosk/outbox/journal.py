"""A storage for TinyDB that appends one checksummed line per change.

TinyDB's own JSON storage rewrites the whole file on each insert, in place: slow with many
documents, and a power cut in the middle destroys them all. Here a change costs one
`write` and one `fdatasync`, whatever the file holds already.

A line is `CRC32 JSON LF`: eight hex digits over the JSON's bytes. The JSON object counts
lines in `n` and carries the `header` (first line only), and per table what was `set` and
what was `del`eted. A last line without LF that fails its checksum is torn: its change was
never acknowledged and is dropped. Any other line that fails its checksum or its count is
damage: it is reported, the lines around it are kept.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tinydb.storages import Storage

Tables = dict[str, dict[str, Any]]


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    n: int
    header: dict[str, Any] | None = None
    set: Tables = {}
    delete: dict[str, list[str]] = msgspec.field(name="del", default_factory=dict)


class Journal(NamedTuple):
    """What a file holds. `damaged` counts lines lost to anything but a torn tail."""

    header: dict[str, Any] | None
    tables: Tables
    lines: int
    torn: bool
    damaged: int


def read_journal(path: Path) -> Journal:
    """Reads a whole journal; whatever the bytes are, only OSError is raised."""
    *whole, tail = path.read_bytes().split(b"\n")
    torn = tail != b"" and _checked(tail) is None
    if tail and not torn:
        whole.append(tail)
    header: dict[str, Any] | None = None
    tables: Tables = {}
    expected = damaged = 0
    for raw in whole:
        line = _checked(raw)
        if line is None or line.n < expected:
            damaged += 1
            expected += 1
            continue
        damaged += line.n - expected  # lines that vanished
        expected = line.n + 1
        if line.header is not None:
            header = line.header
        _apply(tables, line)
    return Journal(header, tables, expected, torn, damaged)


def _checked(raw: bytes) -> _Line | None:
    body = raw[9:]
    if raw[:9] != b"%08x " % zlib.crc32(body):
        return None
    try:
        return msgspec.json.decode(body, type=_Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _apply(tables: Tables, line: _Line) -> None:
    for name, documents in line.set.items():
        tables.setdefault(name, {}).update(documents)
    for name, ids in line.delete.items():
        for doc_id in ids:
            tables.get(name, {}).pop(doc_id, None)


class JournalStorage(Storage):
    """Use as `TinyDB(path, header, storage=JournalStorage)`.

    `header` is written with the first change, in the same line and the same sync, so that
    an empty file stays empty until it holds something worth keeping. After an error of
    `write` nothing more may be written: what the disk holds then is unknown.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        if path.stat().st_size:
            raise OSError(f"{path} was written before; a journal is written by one process")
        self._tables: Tables = {}
        self._next_line = 0
        self._header = header
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def read(self) -> Tables | None:
        """All tables; None while there is none, as TinyDB wants it."""
        return dict(self._tables) or None

    def write(self, data: Tables) -> None:
        """Appends the difference between `data` and what is stored, durably."""
        line = _Line(
            self._next_line,
            self._header if self._next_line == 0 else None,
            _changed(self._tables, data),
            _gone(self._tables, data),
        )
        if not line.set and not line.delete:
            return
        body = msgspec.json.encode(line)
        _write_all(self._fd, b"%08x %s\n" % (zlib.crc32(body), body))
        os.fdatasync(self._fd)
        self._next_line += 1
        self._tables = {name: dict(documents) for name, documents in data.items()}

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


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
