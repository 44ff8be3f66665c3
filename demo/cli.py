"""The demo's command line: a small town at work.

Creates a fleet, enrols two kiosks, starts broker, centre and daemons, and lets a varied
crowd hold up real codes in front of simulated cameras. Runs until Ctrl-C, and starts again
what dies meanwhile; with --once it ends after one round with exit status 0 if everybody got
the right answer and every check-in is in the database exactly once.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

from demo.crowd import Crowd, Visitor, make_crowd
from demo.folder import claimed
from demo.processes import Failed
from demo.round import Account, Visits
from demo.scenes import draw, write_scene
from demo.screen import LiveScreen, Screen
from demo.signals import Interrupted, Signals
from demo.town import Town
from kiosk.errors import KioskError

KIOSKS = ["gate-north", "gate-south"]
_KEPT = ("personal QR", "CCCD", "HC1, ES256", "HC1, forged", "place code")


def main() -> None:
    """The last line of standard output is the account of the round."""
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
    console = Console(stderr=True)
    signals = Signals()
    try:
        screen = LiveScreen(console) if console.is_terminal else Screen(console)
        account, complete = _run(given, signals, screen)
    except Interrupted as interrupted:
        console.print("stopped")
        sys.exit(interrupted.status)
    except (Failed, KioskError, OSError) as error:
        console.print(Text(f"demo failed: {error}", "red"), soft_wrap=True)
        sys.exit(1)
    print(account, flush=True)
    sys.exit(0 if complete and account.good else 1)


def _run(given: argparse.Namespace, signals: Signals, screen: Screen) -> tuple[Account, bool]:
    """The account, and whether all rounds were carried through."""
    with claimed(given.dir) as root, screen:
        screen.status(f"creating the fleet, enrolling {', '.join(KIOSKS)} ...")
        crowd = make_crowd(given.seed, time.time())
        with Town(root, KIOSKS, crowd.trust, given.database) as town:
            visits = Visits(town, screen, revive=not given.once)
            screen.visits = visits
            facts = _facts(town)
            if not given.once:
                signals.gentle = True
                facts.append("Ctrl-C ends it")
            screen.facts(facts)
            complete = True
            try:
                _rounds(given, signals, screen, visits, crowd)
            except Failed as error:
                screen.say(f"demo broken off: {error}", "red")
                complete = False
            account = _close(visits, screen)
        screen.status("")
    return account, complete


def _rounds(
    given: argparse.Namespace, signals: Signals, screen: Screen, visits: Visits, crowd: Crowd
) -> None:
    """One, or until Ctrl-C: the same people come again, from another angle."""
    seed = given.seed
    while not signals.asked:
        scenes: list[Image.Image] = []
        what = f"drawing {len(crowd.visitors)} pictures"
        screen.status(f"{what} ...")
        for number, visitor in enumerate(crowd.visitors):
            if signals.asked:
                return
            scenes.append(draw(visitor, seed=seed * 100 + number))
            screen.progress(what, number + 1, len(crowd.visitors))
        _keep(crowd.visitors, scenes, visits.town.root / "pictures")
        # Endless, the door does not wait for the network.
        patience_s = 30.0 if given.once else 5.0
        visits.all(crowd.visitors, scenes, lambda: signals.asked, patience_s)
        screen.end_of_round()
        if given.once:
            return
        seed += 1


def _keep(visitors: list[Visitor], scenes: list[Image.Image], folder: Path) -> None:
    """Some pictures to try `kioskctl scan` on."""
    folder.mkdir(exist_ok=True)
    for visitor, scene in zip(visitors, scenes, strict=True):
        if visitor.label in _KEPT:
            name = visitor.label.lower().replace(",", "").replace(" ", "-")
            write_scene(scene, folder / f"{name}.png")


def _close(visits: Visits, screen: Screen) -> Account:
    """The account, and in words what is not as it should be."""
    town = visits.town
    screen.status("waiting for the last records, then stopping everything ...")
    visits.settle(10.0)
    account = visits.account()
    if visits.waiting:
        screen.say(
            f"{visits.waiting} records still wait on the kiosks;"
            f" {_near(town.ingest.log)} says last:\n{town.ingest.last_words(3)}"
        )
    for story in visits.unexpected:
        screen.say(f"not as expected: {story}")
    for line in _facts(town)[:3]:
        screen.say(line)
    return account


def _facts(town: Town) -> list[str]:
    root = _near(town.root)
    database = town.database.replace(str(town.root), str(root))
    return [
        f"panels    {root}/gate-*/screens/screen.png",
        f"database  {database}",
        f"logs      {root}/*.log  {root}/gate-*/*.log",
        "try       " + f"{root}/{KIOSKS[0]}/kioskctl doctor",
        "          " + f"{root}/{KIOSKS[0]}/kioskctl scan {root}/pictures/*.png",
    ]


def _near(path: Path) -> Path:
    """Relative to where we are, when it lies below."""
    here = Path(os.path.realpath("."))
    return path.relative_to(here) if path.is_relative_to(here) else path
