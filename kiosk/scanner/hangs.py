"""What becomes of a camera that hangs for good: `python -m kiosk.scanner.hangs FILE`.

systemd runs this as root after each end of the scanner (ExecStopPost= of its unit) and
says how it ended. Ends caused by the camera are counted in FILE; `REBOOT_AFTER` of them
within `WITHIN_S` reboot the kiosk, at most once in `REBOOT_EVERY_S`. The scanner itself
can do no more than end, and reads FILE to report.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from kiosk import clock, durable
from kiosk.errors import HardwareError
from kiosk.faults import Faults, Severity

FAULTS: dict[str, Severity] = {"camera-reboot": "warning"}
log = logging.getLogger("kiosk.scanner")

EXIT_CAMERA = 75  # EX_TEMPFAIL of sysexits.h: a new process may have more luck
REBOOT_AFTER = 3
WITHIN_S = 600.0
REBOOT_EVERY_S = 24 * 3600.0

_MAX_BYTES = 4096


class Hangs(msgspec.Struct, frozen=True):
    """The contents of FILE. `at`: when the scanner ended because of the camera, in seconds
    of CLOCK_BOOTTIME of boot `boot_id`; `rebooted_at`: seconds since 1970, and whether that
    is `dated` by a clock that a time server had set; `ordered`: boot and CLOCK_BOOTTIME at which
    it was asked for. `reboots` in all, 0 = never."""

    boot_id: str = ""
    at: tuple[float, ...] = ()
    reboots: int = 0
    rebooted_at: float = 0.0
    dated: bool = False
    ordered: tuple[str, float] = ("", 0.0)


class Moment(NamedTuple):
    """Which boot, how long since it, and the wall clock, both in seconds; `synced`: that clock
    was set by a time server."""

    boot_id: str
    boottime: float
    wall: float
    synced: bool


def now() -> Moment:
    """This moment."""
    known = clock.now("timesync")
    return Moment(known.boot_id, known.boottime_ms / 1000, time.time(), known.clock == "synced")


def load(file: Path, at: Moment) -> Hangs:
    """What was counted so far. Raises HardwareError when it cannot be read.

    A damaged file could hide a reboot, so it counts as one of just now."""
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(_MAX_BYTES), type=Hangs)
    except FileNotFoundError:
        return Hangs()
    except OSError as error:
        raise HardwareError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.error("%s is damaged (%s); no reboot for a day", file, error)
        return Hangs(reboots=1, rebooted_at=at.wall, ordered=(at.boot_id, at.boottime))


def counted(before: Hangs, at: Moment) -> tuple[Hangs, bool]:
    """The count with one more hang, and whether to reboot now.

    The day since the last reboot is told by the wall clock where that is known to have been
    right both times, else by this boot's own age: it cannot be younger than that reboot."""
    earlier = before.at if before.boot_id == at.boot_id else ()
    recent = tuple(t for t in earlier if at.boottime - t < WITHIN_S)[1 - REBOOT_AFTER :]
    known = before.dated and at.synced
    a_day = known and at.wall - before.rebooted_at >= REBOOT_EVERY_S
    since = before.ordered[1] if before.ordered[0] == at.boot_id else 0.0
    allowed = before.reboots == 0 or a_day or at.boottime - since >= REBOOT_EVERY_S
    if len(recent) + 1 < REBOOT_AFTER or not allowed:
        return msgspec.structs.replace(before, boot_id=at.boot_id, at=(*recent, at.boottime)), False
    ordered = at.boot_id, at.boottime
    return Hangs(at.boot_id, (), before.reboots + 1, at.wall, at.synced, ordered), True


def keep(file: Path, hangs: Hangs) -> None:
    """Writes it durably; the scanner, another user, reports it. Raises OSError."""
    durable.replace(file, msgspec.json.encode(hangs))


class Report:
    """Tells, in a new scanner, why the one before ended."""

    def __init__(self, file: Path, faults: Faults, at: Moment) -> None:
        self._faults = faults
        try:
            self._hangs = load(file, at)
        except HardwareError as error:
            log.error("hangs of the camera are not reported: %s", error)
            self._hangs = Hangs()
        if self._hangs.boot_id == at.boot_id and self._hangs.at:
            # Raised by a process that is gone: the first frame clears it.
            faults.raised("camera-silent", "the scanner was started anew because of the camera")

    def turn(self, wall: float) -> None:
        """A camera-caused reboot is told for a day. `wall`: seconds since 1970."""
        if self._hangs.reboots and 0 <= wall - self._hangs.rebooted_at < REBOOT_EVERY_S:
            self._faults.raised(
                "camera-reboot",
                f"the kiosk was rebooted because of the camera ({self._hangs.reboots} in all);"
                " no further such reboot for 24 h",
            )
        else:
            self._faults.cleared("camera-reboot")


def main() -> None:
    """Counts if the scanner ended because of the camera (systemd.exec(5) on the variables).

    A watchdog's kill counts too: what hangs in this process is native camera code."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    ended = os.environ.get("EXIT_CODE"), os.environ.get("EXIT_STATUS")
    by_watchdog = os.environ.get("SERVICE_RESULT") == "watchdog"
    if ended != ("exited", str(EXIT_CAMERA)) and not by_watchdog:
        return
    file, at = Path(sys.argv[1]), now()
    try:
        hangs, reboot = counted(load(file, at), at)
        keep(file, hangs)
    except (HardwareError, OSError) as error:
        log.error("the camera hangs; without a count there is no reboot: %s", error)
        sys.exit(1)
    if reboot:
        log.error("the camera hangs for good; rebooting (%d times so far)", hangs.reboots)
        subprocess.run(["systemctl", "reboot"], check=True)
    else:
        log.error("the camera hangs, %d times of late", len(hangs.at))


if __name__ == "__main__":
    main()
