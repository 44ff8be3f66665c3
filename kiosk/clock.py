"""What time it is, and how far that can be trusted.

Most Pis have no clock battery: after a cut they boot in the past until a time server
answers. Until then the time is at its floor: not earlier than what the firmware, the kiosk's
certificate, the centre and the clock itself told last. Pure code takes an `Instant` as argument;
only the daemons ask a `Clock`.
"""

from __future__ import annotations

import logging
import os
import time
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from kiosk.model import VIETNAM, ClockState, Instant, Millis

log = logging.getLogger("kiosk")

Source = Literal["timesync", "system"]

BUILT_MS = 1_790_000_000_000
"""No moment before this firmware was made can be true. `setup.py` puts the time of the newest
change here when it builds."""

AGREED_MS = 5_000
"""Two clocks that are less apart agree: a network and a database lie between them."""

_VIETNAM_MIN, _DAY_MIN = VIETNAM.utcoffset(None).seconds // 60, 24 * 60
_MAX_BYTES = 1024

# systemd-timesyncd touches it when the clock was set by a server (systemd-timesyncd(8)).
_SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the time beside the clock, in ms of the wall clock. It is later than
    `certain_ms`, whatever a time server says. When CLOCK_BOOTTIME was 0 it was `least_ms` or
    later, and `most_ms` or earlier; None: the centre has not said yet."""

    certain_ms: Millis = BUILT_MS
    least_ms: Millis = 0
    most_ms: Millis | None = None

    def floor_ms(self, boottime_ms: int) -> int:
        """The earliest that it can be now."""
        return max(self.certain_ms, self.least_ms + boottime_ms)

    def ahead_ms(self, wall_ms: int, boottime_ms: int) -> int:
        """How far a wall clock is ahead of the centre's at least; below 0: behind."""
        if self.most_ms is None:
            return 0
        began_ms = wall_ms - boottime_ms
        return max(began_ms - self.most_ms, 0) or min(began_ms - self.least_ms, 0)


class Clock:
    """The kiosk's clock. `source` is `timesync` on a kiosk, `system` where the wall clock is
    known to be right (a clock battery, a laptop). `run` is where the uplink leaves what it
    knows of the time for every daemon of this boot."""

    def __init__(self, source: Source, run: Path | None = None) -> None:
        self._source = source
        self._file = None if run is None else known_file(run)
        self._stamp: tuple[int, int, int] | None = None
        self._why = ""
        self._known = Known()

    def now(self) -> Instant:
        """This moment. `synced` is never earlier than what is certain; under `floor` the wall
        clock counts as far as it lies between what is known."""
        wall_ms, boottime_ms = time.time_ns() // 1_000_000, int(boottime() * 1000)
        known = self.known()
        state: ClockState = "synced"
        if not self._says_so() or wall_ms < known.certain_ms:
            state = "floor"
            floor_ms = known.floor_ms(boottime_ms)
            far_ahead = known.ahead_ms(wall_ms, boottime_ms) > AGREED_MS
            wall_ms = floor_ms if far_ahead else max(wall_ms, floor_ms)
        return Instant(wall_ms, state, boot_id(), boottime_ms)

    def is_set(self) -> bool:
        """Whether it is `synced`."""
        return self.now().clock == "synced"

    def earliest_ms(self) -> int:
        """The earliest that it can be now: what is certain, and more while nobody set the clock."""
        known = self.known()
        return known.certain_ms if self.is_set() else known.floor_ms(int(boottime() * 1000))

    def ahead_ms(self) -> int:
        """How far the system's clock is ahead of the centre's at least; below 0: behind."""
        return self.known().ahead_ms(time.time_ns() // 1_000_000, int(boottime() * 1000))

    def known(self) -> Known:
        """What is known beside the clock."""
        if self._file is None:
            return self._known
        why = ""
        try:
            found = self._file.stat()
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._known = read_known(self._file)
                self._stamp = stamp
        except FileNotFoundError:  # the uplink has not started yet
            self._stamp, self._known = None, Known()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._stamp, self._known, why = None, Known(), str(error)
        if why != self._why:
            self._why = why
            log.warning("%s: %s", self._file, why or "can be read again")
        return self._known

    def _says_so(self) -> bool:
        return self._source == "system" or _SYNCHRONIZED.exists()


def now(source: Source) -> Instant:
    """This moment, by the clock alone."""
    return Clock(source).now()


def boottime() -> float:
    """CLOCK_BOOTTIME in seconds: counts on through suspend and clock changes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@cache
def boot_id() -> str:
    """The kernel's random id of this boot (random(4)); empty when it cannot be read: then
    nobody can tell which records are of one boot."""
    try:
        return _BOOT_ID.read_text("ascii").strip()[:64]
    except (OSError, UnicodeDecodeError) as error:
        log.error("the boot has no name: %s cannot be read: %s", _BOOT_ID, error)
        return ""


def known_file(run: Path) -> Path:
    """Where the uplink writes `Known` for all."""
    return run / "time"


def read_known(file: Path) -> Known:
    """Raises OSError and msgspec.MsgspecError."""
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        known = msgspec.json.decode(os.read(fd, _MAX_BYTES), type=Known)
    finally:
        os.close(fd)
    # An older firmware of the same boot knew less.
    return msgspec.structs.replace(known, certain_ms=max(known.certain_ms, BUILT_MS))


def tell(run: Path, known: Known) -> None:
    """For all daemons, whole or not at all. Raises OSError."""
    file = known_file(run)
    part = file.with_name("time.part")
    part.write_bytes(msgspec.json.encode(known))
    part.replace(file)


def minute_of_day(at: Instant) -> int | None:
    """Minutes since midnight in Vietnam (UTC+7, all year); None unless the clock is right."""
    if at.clock != "synced":
        return None
    return (at.wall_ms // 60_000 + _VIETNAM_MIN) % _DAY_MIN
