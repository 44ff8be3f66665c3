"""One town goes through a storm, and what became of its records."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from bench._audit import Books, Verdict, judge
from bench._databases import locked, stopped
from bench._defects import Defect, afflicted
from bench._detecting import Uplink, detect
from bench._doors import Door
from bench._links import Link, Network
from bench._notified import Notified
from bench._queueing import People, Queueing, Visit
from bench._storm import Keeper, Storm
from bench._troubles import Away, charges_of, troubles
from bench._wall import library, why_not
from demo.kiosk import DAEMONS, UNITS
from demo.postgres import Postgres
from demo.processes import Failed
from demo.town import Key, Town
from kiosk.outbox import SealedSegments

WORKERS = 2
START_S = 60.0
DRAIN_S = 180.0
QUIET_S = 5.0  # longer than a kiosk waits for an answer: what was sent twice has come by then
_LOOK_S = 0.1
_AT_ONCE = 500  # keys in one query
_REPEATED = re.compile(r" repeated=([0-9]+) ")
Kind = Literal["postgresql", "sqlite"]


class Plan(NamedTuple):
    """`kinds` are those faults that may happen, `faults` ends the storm before its `minutes`
    are over. `rounds`: how often each is made alone afterwards, to see how soon it is noticed."""

    kiosks: int
    minutes: float
    faults: int
    per_s: float
    seed: int
    kinds: Sequence[str]
    rounds: int
    defect: Defect


class Outcome(NamedTuple):
    """`slowest_s`: from the last fault until the last record had arrived, None if it has not;
    visits that are under way are waited for before anybody looks.
    `detected_s` see `detect`. `resent` segments and `repeated` records (those that workers
    lived to tell of) came more than once. `silent_s`: the longest time that no daemon of this
    name fed its watchdog."""

    verdict: Verdict
    visits: int
    greens: int
    faults: dict[str, int]
    slowest_s: float | None
    detected_s: dict[str, list[float | None]]
    resent: int
    repeated: int
    silent_s: dict[str, float]


def undergo(root: Path, kind: Kind, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Raises what demo.town raises, and Failed when nothing works to begin with."""
    with ExitStack() as stack:
        ordeal = _Ordeal(root, kind, plan, stack, say)
        with ordeal.town:
            outcome = ordeal.run()
        return ordeal.read_logs(outcome)


