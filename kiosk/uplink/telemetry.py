"""What the kiosk tells about itself: birth document, figures, alerts. No personal data."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from kiosk import wire
from kiosk.config import Config
from kiosk.cues import AlertCue
from kiosk.model import FIRMWARE, SCHEMA, Instant
from kiosk.outbox import SealedSegments
from kiosk.uplink.connection import Connection

MAX_ALERTS = 64
MAX_DETAIL = 500
EXPIRY_PERIODS = 3

OwnCode = Literal["outbox-unreadable", "segment-quarantined", "records-refused"]

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

    def is_due(self, at: float) -> bool:
        return at >= self._due

    def publish(self, link: Connection, at: float) -> None:
        """Publishes this moment's. Raises OutboxError."""
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


class _Code:
    """What is known of one alert code: its last two changes at most, of which `sent` were
    published on this connection. `taken`: the broker has the last one."""

    def __init__(self) -> None:
        self.cues: list[AlertCue] = []
        self.sent = 0
        self.taken = False

    @property
    def settled(self) -> bool:
        return self.taken and not self.cues[-1].raised

    def add(self, cue: AlertCue) -> None:
        if self.cues and self.cues[-1].raised == cue.raised:
            return  # the same again, as its sender repeats it
        old = len(self.cues) if self.taken else max(0, len(self.cues) - 1)
        del self.cues[:old]
        self.sent = max(0, self.sent - old)
        self.cues.append(cue)
        self.taken = False


class Alerts:
    """Publishes each change of an alert, in order, until the broker has taken it, and anew
    on each connection what is still raised. Senders may repeat themselves."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self._now = now
        self._codes: dict[str, _Code] = {}
        self._link: Connection | None = None

    def keep(self, cue: AlertCue) -> None:
        """To be published, unless it repeats what its code is already."""
        if cue.code not in self._codes:
            if len(self._codes) >= MAX_ALERTS:
                settled = (code for code, known in self._codes.items() if known.settled)
                del self._codes[next(settled, next(iter(self._codes)))]
            self._codes[cue.code] = _Code()
        self._codes[cue.code].add(cue)

    def own(self, code: OwnCode, trouble: str) -> None:
        """One of the uplink's own alerts: raised while there is `trouble`, in words."""
        if trouble or code in self._codes:
            self.keep(self._made(code, trouble))

    def turn(self, link: Connection) -> None:
        """Publishes what this connection has not carried yet."""
        if link is not self._link:
            self._begin(link)
        for code, known in self._codes.items():
            for cue in known.cues[known.sent :]:
                message = wire.encode(self._message(cue))
                taken = partial(self._taken, cue)
                if not link.publish("alert", message, f"alert {code}", taken=taken):
                    return
                known.sent += 1

    def _begin(self, link: Connection) -> None:
        if self._link is None:  # an earlier process may have left one raised at the centre
            for code in get_args(OwnCode):
                if code not in self._codes:
                    self.keep(self._made(code, ""))
        self._link = link
        for code in [code for code, known in self._codes.items() if known.settled]:
            del self._codes[code]
        for known in self._codes.values():
            known.sent, known.taken = 0, False

    def _made(self, code: OwnCode, trouble: str) -> AlertCue:
        return AlertCue(
            number=0,
            at=self._now().boottime_ms / 1000,
            code=code,
            severity="critical",
            raised=bool(trouble),
            detail=trouble[:MAX_DETAIL],
        )

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
        known = self._codes.get(cue.code)
        if known is None:
            return
        if known.cues[-1] is cue:
            known.taken = True
        elif known.cues[0] is cue:
            del known.cues[0]
            known.sent = max(0, known.sent - 1)
