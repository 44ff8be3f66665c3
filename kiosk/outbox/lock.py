"""One scanner at a time: the folders of an outbox, and the lock on them."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from kiosk.errors import OutboxError, OutboxLocked
from kiosk.outbox.layout import Folders, explained, folders, give, make_folders
from kiosk.outbox.mark import is_held

LOCK = "lock"
_PATIENCE_S = 1.0  # somebody may look for a moment who holds it


def scanner_at_work(directory: Path) -> bool:
    """Whether a live scanner holds the outbox. Raises OSError when this user may not know."""
    return is_held(folders(directory).open / LOCK)


def require(directory: Path) -> None:
    """Raises OutboxError when there is no outbox."""
    if not directory.is_dir():
        raise OutboxError(
            f"outbox {directory} is missing; create it or correct paths.outbox"
            " (on a kiosk: is the data partition mounted?)"
        )


def prepare(directory: Path) -> Folders:
    """The folders of an outbox, made durably where they are missing. Raises OutboxError."""
    require(directory)
    with explained():
        return make_folders(directory)


def take_lock(places: Folders) -> int:
    """A descriptor; the lock lasts until it is closed, or its process dies. Raises
    OutboxLocked when another scanner has it, OutboxError."""
    with explained():
        fd = os.open(places.open / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    give(fd, places.open)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(fd)
                raise OutboxLocked(
                    f"another scanner holds {places.open.parent}; only one may run, stop it first"
                ) from error
            time.sleep(0.05)
