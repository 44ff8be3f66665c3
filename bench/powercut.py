"""Cuts the power of a kiosk's outbox thousands of times, and counts what was lost.

The scanner's and the uplink's real code run as processes of their own on a file system that
forgets at each cut any of the writes and names that were not synced (`bench/_lossy.py`); in
between the card is full, or fails. After each cut the outbox is opened again, and every
check-in for which `put` returned must be there, readable, once, or with the centre. Before
that, the same processes are killed at each of their system calls in turn.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import get_args

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from rich.console import Console
from rich.progress import track

from bench._draining import uplink
from bench._fork import bury, forked, kill
from bench._kills import kill_everywhere
from bench._ledger import Ledger, Note, Told
from bench._mount import LossyMount, Order, why_not
from bench._report import arguments, machine, whole, write
from bench._scanning import Place, Without, recovered, scanner
from kiosk.errors import OutboxError
from kiosk.outbox import Segment
from kiosk.outbox.layout import sync_directory
from kiosk.wire import Batch

CHANGES = 40  # to the card between two cuts, on average
LONGEST_S = 0.2  # between two cuts
KILLS = 0.15  # of what ends the processes is no cut: the card keeps its power
CARD_CUTS = 100  # then a blank card, on average
console = Console(stderr=True)


class Rig:
    """A kiosk's outbox on a lossy file system, its two processes, and the judge of both."""

    def __init__(self, mount: LossyMount, place: Place, ledger: Ledger, seed: int) -> None:
        self.kills = 0
        self._mount = mount
        self._place = place
        self._ledger = ledger
        self._told, self._centre = Note(self._place.told), Note(self._place.centre)
        self._chance = Random(seed)
        self._install()

    def _install(self) -> None:
        """What a kiosk's installation leaves on its card for certain: one folder."""
        self._place.outbox.mkdir()
        sync_directory(self._mount.folder)

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
        known = len(self._ledger.problems)
        segments: list[Segment] = []
        try:
            segments = recovered(self._place, by_scanner=self._chance.random() < 0.5)
        except OutboxError as error:
            self._ledger.problems.append(f"no recovery: {error}")
        self._ledger.waiting(segments)
        if known == 0 and self._ledger.problems:
            print("what went before the first problem:", trace, sep="\n", file=sys.stderr)
        if self._chance.random() * CARD_CUTS < 1:
            self._ledger.committed(segments)
            self._mount.obey(Order("blank"))
            self._install()
        else:  # what the recovery did was for the judge: the next one starts from the cut
            self._mount.obey(Order("restore"))

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
        breaks, fills = chance.random() < 0.25, chance.random() < 0.25
        return Order(
            "arm",
            after=int(chance.expovariate(1 / CHANGES)),
            seed=self._seed(),
            fails=chance.randint(3, 40) if breaks else 0,
            full_from=chance.randint(0, CHANGES),
            full_for=chance.randint(1, CHANGES) if fills else 0,
            told=chance.random() < 0.5,
        )

    def _seed(self) -> int:
        return self._chance.getrandbits(32)


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--cuts", type=whole(1), default=200, help="default: %(default)s")
    parser.add_argument(
        "--seed", type=int, default=1, help="what is drawn; what the processes do is left to them"
    )
    parser.add_argument(
        "--without",
        choices=[word for word in get_args(Without) if word],
        default="",
        help="take a safety out, and the kills: there must be losses then",
    )
    given = parser.parse_args()
    if why_not():
        parser.error(why_not())
    private = X25519PrivateKey.generate()
    ledger = Ledger(private)
    # What processes say goes to memory: it outlives them, and costs the card nothing.
    with (
        tempfile.TemporaryDirectory(prefix="powercut-") as mountpoint,
        tempfile.TemporaryDirectory(prefix="powercut-", dir="/dev/shm") as folder,
        closing(LossyMount(Path(mountpoint))) as mount,
    ):
        run = Path(folder)
        calls = {} if given.without else kill_everywhere(run, private.public_key(), ledger)
        place = Place(mount.folder / "outbox", run, private.public_key(), given.without)
        rig = Rig(mount, place, ledger, given.seed)
        began, before = time.monotonic(), len(ledger.green)
        # No thread that refreshes it: this process forks.
        for _ in track(range(given.cuts), "cuts", console=console, auto_refresh=False):
            rig.cut()
        took_s = time.monotonic() - began
    counts = {
        "cuts": given.cuts,
        "green": len(ledger.green) - before,
        "lost": len(ledger.lost),
        "duplicated": len(ledger.duplicated),
        "corrupted": len(ledger.corrupted),
    }
    more = {
        "machine": machine(),
        "seed": given.seed,
        "unasked": len(ledger.unasked),
        "kills": rig.kills,
        "kills_at_calls": calls,
        "ms_per_cut": round(took_s * 1000 / given.cuts, 1),
    }
    write(given.json, {**counts, **more})
    for problem in ledger.problems:
        print(problem)
    for name, value in more.items():
        print(f"{name:16} {value}")
    print(" ".join(f"{name}={value}" for name, value in counts.items()))
    sys.exit(0 if counts["green"] and not ledger.problems else 1)


if __name__ == "__main__":
    main()
