"""How fast the scanner works, for its status line, from which telemetry is made."""

from __future__ import annotations


class Pace:
    """Counts since the start: `frames` looked at; when the last answer was given."""

    def __init__(self) -> None:
        self.frames = 0
        self._scans = 0
        self._scanned_at: float | None = None

    def turn(self, frame: bool, scans: int, at: float) -> None:
        """After each turn; `scans` are all answers so far, `at` is CLOCK_BOOTTIME."""
        self.frames += frame
        if scans != self._scans:
            self._scans, self._scanned_at = scans, at

    def last_scan_s(self, at: float) -> int | str:
        """Whole seconds since the last answer; "-" when there was none."""
        return "-" if self._scanned_at is None else int(at - self._scanned_at)
