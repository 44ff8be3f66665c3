"""What the others have said last, and what that means. Time is an argument: CLOCK_BOOTTIME, s."""

from __future__ import annotations

from typing import NamedTuple

from kiosk import screens
from kiosk.clock import minute_of_day
from kiosk.cues import STALE_ANSWER_S, Cue, HintCue, ScannerState, ScreenCue, UplinkState
from kiosk.model import Hint, Instant

PAGE_S = 5.0
"""A page of the self-test stays so long when all of them are shown."""


class Known(NamedTuple):
    """What does not change: `enrolled` if this kiosk has an identity, how it and its place are
    called. A daemon not heard for `silent_s` counts as dead."""

    enrolled: bool
    silent_s: float
    kiosk: str = ""
    place: str = ""


class News:
    """The newest cue of each kind but answers and questions. `stirred_at`: when somebody was
    last there."""

    def __init__(self, known: Known, now: float) -> None:
        self._known = known
        self._started = self.stirred_at = now
        self._scanner: ScannerState | None = None
        self._uplink: UplinkState | None = None
        self._hint: HintCue | None = None
        self._asked: ScreenCue | None = None
        self._pressed_at = float("-inf")

    def hear(self, cue: Cue) -> None:
        """Takes in whatever is neither answer nor question."""
        if isinstance(cue, ScannerState):
            self._scanner = cue
            self.stirred(cue.moved_at)
        elif isinstance(cue, UplinkState):
            self._uplink = cue
        elif isinstance(cue, HintCue):
            self._hint = cue
            self.stirred(cue.at)
        elif isinstance(cue, ScreenCue):
            self._asked = cue
            self.stirred(cue.at)

    def stirred(self, at: float) -> None:
        """Somebody was there."""
        self.stirred_at = max(self.stirred_at, at)

    def pressed(self, at: float) -> None:
        """The button works."""
        self._pressed_at = at
        self.stirred(at)

    def hint(self, now: float) -> Hint | None:
        """What to say to a visitor whose code cannot be read, as long as it is said again."""
        if self._hint is None or not 0 <= now - self._hint.at <= STALE_ANSWER_S:
            return None
        return self._hint.hint

    def situation(
        self, now: float, wall: Instant, warnings: tuple[str, ...], visitor: screens.Visitor
    ) -> screens.Situation:
        """`warnings` are faults of this daemon that do not stop the door; `visitor`: what is being
        said to one, but for a hint."""
        minute = minute_of_day(wall)
        asked = self._asked
        if asked is not None and not (asked.screen and 0 <= now - asked.at < asked.lasts_s):
            asked = None
        return screens.Situation(
            enrolled=self._known.enrolled,
            scanner=self._scanner_seen(now),
            faults=tuple(self._scanner.faults) if self._scanner else (),
            warnings=warnings,
            link=self._link(now),
            pending=self._uplink.pending if self._uplink else 0,
            leaving=self._scanner is not None and now < self._scanner.leaving_until,
            time="" if minute is None else f"{minute // 60:02}:{minute % 60:02}",
            clock_set=minute is not None,
            visitor=visitor or ("hint" if self.hint(now) else ""),
            asked=asked.screen if asked else None,
            page=_page(asked, now),
            pressed=asked is not None and self._pressed_at >= asked.at,
            percent=asked.percent if asked else -1,
            kiosk=self._known.kiosk,
            place=self._known.place,
        )

    def _scanner_seen(self, now: float) -> screens.Scanner:
        """By when it spoke, not when it was heard: what waited in the socket while this
        daemon was away proves nothing."""
        if self._silent(self._scanner, now):
            return "silent"
        return "well" if self._scanner else "awaited"

    def _link(self, now: float) -> screens.Link:
        if self._silent(self._uplink, now):
            return "uplink-silent"
        if self._uplink is None:
            return "ok"  # it has time to speak up, as the scanner has
        if not self._uplink.online:
            return "offline"
        return "ok" if self._uplink.centre else "centre-away"

    def _silent(self, heard: ScannerState | UplinkState | None, now: float) -> bool:
        return now - (heard.at if heard else self._started) > self._known.silent_s


def _page(asked: ScreenCue | None, now: float) -> screens.Page:
    if asked is None or asked.page is not None:
        return (asked and asked.page) or screens.PAGES[0]
    return screens.PAGES[int((now - asked.at) / PAGE_S) % len(screens.PAGES)]
