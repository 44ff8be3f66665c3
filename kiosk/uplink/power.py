"""Under-voltage and throttling: seen between two looks, and since boot.

A dip lasts a second or two. The driver asks the firmware every 2 s and has it forget what it
told (raspberrypi-hwmon), so whoever wants to know of each dip looks as often, and remembers.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from kiosk.uplink.kernel import Kernel

log = logging.getLogger("kiosk.uplink")

LOOK_EVERY_S = 2.0
UNDER_VOLTAGE = 1
_NOW = 0xF


class Seen(NamedTuple):
    """Since the last time: None where there is nothing to read. `ever` is since boot."""

    under_voltage: bool | None
    throttled: int | None
    ever: int | None


class Power:
    """`memory` is a file in the run directory, which a reboot empties and a restart does not."""

    def __init__(self, kernel: Kernel, memory: Path) -> None:
        self._kernel = kernel
        self._memory = memory
        self._bits: int | None = None
        self._alarm: bool | None = None
        self._ever = self._remembered()

    def look(self) -> None:
        """Every `LOOK_EVERY_S`."""
        bits, alarm = self._kernel.throttled(), self._kernel.under_voltage()
        if bits is not None:
            bits = (bits | bits >> 16) & _NOW
            self._bits = (self._bits or 0) | bits
            alarm = bool(alarm) or bool(bits & UNDER_VOLTAGE)
        if alarm is None:
            return
        self._alarm = bool(self._alarm) or alarm
        ever = (self._ever or 0) | (bits or 0) | (UNDER_VOLTAGE if alarm else 0)
        if ever != self._ever:
            self._ever = ever
            self._remember()

    def take(self) -> Seen:
        """What was seen since the last call."""
        seen = Seen(self._alarm, self._bits, self._ever)
        self._bits = self._alarm = None
        return seen

    def _remembered(self) -> int | None:
        try:
            return int(self._memory.read_text(), 16) & _NOW
        except FileNotFoundError:  # the first start since boot
            return None
        except (OSError, ValueError) as error:
            log.warning("throttling before this start is not known: %s: %s", self._memory, error)
            return None

    def _remember(self) -> None:
        try:
            self._memory.write_text(f"{self._ever:x}\n")
        except OSError as error:
            log.warning("throttling will be forgotten at the next start: %s", error)
