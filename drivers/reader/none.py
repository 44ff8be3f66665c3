"""No external scanner: for a door where the camera does it all."""

from __future__ import annotations

import time

from drivers.reader import Reader, ReaderOptions


class NoReader:
    """Waits and has nothing."""

    def read(self, timeout: float) -> bytes | None:
        """None, after `timeout` seconds."""
        time.sleep(timeout)
        return None

    def dropped(self) -> list[str]:
        """Nothing ever is."""
        return []

    def close(self) -> None:
        """Does nothing."""


def open_reader(options: ReaderOptions) -> Reader:
    """Always succeeds."""
    return NoReader()
