"""`python -m demo`: a small town at work, live in the terminal.

Creates a fleet, enrols two kiosks, starts broker, centre and daemons, and lets a varied
crowd hold up real codes in front of simulated cameras. Runs until Ctrl-C; with `--once`
it ends after one round with exit status 0 if everybody got the right answer and every
check-in is in the database exactly once.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.progress import track
from rich.table import Table

from demo.crowd import Crowd, make_crowd
from demo.processes import Failed
from demo.round import Showing, Visits
from demo.scenes import draw
from demo.town import Town
from kiosk.errors import KioskError

KIOSKS = ["gate-north", "gate-south"]
ROWS = 28
_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}

console = Console(stderr=True)
if not console.is_terminal:
    console = Console(stderr=True, width=120)  # a log file has no width of its own


def main() -> None:
    """Command line. The last line of standard output is the account of the round."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after one round")
    parser.add_argument(
        "--dir", type=Path, default=Path("var/demo"), help="where files go (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="which people come (default: 1)")
    parser.add_argument(
        "--database", default="", metavar="URL", help="instead of SQLite: postgresql+psycopg://..."
    )
    given = parser.parse_args()
    try:
        sys.exit(_run(given))
    except (Failed, KioskError) as error:
        console.print(f"[red]demo failed:[/] {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("stopped")


def _run(given: argparse.Namespace) -> int:
    root: Path = given.dir
    if root.exists():
        shutil.rmtree(root)
    crowd = make_crowd(given.seed, time.time())
    console.print("creating the fleet, enrolling", ", ".join(KIOSKS), "...")
    with Town(root, KIOSKS, crowd.trust, given.database) as town:
        console.print(f"broker   localhost:{town.port}, mutual TLS")
        console.print(f"database {town.database}")
        for kiosk in town.kiosks:
            console.print(f"panel    {kiosk.screens / 'screen.png'}")
        console.print(f"logs     {town.root}/*/*.log", highlight=False)
        visits = Visits(town)
        seed = given.seed
        _round(visits, crowd, seed)
        while not given.once:  # the same people come again, from another angle
            seed += 1
            _round(visits, crowd, seed)
        account = visits.account()
        for showing in visits.showings:
            if not showing.expected:
                console.print(
                    f"[red]not as expected:[/] {showing.visitor.label} at {showing.kiosk.kid}"
                )
    print(account, flush=True)
    return 0 if account.good else 1


def _round(visits: Visits, crowd: Crowd, seed: int) -> None:
    scenes = [
        draw(visitor, seed=seed * 100 + number)
        for number, visitor in enumerate(
            track(crowd.visitors, "drawing what they hold up", console=console, transient=True)
        )
    ]
    if console.is_terminal:
        with Live(console=console, refresh_per_second=8) as live:
            visits.changed = lambda: live.update(_table(visits.showings[-ROWS:]))
            visits.all(crowd.visitors, scenes)
        visits.changed = lambda: None
    else:
        first = len(visits.showings)
        visits.all(crowd.visitors, scenes)
        console.print(_table(visits.showings[first:]), soft_wrap=True)


def _table(showings: list[Showing]) -> Table:
    table = Table("held up", "at", "answer", "reason", "as expected", "stored", "committed")
    for showing in showings:
        table.add_row(*_cells(showing))
    return table


def _cells(showing: Showing) -> list[str]:
    label, kid = showing.visitor.label, showing.kiosk.kid
    if not showing.done:
        return [label, kid, "...", "", "", "", ""]
    answer = showing.answer or {"outcome": "-", "reason": "nothing to read"}
    colour = _COLOURS.get(answer["outcome"], "dim")
    return [
        label,
        kid,
        f"[{colour}]{answer['outcome']}[/]",
        answer["reason"],
        "yes" if showing.expected else "[red]NO[/]",
        "yes" if showing.stored else "-",
        ("yes" if showing.committed else "...") if showing.stored else "-",
    ]


if __name__ == "__main__":
    main()
