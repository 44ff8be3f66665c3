"""How long the kiosk was offline, and why: told once it is back, since it cannot be before."""

from __future__ import annotations

import time
from collections.abc import Callable

from kiosk.model import Instant
from kiosk.reach import ALWAYS_TOLD, Reason
from kiosk.uplink.alerts import MAX_DETAIL

LONG_S = 60.0
"""Shorter ones are the network's daily life, but for those of `ALWAYS_TOLD`."""
STANDS_S = 600.0
_VIETNAM_S = 7 * 3600


class Outage:
    """Give it a turn again and again; `told` is the alert's detail, in both languages, for
    `STANDS_S` after the kiosk came back; empty otherwise."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self.told = self._news = ""
        self._now = now
        self._since: float | None = None
        self._reasons: dict[str, Reason] = {}
        self._told_at = 0.0

    def turn(self, at: float, online: bool, why: Reason) -> None:
        """`at` in seconds since boot; `why` counts while offline."""
        if not online:
            if self._since is None:
                self._since, self._reasons = at, {}
            if why.code != "connecting":
                self._reasons.setdefault(why.code, why)
        elif self._since is not None:
            lasted, since, self._since = at - self._since, self._since, None
            if lasted >= LONG_S or self._reasons.keys() & set(ALWAYS_TOLD):
                self._news = self._words(lasted, since)
        # What stands is taken back first: an alert that is raised is not raised anew.
        if self.told and (self._news or at - self._told_at >= STANDS_S):
            self.told = ""
        elif self._news:
            self.told, self._told_at, self._news = self._news, at, ""

    def _words(self, lasted: float, since: float) -> str:
        now = self._now()
        began_s = (now.wall_ms - now.boottime_ms) / 1000 + since
        began = time.strftime("%Y-%m-%d %H:%M", time.gmtime(began_s + _VIETNAM_S))
        reasons = list(self._reasons.values())
        head = (
            f"offline {_span(lasted, 's', 'min', 'h')} since {began} +07:00 / mất kết nối"
            f" {_span(lasted, 'giây', 'phút', 'giờ')}: "
        )
        text = head
        for most in range(len(reasons), 0, -1):
            said = [f"{one.code}: {one}" for one in reasons[:most]]
            if most < len(reasons):  # docs/offline.md has the words
                said.append("+ " + ", ".join(one.code for one in reasons[most:]))
            text = head + "; ".join(said)
            if len(text) <= MAX_DETAIL:
                break
        return text


def _span(seconds: float, s: str, m: str, h: str) -> str:
    if seconds < 120:
        return f"{seconds:.0f} {s}"
    return f"{seconds / 60:.0f} {m}" if seconds < 7200 else f"{seconds / 3600:.0f} {h}"
