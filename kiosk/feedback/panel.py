"""What panel, lamps and buzzer do about each cue. Time is an argument: CLOCK_BOOTTIME, s."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from PIL import Image

from kiosk import screens
from kiosk.clock import minute_of_day
from kiosk.cues import Answer, Cue, QuestionCue, Trial
from kiosk.device import Device
from kiosk.faults import Severity
from kiosk.feedback.glow import Glow, moved
from kiosk.feedback.news import Known, News
from kiosk.feedback.patterns import Pattern
from kiosk.feedback.saying import Saying
from kiosk.feedback.scene import Asking, Scene, drawn
from kiosk.model import Instant

log = logging.getLogger("kiosk.feedback")

FAULTS: dict[str, Severity] = {
    "panel-absent": "critical",
    "pins-absent": "warning",
    "button-absent": "warning",
}
TURN_S = 0.5  # longest wait between two turns; the watchdog is fed by turns
PANEL_RETRY_S = 1.0  # an absent panel costs one transfer; put back, it must not show an old answer
REFRESH_S = 1.0  # nor one that lost its power, or some bytes, between two pictures
LANGUAGE_S = 4.0
HINT_LANGUAGE_S = 1.5
QUESTION_S = 1.0  # a frame of a question, on a panel that shows it in parts
QUESTION_TURN_S = 0.25  # between two pictures of it
HINT_QUIET_S = 10.0  # a visitor who tries again and again hears the first hint alone


class Panel(Protocol):
    """A display; see `drivers.oled`."""

    def show(self, picture: Image.Image) -> None: ...
    def step(self) -> bool: ...
    def refresh(self) -> None: ...
    def contrast(self, level: int) -> None: ...
    def close(self) -> None: ...


class Signals(Protocol):
    """Lamps and buzzer; see `drivers.gpio`."""

    def play(self, pattern: Pattern, now: float) -> None: ...
    def step(self, now: float) -> float | None: ...
    def close(self) -> None: ...


class Rules(NamedTuple):
    """`answer_s`: how long an answer stays. `languages` take turns. `brightness` by hour, see
    `Glow`; dimmed when nobody was there for `dim_after_s`."""

    known: Known
    answer_s: float
    languages: Sequence[screens.Language] = ("vi", "en")
    brightness: Sequence[str] = ()
    dim_after_s: float = 180.0
    size: screens.Size = screens.SIZE


class Shown(NamedTuple):
    """What a press of the button would be about: the question of that number, 0 = none, which
    can be seen since `since`; or the self-test."""

    question: int = 0
    since: float = 0.0
    testing: bool = False


class Feedback:
    """The panel's side of the kiosk: an answer for a while, or a question as long as it is
    asked, else a hint to a visitor whose code cannot be read, else the state.

    `shown` is what the button is about, `said` counts what came and was shown.
    """

    def __init__(
        self,
        rules: Rules,
        panel: Device[Panel],
        signals: Device[Signals],
        warnings: Callable[[], list[str]],
        now: float,
    ) -> None:
        self._rules = rules
        self._panel = panel
        self._signals = signals
        self._warnings = warnings
        self._news = News(rules.known, now)
        self._glow = Glow(rules.brightness)
        self.said = Saying(rules.answer_s)
        self._held = 0.0
        self.shown = Shown()
        self._name = ""  # name of the screen, and since when
        self._since = now
        self._hinted_at = float("-inf")
        self._refresh_at = now
        self._drawn: Scene | None = None
        self._picture: Image.Image | None = None
        self._percent: int | None = None
        self._lost = False  # the last picture did not reach the glass
        self.state = ""

    def hear(self, cues: Iterable[Cue], now: float) -> None:
        """Takes in everything that waited, oldest first: of several answers the newest wins,
        and a real one wins over a trial. Light and sound at once; the picture follows with the
        turn."""
        said: list[Answer | Trial | QuestionCue] = []
        for cue in cues:
            if isinstance(cue, Answer | Trial | QuestionCue):
                said.append(cue)
            else:
                self._news.hear(cue)
        pattern = self.said.take(said, now, self._lost)
        if pattern is not None:
            self._news.stirred(now)
            self._play(pattern, now)

    def pressed(self, at: float, held: float = 0.0) -> None:
        """The button was last pressed at `at`; `held`: how much of a long press that answers a
        question is done, 0 to 1."""
        self._news.pressed(at)
        self._held = held

    @property
    def can_be_seen(self) -> bool:
        """Whether there is a panel that shows what it should."""
        return self._panel.condition == "ok" and not self._lost

    def _play(self, pattern: Pattern, now: float) -> None:
        self._signals.attempt(lambda signals: signals.play(pattern, now), now)

    def turn(self, now: float, wall: Instant) -> float:
        """Does what is due; seconds until the next turn, if no cue comes before."""
        said = self.said.standing(now, self._lost)
        visitor: screens.Visitor = "answer" if said else ""
        if isinstance(said, QuestionCue):
            visitor = "question"
        situation = self._news.situation(now, wall, tuple(self._warnings()), visitor)
        state = screens.screen(situation._replace(visitor=""))
        if state != self.state:
            log.info("state screen=%s", state)
            self.state = state
        name = screens.screen(situation)
        if name != self._name:
            self._name, self._since = name, now
        wait = self._accompany(name, situation, now)
        resting = now - self._news.stirred_at >= self._rules.dim_after_s
        if isinstance(said, QuestionCue):
            scene, due = self._asked(said, now)
        elif said is not None:
            scene, due = self._answered(said, situation.time, now)
        elif name == "hint":
            scene, due = self._hinted(now)
        else:
            scene, due = self._waiting(situation, resting, now)
        self._show(scene, self._glow.percent(minute_of_day(wall), resting), now)
        asked = said.number if isinstance(said, QuestionCue) and self.can_be_seen else 0
        if asked != self.shown.question:
            self.shown = Shown(asked, now)
        self.shown = self.shown._replace(testing=name == "self-test")
        return min(due, TURN_S if wait is None else wait, TURN_S)

    def _accompany(self, name: str, situation: screens.Situation, now: float) -> float | None:
        """Light and sound that belong to a screen, and what is due of those that play; seconds
        until more is, None if all is dark and quiet."""
        if name == "hint":
            if now - self._hinted_at > HINT_QUIET_S:
                self._play("hint", now)
            self._hinted_at = now
        wait = self._step(now)
        lasting: Pattern | None = None
        if name == "identify":
            lasting = "identify"
        elif name == "self-test" and situation.page in ("light", "sound"):
            lasting = "self-test"
        if lasting is not None and wait is None:
            self._play(lasting, now)
            wait = self._step(now)
        return wait

    def _step(self, now: float) -> float | None:
        return self._signals.attempt(lambda signals: signals.step(now), now)

    def _answered(self, answer: Answer | Trial, time: str, now: float) -> tuple[Scene, float]:
        """The languages share its time."""
        language, due = self._language(
            now - self.said.since, self._rules.answer_s / len(self._rules.languages)
        )
        return Scene(answer, language, time=time), due

    def _asked(self, question: QuestionCue, now: float) -> tuple[Scene, float]:
        """The bars move in steps, each of which is a picture."""
        elapsed = now - self.said.since
        language, _ = self._language(elapsed, LANGUAGE_S)
        left = (question.until - now) / max(question.until - question.since, 1.0)
        asking = Asking(question.asked, round(self._held * 16) / 16, round(left * 32) / 32)
        return Scene(asking, language, int(elapsed / QUESTION_S)), QUESTION_TURN_S

    def _hinted(self, now: float) -> tuple[Scene, float]:
        hint = self._news.hint(now)
        assert hint is not None, "the screen is that of a hint"
        language, due = self._language(now - self._since, HINT_LANGUAGE_S)
        return Scene(hint, language), due

    def _waiting(
        self, situation: screens.Situation, resting: bool, now: float
    ) -> tuple[Scene, float]:
        elapsed = now - self._since
        language, due = self._language(elapsed, LANGUAGE_S)
        frames, seconds = screens.animation(situation, self._rules.size)
        if resting:
            frames = 1
        frame = int(elapsed / seconds) % frames
        if frames > 1:
            due = min(due, seconds - elapsed % seconds)
        move = moved(now) if screens.keeps_off_the_rim(situation) else (0, 0)
        return Scene(situation, language, frame, move=move), due

    def _language(self, elapsed: float, each_s: float) -> tuple[screens.Language, float]:
        """The one whose turn it is, and for how many more seconds."""
        languages = self._rules.languages
        return languages[int(elapsed / each_s) % len(languages)], each_s - elapsed % each_s

    def _show(self, scene: Scene, percent: int, now: float) -> None:
        if (scene, percent) == (self._drawn, self._percent):
            return
        picture = drawn(scene, self._rules.size)

        def show(panel: Panel) -> bool:
            if percent != self._percent:
                panel.contrast(round(percent * 255 / 100))
            if picture != self._picture:
                panel.show(picture)
            return True

        # After a fault the glass may show anything: draw as soon as there is a panel again.
        if self._panel.attempt(show, now):
            self._drawn, self._picture, self._percent = scene, picture, percent
            self._lost = False
        else:
            self._forget()

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
            self._forget()
        return bool(more)

    def _forget(self) -> None:
        """Nobody knows what the glass shows now."""
        self._drawn = self._picture = self._percent = None
        self._lost = True

    def close(self) -> None:
        """Dark and quiet."""
        self._signals.close()
        self._panel.close()
