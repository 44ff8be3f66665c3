"""One card's life: a kiosk's outbox at work on it, cut after cut, and what became of it."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple, get_args

from bench._draining import uplink
from bench._fork import bury, forked, kill
from bench._kills import kill_everywhere
from bench._ledger import Ledger, Note, Told
from bench._mount import LossyMount, Order, Room
from bench._scanning import Place, Without, recovered, scanner
from bench._unreadable import aside, given, sit_out
from kiosk.durable import sync_folder
from kiosk.errors import OutboxError
from kiosk.outbox import Segment
from kiosk.seal import X25519, new_key
from kiosk.wire import Batch

CHANGES = 40  # to the card between two cuts, on average
LONGEST_S = 0.2  # between two cuts
KILLS = 0.15  # of what ends the processes is no cut: the card keeps its power
BAD_READS = 0.1  # of the recoveries in which the card does not give some files, where it may
MEMORY = "/dev/shm"
"""What processes say goes there: it outlives them, and costs the card nothing."""


class Tried(NamedTuple):
    """What a card went through, and what was found: see `Ledger`. `set_aside`: records in
    files that the card did not give. `trace`: what it was told to do before the first
    problem."""

    cuts: int
    kills: int
    green: int
    lost: int
    duplicated: int
    corrupted: int
    unasked: int
    unsynced: int
    failed: int
    set_aside: int
    problems: list[str]
    trace: str


class Rig:
    """A kiosk's outbox on a lossy file system, its two processes, and the judge of both."""

    def __init__(self, mount: LossyMount, place: Place, ledger: Ledger, chance: Random) -> None:
        self.kills = self.set_aside = 0
        self.trace = ""
        self._mount = mount
        self._place = place
        self._ledger = ledger
        self._told, self._centre = Note(self._place.told), Note(self._place.centre)
        self._chance = chance
        # What a kiosk's installation leaves on its card for certain: one folder.
        self._place.outbox.mkdir()
        sync_folder(self._mount.folder)

    def cut(self) -> None:
        """Lets the kiosk work, cuts its power at some moment, and judges what is left."""
        self._work()
        while self._chance.random() < KILLS:
            self.kills += 1
            self._mount.obey(Order("go-on"))
            self._work()
        trace = self._mount.obey(Order("trace"))
        self._mount.obey(Order("cut", seed=self._seed()))
        self._mount.obey(Order("save"))
        if self._chance.random() < BAD_READS:
            self._judge_spoiled()
        else:
            self._judge()
        if self._ledger.problems and not self.trace:
            self.trace = trace
        # What the recovery did was for the judge: the next one starts from the cut.
        self._mount.obey(Order("restore"))

    def _judge(self) -> None:
        segments: list[Segment] = []
        try:
            segments = recovered(self._place, by_scanner=self._chance.random() < 0.5)
        except OutboxError as error:
            self._ledger.problems.append(f"no recovery: {error}")
        self._ledger.waiting(segments)

    def _judge_spoiled(self) -> None:
        """The same while the card does not give some of the files: those are set aside."""
        _, *inodes = self._mount.obey(Order("spoil", seed=self._seed())).split()
        bad = set(map(int, inodes))
        recovery = forked(partial(self._live, lambda place, _: sit_out(place), self._chance))
        status = os.waitpid(recovery, 0)[1]
        if status:
            raise RuntimeError(f"no recovery, status {status}; see above why")
        segments, problems = given(self._place, bad)
        self._mount.obey(Order("heal"))
        kept = aside(self._place, bad)
        self.set_aside += sum(len(segment.records) for segment in kept)
        self._ledger.problems += problems
        self._ledger.waiting(segments, kept)

    def _work(self) -> None:
        """Until scanner and uplink are killed, while the card holds its breath."""
        self._mount.arm(self._weather())
        processes = [
            forked(partial(self._live, side, Random(self._seed()))) for side in (scanner, uplink)
        ]
        self._mount.held(LONGEST_S)
        for process in processes:
            kill(process)
        self._mount.obey(Order("fail-held"))
        for process in processes:
            bury(process, self._mount.wake)
        self._ledger.heard(self._told.take(Told))
        self._ledger.committed(self._centre.take(Batch))

    def _live(self, side: Callable[[Place, Random], None], chance: Random) -> None:
        self._mount.leave()
        side(self._place, chance)

    def _weather(self) -> Order:
        chance = self._chance
        breaks, fills, unsyncs = (chance.random() < 0.25 for _ in range(3))
        return Order(
            "arm",
            after=int(chance.expovariate(1 / CHANGES)),
            seed=self._seed(),
            fails=chance.randint(3, 40) if breaks else 0,
            unsynced=chance.randint(2, 12) if unsyncs else 0,
            full_of=chance.choice(get_args(Room)),
            full_from=chance.randint(0, CHANGES),
            full_for=chance.randint(1, CHANGES) if fills else 0,
            told=chance.random() < 0.5,
        )

    def _seed(self) -> int:
        return self._chance.getrandbits(32)


def card_life(name: str, cuts: int, without: Without) -> Tried:
    """So many cuts on a new card. `name`: what is drawn for it."""
    private = new_key(X25519)
    ledger = Ledger(private)
    with (
        tempfile.TemporaryDirectory(prefix="powercut-") as mountpoint,
        tempfile.TemporaryDirectory(prefix="powercut-", dir=MEMORY) as folder,
        closing(LossyMount(Path(mountpoint))) as mount,
    ):
        place = Place(mount.folder / "outbox", Path(folder), private.public, without)
        rig = Rig(mount, place, ledger, Random(name))
        gc.freeze()  # children need no copy of what is only looked at
        for _ in range(cuts):
            rig.cut()
    return _tried(ledger, cuts, rig.kills, rig.set_aside, rig.trace)


def killed_everywhere() -> tuple[Tried, dict[str, int]]:
    """The same processes killed at each of their system calls; how many each scene has."""
    private = new_key(X25519)
    ledger = Ledger(private)
    with tempfile.TemporaryDirectory(prefix="powercut-", dir=MEMORY) as folder:
        calls = kill_everywhere(Path(folder), private.public, ledger)
    return _tried(ledger, kills=sum(calls.values())), calls


def _tried(
    ledger: Ledger, cuts: int = 0, kills: int = 0, set_aside: int = 0, trace: str = ""
) -> Tried:
    return Tried(
        cuts=cuts,
        kills=kills,
        green=len(ledger.green),
        lost=len(ledger.lost),
        duplicated=len(ledger.duplicated),
        corrupted=len(ledger.corrupted),
        unasked=len(ledger.unasked),
        unsynced=ledger.unsynced,
        failed=ledger.failed,
        set_aside=set_aside,
        problems=ledger.problems,
        trace=trace,
    )
