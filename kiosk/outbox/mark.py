"""How the scanner knows that the uplink is connected: a lock on a file.

The kernel drops the lock when its holder dies, so the mark can never be stale.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class ConnectedMark:
    """The uplink's side. `path` lies in the run directory."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def set(self, connected: bool) -> None:
        """Marks this process as connected or not."""
        if connected:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Drops the mark; may be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_held(path: Path) -> bool:
    """Whether a live process holds the lock on a file; False when there is no such file.

    Raises OSError when this user may not know.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)
