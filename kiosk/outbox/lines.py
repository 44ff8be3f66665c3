"""The lines of a journal: how they are written, and what can be read of damaged ones.

A line is `CRC32 LENGTH JSON LF`: eight hex digits over what follows them, six decimal digits
for the bytes of the JSON object. That counts lines in `n` and carries the `header` (the
first two lines, each whole: a flipped bit costs one of them at most), and per table what was
`set` and what was `del`eted. Zeros follow: blocks that later lines will fill.

What cannot be read at the end of a file was either torn by a power cut, then its change was
never acknowledged and is dropped, or damaged later. Of a torn write, its end is missing or a
whole sector of it, so that zeros stand there or what is no text. Anything else is damage: it
is reported, and the lines around it are kept. What decays later may look torn too: that
records are missing then is told by the name of a sealed segment.
"""

from __future__ import annotations

import re
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

Tables = dict[str, dict[str, Any]]

MOST_BYTES = 1 << 20
"""Far more than any segment holds: what is larger is somebody's holiday video."""

_PREFIX = re.compile(rb"([0-9a-f]{8}) ([0-9]{6} )")
_PREFIX_BYTES = 16
_NO_TEXT = re.compile(rb"[^ -~\n]")
_SECTOR = 512
_LF = b"\n"


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change, or the header alone."""

    n: int
    header: dict[str, Any] | None = None
    set: Tables = {}
    delete: dict[str, list[str]] = msgspec.field(name="del", default_factory=dict)


class Journal(NamedTuple):
    """What a file holds. `damaged` counts lines lost to anything but a torn tail, and flipped
    line ends, which cost nothing."""

    header: dict[str, Any] | None
    tables: Tables
    damaged: int
    blank: bool
    """Nothing but zeros."""
    cut_short: bool
    """Nothing but a first write that was interrupted, as far as can be told."""


def encode(line: Line) -> bytes:
    """The bytes of a line."""
    body = msgspec.json.encode(line)
    rest = b"%06d %s" % (len(body), body)
    return b"%08x %s\n" % (zlib.crc32(rest), rest)


def read_journal(path: Path) -> Journal:
    """Reads a journal, at most `MOST_BYTES`; whatever the bytes are, only OSError is raised."""
    with path.open("rb") as file:
        data = file.read(MOST_BYTES)
    end = len(data.rstrip(b"\0"))
    header: dict[str, Any] | None = None
    tables: Tables = {}
    at = expected = damaged = 0
    unread = -1  # where what cannot be read begins
    while at < end:
        line = _line(data, at)
        if line is None or line.n < expected:
            unread = at if unread < 0 else unread
            at = data.find(_LF, at, end) + 1 or end
            continue
        missing = line.n - expected
        # The first write has two lines; of all others a line that follows proves the sync.
        if not (line.n == 1 and unread >= 0 and _torn(data[:at], unread)):
            damaged += max(missing, unread >= 0)
        expected, unread = line.n + 1, -1
        header = line.header if header is None else header
        _apply(tables, line)
        at = _after(data, at)
        damaged += at <= end and data[at - 1 : at] != _LF
    if unread >= 0 and not _torn(data[:end], unread):
        damaged += data.count(_LF, unread, end)
    return Journal(
        header,
        tables,
        damaged,
        blank=end == 0,
        # Of a first write two lines at most can be seen to begin.
        cut_short=end > 0 and not tables and not damaged and len(_PREFIX.findall(data)) <= 2,
    )


def _after(data: bytes, at: int) -> int:
    """Where a line ends that begins at `at`."""
    return at + _PREFIX_BYTES + int(data[at + 9 : at + 15]) + 1


def _line(data: bytes, at: int) -> Line | None:
    prefix = _PREFIX.match(data, at)
    if prefix is None:
        return None
    body = data[at + _PREFIX_BYTES : _after(data, at) - 1]
    if prefix[1] != b"%08x" % zlib.crc32(body, zlib.crc32(prefix[2])):
        return None
    try:
        return msgspec.json.decode(body, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _torn(data: bytes, start: int) -> bool:
    """Whether an interrupted write explains what stands from `start` to the end."""
    if not data.endswith(_LF):
        return True
    bounds = [start, *range(start - start % _SECTOR + _SECTOR, len(data), _SECTOR), len(data)]
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    # One byte that is no text may be a flipped bit.
    return any(not piece.strip(b"\0") or len(_NO_TEXT.findall(piece)) > 1 for piece in pieces)


def _apply(tables: Tables, line: Line) -> None:
    for name, documents in line.set.items():
        tables.setdefault(name, {}).update(documents)
    for name, ids in line.delete.items():
        for doc_id in ids:
            tables.get(name, {}).pop(doc_id, None)
