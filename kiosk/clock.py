"""What time it is, and how far that can be trusted.

Most Pis have no clock battery: after a cut they boot in the past until a time server
answers. Pure code takes an `Instant` as argument; only the daemons call `now`.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Literal

from kiosk.model import VIETNAM, ClockState, Instant

Source = Literal["timesync", "system"]

BUILT_MS = 1_790_000_000_000
"""No moment before this firmware was built (2026-09-21) can be true."""

_VIETNAM_MIN, _DAY_MIN = VIETNAM.utcoffset(None).seconds // 60, 24 * 60

# systemd-timesyncd touches it when the clock was set by a server (systemd-timesyncd(8)).
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boottime() -> float:
    """CLOCK_BOOTTIME in seconds: counts on through suspend and clock changes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@cache
def boot_id() -> str:
    """The kernel's random id of this boot (random(4))."""
    return _BOOT_ID.read_text().strip()


def now(source: Source) -> Instant:
    """This moment. `source` is `timesync` on a kiosk, `system` where the wall clock is
    known to be right (a clock battery, a laptop)."""
    wall_ms = time.time_ns() // 1_000_000
    return Instant(wall_ms, _state(wall_ms, source), boot_id(), int(boottime() * 1000))


def minute_of_day(at: Instant) -> int | None:
    """Minutes since midnight in Vietnam (UTC+7, all year); None unless the clock is right."""
    if at.clock != "synced":
        return None
    return (at.wall_ms // 60_000 + _VIETNAM_MIN) % _DAY_MIN


def _state(wall_ms: int, source: Source) -> ClockState:
    if wall_ms < BUILT_MS:
        return "unknown"
    if source == "system" or _SYNCHRONIZED.exists():
        return "synced"
    return "floor"
