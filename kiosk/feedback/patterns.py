"""Which rhythm of lamps and buzzer goes with which cue."""

from __future__ import annotations

from typing import Literal

from kiosk.cues import Answer, QuestionCue, Trial

Pattern = Literal[
    "pass",
    "goodbye",
    "again",
    "warn",
    "fail",
    "place-code",
    "hint",
    "question",
    "holding",
    "identify",
    "self-test",
]
"""What they look and sound like: `drivers.gpio.PATTERNS`."""

_OF_REASONS: dict[str, Pattern] = {"place-code": "place-code"}


def pattern(cue: Answer | Trial | QuestionCue) -> Pattern:
    """Passes part into who comes, who goes, and who was recorded before."""
    if isinstance(cue, QuestionCue):
        return "question"
    if cue.outcome != "pass":
        return _OF_REASONS.get(cue.reason, cue.outcome)
    if cue.repeated:
        return "again"
    return "goodbye" if cue.direction == "out" else "pass"
