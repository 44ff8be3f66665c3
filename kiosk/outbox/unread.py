"""Files that the card does not give. A card that is being reset gives them a little later, so
each is tried some times; then it is given up and set aside, which needs no reading."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

TRIES = 3
RETRY_S = 5.0

_CARD = {
    errno.EIO,
    errno.ENODATA,  # a medium error, as some drivers tell it
    errno.EREMOTEIO,
    errno.EILSEQ,
    errno.EBADMSG,  # ext4: a checksum is wrong
    errno.EUCLEAN,  # ext4: the file system is damaged there
}
"""What the fault of a card looks like; others (rights, memory) have other remedies."""

T = TypeVar("T")


class _Failure(NamedTuple):
    tries: int
    again_at: float
    number: int
    why: str


class Unread:
    """Remembers what could not be read."""

    def __init__(self) -> None:
        self._failures: dict[Path, _Failure] = {}

    def read(self, path: Path, read: Callable[[Path], T]) -> T | None:
        """What `read(path)` returns; None when it has failed for the last time.

        Raises its OSError, and until it is time for the next try the same again."""
        failure = self._failures.get(path)
        if failure is not None and time.monotonic() < failure.again_at:
            raise OSError(failure.number, failure.why, str(path))
        try:
            content = read(path)
        except OSError as error:
            number, tries = error.errno, 1 if failure is None else failure.tries + 1
            if number not in _CARD or number is None:
                raise
            if tries < TRIES:
                again_at = time.monotonic() + RETRY_S
                self._failures[path] = _Failure(tries, again_at, number, error.strerror or "")
                raise
            content = None
        self._failures.pop(path, None)
        return content
