"""Everything for visitors, drawn once ahead: the first one waits no longer than the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import get_args

from kiosk.model import Direction, Outcome, Question
from kiosk.screens import texts
from kiosk.screens.answers import answer, hint
from kiosk.screens.canvas import SIZE, Size
from kiosk.screens.questions import question
from kiosk.screens.texts import Language

_REFUSED: tuple[Outcome, ...] = ("warn", "fail")


def prepare(languages: Sequence[Language], size: Size = SIZE) -> None:
    """Symbols and broken lines are kept."""
    for language in languages:
        for direction, repeated in product(get_args(Direction), (False, True)):
            for name in ("", "A"):  # which leaves the words less room
                answer(
                    "pass",
                    "accepted",
                    name=name,
                    direction=direction,
                    repeated=repeated,
                    language=language,
                    size=size,
                )
        for outcome, reason in product(_REFUSED, texts.REASONS):
            answer(outcome, reason, language=language, size=size)
        for word in texts.HINTS:
            hint(word, language=language, size=size)
        for asked, frame in product(get_args(Question), (0, 2)):
            question(asked, language=language, frame=frame, size=size)
