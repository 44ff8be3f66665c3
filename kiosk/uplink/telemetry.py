"""What the kiosk tells about itself: birth document, figures, alerts. No personal data."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kiosk import wire
from kiosk.config import Config
from kiosk.cues import AlertCue
from kiosk.model import FIRMWARE, SCHEMA, Instant
from kiosk.outbox import SealedSegments
from kiosk.uplink.connection import Connection

MAX_ALERTS = 64
EXPIRY_PERIODS = 3

# Written by the bootloader of a Pi; ends in a NUL.
_BOARD = Path("/proc/device-tree/model")


def birth(config: Config, sid: str) -> wire.Info:
    """The birth document of session `sid`."""
    return wire.Info(
        sid=sid,
        firmware=FIRMWARE,
        schema=SCHEMA,
        model=_model(),
        place=config.kiosk.place,
        direction=config.kiosk.direction,
    )


def _model() -> str:
    try:
        return _BOARD.read_text().rstrip("\0")
    except OSError:  # no Pi
        return os.uname().machine


class Telemetry:
    """Publishes the figures once a period."""

    def __init__(
        self, segments: SealedSegments, now: Callable[[], Instant], period_s: float
    ) -> None:
        self._segments = segments
        self._now = now
        self._period_s = period_s
        self._due = 0.0

    def turn(self, link: Connection, at: float) -> None:
        """Publishes if it is time. Raises OutboxError."""
        if at < self._due:
            return
        self._due = at + self._period_s
        link.publish(
            "tele",
            wire.encode(self.figures()),
            "telemetry",
            qos=0,
            retain=True,
            expiry_s=max(1, round(EXPIRY_PERIODS * self._period_s)),
        )

    def figures(self) -> wire.Telemetry:
        """This moment's figures. Raises OutboxError."""
        now = self._now()
        waiting = self._segments.waiting()
        return wire.Telemetry(
            at_ms=now.wall_ms,
            clock=now.clock,
            pending_segments=len(waiting),
            quarantined=len(self._segments.quarantined()),
            oldest_pending_s=int(self._segments.age_s(waiting[0])) if waiting else 0,
        )


class Alerts:
    """The latest alert of each code, kept until the broker has taken it."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self._now = now
        self._kept: dict[str, AlertCue] = {}
        self._link: Connection | None = None
        self._sent: set[str] = set()

    def keep(self, cue: AlertCue) -> None:
        """To be published; replaces an earlier one of the same code."""
        self._drop(cue.code)
        if len(self._kept) >= MAX_ALERTS:
            self._drop(next(iter(self._kept)))
        self._kept[cue.code] = cue

    def turn(self, link: Connection) -> None:
        """Publishes what this connection has not carried yet."""
        if link is not self._link:
            self._link = link
            self._sent.clear()
        for code, cue in self._kept.items():
            if code not in self._sent and link.publish(
                "alert",
                wire.encode(self._message(cue)),
                f"alert {code}",
                taken=partial(self._taken, cue),
            ):
                self._sent.add(code)

    def _message(self, cue: AlertCue) -> wire.Alert:
        # The cue knows how long after boot it was; the wall clock may be right only now.
        now = self._now()
        return wire.Alert(
            code=cue.code,
            severity=cue.severity,
            raised=cue.raised,
            at_ms=max(0, now.wall_ms - now.boottime_ms + int(cue.at * 1000)),
            detail=cue.detail,
        )

    def _taken(self, cue: AlertCue) -> None:
        if self._kept.get(cue.code) is cue:
            self._drop(cue.code)

    def _drop(self, code: str) -> None:
        self._kept.pop(code, None)
        self._sent.discard(code)
