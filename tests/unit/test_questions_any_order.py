"""Codes, presses, waits and panels in any order: no record with answers but by two presses."""

from __future__ import annotations

import tempfile
from pathlib import Path

from askingdoor import CARD, OTHER, PHONE, POSTER, Door
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kiosk.cues import STALE_ANSWER_S
from kiosk.model import Declared, Direction, Person

CODES = (CARD, PHONE, OTHER, POSTER)


class AnyOrder(RuleBasedStateMachine):
    """Codes, presses, waits and panels in any order. A record with answers is made by nothing but
    two presses, each for the question that stood, after a card and before anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[Declared] = []
        self.model: dict[str, bool] = {}
        self.since = 0.0

    @initialize(kind=st.sampled_from(["in", "button", "toggle"]))
    def begin(self, kind: Direction) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.door = Door(Path(self.folder.name), kind=kind)

    @rule(code=st.sampled_from(CODES), seconds=st.sampled_from([0.1, 2.0, 12.0, 400.0]))
    def show(self, code: bytes, seconds: float) -> None:
        asked = len(self.door.asked)
        self.door.panel(True)
        self.door.at += seconds
        self.door.panel(True)
        self.door.parts.dialogue.turn(self.door.at)
        answers = len(self.door.answers)
        self.door.show(code, at=self.door.at)
        if len(self.door.asked) > asked or len(self.door.answers) > answers:
            self.model = {}

    @precondition(lambda self: self.door.asked)
    @rule(yes=st.booleans(), number=st.integers(-1, 1), age=st.sampled_from([0.0, 0.5, 3.0]))
    def press(self, yes: bool, number: int, age: float) -> None:
        last = self.door.asked[-1]
        stands = self.door.parts.dialogue.stands
        fits = stands and number == 0 and age < STALE_ANSWER_S and self.door.at - age >= last.since
        self.door.press(yes, last.number + number if last.number + number > 0 else 999, age)
        if fits:
            self.model[last.asked] = yes
            if len(self.model) == 2:
                self.expected.append(Declared(**self.model))
                self.model = {}

    @rule(asks=st.sampled_from([True, False, None]), seconds=st.sampled_from([0.3, 4.0, 25.0]))
    def wait(self, asks: bool | None, seconds: float) -> None:
        self.door.wait(seconds, asks=asks)
        if not self.door.parts.dialogue.stands:
            self.model = {}

    @rule()
    def restart(self) -> None:
        self.door.restart()
        self.door.panel(True)
        self.model = {}

    @invariant()
    def nothing_is_held_without_a_question(self) -> None:
        held = repr(vars(self.door.parts.dialogue))
        if not self.door.parts.dialogue.stands:
            assert "099199000001" not in held and "099099000002" not in held

    def teardown(self) -> None:
        people: list[Person] = self.door.people()
        made = [p.claims["declared"] for p in people if "declared" in p.claims]
        assert [(d["symptoms"], d["contact"]) for d in made] == [
            (d.symptoms, d.contact) for d in self.expected
        ]
        assert all(p.format == "cccd" for p in people if "declared" in p.claims)
        declared = [a for a in self.door.answers if a.reason == "declared" and not a.repeated]
        assert len(declared) == len(made)
        self.door.outbox.close()
        self.folder.cleanup()


class TestInAnyOrder(AnyOrder.TestCase):
    settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
