"""Memory of the three daemons at rest and after 1,000 scans, beside a bare Python.

`pss` is the kernel's proportional set size while nothing runs but the three daemons and
this program, which maps some of the same libraries. `alone` is stricter: as if the three had the
machine to themselves, so that what only one of them maps counts for it in full.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from bench._report import arguments, machine, whole, write
from demo.crowd import crowd_of
from demo.scenes import draw
from demo.town import DAEMONS, Kiosk, Town

SCENES = 60
console = Console(stderr=True)
Region = tuple[str, str]  # file and offset


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--scans", type=whole(1), default=1000, help="default: %(default)s")
    given = parser.parse_args()
    crowd = crowd_of(SCENES, seed=5, now=time.time())
    people = [visitor for visitor in crowd.visitors if visitor.payload is not None]
    scenes = [
        draw(visitor, seed=number)
        for number, visitor in enumerate(track(people, "drawing", console=console))
    ]
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder,
        Town(Path(folder), ["gate-1"], crowd.trust) as town,
    ):
        kiosk = town.kiosks[0]
        rest, _ = _measured(town)
        for number in track(range(given.scans), "scans", console=console):
            kiosk.ask(scenes[number % len(scenes)])
        kiosk.take_away()
        after, alone = _measured(town)
    bare = _bare()
    figures: dict[str, object] = {
        "machine": machine(),
        "scans": given.scans,
        "daemons": {
            name: {
                "rest_mb": round(rest[name], 1),
                "after_mb": round(after[name], 1),
                "alone_mb": round(alone[name], 1),
            }
            for name in DAEMONS
        },
        "total_mb": round(sum(after.values()), 1),
        "alone_total_mb": round(sum(alone.values()), 1),
        "bare_python_mb": round(bare, 1),
        "alone_ratio_to_three_bare": round(sum(alone.values()) / (3 * bare), 2),
    }
    for name, value in figures.items():
        print(f"{name:20} {value}")
    write(given.json, figures)


def _measured(town: Town) -> tuple[dict[str, float], dict[str, float]]:
    """Megabytes per daemon, `pss` and `alone`, with the centre stopped meanwhile."""
    kiosk = town.kiosks[0]
    time.sleep(5)
    town.ingest.stop()
    pss = {name: _pss(process.pid) for name, process in kiosk.daemons.items()}
    alone = _alone(kiosk)
    town.ingest.start()
    return pss, alone


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _alone(kiosk: Kiosk) -> dict[str, float]:
    private: dict[str, int] = {}
    shared: dict[Region, dict[str, int]] = defaultdict(dict)
    for name, process in kiosk.daemons.items():
        private[name] = 0
        for region, own_kb, shared_kb in _regions(process.pid):
            private[name] += own_kb
            shared[region][name] = shared[region].get(name, 0) + shared_kb
    total = {name: float(kb) for name, kb in private.items()}
    for users in shared.values():
        for name, kb in users.items():
            total[name] += kb / len(users)
    return {name: kb / 1024 for name, kb in total.items()}


def _regions(pid: int) -> Iterator[tuple[Region, int, int]]:
    """Each mapping of a process with its private and shared resident kB (proc(5), smaps)."""
    region: Region = ("", "")
    own = shared = 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            region = (words[5] if len(words) > 5 else "", words[2])
            own = shared = 0
        elif words[0] in ("Private_Clean:", "Private_Dirty:"):
            own += int(words[1])
        elif words[0] in ("Shared_Clean:", "Shared_Dirty:"):
            shared += int(words[1])
        elif words[0] == "VmFlags:":
            yield region, own, shared


def _bare() -> float:
    """Megabytes of an interpreter that does nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as child:
        time.sleep(0.5)
        kb = sum(own + shared for _, own, shared in _regions(child.pid))
        child.communicate()
    return kb / 1024


if __name__ == "__main__":
    main()
