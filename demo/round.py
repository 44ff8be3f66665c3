"""One round of visitors at every door, and the account of it in the end."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from PIL import Image

from demo.crowd import Visitor
from demo.kiosk import Answer, Answers, Kiosk
from demo.processes import Failed
from demo.town import Key, Town

ANSWER_S = 6.0  # an answer that takes longer counts as none
NOTHING_S = 1.5  # nothing held up: so long without an answer is as expected
BLANK_S = 0.3  # between two visitors the door is empty
_UP_S = 2.5  # a daemon that was just started is given so long before somebody comes
_REMEMBERED = 20  # stories of unexpected showings
_AT_ONCE = 500  # records that the database is asked for at once


class Watcher:
    """Hears what happens. This one does nothing about it."""

    def changed(self) -> None:
        """Something is different from before; comes many times a second."""

    def seen(self, showings: list[Showing]) -> None:
        """One visitor is done at every kiosk."""

    def note(self, words: str) -> None:
        """Something that is not the way of a normal day."""


@dataclass(eq=False)
class Showing:
    """One visitor at one kiosk: what was shown, what came of it.

    `answer` is what the panel showed, `records` are the keys of what the scanner says it
    stored, `waiting` those of them not seen in the database yet. `disturbed` says that a process
    was started again meanwhile.
    """

    kiosk: Kiosk
    visitor: Visitor
    answer: Answer | None = None
    done: bool = False
    disturbed: bool = False
    records: set[Key] = field(default_factory=set)
    waiting: set[Key] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    panel: dict[str, Answer] = field(default_factory=dict)

    @property
    def expected(self) -> bool:
        """Whether the visitor got the right answer and, if due, a record was stored."""
        if self.answer is None:
            return self.done and self.visitor.outcome is None and not self.records
        return (
            self.answer["outcome"] == self.visitor.outcome
            and self.answer["reason"] == self.visitor.reason
            and self.stored == self.visitor.recorded
        )

    @property
    def stored(self) -> bool:
        """Whether the scanner made a record of it."""
        return bool(self.records)

    @property
    def committed(self) -> bool:
        """Whether the database has it."""
        return self.stored and not self.waiting

    @property
    def content(self) -> tuple[str, ...]:
        """What its row in the database must say."""
        v = self.visitor
        return (self.kiosk.kid, v.format, v.subject, str(v.outcome), v.reason)

    @property
    def story(self) -> str:
        """What was shown, in words."""
        shown = "no answer"
        if self.answer is not None:
            shown = f"{self.answer['outcome']} {self.answer['reason']}"
        why = ", while a process was started again" if self.disturbed else ""
        return f"{self.visitor.label} at {self.kiosk.name}: {shown}{why}"

    def hear(self, answers: list[Answer], panel: list[Answer]) -> set[Key]:
        """What scanner and panel wrote since the last time; the keys of new records.

        An answer counts when the panel has shown it; the scanner's line has its key.
        """
        self.answers += answers
        self.panel.update({shown["number"]: shown for shown in panel})
        for answer in self.answers:
            shown = self.panel.get(answer["number"])
            if self.answer is None and shown is not None:
                self.answer = {**answer, "outcome": shown["outcome"]}
        new = {(self.kiosk.kid, a["epoch"], int(a["seq"])) for a in answers if a["seq"] != "0"}
        self.records |= new
        self.waiting |= new
        return new


@dataclass
class Sums:
    """What many showings add up to. `due` and `spare` count contents of rows: how many
    there must be, and how many more there may be."""

    shown: int = 0
    expected: int = 0
    checkins: int = 0
    due: Counter[tuple[str, ...]] = field(default_factory=Counter)
    spare: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, showing: Showing) -> None:
        """One more."""
        self.shown += 1
        self.expected += showing.expected
        self.checkins += len(showing.records)
        if showing.disturbed:
            # A scanner that was killed may have stored a record that it told nobody of;
            # the visitor, still standing there, makes another.
            self.due[showing.content] += len(showing.records)
            self.spare[showing.content] += 1
        else:
            self.due[showing.content] += showing.visitor.recorded


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


class Visits:
    """All visits to a town. Only the showings of the `round` are kept, of the rest the sums.

    With `revive`, processes that died are started again; else that is Failed.
    """

    def __init__(self, town: Town, watcher: Watcher | None = None, revive: bool = False) -> None:
        self.town = town
        self.round: list[Showing] = []
        self._watcher = watcher or Watcher()
        self._revive = revive
        self._before = Sums()
        self._centre_away = False
        self._pending: dict[Key, Showing] = {}
        self.unexpected: deque[str] = deque(maxlen=_REMEMBERED)
        self._readers: dict[str, tuple[Answers, Answers]] = {
            kiosk.kid: (kiosk.reader("scanner"), kiosk.reader("feedback")) for kiosk in town.kiosks
        }

    @property
    def waiting(self) -> int:
        """Records that were stored and not seen in the database yet."""
        return len(self._pending)

    def sums(self) -> Sums:
        """Of all showings that are done."""
        before = self._before
        sums = Sums(before.shown, before.expected, before.checkins, +before.due, +before.spare)
        for showing in self.round:
            if showing.done:
                sums.add(showing)
        return sums

    def all(
        self,
        visitors: list[Visitor],
        scenes: list[Image.Image],
        enough: Callable[[], bool] = lambda: False,
        patience_s: float = 30.0,
    ) -> None:
        """One visitor after another until `enough`, then a while for the centre."""
        self._before, self.round = self.sums(), []
        for visitor, scene in zip(visitors, scenes, strict=True):
            if enough():
                break
            self.one(visitor, scene)
            self.look_at_centre()
        self.settle(patience_s)

    def one(self, visitor: Visitor, scene: Image.Image) -> None:
        """The visitor goes to every kiosk at once, as their twins would."""
        while min(process.age_s for process in self.town.processes) < _UP_S:
            self._pause()
        now = [Showing(kiosk, visitor) for kiosk in self.town.kiosks]
        self.round += now
        for kiosk in self.town.kiosks:
            kiosk.hold_up(scene)
        patience_s = NOTHING_S if visitor.outcome is None else ANSWER_S
        deadline = time.monotonic() + patience_s
        latest = deadline + 2 * patience_s
        while time.monotonic() < deadline and not all(showing.answer for showing in now):
            if not self._revive:
                self.town.check()
            if self._pause():
                deadline = min(latest, time.monotonic() + patience_s)
        for kiosk in self.town.kiosks:
            kiosk.take_away()
        blank = time.monotonic() + BLANK_S
        while time.monotonic() < blank:
            self._pause()
        for showing in now:
            showing.done = True
            if not showing.expected:
                self.unexpected.append(showing.story)
        self._watcher.seen(now)

    def _pause(self) -> bool:
        """A moment of the town's life; whether something died in it."""
        for showing in self.round[-len(self.town.kiosks) :]:  # the last one at each kiosk
            scanner, panel = self._readers[showing.kiosk.kid]
            for key in showing.hear(scanner.take(), panel.take()):
                self._pending[key] = showing
        events = self._look_after_processes()
        self._watcher.changed()
        time.sleep(0.03)
        return bool(events)

    def _look_after_processes(self) -> list[str]:
        if not self._revive:
            return []
        events = self.town.revive()
        for words in events:
            self._watcher.note(words)
        if events:
            for showing in self.round[-2 * len(self.town.kiosks) :]:
                showing.disturbed = True
        return events

    def settle(self, patience_s: float) -> None:
        """Waits until what was stored is committed, as long as `patience_s`."""
        deadline = time.monotonic() + patience_s
        self.look_at_centre()
        while self.waiting and time.monotonic() < deadline:
            self._pause()
            self.look_at_centre()

    def look_at_centre(self) -> None:
        """Marks the showings whose rows are in the database."""
        asked = list(islice(self._pending, _AT_ONCE))
        try:
            there = self.town.which_committed(asked) if asked else set()
        except Failed as error:
            if not self._centre_away:
                self._watcher.note(str(error))
            self._centre_away = True
            return
        self._centre_away = False
        for key in there:
            self._pending.pop(key).waiting.discard(key)
        self._watcher.changed()

    def account(self) -> Account:
        """Compares what was expected with the database, by content, row by row."""
        for showing in self.round:  # one that was broken off counts too
            showing.done = True
        sums = self.sums()
        try:
            there = self.town.contents()
        except Failed as error:
            self._watcher.note(str(error))
            there = Counter()
        return Account(
            shown=sums.shown,
            expected=sums.expected,
            checkins=sums.checkins,
            committed=there.total(),
            lost=(sums.due - there).total(),
            duplicated=(there - sums.due - sums.spare).total(),
        )
