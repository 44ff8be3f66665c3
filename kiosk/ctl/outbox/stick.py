"""The stick that an export goes to: its files, and what it gives back of them."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from urllib.parse import quote

import msgspec

from kiosk import export, wire
from kiosk.ctl.outbox.words import say
from kiosk.durable import sync_folder
from kiosk.errors import OutboxError, WireError
from kiosk.model import Instant

if TYPE_CHECKING:
    from kiosk.credentials.policy.words import Language

_SYNC_BYTES = 8 * 1024 * 1024
_NAME_MAX = 200
_PIECE_BYTES = 1024 * 1024
Sign = Callable[[bytes], bytes]


class StickFull(OutboxError):
    """Nothing more fits; what was written before is good."""


class Origin(NamedTuple):
    """Whose records they are. `certificate` (PEM) and `sign` prove it; or empty and None."""

    kid: str
    certificate: str
    sign: Sign | None


class _File(NamedTuple):
    """An export file as it was found. `good`: bytes of it up to the last good line. `open_end`:
    it is ours, without damage but for a torn end, and may be continued there. `blank`: it has
    not one whole line."""

    path: Path
    id: str
    fingerprints: list[bytes]
    records: int
    lines: int
    good: int
    open_end: bool
    blank: bool


def fingerprint(batch: wire.Batch) -> bytes:
    """The same for the same records under the same header, whenever they were exported."""
    return hashlib.sha256(msgspec.json.encode((batch.header, batch.records))).digest()


class Stick:
    """A folder on a stick. Files in it are only ever added to. Raises OutboxError, in words for
    the technician, StickFull among them."""

    def __init__(self, folder: Path, origin: Origin, lang: Language) -> None:
        self.folder = folder
        self._origin = origin
        self._lang = lang
        self._fd = -1
        self._number = self._unsynced = self._segments = self._records = 0
        self._id = ""
        self._at: Instant | None = None
        self.path = folder

    def check(self, outbox: Path, any_folder: bool) -> None:
        """Whether a stick is there and can be written."""
        with self._told():
            if not self.folder.is_dir():
                raise self._error("no-folder")
            device = self.folder.stat().st_dev
            if not any_folder and device in (outbox.stat().st_dev, Path("/").stat().st_dev):
                raise self._error("not-mounted")
            if os.statvfs(self.folder).f_flag & os.ST_RDONLY:
                raise self._error("read-only")

    def begin(self, now: Instant) -> set[bytes]:
        """Continues a file that was broken off, or makes one with the first `add`. Fingerprints
        of all segments that lie on the stick already and can be read back."""
        self._at = now
        with self._told():
            found = [self._look(path) for path in self._paths()]
            last = found[-1] if found else None
            if last is not None and last.open_end:
                self._continue(last)
            elif last is not None and last.blank:
                self.path = last.path
            else:
                self.path = self._next(last.path if last else None)
        return {one for file in found for one in file.fingerprints}

    def add(self, batch: wire.Batch) -> None:
        """Writes a segment, or what of it fits one message."""
        if self._fd < 0:
            self._create()
        self._write("segment", wire.encode(batch))
        self._segments += 1
        self._records += len(batch.records)

    def finish(self) -> None:
        """Writes the last line; everything is on the medium afterwards."""
        if self._fd < 0:
            return
        self._write_head()
        self._write(
            "end", msgspec.json.encode(export.End(segments=self._segments, records=self._records))
        )
        self.sync()

    def sync(self) -> None:
        """As far as it was written."""
        if self._fd < 0:
            return
        with self._told():
            os.fsync(self._fd)
            self._unsynced = 0
            sync_folder(self.folder)

    def close(self) -> None:
        """Closes the file; may be called twice. What was not synced may be lost."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def given_back(self) -> set[bytes]:
        """Fingerprints of the segments in the file, read from the medium."""
        if self._fd < 0:
            return set()
        with self._told():
            return set(self._look(self.path).fingerprints)

    def copy(self, source: Path) -> tuple[Path, bool]:
        """Copies a file as it is; where to, and whether it can be read back the same. Nothing
        else that lies there is written over. Raises OSError where the source cannot be read."""
        folder = self.folder / f"{self._origin.kid}-quarantine"
        name = quote(source.name, safe="")
        if len(name) > _NAME_MAX:
            name = f"{name[:_NAME_MAX]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        with source.open("rb") as original:
            wanted = _digest(original)
            original.seek(0)
            with self._told():
                folder.mkdir(exist_ok=True)
                target = _place(folder / name, wanted)
                copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            try:
                while piece := original.read(_PIECE_BYTES):
                    with self._told():
                        _write_all(copy, piece)
                with self._told():
                    os.fsync(copy)
                    sync_folder(folder)
            finally:
                os.close(copy)
        with self._told(), _uncached(target) as copied:
            return target, _digest(copied) == wanted

    def _paths(self) -> list[Path]:
        ours = re.compile(
            rf"{re.escape(self._origin.kid)}-([0-9]{{3,9}}){re.escape(export.SUFFIX)}"
        )
        numbers = {p: int(m[1]) for p in self.folder.iterdir() if (m := ours.fullmatch(p.name))}
        return sorted(numbers, key=lambda path: numbers[path])

    def _look(self, path: Path) -> _File:
        found = _File(path, "", [], 0, 0, 0, open_end=False, blank=True)
        bad: list[int] = []
        number, ended = -1, False
        with _uncached(path) as file:
            for number, line in enumerate(export.lines(file)):
                if line is None or line.number != number:
                    bad.append(number)
                    continue
                if number == 0 and self._is_ours(line):
                    found = found._replace(id=line.id)
                batch = _batch(line.json) if line.kind == "segment" else None
                if batch is not None and line.id == found.id:
                    found.fingerprints.append(fingerprint(batch))
                    found = found._replace(records=found.records + len(batch.records))
                ended = ended or line.kind == "end"
                found = found._replace(lines=number + 1, good=file.tell(), blank=False)
            torn = bad == [number] and not _ends_with_newline(file)
        blank = found.blank and (torn or number < 0)
        open_end = found.id != "" and not ended and (torn or not bad)
        return found._replace(open_end=open_end, blank=blank)

    def _is_ours(self, line: export.Line) -> bool:
        try:
            head = msgspec.json.decode(line.json, type=export.Head)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        return (head.export, head.kid, head.certificate) == (
            export.VERSION,
            self._origin.kid,
            self._origin.certificate,
        )

    def _continue(self, found: _File) -> None:
        self.path, self._id = found.path, found.id
        self._segments, self._records = len(found.fingerprints), found.records
        self._number = found.lines
        self._fd = os.open(found.path, os.O_WRONLY | os.O_CLOEXEC)
        os.ftruncate(self._fd, found.good)
        os.lseek(self._fd, found.good, os.SEEK_SET)

    def _create(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with self._told():
            self._fd = os.open(self.path, flags, 0o640)
        self._id = os.urandom(8).hex()
        self._write_head()

    def _write_head(self) -> None:
        assert self._at is not None
        head = export.Head(
            export=export.VERSION,
            kid=self._origin.kid,
            at=self._at,
            certificate=self._origin.certificate,
        )
        self._write("head", msgspec.json.encode(head))

    def _next(self, last: Path | None) -> Path:
        number = 1 + (int(last.name[len(self._origin.kid) + 1 :].partition(".")[0]) if last else 0)
        return self.folder / f"{self._origin.kid}-{number:03d}{export.SUFFIX}"

    def _write(self, kind: export.Kind, json: bytes) -> None:
        line = export.line(self._id, self._number, kind, json, self._origin.sign)
        with self._told():
            self._number += 1
            self._unsynced += len(line)
            _write_all(self._fd, line)
            if self._unsynced >= _SYNC_BYTES:
                self.sync()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OutboxError:
            raise
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StickFull(say("full", self._lang, to=self.folder)) from error
            if error.errno == errno.EROFS:
                raise self._error("read-only") from error
            if error.errno in (errno.EACCES, errno.EPERM):
                raise self._error("no-right") from error
            why = error.strerror or str(error)
            raise OutboxError(say("stick-failed", self._lang, to=self.folder, why=why)) from error

    def _error(self, sentence: str) -> OutboxError:
        return OutboxError(say(sentence, self._lang, to=self.folder))


def _batch(json: bytes) -> wire.Batch | None:
    try:
        return wire.decode(json, wire.Batch)
    except WireError:
        return None


def _uncached(path: Path) -> BinaryIO:
    """A file, read from the medium and not from memory, as far as the kernel lets go of it."""
    file = path.open("rb")
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return file


def _digest(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.digest()


def _place(target: Path, digest: bytes) -> Path:
    """For a file of that content: another name where one of the same name lies. sealed/ and
    quarantine/ may hold the same one, and FAT takes a.jpg for A.JPG."""
    if target.exists():
        with _uncached(target) as there:
            if _digest(there) != digest:
                return target.with_name(f"{target.name}-{digest.hex()[:16]}")
    return target


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _ends_with_newline(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
