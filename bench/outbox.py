"""What it costs to keep a check-in, however many wait, beside what others would keep it in.

For each number in `--pending`, each store has a card of its own (an ext4 on a loop device) on
which so many check-ins lie already. Then visitors come as fast as they can; each is kept in
every store on every card, in an order drawn anew. Bytes are what the kernel asked a device to
write, files, names and journal of the file system, until nothing waits in memory. Ours is
timed with sealing and with its timer at work, the others with what they store made
beforehand. Start-up: of both daemons, from opening the outbox to the first check-in stored,
and to the first segment sent; the file system was mounted just before, and where the start is
cold, its image was dropped from memory too. At last visitors come one at a time to a connected
kiosk: a segment, its renaming and its removal for each of them.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track

from bench._calls import calls_of_a_put
from bench._card import Card, NoCard
from bench._pace import paced
from bench._report import Goal, arguments, judged, machine, positive, spread, whole, write
from bench._stores import Append, Keeper, Ours, Sqlite, TinyDb

STORES: dict[str, Callable[[Path, int], Keeper]] = {
    "ours": Ours,
    "append_fdatasync": Append,
    "sqlite_wal_full": Sqlite,
    "tinydb": TinyDb,
}
TINYDB_MOST = 10_000  # it takes seconds for each put beyond
TINYDB_EVERY = 10  # puts of the others
STARTS = 7
BYTES_EACH = 2000  # room on a card for one that waits
GOALS = {
    "put_to_append": 1.0,
    "put_to_sqlite": 1.0,
    "put_slowest_to_fastest": 1.25,
    "bytes_to_append": 1.0,
    "bytes_to_append_paced": 2.0,
    "startup_more_ms": 100.0,
    "startup_cold_more_ms": 500.0,
}
"""At most: a put is no slower and costs the card no more than a bare append that is synced, and
takes as long however many wait. One at a time, its segment's name comes and goes too: twice."""
Figures = dict[str, Any]
console = Console(stderr=True)


