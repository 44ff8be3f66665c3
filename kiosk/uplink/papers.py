"""What the kiosk's files say of themselves: end of its certificate, versions of signed lists.

A file is read again only when it has changed; of a list, which may have megabytes, only the
first lines, which hold its version. Nobody acts on them here: each reader checks the
signature itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kiosk.config import Config
from kiosk.desired import Files
from kiosk.documents import configured
from kiosk.errors import DocumentError

BEGINNING = 4096
CERTIFICATE_MAX = 64 * 1024

Note = Callable[[str, str], None]


class Papers:
    """`note(what, why)` is told what cannot be read, with "" when it can."""

    def __init__(self, config: Config, note: Note) -> None:
        self._certificate = _Watched(config.broker.certificate, CERTIFICATE_MAX, _end_ms, note)
        files = Files.below(config.paths.state)
        self._documents = {
            kind: [
                _Watched(path, BEGINNING, partial(_version, kind), tell)
                for path, tell in ((file, note), (files.document(kind), _silent))
                if path
            ]
            for kind, file in configured(config.judge).items()
        }

    def certificate_end_ms(self) -> int | None:
        """When the kiosk's certificate ends, on the wall clock."""
        return self._certificate.value()

    def versions(self) -> dict[str, int]:
        """Of each document that is signed, the newer one of what is configured and what came from
        the centre; an unsigned one has none."""
        found = {
            kind: [v for watched in both if (v := watched.value()) is not None]
            for kind, both in self._documents.items()
        }
        return {kind: max(versions) for kind, versions in found.items() if versions}


def _silent(_what: str, _why: str) -> None:
    """Nothing need have come from the centre yet."""


class _Watched:
    """One file and the figure in it."""

    def __init__(
        self, path: Path, size: int, read: Callable[[bytes], int | None], note: Note
    ) -> None:
        self._path = path
        self._size = size
        self._read = read
        self._note = note
        self._stamp: tuple[int, int, int] | None = None
        self._value: int | None = None

    def value(self) -> int | None:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                stat = os.fstat(fd)
                stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if stamp != self._stamp:
                    self._value = self._read(os.read(fd, self._size))
                    self._stamp = stamp
            finally:
                os.close(fd)
        except OSError as error:
            self._lost(error.strerror or str(error))
        except (ValueError, DocumentError) as error:
            self._lost(str(error).partition("\n")[0])
        else:
            self._note(str(self._path), "")
        return self._value

    def _lost(self, why: str) -> None:
        self._stamp = self._value = None
        self._note(str(self._path), why)


def period_ms(pem: bytes) -> tuple[int, int]:
    """Beginning and end of a certificate, on the wall clock. Raises ValueError."""
    from cryptography import x509  # heavy: only where there is a certificate to read

    certificate = x509.load_pem_x509_certificate(pem)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int(begin.timestamp() * 1000), int(end.timestamp() * 1000)


def _end_ms(pem: bytes) -> int:
    return period_ms(pem)[1]


def _version(kind: str, beginning: bytes) -> int | None:
    from kiosk.signed import is_signed, unchecked

    return unchecked(beginning, kind).version if is_signed(beginning) else None  # type: ignore[arg-type]
