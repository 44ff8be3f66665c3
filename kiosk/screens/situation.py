"""What the panel knows, and which screen that calls for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from kiosk.model import Asked, Page

Link = Literal["ok", "offline", "centre-away", "uplink-silent"]
Scanner = Literal["well", "awaited", "silent"]
Visitor = Literal["", "answer", "question", "hint"]


class Situation(NamedTuple):
    """Everything that decides what is shown.

    `scanner` is `awaited` until its first sign of life; `faults` are its own codes. `warnings`
    are faults that do not stop the door: of button, lamps. `pending` counts records that the
    centre has not confirmed. `leaving`: the button was pressed, the next visitor goes out.
    `time` is HH:MM, "" if it cannot be trusted, and then `clock_set` is false. `visitor`: what
    there is to say to somebody who stands there. `asked`: a screen that a technician or the
    centre asked for, a `page` of the self-test, `percent` of an update (-1: not known).
    `kiosk` and `place` are how it is called.
    """

    enrolled: bool
    scanner: Scanner
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    link: Link = "ok"
    pending: int = 0
    leaving: bool = False
    time: str = ""
    clock_set: bool = True
    visitor: Visitor = ""
    asked: Asked | None = None
    page: Page = "pixels"
    pressed: bool = False
    percent: int = -1
    kiosk: str = ""
    place: str = ""


WINS: tuple[tuple[str, str, Callable[[Situation], bool]], ...] = (
    ("answer", "somebody reads an answer", lambda s: s.visitor == "answer"),
    ("question", "somebody is asked a question", lambda s: s.visitor == "question"),
    ("shutdown", "the kiosk is being switched off", lambda s: s.asked == "shutdown"),
    ("identify", "somebody looks for this kiosk", lambda s: s.asked == "identify"),
    ("self-test", "a technician looks at the panel itself", lambda s: s.asked == "self-test"),
    ("updating", "new firmware is put in", lambda s: s.asked == "updating"),
    ("set-up", "a technician sets the kiosk up", lambda s: s.asked == "set-up"),
    ("not-enrolled", "the kiosk has no identity", lambda s: not s.enrolled),
    ("starting", "the scanner has not spoken yet", lambda s: s.scanner == "awaited"),
    ("out-of-order", "the scanner is silent", lambda s: s.scanner == "silent"),
    ("card-full", "the memory card is full", lambda s: "card-full" in s.faults),
    ("outbox-fault", "records cannot be stored", lambda s: "outbox-fault" in s.faults),
    ("camera-absent", "there is no camera", lambda s: "camera-absent" in s.faults),
    ("camera-silent", "the camera gives no picture", lambda s: "camera-silent" in s.faults),
    ("reader-absent", "there is no external scanner", lambda s: "reader-absent" in s.faults),
    ("other-fault", "another fault stops the door", lambda s: bool(s.faults)),
    ("hint", "a code is seen and cannot be read", lambda s: s.visitor == "hint"),
    ("leaving", "the button was pressed", lambda s: s.leaving),
    ("idle", "nothing else", lambda s: True),
)
"""Who wins when several are true: the first. Name, when that is, and whether it is. A missing
link, records that wait, a clock that is not set, a button or lamp out of order are no screens
of their own but marks: the door works without them."""


def screen(situation: Situation) -> str:
    """Name of the screen for a situation, a word of `WINS`."""
    return next(name for name, _, holds in WINS if holds(situation))
