"""The questions of the declaration, put to a visitor whose code alone is not enough.

    while     this happens                              then
    nothing   a code that they may follow is shown      the first one is asked, the code is held
    one       it is answered                            the next is asked; after the last one the
                                                        code is judged, with the answers
              its time is over                          nothing: no answer, no record
              another code is answered                  the same
              the panel can ask no longer               the same
              its own code is seen, or shown anew       it stands as it stood

The code and the answers are in memory alone, and forgotten when nothing stands. No answer is
logged: the answers are of health. Times are CLOCK_BOOTTIME in seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import NamedTuple, get_args

import msgspec

from kiosk.credentials.policy import Policy
from kiosk.cues import STALE_ANSWER_S, ButtonCue, FeedbackState, QuestionCue
from kiosk.model import Declared, Question

log = logging.getLogger("kiosk.scanner")

QUESTIONS: tuple[Question, ...] = get_args(Question)
SAY_AGAIN_S = 0.5
SILENT_S = 3.0
"""A panel not heard for so long can ask nothing; it speaks once a second."""


class Done(NamedTuple):
    """Everything was answered."""

    payload: bytes
    declared: Declared


class _Asking(msgspec.Struct):
    payload: bytes
    question: QuestionCue
    answers: dict[Question, bool] = {}


class Dialogue:
    """Asks by `send`. Without a policy, or without [questions] in it, nobody is asked."""

    def __init__(
        self,
        policy: Policy | None = None,
        send: Callable[[QuestionCue], object] = lambda cue: None,
    ) -> None:
        self._questions = policy.questions if policy else None
        self._send = send
        self._numbers = count(1)
        self._panel: FeedbackState | None = None
        self._asking: _Asking | None = None
        self._state = "none"

    def judge_by(self, policy: Policy) -> None:
        """Another policy is in force. Not while a question stands."""
        self._questions = policy.questions

    @property
    def stands(self) -> bool:
        """Whether a question is asked now."""
        return self._asking is not None

    def state(self, at: float) -> str:
        """For the status line: `none` where the policy asks nothing, `no-panel`, `ready`."""
        if self._questions is None:
            return "none"
        return "ready" if self._can_ask(at) else "no-panel"

    def heard(self, panel: FeedbackState) -> None:
        """What the panel's daemon says of itself."""
        self._panel = panel

    def _can_ask(self, at: float) -> bool:
        panel = self._panel
        return panel is not None and panel.asks and 0 <= at - panel.at < SILENT_S

    def begin(self, payload: bytes, at: float) -> bool:
        """Holds the code and asks the first question; False where none can be asked."""
        if self._questions is None or not self._can_ask(at):
            return False
        self._asking = _Asking(payload, self._question(QUESTIONS[0], at))
        self._say(self._asking, at)
        return True

    def holds(self, payload: bytes) -> bool:
        """Whether it is this code that is being asked about."""
        return self._asking is not None and self._asking.payload == payload

    def answer(self, cue: ButtonCue, at: float) -> Done | None:
        """Takes an answer, if it is one to the question that stands; what is complete then."""
        self.turn(at)
        asking = self._asking
        if asking is None or cue.answers != asking.question.number:
            return None
        if not asking.question.since <= cue.at <= at:
            return None
        if at >= cue.at + STALE_ANSWER_S:  # what they press next, impatient, is no answer
            self.end("an answer came too late")
            return None
        asking.answers[asking.question.asked] = cue.yes
        left = [question for question in QUESTIONS if question not in asking.answers]
        if left:
            asking.question = self._question(left[0], at)
            self._say(asking, at)
            return None
        self.end("answered")
        return Done(asking.payload, msgspec.convert(asking.answers, Declared))

    def turn(self, at: float) -> None:
        """Called each turn: asks again while a question stands, ends what is over."""
        state = self.state(at)
        if state != self._state:
            log.info("questions state=%s", state)
            self._state = state
        asking = self._asking
        if asking is None:
            return
        if at >= asking.question.until:
            self.end("no answer in time")
        elif not self._can_ask(at):
            self.end("the panel can ask no longer")
        elif at - asking.question.at >= SAY_AGAIN_S:
            self._say(asking, at)

    def end(self, why: str) -> None:
        """Forgets the code and its answers, if a question stands."""
        if self._asking is not None:
            log.info("questions number=%d ended: %s", self._asking.question.number, why)
            self._asking = None

    def _question(self, asked: Question, at: float) -> QuestionCue:
        assert self._questions is not None, "only where the policy asks"
        until = at + self._questions.timeout_s
        number = next(self._numbers)
        log.info("question number=%d asked=%s", number, asked)
        return QuestionCue(number=number, at=at, asked=asked, since=at, until=until)

    def _say(self, asking: _Asking, at: float) -> None:
        asking.question = msgspec.structs.replace(asking.question, at=at)
        self._send(asking.question)
