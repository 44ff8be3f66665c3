"""Rings when something comes into a directory, so that nobody has to look all the time."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("kiosk.uplink")


class Bell:
    """For select(2): readable once a name came into the directory, or any signal to the process.

    This is dnotify (fcntl(2), F_NOTIFY), which sends a signal; inotify is not in the standard
    library. Whoever listens must look by himself too, now and then: the kernel may not have it,
    and the directory may have become another one. In the main thread only, one in a process.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory
        self._directory: int | None = None
        self._able = True
        self._out, into = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGIO, lambda *_: None)  # it would end the process
        signal.set_wakeup_fd(into, warn_on_full_buffer=False)

    def fileno(self) -> int:
        return self._out

    def hang(self) -> None:
        """Where it does not hang yet; the directory may come later than we do."""
        if self._directory is not None or not self._able:
            return
        with suppress(FileNotFoundError, PermissionError):  # who looks will tell
            directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.fcntl(directory, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_MULTISHOT)
                self._directory = directory
            except OSError as error:
                os.close(directory)
                self._able = False
                log.warning("no dnotify here, records go out a little later: %s", error.strerror)

    def rang(self) -> bool:
        """Since the last call."""
        try:
            return bool(os.read(self._out, 4096))
        except BlockingIOError:
            return False
