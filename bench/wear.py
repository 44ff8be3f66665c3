"""What a kiosk writes to its card: for each check-in, at each start, in a day without visitors.

Four kiosks of the demo at work, connected to a centre, each with its state folder (on a kiosk
/var/lib/kiosk, the outbox in it) and journal (systemd's) on a card of its own, an ext4 on a loop
device. One is as Debian has it; the file system of another commits every minute instead of
every five seconds; a third keeps the journal in memory; the last does both. Bytes are what the
kernel asked the devices to write. What becomes of a card is worked out from them, by
assumptions that are printed too, with their sources.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from rich.console import Console
from rich.progress import track

from bench import _journald
from bench._card import Card, NoCard
from bench._journald import Journal
from bench._report import Goal, arguments, judged, machine, positive, whole, write
from demo.crowd import crowd_of
from demo.scenes import draw
from demo.town import Kiosk, Town

CARD_BYTES = 8e9
CYCLES = 500
AMPLIFICATION = 10
SOURCES = {
    "years": "bytes that can be written = card_bytes x cycles / amplification, as vendors reckon"
    " TBW with the workloads of JEDEC JESD219; wear spread evenly",
    "cycles": "half of the 1,000 that Samsung gave for the TLC of its SSD 840 (AnandTech,"
    " Samsung SSD 840 (250GB) Review, 2012); Transcend says of TLC: fewer than 1,500",
    "amplification": "most SSDs' under JESD219's enterprise workload, small random writes;"
    " 2 to 4 under its client workload (Embedded Computing Design, An Introduction to TBW,"
    " 2 January 2019). Of SD cards none is published",
}
"""Where the assumptions come from. Both are guesses on the dark side."""

CHECKINS_A_DAY = 5000
STARTS_A_DAY = 1
DAY_S = 24 * 3600.0
MINUTE = "commit=60"
SETTLE_S = 65.0  # past the file system's own commits
QUIET_S = 310.0  # past journald's own sync, five minutes after the last line
Figures = dict[str, Any]
console = Console(stderr=True)


class Kind(NamedTuple):
    """How the card of a kiosk is used."""

    options: str = ""
    journal: bool = True


KINDS = {
    "debian": Kind(),
    "minute-commits": Kind(MINUTE),
    "journal-in-memory": Kind(journal=False),
    "both": Kind(MINUTE, journal=False),
}
ADVISED = "both"
GOALS = {"bytes_per_checkin": 25_000.0, "bytes_per_idle_day": 1e6, "years": 5.0}
"""Years at least, all else at most: a cheap card outlives what a kiosk is bought for."""


class Watched:
    """A kiosk at work, its card, and the journal that its logs go to."""

    def __init__(self, kiosk: Kiosk, card: Card, journal: Journal | None) -> None:
        self.kiosk = kiosk
        self._card = card
        self.journal = journal
        self._before = 0

    def follow(self) -> None:
        """The journal hears what the daemons say from now on."""
        if self.journal is not None:
            for daemon in self.kiosk.daemons.values():
                self.journal.follow(daemon.log)

    def more(self) -> int:
        """Bytes written since the last call."""
        written = self._card.written
        more, self._before = written - self._before, written
        return more


class Fleet(list[Watched]):
    """All of them."""

    def wait(self, seconds: float) -> None:
        """While journals hear what is said."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for one in self:
                if one.journal is not None:
                    one.journal.turn()
            time.sleep(min(0.2, left))

    def show(self, scene: Image.Image) -> None:
        """The same visitor comes to each."""
        for one in self:
            one.kiosk.ask(scene)
            one.kiosk.take_away()

    def more(self) -> dict[str, int]:
        """Bytes that each has written since the last call."""
        return {one.kiosk.name: one.more() for one in self}


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--visitors", type=whole(1), default=48, help="default: %(default)s")
    parser.add_argument(
        "--every",
        type=positive,
        default=8.64,
        metavar="S",
        help="a visitor; default: %(default)s, which makes 5,000 in twelve hours",
    )
    parser.add_argument(
        "--idle", type=positive, default=180, metavar="S", help="default: %(default)s"
    )
    given = parser.parse_args()
    if _journald.why_not():
        parser.error(_journald.why_not())
    crowd = crowd_of(given.visitors, seed=7, now=time.time())
    scenes = [draw(v, seed=n) for n, v in enumerate(crowd.visitors) if v.recorded]
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder,
        ExitStack() as stack,
    ):
        try:
            fleet = _started(stack, Path(folder), crowd.trust)
        except NoCard as error:
            parser.error(str(error))
        kinds = _measured(fleet, scenes, given.every, given.idle)
    about = {
        "visitors": len(scenes),
        "every_s": given.every,
        "assumed": {
            "card_bytes": CARD_BYTES,
            "cycles": CYCLES,
            "amplification": AMPLIFICATION,
            "checkins_a_day": CHECKINS_A_DAY,
            "starts_a_day": STARTS_A_DAY,
        },
        "sources": SOURCES,
    }
    for name, value in (about | kinds).items():
        print(f"{name:18} {value}")
    goals = judged(
        Goal(f"{ADVISED}: {name}", kinds[ADVISED][name], limit, at_least=name == "years")
        for name, limit in GOALS.items()
    )
    write(given.json, {"machine": machine(), **about, "kinds": kinds, "goals": goals})


def _started(stack: ExitStack, place: Path, trust: bytes) -> Fleet:
    town = Town(place, list(KINDS), trust)
    fleet = Fleet()
    for kiosk, (name, kind) in zip(town.kiosks, KINDS.items(), strict=True):
        card = stack.enter_context(Card(place, f"card-{name}", 512, kind.options))
        kiosk.outbox.rmdir()
        kiosk.state.rmdir()
        kiosk.state.symlink_to(card.folder / "state")
        (card.folder / "state" / kiosk.outbox.name).mkdir(parents=True)
        journal = None
        if kind.journal:
            journal = Journal(card.folder / "journal", place / f"journald-{name}")
            stack.enter_context(closing(journal))
        fleet.append(Watched(kiosk, card, journal))
    stack.enter_context(town)
    for one in fleet:
        one.follow()
    return fleet


def _measured(fleet: Fleet, scenes: list[Image.Image], every_s: float, idle_s: float) -> Figures:
    fleet.show(scenes[0])
    fleet.wait(SETTLE_S)
    fleet.more()
    for scene in track(scenes, "visitors", console=console):
        began = time.monotonic()
        fleet.show(scene)
        fleet.wait(every_s - (time.monotonic() - began))
    fleet.wait(SETTLE_S)
    busy = fleet.more()
    console.print(f"nobody comes for {QUIET_S + idle_s:g} s")
    fleet.wait(QUIET_S)
    late = fleet.more()
    fleet.wait(idle_s)
    idle = fleet.more()
    for one in fleet:
        for daemon in one.kiosk.daemons.values():
            daemon.stop()
        one.kiosk.start()
    fleet.wait(SETTLE_S)
    start = fleet.more()
    return {
        name: _figures(
            (busy[name] + late[name]) / len(scenes), idle[name] / idle_s * DAY_S, start[name]
        )
        for name in busy
    }


def _figures(checkin: float, idle_day: float, start: int) -> Figures:
    a_day = CHECKINS_A_DAY * checkin + STARTS_A_DAY * start + idle_day
    return {
        "bytes_per_checkin": round(checkin),
        "bytes_per_idle_day": round(idle_day),
        "bytes_per_start": start,
        "years": round(CARD_BYTES * CYCLES / AMPLIFICATION / a_day / 365, 1),
    }


if __name__ == "__main__":
    main()
