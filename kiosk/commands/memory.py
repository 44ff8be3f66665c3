"""Which commands there were: what has begun does not begin again, whatever is delivered twice.

One small file, written before a command is carried out and after. An id that is forgotten
raises a mark in time: what was issued before it is refused, so that no clock is needed to
know that a command is not new.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from kiosk import durable, wire
from kiosk.model import Instant, Millis

KEPT = 32
MAX_BYTES = 64 * 1024
SKEW_MS = 5 * 60 * 1000
"""A command may be dated so far ahead of this kiosk's clock."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One signed command. `digest` tells it from another one with the same id. While `st` is
    "running", `boot_id` tells whether it may still be."""

    id: wire.CommandId
    digest: Annotated[str, Meta(max_length=64)]
    name: wire.Line
    key: wire.Line
    issued_ms: Millis
    correlation: bytes
    boot_id: wire.Line
    st: wire.Status = "running"
    reason: wire.Line = ""
    detail: Annotated[str, Meta(max_length=500)] = ""
    told: bool = False


class _File(msgspec.Struct, frozen=True):
    forgotten_ms: Millis
    entries: list[Entry]


class Memory:
    """`damage` says in words why the file cannot be believed; nothing may be begun then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._forgotten_ms = 0
        self._dirty = False
        self.damage = ""
        try:
            self._read(path.read_bytes())
        except FileNotFoundError:
            pass
        except OSError as error:
            self.damage = f"{path} cannot be read: {error.strerror}"
        except ValueError as error:
            self.damage = f"{path} is damaged: {error}"

    def _read(self, data: bytes) -> None:
        digest, _, body = data[:MAX_BYTES].partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            raise ValueError("its checksum does not hold")
        file = msgspec.json.decode(body, type=_File)
        self._forgotten_ms = file.forgotten_ms
        self._entries = {entry.id: entry for entry in file.entries}

    def heal(self, now: Instant) -> bool:
        """Begins anew after damage, with a mark that no command issued so far can pass. False
        while the clock is not set, or the card cannot be written."""
        if now.clock != "synced":
            return False
        with self._lock:
            self._entries.clear()
            self._forgotten_ms = now.wall_ms + SKEW_MS
            try:
                self._write()
            except OSError:
                return False
            self.damage = ""
        return True

    def known(self, id: str) -> Entry | None:
        """What became of a command."""
        return self._entries.get(id)

    def is_past(self, issued_ms: int) -> bool:
        """Whether a command that is not known may be one that was forgotten."""
        return issued_ms <= self._forgotten_ms

    def all(self) -> list[Entry]:
        """In the order in which they were issued."""
        with self._lock:
            return sorted(self._entries.values(), key=lambda entry: entry.issued_ms)

    def begin(self, entry: Entry) -> None:
        """Durable once it returns. Raises OSError; then the command must not be carried out."""
        with self._lock:
            before = dict(self._entries), self._forgotten_ms
            self._entries[entry.id] = entry
            by_age = sorted(self._entries.values(), key=lambda kept: kept.issued_ms)
            for oldest in by_age[: max(0, len(by_age) - KEPT)]:
                del self._entries[oldest.id]
                self._forgotten_ms = max(self._forgotten_ms, oldest.issued_ms)
            try:
                self._write()
            except OSError:
                self._entries, self._forgotten_ms = before
                raise

    def end(self, id: str, st: wire.Status, reason: str, detail: str) -> None:
        """How it ended, durably. Raises OSError, and remembers it in memory."""
        with self._lock:
            known = self._entries.get(id)
            if known is not None:
                self._entries[id] = msgspec.structs.replace(
                    known, st=st, reason=reason[:64], detail=detail[:500]
                )
                self._dirty = True
                self._write()

    def told(self, id: str) -> None:
        """The broker has its end; written with the next change, or by `close`."""
        with self._lock:
            known = self._entries.get(id)
            if known is not None and not known.told:
                self._entries[id] = msgspec.structs.replace(known, told=True)
                self._dirty = True

    def close(self) -> None:
        """Writes what is left to write. Raises OSError."""
        with self._lock:
            if self._dirty and not self.damage:
                self._write()

    def _write(self) -> None:
        body = msgspec.json.encode(_File(self._forgotten_ms, list(self._entries.values())))
        digest = hashlib.sha256(body).hexdigest().encode()
        durable.replace(self._path, digest + b"\n" + body)
        self._dirty = False
