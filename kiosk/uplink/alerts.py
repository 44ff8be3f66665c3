"""Alerts on their way to the centre: each change once, and what stands again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kiosk import wire
from kiosk.alerts import ALERTS
from kiosk.cues import AlertCue
from kiosk.faults import REMIND_S
from kiosk.model import Instant
from kiosk.uplink import words
from kiosk.uplink.connection import Connection

MAX_ALERTS = 64
MAX_DETAIL = 500
TAKEN_BACK = (
    "outbox-unreadable",
    "segment-quarantined",
    "records-refused",
    "was-offline",
    "config-refused",
    "config-rolled-back",
    "document-refused",
)
"""Told as cleared by a process that starts and does not find them."""
WHOLE_S = REMIND_S + 15.0
"""By then scanner and panel have reminded an uplink that started anew of what stands."""


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
        self._began_ms = now().boottime_ms
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

    def own(self, code: str, trouble: str) -> None:
        """One of the uplink's own alerts: raised while there is `trouble`, in words."""
        if trouble or code in self._codes:
            self.keep(self._made(code, trouble))

    def standing(self) -> list[wire.Standing]:
        """All that are raised, as far as this process knows."""
        last = [known.cues[-1] for known in self._codes.values() if known.cues]
        return [
            wire.Standing(
                code=words.plain(cue.code, 64), severity=cue.severity, since_ms=self._wall_ms(cue)
            )
            for cue in last
            if cue.raised
        ]

    def whole(self) -> bool:
        """Whether every daemon has had the time to tell what it knows."""
        return self._now().boottime_ms - self._began_ms >= WHOLE_S * 1000

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
            for code in TAKEN_BACK:
                if code not in self._codes:
                    self.keep(self._made(code, ""))
        self._link = link
        for code in [code for code, known in self._codes.items() if known.settled]:
            del self._codes[code]
        for known in self._codes.values():
            known.sent, known.taken = 0, False

    def _made(self, code: str, trouble: str) -> AlertCue:
        return AlertCue(
            number=0,
            at=self._now().boottime_ms / 1000,
            code=code,
            severity=ALERTS[code].severity,
            raised=bool(trouble),
            detail=trouble[:MAX_DETAIL],
        )

    def _message(self, cue: AlertCue) -> wire.Alert:
        return wire.Alert(
            code=cue.code,
            severity=cue.severity,
            raised=cue.raised,
            at_ms=self._wall_ms(cue),
            detail=cue.detail,
        )

    def _wall_ms(self, cue: AlertCue) -> int:
        # The cue knows how long after boot it was; the wall clock may be right only now.
        now = self._now()
        return max(0, now.wall_ms - now.boottime_ms + int(cue.at * 1000))

    def _taken(self, cue: AlertCue) -> None:
        known = self._codes.get(cue.code)
        if known is None:
            return
        if known.cues[-1] is cue:
            known.taken = True
        elif known.cues[0] is cue:
            del known.cues[0]
            known.sent = max(0, known.sent - 1)
