"""A pseudo terminal as the serial line of an external scanner."""

from __future__ import annotations

import os
import pty
import tty
from pathlib import Path


class Line:
    """Plugged in as `device`, a name that need not stay."""

    def __init__(self, device: Path) -> None:
        self.device = device
        self._ends: tuple[int, ...] = pty.openpty()
        tty.setraw(self._ends[1])  # nothing is echoed while nobody has it open
        device.symlink_to(os.ttyname(self._ends[1]))

    def write(self, data: bytes) -> None:
        """What the scanner sends."""
        os.write(self._ends[0], data)

    def close(self) -> None:
        """Unplugged; may be called twice."""
        self.device.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = ()
