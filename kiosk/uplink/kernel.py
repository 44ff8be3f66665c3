"""What the kernel tells of the machine, read from /sys and /proc.

Each figure is None where its file is missing, closed to us or holds something else: the journal
gets the cause once, and nothing is made up. Files of the kernel are taken with suspicion: they are
opened without waiting, and no more than `MAX_BYTES` are read.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kiosk.uplink.words import plain

log = logging.getLogger("kiosk.uplink")

MAX_BYTES = 16 * 1024
_SECTOR = 512  # bytes, whatever the disk's own are (Documentation/block/stat.rst)

T = TypeVar("T")


class Kernel:
    """`root` is /, or a folder that looks like it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._why: dict[str, str] = {}

    def figure(self, path: str, parse: Callable[[str], T]) -> T | None:
        """What `parse` makes of a file below the root; it raises ValueError, IndexError or
        KeyError for what it does not understand."""
        text = ""
        try:
            text = _read(self.root / path)
            value = parse(text)
        except OSError as error:
            self.note(path, error.strerror or str(error))
            return None
        except (ValueError, IndexError, KeyError):
            self.note(path, f"not understood: {plain(text, 40)!r}")
            return None
        self.note(path, "")
        return value

    def note(self, what: str, why: str) -> None:
        """Tells the journal once why something cannot be read, and when it can again."""
        if self._why.get(what, "") == why:
            return
        if why:
            log.info("no figure from %s: %s", what, why)
        else:
            log.info("figure from %s: can be read again", what)
        self._why[what] = why

    def soc_c(self) -> float | None:
        """Temperature of the SoC, degrees Celsius, one decimal."""
        return self.figure("sys/class/thermal/thermal_zone0/temp", _celsius)

    def memory_kb(self) -> int | None:
        """What could be given to programs without swapping (MemAvailable, proc(5))."""
        return self.figure("proc/meminfo", lambda text: _kilobytes("MemAvailable", text))

    def pss_kb(self) -> int | None:
        """This process's own share of memory. That of other users' needs rights to trace them."""
        return self.figure("proc/self/smaps_rollup", lambda text: _kilobytes("Pss", text))

    def card_life(self) -> list[int] | None:
        """Tenths of its life that an eMMC has used up, by kind of cells; SD cards do not tell."""
        return self.figure("sys/block/mmcblk0/device/life_time", _life)

    def card_eol(self) -> int | None:
        """An eMMC's reserve of blocks: 1 normal, 2 = 80 % used up, 3 = 90 %."""
        return self.figure("sys/block/mmcblk0/device/pre_eol_info", _eol)

    def written_kb(self) -> int | None:
        """Written to the card since boot."""
        path = "sys/block/mmcblk0/stat"
        return self.figure(path, lambda text: _whole(text.split()[6]) * _SECTOR // 1024)

    def wifi_dbm(self) -> int | None:
        """Signal of the first wireless interface (wireless extensions); None on a cable."""
        return self.figure("proc/net/wireless", _dbm)

    def throttled(self) -> int | None:
        """Bits of the firmware, now in 0 to 3 and lately in 16 to 19. The kernel of Raspberry Pi
        OS has this file, and complains in its log about the first reader of each boot."""
        path = "sys/devices/platform/soc/soc:firmware/get_throttled"
        return self.figure(path, lambda text: _below(2**32, int(text.strip(), 16)))

    def under_voltage(self) -> bool | None:
        """The alarm of the driver raspberrypi-hwmon, which looks every 2 s: every kernel has it."""
        folder = self._hwmon("rpi_volt")
        if folder is None:
            return None
        alarm = self.figure(f"{folder}/in0_lcrit_alarm", lambda text: _below(2, _whole(text)))
        return None if alarm is None else alarm == 1

    def _hwmon(self, name: str) -> str | None:
        base = "sys/class/hwmon"
        try:
            entries = sorted(path.name for path in (self.root / base).iterdir())
        except OSError as error:
            self.note(base, error.strerror or str(error))
            return None
        for entry in entries:
            try:
                if _read(self.root / base / entry / "name").strip() == name:
                    self.note(base, "")
                    return f"{base}/{entry}"
            except (OSError, ValueError):  # another sensor's fault, which is not looked for
                continue
        self.note(base, f"there is no sensor named {name}")
        return None


def _read(path: Path) -> str:
    """Raises OSError, and ValueError when it is no text."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(fd, MAX_BYTES).decode("ascii")
    finally:
        os.close(fd)


def _whole(text: str) -> int:
    """Decimal digits and nothing else, which int() would not insist on."""
    if not re.fullmatch(r"\s*[0-9]{1,18}\s*", text):
        raise ValueError(text[:40])
    return int(text)


def _below(limit: int, value: int) -> int:
    if not 0 <= value < limit:
        raise ValueError(value)
    return value


def _celsius(text: str) -> float:
    milli = int(text)
    if not -60_000 <= milli <= 200_000:
        raise ValueError(milli)
    return round(milli / 1000, 1)


def _kilobytes(key: str, text: str) -> int:
    found = re.search(rf"^{key}:\s+([0-9]{{1,15}}) kB$", text, re.MULTILINE)
    if found is None:
        raise ValueError(key)
    return int(found[1])


def _life(text: str) -> list[int]:
    """`0x01 0x02`: type A and B cells; 0 = not said (JESD84-B51, EXT_CSD 268 and 269)."""
    used = [_below(12, int(word, 16)) for word in text.split()]
    if len(used) != 2:
        raise ValueError(len(used))
    return used


def _eol(text: str) -> int:
    return _below(4, int(text.strip(), 16))


def _dbm(text: str) -> int | None:
    """Two lines of headings, then `wlan0: 0000   60.  -50.  -256 ...`: status, link, level."""
    heading, _, *interfaces = text.splitlines()
    if not heading.startswith("Inter-|"):
        raise ValueError(heading[:40])
    if not interfaces:
        return None
    level = float(interfaces[0].split()[3])
    if not -150 <= level <= 0:
        raise ValueError(level)
    return round(level)
