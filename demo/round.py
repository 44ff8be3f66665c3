"""One round of visitors at every door, and the account of it in the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from demo.crowd import Visitor
from demo.town import Kiosk, Town

ANSWER_S = 6.0  # an answer that takes longer counts as none
NOTHING_S = 1.5  # nothing held up: so long without an answer is as expected
BLANK_S = 0.3  # between two visitors the door is empty


@dataclass
class Showing:
    """One visitor at one kiosk: what was shown, what came of it."""

    kiosk: Kiosk
    visitor: Visitor
    answer: dict[str, str] | None = None
    done: bool = False
    committed: bool = False

    @property
    def expected(self) -> bool:
        """Whether the visitor got the right answer and, if due, a record was stored."""
        if self.answer is None:
            return self.done and self.visitor.outcome is None
        return (
            self.answer["outcome"] == self.visitor.outcome
            and self.answer["reason"] == self.visitor.reason
            and self.stored == self.visitor.recorded
        )

    @property
    def stored(self) -> bool:
        """Whether the scanner made a record of it."""
        return self.answer is not None and self.answer["seq"] != "0"

    @property
    def key(self) -> tuple[str, str, int] | None:
        """(device_id, epoch, seq) of its record."""
        if self.answer is None or not self.stored:
            return None
        return self.kiosk.kid, self.answer["epoch"], int(self.answer["seq"])

    @property
    def content(self) -> tuple[str, ...]:
        """What its row in the database must say."""
        v = self.visitor
        return (self.kiosk.kid, v.format, v.subject, str(v.outcome), v.reason)


@dataclass
class Account:
    """The sum of a town's life so far."""

    shown: int
    expected: int
    checkins: int
    committed: int
    lost: int
    duplicated: int

    @property
    def good(self) -> bool:
        """Everybody got the right answer, every check-in is there exactly once."""
        return (
            self.shown == self.expected
            and self.checkins == self.committed
            and self.lost == self.duplicated == 0
        )

    def __str__(self) -> str:
        return (
            f"demo: shown={self.shown} expected={self.expected} checkins={self.checkins}"
            f" committed={self.committed} lost={self.lost} duplicated={self.duplicated}"
        )


@dataclass
class Visits:
    """All showings of a town, in order. `changed` is called after each change."""

    town: Town
    changed: Callable[[], None] = lambda: None
    showings: list[Showing] = field(default_factory=list)

    def all(self, visitors: list[Visitor], scenes: list[Image.Image]) -> None:
        """One visitor after another, then a while for the centre."""
        for visitor, scene in zip(visitors, scenes, strict=True):
            self.one(visitor, scene)
            self.look_at_centre()
        self.settle()

    def one(self, visitor: Visitor, scene: Image.Image) -> None:
        """The visitor goes to every kiosk at once, as their twins would."""
        before = {kiosk.kid: len(kiosk.shown()) for kiosk in self.town.kiosks}
        answered = {kiosk.kid: len(kiosk.answers()) for kiosk in self.town.kiosks}
        now = [Showing(kiosk, visitor) for kiosk in self.town.kiosks]
        self.showings += now
        for kiosk in self.town.kiosks:
            kiosk.hold_up(scene)
        self.changed()
        deadline = time.monotonic() + (NOTHING_S if visitor.outcome is None else ANSWER_S)
        while time.monotonic() < deadline and not all(s.done for s in now):
            for showing in now:
                self._look(showing, before[showing.kiosk.kid], answered[showing.kiosk.kid])
            self.town.check()
            self.changed()
            time.sleep(0.03)
        for kiosk in self.town.kiosks:
            kiosk.take_away()
        for showing in now:
            showing.done = True
        self.changed()
        time.sleep(BLANK_S)

    def _look(self, showing: Showing, before: int, answered: int) -> None:
        """The answer counts when the panel has shown it; the scanner's line has its key."""
        shown = showing.kiosk.shown()[before:]
        answers = showing.kiosk.answers()[answered:]
        if shown and answers and shown[0]["number"] == answers[0]["number"]:
            showing.answer = {**answers[0], "outcome": shown[0]["outcome"]}
            showing.done = True

    def settle(self, patience_s: float = 30.0) -> None:
        """Waits until what was stored is committed, as long as `patience_s`."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self.look_at_centre()
            if all(s.committed for s in self.showings if s.stored):
                return
            time.sleep(0.1)

    def look_at_centre(self) -> None:
        """Marks the showings whose rows are in the database."""
        rows = {(row.device_id, row.epoch, row.seq) for row in self.town.committed()}
        for showing in self.showings:
            showing.committed = showing.key in rows
        self.changed()

    def account(self) -> Account:
        """Compares what was expected with the database, by content, row by row."""
        rows = self.town.committed()
        due: Counter[tuple[str, ...]] = Counter(
            s.content for s in self.showings if s.visitor.recorded
        )
        there: Counter[tuple[str, ...]] = Counter(
            (r.device_id, r.format, r.subject, r.outcome, r.reason) for r in rows
        )
        return Account(
            shown=len(self.showings),
            expected=sum(s.expected for s in self.showings),
            checkins=sum(s.stored for s in self.showings),
            committed=len(rows),
            lost=(due - there).total(),
            duplicated=(there - due).total(),
        )
