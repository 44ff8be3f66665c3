"""Visitors before a door, one after the other, who note what they were shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from bench._doors import Door
from demo.crowd import Visitor, crowd_of
from demo.kiosk import Answer

PATIENCE_S = 2.5  # without an answer on the panel for so long, the code is held up again
MOST_TRIES = 40
SETTLE_S = 5.0  # so long at most for the word of a scanner that has lit green
LATE_S = 2.0  # and so long for an answer to a code that was held up before
LOOK_S = 0.02
GAP_S = 0.5  # between two visitors, on average
_AT_ONCE = 300
_UNSIGNED = ("vn_personal", "cccd", "can_cuoc_2024")
Number = tuple[str, int]
"""Epoch and sequence number."""


class People:
    """Who comes, to whatever door: nobody twice. Their codes carry no date, so that no clock can
    change their answer."""

    def __init__(self, seed: int) -> None:
        self._mutex = threading.Lock()
        self._all = self._endless(Random(seed))

    def next(self) -> Visitor:
        """Somebody new."""
        with self._mutex:
            return next(self._all)

    def _endless(self, chance: Random) -> Iterator[Visitor]:
        seen: set[str] = set()
        while True:
            crowd = crowd_of(_AT_ONCE, chance.getrandbits(32), time.time())
            for visitor in crowd.visitors:
                if visitor.format in _UNSIGNED and visitor.subject not in seen:
                    seen.add(visitor.subject)
                    yield visitor


@dataclass
class Visit:
    """`tries`: how often the code was held up. `stored`: what the scanner says it has stored.
    `outcome` is the last that the panel showed, "" if none."""

    kid: str
    subject: str
    tries: int = 0
    answers: int = 0
    stored: set[Number] = field(default_factory=set)
    outcome: str = ""

    @property
    def green(self) -> bool:
        return self.outcome == "pass"


class Queueing(threading.Thread):
    """Visitors come until `enough`."""

    def __init__(self, door: Door, people: People, seed: int) -> None:
        super().__init__(name=door.kiosk.name, daemon=True)
        self.visits: list[Visit] = []
        self.enough = threading.Event()
        self.failure: Exception | None = None
        self._door = door
        self._people = people
        self._chance = Random(seed)
        self._scanner = door.kiosk.reader("scanner")
        self._panel = door.kiosk.reader("feedback")
        self._said: Answer = {}
        self._shown = ""

    def run(self) -> None:
        try:
            while not self.enough.is_set():
                self._serve(self._people.next())
                self.enough.wait(self._chance.expovariate(1 / GAP_S))
        except Exception as error:  # noqa: BLE001 - told by whoever waits for us
            self.failure = error

    def leave(self) -> list[Visit]:
        """Nobody comes any more; all visits, when the last one is over. Raises what ended us."""
        self.enough.set()
        self.join()
        if self.failure is not None:
            raise self.failure
        return self.visits

    def _serve(self, visitor: Visitor) -> None:
        assert visitor.payload is not None
        visit = Visit(self._door.kiosk.kid, visitor.subject)
        self.visits.append(visit)
        self._said, self._shown = {"number": ""}, ""
        while not visit.outcome and visit.tries < MOST_TRIES:
            self._door.line.write(visitor.payload + b"\r")
            visit.tries += 1
            self._listen(visit, PATIENCE_S, lambda: visit.outcome != "")
        # The scanner lights green before it says so in its log, and may die in between.
        self._listen(visit, SETTLE_S, lambda: self._said["number"] == self._shown)
        if visit.tries > 1:
            self._listen(visit, LATE_S, lambda: visit.answers >= visit.tries)

    def _listen(self, visit: Visit, seconds: float, enough: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not enough():
            time.sleep(LOOK_S)
            for answer in self._scanner.take():
                visit.answers += 1
                self._said = answer
                if answer["seq"] != "0":
                    visit.stored.add((answer["epoch"], int(answer["seq"])))
            for shown in self._panel.take():
                self._shown = shown["number"]
                # A panel that was too slow for the picture has lit its lamp all the same.
                known = self._said if self._said["number"] == self._shown else {}
                visit.outcome = shown.get("outcome", known.get("outcome", "unknown"))
