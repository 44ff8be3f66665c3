"""What panel, lamps and buzzer do about each cue. Time is an argument: CLOCK_BOOTTIME, s."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from PIL import Image

from kiosk import screens
from kiosk.cues import STALE_ANSWER_S, Answer, Cue, HintCue, ScannerState, Trial, UplinkState
from kiosk.device import Device
from kiosk.faults import Severity
from kiosk.feedback.patterns import Pattern, pattern
from kiosk.model import Hint

log = logging.getLogger("kiosk.feedback")

FAULTS: dict[str, Severity] = {
    "panel-absent": "critical",
    "pins-absent": "warning",
    "button-absent": "warning",
}
TURN_S = 0.5  # longest wait between two turns; the watchdog is fed by turns
PANEL_RETRY_S = 1.0  # an absent panel costs one transfer; put back, it must not show an old answer
REFRESH_S = 1.0  # nor one that lost its power, or some bytes, between two pictures
HINT_QUIET_S = 10.0  # a visitor who tries again and again hears the first hint alone


class Panel(Protocol):
    """A display; see `drivers.oled`."""

    def show(self, picture: Image.Image) -> None: ...
    def step(self) -> bool: ...
    def refresh(self) -> None: ...
    def close(self) -> None: ...


class Signals(Protocol):
    """Lamps and buzzer; see `drivers.gpio`."""

    def play(self, pattern: Pattern, now: float) -> None: ...
    def step(self, now: float) -> float | None: ...
    def close(self) -> None: ...


class Rules(NamedTuple):
    """`answer_s`: how long an answer stays. `silent_s`: a daemon not heard for so long
    counts as dead. `enrolled`: this kiosk has an identity."""

    enrolled: bool
    answer_s: float
    silent_s: float


Shown = Answer | Trial | Hint | screens.Situation


class Feedback:
    """The panel's side of the kiosk: the newest answer for a while, else a hint to a visitor
    whose code cannot be read, else the state.

    `answers` counts those shown, `stale` those that came too late to be shown.
    """

    def __init__(
        self, rules: Rules, panel: Device[Panel], signals: Device[Signals], now: float
    ) -> None:
        self._rules = rules
        self._panel = panel
        self._signals = signals
        self._started = now
        self._scanner: ScannerState | None = None
        self._uplink: UplinkState | None = None
        self._answer: Answer | Trial | None = None
        self._answer_until = 0.0
        self._hint: HintCue | None = None
        self._hinted_at = float("-inf")
        self._refresh_at = now
        self._drawn: Shown | None = None
        self._picture: Image.Image | None = None
        self.state = ""
        self.answers = 0
        self.stale = 0

    def hear(self, cues: Iterable[Cue], now: float) -> None:
        """Takes in everything that waited, oldest first: of several answers the newest wins,
        and a real one wins over a trial."""
        newest: Answer | Trial | None = None
        for cue in cues:
            if isinstance(cue, ScannerState):
                self._scanner = cue
            elif isinstance(cue, UplinkState):
                self._uplink = cue
            elif isinstance(cue, HintCue):
                self._hint = cue
            elif isinstance(cue, Answer) or (
                isinstance(cue, Trial) and not isinstance(newest, Answer)
            ):
                newest = cue
        if newest is not None:
            self._take(newest, now)

    def _take(self, cue: Answer | Trial, now: float) -> None:
        """Light and sound at once; the picture follows with the turn."""
        kind = type(cue).__name__.lower()
        if not 0 <= now - cue.at <= STALE_ANSWER_S:
            self.stale += 1
            log.warning("%s number=%d dropped: %.1f s old", kind, cue.number, now - cue.at)
            return
        standing = self._answer if now < self._answer_until else None
        if isinstance(cue, Trial) and isinstance(standing, Answer):
            log.info("trial number=%d dropped: a visitor reads an answer", cue.number)
            return
        self._answer = cue
        self._answer_until = now + self._rules.answer_s
        if isinstance(cue, Answer):
            self.answers += 1
        log.info(
            "%s number=%d outcome=%s reason=%s repeated=%s",
            kind,
            cue.number,
            cue.outcome,
            cue.reason,
            isinstance(cue, Answer) and cue.repeated,
        )
        self._play(pattern(cue), now)

    def _play(self, pattern: Pattern, now: float) -> None:
        self._signals.attempt(lambda signals: signals.play(pattern, now), now)

    def turn(self, now: float) -> float:
        """Does what is due; seconds until the next turn, if no cue comes before."""
        wait = self._signals.attempt(lambda signals: signals.step(now), now)
        if now >= self._answer_until:
            self._answer = None
        situation = self._situation(now)
        state = screens.screen(situation)
        if state != self.state:
            log.info("state screen=%s", state)
            self.state = state
        self._show(self._answer or self._hinted(state, now) or situation, now)
        return TURN_S if wait is None else min(TURN_S, wait)

    def _hinted(self, state: str, now: float) -> Hint | None:
        """Nobody is told how to hold a code before a kiosk that is out of order."""
        fresh = self._hint is not None and 0 <= now - self._hint.at <= STALE_ANSWER_S
        if self._hint is None or not fresh or state != "idle":
            return None
        if now - self._hinted_at > HINT_QUIET_S:
            self._play("hint", now)
        self._hinted_at = now
        return self._hint.hint

    def _situation(self, now: float) -> screens.Situation:
        return screens.Situation(
            enrolled=self._rules.enrolled,
            scanner=self._scanner_seen(now),
            faults=tuple(self._scanner.faults) if self._scanner else (),
            link=self._link(now),
            pending=self._uplink.pending if self._uplink else 0,
            leaving=self._scanner is not None and now < self._scanner.leaving_until,
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
        return now - (heard.at if heard else self._started) > self._rules.silent_s

    def _show(self, wanted: Shown, now: float) -> None:
        if wanted == self._drawn:
            return

        picture = _picture(wanted)

        def show(panel: Panel) -> bool:
            if picture != self._picture:
                panel.show(picture)
            return True

        # After a fault the glass may show anything: draw as soon as there is a panel again.
        done = self._panel.attempt(show, now)
        self._drawn, self._picture = (wanted, picture) if done else (None, None)

    def draw(self, now: float) -> bool:
        """Sends a part of what the glass lacks yet, some milliseconds' worth; True while
        something is left."""
        if self._picture is None:
            return False
        if now >= self._refresh_at:
            self._refresh_at = now + REFRESH_S
            self._panel.attempt(lambda panel: panel.refresh(), now)
        more = self._panel.attempt(lambda panel: panel.step(), now)
        if more is None:
            self._drawn = self._picture = None
        return bool(more)

    def close(self) -> None:
        """Dark and quiet."""
        self._signals.close()
        self._panel.close()


def _picture(wanted: Shown) -> Image.Image:
    if isinstance(wanted, str):
        return screens.hint(wanted)
    if isinstance(wanted, screens.Situation):
        return screens.state(wanted)
    if isinstance(wanted, Trial):
        return screens.answer(wanted.outcome, wanted.reason, trial=True)
    return screens.answer(
        wanted.outcome,
        wanted.reason,
        name=wanted.name,
        direction=wanted.direction,
        repeated=wanted.repeated,
    )
