"""A serial line, and when the scanner at it believes what comes."""

from __future__ import annotations

import time
from pathlib import Path

from rig import until

from bench import _line

SETTLED_S = 1.3  # what comes sooner may have begun before the line was open


class Line(_line.Line):
    def settle(self, pid: int) -> None:
        """Until process `pid` believes what comes."""

        def is_open() -> bool:
            line, fds = self.device.readlink(), Path(f"/proc/{pid}/fd")
            return any(fd.is_symlink() and fd.readlink() == line for fd in fds.iterdir())

        until(is_open, "the line is opened")
        time.sleep(SETTLED_S)
