"""What comes into a directory and what leaves it: inotify(7). Python has no binding."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200  # linux/inotify.h
_OVERFLOW, _IGNORED, _ONLYDIR = 0x4000, 0x8000, 0x1000000
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, bytes of the name
_READ_BYTES = 64 * 1024


class Lost(Exception):
    """More happened than the kernel remembers, or the directory is gone."""


class Inotify:
    """Watches from now on. Raises OSError where it cannot."""

    def __init__(self, directory: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._called("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mask = _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLYDIR
            self._called("inotify_add_watch", self._fd, os.fsencode(directory), mask)
        except OSError:
            self.close()
            raise

    def _called(self, function: str, *arguments: int | bytes) -> int:
        result: int = getattr(self._libc, function)(*arguments)
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def fileno(self) -> int:
        return self._fd

    def changes(self) -> Iterator[tuple[str, bool]]:
        """Each name that came (True) or left (False) since the last call, in order. Raises Lost."""
        while True:
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                _, mask, _, length = _HEAD.unpack_from(data, at)
                at += _HEAD.size + length
                if mask & (_OVERFLOW | _IGNORED):
                    raise Lost
                name = data[at - length : at].rstrip(b"\0")
                yield os.fsdecode(name), bool(mask & (_MOVED_TO | _CREATE))

    def close(self) -> None:
        """Ends the watching."""
        os.close(self._fd)
