"""Gathers the figures of the machine in a thread of its own.

A dying card, a driver or systemd may let a reader wait for ever: the session, the outbox and
the watchdog must not wait with it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import msgspec

from kiosk import wire
from kiosk.config import Config
from kiosk.model import Hex
from kiosk.uplink import power, units
from kiosk.uplink.discipline import discipline
from kiosk.uplink.kernel import Kernel
from kiosk.uplink.papers import Papers

STALE_PERIODS = 3
STALE_S = 30.0  # at least: systemd alone may take ten
_CLOCK = "adjtimex"


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """One period's figures; `at` is CLOCK_BOOTTIME in seconds."""

    at: float
    host: wire.Host
    units: dict[str, wire.Unit]
    scanner: wire.Scanning | None
    certificate_end_ms: int | None
    documents: dict[str, int]


class Gatherer:
    """Reads everything once, when asked."""

    def __init__(self, config: Config, boottime: Callable[[], float]) -> None:
        self._kernel = Kernel(config.paths.kernel)
        self._power = power.Power(self._kernel, config.paths.run / "throttled")
        self._papers = Papers(config, self._kernel.note)
        self._outbox = config.paths.outbox
        self._boottime = boottime
        self._frames: tuple[int, float] | None = None

    def look(self) -> None:
        """Between two gatherings: what passes quickly."""
        self._power.look()

    def gather(self) -> Gathered:
        """Everything, as it is now."""
        self._power.look()
        shown = units.ask(self._kernel)
        return Gathered(
            at=self._boottime(),
            host=self._host(),
            units=shown.units,
            scanner=self._scanning(shown),
            certificate_end_ms=self._papers.certificate_end_ms(),
            documents=self._papers.versions(),
        )

    def _host(self) -> wire.Host:
        kernel, seen = self._kernel, self._power.take()
        disk_kb, inodes = self._disk()
        synced, offset_ms = self._clock()
        return wire.Host(
            soc_c=kernel.soc_c(),
            under_voltage=seen.under_voltage,
            throttled=seen.throttled,
            throttled_ever=seen.ever,
            memory_kb=kernel.memory_kb(),
            pss_kb=kernel.pss_kb(),
            disk_kb=disk_kb,
            inodes=inodes,
            card_life=kernel.card_life(),
            card_eol=kernel.card_eol(),
            written_kb=kernel.written_kb(),
            wifi_dbm=kernel.wifi_dbm(),
            clock_offset_ms=offset_ms,
            ntp_synced=synced,
        )

    def _disk(self) -> tuple[int | None, int | None]:
        """Free for users other than root: KiB and inodes, where a file system has those."""
        try:
            disk = os.statvfs(self._outbox)
        except OSError as error:
            self._kernel.note(str(self._outbox), error.strerror or str(error))
            return None, None
        self._kernel.note(str(self._outbox), "")
        return disk.f_bavail * disk.f_frsize // 1024, disk.f_favail if disk.f_files else None

    def _clock(self) -> tuple[bool | None, float | None]:
        try:
            kept = discipline()
        except OSError as error:
            self._kernel.note(_CLOCK, error.strerror or str(error))
            return None, None
        self._kernel.note(_CLOCK, "")
        return kept

    def _scanning(self, shown: units.Shown) -> wire.Scanning | None:
        status = shown.status
        if not status:
            self._frames = None
            return None
        epoch, next_seq = _epoch(status.get("epoch", "")), units.whole(status, "next_seq")
        known = epoch and next_seq
        return wire.Scanning(
            fps=self._fps(units.whole(status, "frames")),
            decode_ms=units.decimal(status, "decode_ms"),
            scans=units.whole(status, "scans"),
            rejected=units.whole(status, "rejected"),
            last_scan_s=units.whole(status, "last_scan_s"),
            epoch=epoch if known else None,
            next_seq=next_seq if known else None,
        )

    def _fps(self, frames: int | None) -> float | None:
        """Since the gathering before; None until there was one of the same scanner."""
        at, before = self._boottime(), self._frames
        self._frames = None if frames is None else (frames, at)
        if frames is None or before is None or frames < before[0] or at <= before[1]:
            return None
        return round((frames - before[0]) / (at - before[1]), 1)


def _epoch(word: str) -> str | None:
    """None when it is none."""
    try:
        return msgspec.convert(word, Hex)
    except msgspec.ValidationError:
        return None


class Gathering(threading.Thread):
    """Gathers at once and then every `period_s`. `failure` is what ended it."""

    def __init__(self, gatherer: Gatherer, boottime: Callable[[], float], period_s: float) -> None:
        super().__init__(name="gathering", daemon=True)
        self.failure: Exception | None = None
        self._gatherer = gatherer
        self._boottime = boottime
        self._period_s = period_s
        self._stale_s = max(STALE_S, STALE_PERIODS * period_s)
        self._stopping = threading.Event()
        self._latest: Gathered | None = None
        self._began = boottime()

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                due = time.monotonic() + self._period_s
                self._began = self._boottime()
                self._latest = self._gatherer.gather()
                while (left := due - time.monotonic()) > 0:
                    if self._stopping.wait(min(left, power.LOOK_EVERY_S)):
                        return
                    self._gatherer.look()
        except Exception as error:  # noqa: BLE001 - the owner raises it: never half alive
            self.failure = error

    def stop(self) -> None:
        """Ends it soon; does not wait, since what it reads may hang."""
        self._stopping.set()

    def latest(self, at: float) -> Gathered | None:
        """The newest figures; None while there are none, and when they are too old to be told
        as today's. Raises what ended the thread."""
        if self.failure is not None:
            raise self.failure
        latest = self._latest
        if latest is None or at - latest.at > self._stale_s:
            return None
        return latest

    def hangs(self, at: float) -> bool:
        """Something lets it wait for so long that nothing can be told any more."""
        return at - self._began > self._stale_s
