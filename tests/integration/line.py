"""A pseudo terminal as the serial line of an external scanner."""

from __future__ import annotations

import os
import pty
import time
from pathlib import Path

from rig import until

SETTLED_S = 1.3  # what comes sooner may have begun before the line was open


class Line:
    """Plugged in as `device`, a name that need not stay."""

    def __init__(self, device: Path) -> None:
        self.device = device
        self._ends = pty.openpty()
        device.symlink_to(os.ttyname(self._ends[1]))

    def settle(self, pid: int) -> None:
        """Until process `pid` believes what comes."""

        def is_open() -> bool:
            line, fds = self.device.readlink(), Path(f"/proc/{pid}/fd")
            return any(fd.is_symlink() and fd.readlink() == line for fd in fds.iterdir())

        until(is_open, "the line is opened")
        time.sleep(SETTLED_S)

    def write(self, data: bytes) -> None:
        """What the scanner sends."""
        os.write(self._ends[0], data)

    def close(self) -> None:
        """Unplugged; may be called twice."""
        self.device.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = ()
