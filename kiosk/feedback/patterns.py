"""Which rhythm of lamps and buzzer goes with which cue."""

from __future__ import annotations

from typing import Literal

from kiosk.cues import Answer, Trial

Pattern = Literal[
    "pass",
    "goodbye",
    "again",
    "warn",
    "fail",
    "place-code",
    "hint",
    "holding",
    "identify",
    "self-test",
]
"""What they look and sound like: `drivers.gpio.PATTERNS`, which knows some more."""

_OF_REASONS: dict[str, Pattern] = {"place-code": "place-code"}


def pattern(cue: Answer | Trial) -> Pattern:
    """Passes part into who comes, who goes, and who was recorded before."""
    if cue.outcome != "pass":
        return _OF_REASONS.get(cue.reason, cue.outcome)
    if cue.repeated:
        return "again"
    return "goodbye" if cue.direction == "out" else "pass"
