"""Many kiosks' real sessions in few processes: nothing of a kiosk but its uplink's `Session`."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import NamedTuple

from kiosk import reach, wire
from kiosk.config import Broker, load
from kiosk.uplink.connection import Connection
from kiosk.uplink.session import Session

EACH = 200
"""Kiosks in a process: paho waits in select(2), which knows descriptors below 1024 only, and
each has three."""
ONLINE_EVERY_S = 0.25
OFFLINE_EVERY_S = 0.05
THREADS = 16


class Return(NamedTuple):
    """How one kiosk came back after a moment: `after_s` None = not yet; `most` attempts within
    a minute."""

    after_s: float | None
    attempts: int
    most: int


class _Kiosk:
    def __init__(self, site: Path) -> None:
        config = load([site])
        self.session = Session(config.broker, config.kiosk.id, birth)
        self.due = 0.0
        self.begun: list[float] = []
        self.back_at: float | None = None

    def turn(self, at: float) -> None:
        before = self.session.attempts
        self.session.turn()
        self.begun += [at] * (self.session.attempts - before)
        online = self.session.link is not None
        if online and self.back_at is None:
            self.back_at = at
        self.due = at + (ONLINE_EVERY_S if online else OFFLINE_EVERY_S)

    def since(self, at: float) -> Return:
        within = [sum(b - 60 < a <= b for a in self.begun) for b in self.begun]
        after = None if self.back_at is None else self.back_at - at
        return Return(after, len(self.begun), max(within, default=0))


def birth(sid: str) -> wire.Info:
    """As of a kiosk."""
    return wire.Info(
        sid=sid, firmware="bench", schema=1, model="bench", place="bench", direction="in"
    )


class Crowd:
    """The kiosks of these site.toml, in as many processes as they need."""

    def __init__(self, sites: list[Path], each: int = EACH) -> None:
        context = multiprocessing.get_context("fork")
        self._pipes: list[Pipe] = []
        self._children = []
        for first in range(0, len(sites), each):
            ours, theirs = context.Pipe()
            child = context.Process(target=_serve, args=(theirs, sites[first : first + each]))
            child.daemon = True
            child.start()
            self._pipes.append(ours)
            self._children.append(child)

    def limit(self, seconds: float) -> float:
        """Sessions a second that the broker takes in, one after the other without a pause, each
        with handshake, CONNECT, subscription and birth."""
        began = time.monotonic()
        taken: int = sum(self._all("limit", seconds))
        return taken / (time.monotonic() - began)

    def start(self) -> None:
        """All begin to connect."""
        self._all("start")

    @property
    def online(self) -> int:
        """How many have a session."""
        return sum(self._all("online"))

    def mark(self) -> None:
        """What comes from now on counts as return; call it while the broker is away."""
        self._all("mark")

    def returns(self, at: float) -> list[Return]:
        """How each came back since the monotonic time `at`."""
        return [one for part in self._all("returns", at) for one in part]

    def end(self) -> None:
        """Ends the processes."""
        for child in self._children:
            child.kill()
            child.join()

    def _all(self, *what: object) -> list:  # type: ignore[type-arg]
        for pipe in self._pipes:
            pipe.send(what)
        return [pipe.recv() for pipe in self._pipes]


def _serve(pipe: Pipe, sites: list[Path]) -> None:
    kiosks: list[_Kiosk] = []
    logging.disable()  # each would tell of each outage
    while True:
        at = time.monotonic()
        for kiosk in kiosks:
            if kiosk.due <= at:
                kiosk.turn(time.monotonic())
        if not pipe.poll(0.01):
            continue
        what, *more = pipe.recv()
        answer: object = None
        if what == "limit":
            answer = _limit(sites, more[0])
        elif what == "start":
            kiosks = [_Kiosk(site) for site in sites]
        elif what == "online":
            answer = sum(kiosk.session.link is not None for kiosk in kiosks)
        elif what == "mark":
            for kiosk in kiosks:
                kiosk.begun, kiosk.back_at = [], None
        elif what == "returns":
            answer = [kiosk.since(more[0]) for kiosk in kiosks]
        pipe.send(answer)


def _limit(sites: list[Path], seconds: float) -> int:
    counts = [0] * THREADS
    until = time.monotonic() + seconds

    def again_and_again(number: int) -> None:
        config = load([sites[number % len(sites)]])
        while time.monotonic() < until:
            counts[number] += _once(config.broker, config.kiosk.id)

    threads = [threading.Thread(target=again_and_again, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _once(broker: Broker, kid: str) -> bool:
    made = Connection(broker, reach.address(broker.hosts[0]), kid, birth)
    try:
        made.open()
        while not (made.ready or made.over):
            made.turn(0.05)
    except OSError:  # one that the broker had no time for
        return False
    finally:
        made.drop()
    return made.ready
