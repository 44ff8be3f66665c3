"""What is being said to the visitor: one answer, or one question. Time is an argument:
CLOCK_BOOTTIME, s."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from kiosk.cues import STALE_ANSWER_S, STALE_QUESTION_S, Answer, QuestionCue, Trial
from kiosk.feedback.patterns import Pattern, pattern

log = logging.getLogger("kiosk.feedback")

Said = Answer | Trial | QuestionCue


class Saying:
    """Holds the newest, however they came; a trial waits until a visitor has read theirs.

    `since`: when what stands was first said. `answers` counts the answers taken, `stale` what
    came too late to be.
    """

    def __init__(self, answer_s: float) -> None:
        self._answer_s = answer_s
        self._said: Said | None = None
        self.since = 0.0
        self.answers = 0
        self.stale = 0

    def take(self, cues: Iterable[Said], now: float, lost: bool) -> Pattern | None:
        """Takes in what waited, oldest first: light and sound of it, None when there is nothing
        new. `lost` see `standing`."""
        newest: Said | None = None
        for cue in cues:
            if newest is None or _replaces(cue, newest):
                newest = cue
        if newest is None:
            return None
        kind = newest.__struct_config__.tag
        if not 0 <= now - newest.at <= _keeps_s(newest):
            self.stale += 1
            log.warning("%s number=%d dropped: %.1f s old", kind, newest.number, now - newest.at)
            return None
        standing = self.standing(now, lost)
        if standing is not None and not _replaces(newest, standing):
            log.info("%s number=%d dropped: a visitor reads another", kind, newest.number)
            return None
        self._said = newest
        if _is_again(newest, standing):
            return None
        self.since = now
        if isinstance(newest, QuestionCue):
            log.info("question number=%d asked=%s", newest.number, newest.asked)
        else:
            self.answers += isinstance(newest, Answer)
            log.info(
                "%s number=%d outcome=%s reason=%s repeated=%s",
                kind,
                newest.number,
                newest.outcome,
                newest.reason,
                newest.repeated,
            )
        return pattern(newest)

    def standing(self, now: float, lost: bool) -> Said | None:
        """What is on the panel. An answer that could not be shown at once (`lost`: the glass
        shows nothing) is not shown later: somebody else may stand there when the panel is
        back. A question stands as long as it is asked."""
        said = self._said
        if said is None:
            return None
        if isinstance(said, QuestionCue):
            over = now >= said.until or now - said.at > STALE_QUESTION_S
        else:
            over = now >= self.since + self._answer_s or (lost and now - said.at > STALE_ANSWER_S)
        if over:
            self._said = None
        return self._said


def _keeps_s(cue: Said) -> float:
    return STALE_QUESTION_S if isinstance(cue, QuestionCue) else STALE_ANSWER_S


def _replaces(cue: Said, other: Said) -> bool:
    """By when they were said: a question may have waited longer on its way than an answer."""
    if isinstance(other, Trial) or isinstance(cue, Trial):
        return isinstance(other, Trial)
    return cue.at >= other.at


def _is_again(cue: Said, standing: Said | None) -> bool:
    """A question that stands, said again."""
    return (
        isinstance(cue, QuestionCue)
        and isinstance(standing, QuestionCue)
        and (cue.number, cue.since) == (standing.number, standing.since)
    )
