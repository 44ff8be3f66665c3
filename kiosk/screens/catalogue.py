"""Every screen once, by name, in each language and size: for the documents, and as references
for the tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from PIL import Image

from kiosk.model import Outcome
from kiosk.screens import texts
from kiosk.screens.answers import answer, hint
from kiosk.screens.canvas import SIZE, Size
from kiosk.screens.questions import question
from kiosk.screens.situation import Situation
from kiosk.screens.states import state
from kiosk.screens.technician import PAGES
from kiosk.screens.texts import Language

Draw = Callable[..., Image.Image]
"""Takes `language` and `size`."""

TIME = "08:45"
NAME = "N. T. Ánh"
_WARN = (
    *("unknown-key", "clock-unknown", "place-code", "unknown-code"),
    *("too-soon", "more-needed", "declaration-too-old", "declared", "not-green", "full"),
    *("closed", "card-full", "outbox-fault"),
)
"""Warned of by config/policy.toml as it is shipped (of `declared` where questions are asked); the
last two by the scanner itself."""
_WELL = Situation(enrolled=True, scanner="well", time=TIME)


class Section(NamedTuple):
    """Screens that belong together, by name."""

    title: str
    screens: dict[str, Draw]


def _state(frame: int = 0, **of: Any) -> Draw:
    return partial(state, _WELL._replace(**of), frame=frame)


def _answers() -> dict[str, Draw]:
    passed = partial(answer, "pass", "accepted", name=NAME, time=TIME)
    return {
        "pass": passed,
        "pass-out": partial(passed, direction="out"),
        "pass-unknown": partial(passed, direction="unknown"),
        "pass-repeated": partial(passed, repeated=True),
        "warn": partial(answer, "warn", "something-new", time=TIME),
        "fail": partial(answer, "fail", "something-new", time=TIME),
        "warn-place-code": partial(answer, "warn", "place-code", time=TIME),
        "pass-long-name": partial(passed, name="C. T. N. T. H. Phương-Trâm"),
        "pass-no-name": partial(passed, name=""),
        "pass-no-time": partial(passed, time=""),
        "trial": partial(passed, trial=True),
        "trial-fail": partial(answer, "fail", "expired", trial=True, time=TIME),
    }


def _reasons() -> dict[str, Draw]:
    shown: dict[str, Draw] = {}
    for reason in texts.REASONS:
        if reason != "place-code":
            outcome: Outcome = "warn" if reason in _WARN else "fail"
            shown[f"{outcome}-{reason}"] = partial(answer, outcome, reason, time=TIME)
    return shown


def _marks() -> dict[str, Draw]:
    return {
        "idle-offline": _state(link="offline", pending=128),
        "idle-centre-away": _state(link="centre-away", pending=1_000),
        "idle-uplink-silent": _state(link="uplink-silent"),
        "idle-waiting": _state(pending=3),
        "idle-clock": _state(clock_set=False, time=""),
        "idle-no-button": _state(warnings=("button-absent",)),
        "idle-no-lamps": _state(warnings=("pins-absent",)),
        "idle-all-marks": _state(
            link="offline",
            clock_set=False,
            time="",
            warnings=("button-absent", "pins-absent"),
        ),
    }


def _faults() -> dict[str, Draw]:
    kinds = ("card-full", "outbox-fault", "camera-absent", "camera-silent", "reader-absent")
    return {
        "not-enrolled": _state(enrolled=False),
        "starting": _state(scanner="awaited"),
        "out-of-order": _state(scanner="silent", link="uplink-silent", clock_set=False),
        "out-of-order-technician": _state(frame=1, scanner="silent"),
        **{kind: _state(faults=(kind,)) for kind in kinds},
        "other-fault": _state(faults=("policy-fault",)),
        "updating": _state(asked="updating", percent=40),
        "set-up": _state(asked="set-up"),
        "shutdown": _state(asked="shutdown"),
    }


def _technician() -> dict[str, Draw]:
    known = {"kiosk": "k-0042", "place": "Chợ Bến Thành, cổng 2"}
    shown = {f"identify-{n}": _state(frame=n, asked="identify", **known) for n in (0, 1, 2)}
    shown["identify-long"] = _state(
        frame=1, asked="identify", kiosk="benh-vien-cho-ray-khoa-kham-07"
    )
    shown |= {f"pixels-{n}": _state(frame=n, asked="self-test", page="pixels") for n in range(4)}
    shown |= {page: _state(asked="self-test", page=page) for page in PAGES if page != "pixels"}
    shown["button-pressed"] = _state(asked="self-test", page="button", pressed=True)
    return shown


def _questions() -> dict[str, Draw]:
    return {
        "question-symptoms": partial(question, "symptoms"),
        "question-symptoms-held": partial(question, "symptoms", held=0.6, left=0.5),
        "question-contact": partial(question, "contact", left=0.7),
        "question-contact-answers": partial(question, "contact", left=0.6, frame=2),
    }


SECTIONS: tuple[Section, ...] = (
    Section("Answers", _answers()),
    Section("Reasons", _reasons()),
    Section("Hints", {f"hint-{word}": partial(hint, word) for word in texts.HINTS}),
    Section("Questions of the declaration", _questions()),
    Section(
        "Ready",
        {f"idle-{n}": _state(frame=n) for n in range(4)} | {"leaving": _state(leaving=True)},
    ),
    Section("Marks: what does not stop the door", _marks()),
    Section("States", _faults()),
    Section("For technicians", _technician()),
)


def screens(language: Language = "vi", size: Size = SIZE) -> dict[str, Image.Image]:
    """Name -> picture."""
    return {
        name: draw(language=language, size=size)
        for section in SECTIONS
        for name, draw in section.screens.items()
    }
