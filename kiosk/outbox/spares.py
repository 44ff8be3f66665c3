"""Blank files for the segments to come, made several at once.

What costs a card most is not the data but the file system's own notes of a new file: names,
inodes, free blocks, some 40 kB at a time. Several files share them.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from itertools import count
from pathlib import Path

from kiosk.durable import sync_folder
from kiosk.outbox.layout import OPEN, give, write_all

BLOCK_BYTES = 4096

RECORDS_BYTES = 2048
"""Room for the records of one or a few visitors, beside the header."""

AT_ONCE = 8

RETRY_S = 5.0
"""Each attempt writes: a dying card is not to be worn out by them."""


class Spares:
    """Files in `folder` (`open/`) that hold zeros, durable in content and name. `mark` makes
    their names unlike those of any other scanner's, past or present. They have room for a header
    of `header_bytes`, which is written twice, and some records: a file that grows costs the card
    more. While one thread makes more, another may take."""

    def __init__(self, folder: Path, mark: str) -> None:
        self.header_bytes = 0
        self._folder = folder
        self._mark = mark
        self._numbers = count(1)
        self._ready: deque[Path] = deque()
        self._failed: tuple[int | None, str] | None = None
        self._retry_at = 0.0

    @property
    def paths(self) -> set[Path]:
        """Those that lie there."""
        return set(self._ready)

    def take(self, at_once: bool) -> Path:
        """One of them, from now on the caller's. `at_once`: somebody waits, and when there is none
        it is made, also soon after a failure. Raises OSError."""
        while self._ready:
            path = self._ready.popleft()
            if path.exists():
                return path
        if at_once:
            self._make()
        else:
            self.refill()
        return self._ready.popleft()

    def refill(self) -> None:
        """Makes more when there is none. Raises OSError, and the same again until it is time
        for another attempt."""
        if self._ready:
            return
        if self._failed is not None and time.monotonic() < self._retry_at:
            raise OSError(*self._failed)
        self._make()

    def _make(self) -> None:
        room = 2 * self.header_bytes + RECORDS_BYTES
        zeros = bytes(room + -room % BLOCK_BYTES)
        made: dict[Path, int] = {}
        try:
            for _ in range(AT_ONCE):
                path = self._folder / f"{self._mark}-{next(self._numbers):06d}{OPEN}"
                made[path] = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640
                )
                give(made[path], self._folder)
                write_all(made[path], zeros, 0)
            for fd in made.values():
                # Starts the writing of them all, so that the first sync commits for all.
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            for fd in made.values():
                os.fsync(fd)
            sync_folder(self._folder)
        except OSError as error:
            self._failed = error.errno, error.strerror or str(error)
            self._retry_at = time.monotonic() + RETRY_S
            for path in made:
                with suppress(OSError):  # then the next hand-over removes it
                    path.unlink()
            raise
        finally:
            for fd in made.values():
                os.close(fd)
        self._failed = None
        self._ready.extend(made)