class _Ordeal:
    def __init__(
        self, root: Path, kind: Kind, plan: Plan, stack: ExitStack, say: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._say = say
        self._links: list[Link] = []
        network = stack.enter_context(closing(Network()))
        self._notified = stack.enter_context(closing(Notified()))

        def way(name: str, port: int) -> int:
            self._links.append(network.link(name, port))
            return self._links[-1].port

        url = ""
        self._away: dict[str, Away] = {"database locked": partial(locked, root / "tracing.sqlite")}
        if kind == "postgresql":
            cluster = stack.enter_context(closing(Postgres()))
            url = cluster.create("tracing")
            self._away = {
                "database stopped": partial(stopped, cluster),
                "database frozen": cluster.frozen,
            }
        names = [f"gate-{number + 1}" for number in range(plan.kiosks)]
        self.town = Town(root, names, database=url, workers=WORKERS, way=way)
        self._url = url or f"sqlite:///{root / 'tracing.sqlite'}"
        for worker in self.town.workers:
            worker.command[2:3] = afflicted("central.ingest", plan.defect)
        wall = None if why_not() else library(root)
        self._doors = [
            stack.enter_context(closing(Door(kiosk, self._notified, wall, plan.defect)))
            for kiosk in self.town.kiosks
        ]
        self._charges = charges_of(self.town)
        self._notified.start()

    def run(self) -> Outcome:
        """From the first connection until everything has drained."""
        plan, town = self._plan, self.town
        self._wait_for_centre()
        every = troubles(self._charges, self._doors, self._links, self._away, self._notified)
        possible = [trouble for trouble in every if trouble.kind in plan.kinds]
        if not possible:
            raise Failed(f"nothing of this can happen here: {', '.join(plan.kinds)}")
        storm = Storm(possible, plan.per_s, plan.seed, self._say)
        people = People(plan.seed)
        with closing(Keeper(self._charges)) as keeper:
            keeper.start()
            with self._visitors(people) as visits:
                end = time.monotonic() + plan.minutes * 60
                storm.rage(lambda begun: time.monotonic() < end and begun < plan.faults)
                calm_at = time.monotonic()
                self._say("no more faults at random")
            slowest_s = self._drain(visits, calm_at)
            detected_s: dict[str, list[float | None]] = {}
            if plan.rounds and slowest_s is not None:
                with self._visitors(people) as more:
                    detected_s = detect(possible, self._uplinks, plan.rounds)
                self._drain(more, time.monotonic())
                visits += more
            time.sleep(QUIET_S)
        books = Books.of(self._url, [kiosk.kid for kiosk in town.kiosks])
        faults = storm.counts()
        deaths = faults.get("scanner killed", 0) + sum("scanner" in e for e in keeper.ended)
        verdict = judge(visits, books, deaths)
        verdict.problems.extend(f"ended by itself: {words}" for words in keeper.ended)
        if slowest_s is None:
            verdict.problems.append(f"not drained within {DRAIN_S:.0f} s")
        return Outcome(
            verdict,
            len(visits),
            sum(visit.green for visit in visits),
            faults,
            slowest_s,
            detected_s,
            resent=0,
            repeated=0,
            silent_s={name: self._silent_s(name) for name in DAEMONS},
        )

    @property
    def _uplinks(self) -> dict[str, Uplink]:
        heard = self._notified.daemons
        return {
            kiosk.kid: Uplink(heard[f"{kiosk.name} uplink"], kiosk.daemons["uplink"].log)
            for kiosk in self.town.kiosks
        }

    @contextmanager
    def _visitors(self, people: People) -> Iterator[list[Visit]]:
        """They come to every door; in the end, all their visits."""
        visits: list[Visit] = []
        queues = [Queueing(door, people, self._plan.seed + n) for n, door in enumerate(self._doors)]
        for queue in queues:
            queue.start()
        yield visits
        for queue in queues:
            visits += queue.leave()

    def _wait_for_centre(self) -> None:
        deadline = time.monotonic() + START_S
        while any(uplink.daemon.status.get("centre") != "1" for uplink in self._uplinks.values()):
            self.town.check()
            if time.monotonic() > deadline:
                raise Failed(f"not every kiosk hears of the centre within {START_S:.0f} s")
            time.sleep(_LOOK_S)

    def _drain(self, visits: Sequence[Visit], calm_at: float) -> float | None:
        """Until no kiosk keeps anything: then whatever the database lacks is lost."""
        waiting: set[Key] = {(visit.kid, *number) for visit in visits for number in visit.stored}
        arrived_at = calm_at
        while time.monotonic() < calm_at + DRAIN_S:
            drained = all(map(_empty, self._doors))
            some = list(waiting)
            for start in range(0, len(some), _AT_ONCE):
                there = self.town.which_committed(some[start : start + _AT_ONCE])
                if there:
                    waiting -= there
                    arrived_at = time.monotonic()
            if drained:
                return arrived_at - calm_at
            time.sleep(_LOOK_S)
        return None

    def _silent_s(self, name: str) -> float:
        return max(self._notified.daemons[f"{k.name} {name}"].silent_s for k in self.town.kiosks)

    def read_logs(self, outcome: Outcome) -> Outcome:
        """Now that everything has ended, what it says in them."""
        problems = outcome.verdict.problems
        resent = repeated = 0
        for process in self.town.processes:
            text = process.log.read_text(errors="replace")
            resent += text.count("sending it again")
            repeated += sum(map(int, _REPEATED.findall(text)))
            for mark in ("CRITICAL", "Traceback"):
                if mark in text:
                    problems.append(f"{process.log} has a {mark}")
        for door in self._doors:
            if aside := SealedSegments(door.kiosk.outbox).quarantined():
                problems.append(f"{door.kiosk.name} has set aside {', '.join(aside)}")
        for name, silent_s in outcome.silent_s.items():
            if silent_s > _watchdog_s(name):
                problems.append(f"a watchdog would have killed {name}: {silent_s:.1f} s")
        return outcome._replace(resent=resent, repeated=repeated)


def _empty(door: Door) -> bool:
    segments = SealedSegments(door.kiosk.outbox)
    return not segments.still_open() and not segments.waiting()


def _watchdog_s(daemon: str) -> float:
    text = (UNITS / f"kiosk-{daemon}.service").read_text()
    (seconds,) = re.findall(r"^WatchdogSec=([0-9]+)$", text, re.MULTILINE)
    return float(seconds)
