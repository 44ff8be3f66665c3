"""A Feedback with panel, lamps and time handed in, for the tests of its rules."""

from __future__ import annotations

import logging

from PIL import Image

from kiosk import screens
from kiosk.cues import (
    AlertCue,
    Answer,
    Cue,
    HintCue,
    QuestionCue,
    ScannerState,
    ScreenCue,
    UplinkState,
)
from kiosk.device import Device
from kiosk.faults import Faults
from kiosk.feedback.glow import MOVED_S
from kiosk.feedback.news import Known
from kiosk.feedback.panel import (
    FAULTS,
    Feedback,
    Rules,
)
from kiosk.model import ClockState, Hint, Instant, Question

RULES = Rules(
    known=Known(enrolled=True, silent_s=5.0, kiosk="k-1", place="Cổng 1"),
    answer_s=3.0,
    brightness=("06:00 100%", "19:00 40%"),
    dim_after_s=120.0,
)
TIME = "08:45"
MORNING_MS = 1_800_000_000_000 // 86_400_000 * 86_400_000 + (8 * 60 + 45 - 7 * 60) * 60_000
WELL = screens.Situation(
    enrolled=True, scanner="well", time=TIME, kiosk="k-1", place="Cổng 1", page="pixels"
)
IDLE = screens.state(WELL)
PASS = screens.answer("pass", "accepted", name="Nguyễn A.", time=TIME)


class Glass:
    """Records what it is told; raises while `broken`, and when it is to send while `loose`. A
    picture takes `parts` steps."""

    def __init__(self, told: list[str]) -> None:
        self.broken = self.loose = False
        self.shown: list[Image.Image] = []
        self.level = -1
        self.parts = 1
        self.refreshed = 0
        self._left = 0
        self._told = told

    def _works(self) -> None:
        if self.broken:
            raise OSError("panel: no answer")

    def show(self, picture: Image.Image) -> None:
        self._works()
        self.shown.append(picture)
        self._left = self.parts
        self._told.append("picture")

    def step(self) -> bool:
        self._works()
        if self.loose:
            raise OSError("panel: not acknowledged")
        self._left = max(0, self._left - 1)
        return self._left > 0

    def refresh(self) -> None:
        self.refreshed += 1

    def contrast(self, level: int) -> None:
        self._works()
        self.level = level

    def close(self) -> None:
        self._told.append("panel closed")


PATTERN_S = 3.0


class Lamps:
    """Each pattern takes `PATTERN_S`."""

    def __init__(self, told: list[str]) -> None:
        self.broken = False
        self.until = 0.0
        self._told = told

    def play(self, pattern: str, now: float) -> None:
        if self.broken:
            raise OSError("pin: no answer")
        self._told.append(pattern)
        self.until = now + PATTERN_S

    def step(self, now: float) -> float | None:
        return self.until - now if now < self.until else None

    def close(self) -> None:
        self._told.append("lamps closed")


class Door:
    """A Feedback at second `now` with everything around it. The picture has not been moved
    about yet, and for some seconds will not be."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.now = 9 * MOVED_S * 10
        self.wall_ms, self.clock = MORNING_MS, "synced"
        self.told: list[str] = []
        self.alerts: list[tuple[str, bool, str]] = []
        self.glass, self.lamps = Glass(self.told), Lamps(self.told)
        faults = Faults(self._alert, lambda: self.now, FAULTS, logging.getLogger("kiosk.feedback"))
        self.panel: Device[Glass] = Device("panel", lambda: self.glass, faults)
        self.pins: Device[Lamps] = Device("pins", lambda: self.lamps, faults)
        self.feedback = Feedback(rules, self.panel, self.pins, lambda: faults.warnings, self.now)

    def _alert(self, cue: Cue) -> None:
        assert isinstance(cue, AlertCue)
        self.alerts.append((cue.code, cue.raised, cue.detail.partition(";")[0]))

    @property
    def wall(self) -> Instant:
        state: ClockState = self.clock
        return Instant(self.wall_ms, state, "boot", int(self.now * 1000))

    def turn(self, *cues: Cue, after: float = 0.0) -> Image.Image:
        """What the glass shows after a turn `after` seconds later."""
        self.now += after
        self.feedback.hear(cues, self.now)
        self.feedback.turn(self.now, self.wall)
        while self.feedback.draw(self.now):
            pass
        return self.glass.shown[-1]

    def live(self, seconds: float, *asked: Cue) -> list[Image.Image]:
        """What the glass shows in so many seconds with all others well, each once."""
        before = len(self.glass.shown)
        end = self.now + seconds
        cues = asked
        while self.now < end:
            self.turn(self.alive(), self.uplink(), *cues)
            cues = ()
            self.now += 0.25
        return self.glass.shown[before:]

    def answer(self, number: int = 1, age: float = 0.0, **more: object) -> Answer:
        given = {"outcome": "pass", "reason": "accepted", "name": "Nguyễn A."} | more
        return Answer(number=number, at=self.now - age, **given)

    def hint(self, hint: Hint = "closer", age: float = 0.0) -> HintCue:
        return HintCue(number=9, at=self.now - age, hint=hint)

    def question(
        self, number: int = 7, asked: Question = "symptoms", ago: float = 0.0, age: float = 0.0
    ) -> QuestionCue:
        """Asked `ago` seconds before now, for 20, and said again `age` seconds before now."""
        since = self.now - ago
        return QuestionCue(
            number=number, at=self.now - age, asked=asked, since=since, until=since + 20
        )

    def alive(self, *faults: str, moved_at: float = 0.0) -> ScannerState:
        return ScannerState(number=1, at=self.now, faults=list(faults), moved_at=moved_at)

    def uplink(self, online: bool = True, centre: bool = True, pending: int = 0) -> UplinkState:
        return UplinkState(number=1, at=self.now, online=online, centre=centre, pending=pending)

    def asked(self, screen: str | None, **more: object) -> ScreenCue:
        return ScreenCue(number=1, at=self.now, screen=screen, **more)


def state(frame: int = 0, language: screens.Language = "vi", **of: object) -> Image.Image:
    return screens.state(WELL._replace(**of), frame=frame, language=language)


def any_of(**of: object) -> list[Image.Image]:
    """All that may be shown of a state: it moves, and speaks two languages."""
    return [state(n, language, **of) for n in range(4) for language in ("vi", "en")]