class Kept:
    """One store on its card, and what its puts took."""

    def __init__(self, card: Card, name: str, pending: int) -> None:
        self.card = card
        self.name = name
        self.pending = pending
        self.ms: list[float] = []
        self._keeper = STORES[name](card.folder, pending)
        self._before = card.written

    def put(self) -> None:
        """One more, timed."""
        began = time.perf_counter()
        self._keeper.put()
        self.ms.append((time.perf_counter() - began) * 1000)

    def bytes_each(self) -> int:
        """Bytes written for each put; nothing more is put."""
        written = self.card.written - self._before
        self._keeper.close()
        return round(written / len(self.ms))


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument(
        "--pending",
        type=_numbers,
        default="0,1000,100000,1000000",
        metavar="N,N...",
        help="check-ins that wait; default: %(default)s",
    )
    parser.add_argument("--puts", type=whole(20), default=600, help="default: %(default)s")
    parser.add_argument(
        "--paced", type=whole(0), default=40, help="visitors one at a time; default: %(default)s"
    )
    parser.add_argument(
        "--every", type=positive, default=3.0, metavar="S", help="... each; default: %(default)s"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder:
        place = Path(folder)
        try:
            pending = _waiting(place, given.pending, given.puts)
            slowly = _paced(place, given.paced, given.every) if given.paced else {}
        except NoCard as error:
            parser.error(str(error))
    ratios = _ratios(pending, slowly)
    for number, found in pending.items():
        _say(f"{number} waiting", found)
    _say("one at a time", slowly)
    _say("to be compared", ratios)
    goals = judged(
        Goal(name, ratios[name], limit) for name, limit in GOALS.items() if name in ratios
    )
    about = {"machine": machine(), "puts": given.puts}
    figures = {"pending": pending, "paced": slowly, "ratios": ratios, "goals": goals}
    write(given.json, {**about, **figures})


def _say(title: str, figures: Figures) -> None:
    print(title)
    for name, value in figures.items():
        shown = value if isinstance(value, dict) else {"": value}
        for part, figure in shown.items():
            print(f"  {name:24} {part:17} {figure}")


def _numbers(text: str) -> list[int]:
    try:
        return sorted({whole(0)(word) for word in text.split(",")})
    except ValueError as error:
        raise ArgumentTypeError(f"found {text}, allowed: whole numbers, as 0,1000") from error


def _waiting(place: Path, numbers: list[int], puts: int) -> dict[str, Figures]:
    """All figures, by how many wait."""
    with ExitStack() as stack:
        kept: list[Kept] = []
        pairs = [(n, name) for n in numbers for name in STORES]
        for number, name in track(pairs, "making them wait", console=console):
            if name != "tinydb" or number <= TINYDB_MOST:
                size = 256 + (number * BYTES_EACH >> 20)
                card = stack.enter_context(Card(place, f"{name}-{number}", size))
                kept.append(Kept(card, name, number))
        chance = random.Random(1)
        for turn in track(range(puts), "visitors", console=console):
            now = [k for k in kept if k.name != "tinydb" or turn % TINYDB_EVERY == 0]
            for one in chance.sample(now, len(now)):
                one.put()
        each = {(k.pending, k.name): k.bytes_each() for k in kept}
        ours = {k.pending: k.card for k in kept if k.name == "ours"}
        starts, colds = (_starts(ours, cold) for cold in (False, True))
        return {
            str(number): {
                "put_ms": {k.name: spread(k.ms, 99) for k in kept if k.pending == number},
                "startup_ms": round(sum(starts[number].values()), 1),
                "startup_parts_ms": starts[number],
                "startup_cold_ms": round(sum(colds[number].values()), 1),
                "startup_cold_parts_ms": colds[number],
                "bytes_per_checkin": each[number, "ours"],
                "peer_bytes_per_checkin": {
                    k.name: each[number, k.name]
                    for k in kept
                    if k.pending == number and k.name != "ours"
                },
                "calls_per_put": calls_of_a_put(ours[number].folder / "outbox"),
            }
            for number in numbers
        }


def _starts(cards: dict[int, Card], cold: bool) -> dict[int, dict[str, float]]:
    """Medians, scanner's and uplink's, by how many wait."""
    found: dict[int, list[list[float]]] = {number: [] for number in cards}
    for _ in track(range(STARTS), "cold starts" if cold else "starts", console=console):
        for number, card in cards.items():
            card.forget(cold)
            done = subprocess.run(
                [sys.executable, "-m", "bench._startup", card.folder / "outbox"],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            found[number].append([float(word) for word in done.stdout.split()])
    return {
        number: {
            "scanner": round(median(scanner for scanner, _ in times), 1),
            "uplink": round(median(uplink for _, uplink in times), 1),
        }
        for number, times in found.items()
    }


def _paced(place: Path, visitors: int, every_s: float) -> Figures:
    with Card(place, "ours", 256) as ours, Card(place, "append", 256) as append:
        before = [card.written for card in (ours, append)]
        console.print(f"one visitor each {every_s:g} s, {visitors} of them")
        segments = paced(ours.folder, append.folder, place / "run", visitors, every_s)
        after = [card.written for card in (ours, append)]
    each = [round((b - a) / visitors) for a, b in zip(before, after, strict=True)]
    return {
        "every_s": every_s,
        "segments": segments,
        "bytes_per_checkin": dict(zip(("ours", "append_fdatasync"), each, strict=True)),
    }


def _ratios(pending: dict[str, Figures], slowly: Figures) -> Figures:
    """The worst of ours to its peers, and of many that wait to few."""
    medians = [
        {name: ms["median"] for name, ms in found["put_ms"].items()} for found in pending.values()
    ]
    ours = [m["ours"] for m in medians]
    starts, colds = (
        [found[kind] for found in pending.values()] for kind in ("startup_ms", "startup_cold_ms")
    )
    burst = [
        found["bytes_per_checkin"] / found["peer_bytes_per_checkin"]["append_fdatasync"]
        for found in pending.values()
    ]
    ratios = {
        "put_to_append": max(m["ours"] / m["append_fdatasync"] for m in medians),
        "put_to_sqlite": max(m["ours"] / m["sqlite_wal_full"] for m in medians),
        "put_slowest_to_fastest": max(ours) / min(ours),
        "bytes_to_append": max(burst),
    }
    if slowly:
        each = slowly["bytes_per_checkin"]
        ratios["bytes_to_append_paced"] = each["ours"] / each["append_fdatasync"]
    rounded: Figures = {name: round(ratio, 2) for name, ratio in ratios.items()}
    return rounded | {
        "startup_more_ms": round(max(starts) - starts[0], 1),
        "startup_cold_more_ms": round(max(colds) - colds[0], 1),
    }


if __name__ == "__main__":
    main()
