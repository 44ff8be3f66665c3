"""What the kiosk tells about itself: birth document and figures. No personal data."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from kiosk import wire
from kiosk.config import Config
from kiosk.model import FIRMWARE, SCHEMA, Instant
from kiosk.outbox import SealedSegments
from kiosk.uplink.alerts import Alerts
from kiosk.uplink.connection import Connection
from kiosk.uplink.gathering import Gathered

EXPIRY_PERIODS = 3

# Written by the bootloader of a Pi; ends in a NUL.
_BOARD = "proc/device-tree/model"


def birth(config: Config, sid: str) -> wire.Info:
    """The birth document of session `sid`."""
    return wire.Info(
        sid=sid,
        firmware=FIRMWARE,
        schema=SCHEMA,
        model=_model(config.paths.kernel / _BOARD),
        place=config.kiosk.place,
        direction=config.kiosk.direction,
    )


def _model(board: Path) -> str:
    try:
        return board.read_text().rstrip("\0")
    except (OSError, UnicodeDecodeError):  # no Pi
        return os.uname().machine


class Queue:
    """How much waits for the centre: `waiting` are names, oldest first, `quarantined` a count.
    None: the outbox cannot be read."""

    def __init__(self, segments: SealedSegments) -> None:
        self._segments = segments
        self.waiting: Collection[str] | None = None
        self.quarantined: int | None = None

    def oldest_s(self, now: Instant) -> int | None:
        """How long the oldest has waited at least; 0 when nothing waits, None when that cannot
        be told."""
        if not self.waiting:
            return None if self.waiting is None else 0
        age_s = self._segments.age_s(next(iter(self.waiting)), now)
        return None if age_s is None else int(age_s)


class Telemetry:
    """Publishes the figures once a period."""

    def __init__(
        self, queue: Queue, alerts: Alerts, now: Callable[[], Instant], config: Config
    ) -> None:
        self._queue = queue
        self._alerts = alerts
        self._now = now
        self._clock_source = config.clock.source
        self._period_s = config.uplink.telemetry_s
        self._due = 0.0

    def is_due(self, at: float) -> bool:
        return at >= self._due

    def publish(self, link: Connection, at: float, gathered: Gathered | None) -> None:
        """Publishes this moment's."""
        self._due = at + self._period_s
        link.publish(
            "tele",
            wire.encode(self.figures(gathered)),
            "telemetry",
            qos=0,
            retain=True,
            expiry_s=max(1, round(EXPIRY_PERIODS * self._period_s)),
        )

    def figures(self, gathered: Gathered | None) -> wire.Telemetry:
        """This moment's figures; without those of the machine when there are none."""
        now, queue = self._now(), self._queue
        return wire.Telemetry(
            at_ms=now.wall_ms,
            clock=now.clock,
            pending_segments=None if queue.waiting is None else len(queue.waiting),
            quarantined=queue.quarantined,
            oldest_pending_s=queue.oldest_s(now),
            up_s=now.boottime_ms // 1000,
            firmware=FIRMWARE,
            clock_source=self._clock_source,
            certificate_end_ms=gathered.certificate_end_ms if gathered else None,
            documents=gathered.documents if gathered else {},
            host=gathered.host if gathered else None,
            scanner=gathered.scanner if gathered else None,
            units=gathered.units if gathered else {},
            alerts=self._alerts.standing(),
            alerts_whole=self._alerts.whole(),
        )
