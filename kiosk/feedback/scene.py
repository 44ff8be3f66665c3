"""From what is to be shown to its picture."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageChops

from kiosk import screens
from kiosk.cues import Answer, Trial
from kiosk.model import Hint, Question


class Asking(NamedTuple):
    """A question, how much of a long press is done, and how much time is left, 0 to 1."""

    question: Question
    held: float
    left: float


class Scene(NamedTuple):
    """All that decides about the picture."""

    what: Answer | Trial | Asking | Hint | screens.Situation
    language: screens.Language
    frame: int = 0
    time: str = ""
    move: tuple[int, int] = (0, 0)


def drawn(scene: Scene, size: screens.Size) -> Image.Image:
    """Its picture."""
    what, language = scene.what, scene.language
    if isinstance(what, str):
        return screens.hint(what, language=language, size=size)
    if isinstance(what, Asking):
        return screens.question(
            what.question,
            language=language,
            held=what.held,
            left=what.left,
            frame=scene.frame,
            size=size,
        )
    if isinstance(what, screens.Situation):
        picture = _state(what, language, scene.frame, size)
        return ImageChops.offset(picture, *scene.move) if any(scene.move) else picture
    return screens.answer(
        what.outcome,
        what.reason,
        name="" if isinstance(what, Trial) else what.name,
        direction=what.direction,
        repeated=what.repeated,
        trial=isinstance(what, Trial),
        language=language,
        size=size,
        time=scene.time,
    )


@lru_cache(maxsize=16)
def _state(
    situation: screens.Situation,
    language: screens.Language,
    frame: int,
    size: screens.Size,
) -> Image.Image:
    """The few pictures of an animation that runs all day; none with a name is kept."""
    return screens.state(situation, language=language, frame=frame, size=size)
