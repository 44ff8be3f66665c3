"""What the panel shows, as pictures: pure, 1 bit, 128 x 64.

answer(...)       what the visitor sees after showing a code
hint(hint)        how to hold a code that cannot be read
state(situation)  what stands there otherwise
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from PIL import Image

from kiosk.model import Direction, Hint, Outcome
from kiosk.screens import drawing, texts

Link = Literal["ok", "offline", "centre-away", "uplink-silent"]
Scanner = Literal["well", "awaited", "silent"]

_WIDTH, _HEIGHT = drawing.SIZE
_BESIDE = drawing.SYMBOL + 4  # left edge of what stands beside a symbol


class Situation(NamedTuple):
    """What the panel knows when there is nobody to answer.

    `scanner` is `awaited` until its first sign of life; `faults` are its own codes.
    `pending` counts records that the centre has not confirmed. `leaving`: the button was
    pressed, the next visitor goes out.
    """

    enrolled: bool
    scanner: Scanner
    faults: tuple[str, ...] = ()
    link: Link = "ok"
    pending: int = 0
    leaving: bool = False


WINS: tuple[tuple[str, Callable[[Situation], bool]], ...] = (
    ("not-enrolled", lambda s: not s.enrolled),
    ("starting", lambda s: s.scanner == "awaited"),
    ("out-of-order", lambda s: s.scanner == "silent"),
    ("card-full", lambda s: "card-full" in s.faults),
    ("outbox-fault", lambda s: "outbox-fault" in s.faults),
    ("camera-absent", lambda s: "camera-absent" in s.faults),
    ("camera-silent", lambda s: "camera-silent" in s.faults),
    ("reader-absent", lambda s: "reader-absent" in s.faults),
    ("other-fault", lambda s: bool(s.faults)),
    ("idle", lambda s: True),
)
"""Who wins when several are true: the first. An answer stands above them all while it
lasts, a hint above `idle` alone; a missing link is only a mark, since a door never waits for
the network."""


def screen(situation: Situation) -> str:
    """Name of the screen for a situation, a word of `WINS`."""
    return next(name for name, holds in WINS if holds(situation))


def state(situation: Situation) -> Image.Image:
    """The picture for a situation."""
    name = screen(situation)
    picture, pen = drawing.canvas()
    if name == "idle":
        first, second, english = texts.LEAVING if situation.leaving else texts.IDLE
        drawing.code(pen)
        drawing.line(pen, (_BESIDE + 2, 0), first, "10x20", width=_WIDTH - _BESIDE - 2)
        drawing.line(pen, (_BESIDE + 2, 20), second, "10x20", width=_WIDTH - _BESIDE - 2)
        drawing.line(pen, (0, 41), english, "6x10", width=_WIDTH, centred=True)
    else:
        headline, vi, en = texts.NOTICES[name]
        if name == "other-fault":
            en = f"{en} {situation.faults[0]}"
        beside = 0
        if name not in _NO_FAULT:
            drawing.exclamation(pen, 1, 2, 19)
            beside = 24
        drawing.line(pen, (beside, 1), headline, "10x20", width=_WIDTH - beside, centred=not beside)
        drawing.line(pen, (0, 23), vi, "6x13", width=_WIDTH, centred=True)
        drawing.line(pen, (0, 37), en, "6x10", width=_WIDTH, centred=True)
    _marks(pen, situation)
    return picture


_NO_FAULT = ("not-enrolled", "starting")


def _marks(pen: drawing.Pen, situation: Situation) -> None:
    """The bottom line: what is wrong with the link, how many records wait."""
    top = _HEIGHT - 12
    if situation.link != "ok":
        label = texts.LINKS[situation.link]
        drawing.inverse(pen, (0, top - 1, 6 * len(label) + 3, _HEIGHT - 1), label, "6x13")
    if situation.pending > 0:
        count = str(situation.pending) if situation.pending <= 999 else "999+"
        drawing.line(pen, (_WIDTH - 6 * len(count), top - 1), count, "6x13", width=30)
        drawing.waiting(pen, _WIDTH - 6 * len(count) - 9, top + 2)


def answer(
    outcome: Outcome,
    reason: str,
    *,
    name: str = "",
    direction: Direction = "in",
    repeated: bool = False,
    trial: bool = False,
) -> Image.Image:
    """The picture for one answer. `name` is the abbreviated name, empty when the code names
    nobody; a `trial` is marked, and names nobody."""
    headline, text = words(outcome, reason, direction, repeated)
    picture, pen = drawing.canvas()
    _SYMBOLS[outcome](pen)
    drawing.line(pen, (_BESIDE, 0), headline, "10x20", width=_WIDTH - _BESIDE)
    if trial:
        drawing.inverse(pen, (_BESIDE, 23, _WIDTH - 1, 38), texts.TRIAL, "6x13")
    else:
        drawing.line(pen, (_BESIDE, 24), name, "6x13", width=_WIDTH - _BESIDE)
    drawing.line(pen, (0, 40), text.vi, "6x13", width=_WIDTH, centred=True)
    drawing.line(pen, (0, 54), text.en, "6x10", width=_WIDTH, centred=True)
    return picture


def hint(hint: Hint) -> Image.Image:
    """The picture that asks for what would help the camera."""
    headline, vi, en = texts.HINTS[hint]
    picture, pen = drawing.canvas()
    _HINTS[hint](pen)
    drawing.line(pen, (_BESIDE, 10), headline, "10x20", width=_WIDTH - _BESIDE)
    drawing.line(pen, (0, 40), vi, "6x13", width=_WIDTH, centred=True)
    drawing.line(pen, (0, 54), en, "6x10", width=_WIDTH, centred=True)
    return picture


_HINTS: dict[Hint, Callable[[drawing.Pen], None]] = {
    "closer": drawing.closer,
    "hold-still": drawing.still,
    "too-bright": drawing.sun,
    "one-at-a-time": drawing.one,
}

_SYMBOLS: dict[Outcome, Callable[[drawing.Pen], None]] = {
    "pass": drawing.tick,
    "warn": drawing.exclamation,
    "fail": drawing.cross,
}


def words(
    outcome: Outcome, reason: str, direction: Direction, repeated: bool = False
) -> tuple[str, texts.Text]:
    """Headline and line of an answer."""
    headline, accepted = texts.HEADLINES[outcome], texts.REASONS["accepted"]
    if outcome == "pass" and direction != "in":
        headline, accepted = texts.PASSED[direction]
    if reason == "accepted" or (outcome == "pass" and direction == "out"):
        return headline, texts.REPEATED if repeated else accepted
    return headline, texts.REASONS.get(reason, texts.OTHER_REASON[outcome])
