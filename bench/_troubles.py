"""What can be done to a town, and to whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from random import Random
from typing import NamedTuple

from bench._doors import Door
from bench._links import Link, Side
from bench._notified import Notified
from demo.processes import Process
from demo.town import Town

Strike = Callable[[Random], AbstractContextManager[object]]
Away = Callable[[], AbstractContextManager[None]]
KINDS = {
    "broker killed": 3,
    "ingest killed": 6,
    "scanner killed": 6,
    "uplink killed": 6,
    "feedback killed": 4,
    "database stopped": 3,
    "database frozen": 3,
    "database locked": 5,
    "cut": 16,
    "half open to client": 4,
    "half open to broker": 4,
    "half open to both": 4,
    "held up": 10,
    "delayed": 12,
    "1 kB/s": 8,
    "refused": 6,
    "clock": 8,
    "card full": 6,
}
"""How often, beside one another. Half open is a connection to those who have not heard of its
end, and speak into nothing."""

_DAY_S = 86400
_JUMPS_S = (-60, 60, -3600, 3600, -_DAY_S, _DAY_S, -3 * 365 * _DAY_S, -50 * 365 * _DAY_S)
_UNAWARE: dict[str, set[Side]] = {
    "client": {"client"},
    "broker": {"broker"},
    "both": {"client", "broker"},
}


class Trouble(NamedTuple):
    """One thing that can be done to one of us, `longest_s` at most. `busy` is locked while
    something is being done to the same one. `apart`: kiosks that it separates from the centre."""

    kind: str
    target: str
    busy: threading.Lock
    longest_s: float
    strike: Strike
    apart: frozenset[str] = frozenset()


class Charge(NamedTuple):
    """A process, and the lock that says that somebody is killing it."""

    process: Process
    busy: threading.Lock


def charges_of(town: Town) -> list[Charge]:
    """All processes."""
    return [Charge(process, threading.Lock()) for process in town.processes]


def troubles(
    charges: Sequence[Charge],
    doors: Sequence[Door],
    links: Sequence[Link],
    databases: Mapping[str, Away],
    notified: Notified,
) -> Iterator[Trouble]:
    """All that can happen. A link is a kiosk's when it has the name of one."""
    kids = {door.kiosk.name: door.kiosk.kid for door in doors}
    everybody = frozenset(kids.values())
    for process, busy in charges:
        name = process.name
        kind = name.split(" ")[-1].split("-")[0] + " killed"
        apart = everybody if name == "broker" else frozenset()
        yield Trouble(kind, name, busy, 1.5, _killing(process, notified), apart)
    lock = threading.Lock()
    for kind, away in databases.items():
        yield Trouble(kind, "database", lock, 6.0, _as_is(away), everybody)
    for link in links:
        apart = frozenset({kids[link.name]} if link.name in kids else ())
        yield from _of_link(link, apart)
    for door in doors:
        name, lock = door.kiosk.name, threading.Lock()
        if door.wall is not None:
            yield Trouble("clock", name, lock, 3.0, _jumping(door.wall.jump))
        if door.has_card:
            yield Trouble("card full", name, threading.Lock(), 3.0, _as_is(door.card_full))


def _of_link(link: Link, apart: frozenset[str]) -> Iterator[Trouble]:
    busy = threading.Lock()

    def delayed(chance: Random) -> AbstractContextManager[object]:
        return _set(link, "delay_s", chance.uniform(0.05, 3.5), 0.0)

    def cut(_chance: Random) -> AbstractContextManager[object]:
        link.cut()
        return nullcontext()

    def half_open(unaware: set[Side], _chance: Random) -> AbstractContextManager[object]:
        link.half_open(unaware)
        return nullcontext()

    @contextmanager
    def refused(_chance: Random) -> Iterator[None]:
        link.refuse(True)
        link.cut()
        yield
        link.refuse(False)

    name = link.name
    yield Trouble("cut", name, busy, 0.0, cut, apart)
    for side, unaware in _UNAWARE.items():
        yield Trouble(f"half open to {side}", name, busy, 0.0, partial(half_open, unaware), apart)
    yield Trouble("held up", name, busy, 6.0, lambda _: _set(link, "held", True, False), apart)
    yield Trouble("delayed", name, busy, 4.0, delayed)
    yield Trouble("1 kB/s", name, busy, 5.0, lambda _: _set(link, "bytes_s", 1000, 0))
    yield Trouble("refused", name, busy, 2.0, refused, apart)


def _killing(process: Process, notified: Notified) -> Strike:
    @contextmanager
    def killed(_chance: Random) -> Iterator[None]:
        if process.name in notified.daemons:
            notified.daemons[process.name].killed()
        process.kill()
        yield
        process.start()

    return killed


def _jumping(jump: Callable[[int], None]) -> Strike:
    @contextmanager
    def jumped(chance: Random) -> Iterator[None]:
        jump(chance.choice(_JUMPS_S))
        yield
        jump(0)

    return jumped


def _as_is(away: Away) -> Strike:
    return lambda _chance: away()


@contextmanager
def _set(link: Link, what: str, value: object, afterwards: object) -> Iterator[None]:
    setattr(link, what, value)
    yield
    setattr(link, what, afterwards)
